"""A notice: one sentence that goes away by itself and never blocks, in the status line or over a dialog's foot."""

import re
from collections.abc import Callable

from PyQt6.QtCore import QElapsedTimer, QEvent, QObject, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QHideEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from lamina.gui.look import theme
from lamina.gui.widgets.controls.buttons import SignButton
from lamina.gui.widgets.controls.tips import plain_tip, set_tip

SHORT_MS = 5000
LONG_MS = 12000
UNREAD_MS = 1000
"""Nobody has read a notice that was there for less."""
WIDEST = 620
ABOVE_EDGE = 52
LEFT, TOP, RIGHT = 18, 8, 8
SEATED_TOP, SEATED_HEIGHT = 2, 32
BORDER = 1  # the stylesheet's, which layouts don't know of


class NoticeBar(QFrame):
    """Shows one notice at a time over its parent; a new one takes the old one's place.

    An error that was overtaken before anybody can have read it comes back once the new one goes.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "notice")
        self._is_error = False
        row = QHBoxLayout(self)
        row.setContentsMargins(LEFT, TOP, RIGHT, TOP)
        row.setSpacing(theme.GAP)
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self._action: Callable[[], object] | None = None
        self.action_button = QPushButton()
        self.action_button.setProperty("role", "quiet")
        self.action_button.clicked.connect(self._act)
        self.close_button = SignButton("cross", "Close this message", diameter=26)
        self.close_button.clicked.connect(self._go)
        row.addWidget(self.label, 1)
        row.addWidget(self.action_button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._go)
        self._since = QElapsedTimer()
        self._told: tuple[str, str] = ("", "")
        self._unread: tuple[str, str] | None = None
        parent.installEventFilter(self)
        self.hide()

    def tell(
        self, text: str, is_error: bool, tip: str = "", action: tuple[str, Callable[[], object]] | None = None
    ) -> None:
        """Shows a sentence, with `tip` as its tooltip; an error stays longer, and so does what can be acted on.

        action: a button's word and what it does; the notice goes when it is pressed.
        """
        overtaken, self._told = self._told, (text, tip)
        if self._is_error and not self.isHidden() and overtaken[0] != text and self._since.elapsed() < UNREAD_MS:
            self._unread = overtaken
        self._since.start()
        self._is_error = is_error
        # What a terminal sets apart with backticks stands in quotation marks here.
        text = re.sub(r"`([^`]*)`", "\N{LEFT DOUBLE QUOTATION MARK}\\1\N{RIGHT DOUBLE QUOTATION MARK}", text)
        self.label.setText(text)
        word, self._action = action if action is not None else ("", None)
        self.action_button.setText(word)
        set_tip(self.action_button, plain_tip(tip) if word else "")
        self.action_button.setVisible(bool(word))
        set_tip(self, plain_tip(tip))
        self.setAccessibleName(text)
        self._place()
        self.show()
        self.raise_()
        # The bar at its edge too, which says whether it is an error.
        self.update()
        self._timer.start(LONG_MS if is_error or word else SHORT_MS)

    def dismiss_error(self) -> None:
        """Takes a refusal away that was overtaken by something that worked."""
        self._unread = None
        if self._is_error:
            self.hide()

    def _go(self) -> None:
        self.hide()
        unread, self._unread = self._unread, None
        if unread is not None:
            text, tip = unread
            self.tell(text, True, tip)

    def _act(self) -> None:
        action, self._unread = self._action, None
        # Before what it does: that may have something to tell itself.
        self.hide()
        if action is not None:
            action()

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
        # Not from the layout: it knows neither the border nor what a label takes that hasn't been shown yet.
        self.label.ensurePolished()
        button = 0 if self.action_button.isHidden() else self.action_button.sizeHint().width() + theme.GAP
        beside = LEFT + theme.GAP + button + self.close_button.width() + RIGHT + 2 * BORDER
        self._take_place(parent, beside)

    def _take_place(self, parent: QWidget, beside: int) -> None:
        """Takes its size and place over `parent`; all but the text takes `beside` pixels of the width."""
        one_line = self.label.fontMetrics().horizontalAdvance(self.label.text()) + 2
        width = min(WIDEST, parent.width() - 48, max(280, one_line + beside))
        height = max(44, self.label.heightForWidth(width - beside) + 2 * TOP + 2 * BORDER)
        self.setFixedSize(width, height)
        self.move((parent.width() - width) // 2, parent.height() - ABOVE_EDGE - height)


class SeatedNotice(NoticeBar):
    """A notice in a layout, where it covers nothing: as wide as there is room, and as high as its text needs then.

    `shown` tells that it comes or goes, `needs` the height that it needs.
    """

    shown = pyqtSignal(bool)
    needs = pyqtSignal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        row = self.layout()
        assert row is not None
        row.setContentsMargins(LEFT, SEATED_TOP, SEATED_TOP, SEATED_TOP)
        for part in (self.action_button, self.close_button):
            row.setAlignment(part, Qt.AlignmentFlag.AlignVCenter)
        self.label.setProperty("role", "said")
        self._beside = 0
        # After the layout, which must not be changed by what it does.
        self._asking = QTimer(self)
        self._asking.setSingleShot(True)
        self._asking.timeout.connect(self._ask_for_room)

    def _take_place(self, parent: QWidget, beside: int) -> None:
        self._beside = beside
        self._asking.start()

    def _ask_for_room(self) -> None:
        if self.isHidden():
            return
        text = self.label.heightForWidth(max(1, self.width() - self._beside))
        self.needs.emit(max(SEATED_HEIGHT, text + 2 * SEATED_TOP + 2 * BORDER))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._asking.start()

    def showEvent(self, event: QShowEvent | None) -> None:
        super().showEvent(event)
        self.shown.emit(True)

    def hideEvent(self, event: QHideEvent | None) -> None:
        super().hideEvent(event)
        self.shown.emit(False)
