"""Buttons of the app's own: signs, a round play button, switches, and a button that opens a menu."""

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QAbstractButton, QPushButton, QStyle, QStyleOptionButton, QStylePainter, QWidget

from lamina.gui.look import icons, theme
from lamina.gui.widgets.controls.chips import draw_underline

DOT_ROOM = 12


def presses_focused(window: QWidget, event: QKeyEvent | None) -> bool:
    """Whether `event` is Return on a focused button of `window`, which is pressed then.

    Space belongs to the transport wherever the focus is, so Return presses buttons.
    """
    focused = window.focusWidget()
    is_return = event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
    if is_return and isinstance(focused, QAbstractButton):
        focused.click()
        return True
    return False


class SignButton(QAbstractButton):
    """A square or round button that shows one sign; checkable ones light up in the warm accent."""

    def __init__(
        self, sign: str, name: str, diameter: int = 36, is_round: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.sign = sign
        self._diameter = diameter
        self._is_round = is_round
        self.setAccessibleName(name)
        self.setFixedSize(diameter, diameter)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def show_sign(self, sign: str, name: str) -> None:
        """Changes what the button shows and is called."""
        if sign != self.sign:
            self.sign = sign
            self.setAccessibleName(name)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._diameter, self._diameter)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        radius = frame.width() / 2 if self._is_round else 6.0
        fill, ink = self._colours()
        painter.setBrush(fill)
        painter.setPen(
            QPen(theme.colour(theme.TEXT if self.hasFocus() else theme.LINE), 1)
            if self.hasFocus()
            else Qt.PenStyle.NoPen
        )
        painter.drawRoundedRect(frame, radius, radius)
        side = frame.width() * (0.42 if self._is_round else 0.46)
        square = QRectF(0, 0, side, side)
        square.moveCenter(frame.center())
        icons.draw(painter, self.sign, square, ink)

    def _colours(self) -> tuple[QColor, QColor]:
        if not self.isEnabled():
            return theme.colour(theme.RAISED, 0.6), theme.colour(theme.DIM)
        if self._is_round:
            return theme.colour(theme.WET if not self.underMouse() else "#F7B672"), theme.colour("#1A1208")
        fill = theme.colour(theme.HOVER if self.underMouse() or self.isDown() else theme.RAISED)
        return fill, theme.colour(theme.WET if self.isChecked() else theme.TEXT)


class LampButton(QAbstractButton):
    """A toggle that shines in its accent while it is on: with a word, or with a sign in its place."""

    def __init__(self, sign: str, text: str, name: str, accent: str, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sign, self._accent = sign, accent
        self.setText(text)
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.setFixedSize(width, 36)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setOpacity(1.0 if self.isEnabled() else 0.4)
        is_on = self.isChecked()
        painter.setBrush(theme.colour(self._accent if is_on else theme.HOVER if self.underMouse() else theme.RAISED))
        painter.setPen(QPen(theme.colour(theme.TEXT), 1) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(frame, 6, 6)
        ink = theme.colour(theme.WELL if is_on else theme.TEXT)
        if self._sign:
            square = QRectF(0, 0, 14, 14)
            square.moveCenter(frame.center())
            # A dot that begins a recording, a square that ends it.
            icons.draw(painter, "square" if is_on else self._sign, square, ink if is_on else theme.colour(self._accent))
            return
        painter.setFont(theme.font(bold=True))
        painter.setPen(ink)
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, self.text())


class Switch(QAbstractButton):
    """A wide toggle: a word, behind a sign if it has one, lit in its accent while it is on."""

    def __init__(self, sign: str, text: str, accent: str, accent_deep: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sign, self._accent, self._accent_deep = sign, accent, accent_deep
        self.is_moving = False
        self.setText(text)
        self.setCheckable(True)
        self.setFixedHeight(theme.CONTROL_HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(text)

    def show_moving(self, is_on: bool | None) -> None:
        """Underlines it while what moves has switched it on."""
        if bool(is_on) != self.is_moving:
            self.is_moving = bool(is_on)
            self.update()

    def sizeHint(self) -> QSize:
        words = QFontMetrics(theme.font(bold=True)).horizontalAdvance(self.text()) + self._before_text() + 24
        return QSize(max(120, words), theme.CONTROL_HEIGHT)

    def _before_text(self) -> int:
        return 22 if self._sign else 0

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        # As the knobs beside it, faint where it can't be used.
        painter.setOpacity(1.0 if self.isEnabled() else 0.4)
        is_on, is_under_mouse = self.isChecked(), self.isEnabled() and self.underMouse()
        painter.setBrush(
            theme.colour(self._accent_deep, 0.55)
            if is_on
            else theme.colour(theme.HOVER if is_under_mouse else theme.RAISED)
        )
        edge = theme.TEXT if self.hasFocus() else self._accent
        painter.setPen(QPen(theme.colour(edge), 1) if is_on or self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(frame, 6, 6)
        ink = theme.colour(theme.TEXT if is_on else theme.MUTED)
        painter.setFont(theme.font(bold=is_on))
        width = painter.fontMetrics().horizontalAdvance(self.text())
        left = frame.center().x() - (width + self._before_text()) / 2
        if self._sign:
            icons.draw(painter, self._sign, QRectF(left, frame.center().y() - 7, 14, 14), ink)
        painter.setPen(ink)
        painter.drawText(
            frame.adjusted(left + self._before_text() - frame.left(), 0, 0, 0),
            Qt.AlignmentFlag.AlignVCenter,
            self.text(),
        )
        if self.is_moving:
            draw_underline(painter, frame)


class MenuButton(QPushButton):
    """A push button with a chevron that opens its menu.

    `show_dot` puts a dot behind its text: something was changed since.
    """

    def __init__(self, text: str, is_quiet: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.has_dot = False
        self._left = 8 if is_quiet else 12
        self._ink = theme.MUTED if is_quiet else theme.TEXT
        self.setProperty("role", "quiet" if is_quiet else "")
        self.setFont(theme.font(12 if is_quiet else theme.TEXT_PIXELS))

    def show_dot(self, has_dot: bool) -> None:
        """Shows the dot or takes it away."""
        if has_dot != self.has_dot:
            self.has_dot = has_dot
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        dot = DOT_ROOM if self.has_dot else 0
        return QSize(
            self.fontMetrics().horizontalAdvance(self.text()) + self._left + 30 + dot, super().sizeHint().height()
        )

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        # The style centres the text over button and indicator; here both have their own place.
        painter = QStylePainter(self)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        painter.setFont(self.font())
        painter.setPen(theme.colour(self._ink if self.isEnabled() else theme.DIM))
        dot = DOT_ROOM if self.has_dot else 0
        words = QRectF(self._left, 0, self.width() - self._left - 24 - dot, self.height())
        shown = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, int(words.width()))
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        if self.has_dot:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(theme.WET))
            left = self._left + painter.fontMetrics().horizontalAdvance(shown) + 6
            painter.drawEllipse(QRectF(left, self.height() / 2 - 2.5, 5, 5))
        icons.draw(
            painter, "chevron", QRectF(self.width() - 21, self.height() / 2 - 5, 10, 10), theme.colour(theme.MUTED)
        )
