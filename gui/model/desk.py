"""The code desk: which parameters stand on which of its tabs, which of them matter now, and which differ from their default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lamina.gui.model.parameters import ParameterValues, plain

PANEL_NAMES = ("layers", "denoise", "noise_only", "mix", "input_gain_db", "output_gain_db", "bypass")
"""Parameters whose controls are always in the window; all others are the desk's."""

UNSHOWN_NAMES = ("automation", "cross_layers")
"""Parameters for scripts: kept with everything else, and set back with the desk, without a control of their own."""

DESK_KEY, FREEZE_KEY = "D", "F"


@dataclass(frozen=True)
class Section:
    """Controls that belong together: their heading, and their names in rows."""

    title: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Tab:
    """One tab of the desk. `extra` names parameters whose controls are not made from `sections`."""

    name: str
    help: str
    sections: tuple[Section, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every parameter on it."""
        return (*self.extra, *(name for section in self.sections for row in section.rows for name in row))


TABS = (
    Tab(
        "Layers", "How loud each layer is, and what is played.",
        extra=("layer_gains", "muted_layers", "solo_layers", "listen", "listen_layer"),
    ),
    Tab(
        "Channel", "How two channels are sent, and what gets lost on the way.",
        (
            Section("Stereo and bits", (("stereo",), ("side_layers",), ("loudness_layers",))),
            Section("Lost frames", (("frame_loss", "loss_burst", "loss_period"), ("loss_model",), ("concealment",))),
            Section("Lost layers", (("layer_loss",), ("lost_layer",))),
        ),
    ),
    Tab(
        "Codes", "Freeze, slices and echoes, made of codes.",
        (
            Section("Freeze", (("freeze",), ("freeze_frames",), ("freeze_fade",))),
            Section("Slices", (("slices",), ("slice_length", "slice_repeats"), ("tempo",))),
            Section("Echo", (("code_delay",), ("code_feedback",))),
        ),
    ),
    Tab(
        "Bend", "Other codes in the place of those that were sent.",
        (
            Section("Bend", (("bend",), ("bend_amount", "bend_from", "bend_to"), ("bend_offset", "bend_nearest", "bend_common"))),
            Section("How codes are made", (("search",), ("passes",), ("seed",))),
        ),
    ),
    Tab("Motion", "What moves by itself.", extra=("motions", "automation", "tempo")),
)  # fmt: skip

TAB_NAMES = tuple(tab.name for tab in TABS)

# A control matters while the one it refines is at one of these values.
_REFINES: dict[str, tuple[str, Callable[[object], bool]]] = {
    "side_layers": ("stereo", lambda value: value == "mid-side"),
    "loss_burst": ("loss_model", lambda value: value == "bursts"),
    "loss_period": ("loss_model", lambda value: value == "pattern"),
    "slice_length": ("slices", lambda value: value != "off"),
    "slice_repeats": ("slices", lambda value: value == "stutter"),
    "bend_amount": ("bend", lambda value: value != "off"),
    "bend_from": ("bend", lambda value: value != "off"),
    "bend_to": ("bend", lambda value: value != "off"),
    "bend_offset": ("bend", lambda value: value == "offset"),
    "bend_nearest": ("bend", lambda value: value == "nearest"),
    "bend_common": ("bend", lambda value: value == "common"),
}


class Desk:
    """What the desk shows of `ParameterValues`; `set_back` gets values to be set in one go, by name."""

    def __init__(self, values: ParameterValues, set_back: Callable[[dict[str, object]], object]) -> None:
        self._values, self._set_back = values, set_back

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters of the desk, those without a control included."""
        return tuple(name for name in self._values.parameters if name not in PANEL_NAMES)

    def is_changed(self, name: str) -> bool:
        """Whether a parameter differs from its default."""
        return bool(self._values[name] != self._values.parameters[name].default)

    def changed_names(self) -> tuple[str, ...]:
        """The desk's parameters that differ from their defaults."""
        return tuple(name for name in self.names if self.is_changed(name))

    def changed_tabs(self) -> set[str]:
        """Names of the tabs on which something differs from its default."""
        return {tab.name for tab in TABS if any(self.is_changed(name) for name in tab.names)}

    def reset(self) -> None:
        """Every parameter of the desk back to its default, in one go."""
        self._set_back({name: self._values.parameters[name].default for name in self.changed_names()})

    def matters(self, name: str) -> bool:
        """Whether a parameter can be heard as the others stand. What refines a parameter that moves by itself always can."""
        if name not in _REFINES:
            return True
        refined, suits = _REFINES[name]
        moving = (*self._values["motions"], *self._values["automation"])
        return suits(self._values[refined]) or any(item.target == refined for item in moving)


def presettable(values: ParameterValues) -> dict[str, object]:
    """What a preset of the present settings names: everything of the panel but bypass, and what was changed on the desk."""
    kept = {
        name: value
        for name, value in values.values().items()
        if name != "bypass" and (name in PANEL_NAMES or value != values.parameters[name].default)
    }
    return plain(kept)
