"""What is asked before a blind test: which one, of which slots, by whom."""

from __future__ import annotations

import getpass
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.listening.comparing import Comparing
from lamina.gui.model.sound.devices import Choice
from lamina.gui.model.trials.kept import LONGEST_NAME
from lamina.gui.model.trials.making import MOST_ITEMS
from lamina.gui.model.trials.test_kinds import ABX, KINDS, MUSHRA, PAIRS, STAIRCASE, TestKind
from lamina.gui.model.trials.testing import Testing
from lamina.gui.widgets.controls.buttons import Switch
from lamina.gui.widgets.controls.chips import Segments
from lamina.gui.widgets.controls.choice_box import ChoiceBox
from lamina.gui.widgets.controls.panel import Panel
from lamina.gui.widgets.controls.tips import plain_tip, set_tip

WIDTH, LABEL_WIDTH = 560, 92


class TestSetup(QWidget):
    """Asks over a `Comparing` and begins the test with `Testing`. `begun` tells that one has begun, `left` that one
    wants back to the slots.
    """

    __test__ = False  # pytest takes the name for a test's
    begun = pyqtSignal()
    left = pyqtSignal()

    def __init__(self, testing: Testing, comparing: Comparing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._testing, self._comparing = testing, comparing
        self._kind: TestKind = ABX
        self._pair = [0, 1]
        self._n_trials = ABX.usual_trials
        self._was_making = False
        self.others: list[Path] = []
        """More sounds that the slots are to be rated with."""
        panel = Panel()
        panel.setFixedWidth(WIDTH)
        panel.content.setContentsMargins(24, 24, 24, 24)
        panel.content.setSpacing(theme.MARGIN)
        title = QLabel("Blind test")
        title.setStyleSheet("font-size: 22px; font-weight: 600;")
        self.help = QLabel()
        self.help.setWordWrap(True)
        self.help.setProperty("role", "muted")
        self.help.setMinimumHeight(54)
        self.help.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.kinds = Segments({name: kind.title for name, kind in KINDS.items()}, width=None)
        self.kinds.chosen.connect(self.choose_kind)
        panel.content.addWidget(title)
        panel.content.addWidget(self.kinds)
        panel.content.addWidget(self.help)
        self.heard = QLabel()
        self.heard.setWordWrap(True)
        self.heard.setTextFormat(Qt.TextFormat.PlainText)
        panel.content.addLayout(self._fields())
        panel.content.addWidget(self.heard)
        panel.content.addWidget(self._more_sounds())
        panel.content.addLayout(self._foot())
        self.left_over = self._left_over()
        column = QVBoxLayout(self)
        column.addStretch(1)
        column.addWidget(panel, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(theme.MARGIN)
        self.hint = QLabel()
        self.hint.setProperty("role", "muted")
        column.addWidget(self.hint, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(theme.MARGIN)
        column.addWidget(self.left_over, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        escape = QShortcut(QKeySequence("Escape"), self)
        escape.activated.connect(self.left)
        for number, name in enumerate(KINDS, start=1):
            key = QShortcut(QKeySequence(f"Alt+{number}"), self)
            key.activated.connect(lambda name=name: self.choose_kind(name))
            self.kinds.buttons[name].setToolTip(f"Alt+{number}")
        self.choose_kind(ABX.name)

    def _fields(self) -> QGridLayout:
        self.slots = [ChoiceBox("Sound A"), ChoiceBox("Sound B")]
        self.trials = ChoiceBox("Trials")
        self.trials.setToolTip("Fixed before the test begins: who could stop when it looks good would fool himself.")
        self.listener = QLineEdit(_own_name())
        self.listener.setMaxLength(LONGEST_NAME)
        self.listener.setFixedHeight(theme.CONTROL_HEIGHT)
        self.listener.setAccessibleName("Listener")
        self.listener.setToolTip("Who listens; the results are kept under this name.")
        self.listener.returnPressed.connect(self.begin)
        for place, box in enumerate(self.slots):
            box.chosen.connect(lambda index, place=place: self._choose_slot(place, index))
        self.trials.chosen.connect(self._choose_trials)
        self._labels: dict[QWidget, QLabel] = {}
        grid = QGridLayout()
        grid.setVerticalSpacing(theme.GAP)
        grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        grid.setColumnStretch(1, 1)
        rows = (("A", self.slots[0]), ("B", self.slots[1]), ("Trials", self.trials), ("Listener", self.listener))
        for row, (name, widget) in enumerate(rows):
            label = QLabel(name)
            label.setProperty("role", "muted")
            label.setFixedHeight(theme.CONTROL_HEIGHT)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
            self._labels[widget] = label
        return grid

    def _foot(self) -> QHBoxLayout:
        self.training = Switch("", "Training", theme.WET, theme.WET_DEEP)
        set_tip(self.training, "Every answer is told to be right or wrong at once; nothing is saved.")
        self.back_button = QPushButton("Back")
        self.back_button.setToolTip("Back to the slots (Esc).")
        self.back_button.clicked.connect(self.left)
        self.start_button = QPushButton("Begin")
        self.start_button.setProperty("role", "primary")
        self.start_button.setToolTip("Begin; from then on keys are enough (Return).")
        self.start_button.clicked.connect(self.begin)
        row = QHBoxLayout()
        row.addWidget(self.training)
        row.addStretch(1)
        row.addWidget(self.back_button)
        row.addWidget(self.start_button)
        return row

    def _more_sounds(self) -> QWidget:
        self.more = QWidget()
        self.add_button = QPushButton("Add sounds…")
        self.add_button.setToolTip(
            "Rate the slots with more sound files, each from its beginning and as long as what is compared (Alt+A)."
        )
        self.add_button.clicked.connect(self.add_sounds)
        self.only_button = QPushButton("Only this one")
        self.only_button.setToolTip("Rate the slots with the sound that is open alone (Alt+O).")
        self.only_button.clicked.connect(self.drop_sounds)
        row = QHBoxLayout(self.more)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.add_button)
        row.addWidget(self.only_button)
        row.addStretch(1)
        for keys, button in (("Alt+A", self.add_button), ("Alt+O", self.only_button)):
            QShortcut(QKeySequence(keys), self).activated.connect(button.click)
        return self.more

    def _left_over(self) -> QWidget:
        strip = Panel()
        strip.setFixedWidth(WIDTH)
        row = QHBoxLayout()
        self.left_words = QLabel()
        self.left_words.setProperty("role", "muted")
        self.left_words.setTextFormat(Qt.TextFormat.PlainText)
        self.left_words.setWordWrap(True)
        self.go_on_button = QPushButton("Go on")
        self.go_on_button.setToolTip("Go on with the test that was left; its sounds are made anew and checked (Alt+G).")
        self.go_on_button.clicked.connect(self.go_on)
        QShortcut(QKeySequence("Alt+G"), self).activated.connect(self.go_on_button.click)
        row.addWidget(self.left_words, 1)
        row.addWidget(self.go_on_button)
        strip.content.addLayout(row)
        return strip

    # Showing.

    def show_choices(self) -> None:
        """Offers the slots that can be heard now, the heard one against the original, and a test that was left."""
        comparing = self._comparing
        ready = [index for index in range(len(comparing.slots)) if comparing.condition(index) is not None]
        heard = comparing.heard if comparing.heard in ready and comparing.heard > 0 else next(iter(ready[1:]), 0)
        self._pair = [0, heard]
        choices = [Choice(index, f"{index + 1}   {self._name(index)}") for index in ready]
        for box, index in zip(self.slots, self._pair, strict=True):
            box.show_choices(choices, index)
        self._show_heard()
        self._show_left_over()

    def refresh(self) -> None:
        """One step of what moves: how many sounds are made already. Keys stay where they are meanwhile."""
        testing = self._testing
        is_making = testing.is_making
        if is_making:
            self.heard.setText(f"Making the sounds: {testing.n_made} of {testing.n_parts}.   Esc: don't")
        elif self._was_making:
            self._show_heard()
        self._was_making = is_making

    def _show_heard(self) -> None:
        """What a test that doesn't ask for two slots plays."""
        comparing, testing = self._comparing, self._testing
        if self._kind is MUSHRA:
            ready = [index for index, slot in enumerate(comparing.slots) if index and slot.made is not None]
            names = ", ".join(comparing.slots[index].recipe.title for index in ready)
            others = ", ".join(path.name for path in self.others)
            n_sounds = len(self.others) + 1
            over = f"\nOver {n_sounds} sounds: the one that is open, and the beginnings of {others}." if others else ""
            self.heard.setText(f"Rated: {names}.{over}" if ready else "There is no slot yet: Esc, then C adds one.")
            self.add_button.setEnabled(bool(ready) and n_sounds < MOST_ITEMS)
            self.only_button.setEnabled(bool(self.others))
        elif self._kind is STAIRCASE:
            region = testing.layers_region() if comparing.region is not None else None
            seconds = testing.layers_seconds()
            whole = "" if seconds >= comparing.seconds - 1e-6 else " of what is compared, its beginning"
            self.heard.setText(
                f"Heard: {seconds:.1f} s{whole}. Every number of layers is made first." if region else ""
            )
        self.heard.setVisible(self._kind not in PAIRS)
        self.more.setVisible(self._kind is MUSHRA)

    def _show_left_over(self) -> None:
        left = self._testing.unfinished()
        self.left_over.setVisible(left is not None)
        self.left_words.setText(f"Not finished: {left.words} (Alt+G goes on)." if left is not None else "")
        set_tip(self.left_words, plain_tip(self.left_words.text()))

    def choose_kind(self, name: str) -> None:
        """Another test."""
        self._kind = KINDS[name]
        self._n_trials = self._kind.usual_trials
        self.kinds.show_chosen(name)
        self.help.setText(self._kind.help)
        self.training.setEnabled(self._kind is ABX)
        self.trials.show_choices([Choice(number, f"{number} trials") for number in self._kind.trials], self._n_trials)
        for widget, is_asked in (
            (self.slots[0], self._kind in PAIRS),
            (self.slots[1], self._kind in PAIRS),
            (self.trials, bool(self._kind.trials)),
        ):
            widget.setVisible(is_asked)
            self._labels[widget].setVisible(is_asked)
        self.training.setVisible(self._kind is ABX)
        more = "      Alt+A: add sounds" if self._kind is MUSHRA else ""
        self.hint.setText(f"Alt+1 to Alt+{len(KINDS)}: which test      Tab: the next field{more}      Return: begin")
        self._show_heard()

    # Gestures.

    def begin(self) -> None:
        """Begins the test that was chosen."""
        if self._testing.is_making:
            return
        name = self.listener.text()
        if self._kind is MUSHRA:
            self._testing.begin_rating(name, self.begun.emit, self._show_heard, self.others)
            return
        if self._kind is STAIRCASE:
            self._testing.begin_layers(self._n_trials, name, self.begun.emit, self._show_heard)
            return
        is_training = self.training.isChecked() and self._kind is ABX
        a, b = self._pair
        if self._testing.begin(self._kind, a, b, self._n_trials, name, is_training):
            self.begun.emit()

    def add_sounds(self) -> None:
        """Asks for more sound files to rate the slots with."""
        if self._testing.is_making:
            return
        folder = str(self.others[-1].parent) if self.others else ""
        chosen, _ = QFileDialog.getOpenFileNames(self, "Add sounds", folder, readable_filter())
        known = {*self.others, self._testing.open_file()}
        new = [path for path in map(Path, chosen) if path not in known]
        self.others = [*self.others, *new][: MOST_ITEMS - 1]
        self._show_heard()
        self.start_button.setFocus()

    def drop_sounds(self) -> None:
        """Only the sound that is open is to be heard."""
        if not self._testing.is_making:
            self.others = []
            self._show_heard()
            self.start_button.setFocus()

    def go_on(self) -> None:
        """Goes on with the test that was left, once its sounds are made."""
        if self._testing.go_on(self.begun.emit, self._show_left_over):
            self.left_words.setText("Making the sounds of the test…")

    def _choose_slot(self, place: int, index: object) -> None:
        assert isinstance(index, int)
        self._pair[place] = index

    def _choose_trials(self, number: object) -> None:
        assert isinstance(number, int)
        self._n_trials = number

    def _name(self, index: int) -> str:
        recipe = self._comparing.slots[index].recipe
        return f"{recipe.title}   {recipe.detail}".strip()


def readable_filter() -> str:
    """The file dialog's."""
    from lamina.plugin.files.sound import READABLE_SUFFIXES

    return f"Sound files ({' '.join(f'*{suffix}' for suffix in sorted(READABLE_SUFFIXES))});;All files (*)"


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "listener"
