"""Transport: time, return, play, loop."""

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QHBoxLayout, QWidget

from lamina.gui import theme
from lamina.gui.model.document import clock
from lamina.gui.widgets.buttons import SignButton
from lamina.gui.widgets.panel import Panel


class TransportBar(Panel):
    """Signals what was pressed; shows state and time."""

    play_asked = pyqtSignal()
    stop_asked = pyqtSignal()
    loop_asked = pyqtSignal(bool)

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
        self.loop_button.setToolTip("Repeat the marked region, or the whole file (L).\nDrag on the ruler above the waveform to mark one.")
        self.stop_button.clicked.connect(self.stop_asked)
        self.play_button.clicked.connect(self.play_asked)
        self.loop_button.clicked.connect(self.loop_asked)
        row = QHBoxLayout()
        row.setSpacing(theme.MARGIN)
        row.addStretch(1)
        for button in (self.stop_button, self.play_button, self.loop_button):
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

    def show_looping(self, is_looping: bool) -> None:
        """Lights the loop button."""
        self.loop_button.setChecked(is_looping)


class TimeDisplay(QWidget):
    """Where the playhead is, large, and how long the file is, small."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(34)
        self._position, self._length = "0:00.0", ""

    def show_time(self, position_seconds: float, length_seconds: float) -> None:
        """Shows two times."""
        texts = clock(position_seconds), clock(length_seconds) if length_seconds else ""
        if texts != (self._position, self._length):
            self._position, self._length = texts
            self.setAccessibleName(f"{texts[0]} of {texts[1]}")
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        big, small = theme.font(26, bold=True), theme.font(theme.TEXT_PIXELS)
        painter.setFont(big)
        # Fixed places, so that nothing trembles as the figures run.
        middle = self.width() / 2 + 16
        painter.setPen(theme.colour(theme.TEXT))
        painter.drawText(QRectF(0, 0, middle, self.height()), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._position)
        painter.setFont(small)
        painter.setPen(theme.colour(theme.MUTED))
        rest = QRectF(middle + 8, 5, self.width() - middle - 8, self.height() - 5)
        painter.drawText(rest, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, f"/ {self._length}" if self._length else "")
