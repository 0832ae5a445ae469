"""The line at the bottom: how things are, what is being exported or opened, and where the sound goes and comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.widgets.controls.buttons import SignButton
from lamina.gui.widgets.controls.tips import plain_tip, set_tip

if TYPE_CHECKING:
    from lamina.gui.widgets.frame.notice import SeatedNotice

LONGEST_NAME = 26
HEIGHT, HISTORY_BUTTON = 36, 26
NOTICE_PLACE, AROUND_NOTICE = 1, 4
MESSAGES_KEYS = "Ctrl+M"
HELP_KEYS = ("?", "F1")
LINE_KEYS = "Shift+L"


class StatusLine(QWidget):
    """Signals what was chosen; shows what it is told."""

    devices_asked = pyqtSignal()
    line_asked = pyqtSignal()
    cancel_asked = pyqtSignal()
    undo_asked = pyqtSignal()
    redo_asked = pyqtSignal()
    messages_asked = pyqtSignal()
    help_asked = pyqtSignal()
    look_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self._has_notice = False
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 0, 0)
        row.setSpacing(theme.MARGIN)
        self.remark = ElidedLabel()
        self.remark.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.work_strip = self._work_strip()
        self.figures = _label()
        self.devices_button = QPushButton("Sound devices")
        self.devices_button.setProperty("role", "quiet")
        self.devices_button.setAccessibleName("Sound devices")
        self.devices_button.clicked.connect(self.devices_asked)
        self.line_button = QPushButton("Line")
        self.line_button.setProperty("role", "quiet")
        set_tip(
            self.line_button,
            f"<b>Line</b> ({LINE_KEYS})<br>Play or speak to somebody at another machine through the codec, live.",
        )
        self.line_button.clicked.connect(self.line_asked)
        self.undo_button, self.redo_button = (
            SignButton(sign, sign.capitalize(), diameter=HISTORY_BUTTON) for sign in ("undo", "redo")
        )
        self.undo_button.clicked.connect(self.undo_asked)
        self.redo_button.clicked.connect(self.redo_asked)
        history = QHBoxLayout()
        history.setSpacing(4)
        history.addWidget(self.undo_button)
        history.addWidget(self.redo_button)
        self.messages_button = SignButton("list", "Messages", diameter=HISTORY_BUTTON)
        self.messages_button.setToolTip(f"The last messages ({MESSAGES_KEYS}).")
        self.messages_button.clicked.connect(self.messages_asked)
        history.addWidget(self.messages_button)
        row.addLayout(history)
        row.addWidget(self.remark, 1)
        row.addWidget(self.work_strip)
        row.addWidget(self.figures)
        row.addWidget(self.line_button)
        row.addWidget(self.devices_button)
        self.help_button = SignButton("help", "Keys", diameter=HISTORY_BUTTON)
        self.help_button.setToolTip(f"All keys and gestures ({' or '.join(HELP_KEYS)}).")
        self.help_button.clicked.connect(self.help_asked)
        self.look_button = SignButton("look", "Look", diameter=HISTORY_BUTTON)
        self.look_button.setToolTip("Theme and size: dark, light, high contrast; larger or smaller.")
        self.look_button.clicked.connect(self.look_asked)
        last = QHBoxLayout()
        last.setSpacing(4)
        last.addWidget(self.look_button)
        last.addWidget(self.help_button)
        row.addLayout(last)

    def seat(self, notice: SeatedNotice) -> None:
        """Gives a notice its place, which it takes from the remark and the figures while it is there."""
        self._row.insertWidget(NOTICE_PLACE, notice, 1)
        notice.shown.connect(self._show_notice)
        notice.needs.connect(lambda height: self.setFixedHeight(max(HEIGHT, height + AROUND_NOTICE)))

    def _show_notice(self, has_notice: bool) -> None:
        self._has_notice = has_notice
        self.remark.setHidden(has_notice)
        self.figures.setHidden(has_notice or not self.work_strip.isHidden())
        self.work_label.setHidden(has_notice or not self.work_label.text())
        if not has_notice:
            self.setFixedHeight(HEIGHT)

    def _work_strip(self) -> QWidget:
        strip = QWidget()
        row = QHBoxLayout(strip)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GAP)
        self.work_label = _label()
        self.work_bar = QProgressBar()
        self.work_bar.setRange(0, 1000)
        self.work_bar.setTextVisible(False)
        self.work_bar.setFixedWidth(160)
        self.work_share = _label()
        self.work_share.setFixedWidth(38)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setProperty("role", "quiet")
        self.cancel_button.clicked.connect(self.cancel_asked)
        for widget in (self.work_label, self.work_bar, self.work_share, self.cancel_button):
            row.addWidget(widget)
        strip.hide()
        return strip

    def show_history(self, undo: str, undo_keys: str, redo: str, redo_keys: str) -> None:
        """Says what would be undone and done again (nothing if there is nothing), and by which keys."""
        for button, word, name, keys in (
            (self.undo_button, "Undo", undo, undo_keys),
            (self.redo_button, "Redo", redo, redo_keys),
        ):
            button.setEnabled(bool(name))
            button.setAccessibleName(f"{word}: {name}" if name else word)
            set_tip(button, plain_tip(f"{word}: {name} ({keys})." if name else f"Nothing to {word.lower()} ({keys})."))

    def show_remark(self, text: str) -> None:
        """A sentence about the state of things."""
        self.remark.setText(text)
        set_tip(self.remark, plain_tip(text))

    def show_figures(self, text: str, tip: str = "") -> None:
        """Figures about the engine at work."""
        self.figures.setText(text)
        set_tip(self.figures, tip)

    def show_line(self, words: str) -> None:
        """Says who is on the line; nothing while nobody is."""
        self.line_button.setText(f"Line: {_short(words)}" if words else "Line")

    def show_devices(self, output: str, source: str, tip: str) -> None:
        """Names the output, and the input while there is one."""
        text = f"{_short(output)}  ←  {_short(source)}" if source else _short(output)
        self.devices_button.setText(text)
        set_tip(self.devices_button, tip)

    def show_export(self, name: str, progress: float | None, is_running: bool) -> None:
        """Shows a running export, busily if nobody knows how far it is (None), or hides the strip."""
        words = f"Exporting {name if len(name) <= 36 else name[:35] + '…'}"
        self._show_work(words, progress, is_running, "Export progress", "Stop the export; nothing is written.")

    def show_opening(self, progress: float | None) -> None:
        """Shows how far a file that is being opened is; its name stands in the remark."""
        self._show_work("", progress, True, "Opening progress", "Don't open it; what is open stays.")

    def _show_work(self, words: str, progress: float | None, is_running: bool, name: str, cancel_tip: str) -> None:
        self.work_strip.setVisible(is_running)
        self.figures.setHidden(is_running or self._has_notice)
        if is_running:
            self.work_label.setText(words)
            self.work_label.setHidden(not words or self._has_notice)
            self.work_bar.setAccessibleName(name)
            self.cancel_button.setToolTip(cancel_tip)
            self.work_bar.setRange(0, 0 if progress is None else 1000)
            self.work_bar.setValue(round((progress or 0.0) * 1000))
            self.work_share.setText("" if progress is None else f"{progress * 100:.0f} %")


class ElidedLabel(QLabel):
    """A line of text that ends in an ellipsis where the room does."""

    def __init__(self, role: str = "status", ink: str = theme.MUTED) -> None:
        super().__init__()
        self._ink = ink
        self.setProperty("role", role)

    def use_ink(self, ink: str) -> None:
        """Writes in this colour from now on."""
        if ink != self._ink:
            self._ink = ink
            self.update()

    def shown(self) -> str:
        """As much of the text as there is room for."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme.colour(self._ink))
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignVCenter, self.shown())


def _label() -> QLabel:
    label = QLabel()
    label.setProperty("role", "status")
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
