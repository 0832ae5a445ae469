"""The list of the last messages, over the status line."""

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.messages import Message
from lamina.gui.widgets.controls.tips import plain_tip, set_tip

WIDTH, CLOCK_WIDTH = 520, 40
NOTHING = "Nothing was told yet."

Action = tuple[str, Callable[[], object]]


class MessageList(QFrame):
    """A popup: a click elsewhere or Escape closes it, and so does what can be done about a message."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "notice")
        self.setAccessibleName("Messages")
        self.setFixedWidth(WIDTH)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(theme.MARGIN, theme.GAP, theme.GAP, theme.GAP)
        self._column.setSpacing(theme.GAP)
        self.rows: list[QWidget] = []

    def show_messages(self, messages: Sequence[Message], action_of: Callable[[Message], Action | None]) -> None:
        """Lists them, the latest first; `action_of` gives a message's word and what it does."""
        for row in self.rows:
            self._column.removeWidget(row)
            row.deleteLater()
        self.rows = [self._row(message, action_of(message)) for message in messages] or [_words(NOTHING, "muted")]
        for row in self.rows:
            self._column.addWidget(row)

    def open_above(self, place: QPoint) -> None:
        """Opens with its lower left corner at a place of the screen."""
        self.ensurePolished()
        self._column.activate()
        # The frame's own, not the column's: its edge takes room too.
        height = self.heightForWidth(WIDTH) if self.hasHeightForWidth() else self.sizeHint().height()
        self.setFixedHeight(height)
        self.move(place.x(), max(0, place.y() - height))
        self.show()

    def texts(self) -> list[str]:
        """What is listed."""
        return [label.text() for row in self.rows for label in row.findChildren(QLabel, "text")]

    def _row(self, message: Message, action: Action | None) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.GAP)
        when = _words(message.clock(), "detail")
        when.setFixedWidth(CLOCK_WIDTH)
        text = _words(message.notice.text, "alert" if message.notice.is_error else "muted")
        text.setObjectName("text")
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_tip(text, plain_tip(message.notice.tip))
        layout.addWidget(when, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(text, 1)
        if action is not None:
            word, act = action
            button = QPushButton(word)
            button.setProperty("role", "quiet")
            button.clicked.connect(lambda: (self.close(), act()))
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return row


def _words(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
