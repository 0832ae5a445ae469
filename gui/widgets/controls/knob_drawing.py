"""What all knobs are drawn with: arc, cap, pointer and a mark for what moves, on a travel of 270 degrees."""

import math

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QConicalGradient, QLinearGradient, QPainter, QPen, QRadialGradient

from lamina.gui.look import theme

START_DEGREES = 225.0  # lower left
SWEEP_DEGREES = 270.0


def point(centre: QPointF, radius: float, place: float) -> QPointF:
    angle = math.radians(START_DEGREES - place * SWEEP_DEGREES)
    return QPointF(centre.x() + radius * math.cos(angle), centre.y() - radius * math.sin(angle))


def draw_arc(painter: QPainter, square: QRectF, start: float, stop: float, pen: QPen) -> None:
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawArc(
        square, round((START_DEGREES - start * SWEEP_DEGREES) * 16), -round((stop - start) * SWEEP_DEGREES * 16)
    )


def draw_moving(painter: QPainter, square: QRectF, base: float, place: float, accent: str, width: float) -> None:
    """Where a value is now that moves by itself: a way from its base, and a dot at its end."""
    draw_arc(painter, square, min(base, place), max(base, place), QPen(theme.colour(accent, 0.45), width))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour(theme.MOVING))
    painter.drawEllipse(point(square.center(), square.width() / 2, place), 2.6, 2.6)


def draw_cap(painter: QPainter, square: QRectF, ring: QColor) -> None:
    """The cap: lit from above, with a turned edge."""
    edge = QConicalGradient(square.center(), 90)
    for place, name in ((0.0, "#4A525C"), (0.25, "#272D34"), (0.5, "#1B2025"), (0.75, "#272D34"), (1.0, "#4A525C")):
        edge.setColorAt(place, theme.colour(name))
    painter.setPen(QPen(ring, 1.0))
    painter.setBrush(edge)
    painter.drawEllipse(square)
    inset = max(1.5, square.width() * 0.025)
    face = square.adjusted(inset, inset, -inset, -inset)
    shade = QLinearGradient(face.topLeft(), face.bottomLeft())
    shade.setColorAt(0.0, theme.colour("#2B3138"))
    shade.setColorAt(1.0, theme.colour("#1D2227"))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(shade)
    painter.drawEllipse(face)
    glow = QRadialGradient(QPointF(face.center().x(), face.top()), face.width() * 0.7)
    glow.setColorAt(0.0, theme.colour("#FFFFFF", 0.05))
    glow.setColorAt(1.0, theme.colour("#FFFFFF", 0.0))
    painter.setBrush(glow)
    painter.drawEllipse(face)


def draw_pointer(
    painter: QPainter, body: QRectF, place: float, ink: QColor, inner: float, outer: float, width: float
) -> None:
    radius = body.width() / 2
    painter.setPen(QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(point(body.center(), radius * inner, place), point(body.center(), radius * outer, place))
