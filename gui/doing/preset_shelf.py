"""What is done with presets besides setting them: favourites, other names, and taking them away, with the way back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from PyQt6.QtWidgets import QWidget

from lamina.gui.loading import Loader
from lamina.gui.model.session import Notice, Session
from lamina.gui.widgets.frame.header import Header
from lamina.gui.widgets.presets.preset_browser import PresetBrowser

Done = TypeVar("Done")


class PresetShelf:
    """Opens the window of presets over `parent` and does what is asked there.

    Args:
        session, loader: whose presets.
        header: whose list is shown.
        parent: the main window.
    """

    def __init__(self, session: Session, loader: Loader, header: Header, parent: QWidget) -> None:
        self._session, self._loader, self._header = session, loader, header
        self._own = loader.own_presets
        browser = self.browser = PresetBrowser(header.key_of, header.is_own, parent)
        header.presets_shown.connect(self._show)
        browser.chosen.connect(header.choose_preset)
        browser.marked.connect(self.mark)
        browser.renamed.connect(self.rename)
        browser.removed.connect(self.remove)
        session.changed.subscribe(lambda what: self._show_chosen() if what in ("preset", "board") else None)
        self._show()

    def open(self) -> None:
        """Shows the window, ready for a search."""
        self.browser.show()
        self.browser.raise_()
        self.browser.activateWindow()
        self.browser.search.setFocus()
        self.browser.search.selectAll()

    def mark(self, key: str, is_favourite: bool) -> None:
        """Makes a preset a favourite, or no longer."""
        self._try(lambda: self._own.mark(key, is_favourite))

    def rename(self, key: str, title: str) -> None:
        """Calls one of the user's presets something else."""
        path, before = Path(key), self._header.title_of(key)
        renamed = self._try(lambda: self._renamed(path, before, title))
        if renamed is not None:
            self._session.history.add(
                f"Rename {before} to {title}",
                "",
                partial(self._renamed, renamed, title, before),
                partial(self._renamed, path, before, title),
            )

    def remove(self, key: str) -> None:
        """Deletes one of the user's presets, or lists it no longer where it lies elsewhere."""
        path, title = Path(key), self._header.title_of(key)
        is_here = self._own.is_kept_here(path)
        held: list[bytes | None] = []

        def again() -> bool:
            held.append(self._own.remove(path))
            self._loader.find_presets()
            return True

        if not self._try(again):
            return
        told = f"Deleted the preset {title}." if is_here else f"{title} is listed no longer; its file stays {path}."

        def back() -> None:
            self._own.bring_back(path, held[-1])
            self._loader.find_presets()

        self._session.history.add(f"Delete preset {title}", told, back, again)

    def _renamed(self, path: Path, before: str, title: str) -> Path:
        target = self._own.rename(path, title)
        boards = self._session.boards
        if boards.state.preset == before:
            boards.renamed(title)
        self._loader.find_presets()
        return target

    def _try(self, action: Callable[[], Done]) -> Done | None:
        """What an action gives; None, and a notice, where that can't be."""
        try:
            done = action()
        except (ValueError, OSError) as error:
            words = str(error) if isinstance(error, ValueError) else (error.strerror or str(error))
            self._session.noticed.notify(Notice(f"That can't be done: {words}", is_error=True))
            return None
        self._loader.find_presets()
        return done

    def _show(self) -> None:
        self.browser.show_presets(self._header.preset_list, self._own.favourites)
        self._show_chosen()

    def _show_chosen(self) -> None:
        self.browser.show_preset(self._session.boards.state.preset)
