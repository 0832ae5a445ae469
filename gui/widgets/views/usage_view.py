"""The codebooks at work: one strip per layer, bright where codes were sent lately, with how many of them were used."""

import math

import numpy as np
from PyQt6.QtCore import QEvent, QRectF, QSize, Qt
from PyQt6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from lamina.gui.look import theme
from lamina.gui.look.themed import ThemedWidget
from lamina.gui.model.sound.usage import CodebookUsage
from lamina.gui.widgets.controls.pixels import image_over

N_CELLS = 64
LABEL_WIDTH = 22
FIGURE_WIDTH = 38
LEAST_ROW = 9.0


class UsageView(ThemedWidget):
    """Draws a `CodebookUsage`; layer 1 on top. `show_layers` says how many are active."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = np.array(theme.colour_table(theme.STRIP_STOPS), np.uint32)
        self._usage = CodebookUsage()
        self._n_active = 0
        self._n_drawn = -1
        self._figures: tuple[np.ndarray, np.ndarray] = (np.zeros(0), np.zeros(0))
        self.setAccessibleName("Codebook usage per layer")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.show_usage(self._usage)

    def renew_colours(self) -> None:
        """The strips in other colours."""
        self._table = np.array(theme.colour_table(theme.STRIP_STOPS), np.uint32)
        self._n_drawn = -1
        self.refresh()

    def show_usage(self, usage: CodebookUsage) -> None:
        """Draws another usage from now on."""
        self._usage = usage
        self._n_drawn = -1
        self.refresh()
        self.refresh_figures()

    def show_layers(self, n_layers: int) -> None:
        """Dims the layers above `n_layers`."""
        if n_layers != self._n_active:
            self._n_active = n_layers
            self.update()

    def refresh(self) -> None:
        """Takes over what came since the last time."""
        if self._usage.n_frames == self._n_drawn:
            return
        self._n_drawn = self._usage.n_frames
        shades = (self._usage.strips(N_CELLS) * 255.0).astype(np.uint8)
        self._pixels = np.ascontiguousarray(self._table[shades])
        self._image = image_over(self._pixels)
        self.update()

    def refresh_figures(self) -> None:
        """Takes over the numbers; called more rarely, so that they can be read."""
        self._figures = (self._usage.perplexity(), self._usage.used())
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(260, 440)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 3 * self._usage.n_layers)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        n_layers = self._usage.n_layers
        row_height = self.height() / n_layers
        pixels = max(9, min(theme.SMALL_PIXELS, int(row_height) - 2))
        # Where rows are too low for words, every so many of them has its number, and the strips speak for themselves.
        every = 1 if row_height >= LEAST_ROW else math.ceil(LEAST_ROW / row_height)
        perplexity, used = self._figures
        strip_width = self.width() - LABEL_WIDTH - 2 * FIGURE_WIDTH
        for layer in range(n_layers):
            top = round(layer * row_height)
            height = round((layer + 1) * row_height) - top
            is_active = layer < self._n_active
            strip = QRectF(LABEL_WIDTH, top + 1, strip_width, max(1, height - 2 if every == 1 else height - 1))
            painter.setOpacity(1.0 if is_active else 0.28)
            painter.drawImage(strip, self._image, QRectF(0, layer, N_CELLS, 1))
            painter.setFont(theme.font(pixels, bold=is_active))
            painter.setPen(theme.colour(theme.TEXT if is_active else theme.DIM))
            painter.setOpacity(1.0)
            middle = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            if layer % every == 0:
                painter.drawText(QRectF(0, top - 3, LABEL_WIDTH - 6, height + 6), middle, str(layer + 1))
            if every > 1:
                continue
            painter.setFont(theme.font(pixels))
            painter.setPen(theme.colour(theme.MUTED if is_active else theme.DIM))
            for column, figure in enumerate((perplexity[layer], used[layer])):
                box = QRectF(LABEL_WIDTH + strip_width + column * FIGURE_WIDTH, top, FIGURE_WIDTH, height)
                painter.drawText(box, middle, f"{figure:.0f}" if figure > 0 else "\N{MIDDLE DOT}")

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            layer = min(self._usage.n_layers - 1, max(0, int(event.pos().y() / self.height() * self._usage.n_layers)))
            perplexity, used = self._figures
            QToolTip.showText(
                event.globalPos(),
                f"<b>Layer {layer + 1}</b><br>{used[layer]} of {self._usage.codebook_size} codes used since the file "
                "was opened<br>"
                f"lately as varied as {perplexity[layer]:.0f} equally frequent codes",
                self,
            )
            return True
        return super().event(event)


class UsageHeads(QWidget):
    """The heads over the figures' columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(16)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
        painter.setPen(theme.colour(theme.MUTED))
        strip_width = self.width() - LABEL_WIDTH - 2 * FIGURE_WIDTH
        painter.drawText(QRectF(LABEL_WIDTH, 0, strip_width, 14), Qt.AlignmentFlag.AlignLeft, "codes 0 to 1023, lately")
        for column, head in enumerate(("variety", "used")):
            box = QRectF(LABEL_WIDTH + strip_width + column * FIGURE_WIDTH - 6, 0, FIGURE_WIDTH + 6, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, head)
