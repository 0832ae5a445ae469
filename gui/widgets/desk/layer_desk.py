"""Faders for all layers in one picture: number, fader, mute and solo of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from lamina.gui.look import theme
from lamina.gui.model.values.layer_desk import LayerDesk
from lamina.gui.widgets.controls.knob import WHEEL_NOTCH
from lamina.gui.widgets.desk.layer_drawing import BUTTON_HEIGHT, NUMBER_HEIGHT, Now, draw_layer, fader_area

GESTURES = (
    "Drag up or down (Shift: fine; Ctrl: draw across layers), wheel, arrow keys. Double-click: 1.00. M and S mute and "
    "solo; "
    "Ctrl-click on S: this one alone."
)


@dataclass
class _Drag:
    layer: int
    start_y: float
    start_position: float
    draws: bool


class LayerFaders(QWidget):
    """Shows a `LayerDesk` and passes every gesture on to it. Call `update` when something of it has changed."""

    is_turned_by_hand = True

    def __init__(self, desk: LayerDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.current = 1
        self._under_mouse: int | None = None
        self._drag: _Drag | None = None
        self._wheel = 0
        self._now = Now()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Layer desk")

    def show_desk(self) -> None:
        """Takes over what changed."""
        self.setAccessibleDescription(self.desk.text(self.current))
        self.update()

    def show_moving(self, gains: Mapping[int, float], n_sent: int | None) -> None:
        """Shows the gains, by layer, that move by themselves.

        And how many layers are sent now (None: as many as the knob says).
        """
        before, self._now = self._now, Now({layer: round(gain, 2) for layer, gain in gains.items()}, n_sent)
        if self._now == before:
            return
        if n_sent != before.n_sent:
            self.update()
            return
        for layer in before.gains.keys() | self._now.gains.keys():
            if before.gains.get(layer) != self._now.gains.get(layer):
                self.update(self.column(layer).toAlignedRect())

    @property
    def moving_gains(self) -> Mapping[int, float]:
        """Gains, by layer, that are shown as moving."""
        return self._now.gains

    def sizeHint(self) -> QSize:
        return QSize(26 * self.desk.n_layers, 190)

    def minimumSizeHint(self) -> QSize:
        return QSize(16 * self.desk.n_layers, 110)

    # Places.

    def column(self, layer: int) -> QRectF:
        """Where a layer stands."""
        width = self.width() / self.desk.n_layers
        return QRectF((layer - 1) * width, 0, width, self.height())

    def place(self, layer: int, part: str) -> QPointF:
        """The middle of a layer's "number", "fader", "mute" or "solo"."""
        column = self.column(layer)
        y = {
            "number": NUMBER_HEIGHT / 2,
            "fader": fader_area(column).center().y(),
            "mute": self.height() - 1.5 * BUTTON_HEIGHT,
            "solo": self.height() - 0.5 * BUTTON_HEIGHT,
        }[part]
        return QPointF(column.center().x(), y)

    def layer_at(self, x: float) -> int:
        """The layer that stands at a place from the left, in pixels."""
        return min(self.desk.n_layers, max(1, int(x / self.width() * self.desk.n_layers) + 1))

    def _part_at(self, y: float) -> str:
        if y < NUMBER_HEIGHT:
            return "number"
        if y >= self.height() - BUTTON_HEIGHT:
            return "solo"
        return "mute" if y >= self.height() - 2 * BUTTON_HEIGHT else "fader"

    def _gain_at(self, y: float) -> float:
        area = fader_area(self.column(1))
        return float(self.desk.travel.value((area.bottom() - y) / area.height()))

    # Gestures.

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() != Qt.MouseButton.LeftButton:
            return
        layer, part = self.layer_at(event.position().x()), self._part_at(event.position().y())
        has_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        self._go_to(layer)
        if part == "number":
            self.desk.listen_to(layer)
        elif part == "mute":
            self.desk.toggle_mute(layer)
        elif part == "solo":
            self.desk.toggle_solo(layer, alone=has_ctrl)
        else:
            position = self.desk.travel.position(self.desk.gain(layer))
            self._drag = _Drag(layer, event.globalPosition().y(), position, has_ctrl)
            if has_ctrl:
                self.desk.set_gain(layer, self._gain_at(event.position().y()))
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        self._under_mouse = self.layer_at(event.position().x())
        drag = self._drag
        if drag is None:
            self.update()
            return
        if drag.draws:
            # The mouse may jump over layers: those between get the height too.
            first, last = sorted((drag.layer, self._under_mouse))
            for layer in range(first, last + 1):
                if layer != drag.layer or first == last:
                    self.desk.set_gain(layer, self._gain_at(event.position().y()))
            drag.layer = self._under_mouse
            self._go_to(drag.layer)
            return
        is_fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        # As far as the mouse goes, the cap goes.
        pixels = (drag.start_y - event.globalPosition().y()) / fader_area(self.column(1)).height()
        self._set(drag.layer, self.desk.travel.value(drag.start_position + pixels * (0.2 if is_fine else 1.0)))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        self._drag = None
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._part_at(event.position().y()) == "fader":
            self._drag = None
            self._set(self.layer_at(event.position().x()), 1.0)
        else:
            # Two quick clicks on a button are two clicks.
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        assert event is not None
        self._wheel += event.angleDelta().y()
        notches = int(self._wheel / WHEEL_NOTCH)
        self._wheel -= notches * WHEEL_NOTCH
        if notches:
            self._step(
                self.layer_at(event.position().x()),
                notches,
                bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier),
            )
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        key, is_fine = Qt.Key(event.key()), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 4, Qt.Key.Key_PageDown: -4}.get(key)
        if steps is not None:
            self._step(self.current, steps, is_fine)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._go_to(self.current + (1 if key == Qt.Key.Key_Right else -1))
        elif key == Qt.Key.Key_M:
            self.desk.toggle_mute(self.current)
        elif key == Qt.Key.Key_S:
            self.desk.toggle_solo(self.current)
        elif key == Qt.Key.Key_Delete:
            self._set(self.current, 1.0)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.desk.listen_to(self.current)
        else:
            event.ignore()

    def leaveEvent(self, event: QEvent | None) -> None:
        self._under_mouse = None
        self.update()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        super().focusOutEvent(event)
        self.update()

    def _step(self, layer: int, steps: int, is_fine: bool) -> None:
        self._go_to(layer)
        self._set(layer, self.desk.travel.stepped(self.desk.gain(layer), steps, is_fine))

    def _set(self, layer: int, gain: float) -> None:
        if gain != self.desk.gain(layer):
            self.desk.set_gain(layer, gain)

    def _go_to(self, layer: int) -> None:
        self.current = min(self.desk.n_layers, max(1, layer))
        self.show_desk()

    # Drawing.

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            layer, part = self.layer_at(event.pos().x()), self._part_at(event.pos().y())
            text = self.desk.text(layer)
            hears_one = self.desk.listened is not None
            what = {
                "number": "Click: hear what this layer alone adds."
                if hears_one
                else "With Listen at One layer, a click here chooses it.",
                "mute": "Mute: the layer is sent, but not heard.",
                "solo": "Solo: only layers with it are heard.",
                "fader": GESTURES,
            }[part]
            QToolTip.showText(event.globalPos(), f"<b>{text[0].upper()}{text[1:]}</b><br>{what}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        assert event is not None
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dirty = QRectF(event.rect())
        pointed = self._drag.layer if self._drag is not None else self._under_mouse
        for layer in range(1, self.desk.n_layers + 1):
            if self.column(layer).intersects(dirty):
                is_focused = self.hasFocus() and layer == self.current
                draw_layer(painter, self.column(layer), self.desk, layer, layer == pointed, is_focused, self._now)
        if self.hasFocus() or pointed is not None:
            self._draw_gain(painter, pointed if pointed is not None else self.current)

    def _draw_gain(self, painter: QPainter, layer: int) -> None:
        """The gain in figures, beside the cap where the number above leaves no room."""
        column = self.column(layer)
        box = QRectF(0, 0, 34, 16)
        area = fader_area(column)
        y = area.bottom() - self.desk.travel.position(self.desk.gain(layer)) * area.height()
        box.moveCenter(
            QPointF(min(max(column.center().x(), 17), self.width() - 17), y - 16 if y - 24 > area.top() else y + 16)
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.SLOT, 0.95))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(theme.colour(theme.TEXT))
        painter.setFont(theme.font(theme.SMALL_PIXELS))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{self.desk.gain(layer):.2f}")
