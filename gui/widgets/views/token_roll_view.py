"""The codes as they roll by: a row for each layer that is sent, which fill the height there is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from lamina.gui.look import theme
from lamina.gui.look.themed import ThemedWidget
from lamina.gui.model.sound.token_roll import TokenRoll
from lamina.gui.widgets.controls.pixels import image_over
from lamina.gui.widgets.views.rolling_view import draw_ring

LABEL_WIDTH, FIGURE_WIDTH, LEAST_ROW, FOOT_HEIGHT = 22, 62, 13, 16
CODE, SURPRISE = "code", "surprise"


class TokenRollView(ThemedWidget):
    """Draws a `TokenRoll`, the newest frame at the right, and each layer's entropy beside its row.

    `kind` says what the colours mean: CODE, a colour for each code, or SURPRISE, the brighter the rarer.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = CODE
        self._n_active = 0
        self._bits: NDArray[np.float64] = np.zeros(0)
        self._code_bits = 10.0
        self._cross: float | None = None
        self.setAccessibleName("Codes of each layer, as they come")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.show_roll(TokenRoll())

    def renew_colours(self) -> None:
        """The whole picture in other colours."""
        self.show_roll(self._roll)

    def show_kind(self, kind: str) -> None:
        """Has the colours mean something else."""
        self.kind = kind
        self.show_roll(self._roll)

    def show_roll(self, roll: TokenRoll) -> None:
        """Draws another roll from now on."""
        self._roll = roll
        self._n_drawn = roll.n_columns
        self._table = np.array(_code_colours() if self.kind == CODE else theme.colour_table(theme.STRIP_STOPS))
        self._table = self._table.astype(np.uint32)
        self._pixels = np.ascontiguousarray(self._table[self._shades])
        # The image looks into the array, as the spectrograms' do.
        self._image = image_over(self._pixels)
        self.update()

    def show_layers(self, n_layers: int) -> None:
        """Draws the rows of so many layers."""
        if n_layers != self._n_active:
            self._n_active = n_layers
            self.update()

    def show_bits(self, bits: NDArray[np.float64], code_bits: float) -> None:
        """Shows each layer's entropy, `[layers]` and NaN where it isn't known, of so many bits."""
        self._bits, self._code_bits = bits, code_bits
        self.update()

    def show_cross(self, place: QPointF | None) -> None:
        """Draws a line at the time where the mouse is in a spectrogram: shares of the picture, 0–1."""
        share = None if place is None else place.x()
        if share != self._cross:
            self._cross = share
            self.update()

    def refresh(self) -> None:
        """Takes over the columns that came since the last time."""
        n_new = min(self._roll.n_columns - self._n_drawn, self._roll.width)
        if n_new <= 0:
            return
        places = (self._roll.n_columns - n_new + np.arange(n_new)) % self._roll.width
        self._pixels[:, places] = self._table[self._shades[:, places]]
        self._n_drawn = self._roll.n_columns
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 440)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 3 * self._roll.n_layers)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        picture = self._picture()
        painter.fillRect(picture, theme.colour(theme.WELL))
        self._draw_time(painter, picture)
        n_rows = min(self._n_active, self._roll.n_layers)
        if not n_rows:
            return
        draw_ring(painter, picture, self._image, self._roll.write_place, n_rows)
        row_height = picture.height() / n_rows
        every = 1 if row_height >= LEAST_ROW else math.ceil(LEAST_ROW / row_height)
        painter.setFont(theme.font(max(9, min(theme.SMALL_PIXELS, round(row_height * every) - 2)), bold=True))
        if row_height >= 4:
            for layer in range(1, n_rows):
                y = round(layer * row_height)
                painter.fillRect(QRectF(picture.left(), y, picture.width(), 1), theme.colour(theme.PANEL))
        sides = Qt.AlignmentFlag
        for layer in range(0, n_rows, every):
            row = QRectF(0, layer * row_height, LABEL_WIDTH - 6, min(row_height * every, picture.height()))
            painter.setPen(theme.colour(theme.TEXT))
            painter.drawText(row, sides.AlignRight | sides.AlignVCenter, str(layer + 1))
            painter.setPen(theme.colour(theme.MUTED))
            row.setLeft(picture.right())
            row.setWidth(FIGURE_WIDTH)
            painter.drawText(row, sides.AlignRight | sides.AlignVCenter, self.figure(layer))
        if self._cross is not None:
            x = picture.left() + self._cross * picture.width()
            painter.setPen(QPen(theme.colour("#FFFFFF", 0.6), 1))
            painter.drawLine(QPointF(x, picture.top()), QPointF(x, picture.bottom()))

    def figure(self, layer: int) -> str:
        """A layer's entropy of the bits that it is sent in, or a dot where it isn't known."""
        bits = self._bits[layer] if layer < len(self._bits) else math.nan
        return "\N{MIDDLE DOT}" if math.isnan(bits) else f"{bits:.1f} of {self._code_bits:g}"

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tip_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def tip_at(self, spot: QPointF) -> str:
        """What is told about a place of the view, in its pixels."""
        picture = self._picture()
        n_rows = min(self._n_active, self._roll.n_layers)
        if picture.contains(spot) and n_rows:
            layer = min(n_rows - 1, int((spot.y() - picture.top()) / picture.height() * n_rows))
            return self._roll.words_at(layer, (spot.x() - picture.left()) / picture.width())
        return (
            "Entropy: of the bits that each code is sent in, how many it needs on average, judged by how often each "
            "came in the last 20 seconds. Few: the layer says little, or repeats itself."
        )

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        # A tooltip that stays where it was would tell of another place.
        assert event is not None
        if QToolTip.isVisible():
            QToolTip.showText(event.globalPosition().toPoint(), self.tip_at(event.position()), self)

    @property
    def _shades(self) -> NDArray[np.uint8]:
        return self._roll.by_code if self.kind == CODE else self._roll.by_surprise

    def _picture(self) -> QRectF:
        width = max(1, self.width() - LABEL_WIDTH - FIGURE_WIDTH)
        return QRectF(LABEL_WIDTH, 0, width, max(1, self.height() - FOOT_HEIGHT))

    def _draw_time(self, painter: QPainter, picture: QRectF) -> None:
        seconds = self._roll.width / self._roll.frames_per_second
        painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
        painter.setPen(theme.colour(theme.MUTED))
        foot = QRectF(picture.left(), picture.bottom() + 2, picture.width(), FOOT_HEIGHT - 2)
        painter.drawText(foot, Qt.AlignmentFlag.AlignLeft, f"\N{MINUS SIGN}{seconds:.0f} s")
        painter.drawText(foot, Qt.AlignmentFlag.AlignHCenter, f"\N{MINUS SIGN}{seconds / 2:.0f} s")
        painter.drawText(foot, Qt.AlignmentFlag.AlignRight, "now")


def _code_colours() -> list[int]:
    """The ground, where no code was sent, and 255 colours."""
    return [theme.colour(theme.WELL).rgb(), *theme.colour_table(theme.CODE_STOPS, 255)]
