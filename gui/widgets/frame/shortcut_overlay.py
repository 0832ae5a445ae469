"""The overview of keys and gestures that lies over the window while it is wanted."""

from collections.abc import Sequence

from PyQt6.QtCore import QEvent, QObject, QRectF, Qt
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from lamina.gui.look import theme

N_COLUMNS = 3
LINE_SPACING, COLUMN_SPACING = 3, 28
OPACITY = 0.95

Group = tuple[str, tuple[tuple[str, str], ...]]
"""A heading, and lines of keys with what they do."""


class ShortcutOverlay(QWidget):
    """Shows groups in columns over its parent; a click, Escape or the keys that opened it close it."""

    def __init__(self, groups: Sequence[Group], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Keys and gestures")
        self.setAccessibleDescription("\n".join(f"{keys}: {words}." for _, lines in groups for keys, words in lines))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.texts = {keys: words for _, lines in groups for keys, words in lines}
        columns = QHBoxLayout()
        columns.setSpacing(COLUMN_SPACING)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(COLUMN_SPACING, theme.MARGIN, COLUMN_SPACING, theme.MARGIN)
        whole.addStretch(1)
        whole.addLayout(columns)
        whole.addStretch(1)
        columns.addStretch(1)
        for column in _columns(groups, N_COLUMNS):
            columns.addLayout(_column(column))
        columns.addStretch(1)
        parent.installEventFilter(self)
        self.hide()

    def toggle(self) -> None:
        """Covers the parent, or no longer."""
        if self.isVisible():
            self.hide()
            return
        self._cover()
        self.show()
        self.raise_()
        self.setFocus()

    def _cover(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        self.setGeometry(parent.rect())

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Resize and not self.isHidden():
            self._cover()
        return False

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        self.hide()

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            # Also the override that comes before: the window has its own use for Escape.
            event.accept()
            if event.type() == QEvent.Type.KeyPress:
                self.hide()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.fillRect(QRectF(self.rect()), theme.colour(theme.WINDOW, OPACITY))


def _columns(groups: Sequence[Group], n_columns: int) -> list[list[Group]]:
    """The groups in their order, in columns that are about as long as each other."""
    lengths = [len(lines) + 2 for _, lines in groups]
    columns: list[list[Group]] = [[] for _ in range(n_columns)]
    share, filled = sum(lengths) / n_columns, 0.0
    for group, length in zip(groups, lengths, strict=True):
        columns[min(n_columns - 1, int((filled + length / 2) / share))].append(group)
        filled += length
    return columns


def _column(groups: Sequence[Group]) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(theme.GAP)
    for heading, lines in groups:
        name = QLabel(heading)
        name.setFont(theme.caption_font())
        name.setProperty("role", "muted")
        column.addWidget(name)
        grid = QGridLayout()
        grid.setVerticalSpacing(LINE_SPACING)
        grid.setHorizontalSpacing(theme.MARGIN)
        for row, (keys, words) in enumerate(lines):
            label = QLabel(keys)
            label.setProperty("role", "keys")
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignRight)
            said = QLabel(words)
            said.setProperty("role", "said")
            grid.addWidget(said, row, 1)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)
        column.addSpacing(theme.GAP)
    column.addStretch(1)
    return column
