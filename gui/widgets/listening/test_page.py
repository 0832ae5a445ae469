"""The page of a blind test: large, calm, and walked by keys alone, from its choice to its result."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence, QPainter, QPaintEvent, QShortcut
from PyQt6.QtWidgets import QAbstractButton, QHBoxLayout, QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.listening.blind_test import BlindTest
from lamina.gui.model.listening.test_kinds import Button
from lamina.gui.model.listening.testing import Testing
from lamina.gui.widgets.listening.test_setup import TestSetup

Action = Callable[[str], object]
TITLE_PIXELS, VERDICT_PIXELS, LETTER_PIXELS, ANSWER_PIXELS = 22, 20, 40, 16
COLUMN_WIDTH = 620
KEYS_HINT = "Return: next        Space: play, pause        Esc: leave, and go on another time"


class TestPage(QWidget):
    """Shows a `Testing`. `left` tells that one wants back to the slots."""

    __test__ = False  # pytest takes the name for a test's
    left = pyqtSignal()

    def __init__(self, testing: Testing, setup: TestSetup, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._testing = testing
        self.setup = setup
        self.trial, self.result = TrialView(), ResultView()
        self.pages = QStackedWidget()
        for page in (self.setup, self.trial, self.result):
            self.pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pages)
        setup.begun.connect(self.show_test)
        setup.left.connect(self.leave)
        for view in (self.trial, self.result):
            view.left.connect(self.leave)
        self.result.again.connect(self.show_setup)

    def show_setup(self) -> None:
        """Asks which test is wanted."""
        self._testing.leave()
        self.setup.show_choices()
        self.pages.setCurrentWidget(self.setup)
        self.setup.start_button.setFocus()

    def show_test(self) -> None:
        """Shows the test that has begun."""
        test = self._testing.test
        if test is None:
            return
        test.changed.subscribe(self._changed)
        self.trial.take(test)
        self.pages.setCurrentWidget(self.trial)
        self.trial.setFocus()
        self._changed()

    def leave(self) -> None:
        """Back to the slots; an unfinished test is kept."""
        self._testing.leave()
        self.left.emit()

    def _changed(self) -> None:
        test = self._testing.test
        if test is None:
            return
        if test.is_over:
            self.result.show_result(test)
            self.pages.setCurrentWidget(self.result)
            self.result.setFocus()
        else:
            self.trial.show_test(test)


class TrialView(QWidget):
    """One trial. What is heard lights up under its letter, whatever it is."""

    left = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._test: BlindTest | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.heading, self.question = _words(theme.TEXT_PIXELS, theme.MUTED), _words(TITLE_PIXELS, theme.TEXT)
        self.told = _words(ANSWER_PIXELS, theme.WET)
        self.progress = TrialDots()
        self.sounds: dict[str, BigButton] = {}
        self.answers: dict[str, BigButton] = {}
        self._sound_row, self._answer_row = QHBoxLayout(), QHBoxLayout()
        for row in (self._sound_row, self._answer_row):
            row.setSpacing(theme.MARGIN)
        self.hint = _words(theme.TEXT_PIXELS, theme.MUTED)
        self.hint.setText(KEYS_HINT)
        inside = QWidget()
        inside.setMaximumWidth(COLUMN_WIDTH)
        column = QVBoxLayout(inside)
        column.setSpacing(0)
        column.addStretch(2)
        column.addWidget(self.heading)
        column.addSpacing(theme.GAP)
        column.addWidget(self.progress)
        column.addStretch(1)
        column.addWidget(self.question)
        column.addSpacing(3 * theme.MARGIN)
        column.addLayout(self._sound_row)
        column.addSpacing(2 * theme.MARGIN)
        column.addLayout(self._answer_row)
        column.addSpacing(theme.MARGIN)
        column.addWidget(self.told)
        column.addStretch(1)
        column.addWidget(self.hint)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(inside, 100)
        row.addStretch(1)
        self._shortcuts: list[QShortcut] = []

    def take(self, test: BlindTest) -> None:
        """Makes buttons and keys for a test."""
        self._test = test
        for shortcut in self._shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []
        for row, buttons in ((self._sound_row, self.sounds), (self._answer_row, self.answers)):
            for button in buttons.values():
                row.removeWidget(button)
                button.hide()
                button.deleteLater()
            buttons.clear()
        for each in test.kind.sounds:
            self._add(self._sound_row, self.sounds, each, test.listen, f"Listen to {each.text}", LETTER_PIXELS)
        for each in test.kind.answers:
            self._add(self._answer_row, self.answers, each, test.choose, f"Answer: {each.text}", ANSWER_PIXELS)
        for keys, action in (
            ("Return", test.confirm),
            ("Enter", test.confirm),
            ("Space", test.toggle),
            ("Escape", self.left.emit),
        ):
            self._key(keys, action)

    def _add(
        self, row: QHBoxLayout, buttons: dict[str, BigButton], each: Button, action: Action, name: str, pixels: int
    ) -> None:
        button = BigButton(each.key, each.text, pixels)
        button.setAccessibleName(f"{name} (key {each.key})")
        button.clicked.connect(partial(action, each.word))
        row.addWidget(button, 1)
        buttons[each.word] = button
        self._key(each.key, partial(action, each.word))

    def _key(self, keys: str, action: Callable[[], object]) -> None:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setAutoRepeat(False)
        shortcut.activated.connect(action)
        self._shortcuts.append(shortcut)

    def show_test(self, test: BlindTest) -> None:
        """Shows which trial it is, what is heard and what is chosen."""
        training = "Training: " if test.is_training else ""
        self.heading.setText(f"{training}{test.kind.title}, trial {test.trial + 1} of {test.n_trials}")
        self.progress.show_progress(test.trial, test.n_trials)
        self.question.setText(test.kind.question)
        for word, button in self.sounds.items():
            button.show_lit(word == test.button, test.player.is_playing)
        for word, button in self.answers.items():
            button.show_lit(word == test.answer, True)
        if test.answer:
            self.told.setText("Return gives this answer.")
        elif test.was_right is not None:
            self.told.setText("That was right." if test.was_right else "That was the other one.")
        else:
            self.told.setText("")


class ResultView(QWidget):
    """What a test came to, in a sentence, and where it was saved."""

    left = pyqtSignal()
    again = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.heading, self.verdict = _words(theme.TEXT_PIXELS, theme.MUTED), _words(VERDICT_PIXELS, theme.TEXT)
        self.sounds, self.saved = _words(theme.TEXT_PIXELS, theme.MUTED), _words(theme.TEXT_PIXELS, theme.MUTED)
        self.saved.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.hint = _words(theme.TEXT_PIXELS, theme.MUTED)
        self.hint.setText("Return: another test        Esc: back to the slots")
        inside = QWidget()
        inside.setMaximumWidth(COLUMN_WIDTH)
        column = QVBoxLayout(inside)
        column.addStretch(2)
        for label in (self.heading, self.verdict, self.sounds, self.saved):
            column.addWidget(label)
            column.addSpacing(2 * theme.MARGIN)
        column.addStretch(1)
        column.addWidget(self.hint)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(inside, 100)
        row.addStretch(1)
        for keys, signal in (("Return", self.again), ("Enter", self.again), ("Escape", self.left)):
            QShortcut(QKeySequence(keys), self).activated.connect(signal)

    def show_result(self, test: BlindTest) -> None:
        """Shows a test that is over."""
        self.heading.setText(f"{test.kind.title}: {test.listener}, {test.n_trials} trials")
        self.verdict.setText(test.verdict)
        a, b = (sound.label for sound in test.sounds)
        self.sounds.setText(f"A was {a}, B was {b}.")
        if test.is_training:
            self.saved.setText("This was training, which is not saved and proves nothing.")
        else:
            self.saved.setText(f"Saved in {test.saved}" if test.saved is not None else "It could not be saved.")


class BigButton(QAbstractButton):
    """A large key with its word: lit while it is chosen, half lit while it is chosen and silent."""

    def __init__(self, key: str, text: str, pixels: int) -> None:
        super().__init__()
        self._key, self._pixels = key, pixels
        self.is_lit, self._is_full = False, True
        self.setText(text)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys belong to the page
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setMinimumHeight(132 if pixels >= LETTER_PIXELS else 64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lit(self, is_lit: bool, is_full: bool) -> None:
        """Lights it or puts it out."""
        if (is_lit, is_full) != (self.is_lit, self._is_full):
            self.is_lit, self._is_full = is_lit, is_full
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, self.minimumHeight())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        is_full = self.is_lit and self._is_full
        painter.setPen(theme.colour(theme.WET) if self.is_lit else Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour(theme.WET if is_full else theme.HOVER if self.underMouse() else theme.PANEL))
        painter.drawRoundedRect(frame, 10, 10)
        ink = theme.colour("#1A1208" if is_full else theme.WET if self.is_lit else theme.TEXT)
        painter.setPen(ink)
        painter.setFont(theme.font(self._pixels, bold=True))
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, self.text())
        if self._key != self.text():
            painter.setFont(theme.font(theme.TEXT_PIXELS))
            painter.setPen(ink if is_full else theme.colour(theme.MUTED))
            painter.drawText(frame.adjusted(14, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._key)


class TrialDots(QWidget):
    """How many trials there are, and how many are answered; nothing of how."""

    def __init__(self) -> None:
        super().__init__()
        self._done, self._all = 0, 1
        self.setFixedHeight(10)

    def show_progress(self, n_done: int, n_all: int) -> None:
        """So many of so many."""
        if (n_done, n_all) != (self._done, self._all):
            self._done, self._all = n_done, n_all
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        step = min(18.0, self.width() / self._all)
        left = (self.width() - step * self._all) / 2
        for number in range(self._all):
            name = theme.WET if number < self._done else theme.TEXT if number == self._done else theme.SLOT
            painter.setBrush(theme.colour(name))
            size = min(8.0, 0.7 * step)
            painter.drawEllipse(QRectF(left + step * number + (step - size) / 2, 1, size, size))


def _words(pixels: int, ink: str) -> QLabel:
    label = QLabel()
    label.setFont(theme.font(pixels))
    label.setStyleSheet(f"color: {ink}; font-size: {pixels}px;")
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
