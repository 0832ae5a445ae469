"""The open sound's waveform: playhead, seeking, and a loop region drawn on the ruler or with Shift."""

from enum import Enum

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.look.themed import ThemedWidget
from lamina.gui.model.files.document import Document, clock

RULER_HEIGHT = 20
GRIP_PIXELS = 6
CLICK_PIXELS = 3
BAR_WIDTH = 320.0
EDGE = 6
"""Pixels at both ends: half of the playhead's triangle, which is seen whole there too."""


class _Drag(Enum):
    SEEK = "seek"
    REGION = "region"


class WaveformView(ThemedWidget):
    """Draws a `Document`. Dragging seeks; dragging on the ruler, or with Shift anywhere, marks the loop region."""

    is_turned_by_hand = True
    sought = pyqtSignal(float)
    region_marked = pyqtSignal(float, float)
    region_finished = pyqtSignal()
    region_cleared = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self._seconds = 0.0
        self._region: tuple[float, float] | None = None
        self._is_looping = False
        self._drag: _Drag | None = None
        self._anchor = 0.0
        self._pressed_x: float | None = None
        self._hover: float | None = None
        self._outline: tuple[QPixmap, QPixmap] | None = None
        self._message = "Loading…"
        self._opening: tuple[str, float | None] | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Waveform")
        self.setToolTip(
            "Click or drag to seek. Drag on the ruler, or hold Shift, to mark a loop; double-click the ruler to remove "
            "it."
        )

    def renew_colours(self) -> None:
        """The outline in other colours."""
        self._outline = None

    def show_document(self, document: Document | None, message: str = "") -> None:
        """Draws another document; without one, `message`."""
        self._document, self._message = document, message
        self._outline = None
        self._seconds = 0.0
        self.update()

    def show_opening(self, words: str, share: float | None) -> None:
        """Says over what is shown which file is being opened, and how far it is.

        In words, and 0–1 (None while nobody knows); no words end that.
        """
        opening = (words, share) if words else None
        if opening != self._opening:
            self._opening = opening
            self.setAccessibleDescription(words)
            self.update()

    def show_position(self, seconds: float) -> None:
        """Moves the playhead."""
        if self._drag is _Drag.SEEK or abs(seconds - self._seconds) < 1e-4:
            return
        old, self._seconds = self._seconds, seconds
        left, right = sorted((self._x(old), self._x(seconds)))
        self.update(int(left) - 8, 0, int(right - left) + 17, self.height())

    def show_loop(self, region: tuple[float, float] | None, is_looping: bool) -> None:
        """Draws the loop region, lit while looping is on."""
        self._region, self._is_looping = region, is_looping
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(600, 116)

    # Gestures.

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._document is None or event.button() != Qt.MouseButton.LeftButton:
            return
        x = self._pressed_x = event.position().x()
        grip = self._grip(x) if event.position().y() < RULER_HEIGHT else None
        if grip is not None:
            self._drag, self._anchor = _Drag.REGION, grip
        elif event.position().y() < RULER_HEIGHT or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._drag, self._anchor = _Drag.REGION, self._time(x)
        else:
            self._drag = _Drag.SEEK
            self._seek(x)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        x = event.position().x()
        if self._drag is _Drag.SEEK:
            self._seek(x)
        elif self._drag is _Drag.REGION and (self._pressed_x is None or abs(x - self._pressed_x) > CLICK_PIXELS):
            # A click that trembles must not remove a region; once it is a drag it stays one.
            self._pressed_x = None
            self.region_marked.emit(self._anchor, self._time(x))
        on_grip = event.position().y() < RULER_HEIGHT and self._grip(x) is not None
        self.setCursor(Qt.CursorShape.SplitHCursor if on_grip else Qt.CursorShape.ArrowCursor)
        self._hover = x
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        if self._drag is _Drag.REGION and self._pressed_x is None:
            self.region_finished.emit()
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.position().y() < RULER_HEIGHT:
            self.region_cleared.emit()

    def leaveEvent(self, event: object) -> None:
        self._hover = None
        self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._outline = None

    def _seek(self, x: float) -> None:
        self._seconds = self._time(x)
        self.sought.emit(self._seconds)
        self.update()

    def _grip(self, x: float) -> float | None:
        """The region's other end, when x is on one of its ends."""
        if self._region is None:
            return None
        start, stop = self._region
        if abs(x - self._x(start)) <= GRIP_PIXELS:
            return stop
        if abs(x - self._x(stop)) <= GRIP_PIXELS:
            return start
        return None

    # Drawing.

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        area = self._area()
        painter.fillRect(self.rect(), theme.colour(theme.PANEL))
        painter.fillRect(area, theme.colour(theme.WELL))
        if self._document is None:
            if self._opening is None:
                painter.setPen(theme.colour(theme.MUTED))
                painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self._message)
        else:
            self._draw_document(painter, area)
        if self._opening is not None:
            self._draw_opening(painter, area, *self._opening)

    def _draw_opening(self, painter: QPainter, area: QRectF, words: str, share: float | None) -> None:
        painter.fillRect(area, theme.colour(theme.WELL, 0.8))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, width = area.center(), min(BAR_WIDTH, area.width() - 40)
        painter.setPen(theme.colour(theme.TEXT))
        shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideMiddle, int(area.width() - 20))
        painter.drawText(QRectF(area.left(), middle.y() - 26, area.width(), 20), Qt.AlignmentFlag.AlignCenter, shown)
        if share is not None:
            bar = QRectF(middle.x() - width / 2, middle.y() + 6, width, 6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(theme.SLOT))
            painter.drawRoundedRect(bar, 3, 3)
            painter.setBrush(theme.colour(theme.DRY))
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), max(6.0, bar.width() * share), bar.height()), 3, 3)

    def _draw_document(self, painter: QPainter, area: QRectF) -> None:
        self._draw_ruler(painter)
        self._draw_region(painter, area)
        played, waiting = self._outlines(area)
        split = self._x(self._seconds)
        for picture, left, right in ((played, area.left(), split), (waiting, split, area.right())):
            painter.setClipRect(QRectF(left, area.top(), max(0.0, right - left), area.height()))
            painter.drawPixmap(area.topLeft(), picture)
        painter.setClipping(False)
        if self._hover is not None and self._drag is None:
            self._draw_hover(painter, area)
        self._draw_playhead(painter, area, split)

    def _area(self) -> QRectF:
        return QRectF(EDGE, RULER_HEIGHT, max(1, self.width() - 2 * EDGE), self.height() - RULER_HEIGHT)

    def _outlines(self, area: QRectF) -> tuple[QPixmap, QPixmap]:
        if self._outline is None:
            self._outline = self._drawn_outline(area, theme.DRY, 0.95), self._drawn_outline(area, theme.DRY, 0.4)
        return self._outline

    def _drawn_outline(self, area: QRectF, accent: str, opacity: float) -> QPixmap:
        assert self._document is not None
        ratio = self.devicePixelRatioF()
        n_points = max(1, int(area.width() * ratio))
        picture = QPixmap(n_points, max(1, int(area.height() * ratio)))
        picture.fill(Qt.GlobalColor.transparent)
        lows, highs = self._document.outline(n_points)
        # The loudest sample fills the height, so that a quiet recording can be seen too.
        scale = picture.height() * 0.45 / max(1e-3, float(max(abs(lows.min()), abs(highs.max()))))
        middle = picture.height() / 2
        painter = QPainter(picture)
        painter.setPen(QPen(theme.colour(accent, opacity), 1))
        for x, (low, high) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True)):
            painter.drawLine(QPointF(x + 0.5, middle - high * scale), QPointF(x + 0.5, middle - low * scale + 1))
        painter.end()
        picture.setDevicePixelRatio(ratio)
        return picture

    def _draw_ruler(self, painter: QPainter) -> None:
        assert self._document is not None
        painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
        steps = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
        step = next((s for s in steps if self._x(s) - EDGE >= 64), 1800)
        mark = 0.0
        while mark <= self._document.seconds:
            x = self._x(mark)
            painter.setPen(theme.colour(theme.SLOT))
            painter.drawLine(QPointF(x, RULER_HEIGHT - 5), QPointF(x, RULER_HEIGHT - 1))
            painter.setPen(theme.colour(theme.DIM))
            painter.drawText(QPointF(x + 4, RULER_HEIGHT - 10), clock(mark) if step < 1 else clock(mark)[:-2])
            mark += step

    def _draw_region(self, painter: QPainter, area: QRectF) -> None:
        if self._region is None:
            return
        left, right = (self._x(t) for t in self._region)
        accent = theme.WET if self._is_looping else theme.MUTED
        painter.fillRect(QRectF(left, area.top(), right - left, area.height()), theme.colour(accent, 0.10))
        painter.fillRect(QRectF(left, RULER_HEIGHT - 4, right - left, 4), theme.colour(accent, 0.9))
        for x in (left, right):
            painter.fillRect(QRectF(x - 0.5, RULER_HEIGHT - 9, 1.5, area.height() + 9), theme.colour(accent, 0.9))

    def _draw_hover(self, painter: QPainter, area: QRectF) -> None:
        assert self._hover is not None
        painter.setPen(QPen(theme.colour(theme.TEXT, 0.25), 1))
        painter.drawLine(QPointF(self._hover, area.top()), QPointF(self._hover, area.bottom()))
        painter.setFont(theme.font(theme.SMALL_PIXELS - 1))
        # On the ruler, above the mouse: the tooltip opens below it.
        box = QRectF(min(self._hover + 4, area.right() - 48), 0, 48, 13)
        painter.fillRect(box, theme.colour(theme.PANEL))
        painter.setPen(theme.colour(theme.TEXT))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, clock(self._time(self._hover)))

    def _draw_playhead(self, painter: QPainter, area: QRectF, x: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.colour(theme.TEXT), 1.5))
        painter.drawLine(QPointF(x, area.top() - 4), QPointF(x, area.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.TEXT))
        top = area.top() - 8
        painter.drawPolygon(QPolygonF([QPointF(x - 5, top), QPointF(x + 5, top), QPointF(x, top + 7)]))

    def _x(self, seconds: float) -> float:
        if self._document is None:
            return float(EDGE)
        return EDGE + seconds / self._document.seconds * max(1, self.width() - 2 * EDGE)

    def _time(self, x: float) -> float:
        assert self._document is not None
        return min(1.0, max(0.0, (x - EDGE) / max(1, self.width() - 2 * EDGE))) * self._document.seconds
