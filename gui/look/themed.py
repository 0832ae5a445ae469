"""Widgets that keep colours of their own, as tables and pictures, and renew them with the theme."""

from PyQt6.QtCore import QEvent
from PyQt6.QtWidgets import QWidget

from lamina.gui.look import theme


class ThemedWidget(QWidget):
    """Calls `renew_colours` when another theme is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme.shown()

    def renew_colours(self) -> None:
        """Makes anew what was made of colours."""

    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        # Changes of the palette or of a style sheet come at other times too.
        if self._theme != theme.shown():
            self._theme = theme.shown()
            self.renew_colours()
            self.update()
