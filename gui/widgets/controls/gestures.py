"""Which changes are one gesture: what the mouse holds, and what a wheel or an arrow key turns."""

from typing import Protocol

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QWidget

TURNING_KEYS = (
    Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
)  # fmt: skip
PRESSES = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)


class Told(Protocol):
    """Who is told of gestures."""

    def press(self) -> None:
        """The mouse takes hold of something."""

    def release(self) -> None:
        """The mouse lets go."""

    def turn(self, is_turned: bool = True) -> None:
        """What changes next is turned, or not."""


class Gestures(QObject):
    """Watches the widgets that are dragged and turned, which say so by an attribute `is_turned_by_hand`."""

    def __init__(self, told: Told, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._told = told

    def watch(self, root: QWidget) -> None:
        """Watches those inside `root`, and `root` if it is one."""
        for widget in (root, *root.findChildren(QWidget)):
            if getattr(widget, "is_turned_by_hand", False):
                # Once, however often it is called: a filter that is installed again only moves to the front.
                widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is None:
            return False
        kind = event.type()
        if kind in PRESSES:
            self._told.press()
        elif kind == QEvent.Type.MouseButtonRelease:
            # Once the widget has done what it does then, which belongs to the gesture.
            QTimer.singleShot(0, self._told.release)
        elif kind == QEvent.Type.Wheel:
            self._told.turn()
        elif kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            self._told.turn(event.key() in TURNING_KEYS)
        return False
