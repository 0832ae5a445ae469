"""The code desk: a bar that is always there, and a drawer with tabs below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QWidget

from lamina.gui.look import theme
from lamina.gui.model.values.desk import DESK_KEY, TAB_NAMES, TABS, Desk
from lamina.gui.model.values.moving import Moving
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.widgets.controls.chips import Chip, Segments
from lamina.gui.widgets.controls.panel import Panel
from lamina.gui.widgets.controls.tab_order import tab_through
from lamina.gui.widgets.controls.tips import set_tip
from lamina.gui.widgets.desk.desk_controls import DeskControls
from lamina.gui.widgets.desk.desk_specials import FreezeButton, SeedControl, TempoControl

if TYPE_CHECKING:
    from lamina.gui.widgets.desk.desk_layers import LayersTab
    from lamina.gui.widgets.desk.desk_motion import MotionTab

LEAST_HEIGHT, HEIGHT = 190, 204


class DeskPanel(Panel):
    """Shows the desk over `ParameterValues`.

    `opened` tells whether the drawer is open, `refused` carries a refusal's sentence, `tab_made` a tab.

    A tab is made when it is opened first: the window must not wait for what may never be seen.
    """

    opened = pyqtSignal(bool)
    refused = pyqtSignal(str)
    tab_made = pyqtSignal(QWidget)

    def __init__(self, values: ParameterValues, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.controls = DeskControls(values, desk, self)
        self.controls.refused.connect(self.refused)
        self.content.setContentsMargins(theme.MARGIN, theme.GAP, theme.MARGIN, theme.GAP)
        self.content.setSpacing(0)
        self.content.addLayout(self._bar())
        self._tabs: dict[str, QWidget] = {}
        self.drawer = _Drawer()
        for _ in TABS:
            self.drawer.addWidget(QWidget())
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
        set_tip(
            self.open_button,
            f"<b>Code desk</b> ({DESK_KEY})<br>Layers, losses, codes and motion: everything between encoder and "
            "decoder. "
            "A dot marks what isn't at its default.",
        )
        self.open_button.clicked.connect(self.set_open)
        self.tabs = Segments(tuple(tab.name for tab in TABS), width=None)
        for number, tab in enumerate(TABS, 1):
            set_tip(self.tabs.buttons[tab.name], f"<b>{tab.name}</b> (Ctrl+{number})<br>{tab.help}")
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
        if is_open:
            self._make(self.drawer.currentIndex())
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
        index = TAB_NAMES.index(name)
        if self.is_open:
            self._make(index)
        self.drawer.setCurrentIndex(index)
        self._light()

    @property
    def tab(self) -> str:
        """The tab that is shown when the drawer is open."""
        return TABS[self.drawer.currentIndex()].name

    @property
    def layers(self) -> LayersTab:
        """The tab of layers."""
        return self._make(TAB_NAMES.index("Layers"))  # type: ignore[return-value]

    @property
    def motion(self) -> MotionTab:
        """The tab of motion."""
        return self._make(TAB_NAMES.index("Motion"))  # type: ignore[return-value]

    def show_moving(self, moving: Moving, n_sent: int | None) -> None:
        """Shows where what moves by itself is, and how many layers are sent now (None: as many as the knob says)."""
        self.controls.show_moving(moving.values)
        if not self.is_open or self.tab not in self._tabs:
            return
        if self.tab == "Layers":
            self.layers.show_moving(moving.values, n_sent)
        elif self.tab == "Motion":
            self.motion.show_moving(moving)

    def toggle_freeze(self) -> None:
        """Freezes, or lets go."""
        self.controls.set("freeze", not self.controls.values["freeze"])

    def _make(self, index: int) -> QWidget:
        """The tab at a place, made now if it wasn't yet."""
        tab = TABS[index]
        if tab.name in self._tabs:
            return self._tabs[tab.name]
        from lamina.gui.widgets.desk.desk_layers import LayersTab
        from lamina.gui.widgets.desk.desk_motion import MotionTab
        from lamina.gui.widgets.desk.desk_sections import DeskTab, SectionsTab, SidewaysScroll

        special: dict[str, Callable[[], QWidget]] = {
            "freeze": lambda: FreezeButton(self.controls),
            "tempo": lambda: TempoControl(self.controls),
            "seed": lambda: SeedControl(self.controls),
        }
        own: dict[str, Callable[[], DeskTab]] = {
            "Layers": lambda: LayersTab(self.controls),
            "Motion": lambda: MotionTab(self.controls),
        }
        made = self._tabs[tab.name] = own[tab.name]() if tab.name in own else SectionsTab(tab, self.controls, special)
        shown, empty = self.drawer.currentIndex(), self.drawer.widget(index)
        assert empty is not None
        self.drawer.removeWidget(empty)
        empty.deleteLater()
        self.drawer.insertWidget(index, SidewaysScroll(made))
        self.drawer.setCurrentIndex(shown)
        tab_through(self.freeze, made)
        self.tab_made.emit(made)
        return made

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
        self.reset_button.setToolTip(
            f"Set back: {', '.join(labels)}." if labels else "Everything on the desk is at its default."
        )


class _Drawer(QStackedWidget):
    """As high whichever of its tabs were made: what stands above must not jump when one is opened first."""

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), LEAST_HEIGHT)
