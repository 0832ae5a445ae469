"""The window of presets: searched, marked, renamed and removed, and tried one after the other while it plays."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QPoint, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamina.gui.look import theme
from lamina.gui.model.values.preset_list import PresetList
from lamina.gui.widgets.controls.tips import plain_tip
from lamina.plugin.documents.presets import Preset

WIDTH, HEIGHT = 420, 560
STAR_WIDTH, DESCRIPTION_HEIGHT = 34, 38
MARKED, UNMARKED = "\N{BLACK STAR}", "\N{WHITE STAR}"
KEY = Qt.ItemDataRole.UserRole
FAVOURITE_KEY, RENAME_KEY = "Ctrl+D", "F2"


class PresetBrowser(QDialog):
    """Shows a `PresetList`; not modal, and stays open, so that one hears a preset and takes the next.

    `chosen` carries a preset, `marked` its key and whether it is a favourite now, `renamed` the key and a new title,
    `removed` the key. `play_asked` is for Space.

    Args:
        key_of: gives a preset's key; `is_own` says whether one by that key is the user's.
    """

    chosen = pyqtSignal(object)
    marked = pyqtSignal(str, bool)
    renamed = pyqtSignal(str, str)
    removed = pyqtSignal(str)
    play_asked = pyqtSignal()

    def __init__(
        self, key_of: Callable[[Preset], str], is_own: Callable[[str], bool], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._key_of, self._is_own = key_of, is_own
        self._list, self._title = PresetList(), ""
        self._favourites: set[str] = set()
        self._by_key: dict[str, Preset] = {}
        self._waiting: tuple[PresetList, set[str]] | None = None
        self.setWindowTitle("Presets – Lamina")
        self.resize(WIDTH, HEIGHT)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName("Search presets")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(lambda _text: self._fill())
        self.tree = _Tree()
        self.tree.space_pressed.connect(self.play_asked)
        self.tree.currentItemChanged.connect(lambda item, _before: self._describe(item))
        self.tree.itemClicked.connect(self._clicked)
        self.tree.itemChanged.connect(self._changed)
        self.tree.moved.connect(self._choose)
        self.tree.edited.connect(self._take_waiting)
        self.description = QLabel()
        self.description.setWordWrap(True)
        self.description.setProperty("role", "detail")
        self.description.setTextFormat(Qt.TextFormat.PlainText)
        self.description.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.description.setMinimumHeight(DESCRIPTION_HEIGHT)
        self.nothing = QLabel("No preset has these words.")
        self.nothing.setProperty("role", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.MARGIN, theme.MARGIN, theme.MARGIN, theme.MARGIN)
        column.setSpacing(theme.GAP)
        for widget in (self.search, self.nothing, self.description):
            column.addWidget(widget)
        column.insertWidget(1, self.tree, 1)
        column.addLayout(self._foot())
        for keys, action in ((FAVOURITE_KEY, self._toggle_mark), (RENAME_KEY, self._begin_to_rename)):
            QShortcut(QKeySequence(keys), self).activated.connect(action)
        QShortcut(QKeySequence("Delete"), self.tree, context=Qt.ShortcutContext.WidgetShortcut).activated.connect(
            self._remove
        )
        self._fill()

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.GAP)
        self.mark_button = _button("Favourite", f"Marks it, or no longer ({FAVOURITE_KEY}).", self._toggle_mark)
        self.rename_button = _button("Rename", f"Gives your preset another name ({RENAME_KEY}).", self._begin_to_rename)
        self.remove_button = _button("Delete", "Deletes your preset (Delete); it can be undone.", self._remove)
        for button in (self.mark_button, self.rename_button, self.remove_button):
            row.addWidget(button)
        row.addStretch(1)
        close = _button("Close", "Closes this window (Escape).", self.close)
        row.addWidget(close)
        return row

    # What it shows.

    def show_presets(self, presets: PresetList, favourites: set[str]) -> None:
        """Shows these, with the same one marked as before."""
        if self.tree.is_editing:
            # A name that is being typed must not be lost.
            self._waiting = presets, favourites
            return
        self._list, self._favourites = presets, favourites
        self._by_key = {self._key_of(preset): preset for preset in presets.all()}
        self._fill()

    def show_preset(self, title: str) -> None:
        """Says which one is in use."""
        self._title = title
        for item in self._items():
            self._light(item)

    def titles(self) -> dict[str, list[str]]:
        """What is seen, by group."""
        groups = {}
        for index in range(self.tree.topLevelItemCount()):
            group = self.tree.topLevelItem(index)
            assert group is not None
            groups[group.text(0)] = [child.text(0) for child in _children(group)]
        return groups

    def _fill(self) -> None:
        before = self._key(self.tree.currentItem())
        self.tree.blockSignals(True)
        self.tree.clear()
        found = self._list.found(self.search.text())
        for name, presets in found.items():
            group = QTreeWidgetItem([name])
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            group.setFont(0, theme.caption_font())
            group.setForeground(0, theme.colour(theme.MUTED))
            self.tree.addTopLevelItem(group)
            for preset in presets:
                group.addChild(self._item(preset))
            group.setFirstColumnSpanned(True)
        self.tree.expandAll()
        again = next((item for item in self._items() if before and self._key(item) == before), None)
        if again is not None:
            self.tree.setCurrentItem(again)
        self.tree.blockSignals(False)
        self.nothing.setHidden(bool(found))
        self.tree.setHidden(not found)
        self._describe(self.tree.currentItem())

    def _item(self, preset: Preset) -> QTreeWidgetItem:
        key = self._key_of(preset)
        item = QTreeWidgetItem([preset.title, MARKED if key in self._favourites else UNMARKED])
        item.setData(0, KEY, key)
        item.setToolTip(0, plain_tip(f"{preset.description}\n{key if self._is_own(key) else ''}".strip()))
        item.setToolTip(1, "A favourite stands at the top, here and in the menu.")
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignCenter)
        if self._is_own(key):
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        item.setForeground(1, theme.colour(theme.WET if key in self._favourites else theme.MUTED))
        self._light(item)
        return item

    def _light(self, item: QTreeWidgetItem) -> None:
        is_blocked = self.tree.blockSignals(True)
        item.setForeground(0, theme.colour(theme.WET if item.text(0) == self._title else theme.TEXT))
        self.tree.blockSignals(is_blocked)

    def _describe(self, item: QTreeWidgetItem | None) -> None:
        preset, key = self._by_key.get(self._key(item)), self._key(item)
        self.description.setText(preset.description if preset is not None else "")
        self.mark_button.setEnabled(preset is not None)
        self.mark_button.setText("No favourite" if key in self._favourites else "Favourite")
        for button in (self.rename_button, self.remove_button):
            button.setEnabled(preset is not None and self._is_own(key))

    # What the user does.

    def _clicked(self, item: QTreeWidgetItem, column: int) -> None:
        if column == 1 and self._key(item):
            self._toggle_mark()
        else:
            self._choose(item)

    def _choose(self, item: QTreeWidgetItem | None) -> None:
        preset = self._by_key.get(self._key(item))
        if preset is not None:
            self.chosen.emit(preset)

    def _changed(self, item: QTreeWidgetItem, column: int) -> None:
        """A title was typed."""
        key = self._key(item)
        preset = self._by_key.get(key)
        if preset is None or column != 0 or item.text(0) == preset.title:
            return
        title = item.text(0)
        is_blocked = self.tree.blockSignals(True)
        item.setText(0, preset.title)  # until it is called so
        self.tree.blockSignals(is_blocked)
        self.renamed.emit(key, title)

    def _take_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.show_presets(*waiting)

    def _toggle_mark(self) -> None:
        key = self._key(self.tree.currentItem())
        if key:
            self.marked.emit(key, key not in self._favourites)

    def _begin_to_rename(self) -> None:
        item = self.tree.currentItem()
        if item is not None and self.rename_button.isEnabled():
            self.tree.editItem(item, 0)

    def _remove(self) -> None:
        if self.remove_button.isEnabled():
            self.removed.emit(self._key(self.tree.currentItem()))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # Not the dialog's default button: Return in the search field takes what is found first.
            items = self._items()
            if self.search.hasFocus() and items:
                self.tree.setCurrentItem(items[0])
                self._choose(items[0])
                self.tree.setFocus()
            return
        if event is not None and event.key() == Qt.Key.Key_Down and self.search.hasFocus():
            self.tree.setFocus()
            return
        super().keyPressEvent(event)

    def _items(self) -> list[QTreeWidgetItem]:
        groups = [self.tree.topLevelItem(index) for index in range(self.tree.topLevelItemCount())]
        return [child for group in groups if group is not None for child in _children(group)]

    @staticmethod
    def _key(item: QTreeWidgetItem | None) -> str:
        return str(item.data(0, KEY) or "") if item is not None else ""


class _Tree(QTreeWidget):
    """Headings and what stands below them; keys that move take what they come to. `edited` follows when no name is
    typed any more.
    """

    moved = pyqtSignal(object)
    edited = pyqtSignal()
    space_pressed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "presets")
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(10)
        self.setItemsExpandable(False)
        self.setAccessibleName("Presets")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.header()
        assert header is not None
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(1, STAR_WIDTH)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is not None and event.key() == Qt.Key.Key_Space:
            self.space_pressed.emit()
            return
        before = self.currentItem()
        super().keyPressEvent(event)
        if self.currentItem() is not before:
            self.moved.emit(self.currentItem())

    @property
    def is_editing(self) -> bool:
        """Whether a name is being typed."""
        return self.state() == QAbstractItemView.State.EditingState

    def closeEditor(self, editor: QWidget | None, hint: QAbstractItemDelegate.EndEditHint) -> None:
        super().closeEditor(editor, hint)
        self.edited.emit()

    def place(self, item: QTreeWidgetItem, column: int = 0) -> QPoint:
        """The middle of an item's cell, in the viewport."""
        model_index = self.indexFromItem(item, column)
        return self.visualRect(model_index).center()


def _children(group: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    children = [group.child(index) for index in range(group.childCount())]
    return [child for child in children if child is not None]


def _button(text: str, tip: str, action: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("role", "quiet")
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(lambda: action())
    return button
