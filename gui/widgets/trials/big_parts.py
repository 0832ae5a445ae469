"""Large keys and words, which the pages of blind tests share."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QAbstractButton, QLabel, QSizePolicy, QWidget

from lamina.gui.look import theme

TITLE_PIXELS, VERDICT_PIXELS, LETTER_PIXELS, ANSWER_PIXELS = 22, 20, 40, 16
USUAL_SIZE, MOST_SCALE = (1000, 700), 1.6
"""Of a page on which words and keys have their usual size, and how much larger they get on larger ones."""


class BigButton(QAbstractButton):
    """A large key with its word: lit while it is chosen, half lit while it is chosen and silent."""

    def __init__(self, key: str, text: str, pixels: int) -> None:
        super().__init__()
        self._key, self._pixels = key, pixels
        self._scale, self._least_height = 1.0, 64
        self.is_lit, self._is_full = False, True
        self.setText(text)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys belong to the page
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setMinimumHeight(self._least_height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def use_height(self, pixels: int) -> None:
        """Be so high, on a page of usual size."""
        self._least_height = pixels
        self.grow(self._scale)

    def grow(self, scale: float) -> None:
        """Be so many times as large as on a page of usual size."""
        self._scale = scale
        self.setMinimumHeight(round(scale * self._least_height))
        self.update()

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
        painter.setFont(theme.font(round(self._scale * self._pixels), bold=True))
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, self.text())
        if self._key != self.text():
            painter.setFont(theme.font(round(self._scale * theme.TEXT_PIXELS)))
            painter.setPen(ink if is_full else theme.colour(theme.MUTED))
            painter.drawText(frame.adjusted(14, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._key)


class Words(QLabel):
    """A label in the middle, wrapped; see `words`."""

    def __init__(self, pixels: int, ink: str) -> None:
        super().__init__()
        self._pixels, self._ink = pixels, ink
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.grow(1.0)

    def grow(self, scale: float) -> None:
        """Be so many times as large as on a page of usual size."""
        pixels = round(scale * self._pixels)
        self.setFont(theme.font(pixels))
        self.setStyleSheet(f"color: {theme.ink(self._ink)}; font-size: {pixels}px;")


def words(pixels: int, ink: str) -> Words:
    """A label of this size and colour, in the middle and wrapped."""
    return Words(pixels, ink)


def grow_with(page: QWidget, column: QWidget, column_width: int) -> None:
    """Make words and keys on a page as large as it has room for, from afar, and its column as wide."""
    scale = min(MOST_SCALE, max(1.0, min(page.width() / USUAL_SIZE[0], page.height() / USUAL_SIZE[1])))
    column.setMaximumWidth(round(scale * column_width))
    for label in column.findChildren(Words):
        label.grow(scale)
    for button in column.findChildren(BigButton):
        button.grow(scale)
