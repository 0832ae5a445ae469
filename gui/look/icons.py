"""Lamina's few signs, drawn as vectors so that they are sharp at every scale."""

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

# Each sign is drawn in a square from (0, 0) to (1, 1).


def draw(painter: QPainter, name: str, square: QRectF, colour: QColor) -> None:
    """Draws a sign into a square.

    `name` is "play", "pause", "return", "loop", "bypass", "noise", "cross", "chevron", "record", "square",
    "freeze", "dice", "help", "look", "list", "left", "right", "undo", "redo" or "lamina".
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(square.topLeft())
    painter.scale(square.width(), square.height())
    pen = QPen(colour, 0.1, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    _SIGNS[name](painter, colour)
    painter.restore()


def _play(painter: QPainter, colour: QColor) -> None:
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(0.26, 0.16), QPointF(0.84, 0.5), QPointF(0.26, 0.84)]))


def _pause(painter: QPainter, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(QRectF(0.2, 0.14, 0.2, 0.72), 0.05, 0.05)
    painter.drawRoundedRect(QRectF(0.6, 0.14, 0.2, 0.72), 0.05, 0.05)


def _return(painter: QPainter, colour: QColor) -> None:
    painter.drawLine(QPointF(0.2, 0.2), QPointF(0.2, 0.8))
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(0.82, 0.2), QPointF(0.36, 0.5), QPointF(0.82, 0.8)]))


def _loop(painter: QPainter, colour: QColor) -> None:
    path = QPainterPath(QPointF(0.1, 0.56))
    path.lineTo(0.1, 0.5)
    path.quadTo(0.1, 0.28, 0.32, 0.28)
    path.lineTo(0.84, 0.28)
    path.moveTo(0.9, 0.44)
    path.lineTo(0.9, 0.5)
    path.quadTo(0.9, 0.72, 0.68, 0.72)
    path.lineTo(0.16, 0.72)
    painter.drawPath(path)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(0.7, 0.14), QPointF(0.88, 0.28), QPointF(0.7, 0.42)]))
    painter.drawPolygon(QPolygonF([QPointF(0.3, 0.58), QPointF(0.12, 0.72), QPointF(0.3, 0.86)]))


def _bypass(painter: QPainter, _colour: QColor) -> None:
    painter.drawArc(QRectF(0.14, 0.18, 0.72, 0.72), 125 * 16, 290 * 16)
    painter.drawLine(QPointF(0.5, 0.08), QPointF(0.5, 0.5))


def _noise(painter: QPainter, _colour: QColor) -> None:
    heights = (0.12, 0.3, 0.18, 0.4, 0.24, 0.1)
    for index, height in enumerate(heights):
        x = 0.1 + 0.16 * index
        painter.drawLine(QPointF(x, 0.5 - height), QPointF(x, 0.5 + height))


def _cross(painter: QPainter, _colour: QColor) -> None:
    painter.drawLine(QPointF(0.25, 0.25), QPointF(0.75, 0.75))
    painter.drawLine(QPointF(0.75, 0.25), QPointF(0.25, 0.75))


def _chevron(painter: QPainter, _colour: QColor) -> None:
    painter.drawPolyline(QPolygonF([QPointF(0.2, 0.38), QPointF(0.5, 0.66), QPointF(0.8, 0.38)]))


def _record(painter: QPainter, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(QRectF(0.12, 0.12, 0.76, 0.76))


def _square(painter: QPainter, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(QRectF(0.18, 0.18, 0.64, 0.64), 0.08, 0.08)


def _freeze(painter: QPainter, _colour: QColor) -> None:
    for degrees in (0, 60, 120):
        painter.save()
        painter.translate(0.5, 0.5)
        painter.rotate(degrees)
        painter.drawLine(QPointF(0, -0.44), QPointF(0, 0.44))
        for end in (-1, 1):
            painter.drawPolyline(
                QPolygonF([QPointF(-0.14, end * 0.4), QPointF(0, end * 0.24), QPointF(0.14, end * 0.4)])
            )
        painter.restore()


def _dice(painter: QPainter, colour: QColor) -> None:
    painter.drawRoundedRect(QRectF(0.1, 0.1, 0.8, 0.8), 0.16, 0.16)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for x, y in ((0.32, 0.32), (0.68, 0.32), (0.5, 0.5), (0.32, 0.68), (0.68, 0.68)):
        painter.drawEllipse(QPointF(x, y), 0.075, 0.075)


def _help(painter: QPainter, _colour: QColor) -> None:
    path = QPainterPath(QPointF(0.3, 0.34))
    path.cubicTo(0.3, 0.02, 0.74, 0.02, 0.72, 0.34)
    path.cubicTo(0.71, 0.5, 0.5, 0.48, 0.5, 0.68)
    painter.drawPath(path)
    painter.drawPoint(QPointF(0.5, 0.9))


def _look(painter: QPainter, colour: QColor) -> None:
    painter.drawEllipse(QRectF(0.1, 0.1, 0.8, 0.8))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPie(QRectF(0.1, 0.1, 0.8, 0.8), 90 * 16, 180 * 16)


def _list(painter: QPainter, _colour: QColor) -> None:
    for y in (0.22, 0.5, 0.78):
        painter.drawPoint(QPointF(0.14, y))
        painter.drawLine(QPointF(0.36, y), QPointF(0.88, y))


def _left(painter: QPainter, _colour: QColor) -> None:
    painter.drawPolyline(QPolygonF([QPointF(0.62, 0.2), QPointF(0.34, 0.5), QPointF(0.62, 0.8)]))


def _right(painter: QPainter, _colour: QColor) -> None:
    painter.drawPolyline(QPolygonF([QPointF(0.38, 0.2), QPointF(0.66, 0.5), QPointF(0.38, 0.8)]))


def _undo(painter: QPainter, colour: QColor) -> None:
    path = QPainterPath(QPointF(0.3, 0.36))
    path.lineTo(0.62, 0.36)
    path.cubicTo(0.96, 0.36, 0.96, 0.86, 0.62, 0.86)
    path.lineTo(0.34, 0.86)
    painter.drawPath(path)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(0.34, 0.14), QPointF(0.08, 0.36), QPointF(0.34, 0.58)]))


def _redo(painter: QPainter, colour: QColor) -> None:
    painter.translate(1.0, 0.0)
    painter.scale(-1.0, 1.0)
    _undo(painter, colour)


def _lamina(painter: QPainter, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    for index, opacity in enumerate((0.35, 0.6, 1.0)):
        sheet = QColor(colour)
        sheet.setAlphaF(opacity)
        painter.setBrush(sheet)
        top = 0.52 - 0.22 * (2 - index) + 0.1
        corners = (
            QPointF(0.5, top - 0.17),
            QPointF(1.0, top + 0.08),
            QPointF(0.5, top + 0.33),
            QPointF(0.0, top + 0.08),
        )
        painter.drawPolygon(QPolygonF(corners))


_SIGNS: dict[str, Callable[[QPainter, QColor], None]] = {
    "play": _play,
    "pause": _pause,
    "return": _return,
    "loop": _loop,
    "bypass": _bypass,
    "noise": _noise,
    "cross": _cross,
    "chevron": _chevron,
    "record": _record,
    "square": _square,
    "freeze": _freeze,
    "dice": _dice,
    "help": _help,
    "look": _look,
    "list": _list,
    "left": _left,
    "right": _right,
    "undo": _undo,
    "redo": _redo,
    "lamina": _lamina,
}
