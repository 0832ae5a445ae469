"""The page of what several listeners heard: a picture with intervals, sentences, and who is left out and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamina.gui.look import theme
from lamina.gui.model.sound.devices import Choice
from lamina.gui.model.trials.heard_results import HeardResults
from lamina.gui.widgets.controls.choice_box import ChoiceBox
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.trials.interval_plot import IntervalPlot
from lamina.plugin.listening.report import picture_of

WORDS_WIDTH, MOST_WORDS_WIDTH = 372, 640
NOTHING = (
    "There are no results in this folder yet. Take a blind test, or open a folder with the files that listeners sent."
)
START = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
END = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
PAIR_HEADS = ("Versions", "Difference", "p", "p (Holm)")


class ResultsPage(QWidget):
    """Shows a `HeardResults`. `left` tells that one wants back to the slots."""

    left = pyqtSignal()

    def __init__(self, results: HeardResults, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._results = results
        self.plot = IntervalPlot()
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        column.setSpacing(theme.MARGIN)
        column.addLayout(self._bar())
        middle = QHBoxLayout()
        middle.setSpacing(theme.MARGIN)
        middle.addWidget(self._picture_panel(), 3)
        middle.addWidget(self._words_panel(), 2)
        column.addLayout(middle, 1)
        for keys, action in (
            ("Escape", self.left.emit),
            ("F", self.ask_folder),
            ("S", self.ask_report),
            ("Up", lambda: self._step(-1)),
            ("Down", lambda: self._step(1)),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(action)
        results.changed.subscribe(self.show_results)

    def _bar(self) -> QHBoxLayout:
        self.tests = ChoiceBox("Test")
        self.tests.setToolTip("Which of the tests in the folder (Up, Down).")
        self.tests.chosen.connect(self._choose)
        self.folder_button = QPushButton("Folder…")
        self.folder_button.setToolTip("Open the folder with the files that listeners sent (F).")
        self.folder_button.clicked.connect(self.ask_folder)
        self.report_button = QPushButton("Save a page…")
        self.report_button.setToolTip("The same as a page (HTML) that can be sent to anyone (S).")
        self.report_button.clicked.connect(self.ask_report)
        self.back_button = QPushButton("Back")
        self.back_button.setToolTip("Back to the slots (Esc).")
        self.back_button.clicked.connect(self.left)
        row = QHBoxLayout()
        row.setSpacing(theme.MARGIN)
        title = QLabel("Results")
        title.setStyleSheet("font-size: 22px; font-weight: 600;")
        row.addWidget(title)
        row.addWidget(self.tests, 1)
        for button in (self.folder_button, self.report_button, self.back_button):
            row.addWidget(button)
        return row

    def _picture_panel(self) -> Panel:
        panel = Panel()
        self.picture_caption = Caption("Means and their 95 % intervals", theme.WET)
        panel.content.addWidget(self.picture_caption)
        panel.content.addWidget(self.plot, 3)
        self.pairs = QTableWidget(0, len(PAIR_HEADS))
        self.pairs.setHorizontalHeaderLabels(PAIR_HEADS)
        for place in range(len(PAIR_HEADS)):
            if (item := self.pairs.horizontalHeaderItem(place)) is not None:
                item.setTextAlignment(END if place else START)
        self.pairs.setAccessibleName("Every pair of versions by Wilcoxon's test with Holm's correction")
        self.pairs.setToolTip("Every pair by Wilcoxon's signed-rank test, with Holm's correction for all of them.")
        self.pairs.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.pairs.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.pairs.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.pairs.setShowGrid(False)
        head, side = self.pairs.horizontalHeader(), self.pairs.verticalHeader()
        assert head is not None and side is not None
        side.setVisible(False)
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        panel.content.addWidget(self.pairs, 2)
        return panel

    def _words_panel(self) -> Panel:
        panel = Panel()
        panel.setMinimumWidth(WORDS_WIDTH)
        panel.setMaximumWidth(MOST_WORDS_WIDTH)
        panel.content.addWidget(Caption("What that says", theme.WET))
        inside = QWidget()
        inside.setStyleSheet("background: transparent;")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(theme.MARGIN)
        self.sentences = _text(theme.TEXT, 16)
        self.excluded = _text(theme.ALERT)
        self.listeners = _text(theme.MUTED)
        self.refused = _text(theme.ALERT)
        for label in (self.sentences, self.excluded, self.listeners, self.refused):
            column.addWidget(label)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setStyleSheet("background: transparent;")
        area.setWidget(inside)
        panel.content.addWidget(area, 1)
        self.folder_words = _text(theme.MUTED)
        panel.content.addWidget(self.folder_words)
        return panel

    def show_results(self) -> None:
        """Shows the test that is chosen."""
        results = self._results
        titles = results.titles
        self.tests.show_choices([Choice(number, title) for number, title in enumerate(titles)], results.chosen)
        self.tests.setEnabled(bool(titles))
        summary = results.summary
        self.report_button.setEnabled(summary is not None)
        self.folder_words.setText(f"Folder: {results.folder}")
        is_empty = results.read is not None and summary is None
        first = results.trouble or (NOTHING if is_empty else "" if summary is not None else "Reading…")
        tests: list[dict[str, Any]] = summary["tests"] if summary is not None else []
        sentences = [sentence for test in tests for sentence in test["sentences"]]
        _show(self.sentences, [first, *sentences] if first else sentences)
        left_out = {name: why for test in tests for name, why in test.get("excluded", {}).items()}
        _show(self.excluded, [f"Left out: {name} {why}." for name, why in left_out.items()])
        _show(
            self.listeners,
            [f"{name}: {row['sentence']}" for test in tests for name, row in test["each"].items()],
        )
        refused = results.read.gathered.refused if results.read is not None else {}
        _show(self.refused, [sentence.replace(f"{results.folder}/", "") for sentence in refused.values()])
        self._show_picture(tests)
        self._show_pairs(tests)

    def _show_picture(self, tests: list[dict[str, Any]]) -> None:
        if not tests:
            self.plot.show_picture(None)
            return
        self.plot.show_picture(picture_of(tests[0]))

    def _show_pairs(self, tests: list[dict[str, Any]]) -> None:
        pairs = [pair for test in tests for pair in test.get("pairs", [])]
        self.pairs.setVisible(bool(pairs))
        self.pairs.setRowCount(len(pairs))
        for row, pair in enumerate(pairs):
            cells = (
                f"{pair['first']} \N{MINUS SIGN} {pair['second']}",
                f"{pair['difference']:+.1f}",
                f"{pair['p_value']:.3g}",
                f"{pair['p_holm']:.3g}",
            )
            for place, text in enumerate(cells):
                item = QTableWidgetItem(text)
                if place:
                    item.setTextAlignment(END)
                if pair["p_holm"] <= 0.05:
                    item.setForeground(theme.colour(theme.WET))
                self.pairs.setItem(row, place, item)

    def ask_folder(self) -> None:
        """Asks which folder to read."""
        chosen = QFileDialog.getExistingDirectory(self, "Folder with listeners' results", str(self._results.folder))
        if chosen:
            self._results.open(Path(chosen))

    def ask_report(self) -> None:
        """Asks where the page is to be written."""
        if self._results.summary is None:
            return
        suggestion = str(self._results.folder / "results.html")
        chosen, _ = QFileDialog.getSaveFileName(self, "Save the results as a page", suggestion, "Web pages (*.html)")
        if chosen:
            path = Path(chosen)
            path = path if path.suffix.lower() == ".html" else path.with_name(f"{path.name}.html")
            self._results.save_report(path, self.folder_words.setText)

    def _choose(self, number: object) -> None:
        assert isinstance(number, int)
        self._results.choose(number)

    def _step(self, by: int) -> None:
        last = len(self._results.titles) - 1
        if last >= 0:
            self._results.choose(min(max(0, self._results.chosen + by), last))


def _text(ink: str, pixels: int = theme.TEXT_PIXELS) -> QLabel:
    label = QLabel()
    label.setStyleSheet(f"color: {theme.ink(ink)}; font-size: {pixels}px;")
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return label


def _show(label: QLabel, lines: list[str]) -> None:
    label.setText("\n".join(lines))
    label.setVisible(bool(lines))
