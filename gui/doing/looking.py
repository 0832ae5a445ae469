"""The menu of looks: which theme is shown, at once, and how large everything is, from the next start on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from PyQt6.QtCore import QObject, QPoint
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QApplication, QMenu, QWidget

from lamina.gui.look import theme
from lamina.gui.look.palettes import THEME_TEXTS
from lamina.gui.model.kept_look import SIZES, KeptLook, Look
from lamina.gui.model.session import Notice, Session
from lamina.gui.widgets.controls.status_line import StatusLine

Key = TypeVar("Key", str, int)


class Looking(QObject):
    """Opens the menu over its button in the status line and does what is chosen.

    Args:
        session: is told what can't be kept.
        status: where the button is.
        parent: the window.
        kept: where it is kept.
    """

    def __init__(self, session: Session, status: StatusLine, parent: QWidget, kept: KeptLook | None = None) -> None:
        super().__init__(parent)
        self._session, self._kept, self._button = session, kept or KeptLook(), status.look_button
        self.menu = QMenu(parent)
        self.menu.setToolTipsVisible(True)
        self.themes = self._group(THEME_TEXTS, self.choose_theme)
        self.menu.addSection("Size, from the next start")
        self.sizes = self._group({size: f"{size} %" for size in SIZES}, self.choose_size)
        status.look_asked.connect(self.open)

    def open(self) -> None:
        """Shows the menu."""
        look = self._kept.read()
        self.themes[theme.shown()].setChecked(True)
        self.sizes[look.size].setChecked(True)
        self.menu.popup(self._button.mapToGlobal(QPoint(0, -self.menu.sizeHint().height() - 4)))

    def choose_theme(self, name: str) -> None:
        """Shows a theme, now and next time."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, name)
        self._keep(replace(self._kept.read(), theme=name))

    def choose_size(self, percent: int) -> None:
        """Has everything so large from the next start on."""
        if self._keep(replace(self._kept.read(), size=percent)):
            self._session.noticed.notify(Notice(f"Everything is {percent} % of its usual size from the next start on."))

    def _keep(self, look: Look) -> bool:
        try:
            self._kept.keep(look)
        except OSError as error:
            words = f"The look can't be kept for next time: {error.strerror or error}."
            self._session.noticed.notify(Notice(words, is_error=True))
            return False
        return True

    def _group(self, texts: Mapping[Key, str], choose: Callable[[Key], object]) -> dict[Key, QAction]:
        group = QActionGroup(self)
        actions: dict[Key, QAction] = {}
        for value, text in texts.items():
            action = actions[value] = QAction(text, self.menu)
            action.setCheckable(True)
            group.addAction(action)
            action.triggered.connect(partial(_chosen, choose, value))
            self.menu.addAction(action)
        return actions


def _chosen(choose: Callable[[Key], object], value: Key, _is_checked: bool) -> None:
    choose(value)
