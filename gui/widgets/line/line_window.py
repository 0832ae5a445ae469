"""The window of the line: two machines joined, an encoder here and a decoder there."""

from __future__ import annotations

import time
from collections.abc import Callable

from PyQt6.QtCore import QSize, Qt, QTimer
from PyQt6.QtGui import QCloseEvent, QHideEvent, QKeyEvent, QKeySequence, QShortcut, QShowEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lamina.gui.look import theme
from lamina.gui.model.line.choices import NOTHING
from lamina.gui.model.line.line import Line
from lamina.gui.model.session import Session
from lamina.gui.widgets.controls.buttons import presses_focused
from lamina.gui.widgets.controls.status_line import ElidedLabel
from lamina.gui.widgets.controls.tab_order import tab_through
from lamina.gui.widgets.controls.tips import plain_tip, set_tip
from lamina.gui.widgets.frame.notice import NoticeBar
from lamina.gui.widgets.line.ends_panel import EndsPanel
from lamina.gui.widgets.line.meeting_page import MeetingPage
from lamina.gui.widgets.line.talk_page import TalkPage

MOTION_MS, TEXT_SECONDS = 33, 0.25
USUAL_SIZE, SMALLEST_SIZE = QSize(960, 600), QSize(860, 560)
FRAME_ROOM = QSize(8, 40)
INVITE_KEYS, JOIN_KEYS, COPY_KEYS, LEAVE_KEYS, MUTE_KEYS = "Ctrl+I", "Ctrl+J", "Ctrl+Shift+C", "Ctrl+D", "Ctrl+M"

MUTE_TIP = f"Send silence in the place of what you send ({MUTE_KEYS}); the other end goes on being heard."
MUTED_TIP = f"You are not heard: silence is sent. Press to be heard again ({MUTE_KEYS})."


class LineWindow(QWidget):
    """A window of its own beside the main one. Closing it ends the line."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._session = session
        self.line = Line(session)
        self.setWindowTitle("Line – Lamina")
        self.ends = EndsPanel(self.line)
        self.meeting, self.talk = MeetingPage(self.line), TalkPage(self.line)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.meeting)
        self.pages.addWidget(self.talk)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        column.setSpacing(theme.MARGIN)
        column.addWidget(self._bar())
        middle = QHBoxLayout()
        middle.setSpacing(theme.MARGIN)
        middle.addWidget(self.ends)
        middle.addWidget(self.pages, 1)
        column.addLayout(middle, 1)
        self.notice = NoticeBar(self)
        self.ends.refused.connect(lambda text: self.notice.tell(text, True))
        self.ends.source.chosen.connect(lambda _source: self._changed())
        self.meeting.invite_asked.connect(self.line.invite)
        self.meeting.join_asked.connect(self.line.join)
        self.line.changed.subscribe(self._changed)
        session.changed.subscribe(self._session_changed)
        self._told = 0.0
        self._motion = QTimer(self)
        self._motion.setInterval(MOTION_MS)
        self._motion.timeout.connect(self._move)
        self._add_shortcuts()
        tab_through(self.ends.name, self.ends, self.meeting, self.mute_button, self.leave_button)
        screen = self.screen()
        assert screen is not None
        free = screen.availableGeometry().size() - FRAME_ROOM
        self.setMinimumSize(SMALLEST_SIZE.boundedTo(free))
        self.resize(USUAL_SIZE.boundedTo(free))
        self._changed()

    def _bar(self) -> QWidget:
        bar = QWidget()
        bar.setFixedHeight(48)
        self.state = QLabel()
        self.state.setProperty("role", "title")
        self.state.setWordWrap(True)
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.remark = ElidedLabel("detail")
        self.remark.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.leave_button = QPushButton("Leave")
        self.leave_button.clicked.connect(self.line.leave)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addStretch(1)
        words.addWidget(self.state)
        words.addWidget(self.remark)
        words.addStretch(1)
        row = QHBoxLayout(bar)
        row.setContentsMargins(4, 0, 0, 0)
        row.setSpacing(theme.MARGIN)
        self.mute_button = QPushButton("Mute")
        self.mute_button.setCheckable(True)
        self.mute_button.setProperty("role", "mute")
        self.mute_button.toggled.connect(self.line.mute)
        row.addLayout(words, 1)
        row.addWidget(self.mute_button)
        row.addWidget(self.leave_button)
        return bar

    def _add_shortcuts(self) -> None:
        actions: tuple[tuple[str, Callable[[], object]], ...] = (
            (INVITE_KEYS, self.meeting.invite_button.click),
            (JOIN_KEYS, self.meeting.join_button.click),
            (COPY_KEYS, self.meeting.copy),
            (MUTE_KEYS, self.mute_button.click),
            (LEAVE_KEYS, self.leave_button.click),
            ("Escape", self._escape),
        )
        for keys, action in actions:
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setAutoRepeat(False)
            shortcut.activated.connect(action)

    # What the user does.

    def open(self) -> None:
        """Comes to the front."""
        self.show()
        self.raise_()
        self.activateWindow()
        if self.focusWidget() is None:
            self.ends.name.setFocus()

    def close_work(self) -> None:
        """Ends the line and its threads; returns when they have ended."""
        self._motion.stop()
        self.line.close()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if not presses_focused(self, event):
            super().keyPressEvent(event)

    def _escape(self) -> None:
        # A key that is pressed in passing must not hang up.
        if self.notice.isVisible():
            self.notice.hide()
        elif not self.line.is_held:
            self.close()

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self.line.prepare()
        self._changed()
        self._motion.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        super().hideEvent(event)
        self._rest()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        self.line.leave()
        super().closeEvent(event)

    # What it shows.

    def _move(self) -> None:
        self.line.tick()
        self._rest()
        self.ends.refresh()
        if not self.line.is_joined:
            return
        self.talk.refresh()
        now = time.monotonic()
        if now - self._told >= TEXT_SECONDS:
            self._told = now
            self._tell()

    def _rest(self) -> None:
        """Look no more while there is nothing to see; a line that is being ended is looked after to its end."""
        if self.isHidden() and not self.line.is_held:
            self._motion.stop()

    def _tell(self) -> None:
        self.talk.tell()
        self.remark.setText(self.line.remark)
        view = self.line.view
        status = view.status if view is not None else None
        wanted = int(self.line.parameters["layers"])
        shed = status.layers if status is not None and 0 < status.layers < wanted else None
        self.ends.show_sent_layers(shed if self.line.is_held else None)

    def _changed(self) -> None:
        line = self.line
        page = self.talk if line.is_joined else self.meeting
        if page is not self.pages.currentWidget():
            self.pages.setCurrentWidget(page)
            if page is self.talk:
                self.meeting.forget()
                self.talk.begin()
                self.leave_button.setFocus()
        self.ends.show_all()
        self.meeting.show_all()
        self.state.setText(line.sentence)
        ink = theme.ALERT if line.is_trouble else theme.WET if line.is_joined else theme.TEXT
        self.state.setStyleSheet(f"color: {theme.ink(ink)};")
        set_tip(self.state, plain_tip(line.sentence))
        self.remark.setText(line.remark)
        set_tip(self.remark, plain_tip(line.remark))
        self.remark.setVisible(bool(line.remark))
        self.mute_button.setChecked(line.is_muted)
        self.mute_button.setText("Muted" if line.is_muted else "Mute")
        set_tip(self.mute_button, MUTED_TIP if line.is_muted else MUTE_TIP)
        self.mute_button.setVisible(line.source != NOTHING)
        self.leave_button.setVisible(line.is_held)
        self.leave_button.setText("Leave" if line.is_joined else "Stop waiting")
        set_tip(self.leave_button, f"End the line ({LEAVE_KEYS}).")
        self._tell()

    def _session_changed(self, what: str) -> None:
        if what == "codec":
            self.line.follow_board()
        elif what in ("document", "output"):
            if what == "output":
                self.line.follow_devices()
            self.ends.show_all()
