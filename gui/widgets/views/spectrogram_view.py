"""A scrolling spectrogram: the newest column at the right, low frequencies at the bottom."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

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
from lamina.gui.widgets.views.frequency_axis import AXIS_WIDTH
from lamina.gui.widgets.views.rolling_view import Ring, RollingView


class SpectrogramView(RollingView):
    """Draws a `SpectrogramRing`.

    `word` is what it is called beside another one; `compared` are the views whose levels it tells, itself among them.
    """

    def __init__(self, name: str, word: str = "", parent: QWidget | None = None) -> None:
        ring = SpectrogramRing()
        super().__init__(name, theme.SPECTRUM_STOPS, ring, parent)
        self.word, self.ring = word, ring
        self.compared: tuple[SpectrogramView, ...] = (self,)

    def show_ring(self, ring: SpectrogramRing) -> None:
        """Draws another ring from now on."""
        self.ring = ring
        self._take(ring)

    def level_at(self, place: QPointF) -> float:
        """Level in dBFS at a place of the picture, in shares from its upper left corner."""
        ring = self.ring
        column = min(ring.width - 1, max(0, int(place.x() * ring.width)))
        band = min(ring.n_bands - 1, max(0, int(place.y() * ring.n_bands)))
        brightness = float(ring.levels[band, (ring.write_place + column) % ring.width])
        return QUIETEST_DB + brightness / 255.0 * (LOUDEST_DB - QUIETEST_DB)

    def words_at(self, place: QPointF) -> str:
        """Frequency, note, time and level at a place, and what the view beside this one has there."""
        levels = [(view.word, view.level_at(place)) for view in self.compared]
        words = levels_words(levels)
        if len(levels) == 2 and min(level for _, level in levels) > QUIETEST_DB:
            difference = f"{levels[1][1] - levels[0][1]:+.0f}".replace("-", "\N{MINUS SIGN}")
            words = f"{words} ({difference})"
        return f"{place_words(place, self.ring)}   {words}"


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


def place_words(place: QPointF, ring: Ring) -> str:
    """Frequency, note and time of a place in a picture, in shares from its upper left corner."""
    frequency_hz = frequency_at(1.0 - place.y())
    age_seconds = (1.0 - place.x()) * ring.width / COLUMNS_PER_SECOND
    exact = f"{frequency_hz / 1000:.1f} kHz" if frequency_hz >= 1000 else f"{frequency_hz:.0f} Hz"
    return f"{exact}   {note_of(frequency_hz)}   {age_seconds:.1f} s ago"


def levels_words(levels: list[tuple[str, float]]) -> str:
    """What each picture is called and its level in dBFS."""
    return ", ".join(f"{word} {_level(level_db)}".strip() for word, level_db in levels)


def _level(level_db: float) -> str:
    words = f"{level_db:.0f} dB".replace("-", "\N{MINUS SIGN}")
    return words if level_db > QUIETEST_DB else f"below {words}"
