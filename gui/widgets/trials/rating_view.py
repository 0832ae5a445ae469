"""The page on which one rates: a tall scale for each hidden sound, all by keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence, QMouseEvent, QPainter, QPaintEvent, QShortcut
from PyQt6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.trials.rating_test import HIGHEST, RatingTest
from lamina.gui.widgets.trials.big_parts import TITLE_PIXELS, BigButton, words
from lamina.gui.widgets.trials.loop_strip import LoopStrip
from lamina.plugin.listening.mushra import SCALE

LETTERS = "ABCDEFGHIJKL"
SMALL_STEP, LARGE_STEP, DECADE = 1, 10, 10
SCALE_LEAST_HEIGHT, COLUMN_MOST_WIDTH, WORDS_WIDTH = 220, 96, 84
HINT = (
    "O: the original      A, B … or Left, Right: a sound      0 to 9: rate it 0 to 90, End: 100      Up, Down: by 1, "
    "with Page: by 10\nSpace: play, pause      Return: {on}, once all are rated      {back}Esc: leave, and go on "
    "another time"
)


class RatingView(QWidget):
    """Shows a `RatingTest` and passes keys on. `left` tells that one wants to leave."""

    left = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._test: RatingTest | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.heading, self.question = words(theme.TEXT_PIXELS, theme.MUTED), words(TITLE_PIXELS, theme.TEXT)
        self.told = words(theme.TEXT_PIXELS, theme.WET)
        self.hint = words(theme.TEXT_PIXELS, theme.MUTED)
        self.original = BigButton("O", "Original", 16)
        self.original.setAccessibleName("Listen to the original (key O)")
        self.original.setMinimumHeight(52)
        self.original.setFixedWidth(220)
        self.original.clicked.connect(self._listen_to_original)
        self.scales: list[RatingScale] = []
        self.strip = LoopStrip()
        self._row = QHBoxLayout()
        self._row.setSpacing(theme.GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * theme.MARGIN, theme.MARGIN, 2 * theme.MARGIN, theme.MARGIN)
        column.setSpacing(theme.MARGIN)
        column.addStretch(1)
        column.addWidget(self.heading)
        column.addWidget(self.question)
        column.addWidget(self.original, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(self._row, 12)
        column.addWidget(self.strip)
        column.addWidget(self.told)
        column.addWidget(self.hint)
        column.addStretch(1)
        self._shortcuts: list[QShortcut] = []

    def take(self, test: RatingTest) -> None:
        """Makes scales and keys for a test."""
        self._test = test
        for shortcut in self._shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []
        while (item := self._row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._row.addStretch(1)
        self._row.addWidget(ScaleWords())
        self.scales = []
        for slot in range(test.n_slots):
            scale = RatingScale(LETTERS[slot])
            scale.pressed.connect(partial(test.listen, slot))
            scale.rated.connect(test.rate)
            self._row.addWidget(scale, 4)
            self.scales.append(scale)
        self._row.addStretch(1)
        keys: list[tuple[str, Callable[[], object]]] = [
            ("O", test.listen_to_original),
            *((LETTERS[slot], partial(test.listen, slot)) for slot in range(test.n_slots)),
            *((str(digit), partial(test.rate, DECADE * digit)) for digit in range(10)),
            ("Home", partial(test.rate, 0)),
            ("End", partial(test.rate, HIGHEST)),
            ("Left", partial(test.step, -1)),
            ("Right", partial(test.step, 1)),
            ("Up", partial(test.change, SMALL_STEP)),
            ("Down", partial(test.change, -SMALL_STEP)),
            ("PgUp", partial(test.change, LARGE_STEP)),
            ("PgDown", partial(test.change, -LARGE_STEP)),
            ("Space", test.toggle),
            ("Backspace", test.back),
            ("Return", test.confirm),
            ("Enter", test.confirm),
            ("Escape", self.left.emit),
        ]
        for name, action in keys:
            shortcut = QShortcut(QKeySequence(name), self)
            shortcut.setAutoRepeat(name in ("Up", "Down", "PgUp", "PgDown"))
            shortcut.activated.connect(action)
            self._shortcuts.append(shortcut)
        self.strip.take(test)
        for sequence, loop in self.strip.keys(test):
            shortcut = QShortcut(sequence, self)
            shortcut.activated.connect(loop)
            self._shortcuts.append(shortcut)

    def _listen_to_original(self) -> None:
        if self._test is not None:
            self._test.listen_to_original()

    def show_test(self, test: RatingTest) -> None:
        """Shows what is heard and how everything is rated."""
        self.strip.refresh()
        is_last = test.page + 1 == test.n_pages
        page = f"sound {test.page + 1} of {test.n_pages}, " if test.n_pages > 1 else ""
        self.heading.setText(f"{test.kind.title}, {page}{test.n_rated} of {test.n_slots} rated")
        back = "Backspace: the sound before      " if test.page else ""
        self.hint.setText(HINT.format(on="done" if is_last else "the next sound", back=back))
        self.question.setText(test.kind.question)
        is_playing = test.player.is_playing
        self.original.show_lit(test.slot is None, is_playing)
        for slot, scale in enumerate(self.scales):
            scale.show_rating(test.rating(slot), slot == test.slot, is_playing)
        on = "Return ends the test." if is_last else "Return goes on to the next sound."
        self.told.setText(on if test.is_rated else "")


class RatingScale(QWidget):
    """One sound's scale. `pressed` asks to hear it, `rated` carries 0 to 100."""

    pressed = pyqtSignal()
    rated = pyqtSignal(int)

    def __init__(self, letter: str) -> None:
        super().__init__()
        self.letter = letter
        self.rating: int | None = None
        self.is_heard, self._is_full = False, False
        self.setMaximumWidth(COLUMN_MOST_WIDTH)
        self.setMinimumSize(40, SCALE_LEAST_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys belong to the page
        self._show_name()

    def show_rating(self, rating: int | None, is_heard: bool, is_playing: bool) -> None:
        """Shows how it is rated, and whether it is the one that is heard."""
        now = (rating, is_heard, is_heard and is_playing)
        if now != (self.rating, self.is_heard, self._is_full):
            self.rating, self.is_heard, self._is_full = now
            self._show_name()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(72, 360)

    def _show_name(self) -> None:
        rated = "not rated" if self.rating is None else f"rated {self.rating}"
        self.setAccessibleName(f"Sound {self.letter}, {rated}{', heard' if self.is_heard else ''} (key {self.letter})")

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.button() is Qt.MouseButton.LeftButton:
            # The first press listens: who rates must have heard.
            was_heard = self.is_heard
            self.pressed.emit()
            if was_heard:
                self._rate_at(event.position())

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        assert event is not None
        if event.buttons() & Qt.MouseButton.LeftButton and self.is_heard:
            self._rate_at(event.position())

    def _rate_at(self, place: QPointF) -> None:
        track = track_of(self.height(), self.width())
        if place.y() <= track.bottom() + 10:
            share = (track.bottom() - place.y()) / track.height()
            self.rated.emit(round(HIGHEST * min(max(0.0, share), 1.0)))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(theme.colour(theme.WET) if self.is_heard else Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.RAISED if self.is_heard else theme.PANEL))
        painter.drawRoundedRect(frame, 10, 10)
        track = track_of(self.height(), self.width())
        painter.setPen(theme.colour(theme.LINE))
        for number in range(len(SCALE) + 1):
            y = track.top() + track.height() * number / len(SCALE)
            painter.drawLine(QPointF(frame.left() + 8, y), QPointF(frame.right() - 8, y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.SLOT))
        painter.drawRoundedRect(track, 3, 3)
        if self.rating is not None:
            y = track.bottom() - track.height() * self.rating / HIGHEST
            painter.setBrush(theme.colour(theme.WET_DEEP))
            painter.drawRoundedRect(QRectF(track.left(), y, track.width(), track.bottom() - y), 3, 3)
            painter.setBrush(theme.colour(theme.WET if self.is_heard else theme.TEXT))
            painter.drawRoundedRect(QRectF(track.center().x() - 15, y - 4, 30, 8), 4, 4)
        painter.setFont(theme.font(16, bold=True))
        painter.setPen(theme.colour(theme.TEXT if self.rating is not None else theme.MUTED))
        figure = QRectF(frame.left(), frame.top() + 6, frame.width(), 24)
        painter.drawText(
            figure, Qt.AlignmentFlag.AlignCenter, "\N{EN DASH}" if self.rating is None else str(self.rating)
        )
        key = QRectF(frame.center().x() - 19, frame.bottom() - 46, 38, 38)
        painter.setPen(theme.colour(theme.WET) if self.is_heard else Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.WET if self._is_full else theme.SLOT))
        painter.drawRoundedRect(key, 8, 8)
        painter.setPen(
            theme.colour("#1A1208") if self._is_full else theme.colour(theme.WET if self.is_heard else theme.TEXT)
        )
        painter.setFont(theme.font(18, bold=True))
        painter.drawText(key, Qt.AlignmentFlag.AlignCenter, self.letter)


class ScaleWords(QWidget):
    """The standard's words beside the scales, each over its fifth."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(WORDS_WIDTH)
        self.setMinimumHeight(SCALE_LEAST_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        track = track_of(self.height(), self.width())
        fifth = track.height() / len(SCALE)
        painter.setFont(theme.font(15))
        painter.setPen(theme.colour(theme.TEXT))
        for number, word in enumerate(reversed(SCALE)):
            box = QRectF(0, track.top() + fifth * number, self.width() - 8, fifth)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, word)


def track_of(height: int, width: int) -> QRectF:
    """Where a scale's line lies in a widget of this size: below its figure, above its key."""
    return QRectF(width / 2 - 3, 42, 6, height - 42 - 62)
