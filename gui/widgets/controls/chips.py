"""Chips: small buttons that are lit while chosen, alone or as a row of words of which one is lit."""

from collections.abc import Mapping

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme

CHIP_PADDING = 10


class Chip(QPushButton):
    """A small checkable button.

    `show_dot` puts a dot into its corner: something behind it isn't as it was. `show_moving` underlines it: what moves
    by itself is here now.
    """

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("role", "chip")
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.has_dot = self.is_moving = False

    def show_dot(self, has_dot: bool) -> None:
        """Shows the dot or takes it away."""
        if has_dot != self.has_dot:
            self.has_dot = has_dot
            self.update()

    def show_moving(self, is_moving: bool) -> None:
        """Underlines it, or no longer."""
        if is_moving != self.is_moving:
            self.is_moving = is_moving
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 2 * CHIP_PADDING, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(
            self.fontMetrics().horizontalAdvance(self.text()) + CHIP_PADDING, super().minimumSizeHint().height()
        )

    def paintEvent(self, event: QPaintEvent | None) -> None:
        super().paintEvent(event)
        if self.has_dot or self.is_moving:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            if self.has_dot:
                painter.setBrush(theme.colour(theme.WET))
                painter.drawEllipse(QRectF(self.width() - 9, 4, 5, 5))
            if self.is_moving:
                draw_underline(painter, QRectF(self.rect()))


class Segments(QWidget):
    """A switch between a few words, of which one is lit. `chosen` carries the word that was pressed.

    Args:
        words: what can be chosen; a mapping gives the texts to show for them.
        width: of each button in pixels; as its text needs if None.
        is_upright: whether they stand one above the other.
    """

    chosen = pyqtSignal(str)

    def __init__(
        self,
        words: tuple[str, ...] | Mapping[str, str],
        width: int | None = 38,
        is_upright: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        row = QVBoxLayout(self) if is_upright else QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3 if is_upright else 4)
        texts = words if isinstance(words, Mapping) else {word: word for word in words}
        self.buttons: dict[str, Chip] = {}
        for word, text in texts.items():
            button = Chip(text)
            if width is not None:
                button.setFixedWidth(width)
            else:
                button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _checked, word=word: self._press(word))
            row.addWidget(button)
            self.buttons[word] = button

    def show_chosen(self, chosen: str) -> None:
        """Lights one of the words."""
        for word, button in self.buttons.items():
            button.setChecked(word == chosen)

    def show_moving(self, word: str | None) -> None:
        """Underlines the word that is chosen now by what moves; None if nothing does."""
        for each, button in self.buttons.items():
            button.show_moving(each == word)

    def _press(self, word: str) -> None:
        # A click on the lit one must not put it out: the model decides what is lit.
        self.buttons[word].setChecked(True)
        self.chosen.emit(word)


def draw_underline(painter: QPainter, frame: QRectF) -> None:
    """The mark of a button that is on now by what moves."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour(theme.MOVING))
    painter.drawRoundedRect(QRectF(frame.left() + 5, frame.bottom() - 4, frame.width() - 10, 2), 1, 1)
