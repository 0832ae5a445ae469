"""The window's keys in one table: what each does, and what it is called in the overview that `?` shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtGui import QKeySequence, QShortcut

from lamina.gui.doing.undoing import ALSO_REDO_KEYS, REDO_KEYS, UNDO_KEYS
from lamina.gui.model.sound.pictures import DIFFERENCE
from lamina.gui.model.values.desk import DESK_KEY, FREEZE_KEY, TAB_NAMES
from lamina.gui.widgets.controls.status_line import HELP_KEYS, LINE_KEYS, MESSAGES_KEYS
from lamina.gui.widgets.frame.control_panel import BOARD_KEY, BYPASS_KEY, COMPARE_KEY, NOISE_ONLY_KEY
from lamina.gui.widgets.frame.header import BROWSE_KEYS, NEXT_PRESET_KEYS, PRESET_BEFORE_KEYS, TWO_PASS_KEYS
from lamina.gui.widgets.frame.shortcut_overlay import Group
from lamina.gui.widgets.views.picture_choice import DIFFERENCE_KEY

if TYPE_CHECKING:
    from lamina.gui.window import MainWindow

SEEK_STEP_SECONDS = 2.0
OPEN_COMPARE_KEYS = "Shift+C"
PLAYING, FILES, SETTINGS, DESK, WINDOWS = "Playing", "Files", "Settings", "Desk", "Windows"
GESTURES: Group = (
    "On a knob or fader",
    (
        ("Drag, wheel, arrows", "turn it"),
        ("Shift", "finer"),
        ("Digits, Return or F2", "type a value"),
        ("Double-click, Delete", "back to its default"),
        ("Right button", "what else can be done"),
    ),
)
WAVEFORM: Group = (
    "On the waveform",
    (
        ("Click or drag", "go there"),
        ("Drag on the ruler, or Shift", "mark a loop"),
        ("Double-click the ruler", "remove the loop"),
    ),
)


@dataclass(frozen=True)
class Shortcut:
    """Keys, what they do in a few words, where that stands in the overview, and the doing of it.

    A key that is held is one wish, but for those that are `repeated`.
    """

    keys: str
    words: str
    group: str
    action: Callable[[], object]
    repeated: bool = False


def shortcuts_of(window: MainWindow) -> tuple[Shortcut, ...]:
    """All keys of the main window."""
    session = window.session
    player = session.player

    def toggle_difference() -> None:
        window.spectra.pictures.toggle(DIFFERENCE)

    def seek(seconds: float) -> None:
        session.seek(player.position_seconds + seconds)

    return (
        Shortcut("Space", "play, or pause", PLAYING, window.toggle_play),
        Shortcut("Home", "back to the beginning", PLAYING, player.stop),
        Shortcut("Ctrl+Left", "two seconds back", PLAYING, partial(seek, -SEEK_STEP_SECONDS), True),
        Shortcut("Ctrl+Right", "two seconds on", PLAYING, partial(seek, SEEK_STEP_SECONDS), True),
        Shortcut("L", "loop", PLAYING, lambda: session.set_looping(not session.is_looping)),
        Shortcut("Ctrl+L", "live: play the input", PLAYING, window.transport.live_button.click),
        Shortcut("R", "record what is heard", PLAYING, window.toggle_recording),
        Shortcut("Ctrl+O", "open a sound or codes", FILES, window.dialogs.open_sound),
        Shortcut("Ctrl+E", "export", FILES, window.dialogs.export),
        Shortcut(TWO_PASS_KEYS, "export in two passes", FILES, partial(window.dialogs.export, True)),
        Shortcut("Ctrl+Q", "quit", FILES, window.close),
        Shortcut(UNDO_KEYS, "undo", SETTINGS, window.undoing.undo, True),
        Shortcut(REDO_KEYS, "redo", SETTINGS, window.undoing.redo, True),
        Shortcut(ALSO_REDO_KEYS, "redo", SETTINGS, window.undoing.redo, True),
        Shortcut(
            BOARD_KEY, "change over between A and B", SETTINGS, lambda: session.boards.choose(session.boards.other)
        ),
        Shortcut(BYPASS_KEY, "bypass", SETTINGS, window.controls.bypass.click),
        Shortcut(NOISE_ONLY_KEY, "noise only", SETTINGS, window.controls.noise_only.click),
        Shortcut(PRESET_BEFORE_KEYS, "the preset before", SETTINGS, partial(window.header.step_preset, -1)),
        Shortcut(NEXT_PRESET_KEYS, "the next preset", SETTINGS, partial(window.header.step_preset, 1)),
        Shortcut(BROWSE_KEYS, "search presets", SETTINGS, lambda: window.shelf.open()),
        Shortcut("Ctrl+S", "save a preset", SETTINGS, window.dialogs.save_preset),
        Shortcut(DESK_KEY, "open or close the desk", DESK, window.desk.toggle),
        *(
            Shortcut(f"Ctrl+{number}", f"the desk's tab {name}", DESK, partial(window.desk.open_tab, name))
            for number, name in enumerate(TAB_NAMES, 1)
        ),
        Shortcut(FREEZE_KEY, "freeze", DESK, window.desk.toggle_freeze),
        Shortcut(COMPARE_KEY, "take this as a slot to compare", WINDOWS, lambda: window.compare_window.compare_this()),
        Shortcut(OPEN_COMPARE_KEYS, "slots and blind tests", WINDOWS, lambda: window.compare_window.open()),
        Shortcut(LINE_KEYS, "the line to another machine", WINDOWS, lambda: window.line_window.open()),
        Shortcut(
            DIFFERENCE_KEY,
            "show the difference, or no longer",
            WINDOWS,
            toggle_difference,
        ),
        Shortcut("Ctrl+,", "sound devices", WINDOWS, window.show_devices),
        Shortcut(MESSAGES_KEYS, "the last messages", WINDOWS, window.telling.open_list),
        Shortcut("Escape", "close a message", WINDOWS, window.notice.hide),
        *(Shortcut(keys, "these keys", WINDOWS, window.toggle_help) for keys in HELP_KEYS),
    )


def add_shortcuts(window: MainWindow, shortcuts: tuple[Shortcut, ...]) -> None:
    """Has the window obey them."""
    for each in shortcuts:
        shortcut = QShortcut(QKeySequence(each.keys), window)
        shortcut.setAutoRepeat(each.repeated)
        shortcut.activated.connect(each.action)


def overview(shortcuts: tuple[Shortcut, ...]) -> list[Group]:
    """What the overview shows: keys and words by group; keys that do the same are one line."""
    groups: dict[str, dict[str, list[str]]] = {}
    for each in shortcuts:
        groups.setdefault(each.group, {}).setdefault(each.words, []).append(each.keys)
    made: list[Group] = [
        (name, tuple((" or ".join(keys), words) for words, keys in lines.items())) for name, lines in groups.items()
    ]
    return [*made, GESTURES, WAVEFORM]
