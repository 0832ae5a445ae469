"""What one layer of the layer desk looks like."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QPainter, QPen

from lamina.gui.look import theme
from lamina.gui.model.values.layer_desk import LayerDesk

NUMBER_HEIGHT, BUTTON_HEIGHT, CAP_HEIGHT = 20.0, 21.0, 9.0


@dataclass(frozen=True)
class Now:
    """What moves by itself: gains by layer, and how many layers are sent (None: as many as the knob says)."""

    gains: Mapping[int, float] = field(default_factory=dict)
    n_sent: int | None = None


def fader_area(column: QRectF) -> QRectF:
    """Where the middle of a fader's cap can be."""
    return QRectF(
        column.left(),
        NUMBER_HEIGHT + CAP_HEIGHT,
        column.width(),
        column.height() - NUMBER_HEIGHT - 2 * BUTTON_HEIGHT - 2 * CAP_HEIGHT - 2,
    )


def draw_layer(
    painter: QPainter, column: QRectF, desk: LayerDesk, layer: int, is_pointed: bool, is_focused: bool, now: Now
) -> None:
    """Draws a layer into its column."""
    is_sent, is_heard = layer <= max(desk.n_active, now.n_sent or 0), desk.is_heard(layer, now.n_sent)
    if is_pointed or is_focused:
        painter.setPen(QPen(theme.colour(theme.DIM), 1) if is_focused else Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.RAISED, 0.55))
        painter.drawRoundedRect(column.adjusted(1, 0.5, -1, -0.5), 5, 5)
    _draw_number(painter, column, layer, desk.listened == layer, is_heard)
    painter.setOpacity(1.0 if is_sent else 0.38)
    area, position = fader_area(column), desk.travel.position(desk.gain(layer))
    _draw_fader(painter, area, position, is_heard)
    if layer in now.gains:
        _draw_moving(painter, area, position, desk.travel.position(now.gains[layer]))
    width = min(22.0, column.width() - 3)
    for place, (word, is_on, accent) in enumerate(
        (("M", desk.is_muted(layer), theme.ALERT), ("S", desk.is_solo(layer), theme.DRY))
    ):
        box = QRectF(0, 0, width, BUTTON_HEIGHT - 4)
        box.moveCenter(QPointF(column.center().x(), column.height() - (1.5 - place) * BUTTON_HEIGHT))
        _draw_button(painter, box, word, is_on, accent)
    painter.setOpacity(1.0)


def _draw_number(painter: QPainter, column: QRectF, layer: int, is_listened: bool, is_heard: bool) -> None:
    box = QRectF(column.left(), 1, column.width(), NUMBER_HEIGHT - 2)
    if is_listened:
        pill = QRectF(0, 0, min(24.0, column.width() - 1), NUMBER_HEIGHT - 3)
        pill.moveCenter(box.center())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.WET))
        painter.drawRoundedRect(pill, 5, 5)
    painter.setFont(theme.font(theme.SMALL_PIXELS, bold=is_heard or is_listened))
    painter.setPen(theme.colour("#1A1208" if is_listened else theme.TEXT if is_heard else theme.DIM))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(layer))


def _draw_fader(painter: QPainter, area: QRectF, position: float, is_heard: bool) -> None:
    x, unity = area.center().x(), area.center().y()
    y = area.bottom() - position * area.height()
    # With an edge: in the theme of high contrast everything else is as black as the slot.
    painter.setPen(QPen(theme.colour(theme.LINE), 1))
    painter.setBrush(theme.colour(theme.WELL))
    painter.drawRoundedRect(QRectF(x - 2.5, area.top() - 2, 5, area.height() + 4), 2.5, 2.5)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour(theme.WET if is_heard else theme.SLOT))
    painter.drawRoundedRect(QRectF(x - 2.5, y, 5, area.bottom() + 2 - y), 2.5, 2.5)
    # Unity: where every fader rests.
    painter.setPen(QPen(theme.colour(theme.MUTED, 0.7), 1))
    half = min(11.0, area.width() / 2 - 1)
    for left in (x - half, x + 4.5):
        painter.drawLine(QPointF(left, unity), QPointF(left + half - 4.5, unity))
    cap = QRectF(0, 0, min(19.0, area.width() - 3), CAP_HEIGHT)
    cap.moveCenter(QPointF(x, y))
    painter.setPen(QPen(theme.colour("#14181C"), 1))
    painter.setBrush(theme.colour("#D5DADF" if is_heard else theme.DIM))
    painter.drawRoundedRect(cap, 2.5, 2.5)
    painter.setPen(QPen(theme.colour("#14181C", 0.75), 1))
    painter.drawLine(QPointF(cap.left() + 3, y), QPointF(cap.right() - 3, y))


def _draw_moving(painter: QPainter, area: QRectF, base: float, position: float) -> None:
    """A thin mark where the gain is now, and the way to it from the cap."""
    x, y, cap_y = area.center().x(), area.bottom() - position * area.height(), area.bottom() - base * area.height()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour(theme.MOVING, 0.5))
    painter.drawRect(QRectF(x - 1, min(y, cap_y), 2, abs(y - cap_y)))
    painter.setBrush(theme.colour(theme.MOVING))
    half = min(9.0, area.width() / 2 - 2)
    painter.drawRoundedRect(QRectF(x - half, y - 1.25, 2 * half, 2.5), 1.25, 1.25)


def _draw_button(painter: QPainter, box: QRectF, word: str, is_on: bool, accent: str) -> None:
    painter.setPen(QPen(theme.colour(accent if is_on else theme.SLOT), 1))
    painter.setBrush(theme.colour(accent) if is_on else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box, 4, 4)
    painter.setFont(theme.font(theme.SMALL_PIXELS - 1, bold=is_on))
    painter.setPen(theme.colour(theme.WELL if is_on else theme.MUTED))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
