"""The right button's menu on every control of a parameter: its default, a typed value, copy and paste, and motion."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PyQt6.QtCore import QObject, QPoint, Qt
from PyQt6.QtGui import QAction, QGuiApplication
from PyQt6.QtWidgets import QMenu, QWidget

from lamina.gui.model.session import Notice, Session
from lamina.gui.model.values.motion_desk import FIELDS, SOURCE_HELPS, SOURCE_TEXTS, targets
from lamina.gui.model.values.words import layers_text, value_text
from lamina.gui.views import Views
from lamina.gui.widgets.controls.knob import Knob
from lamina.plugin import Parameter
from lamina.plugin.parameters.settings import GAIN_OF

MOTION_TAB = "Motion"
LONGEST_PASTED = 24


class ControlMenus(QObject):
    """Gives the views' controls their menus, those of the desk's tabs once these are made.

    Args:
        session: whose parameters the controls set.
        views: where the controls are.
        parent: the window.
    """

    def __init__(self, session: Session, views: Views, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._desk = session, views.desk
        self._values = session.parameters
        self._movable = {name for group in targets().values() for name in group}
        self._known: set[int] = set()
        for name, widget in {**views.controls.knobs, **views.controls.switches}.items():
            self._attach(widget, name)
        self._attach(views.desk.freeze, "freeze")
        views.desk.tab_made.connect(self._attach_tab)

    def menu(self, widget: QWidget, name: str) -> QMenu:
        """The menu of a control for the parameter `name`, as things stand."""
        menu = QMenu(widget)
        menu.setToolTipsVisible(True)
        knob = widget if isinstance(widget, Knob) else None
        parameter = self._parameter(name)
        value = knob.shown if knob is not None else self._values[name]
        default = layers_text(parameter.default) if name == "layers" else value_text(parameter, parameter.default)
        default = default.replace("-", "\N{MINUS SIGN}")
        reset = _add(menu, f"Reset to {default}", lambda: self._set(widget, name, parameter.default))
        reset.setEnabled(value != parameter.default)
        text = knob.typed_text() if knob is not None else value_text(parameter, value)
        if knob is not None:
            _add(menu, "Type a value…", lambda: knob.edit(knob.typed_text()))
        _add(menu, f"Copy {text}".replace("-", "\N{MINUS SIGN}"), partial(_copy, text))
        pasted = _pasted()
        if knob is not None and pasted:
            _add(menu, f"Paste {pasted}", lambda: self._paste(knob, pasted))
        if name in self._movable:
            self._add_motion(menu, name)
        return menu

    def layer_menu(self, widget: QWidget, layer: int) -> QMenu:
        """The menu of a layer's fader."""
        faders: Any = widget
        desk, name = faders.desk, f"{GAIN_OF}{layer}"
        menu = QMenu(widget)
        menu.setToolTipsVisible(True)
        reset = _add(menu, "Reset to 1.00", lambda: desk.set_gain(layer, 1.0))
        reset.setEnabled(desk.gain(layer) != 1.0)
        _add(menu, f"Copy {desk.gain(layer):.2f}", partial(_copy, f"{desk.gain(layer):.2f}"))
        menu.addSeparator()
        _add(menu, "Unmute" if desk.is_muted(layer) else "Mute", lambda: desk.toggle_mute(layer))
        _add(menu, "End solo" if desk.is_solo(layer) else "Solo", lambda: desk.toggle_solo(layer))
        self._add_motion(menu, name)
        return menu

    # How it works.

    def _attach_tab(self, tab: QWidget) -> None:
        for name, widgets in self._desk.controls.by_name.items():
            for widget in widgets:
                self._attach(widget, name)
        faders = getattr(tab, "faders", None)
        if faders is not None:
            faders.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            faders.customContextMenuRequested.connect(partial(self._open_layer, faders))
        editor = getattr(tab, "editor", None)
        if editor is not None:
            for name, knob in editor.knobs.items():
                self._attach(knob, name)

    def _attach(self, widget: QWidget, name: str) -> None:
        if id(widget) in self._known:
            return
        self._known.add(id(widget))
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        widget.customContextMenuRequested.connect(partial(self._open, widget, name))

    def _open(self, widget: QWidget, name: str, place: QPoint) -> None:
        self._pop_up(self.menu(widget, name), widget, place)

    def _open_layer(self, faders: Any, place: QPoint) -> None:
        self._pop_up(self.layer_menu(faders, faders.layer_at(place.x())), faders, place)

    @staticmethod
    def _pop_up(menu: QMenu, widget: QWidget, place: QPoint) -> None:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(widget.mapToGlobal(place))

    def _parameter(self, name: str) -> Parameter:
        # A motion's own fields are no parameters of the effect; their names are others.
        return FIELDS[name] if name in FIELDS else self._values.parameters[name]

    def _set(self, widget: QWidget, name: str, value: object) -> None:
        if isinstance(widget, Knob):
            widget.moved.emit(value)
        else:
            self._desk.controls.set(name, value)

    def _paste(self, knob: Knob, text: str) -> None:
        try:
            knob.moved.emit(knob.travel.parse(text))
        except (ValueError, TypeError) as error:
            self._session.noticed.notify(Notice(str(error), is_error=True))

    def _add_motion(self, menu: QMenu, name: str) -> None:
        menu.addSeparator()
        moves = menu.addMenu("Move by")
        assert moves is not None
        moves.setToolTipsVisible(True)
        for source, text in SOURCE_TEXTS.items():
            _add(moves, text, partial(self._move, source, name)).setToolTip(SOURCE_HELPS[source])
        n_motions = sum(motion.target == name for motion in self._values["motions"])
        if n_motions:
            _add(
                menu,
                "Stop its motion" if n_motions == 1 else f"Stop its {n_motions} motions",
                lambda: self._still(name),
            )

    def _move(self, source: str, name: str) -> None:
        """Adds a motion and shows it where it is edited."""
        desk = self._desk.motion.desk
        if not desk.can_add:
            words = f"There are {len(desk.motions)} motions already, the most that there can be; remove one first."
            self._session.noticed.notify(Notice(words, is_error=True))
            return
        desk.add(source, name)
        self._desk.open_tab(MOTION_TAB)

    def _still(self, name: str) -> None:
        self._desk.motion.desk.still(name)


def _add(menu: QMenu, text: str, act: Callable[[], object]) -> QAction:
    action = QAction(text.replace("&", "&&"), menu)
    action.triggered.connect(lambda: act())
    menu.addAction(action)
    return action


def _copy(text: str) -> None:
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    clipboard.setText(text)


def _pasted() -> str:
    """What could be a value in the clipboard, or nothing."""
    clipboard = QGuiApplication.clipboard()
    text = clipboard.text().strip() if clipboard is not None else ""
    return text if 0 < len(text) <= LONGEST_PASTED and text.isprintable() else ""
