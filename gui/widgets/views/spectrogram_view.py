"""A scrolling spectrogram: the newest column at the right, low frequencies at the bottom."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.look.themed import ThemedWidget
from lamina.gui.model.sound.notes import note_of
from lamina.gui.model.sound.spectrogram import (
    COLUMNS_PER_SECOND,
    LOUDEST_DB,
    QUIETEST_DB,
    SpectrogramRing,
    frequency_at,
)
from lamina.gui.widgets.controls.pixels import image_over
from lamina.gui.widgets.views.frequency_axis import AXIS_WIDTH, draw_frequencies


class SpectrogramView(ThemedWidget):
    """Draws a `SpectrogramRing`.

    `word` is what it is called beside another one; `compared` are the views whose levels it tells, itself among them.
    `hovered` carries where the mouse is, in shares of the picture, or None. `show_ring` hands it a ring; `refresh`
    copies the new columns and repaints if there were any. What `show_hint` gives stands in an empty picture.
    """

    hovered = pyqtSignal(object)

    def __init__(self, name: str, word: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.word = word
        self._hint = ""
        self._table = np.array(theme.colour_table(theme.SPECTRUM_STOPS), np.uint32)
        self._hover: QPointF | None = None
        self._cross: QPointF | None = None
        self._marks: list[tuple[int, str]] = []
        self.compared: tuple[SpectrogramView, ...] = (self,)
        self.setMouseTracking(True)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.show_ring(SpectrogramRing())

    def renew_colours(self) -> None:
        """The whole picture in other colours."""
        self._table = np.array(theme.colour_table(theme.SPECTRUM_STOPS), np.uint32)
        self.show_ring(self._ring)

    def show_ring(self, ring: SpectrogramRing) -> None:
        """Draws another ring from now on."""
        self._ring = ring
        self._n_drawn = ring.n_columns
        self._pixels = self._table[ring.levels]
        # The image looks into the array: a new column is one strided copy, and no picture is ever built as a whole.
        self._image = image_over(self._pixels)
        self.update()

    def show_hint(self, hint: str) -> None:
        """What stands in the picture while it is empty."""
        if hint != self._hint:
            self._hint = hint
            self.update()

    def refresh(self) -> bool:
        """Takes over the columns that came since the last time; whether there were any."""
        n_new = min(self._ring.n_columns - self._n_drawn, self._ring.width)
        if n_new <= 0:
            return False
        places = (self._ring.n_columns - n_new + np.arange(n_new)) % self._ring.width
        self._pixels[:, places] = self._table[self._ring.levels[:, places]]
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

    def level_at(self, place: QPointF) -> float:
        """Level in dBFS at a place of the picture, in shares from its upper left corner."""
        ring = self._ring
        column = min(ring.width - 1, max(0, int(place.x() * ring.width)))
        band = min(ring.n_bands - 1, max(0, int(place.y() * ring.n_bands)))
        brightness = float(ring.levels[band, (ring.write_place + column) % ring.width])
        return QUIETEST_DB + brightness / 255.0 * (LOUDEST_DB - QUIETEST_DB)

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
        place, width = self._ring.write_place, self._ring.width
        height = float(self._ring.n_bands)
        split = round(picture.width() * (width - place) / width)
        left = QRectF(picture.left(), picture.top(), split, picture.height())
        right = QRectF(picture.left() + split, picture.top(), picture.width() - split, picture.height())
        painter.drawImage(left, self._image, QRectF(place, 0, width - place, height))
        if place:
            painter.drawImage(right, self._image, QRectF(0, 0, place, height))

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

    @staticmethod
    def _draw_cross(painter: QPainter, picture: QRectF, place: QPointF) -> None:
        x, y = picture.left() + place.x() * picture.width(), picture.top() + place.y() * picture.height()
        painter.setPen(QPen(theme.colour("#FFFFFF", 0.35), 1))
        painter.drawLine(QPointF(picture.left(), y), QPointF(picture.right(), y))
        painter.drawLine(QPointF(x, picture.top()), QPointF(x, picture.bottom()))

    def words_at(self, place: QPointF) -> str:
        """Frequency, note, time and level at a place, and what the view beside this one has there."""
        frequency = frequency_at(1.0 - place.y())
        age = (1.0 - place.x()) * self._ring.width / COLUMNS_PER_SECOND
        levels = [(view.word, view.level_at(place)) for view in self.compared]
        words = ", ".join(f"{word} {_level(level)}".strip() for word, level in levels)
        if len(levels) == 2 and min(level for _, level in levels) > QUIETEST_DB:
            difference = f"{levels[1][1] - levels[0][1]:+.0f}".replace("-", "\N{MINUS SIGN}")
            words = f"{words} ({difference})"
        return f"{_exact(frequency)}   {note_of(frequency)}   {age:.1f} s ago   {words}"

    def _draw_words(self, painter: QPainter, picture: QRectF, place: QPointF) -> None:
        spot = QPointF(picture.left() + place.x() * picture.width(), picture.top() + place.y() * picture.height())
        text = self.words_at(place)
        painter.setFont(theme.font(theme.SMALL_PIXELS))
        width = painter.fontMetrics().horizontalAdvance(text) + 14.0
        x = max(picture.left(), min(spot.x() + 10, picture.right() - width - 4))
        y = spot.y() - 24 if spot.y() > 28 else spot.y() + 6
        box = QRectF(x, y, width, 19)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.WELL, 0.85))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(theme.colour(theme.TEXT))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


class TimeAxis(QWidget):
    """The time axis under the spectrograms, which share it: seconds before now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(16)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
        painter.setPen(theme.colour(theme.MUTED))
        seconds = SpectrogramRing().width / COLUMNS_PER_SECOND
        width = self.width() - AXIS_WIDTH
        step = 2 if width > 300 else 4
        for age in range(0, int(seconds) + 1, step):
            x = AXIS_WIDTH + width * (1 - age / seconds)
            text = "now" if age == 0 else f"\N{MINUS SIGN}{age} s"
            box = QRectF(min(max(AXIS_WIDTH, x - 24.0), self.width() - 48.0), 2, 48, 14)
            flags = Qt.AlignmentFlag
            side = flags.AlignRight if age == 0 else flags.AlignLeft if age >= seconds else flags.AlignHCenter
            painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, text)


class ColourScale(ThemedWidget):
    """Which colour is which level, for both spectrograms."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(16)
        self.setToolTip(f"Colour of the spectrograms: {QUIETEST_DB:.0f} to {LOUDEST_DB:.0f} dBFS.")
        self.renew_colours()

    def renew_colours(self) -> None:
        """The scale in the colours that are shown."""
        self._pixels = np.array([theme.colour_table(theme.SPECTRUM_STOPS)], np.uint32)
        self._image = image_over(self._pixels)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.drawImage(QRectF(0, 0, self.width(), 4), self._image)
        painter.setFont(theme.font(theme.SMALL_PIXELS - 2))
        painter.setPen(theme.colour(theme.DIM))
        words = QRectF(0, 5, self.width(), 11)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft, f"\N{MINUS SIGN}{-QUIETEST_DB:.0f}")
        painter.drawText(words, Qt.AlignmentFlag.AlignRight, f"\N{MINUS SIGN}{-LOUDEST_DB:.0f} dB")


def _level(level_db: float) -> str:
    words = f"{level_db:.0f} dB".replace("-", "\N{MINUS SIGN}")
    return words if level_db > QUIETEST_DB else f"below {words}"


def _exact(frequency_hz: float) -> str:
    return f"{frequency_hz / 1000:.1f} kHz" if frequency_hz >= 1000 else f"{frequency_hz:.0f} Hz"
