"""The page of a blind test: large, calm, and walked by keys alone, from its choice to its result."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence, QPainter, QPaintEvent, QResizeEvent, QShortcut
from PyQt6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.trials.blind_test import BlindTest
from lamina.gui.model.trials.rating_test import RatingTest
from lamina.gui.model.trials.test_kinds import Button
from lamina.gui.model.trials.testing import Testing
from lamina.gui.widgets.trials.big_parts import (
    ANSWER_PIXELS,
    LETTER_PIXELS,
    TITLE_PIXELS,
    VERDICT_PIXELS,
    BigButton,
    grow_with,
    words,
)
from lamina.gui.widgets.trials.loop_strip import LoopStrip
from lamina.gui.widgets.trials.rating_view import RatingView
from lamina.gui.widgets.trials.test_setup import TestSetup

Action = Callable[[str], object]
COLUMN_WIDTH, SOUND_HEIGHT = 620, 132
KEYS_HINT = "Return: next        Space: play, pause        Esc: leave, and go on another time"


class TestPage(QWidget):
    """Shows a `Testing`. `left` tells that one wants back to the slots."""

    __test__ = False  # pytest takes the name for a test's
    left = pyqtSignal()

    def __init__(self, testing: Testing, setup: TestSetup, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._testing = testing
        self.setup = setup
        self.trial, self.rating, self.result = TrialView(), RatingView(), ResultView()
        self.pages = QStackedWidget()
        for page in (self.setup, self.trial, self.rating, self.result):
            self.pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pages)
        setup.begun.connect(self.show_test)
        setup.left.connect(self.leave)
        for view in (self.trial, self.rating, self.result):
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
        view: TrialView | RatingView = self.trial
        if isinstance(test, RatingTest):
            view = self.rating
            self.rating.take(test)
        else:
            self.trial.take(test)
        self.pages.setCurrentWidget(view)
        view.setFocus()
        self._changed()

    def refresh(self) -> None:
        """Shows what moves by itself."""
        self.setup.refresh()
        for view in (self.trial, self.rating):
            if view.isVisible():
                view.strip.refresh()

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
        elif isinstance(test, RatingTest):
            self.rating.show_test(test)
        else:
            self.trial.show_test(test)


class TrialView(QWidget):
    """One trial. What is heard lights up under its letter, whatever it is."""

    left = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._test: BlindTest | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.heading, self.question = words(theme.TEXT_PIXELS, theme.MUTED), words(TITLE_PIXELS, theme.TEXT)
        self.told = words(ANSWER_PIXELS, theme.WET)
        self.progress = TrialDots()
        self.sounds: dict[str, BigButton] = {}
        self.answers: dict[str, BigButton] = {}
        self.strip = LoopStrip()
        self._sound_row, self._answer_row = QHBoxLayout(), QHBoxLayout()
        for row in (self._sound_row, self._answer_row):
            row.setSpacing(theme.MARGIN)
        self.hint = words(theme.TEXT_PIXELS, theme.MUTED)
        self.hint.setText(KEYS_HINT)
        self._inside = inside = QWidget()
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
        column.addSpacing(theme.MARGIN)
        column.addWidget(self.strip)
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
            pixels = LETTER_PIXELS if len(each.text) == 1 else TITLE_PIXELS
            self._add(self._sound_row, self.sounds, each, test.listen, f"Listen to {each.text}", pixels)
            self.sounds[each.word].use_height(SOUND_HEIGHT)
        for each in test.kind.answers:
            self._add(self._answer_row, self.answers, each, test.choose, f"Answer: {each.text}", ANSWER_PIXELS)
        for keys, action in (
            ("Return", test.confirm),
            ("Enter", test.confirm),
            ("Space", test.toggle),
            ("Escape", self.left.emit),
        ):
            self._key(keys, action)
        self.strip.take(test)
        for sequence, loop in self.strip.keys(test):
            self._key(sequence, loop)
        grow_with(self, self._inside, COLUMN_WIDTH)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        grow_with(self, self._inside, COLUMN_WIDTH)

    def _add(
        self, row: QHBoxLayout, buttons: dict[str, BigButton], each: Button, action: Action, name: str, pixels: int
    ) -> None:
        button = BigButton(each.key, each.text, pixels)
        button.setAccessibleName(f"{name} (key {each.key})")
        button.clicked.connect(partial(action, each.word))
        row.addWidget(button, 1)
        buttons[each.word] = button
        self._key(each.key, partial(action, each.word))

    def _key(self, keys: str | QKeySequence, action: Callable[[], object]) -> None:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setAutoRepeat(False)
        shortcut.activated.connect(action)
        self._shortcuts.append(shortcut)

    def show_test(self, test: BlindTest) -> None:
        """Shows which trial it is, what is heard and what is chosen."""
        self.strip.refresh()
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
        self.heading, self.verdict = words(theme.TEXT_PIXELS, theme.MUTED), words(VERDICT_PIXELS, theme.TEXT)
        self.sounds, self.saved = words(theme.TEXT_PIXELS, theme.MUTED), words(theme.TEXT_PIXELS, theme.MUTED)
        self.saved.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.hint = words(theme.TEXT_PIXELS, theme.MUTED)
        self.hint.setText("Return: another test        Esc: back to the slots")
        self._inside = inside = QWidget()
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

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        grow_with(self, self._inside, COLUMN_WIDTH)

    def show_result(self, test: BlindTest | RatingTest) -> None:
        """Shows a test that is over."""
        self.heading.setText(f"{test.kind.title}: {test.listener}, {test.extent}")
        self.verdict.setText(test.verdict)
        self.sounds.setText(test.revealed)
        if test.is_training:
            self.saved.setText("This was training, which is not saved and proves nothing.")
        else:
            self.saved.setText(f"Saved in {test.saved}" if test.saved is not None else "It could not be saved.")


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
