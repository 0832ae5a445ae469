"""The frequency axis left of every spectrogram."""

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QPainter

from lamina.gui.look import theme
from lamina.gui.model.sound.spectrogram import height_of

AXIS_WIDTH = 46
MARKS_HZ = (100, 500, 1000, 2000, 4000, 8000, 16000)


def draw_frequencies(painter: QPainter, picture: QRectF) -> None:
    """Faint lines across the picture at round frequencies, with as many of their names as there is room for."""
    painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
    last_y = picture.bottom() + 99.0
    for mark_hz in MARKS_HZ:
        y = picture.bottom() - height_of(mark_hz) * picture.height()
        painter.fillRect(QRectF(picture.left(), round(y), picture.width(), 1), theme.colour("#FFFFFF", 0.06))
        if last_y - y < 15 or y < 7:
            continue
        last_y = y
        painter.setPen(theme.colour(theme.MUTED))
        box = QRectF(0, min(max(0.0, y - 7), picture.bottom() - 14), AXIS_WIDTH - 6, 14)
        name = f"{mark_hz // 1000} kHz" if mark_hz >= 1000 else f"{mark_hz} Hz"
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)
