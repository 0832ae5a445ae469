"""The files that were open lately: kept, shown in the menu of sounds, and opened again from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lamina.gui.loading import Loader
from lamina.gui.model.files.kept_lines import KeptLines
from lamina.gui.model.session import Notice, Session
from lamina.gui.widgets.frame.header import Header
from lamina.models.places import data_folder

LIST_NAME, MOST_RECENT = "recent.txt", 10


class Recent:
    """Args:
    session: whose files these are.
    loader: who opens them.
    header: where they are shown.
    """

    def __init__(self, session: Session, loader: Loader, header: Header) -> None:
        self._session, self._header = session, header
        self._kept = KeptLines(data_folder() / LIST_NAME, MOST_RECENT)
        loader.opened.subscribe(self._add)
        header.recent_chosen.connect(lambda path: loader.open(path))
        header.forget_recent_asked.connect(self._forget)
        header.demo_menu.aboutToShow.connect(self._show)
        self._show()

    def _add(self, path: Path) -> None:
        self._change(lambda: self._kept.put(str(path.resolve())))

    def _forget(self) -> None:
        self._change(self._kept.clear)

    def _change(self, change: Callable[[], None]) -> None:
        try:
            change()
        except OSError as error:
            words = f"The list of recent files can't be kept: {error.strerror or error}."
            self._session.noticed.notify(Notice(words, is_error=True))
        self._show()

    def _show(self) -> None:
        # What isn't there any more, as on a disk that was taken out, comes back with it.
        self._header.show_recent([path for path in map(Path, self._kept.read()) if path.is_file()])
