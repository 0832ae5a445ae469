"""The code desk: a bar that is always there, and a drawer with tabs below it."""

from collections.abc import Callable

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QWidget

from lamina.gui import theme
from lamina.gui.model.desk import DESK_KEY, TABS, Desk
from lamina.gui.model.parameters import ParameterValues
from lamina.gui.widgets.chips import Chip, Segments
from lamina.gui.widgets.desk_controls import DeskControls
from lamina.gui.widgets.desk_layers import LayersTab
from lamina.gui.widgets.desk_motion import MotionTab
from lamina.gui.widgets.desk_sections import SectionsTab, SidewaysScroll
from lamina.gui.widgets.desk_specials import FreezeButton, SeedControl, TempoControl
from lamina.gui.widgets.panel import Panel

LEAST_HEIGHT, HEIGHT = 190, 204


class DeskPanel(Panel):
    """Shows the desk over `ParameterValues`. `opened` tells whether the drawer is open, `refused` carries a refusal's sentence."""

    opened = pyqtSignal(bool)
    refused = pyqtSignal(str)

    def __init__(self, values: ParameterValues, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.controls = DeskControls(values, desk, self)
        self.controls.refused.connect(self.refused)
        self.content.setContentsMargins(theme.MARGIN, theme.GAP, theme.MARGIN, theme.GAP)
        self.content.setSpacing(0)
        self.content.addLayout(self._bar())
        self.layers = LayersTab(self.controls)
        self.motion = MotionTab(self.controls)
        special: dict[str, Callable[[], QWidget]] = {
            "freeze": lambda: FreezeButton(self.controls),
            "tempo": lambda: TempoControl(self.controls),
            "seed": lambda: SeedControl(self.controls),
        }
        own = {"Layers": self.layers, "Motion": self.motion}
        self.drawer = QStackedWidget()
        for tab in TABS:
            self.drawer.addWidget(SidewaysScroll(own.get(tab.name) or SectionsTab(tab, self.controls, special)))
        self.drawer.setMinimumHeight(LEAST_HEIGHT)
        self.drawer.setMaximumHeight(HEIGHT)
        self.drawer.setContentsMargins(0, theme.MARGIN, 0, 0)
        self.content.addWidget(self.drawer)
        self.drawer.hide()
        self.show_tab(TABS[0].name)
        values.changed.subscribe(lambda _name, _value: self._show_changes())
        self._show_changes()

    def _bar(self) -> QHBoxLayout:
        self.open_button = Chip("Desk")
        self.open_button.setToolTip(
            f"<b>Code desk</b> ({DESK_KEY})<br>Layers, losses, codes and motion: everything between encoder and decoder. "
            "A dot marks what isn't at its default."
        )
        self.open_button.clicked.connect(self.set_open)
        self.tabs = Segments(tuple(tab.name for tab in TABS), width=None)
        for number, tab in enumerate(TABS, 1):
            self.tabs.buttons[tab.name].setToolTip(f"<b>{tab.name}</b> (Ctrl+{number})<br>{tab.help}")
        self.tabs.chosen.connect(self.open_tab)
        self.freeze = FreezeButton(self.controls, is_small=True)
        self.reset_button = QPushButton("Reset desk")
        self.reset_button.setProperty("role", "quiet")
        self.reset_button.clicked.connect(self.desk.reset)
        row = QHBoxLayout()
        row.setSpacing(theme.GAP)
        row.addWidget(self.open_button)
        row.addWidget(self.tabs)
        row.addStretch(1)
        row.addWidget(self.reset_button)
        row.addWidget(self.freeze)
        return row

    @property
    def is_open(self) -> bool:
        """Whether the drawer is open."""
        return not self.drawer.isHidden()

    def set_open(self, is_open: bool) -> None:
        """Opens or closes the drawer."""
        self.open_button.setChecked(is_open)
        if is_open == self.is_open:
            return
        self.drawer.setVisible(is_open)
        self._light()
        self.opened.emit(is_open)

    def toggle(self) -> None:
        """Opens the drawer, or closes it."""
        self.set_open(not self.is_open)

    def open_tab(self, name: str) -> None:
        """Opens the drawer at a tab."""
        self.show_tab(name)
        self.set_open(True)

    def show_tab(self, name: str) -> None:
        """Turns to a tab, without opening the drawer."""
        self.drawer.setCurrentIndex([tab.name for tab in TABS].index(name))
        self._light()

    @property
    def tab(self) -> str:
        """The tab that is shown when the drawer is open."""
        return TABS[self.drawer.currentIndex()].name

    def toggle_freeze(self) -> None:
        """Freezes, or lets go."""
        self.controls.set("freeze", not self.controls.values["freeze"])

    def _light(self) -> None:
        self.tabs.show_chosen(self.tab if self.is_open else "")

    def _show_changes(self) -> None:
        changed = self.desk.changed_tabs()
        for name, button in self.tabs.buttons.items():
            button.show_dot(name in changed)
        names = self.desk.changed_names()
        self.open_button.show_dot(bool(names))
        self.reset_button.setEnabled(bool(names))
        labels = [self.controls.values.parameters[name].label for name in names]
        self.reset_button.setToolTip(f"Set back: {', '.join(labels)}." if labels else "Everything on the desk is at its default.")
