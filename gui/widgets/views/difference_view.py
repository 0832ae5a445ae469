"""The rolling picture of what differs between input and output, and the key to its colours."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.look.themed import ThemedWidget
from lamina.gui.model.sound.difference import MOST_DB, Difference, difference_words
from lamina.gui.widgets.controls.pixels import image_over
from lamina.gui.widgets.views.rolling_view import RollingView
from lamina.gui.widgets.views.spectrogram_view import SpectrogramView, levels_words, place_words

KEY_WIDTH, BAR_WIDTH = 54, 10
ROOM_FOR_WORDS = 110
"""Pixels of height below which the key has figures only."""


class DifferenceView(RollingView):
    """Draws what lies between two spectrograms' rings; its cross tells both levels."""

    def __init__(
        self, input_view: SpectrogramView, output_view: SpectrogramView, parent: QWidget | None = None
    ) -> None:
        difference = Difference(input_view.ring, output_view.ring)
        super().__init__("Difference of output and input", theme.DIFFERENCE_STOPS, difference, parent)
        self.difference, self._views = difference, (input_view, output_view)

    def show_rings(self) -> None:
        """Draws what lies between the rings that the spectrograms draw now."""
        self.difference = Difference(*(view.ring for view in self._views))
        self._take(self.difference)

    def words_at(self, place: QPointF) -> str:
        """Frequency, note and time at a place, how much louder or quieter it came out, and both levels."""
        levels = [(view.word, view.level_at(place)) for view in self._views]
        difference = difference_words(levels[0][1], levels[1][1])
        return f"{place_words(place, self.difference)}   {difference}   {levels_words(levels)}"


class DifferenceKey(ThemedWidget):
    """Which colour is how much louder or quieter."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(KEY_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Key to the colours of the difference")
        self.setToolTip(
            f"Warm: louder came out than went in, by {MOST_DB:.0f} dB and more at the top. Cool: quieter, or gone. "
            "The ground: as it was, or nothing on either side."
        )
        self.renew_colours()

    def renew_colours(self) -> None:
        """The key in the colours that are shown."""
        self._pixels = np.array(theme.colour_table(theme.DIFFERENCE_STOPS)[::-1], np.uint32).reshape(-1, 1)
        self._image = image_over(self._pixels)

    def minimumSizeHint(self) -> QSize:
        return QSize(KEY_WIDTH, 60)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        bar = QRectF(0, 0, BAR_WIDTH, self.height())
        painter.drawImage(bar, self._image)
        painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
        flags = Qt.AlignmentFlag
        left, width = BAR_WIDTH + 5.0, self.width() - BAR_WIDTH - 5.0
        middle = self.height() / 2
        lines = [
            (0.0, f"+{MOST_DB:.0f} dB", theme.MUTED),
            (middle - 7, "0", theme.MUTED),
            (self.height() - 14.0, f"\N{MINUS SIGN}{MOST_DB:.0f} dB", theme.MUTED),
        ]
        if self.height() >= ROOM_FOR_WORDS:
            lines += [(middle * 0.5 - 7, "louder", theme.DIM), (middle * 1.5 - 7, "quieter", theme.DIM)]
        for top, words, ink in lines:
            painter.setPen(theme.colour(ink))
            painter.drawText(QRectF(left, top, width, 14), flags.AlignLeft | flags.AlignVCenter, words)
