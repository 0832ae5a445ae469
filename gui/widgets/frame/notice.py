"""A notice: one sentence over the window's lower edge that goes away by itself and never blocks."""

from PyQt6.QtCore import QEvent, QObject, QRectF, Qt, QTimer
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from lamina.gui.look import theme
from lamina.gui.widgets.controls.buttons import SignButton
from lamina.gui.widgets.controls.tips import plain_tip

SHORT_MS = 5000
LONG_MS = 12000
WIDEST = 620
ABOVE_EDGE = 52


class NoticeBar(QFrame):
    """Shows one notice at a time over its parent; a new one takes the old one's place."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "notice")
        self._is_error = False
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 8, 8, 8)
        row.setSpacing(theme.GAP)
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.close_button = SignButton("cross", "Close this message", diameter=26)
        self.close_button.clicked.connect(self.hide)
        row.addWidget(self.label, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        parent.installEventFilter(self)
        self.hide()

    def tell(self, text: str, is_error: bool, tip: str = "") -> None:
        """Shows a sentence, with `tip` as its tooltip; an error stays longer."""
        self._is_error = is_error
        self.label.setText(text)
        self.setToolTip(plain_tip(tip))
        self.setAccessibleName(text)
        self._place()
        self.show()
        self.raise_()
        self._timer.start(LONG_MS if is_error else SHORT_MS)

    def dismiss_error(self) -> None:
        """Takes a refusal away that was overtaken by something that worked."""
        if self._is_error:
            self.hide()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent | None) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.ALERT if self._is_error else theme.WET))
        painter.drawRoundedRect(QRectF(7, 9, 3, self.height() - 18), 1.5, 1.5)

    def _place(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        one_line = self.label.fontMetrics().horizontalAdvance(self.label.text()) + 72
        width = min(WIDEST, parent.width() - 48, max(280, one_line))
        self.setFixedWidth(width)
        layout = self.layout()
        assert layout is not None
        height = max(44, layout.heightForWidth(width))
        self.resize(width, height)
        self.move((parent.width() - width) // 2, parent.height() - ABOVE_EDGE - height)
