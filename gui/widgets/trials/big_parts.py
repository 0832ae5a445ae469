"""Large keys and words, which the pages of blind tests share."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QAbstractButton, QLabel, QSizePolicy

from lamina.gui.look import theme

TITLE_PIXELS, VERDICT_PIXELS, LETTER_PIXELS, ANSWER_PIXELS = 22, 20, 40, 16


class BigButton(QAbstractButton):
    """A large key with its word: lit while it is chosen, half lit while it is chosen and silent."""

    def __init__(self, key: str, text: str, pixels: int) -> None:
        super().__init__()
        self._key, self._pixels = key, pixels
        self.is_lit, self._is_full = False, True
        self.setText(text)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys belong to the page
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setMinimumHeight(64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lit(self, is_lit: bool, is_full: bool) -> None:
        """Lights it or puts it out."""
        if (is_lit, is_full) != (self.is_lit, self._is_full):
            self.is_lit, self._is_full = is_lit, is_full
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, self.minimumHeight())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        is_full = self.is_lit and self._is_full
        painter.setPen(theme.colour(theme.WET) if self.is_lit else Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.WET if is_full else theme.HOVER if self.underMouse() else theme.PANEL))
        painter.drawRoundedRect(frame, 10, 10)
        ink = theme.colour("#1A1208" if is_full else theme.WET if self.is_lit else theme.TEXT)
        painter.setPen(ink)
        painter.setFont(theme.font(self._pixels, bold=True))
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, self.text())
        if self._key != self.text():
            painter.setFont(theme.font(theme.TEXT_PIXELS))
            painter.setPen(ink if is_full else theme.colour(theme.MUTED))
            painter.drawText(frame.adjusted(14, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._key)


def words(pixels: int, ink: str) -> QLabel:
    """A label of this size and colour, in the middle and wrapped."""
    label = QLabel()
    label.setFont(theme.font(pixels))
    label.setStyleSheet(f"color: {theme.ink(ink)}; font-size: {pixels}px;")
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
