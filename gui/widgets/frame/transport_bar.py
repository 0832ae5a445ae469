"""Transport: time, return, loop, play, live, record."""

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QHBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.files.document import clock
from lamina.gui.widgets.controls.buttons import LampButton, SignButton
from lamina.gui.widgets.controls.panel import Panel


class TransportBar(Panel):
    """Signals what was pressed; shows state and time."""

    play_asked = pyqtSignal()
    stop_asked = pyqtSignal()
    loop_asked = pyqtSignal(bool)
    live_asked = pyqtSignal(bool)
    record_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(theme.LEFT_WIDTH)
        self.time = TimeDisplay()
        self.content.addWidget(self.time)
        self.stop_button = SignButton("return", "Stop and return")
        self.stop_button.setToolTip("Stop and go back to the beginning (Home).")
        self.play_button = SignButton("play", "Play", diameter=52, is_round=True)
        self.play_button.setToolTip("Play or pause (Space).")
        self.loop_button = SignButton("loop", "Loop")
        self.loop_button.setCheckable(True)
        self.loop_button.setToolTip(
            "Repeat the marked region, or the whole file (L).\nDrag on the ruler above the waveform to mark one."
        )
        self.live_button = LampButton("", "Live", "Live", theme.DRY, 60)
        self.live_button.setToolTip(
            "Let the input through the codec and hear it, alone or with the file (Ctrl+L). Mind the loudspeakers."
        )
        self.record_button = LampButton("record", "", "Record", theme.ALERT, 36)
        self.record_button.setToolTip("Record what is heard to a new file in your music folder (R).")
        self.live_button.clicked.connect(self.live_asked)
        self.record_button.clicked.connect(self.record_asked)
        self.stop_button.clicked.connect(self.stop_asked)
        self.play_button.clicked.connect(self.play_asked)
        self.loop_button.clicked.connect(self.loop_asked)
        row = QHBoxLayout()
        row.setSpacing(theme.GAP)
        row.addStretch(1)
        for button in (self.stop_button, self.loop_button, self.play_button, self.live_button, self.record_button):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        self.content.addLayout(row)

    def show_playing(self, is_playing: bool) -> None:
        """Shows the sign for what the button does next."""
        self.play_button.show_sign("pause" if is_playing else "play", "Pause" if is_playing else "Play")

    def show_can_play(self, can_play: bool) -> None:
        """Enables the buttons."""
        for button in (self.stop_button, self.play_button, self.loop_button):
            button.setEnabled(can_play)

    def show_live(self, is_live: bool) -> None:
        """Lights the live button."""
        self.live_button.setChecked(is_live)

    def show_recording(self, is_recording: bool, seconds: float) -> None:
        """Lights the record button and shows how long the take is."""
        self.record_button.setChecked(is_recording)
        self.time.show_recorded(seconds if is_recording else None)

    def show_looping(self, is_looping: bool) -> None:
        """Lights the loop button."""
        self.loop_button.setChecked(is_looping)


class TimeDisplay(QWidget):
    """Where the playhead is, large, and how long the file is, small."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(34)
        self._position, self._length, self._recorded = "0:00.0", "", ""

    def show_time(self, position_seconds: float, length_seconds: float) -> None:
        """Shows two times."""
        texts = clock(position_seconds), clock(length_seconds) if length_seconds else ""
        if texts != (self._position, self._length):
            self._position, self._length = texts
            self.setAccessibleName(f"{texts[0]} of {texts[1]}")
            self.update()

    def show_recorded(self, seconds: float | None) -> None:
        """Shows the length of a take at the left, or nothing."""
        text = "" if seconds is None else clock(seconds)[:-2]
        if text != self._recorded:
            self._recorded = text
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        big, small = theme.font(26, bold=True), theme.font(theme.TEXT_PIXELS)
        painter.setFont(big)
        # Fixed places, so that nothing trembles as the figures run.
        middle = self.width() / 2 + 16
        painter.setPen(theme.colour(theme.TEXT))
        painter.drawText(
            QRectF(0, 0, middle, self.height()),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            self._position,
        )
        if self._recorded:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setFont(theme.font(12, bold=True))
            painter.setPen(theme.colour(theme.ALERT))
            painter.setBrush(theme.colour(theme.ALERT))
            painter.drawEllipse(QRectF(1, self.height() / 2 - 2, 7, 7))
            painter.drawText(QRectF(13, 3, middle, self.height() - 3), Qt.AlignmentFlag.AlignVCenter, self._recorded)
        painter.setFont(small)
        painter.setPen(theme.colour(theme.MUTED))
        rest = QRectF(middle + 8, 5, self.width() - middle - 8, self.height() - 5)
        painter.drawText(
            rest,
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
            f"/ {self._length}" if self._length else "",
        )
