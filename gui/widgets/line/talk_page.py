"""How the line stands while both ends are there: figures, and pictures of what arrives."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.line.figures import FIGURES, figures
from lamina.gui.model.line.line import Line
from lamina.gui.widgets.controls.panel import Caption, Panel
from lamina.gui.widgets.controls.tips import set_tip
from lamina.gui.widgets.views.spectrogram_view import SpectrogramView, TimeAxis
from lamina.gui.widgets.views.usage_view import UsageHeads, UsageView

FIGURE_PIXELS, COLUMNS, USAGE_WIDTH = 20, 4, 244


class TalkPage(QWidget):
    """Shows a `Line`. `refresh` is one step of what moves, `tell` one of what is read."""

    def __init__(self, line: Line, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = line
        self.figures = {head: Figure(head, tip) for head, tip in FIGURES.items()}
        panel = Panel()
        panel.content.addWidget(Caption("The line", theme.DRY))
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.MARGIN)
        grid.setVerticalSpacing(theme.MARGIN)
        for place, figure in enumerate(self.figures.values()):
            grid.addWidget(figure, *divmod(place, COLUMNS), Qt.AlignmentFlag.AlignTop)
        for index in range(COLUMNS):
            grid.setColumnStretch(index, 1)
        panel.content.addLayout(grid)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.MARGIN)
        column.addWidget(panel)
        column.addWidget(self._pictures_panel(), 1)

    def _pictures_panel(self) -> Panel:
        panel = Panel()
        self.caption = Caption("What arrives", theme.WET)
        self.spectrogram = SpectrogramView("Spectrogram of what arrives")
        self.usage = UsageView()
        self.usage.setAccessibleName("Codebook usage of what arrives, per layer")
        sound, codes = QVBoxLayout(), QVBoxLayout()
        for part in (sound, codes):
            part.setSpacing(theme.GAP)
        sound.addWidget(self.caption)
        sound.addWidget(self.spectrogram, 1)
        sound.addWidget(TimeAxis())
        codes.addWidget(Caption("Its codes", theme.WET))
        codes.addWidget(UsageHeads())
        codes.addWidget(self.usage, 1)
        beside = QWidget()
        beside.setFixedWidth(USAGE_WIDTH)
        beside.setLayout(codes)
        codes.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        row.setSpacing(2 * theme.MARGIN)
        row.addLayout(sound, 1)
        row.addWidget(beside)
        panel.content.addLayout(row)
        return panel

    def begin(self) -> None:
        """Shows the pictures of the line that has begun."""
        received = self._line.received
        self.spectrogram.show_ring(received.spectrogram.ring)
        self.spectrogram.show_hint(self._line.silence)
        self.usage.show_usage(received.usage)

    def refresh(self) -> None:
        """One step of the pictures."""
        self.spectrogram.refresh()
        self.usage.show_layers(self._line.received.usage.active_layers)
        self.usage.refresh()

    def tell(self) -> None:
        """One step of the figures."""
        self.usage.refresh_figures()
        view = self._line.view
        if view is None or view.status is None:
            return
        self.caption.name.setText(f"From {self._line.there}")
        for head, (value, detail) in figures(view.status).items():
            self.figures[head].show_value(value, detail)


class Figure(QWidget):
    """A figure under its head, with a detail below; read out as one."""

    def __init__(self, head: str, tip: str) -> None:
        super().__init__()
        self.setAccessibleName(head)
        set_tip(self, f"<b>{head}</b><br>{tip}")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        name = QLabel(head)
        name.setProperty("role", "detail")
        self.value = QLabel()
        self.value.setStyleSheet(f"font-size: {FIGURE_PIXELS}px; font-weight: 600;")
        self.detail = QLabel()
        self.detail.setProperty("role", "detail")
        for label in (name, self.value, self.detail):
            label.setTextFormat(Qt.TextFormat.PlainText)
            column.addWidget(label)
        self.show_value("\N{EN DASH}", "")

    def show_value(self, value: str, detail: str) -> None:
        """Shows these words."""
        self.value.setText(value)
        self.detail.setText(detail)
        self.detail.setVisible(bool(detail))
        self.setAccessibleDescription(f"{value} {detail}".strip())
