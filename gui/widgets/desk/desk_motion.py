"""The desk's tab of motion: the list of motions at the left, the one that is edited beside it."""

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence, QShortcut
from PyQt6.QtWidgets import QHBoxLayout, QListWidget, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import theme
from lamina.gui.model.values.motion_desk import SOURCE_HELPS, SOURCE_TEXTS, MotionDesk
from lamina.gui.model.values.moving import Moving
from lamina.gui.widgets.controls.buttons import MenuButton
from lamina.gui.widgets.controls.status_line import ElidedLabel
from lamina.gui.widgets.controls.tips import plain_tip, set_tip
from lamina.gui.widgets.desk.desk_controls import DeskControls
from lamina.gui.widgets.desk.desk_sections import DeskTab, divider
from lamina.gui.widgets.desk.desk_specials import TempoControl
from lamina.gui.widgets.desk.motion_editor import MotionEditor

LEAST_WIDTH, LEAST_COMPACT_WIDTH, MOST_WIDTH = 176, 150, 238


class MotionTab(DeskTab):
    """Adds, removes and chooses motions; `editor` turns the chosen one."""

    def __init__(self, controls: DeskControls, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = MotionDesk(controls.values, controls.set)
        self.editor = MotionEditor(self.desk)
        self.editor.refused.connect(controls.refused)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addLayout(self._left(controls), 1)
        self._row.addWidget(divider())
        self._row.addWidget(self.editor, 3)
        self.set_compact(False)
        # What a motion reaches depends on where its target stands, which may be any parameter.
        controls.values.changed.subscribe(lambda _name, _value: self.show_desk())
        self.show_desk()

    def _left(self, controls: DeskControls) -> QVBoxLayout:
        self.add_button = MenuButton("Add", is_quiet=True)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for source, text in SOURCE_TEXTS.items():
            action = menu.addAction(text)
            assert action is not None
            action.setToolTip(SOURCE_HELPS[source])
            action.triggered.connect(lambda _checked, source=source: self.desk.add(source))
        self.add_button.setMenu(menu)
        self.remove_button = QPushButton("Remove")
        self.remove_button.setProperty("role", "quiet")
        self.remove_button.setToolTip("Take out the motion that is marked (Delete).")
        self.remove_button.clicked.connect(self.desk.remove)
        self.list = QListWidget()
        self.list.setProperty("role", "desk")
        self.list.setAccessibleName("Motions")
        self.list.setMaximumWidth(MOST_WIDTH)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.currentRowChanged.connect(self._select)
        delete = QShortcut(QKeySequence("Delete"), self.list)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self.desk.remove)
        self.drawn = ElidedLabel()
        self.drawn.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.GAP)
        for button in (self.add_button, self.remove_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(theme.GAP)
        column.addLayout(buttons)
        column.addWidget(self.list, 1)
        column.addWidget(self.drawn)
        column.addWidget(TempoControl(controls))
        return column

    def set_compact(self, is_compact: bool) -> None:
        super().set_compact(is_compact)
        self._row.setSpacing(theme.GAP if is_compact else theme.MARGIN)
        self.list.setMinimumWidth(LEAST_COMPACT_WIDTH if is_compact else LEAST_WIDTH)
        self.editor.set_compact(is_compact)

    def show_desk(self) -> None:
        """Takes over what changed."""
        motions = self.desk.motions
        self.list.blockSignals(True)
        while self.list.count() > len(motions):
            self.list.takeItem(self.list.count() - 1)
        for index, motion in enumerate(motions):
            if index == self.list.count():
                self.list.addItem("")
            item = self.list.item(index)
            assert item is not None
            item.setText(self.desk.text(motion))
            item.setToolTip(plain_tip(self.desk.text(motion)))
        self.list.setCurrentRow(self.desk.selected)
        self.list.blockSignals(False)
        self.add_button.setEnabled(self.desk.can_add)
        self.remove_button.setEnabled(bool(motions))
        drawn = self.desk.drawn_text()
        self.drawn.setVisible(bool(drawn))
        self.drawn.setText(drawn)
        set_tip(
            self.drawn, plain_tip(f"{drawn}. It plays with the motions; Reset desk takes it away." if drawn else "")
        )
        self.editor.show_motion()

    def show_moving(self, moving: Moving) -> None:
        """Shows where the motion that is edited is now."""
        motion = self.desk.motion
        self.editor.picture.show_moving(moving.source(motion) if motion is not None else None)

    def _select(self, index: int) -> None:
        self.desk.select(index)
        self.editor.show_motion()
