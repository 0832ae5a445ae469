"""A tab of the desk that is made of sections: headings with rows of controls below."""

from collections.abc import Callable, Mapping

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.values.desk import Section, Tab
from lamina.gui.widgets.desk.desk_controls import ROW_HEIGHT, DeskControls, DeskKnob, Labelled

BESIDE_DIVIDER, BESIDE_DIVIDER_COMPACT = 11, 7
COMPACT_BELOW = 720
"""Width below which tabs take less room."""


class DeskTab(QWidget):
    """A tab of the desk: usual, or compact where the window is narrow."""

    def set_compact(self, is_compact: bool) -> None:
        """Takes less room, or as much as usual."""
        for knob in self.findChildren(DeskKnob):
            knob.set_compact(is_compact)


class SectionsTab(DeskTab):
    """The sections side by side; `special` has makers of controls that are not the usual ones, by parameter name."""

    def __init__(
        self,
        tab: Tab,
        controls: DeskControls,
        special: Mapping[str, Callable[[], QWidget]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._grids: list[QGridLayout] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        for index, section in enumerate(tab.sections):
            if index:
                self._row.addWidget(divider())
            self._row.addLayout(self._section(section, controls, special))
        self._row.addStretch(1)
        self.set_compact(False)

    def set_compact(self, is_compact: bool) -> None:
        super().set_compact(is_compact)
        self._row.setSpacing(BESIDE_DIVIDER_COMPACT if is_compact else BESIDE_DIVIDER)
        for grid in self._grids:
            grid.setHorizontalSpacing(theme.GAP if is_compact else theme.MARGIN)

    def _section(
        self, section: Section, controls: DeskControls, special: Mapping[str, Callable[[], QWidget]]
    ) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(theme.GAP)
        column.addWidget(heading(section.title))
        grid = QGridLayout()
        grid.setVerticalSpacing(theme.GAP)
        self._grids.append(grid)
        n_columns = max(len(row) for row in section.rows)
        for index, names in enumerate(section.rows):
            grid.setRowMinimumHeight(index, ROW_HEIGHT)
            for place, name in enumerate(names):
                span = n_columns if len(names) == 1 else 1
                control = special[name]() if name in special else controls.make(name)
                if isinstance(control, Labelled) and control.name.text() == section.title:
                    control.name.hide()  # the heading says it
                grid.addWidget(control, index, place, 1, span)
        column.addLayout(grid)
        column.addStretch(1)
        return column


class SidewaysScroll(QScrollArea):
    """Holds a tab: compact where the window is narrow, and scrolled where it is too narrow even so."""

    def __init__(self, content: DeskTab, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = content
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMinimumHeight(0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        viewport = self.viewport()
        assert viewport is not None
        viewport.setAutoFillBackground(False)
        content.setAutoFillBackground(False)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._content.set_compact(self.width() < COMPACT_BELOW)
        super().resizeEvent(event)


def divider() -> QWidget:
    """A thin upright line."""
    line = QFrame()
    line.setFixedWidth(1)
    line.setProperty("role", "divider")
    line.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
    return line


def heading(text: str) -> QLabel:
    """A section's name in small capitals."""
    label = QLabel(text)
    label.setFont(theme.caption_font())
    label.setProperty("role", "muted")
    return label
