"""A knob for one parameter: dial at the left, name and value beside it."""

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PyQt6.QtWidgets import QDial, QWidget

from lamina.gui.look import theme
from lamina.gui.model.values.travel import Travel
from lamina.gui.model.values.words import value_text
from lamina.gui.widgets.controls.knob_drawing import draw_arc, draw_cap, draw_moving, draw_pointer
from lamina.gui.widgets.controls.value_field import ValueField
from lamina.plugin import Parameter
from lamina.plugin.parameters.model_shape import ModelShape
from lamina.plugin.parameters.table import Value

WHEEL_NOTCH = 120  # Qt's unit: eighths of a degree per notch
MOVING_PLACES = 270  # a degree each: less is not seen, and not worth drawing


class Knob(QDial):
    """Turns a parameter by dragging up and down, wheel, keys or a typed value.

    A QDial underneath, so that assistive tools see a dial with a value; drawing and gestures are this class's own.
    `moved` carries a new value, `refused` the sentence for a typed one that isn't allowed. It shows a value only when
    told to by `show_value`: what it shows is what the model holds. `show_moving` shows beside it where the value is
    now.
    """

    is_turned_by_hand = True
    moved = pyqtSignal(object)
    refused = pyqtSignal(str)

    def __init__(self, parameter: Parameter, accent: str = theme.WET, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self.accent = accent
        self.travel = Travel(parameter)
        self.shown: Value = parameter.default
        self.moving: float | None = None
        self._drag: tuple[float, float] | None = None
        self._wheel = 0
        self._editor: ValueField | None = None
        self.setRange(*(round(edge / self._unit) for edge in (parameter.minimum, parameter.maximum)))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SizeVerCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(parameter.label)
        self.explain(parameter.help)
        self.show_value(parameter.default)

    def use_parameter(self, parameter: Parameter, shape: ModelShape) -> None:
        """Goes on with the same parameter in the range that it has for another model."""
        self.parameter, self.travel = parameter, Travel(parameter, shape)
        self.blockSignals(True)
        self.setRange(*(round(edge / self._unit) for edge in (parameter.minimum, parameter.maximum)))
        self.blockSignals(False)
        self.explain(parameter.help)
        self.update()

    def explain(self, text: str) -> None:
        """Sets the tooltip: what the parameter does and how to turn it."""
        self.setToolTip(
            f"<b>{self.parameter.label}</b><br>{text}<br><span>Drag up or down (Shift: "
            "fine), wheel, "
            "arrow keys, or type a value. Double-click or Delete: "
            f"{value_text(self.parameter, self.parameter.default)}. Right button: more.</span>"
        )

    def show_value(self, value: Value) -> None:
        """Shows what the model holds."""
        self.shown = value
        self.blockSignals(True)
        self.setValue(round(float(value) / self._unit))
        self.blockSignals(False)
        self.setAccessibleDescription(self.text())
        self.update()

    def show_moving(self, value: Value | None) -> None:
        """Shows where the value is that moves by itself; None if it doesn't."""
        place = None if value is None else round(self.travel.position(value) * MOVING_PLACES) / MOVING_PLACES
        if place != self.moving:
            self.moving = place
            self.update()

    def text(self) -> str:
        """The value in words."""
        return value_text(self.parameter, self.shown)

    def typed_text(self) -> str:
        """The value as the field for typing begins with it: what it would be typed as."""
        return self.text()

    @property
    def _unit(self) -> float:
        return 1.0 if self.travel.is_detented else float(self.parameter.step)

    # Gestures.

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = (event.globalPosition().y(), self.travel.position(self.shown))
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._drag is None:
            return
        is_fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        start_y, start_position = self._drag
        self._offer(self.travel.dragged(start_position, start_y - event.globalPosition().y(), is_fine))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        self._drag = None
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        self._drag = None
        self._offer(self.parameter.default)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        assert event is not None
        self._wheel += event.angleDelta().y()
        # Towards zero, so that a touchpad's small amounts add up to a notch in either direction.
        notches = int(self._wheel / WHEEL_NOTCH)
        self._wheel -= notches * WHEEL_NOTCH
        if notches:
            self._offer(
                self.travel.stepped(self.shown, notches, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            )
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        steps = {
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_PageUp: 4,
            Qt.Key.Key_PageDown: -4,
        }.get(Qt.Key(event.key()))
        if steps is not None:
            self._offer(
                self.travel.stepped(self.shown, steps, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            )
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2):
            self.edit(self.typed_text())
        elif event.text() and event.text() in "0123456789-+.,":
            self.edit(event.text(), is_started=True)
        elif event.key() == Qt.Key.Key_Delete:
            self._offer(self.parameter.default)
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        super().focusOutEvent(event)
        self.update()

    def edit(self, text: str, is_started: bool = False) -> None:
        """Opens the field for a typed value, holding `text`, selected unless the user has started to type."""
        self._drop_editor()
        editor = ValueField(text, self._editor_place().toRect(), self)
        editor.setAccessibleName(f"{self.parameter.label}, value")
        if not is_started:
            editor.selectAll()
        # What stands there is rounded: left as it is, it must not become the value.
        untouched = self.typed_text()
        editor.ended.connect(lambda typed: self._edited(None if typed == untouched else typed))
        editor.passed.connect(self._pass_focus)
        self._editor = editor
        editor.show()
        editor.setFocus()

    def _drop_editor(self) -> None:
        editor, self._editor = self._editor, None
        if editor is not None:
            if editor.hasFocus():
                self.setFocus()
            editor.hide()
            editor.deleteLater()

    def _edited(self, text: str | None) -> None:
        """The field has ended; None leaves the value alone."""
        self._drop_editor()
        if text is None:
            return
        try:
            self._offer(self.travel.parse(text))
        except (ValueError, TypeError) as error:
            self.refused.emit(str(error))

    def _pass_focus(self, is_forwards: bool) -> None:
        """Tab in the field goes where Tab on the knob goes."""
        self.focusNextPrevChild(is_forwards)

    def _offer(self, value: object) -> None:
        if value != self.shown:
            self.moved.emit(value)

    # Drawing.

    def sizeHint(self) -> QSize:
        return QSize(118, 54)

    def minimumSizeHint(self) -> QSize:
        return QSize(110, 46)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self.isEnabled() else 0.4)
        dial = self._dial()
        arc = dial.adjusted(2, 2, -2, -2)
        draw_arc(painter, arc, 0.0, 1.0, QPen(theme.colour(theme.SLOT), 3))
        place, origin = self.travel.position(self.shown), self.travel.origin
        if abs(place - origin) > 1e-6:
            draw_arc(painter, arc, min(place, origin), max(place, origin), QPen(theme.colour(self.accent), 3))
        if self.moving is not None:
            draw_moving(painter, arc, place, self.moving, self.accent, 3)
        cap = dial.adjusted(6, 6, -6, -6)
        draw_cap(painter, cap, self._ring_colour())
        draw_pointer(painter, cap, place, theme.colour(theme.TEXT), 0.4, 0.82, 2.2)
        left = dial.right() + self._beside_dial()
        words = QRectF(left, dial.center().y() - 18, self.width() - left, 18)
        middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font(theme.SMALL_PIXELS))
        painter.setPen(theme.colour(theme.MUTED))
        painter.drawText(words, middle, self.parameter.label)
        painter.setFont(theme.font(theme.TEXT_PIXELS))
        painter.setPen(theme.colour(theme.TEXT))
        painter.drawText(words.translated(0, 17), middle, self.text().replace("-", "\N{MINUS SIGN}"))

    def _dial(self) -> QRectF:
        side = min(50.0, float(self.height()))
        return QRectF(0, (self.height() - side) / 2, side, side)

    def _beside_dial(self) -> float:
        """Pixels between dial and words."""
        return 9.0

    def _editor_place(self) -> QRectF:
        dial = self._dial()
        return QRectF(dial.right() + 3, dial.center().y() - 2, self.width() - dial.right() - 3, 24)

    def _ring_colour(self) -> QColor:
        if self.hasFocus():
            return theme.colour(theme.TEXT)
        return theme.colour(theme.DIM if self.underMouse() or self._drag else theme.SLOT)
