"""Telling the user: the notice in the status line, the list of the last ones, and what can be done about each."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, QPoint, QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QWidget

from lamina.gui.model.messages import Message, Messages
from lamina.gui.model.session import Notice, Session
from lamina.gui.views import Views
from lamina.gui.widgets.frame.message_list import MessageList

SHOW_IN_FOLDER = "Show in folder"


class Telling(QObject):
    """Shows what a session notices.

    Args:
        session: whose notices these are.
        views: where they are shown.
        parent: the window.
    """

    def __init__(self, session: Session, views: Views, parent: QWidget) -> None:
        super().__init__(parent)
        self._views, self._window = views, parent
        self.messages = Messages()
        self.list: MessageList | None = None
        session.noticed.subscribe(self.tell)
        for panel in (views.controls, views.desk):
            panel.refused.connect(lambda text: self.tell(Notice(text, is_error=True)))
        views.status.messages_asked.connect(self.open_list)

    def tell(self, notice: Notice) -> None:
        """Shows a notice and keeps it in the list."""
        self.messages.add(notice)
        self._views.notice.tell(notice.text, notice.is_error, notice.tip, self._action(notice))

    def open_list(self) -> None:
        """Shows the last messages over the status line."""
        if self.list is None:
            self.list = MessageList(self._window)
        button = self._views.status.messages_button
        self.list.show_messages(self.messages.latest(), self._action_of)
        self.list.open_above(button.mapToGlobal(QPoint(0, -4)))

    def _action_of(self, message: Message) -> tuple[str, Callable[[], object]] | None:
        return self._action(message.notice)

    def _action(self, notice: Notice) -> tuple[str, Callable[[], object]] | None:
        if notice.action is not None or notice.file is None:
            return notice.action
        return SHOW_IN_FOLDER, partial(self._show_in_folder, notice.file)

    def _show_in_folder(self, file: Path) -> None:
        folder = file.resolve().parent
        if not folder.is_dir():
            self.tell(Notice(f"The folder {folder} isn't there any more.", is_error=True))
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.tell(Notice(f"No file manager can be opened here; {file.name} lies in {folder}.", is_error=True))
