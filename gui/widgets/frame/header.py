"""The bar at the top: name, open file, demo items, model, presets, export."""

from collections.abc import Collection, Sequence
from pathlib import Path

from PyQt6.QtCore import QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from lamina.gui.look import icons, theme
from lamina.gui.model.files.own_presets import OwnPreset
from lamina.gui.model.values.preset_list import PresetList
from lamina.gui.widgets.controls.buttons import MenuButton, SignButton
from lamina.gui.widgets.controls.status_line import ElidedLabel
from lamina.gui.widgets.controls.tips import plain_tip, set_tip
from lamina.plugin.documents.presets import Preset

LONGEST_MODEL_NAME, PRESET_WIDTH, STEP_BUTTON = 18, 152, 26
LONGEST_FILE_NAME = 48
ROOM_IN_LINE, NARROW_WORDMARK = 1180, 140
"""Pixels of width below which what is open needs the room more than the buttons need to stand in line with the
waveform; and what the wordmark takes then.
"""
TWO_PASS_KEYS = "Ctrl+Shift+E"
NEXT_PRESET_KEYS, PRESET_BEFORE_KEYS = "Alt+Right", "Alt+Left"
BROWSE_KEYS = "Ctrl+P"


class Header(QWidget):
    """Signals what was asked for; shows what it is told."""

    open_asked = pyqtSignal()
    demo_chosen = pyqtSignal(object)
    recent_chosen = pyqtSignal(object)
    forget_recent_asked = pyqtSignal()
    preset_chosen = pyqtSignal(object)
    own_preset_chosen = pyqtSignal(object)
    presets_shown = pyqtSignal()
    browse_asked = pyqtSignal()
    preset_save_asked = pyqtSignal()
    preset_open_asked = pyqtSignal()
    export_asked = pyqtSignal()
    two_pass_export_asked = pyqtSignal()
    models_asked = pyqtSignal()
    model_chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(56)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GAP)
        self._wordmark = _Wordmark()
        row.addWidget(self._wordmark)
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip("Open a sound file or Lamina codes (Ctrl+O), or drop one on the window.")
        self.open_button.clicked.connect(self.open_asked)
        self.demo_button = MenuButton("Sounds")
        self.demo_button.setToolTip("Files that were open lately, and sounds that come with Lamina.")
        self._demos: list = []
        self._recent: list[Path] = []
        self.demo_menu = QMenu(self)
        self.demo_menu.setToolTipsVisible(True)
        self.demo_button.setMenu(self.demo_menu)
        row.addWidget(self.open_button)
        row.addWidget(self.demo_button)
        row.addSpacing(theme.GAP)
        row.addLayout(self._names(), 1)
        self.model_button = MenuButton("Model")
        self.model_button.setToolTip("The model that is heard: Lamina's, or one of your own, made by lamina train.")
        self.model_menu = QMenu(self)
        self.model_menu.setToolTipsVisible(True)
        # Looked for each time: a training may have ended meanwhile.
        self.model_menu.aboutToShow.connect(self.models_asked)
        self.model_button.setMenu(self.model_menu)
        self._models: list = []
        self._model = ""
        row.addWidget(self.model_button)
        self.preset_button = MenuButton("Presets")
        # Whatever its text: the model's button beside it must not wander from preset to preset.
        self.preset_button.setFixedWidth(PRESET_WIDTH)
        self.preset_list, self._preset = PresetList(), ""
        self._own_paths: dict[int, Path] = {}  # by the preset's id, since titles aren't unique
        self.preset_menu = QMenu(self)
        self.preset_menu.setToolTipsVisible(True)
        self.preset_button.setMenu(self.preset_menu)
        self.export_button = QPushButton("Export…")
        set_tip(
            self.export_button,
            f"Render the whole file with these settings, or write its codes (Ctrl+E).<br>{TWO_PASS_KEYS} or the right "
            "button: in two passes. The first one plans the layers, hard moments get more and easy ones fewer, at the "
            "same bitrate on the average. It takes a little longer.",
        )
        self.export_button.clicked.connect(self.export_asked)
        two_passes = QAction("Export in two passes…", self.export_button)
        two_passes.triggered.connect(self.two_pass_export_asked)
        self.export_button.addAction(two_passes)
        self.export_button.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.before_button = SignButton("left", "Preset before", diameter=STEP_BUTTON)
        self.before_button.setToolTip(f"The preset before ({PRESET_BEFORE_KEYS}).")
        self.before_button.clicked.connect(lambda: self.step_preset(-1))
        self.next_button = SignButton("right", "Next preset", diameter=STEP_BUTTON)
        self.next_button.setToolTip(f"The next preset ({NEXT_PRESET_KEYS}).")
        self.next_button.clicked.connect(lambda: self.step_preset(1))
        presets = QHBoxLayout()
        presets.setSpacing(3)
        for button in (self.before_button, self.preset_button, self.next_button):
            presets.addWidget(button)
        row.addLayout(presets)
        row.addWidget(self.export_button)
        self.show_preset("", False)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        self._wordmark.show_in_line(self.width() >= ROOM_IN_LINE)

    def _names(self) -> QVBoxLayout:
        self.title = ElidedLabel("title", theme.TEXT)
        self.detail = ElidedLabel()
        column = QVBoxLayout()
        column.setSpacing(1)
        column.addStretch(1)
        for label in (self.title, self.detail):
            label.setTextFormat(Qt.TextFormat.PlainText)
            # A long file name is cut off; it must not widen the window.
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            column.addWidget(label)
        column.addStretch(1)
        return column

    def show_document(self, title: str, detail: str) -> None:
        """Names what is open."""
        self.title.setText(title)
        set_tip(self.title, plain_tip(title))
        self.detail.setText(detail)
        set_tip(self.detail, plain_tip(detail))

    def show_demos(self, items: list) -> None:
        """Fills the menu of sounds with `DemoItem`s."""
        self._demos = items
        self._fill_sounds()

    def show_recent(self, paths: Sequence[Path]) -> None:
        """Has the files that were open lately in the menu of sounds, before the demo items."""
        self._recent = list(paths)
        self._fill_sounds()

    def _fill_sounds(self) -> None:
        menu = self.demo_menu
        menu.clear()
        if self._recent:
            menu.addSection("Recent")
            for path in self._recent:
                action = self._add(menu, _cut(path.name, LONGEST_FILE_NAME).replace("&", "&&"), plain_tip(str(path)))
                action.triggered.connect(lambda _checked, path=path: self.recent_chosen.emit(path))
            forget = self._add(menu, "Forget these", "Empties the list of recent files; the files stay.")
            forget.triggered.connect(self.forget_recent_asked)
            menu.addSection("Demos")
        for item in self._demos:
            action = self._add(menu, item.title, item.credit)
            action.triggered.connect(lambda _checked, item=item: self.demo_chosen.emit(item))
        self.demo_button.setEnabled(bool(self._demos or self._recent))

    def show_presets(self, presets: list, own: Sequence[OwnPreset] = (), favourites: Collection[str] = ()) -> None:
        """Fills the preset menu with `Preset`s: favourites, all by category, and the user's own below them.

        Favourites are named by their keys.
        """
        self._own_paths = {id(each.preset): each.path for each in own}
        every = [*presets, *(each.preset for each in own)]
        marked = {id(preset) for preset in every if self.key_of(preset) in favourites}
        self.preset_list = PresetList(presets, [each.preset for each in own], marked)
        self.preset_menu.clear()
        for category, group in self.preset_list.found("").items():
            menu = self.preset_menu.addMenu(category)
            assert menu is not None
            menu.setToolTipsVisible(True)
            for preset in group:
                path = self._own_paths.get(id(preset))
                tip = preset.description if path is None else f"{preset.description}\n{path}".strip()
                action = self._add(menu, preset.title.replace("&", "&&"), plain_tip(tip))
                action.setData(preset.title)
                action.setCheckable(True)
                action.triggered.connect(lambda _checked, preset=preset: self.choose_preset(preset))
        self.preset_menu.addSeparator()
        self._add(
            self.preset_menu,
            "Browse presets…",
            f"Search them, mark favourites, rename and delete your own ({BROWSE_KEYS}).",
        ).triggered.connect(self.browse_asked)
        self._add(self.preset_menu, "Open preset…", "Use settings saved in a file.").triggered.connect(
            self.preset_open_asked
        )
        self._add(self.preset_menu, "Save preset…", "Save the present settings in a file (Ctrl+S).").triggered.connect(
            self.preset_save_asked
        )
        self._mark_preset()
        self.presets_shown.emit()

    def presets(self) -> list[Preset]:
        """All that the menu has, Lamina's and the user's own."""
        return self.preset_list.all()

    def key_of(self, preset: Preset) -> str:
        """What a preset is kept by: Lamina's by its name, the user's by its path."""
        path = self._own_paths.get(id(preset))
        return preset.name if path is None else str(path)

    def is_own(self, key: str) -> bool:
        """Whether the preset of that key is the user's."""
        return any(str(path) == key for path in self._own_paths.values())

    def title_of(self, key: str) -> str:
        """What the preset of that key is called."""
        return next((preset.title for preset in self.presets() if self.key_of(preset) == key), key)

    def show_preset(self, title: str, is_changed: bool) -> None:
        """Names the preset in use, with a dot if something was changed since."""
        self._preset = title
        self.preset_button.setText(title or "Presets")
        self.preset_button.show_dot(bool(title) and is_changed)
        what = f"{title}{', changed since' if is_changed else ''}" if title else "Settings to start from"
        keys = f"{PRESET_BEFORE_KEYS} and {NEXT_PRESET_KEYS}: the preset before and the next one."
        set_tip(self.preset_button, plain_tip(f"{what}. {keys}"))
        self.preset_button.setAccessibleName(f"Preset: {what}" if title else "Presets")
        self._mark_preset()

    def step_preset(self, step: int) -> None:
        """Chooses the next preset (1) or the one before (−1)."""
        preset = self.preset_list.beside(self._preset, step)
        if preset is not None:
            self.choose_preset(preset)

    def choose_preset(self, preset: Preset) -> None:
        """Asks for a preset, as a click in the menu does."""
        # The tick follows what is in use, and not the click.
        self._mark_preset()
        path = self._own_paths.get(id(preset))
        if path is None:
            self.preset_chosen.emit(preset)
        else:
            # As it is in the file now, which may have been saved over since.
            self.own_preset_chosen.emit(path)

    def _mark_preset(self) -> None:
        for entry in self.preset_menu.actions():
            menu = entry.menu()
            for action in menu.actions() if menu is not None else ():
                action.setChecked(action.data() == self._preset)

    def show_models(self, entries: list) -> None:
        """Fills the model menu with `BundleEntry`s."""
        if entries == self._models:
            return
        self._models = entries
        self.model_menu.clear()
        for entry in entries:
            tip = entry.problem or ("Your own." if entry.is_own else "Comes with Lamina.")
            # A damaged one can be chosen: what is wrong with it is then said where it can be read.
            action = self._add(
                self.model_menu, f"{entry.name} (damaged)" if entry.problem else entry.name, plain_tip(tip)
            )
            action.setData(entry.name)
            action.setCheckable(True)
            action.triggered.connect(lambda _checked, name=entry.name: self._choose_model(name))
        self._mark_model()

    def show_model(self, name: str) -> None:
        """Names the model in use."""
        self._model = name
        self.model_button.setText(_cut(name, LONGEST_MODEL_NAME))
        self._mark_model()

    def _choose_model(self, name: str) -> None:
        # The tick follows what is heard, and not the click: the model may turn out to be damaged.
        self._mark_model()
        self.model_chosen.emit(name)

    def _mark_model(self) -> None:
        for action in self.model_menu.actions():
            action.setChecked(action.data() == self._model)

    def show_can_export(self, can_export: bool) -> None:
        """Lights the export button."""
        self.export_button.setEnabled(can_export)

    @staticmethod
    def _add(menu: QMenu, text: str, tip: str) -> QAction:
        action = QAction(text, menu)
        action.setToolTip(tip)
        menu.addAction(action)
        return action


def _cut(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


class _Wordmark(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.show_in_line(True)
        self.setAccessibleName("Lamina")

    def show_in_line(self, is_in_line: bool) -> None:
        """As wide as the column of controls below, so that the header's buttons begin where the waveform does, or as
        narrow as the name.
        """
        self.setFixedWidth(theme.LEFT_WIDTH + theme.MARGIN - theme.GAP if is_in_line else NARROW_WORDMARK)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        painter = QPainter(self)
        icons.draw(painter, "lamina", QRectF(4, self.height() / 2 - 13, 26, 26), theme.colour(theme.WET))
        face = theme.font(21, bold=True)
        face.setLetterSpacing(face.SpacingType.AbsoluteSpacing, 0.6)
        painter.setFont(face)
        painter.setPen(theme.colour(theme.TEXT))
        painter.drawText(QRectF(42, 0, 200, self.height()), Qt.AlignmentFlag.AlignVCenter, "Lamina")
