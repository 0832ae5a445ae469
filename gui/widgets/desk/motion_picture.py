"""A motion drawn, and where it is now.

The curve of an LFO or follower, or the steps of a sequence as bars to draw on.
"""

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from lamina.gui.look import theme
from lamina.gui.model.values.motion_desk import MotionDesk, curve, step_index
from lamina.plugin.parameters.motion import Motion

EDGE = 5.0
STEP_BY_KEY = 0.05
DOT = 4.0
NOTHING = "Nothing moves yet. Add an LFO, an envelope follower or steps."


class MotionPicture(QWidget):
    """Shows the motion that a `MotionDesk` edits; dragging over bars draws steps."""

    is_turned_by_hand = True

    def __init__(self, desk: MotionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.current = 0
        self.playhead: int | None = None
        self.dot: QPointF | None = None
        self._draws = False
        self._first_cycle = 0
        self._drawn: tuple[object, QPolygonF] = (None, QPolygonF())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def show_motion(self) -> None:
        """Takes over what changed."""
        has_steps = self._has_steps()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if has_steps else Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Steps" if has_steps else "Shape of the motion")
        self.setToolTip(
            "Drag over the bars to draw the steps. Arrow keys: choose a step, and raise or lower it."
            if has_steps
            else ""
        )
        self.setCursor(Qt.CursorShape.CrossCursor if has_steps else Qt.CursorShape.ArrowCursor)
        if has_steps:
            self.current = min(self.current, self._n_steps() - 1)
            self.setAccessibleDescription(f"step {self.current + 1}, {100 * self._height(self.current):.0f} %")
        self.update()

    def show_moving(self, place: tuple[float, float] | None) -> None:
        """Shows where the motion is now; None if nothing is heard.

        Cycles or steps since the beginning, and its height, 0 … 1.
        """
        motion, playhead, dot, first_cycle = self.desk.motion, None, None, self._first_cycle
        if motion is not None and place is not None:
            cycles, height = place
            if motion.source == "steps":
                playhead = step_index(motion, cycles)
            else:
                # Two cycles are seen; a new pair of them is drawn only where it differs, which is at random.
                first_cycle = 2 * int(cycles // 2) if motion.shape == "random" and motion.source == "lfo" else 0
                share = cycles % 2 / 2 if motion.source == "lfo" else 1.0
                n_points, bottom, room = self._room()
                dot = QPointF(round(EDGE + share * (n_points - 1)), round(bottom - height * room))
        if (playhead, dot, first_cycle) != (self.playhead, self.dot, self._first_cycle):
            self.playhead, self.dot, self._first_cycle = playhead, dot, first_cycle
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, 60)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 36)

    def bar(self, index: int) -> QRectF:
        """Where a step's bar can stand."""
        width = (self.width() - 2 * EDGE) / max(1, self._n_steps())
        return QRectF(EDGE + index * width, EDGE, width, self.height() - 2 * EDGE)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        self._draws = event.button() == Qt.MouseButton.LeftButton and self._has_steps()
        if self._draws:
            self.current = self._step_at(event.position().x())
            self._draw_to(event.position())

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if self._draws:
            self._draw_to(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        self._draws = False

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        assert event is not None
        key = Qt.Key(event.key())
        along, up = (
            {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(key, 0),
            {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(key, 0),
        )
        if not self._has_steps() or not (along or up):
            event.ignore()
            return
        self.current = min(self._n_steps() - 1, max(0, self.current + along))
        if up:
            self.desk.set_step(self.current, self._height(self.current) + up * STEP_BY_KEY)
        self.show_motion()

    def _draw_to(self, place: QPointF) -> None:
        area = self.bar(0)
        height = (area.bottom() - place.y()) / area.height()
        index = self._step_at(place.x())
        # The mouse may jump over steps: those between get the height too.
        for step in range(min(index, self.current), max(index, self.current) + 1):
            if step != self.current or step == index:
                self.desk.set_step(step, height)
        self.current = index
        self.show_motion()

    def _has_steps(self) -> bool:
        return self.desk.motion is not None and self.desk.motion.source == "steps"

    def _n_steps(self) -> int:
        return len(self.desk.motion.steps) if self.desk.motion is not None else 1

    def _height(self, index: int) -> float:
        assert self.desk.motion is not None
        return self.desk.motion.steps[index]

    def _step_at(self, x: float) -> int:
        return min(self._n_steps() - 1, max(0, int((x - EDGE) / self.bar(0).width())))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.colour(theme.MUTED), 1) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.WELL))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        motion = self.desk.motion
        if motion is None:
            painter.setPen(theme.colour(theme.MUTED))
            painter.setFont(theme.font(12))
            painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter, NOTHING)
        elif motion.source == "steps":
            self._draw_steps(painter)
        else:
            self._draw_curve(painter, motion)

    def _draw_steps(self, painter: QPainter) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for index in range(self._n_steps()):
            area = self.bar(index)
            gap = min(2.0, area.width() / 6)
            room = area.adjusted(gap, 0, -gap, 0)
            is_now = index == self.playhead
            painter.setBrush(theme.colour(theme.SLOT if is_now else theme.PANEL if index % 4 else theme.RAISED))
            painter.drawRect(room)
            height = max(2.0, self._height(index) * room.height())
            is_current = self.hasFocus() and index == self.current
            painter.setBrush(theme.colour(theme.MOVING if is_now else "#F7B672" if is_current else theme.WET))
            painter.drawRect(QRectF(room.left(), room.bottom() - height, room.width(), height))

    def _room(self) -> tuple[int, float, float]:
        """Of a curve: its points, where 0 is, and how far above it 1 is, in pixels."""
        return max(2, self.width() - round(2 * EDGE)), self.height() - EDGE - 1, self.height() - 2 * EDGE - 2

    def _line(self, motion: Motion) -> QPolygonF:
        """The curve; worked out anew only when it has changed, because the dot on it moves all the time."""
        n_points, bottom, room = self._room()
        key = motion, n_points, bottom, self._first_cycle
        if key != self._drawn[0]:
            heights = curve(motion, n_points, self._first_cycle)
            self._drawn = key, QPolygonF([QPointF(EDGE + x, bottom - value * room) for x, value in enumerate(heights)])
        return self._drawn[1]

    def _draw_curve(self, painter: QPainter, motion: Motion) -> None:
        n_points, bottom, _ = self._room()
        line = self._line(motion)
        below = QPolygonF(line)
        below.append(QPointF(EDGE + n_points - 1, bottom))
        below.append(QPointF(EDGE, bottom))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.WET_DEEP, 0.35))
        painter.drawPolygon(below)
        painter.setPen(QPen(theme.colour(theme.WET), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(line)
        if self.dot is None:
            return
        if motion.source == "envelope":
            # A follower has no place along the picture, which only shows how fast it is: a level line.
            painter.setPen(QPen(theme.colour(theme.MOVING, 0.55), 1))
            painter.drawLine(QPointF(EDGE, self.dot.y()), self.dot)
        painter.setPen(QPen(theme.colour(theme.WELL), 1.5))
        painter.setBrush(theme.colour(theme.MOVING))
        painter.drawEllipse(self.dot, DOT, DOT)
