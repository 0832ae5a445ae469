"""The parts of the delay and their sum, each with a bar as long as its share."""

from collections.abc import Sequence

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.widgets.controls.tips import set_tip

ROW_HEIGHT = 24
MOST_ROWS = 8  # input device, buffer, margin, three of the codec, other effects, output device
NAME_WIDTH, FIGURE_WIDTH = 116.0, 62.0
HELP = {
    "buffer": "samples the device takes at a time",
    "safety margin": "sound kept ready, so that a slow moment isn't heard",
    "frame bridge": "waiting until a codec frame is full",
    "codec": "what the codec's own networks look ahead",
    "resampler": "to the codec's sample rate and back",
}


class LatencyTable(QWidget):
    """Shows (name, seconds) rows and what they come to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parts: tuple[tuple[str, float], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Delay")
        set_tip(self, "".join(f"<p><b>{name.capitalize()}</b>: {words}.</p>" for name, words in HELP.items()))

    def sizeHint(self) -> QSize:
        # As high as it can become, so that nothing below moves.
        return QSize(300, (MOST_ROWS + 1) * ROW_HEIGHT + 4)

    def show_parts(self, parts: Sequence[tuple[str, float]]) -> None:
        """Shows other rows."""
        if tuple(parts) != self.parts:
            self.parts = tuple(parts)
            self.setAccessibleDescription("; ".join(self.rows()))
            self.update()

    def rows(self) -> list[str]:
        """What stands in the table, line by line, the sum last."""
        if not self.parts:
            return []
        total = sum(seconds for _, seconds in self.parts)
        return [f"{name} {_ms(seconds)}" for name, seconds in (*self.parts, ("sum", total))]

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font())
        if not self.parts:
            painter.setPen(theme.colour(theme.DIM))
            painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter, "Shown as soon as sound runs.")
            return
        total = sum(seconds for _, seconds in self.parts)
        for index, (name, seconds) in enumerate(self.parts):
            self._draw_row(painter, index * ROW_HEIGHT, name, seconds, seconds / total if total else 0.0, is_sum=False)
        top = len(self.parts) * ROW_HEIGHT + 4
        painter.fillRect(QRectF(0, top - 3, self.width(), 1), theme.colour(theme.SLOT))
        self._draw_row(painter, top, "together", total, 0.0, is_sum=True)

    def _draw_row(self, painter: QPainter, top: float, name: str, seconds: float, share: float, is_sum: bool) -> None:
        flags = Qt.AlignmentFlag
        painter.setFont(theme.font(bold=is_sum))
        painter.setPen(theme.colour(theme.TEXT if is_sum else theme.MUTED))
        painter.drawText(QRectF(0, top, NAME_WIDTH, ROW_HEIGHT), flags.AlignVCenter, name)
        painter.setPen(theme.colour(theme.TEXT))
        figure = QRectF(self.width() - FIGURE_WIDTH, top, FIGURE_WIDTH, ROW_HEIGHT)
        painter.drawText(figure, flags.AlignVCenter | flags.AlignRight, _ms(seconds))
        if not is_sum:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(theme.WET_DEEP))
            room = self.width() - NAME_WIDTH - FIGURE_WIDTH
            painter.drawRoundedRect(QRectF(NAME_WIDTH, top + ROW_HEIGHT / 2 - 3, max(1.0, room * share), 6), 2, 2)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"
