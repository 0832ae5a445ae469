"""The line that a first start begins with: what to do, in a sentence each, until it is put away."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.widgets.controls.buttons import SignButton

WORDS = (
    "Press Space. Turn the big knob: fewer layers are fewer bits, and a stranger sound. B is bypass, to compare; "
    "? shows all keys."
)
HEIGHT = 34


class FirstLine(QWidget):
    """Stands below the header; its button puts it away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(WORDS)
        self.label = QLabel(WORDS)
        self.label.setProperty("role", "said")
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.close_button = SignButton("cross", "Put this line away", diameter=26)
        self.close_button.clicked.connect(self.hide)
        surface = QFrame()
        surface.setProperty("role", "panel")
        surface.setFixedHeight(HEIGHT)
        row = QHBoxLayout(surface)
        row.setContentsMargins(theme.MARGIN, 0, 4, 0)
        row.addWidget(self.label, 1)
        row.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, theme.MARGIN)
        column.addWidget(surface)
        self.hide()
