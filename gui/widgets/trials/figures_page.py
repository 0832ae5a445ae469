"""The page of figures: every slot beside the original by each measure, and what each measure can't hear."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamina.gui.look import theme
from lamina.gui.model.listening.comparing import Comparing
from lamina.gui.model.trials.measuring import Measuring
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.controls.status_line import ElidedLabel
from lamina.gui.widgets.controls.tips import plain_tip
from lamina.plugin.metrics import Metric

N_FIXED = 2
START = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
END = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
DASH = "\N{EN DASH}"


class FiguresPage(QWidget):
    """Shows a `Measuring`. `left` tells that one wants back to the slots."""

    left = pyqtSignal()

    def __init__(self, measuring: Measuring, comparing: Comparing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._measuring, self._comparing = measuring, comparing
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        column.setSpacing(theme.MARGIN)
        column.addLayout(self._bar())
        column.addWidget(self._table_panel(), 3)
        column.addWidget(self._deaf_panel(), 2)
        escape = QShortcut(QKeySequence("Escape"), self)
        escape.activated.connect(self.leave)
        for keys in ("Return", "Enter"):
            QShortcut(QKeySequence(keys), self).activated.connect(self.act)
        measuring.changed.subscribe(self.show_figures)
        comparing.changed.subscribe(self._slots_changed)

    def _bar(self) -> QHBoxLayout:
        title = QLabel("Figures")
        title.setStyleSheet("font-size: 22px; font-weight: 600;")
        self.region = ElidedLabel("detail")
        self.progress = QProgressBar()
        self.progress.setFixedSize(150, 6)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Figures that are taken")
        self.state = QLabel()
        self.state.setProperty("role", "muted")
        self.act_button = QPushButton("Measure")
        self.act_button.clicked.connect(self.act)
        self.back_button = QPushButton("Back")
        self.back_button.setToolTip("Back to the slots (Esc).")
        self.back_button.clicked.connect(self.leave)
        row = QHBoxLayout()
        row.setSpacing(theme.MARGIN)
        row.addWidget(title)
        row.addWidget(self.region, 1)
        for widget in (self.state, self.progress, self.act_button, self.back_button):
            row.addWidget(widget)
        return row

    def _table_panel(self) -> Panel:
        panel = Panel()
        panel.content.addWidget(Caption("Beside the original", theme.WET))
        metrics = self._measuring.metrics
        self.table = QTableWidget(0, N_FIXED + len(metrics))
        self.table.setAccessibleName("Figures of the slots")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setShowGrid(False)
        self.table.setWordWrap(True)
        heads = [("Slot", ""), ("kbps", "Bits that were really made, per second, of all channels together.")]
        heads += [(_head(metric), _tip(metric)) for metric in metrics]
        for place, (text, tip) in enumerate(heads):
            item = QTableWidgetItem(text)
            item.setToolTip(plain_tip(tip))
            item.setTextAlignment(END if place else START)
            self.table.setHorizontalHeaderItem(place, item)
        head, side = self.table.horizontalHeader(), self.table.verticalHeader()
        assert head is not None and side is not None
        side.setVisible(False)
        side.setDefaultSectionSize(30)
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        panel.content.addWidget(self.table, 1)
        self.lacking = QLabel()
        self.lacking.setWordWrap(True)
        self.lacking.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        panel.content.addWidget(self.lacking)
        return panel

    def _deaf_panel(self) -> Panel:
        panel = Panel()
        panel.content.addWidget(Caption("What each can't hear", theme.DRY))
        inside = QWidget()
        inside.setStyleSheet("background: transparent;")
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setHorizontalSpacing(2 * theme.MARGIN)
        grid.setVerticalSpacing(theme.GAP)
        grid.setColumnStretch(1, 1)
        for row, metric in enumerate(self._measuring.metrics):
            name = QLabel(metric.title)
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            words = QLabel(metric.what_it_cannot_hear)
            words.setProperty("role", "muted")
            words.setWordWrap(True)
            grid.addWidget(name, row, 0)
            grid.addWidget(words, row, 1)
        grid.setRowStretch(len(self._measuring.metrics), 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setStyleSheet("background: transparent;")
        area.setWidget(inside)
        panel.content.addWidget(area, 1)
        return panel

    def open(self) -> None:
        """Shows what is known, and has the rest measured."""
        self._comparing.want()
        self._measuring.start()
        self.show_figures()

    def act(self) -> None:
        """Measures what is missing, or stops measuring."""
        if self._measuring.is_busy:
            self._measuring.cancel()
        else:
            self._measuring.start()

    def leave(self) -> None:
        """Back to the slots; what is being measured goes on."""
        self.left.emit()

    def show_figures(self) -> None:
        """Shows all of it as it is."""
        measuring, slots = self._measuring, self._comparing.slots
        self.region.setText(self._comparing.region_text)
        is_busy = measuring.is_busy
        self.progress.setVisible(is_busy)
        self.progress.setRange(0, max(1, measuring.n_wanted))
        self.progress.setValue(measuring.n_done)
        n_making = sum(slot.is_busy for slot in slots)
        self.state.setText(
            f"{measuring.n_done} of {measuring.n_wanted}"
            if is_busy
            else f"{n_making} slots being made"
            if n_making
            else ""
            if len(slots) > 1
            else "No slots yet: Esc, then C."
        )
        self.act_button.setText("Cancel" if is_busy else "Measure")
        self.act_button.setToolTip(
            "Measure no further; what is measured stays (Return)." if is_busy else "Measure what is missing (Return)."
        )
        self.act_button.setEnabled(is_busy or len(slots) > 1)
        lacking = _lacking(measuring.metrics)
        self.lacking.setText(lacking)
        self.lacking.setVisible(bool(lacking))
        shown = list(range(1, len(slots)))
        self.table.setRowCount(len(shown))
        for row, index in enumerate(shown):
            slot = slots[index]
            made = slot.made
            self._cell(row, 0, f"{index + 1}   {slot.recipe.title}", slot.state_text() or slot.recipe.detail)
            self._cell(row, 1, f"{made.kbps:.2f}" if made is not None and made.kbps is not None else DASH, "")
            for place, metric in enumerate(measuring.metrics):
                value = measuring.value(index, metric)
                text = DASH if value is None else metric.text(value)
                if value is None and is_busy and metric.missing() is None and made is not None:
                    text = "…"
                self._cell(row, N_FIXED + place, text, measuring.trouble(index, metric) or _tip(metric))

    def _cell(self, row: int, place: int, text: str, tip: str) -> None:
        item = self.table.item(row, place)
        if item is None:
            item = QTableWidgetItem()
            if place:
                item.setTextAlignment(END)
            self.table.setItem(row, place, item)
        item.setText(text)
        item.setToolTip(plain_tip(tip))

    def _slots_changed(self, what: str) -> None:
        if self.isVisible() and what in ("slots", "sounds"):
            if what == "sounds":  # a slot that came later is measured too
                self._measuring.start()
            self.show_figures()


def _head(metric: Metric) -> str:
    return f"{metric.title}\n{metric.unit}" if metric.unit else metric.title


def _lacking(metrics: Sequence[Metric]) -> str:
    """Which measures can't be taken here and how to get them; empty if all can."""
    lacking = {metric.title: why for metric in metrics if (why := metric.missing())}
    if not lacking:
        return ""
    first = next(iter(lacking.values()))
    return f"Can't be taken here: {', '.join(lacking)}. {first}"


def _tip(metric: Metric) -> str:
    better = "More is better" if metric.better == "higher" else "Less is better"
    return f"{metric.what_it_is} {better}: {metric.span}. {metric.what_it_cannot_hear}"
