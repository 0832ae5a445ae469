"""Controls of the desk that do more than show a value: freeze that can be held, a tempo to tap, dice for the seed."""

import random
import time

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QAbstractButton, QHBoxLayout, QPushButton, QWidget

from lamina.gui.look import icons, theme
from lamina.gui.model.values.desk import FREEZE_KEY
from lamina.gui.model.values.tap_tempo import TapTempo
from lamina.gui.widgets.controls.buttons import SignButton
from lamina.gui.widgets.controls.chips import draw_underline
from lamina.gui.widgets.controls.tips import set_tip
from lamina.gui.widgets.desk.desk_controls import ROW_HEIGHT, DeskControls

HELD_SECONDS = 0.35


class FreezeButton(QAbstractButton):
    """Freezes at once when it is pressed.

    A click leaves it frozen until the next one, holding it down until it is let go.
    """

    is_turned_by_hand = True

    def __init__(self, controls: DeskControls, is_small: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controls = controls
        self._pressed_at: float | None = None
        self.is_moving = False
        self._height = 24 if is_small else ROW_HEIGHT
        self.setText("Freeze")
        self.setCheckable(True)
        self.setFixedHeight(self._height)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName("Freeze")
        set_tip(
            self,
            f"<b>Freeze</b> ({FREEZE_KEY})<br>{controls.values.parameters['freeze'].help}<br><span>"
            "Click: frozen until the next click. Hold: as long as you hold it.</span>",
        )
        controls.follow("freeze", lambda value: self.setChecked(bool(value)), self.show_moving)
        # Keys and assistive tools click without pressing.
        self.clicked.connect(lambda is_on: controls.set("freeze", is_on))

    def show_moving(self, is_on: bool | None) -> None:
        """Underlines it while what moves has switched it on."""
        if bool(is_on) != self.is_moving:
            self.is_moving = bool(is_on)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(96 if self._height < ROW_HEIGHT else 130, self._height)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() == Qt.MouseButton.LeftButton:
            is_on = bool(self._controls.values["freeze"])
            self._pressed_at = None if is_on else time.monotonic()
            self._controls.set("freeze", not is_on)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        pass

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        if self._pressed_at is not None and time.monotonic() - self._pressed_at > HELD_SECONDS:
            self._controls.set("freeze", False)
        self._pressed_at = None

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        is_on = self.isChecked()
        painter.setBrush(theme.colour(theme.DRY if is_on else theme.HOVER if self.underMouse() else theme.RAISED))
        painter.setPen(QPen(theme.colour(theme.TEXT), 1) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(frame, 6, 6)
        ink = theme.colour(theme.WELL if is_on else theme.TEXT)
        painter.setFont(theme.font(12 if self._height < ROW_HEIGHT else theme.TEXT_PIXELS, bold=True))
        width = painter.fontMetrics().horizontalAdvance(self.text())
        left = frame.center().x() - (width + 20) / 2
        icons.draw(
            painter,
            "freeze",
            QRectF(left, frame.center().y() - 7, 14, 14),
            theme.colour(theme.WELL if is_on else theme.DRY),
        )
        painter.setPen(ink)
        painter.drawText(QRectF(left + 20, 0, width + 4, self.height()), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.is_moving:
            draw_underline(painter, frame)


class TempoControl(QWidget):
    """The tempo's knob and a button to tap it."""

    def __init__(self, controls: DeskControls, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controls, self._taps = controls, TapTempo()
        self.button = QPushButton("Tap")
        self.button.setProperty("role", "quiet")
        self.button.setToolTip("Tap the beat here, four times or more.")
        # When it is pressed, not when it is let go: that is when the beat is.
        self.button.pressed.connect(self._tap)
        _row(self, controls.make("tempo"), self.button)

    def _tap(self) -> None:
        tempo, parameter = self._taps.tap(time.monotonic()), self._controls.values.parameters["tempo"]
        if tempo is not None:
            self._controls.set("tempo", min(max(tempo, parameter.minimum), parameter.maximum))


class SeedControl(QWidget):
    """The seed's knob and dice that draw another one."""

    def __init__(self, controls: DeskControls, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = SignButton("dice", "Draw another seed", diameter=28)
        self.button.setToolTip("Draw another seed: the same settings, other luck.")
        last = int(controls.values.parameters["seed"].maximum)
        self.button.clicked.connect(lambda: controls.set("seed", random.SystemRandom().randint(0, last)))
        _row(self, controls.make("seed"), self.button)


def _row(parent: QWidget, *widgets: QWidget) -> None:
    row = QHBoxLayout(parent)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.GAP)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
