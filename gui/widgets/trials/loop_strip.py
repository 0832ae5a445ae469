"""The length of a test's sound as a strip: where it plays, and which part of it again and again."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.model.trials.taken import TakenTest

STRIP_HEIGHT, BAR_HEIGHT = 40, 14
LEAST_DRAG_PIXELS = 5
LOOP_HINT = "Comma: loop from here      Full stop: to here      W: all of it"


class LoopStrip(QWidget):
    """Shows and sets the part of a `TakenTest` that plays: what is dragged over is looped, a click goes there, and a
    double click plays all of it. `keys` does the same without a mouse.
    """

    def __init__(self) -> None:
        super().__init__()
        self._test: TakenTest | None = None
        self._pressed_at: float | None = None
        self._shown: tuple[float, float, tuple[float, float] | None] = (0.0, 0.0, None)
        self.setFixedHeight(STRIP_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys belong to the page

    def take(self, test: TakenTest) -> None:
        """Shows another test."""
        self._test = test
        self._pressed_at = None
        self.refresh()

    def keys(self, test: TakenTest) -> list[tuple[QKeySequence, Callable[[], object]]]:
        """What the page's keys do to the part that plays."""
        return [
            (QKeySequence(Qt.Key.Key_Comma), test.loop_from_here),
            (QKeySequence(Qt.Key.Key_Period), test.loop_to_here),
            (QKeySequence(Qt.Key.Key_W), test.loop_whole),
        ]

    def refresh(self) -> None:
        """Shows where it plays now."""
        if self._test is None:
            return
        player = self._test.player
        shown = (player.seconds, player.position_seconds, player.loop)
        if shown != self._shown:
            if shown[2] != self._shown[2] or not self.accessibleName():
                self.setAccessibleName(f"Part that plays: {self.words()}")
            self._shown = shown
            self.update()

    def words(self) -> str:
        """Which part plays."""
        if self._test is None:
            return ""
        player = self._test.player
        if player.loop is None:
            return f"the whole sound, {player.seconds:.1f} s"
        return f"{player.loop[0]:.1f} to {player.loop[1]:.1f} s of {player.seconds:.1f} s"

    def sizeHint(self) -> QSize:
        return QSize(400, STRIP_HEIGHT)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() is Qt.MouseButton.LeftButton:
            self._pressed_at = event.position().x()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._is_drag(event) and self._test is not None and self._pressed_at is not None:
            self._test.loop_part(*sorted((self._seconds_at(self._pressed_at), self._seconds_at(event.position().x()))))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._pressed_at is not None and not self._is_drag(event) and self._test is not None:
            self._test.player.seek(self._seconds_at(self._pressed_at))
        self._pressed_at = None

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        if self._test is not None:
            self._test.loop_whole()

    def _is_drag(self, event: QMouseEvent) -> bool:
        return self._pressed_at is not None and abs(event.position().x() - self._pressed_at) >= LEAST_DRAG_PIXELS

    def _seconds_at(self, x: float) -> float:
        bar = self._bar()
        share = (x - bar.left()) / bar.width()
        return min(max(0.0, share), 1.0) * self._shown[0]

    def _bar(self) -> QRectF:
        return QRectF(1, 1, max(1, self.width() - 2), BAR_HEIGHT)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = self._bar()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.SLOT))
        painter.drawRoundedRect(bar, 4, 4)
        seconds, position, loop = self._shown
        if seconds <= 0:
            return
        if loop is not None:
            left, right = (bar.left() + bar.width() * time / seconds for time in loop)
            painter.setBrush(theme.colour(theme.WET_DEEP))
            painter.drawRoundedRect(QRectF(left, bar.top(), max(2.0, right - left), bar.height()), 4, 4)
        x = bar.left() + bar.width() * min(position / seconds, 1.0)
        painter.setPen(QPen(theme.colour(theme.TEXT), 2))
        painter.drawLine(QPointF(x, bar.top() + 1), QPointF(x, bar.bottom() - 1))
        painter.setFont(theme.font(theme.TEXT_PIXELS))
        painter.setPen(theme.colour(theme.MUTED))
        line = QRectF(bar.left(), bar.bottom() + 4, bar.width(), self.height() - bar.bottom() - 4)
        plays, metrics = f"Plays {self.words()}", painter.fontMetrics()
        if metrics.horizontalAdvance(f"{plays}   {LOOP_HINT}") <= line.width():
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, plays)
        # In a narrow page the keys matter more: what plays is drawn above, too.
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, LOOP_HINT)
