"""What the rolling pictures share: the newest column at the right, marks of what was done, a cross, words beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.look.themed import ThemedWidget
from lamina.gui.model.sound.difference import end_words
from lamina.gui.model.sound.spectrogram import height_of
from lamina.gui.widgets.controls.pixels import image_over
from lamina.gui.widgets.views.frequency_axis import AXIS_WIDTH, draw_frequencies

LEAST_HEIGHT_FOR_WORDS = 70
"""Pixels below which the line where the codec's band ends has no words."""


class Ring(Protocol):
    """What is drawn: columns that are written one after the other, over the oldest, as in a `SpectrogramRing`."""

    @property
    def n_bands(self) -> int:
        """Rows of the picture."""

    @property
    def width(self) -> int:
        """Columns of the picture."""

    @property
    def n_columns(self) -> int:
        """Columns ever written."""

    @property
    def write_place(self) -> int:
        """Where the next column goes."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written yet."""

    def shades(self, places: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Columns of the picture, `[bands, columns]`, as places in a table of 256 colours."""


class RollingView(ThemedWidget):
    """Draws a `Ring` over frequency in colours from `stops`.

    `hovered` carries where the mouse is, in shares of the picture, or None. `show_ring` hands it a ring; `refresh`
    copies the new columns and repaints if there were any. What `show_hint` gives stands in an empty picture.
    """

    hovered = pyqtSignal(object)

    def __init__(
        self, name: str, stops: tuple[tuple[float, str], ...], ring: Ring, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._stops = stops
        self._hint = ""
        self._table = np.array(theme.colour_table(stops), np.uint32)
        self._hover: QPointF | None = None
        self._cross: QPointF | None = None
        self._marks: list[tuple[int, str]] = []
        self._end_hz: float | None = None
        self.setMouseTracking(True)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._take(ring)

    def words_at(self, place: QPointF) -> str:
        """What stands beside the cross at a place, in shares of the picture."""
        raise NotImplementedError

    def renew_colours(self) -> None:
        """The whole picture in other colours."""
        self._table = np.array(theme.colour_table(self._stops), np.uint32)
        self._take(self._ring)

    def _take(self, ring: Ring) -> None:
        """Draws another ring from now on."""
        self._ring = ring
        self._n_drawn = ring.n_columns
        self._pixels = np.ascontiguousarray(self._table[ring.shades(np.arange(ring.width))])
        # The image looks into the array: a new column is one strided copy, and no picture is ever built as a whole.
        self._image = image_over(self._pixels)
        self.update()

    def show_hint(self, hint: str) -> None:
        """What stands in the picture while it is empty."""
        if hint != self._hint:
            self._hint = hint
            self.update()

    def show_codec_end(self, end_hz: float | None) -> None:
        """Draws a line where the codec's band ends, in Hz, as far as that lies in the picture; None for none."""
        end_hz = end_hz if end_hz is not None and 0.0 < height_of(end_hz) < 1.0 else None
        if end_hz != self._end_hz:
            self._end_hz = end_hz
            self.update()

    def refresh(self) -> bool:
        """Takes over the columns that came since the last time; whether there were any."""
        n_new = min(self._ring.n_columns - self._n_drawn, self._ring.width)
        if n_new <= 0:
            return False
        places = (self._ring.n_columns - n_new + np.arange(n_new)) % self._ring.width
        self._pixels[:, places] = self._table[self._ring.shades(places)]
        self._n_drawn = self._ring.n_columns
        self.update()
        return True

    def sizeHint(self) -> QSize:
        return QSize(420, 180)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 80)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        picture = self._picture()
        self._draw_ring(painter, picture)
        draw_frequencies(painter, picture)
        if self._ring.is_empty:
            painter.setFont(theme.font())
            painter.setPen(theme.colour(theme.DIM))
            painter.drawText(picture, Qt.AlignmentFlag.AlignCenter, self._hint)
        self._draw_codec_end(painter, picture)
        self._draw_marks(painter, picture)
        place = self._hover if self._hover is not None else self._cross
        if place is not None:
            self._draw_cross(painter, picture, place)
        if self._hover is not None:
            self._draw_words(painter, picture, self._hover)

    def show_marks(self, marks: list[tuple[int, str]]) -> None:
        """Draws a line with words at each: how many columns ago."""
        if marks != self._marks:
            self._marks = marks
            self.update()

    def show_cross(self, place: QPointF | None) -> None:
        """Draws the cross of the view beside this one at the same time and frequency: shares of the picture, 0–1."""
        if place != self._cross:
            self._cross = place
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        picture = self._picture()
        is_inside = picture.contains(event.position())
        share = event.position() - picture.topLeft()
        place = QPointF(share.x() / picture.width(), share.y() / picture.height()) if is_inside else None
        self._hover = place
        self.hovered.emit(place)
        self.update()

    def leaveEvent(self, event: object) -> None:
        self._hover = None
        self.hovered.emit(None)
        self.update()

    def _picture(self) -> QRectF:
        return QRectF(AXIS_WIDTH, 0, max(1, self.width() - AXIS_WIDTH), self.height())

    def _draw_ring(self, painter: QPainter, picture: QRectF) -> None:
        painter.fillRect(picture, theme.colour(theme.WELL))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        draw_ring(painter, picture, self._image, self._ring.write_place, self._ring.n_bands)

    def _draw_marks(self, painter: QPainter, picture: QRectF) -> None:
        painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
        free = picture.left()
        for age, text in sorted(self._marks, reverse=True):
            x = round(picture.right() - age / self._ring.width * picture.width()) + 0.5
            painter.setPen(QPen(theme.colour(theme.TEXT, 0.45), 1))
            painter.drawLine(QPointF(x, picture.top()), QPointF(x, picture.bottom()))
            width = painter.fontMetrics().horizontalAdvance(text) + 8.0
            box = QRectF(x, picture.top(), width, 14)
            # Where words would cover each other, the line alone says that something was done.
            if box.left() >= free and box.right() <= picture.right():
                painter.fillRect(box, theme.colour(theme.WELL, 0.8))
                painter.setPen(theme.colour(theme.TEXT))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
                free = box.right()

    def _draw_codec_end(self, painter: QPainter, picture: QRectF) -> None:
        if self._end_hz is None:
            return
        y = round(picture.bottom() - height_of(self._end_hz) * picture.height()) + 0.5
        painter.setPen(QPen(theme.colour(theme.TEXT, 0.5), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(picture.left(), y), QPointF(picture.right(), y))
        if picture.height() >= LEAST_HEIGHT_FOR_WORDS:
            words = end_words(self._end_hz)
            painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
            # In the old sound, for what comes now shall be seen as it is; and below the words of marks.
            box = QRectF(picture.left() + 4, y + 2, painter.fontMetrics().horizontalAdvance(words) + 8.0, 14)
            painter.fillRect(box, theme.colour(theme.WELL, 0.8))
            painter.setPen(theme.colour(theme.MUTED))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    @staticmethod
    def _draw_cross(painter: QPainter, picture: QRectF, place: QPointF) -> None:
        x, y = picture.left() + place.x() * picture.width(), picture.top() + place.y() * picture.height()
        painter.setPen(QPen(theme.colour("#FFFFFF", 0.35), 1))
        painter.drawLine(QPointF(picture.left(), y), QPointF(picture.right(), y))
        painter.drawLine(QPointF(x, picture.top()), QPointF(x, picture.bottom()))

    def _draw_words(self, painter: QPainter, picture: QRectF, place: QPointF) -> None:
        painter.setFont(theme.font(theme.SMALL_PIXELS))
        figures = painter.fontMetrics()
        lines = _lines(self.words_at(place), lambda words: figures.horizontalAdvance(words) + 18.0 <= picture.width())
        width = max(figures.horizontalAdvance(line) for line in lines) + 14.0
        height = 4.0 + 15.0 * len(lines)
        spot = QPointF(picture.left() + place.x() * picture.width(), picture.top() + place.y() * picture.height())
        x = max(picture.left(), min(spot.x() + 10, picture.right() - width - 4))
        y = spot.y() - height - 5 if spot.y() > height + 9 else spot.y() + 6
        box = QRectF(x, max(picture.top(), min(y, picture.bottom() - height)), width, height)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.WELL, 0.85))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(theme.colour(theme.TEXT))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "\n".join(lines))


def draw_ring(painter: QPainter, picture: QRectF, image: QImage, write_place: int, n_rows: int) -> None:
    """Draws the upper rows of an image that is written round and round: what is right of `write_place` is oldest."""
    width, height = image.width(), float(n_rows)
    split = round(picture.width() * (width - write_place) / width)
    left = QRectF(picture.left(), picture.top(), split, picture.height())
    right = QRectF(picture.left() + split, picture.top(), picture.width() - split, picture.height())
    painter.drawImage(left, image, QRectF(write_place, 0, width - write_place, height))
    if write_place:
        painter.drawImage(right, image, QRectF(0, 0, write_place, height))


def _lines(words: str, has_room: Callable[[str], bool]) -> list[str]:
    """Figures that are set apart by three spaces, as many in a line as there is room for."""
    first, *rest = words.split("   ")
    lines = [first]
    for figure in rest:
        longer = f"{lines[-1]}   {figure}"
        if has_room(longer):
            lines[-1] = longer
        else:
            lines.append(figure)
    return lines
