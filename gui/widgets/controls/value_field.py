"""The field in which a knob's value is typed.

It is there for as long as one types, and then the knob has the keys again.
"""

from PyQt6.QtCore import QEvent, QObject, QRect, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent
from PyQt6.QtWidgets import QApplication, QLineEdit, QWidget

ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
TABS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


class ValueField(QLineEdit):
    """Emits `ended` once, with what was typed, or with None after Escape; whoever made it takes it away then.

    Return ends it, and so does everything that leads elsewhere: Tab, a click or a wheel's turn outside it, another
    window. After Tab or Shift+Tab `passed` follows, with whether the way goes forwards.
    """

    ended = pyqtSignal(object)
    passed = pyqtSignal(bool)

    def __init__(self, text: str, place: QRect, parent: QWidget) -> None:
        super().__init__(text, parent)
        self._is_over = False
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setGeometry(place)
        app = QApplication.instance()
        assert app is not None
        # Most of the window takes no focus when it is clicked, so the field would not learn of it otherwise.
        app.installEventFilter(self)

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QKeyEvent):
            key = Qt.Key(event.key())
            if key == Qt.Key.Key_Escape:
                # Also the override that comes before: the window has its own use for Escape.
                event.accept()
                if event.type() == QEvent.Type.KeyPress:
                    self._end(None)
                return True
            if event.type() == QEvent.Type.KeyPress and (key in ENTER or key in TABS):
                # Taken here: a line edit passes Return on to the knob, which would open the field again.
                event.accept()
                self._end(self.text())
                if key in TABS:
                    self.passed.emit(key == Qt.Key.Key_Tab)
                return True
        return super().event(event)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        super().focusOutEvent(event)
        # The field's own menu, of Copy and Paste, is no way out.
        if event is not None and event.reason() != Qt.FocusReason.PopupFocusReason:
            self._end(self.text())

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        is_use = event is not None and event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.Wheel)
        if is_use and isinstance(watched, QWidget) and watched is not self and QApplication.activePopupWidget() is None:
            self._end(self.text())
        return False

    def _end(self, text: str | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
        self.ended.emit(text)
