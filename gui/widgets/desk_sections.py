"""A tab of the desk that is made of sections: headings with rows of controls below."""

from collections.abc import Callable, Mapping

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui import theme
from lamina.gui.model.desk import Section, Tab
from lamina.gui.widgets.desk_controls import ROW_HEIGHT, DeskControls, Labelled

BETWEEN_SECTIONS = 22


class SectionsTab(QWidget):
    """The sections side by side; `special` has makers of controls that are not the usual ones, by parameter name."""

    def __init__(
        self, tab: Tab, controls: DeskControls, special: Mapping[str, Callable[[], QWidget]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for index, section in enumerate(tab.sections):
            if index:
                row.addSpacing(BETWEEN_SECTIONS // 2)
                row.addWidget(divider())
                row.addSpacing(BETWEEN_SECTIONS // 2)
            row.addLayout(_section(section, controls, special))
        row.addStretch(1)


class SidewaysScroll(QScrollArea):
    """Holds a tab, and scrolls it where the window is too narrow for it."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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


def divider() -> QWidget:
    """A thin upright line."""
    line = QFrame()
    line.setFixedWidth(1)
    line.setStyleSheet(f"background: {theme.LINE};")
    line.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
    return line


def heading(text: str) -> QLabel:
    """A section's name in small capitals."""
    label = QLabel(text)
    label.setFont(theme.caption_font())
    label.setProperty("role", "muted")
    return label


def _section(section: Section, controls: DeskControls, special: Mapping[str, Callable[[], QWidget]]) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(theme.GAP)
    column.addWidget(heading(section.title))
    grid = QGridLayout()
    grid.setHorizontalSpacing(theme.MARGIN)
    grid.setVerticalSpacing(theme.GAP)
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
