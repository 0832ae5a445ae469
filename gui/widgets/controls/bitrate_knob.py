"""The knob the window is built around: one lit segment per layer, the layer count and the bitrate in its middle."""

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PyQt6.QtWidgets import QWidget

from lamina.gui.look import theme
from lamina.gui.model.values.words import kbps_text, layers_text
from lamina.gui.widgets.controls.knob import Knob
from lamina.gui.widgets.controls.knob_drawing import (
    START_DEGREES,
    SWEEP_DEGREES,
    draw_arc,
    draw_cap,
    draw_pointer,
    point,
)
from lamina.plugin import Parameter
from lamina.plugin.parameters.table import Value

END_FIGURES = 22.0


class BitrateKnob(Knob):
    """The knob the window is built around: a segment per layer, the layer count and the bitrate in its middle."""

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parameter, parent=parent)
        self.is_bypassed = False

    def text(self) -> str:
        """Layers and bitrate in words."""
        return f"{self.layers_text()}, {self.kbps_text()}"

    def typed_text(self) -> str:
        """The layer count alone: both units at once are no value."""
        return self.layers_text()

    def layers_text(self) -> str:
        """The layer count in words."""
        return layers_text(int(self.shown))

    def kbps_text(self) -> str:
        """The bitrate of one channel in words."""
        return kbps_text(self.travel.shape.kbps(int(self.shown)))

    def show_bypassed(self, is_bypassed: bool) -> None:
        """Dims the light while the layers aren't heard."""
        if is_bypassed != self.is_bypassed:
            self.is_bypassed = is_bypassed
            self.update()

    def show_moving(self, value: Value | None) -> None:
        """Shows how many layers are sent now, if that is something else than the knob says; by whole segments."""
        place = None if value is None else int(value) / int(self.parameter.maximum)
        if place != self.moving:
            self.moving = place
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(228, 214)

    def minimumSizeHint(self) -> QSize:
        return QSize(130, 120)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if self._editor is not None:
            self._editor.setGeometry(self._editor_place().toRect())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dial = self._dial()
        radius = dial.width() / 2
        self._draw_segments(
            painter, dial.adjusted(radius * 0.05, radius * 0.05, -radius * 0.05, -radius * 0.05), radius * 0.1
        )
        if self.moving is not None:
            self._draw_moving(painter, dial, radius)
        body = dial.adjusted(radius * 0.2, radius * 0.2, -radius * 0.2, -radius * 0.2)
        draw_cap(painter, body, self._ring_colour())
        draw_pointer(
            painter, body, self.travel.position(self.shown), self._light(1.0), 0.84, 0.94, max(3.0, radius * 0.035)
        )
        self._draw_words(painter, dial)

    def _dial(self) -> QRectF:
        # Below the cap and the figures at the ring's ends nothing is drawn: room that a whole square would waste.
        height = self.height() - 4.0
        radius = max(20.0, min(self.width() / 2 - 2.0, (height - END_FIGURES) / 1.67, height / 1.82))
        used = max(radius * 1.82, radius * 1.67 + END_FIGURES)
        return QRectF(self.width() / 2 - radius, 2 + (height - used) / 2, 2 * radius, 2 * radius)

    def _editor_place(self) -> QRectF:
        dial = self._dial()
        return QRectF(dial.center().x() - 52, dial.center().y() - 16, 104, 32)

    def _light(self, strength: float) -> QColor:
        light = theme.colour(theme.MUTED if self.is_bypassed else theme.WET)
        # Weaker towards the panel, whichever theme that is in.
        ground = theme.colour(theme.PANEL)
        mixed = (
            strength * own + (1.0 - strength) * other
            for own, other in zip(light.getRgbF()[:3], ground.getRgbF()[:3], strict=True)
        )
        return light if strength >= 1.0 else QColor.fromRgbF(*mixed)

    def _draw_segments(self, painter: QPainter, ring: QRectF, thickness: float) -> None:
        n_layers = int(self.parameter.maximum)
        pitch = SWEEP_DEGREES / n_layers
        gap = min(2.6, pitch * 0.25)
        for layer in range(1, n_layers + 1):
            start = START_DEGREES - (layer - 1) * pitch - gap / 2
            is_lit = layer <= int(self.shown)
            # The newest layer shines brightest: it is the one the next movement takes away.
            pen_colour = self._light(0.62 + 0.38 * layer / int(self.shown)) if is_lit else theme.colour(theme.SLOT)
            painter.setPen(QPen(pen_colour, thickness, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.drawArc(ring, round(start * 16), -round((pitch - gap) * 16))

    def _draw_moving(self, painter: QPainter, dial: QRectF, radius: float) -> None:
        """A thin arc between segments and cap."""
        assert self.moving is not None
        inset = radius * 0.148
        thin = dial.adjusted(inset, inset, -inset, -inset)
        width = max(2.0, radius * 0.022)
        draw_arc(painter, thin, 0.0, self.moving, QPen(theme.colour(theme.MOVING), width))

    def _draw_words(self, painter: QPainter, dial: QRectF) -> None:
        radius = dial.width() / 2
        centre = dial.center()
        painter.setPen(theme.colour(theme.TEXT))
        painter.setFont(theme.font(round(radius * 0.44), bold=True))
        painter.drawText(_line(dial, centre.y() - radius * 0.2, radius), Qt.AlignmentFlag.AlignCenter, str(self.shown))
        painter.setFont(theme.font(max(theme.SMALL_PIXELS, round(radius * 0.125))))
        painter.setPen(theme.colour(theme.MUTED))
        word = self.layers_text().split()[1]
        painter.drawText(_line(dial, centre.y() + radius * 0.1, radius), Qt.AlignmentFlag.AlignCenter, word)
        painter.setFont(theme.font(max(theme.TEXT_PIXELS, round(radius * 0.15)), bold=True))
        painter.setPen(self._light(1.0))
        painter.drawText(
            _line(dial, centre.y() + radius * 0.32, radius), Qt.AlignmentFlag.AlignCenter, self.kbps_text()
        )
        painter.setFont(theme.font(theme.SMALL_PIXELS))
        painter.setPen(theme.colour(theme.DIM))
        for place, word in ((0.0, str(int(self.parameter.minimum))), (1.0, str(int(self.parameter.maximum)))):
            spot = point(dial.center(), radius * 0.95, place)
            painter.drawText(
                QRectF(spot.x() - 16 + (8 if place else -8), spot.y() + 6, 32, 14), Qt.AlignmentFlag.AlignCenter, word
            )


def _line(dial: QRectF, centre_y: float, radius: float) -> QRectF:
    return QRectF(dial.left(), centre_y - radius * 0.3, dial.width(), radius * 0.6)
