"""Which of the rolling pictures are shown: a button for each."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QWidget

from lamina.gui.model.sound.pictures import DIFFERENCE, INPUT, OUTPUT
from lamina.gui.widgets.controls.chips import Chip

DIFFERENCE_KEY = "V"
CHOICES = (
    (INPUT, "In", "Input", "Show the spectrogram of what goes in, as it reaches the codec."),
    (OUTPUT, "Out", "Output", "Show the spectrogram of what comes out."),
    (
        DIFFERENCE,
        "Diff",
        "Difference",
        f"Show where more came out than went in, or less ({DIFFERENCE_KEY}): warm is louder, cool quieter or gone.",
    ),
)
"""Name, text, name in full, and tooltip of each."""


class PictureChoice(QWidget):
    """Buttons that are lit while their picture is shown; `pressed` carries the name of one that was pressed."""

    pressed = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        self.buttons: dict[str, Chip] = {}
        for name, text, in_full, tip in CHOICES:
            button = Chip(text)
            button.setAccessibleName(f"{in_full} is shown")
            button.setToolTip(tip)
            button.clicked.connect(lambda _checked, name=name: self.pressed.emit(name))
            row.addWidget(button)
            self.buttons[name] = button

    def show_shown(self, names: tuple[str, ...]) -> None:
        """Lights the buttons of these pictures."""
        for name, button in self.buttons.items():
            button.setChecked(name in names)
