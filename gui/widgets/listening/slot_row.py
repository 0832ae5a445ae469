"""One slot of a comparison as a row: its key, what it is, the bits that were counted, its gain, and how far it is."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.model.listening.recipe import Kind
from lamina.gui.model.listening.slots import Slot, SlotState
from lamina.gui.widgets.controls.buttons import SignButton
from lamina.gui.widgets.controls.status_line import ElidedLabel
from lamina.gui.widgets.controls.tips import plain_tip, set_tip

HEIGHT, KEY_WIDTH, FIGURE_WIDTH = 50, 44, 74


class SlotRow(QWidget):
    """Shows a `Slot`. `chosen` asks to hear it, `cross_pressed` to take it away, or to end its making."""

    chosen = pyqtSignal()
    cross_pressed = pyqtSignal()

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = number
        self.is_heard = False
        self._accent, self._progress = theme.WET, 0.0
        self.setFixedHeight(HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.title, self.detail = ElidedLabel("title", theme.TEXT), ElidedLabel("detail")
        self.rate, self.gain = QLabel(), QLabel()
        for words in (self.title, self.detail):
            words.setTextFormat(Qt.TextFormat.PlainText)
            words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for label in (self.rate, self.gain):
            label.setFixedWidth(FIGURE_WIDTH)
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.gain.setProperty("role", "detail")
        self.cross = SignButton("cross", "Remove", diameter=26)
        self.cross.clicked.connect(self.cross_pressed)
        grid = QGridLayout(self)
        grid.setContentsMargins(KEY_WIDTH, 6, 8, 6)
        grid.setHorizontalSpacing(theme.GAP)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self.title, 0, 0)
        grid.addWidget(self.detail, 1, 0)
        grid.addWidget(self.rate, 0, 1)
        grid.addWidget(self.gain, 1, 1)
        grid.addWidget(self.cross, 0, 2, 2, 1)

    def show_slot(self, slot: Slot, is_heard: bool, can_remove: bool) -> None:
        """Shows how it is now."""
        recipe = slot.recipe
        self._accent = theme.DRY if recipe.kind is Kind.ORIGINAL else theme.WET
        self._progress = slot.progress if slot.state is SlotState.MAKING else 0.0
        self.is_heard = is_heard
        trouble = slot.state_text()
        self.title.setText(recipe.title)
        self.detail.setText(trouble or recipe.detail)
        self.detail.use_ink(theme.ALERT if slot.state is SlotState.FAILED else theme.MUTED)
        self.rate.setText(slot.rate_text())
        is_ready = slot.state is SlotState.READY
        self.gain.setText(slot.gain_text() if is_ready else "")
        what = ". ".join(part for part in (recipe.title, recipe.detail, trouble) if part)
        counted = f" {slot.rate_text()} were counted, of all channels together." if slot.rate_text() else ""
        gain = f" Its gain is {slot.gain_text()}." if is_ready else ""
        set_tip(self, plain_tip(f"{what.rstrip('.')}.{counted}{gain} Key {self.number}."))
        self.setAccessibleName(f"Slot {self.number}{', heard' if is_heard else ''}: {recipe.title}")
        self.cross.setVisible(slot.is_busy or can_remove)
        name = f"Cancel slot {self.number}" if slot.is_busy else f"Remove slot {self.number}"
        self.cross.setAccessibleName(name)
        self.cross.setToolTip("Don't make it any further." if slot.is_busy else "Take this slot away (Delete).")
        self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() is Qt.MouseButton.LeftButton:
            self.chosen.emit()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 1.5, -0.5, -1.5)
        painter.setPen(theme.colour(self._accent) if self.is_heard else Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.RAISED if self.is_heard else theme.WELL))
        painter.drawRoundedRect(frame, 6, 6)
        if self._progress > 0:
            bar = QRectF(frame.left() + KEY_WIDTH, frame.bottom() - 4, frame.width() - KEY_WIDTH - 12, 2)
            painter.fillRect(bar, theme.colour(theme.SLOT))
            bar.setWidth(bar.width() * self._progress)
            painter.fillRect(bar, theme.colour(self._accent))
        key = QRectF(frame.left() + 10, frame.center().y() - 12, 24, 24)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(self._accent if self.is_heard else theme.SLOT))
        painter.drawRoundedRect(key, 5, 5)
        painter.setFont(theme.font(bold=True))
        painter.setPen(theme.colour(theme.WELL if self.is_heard else theme.TEXT))
        painter.drawText(key, Qt.AlignmentFlag.AlignCenter, str(self.number))
