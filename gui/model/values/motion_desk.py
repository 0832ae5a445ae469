"""The desk of motions: which there are, which one is edited, what they may move, and what they look like."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from lamina.gui.model.values.desk import PANEL_NAMES, TABS, UNSHOWN_NAMES
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.model.values.words import value_text
from lamina.plugin import Parameter
from lamina.plugin.parameters.motion import MOST_MOTIONS, MOST_STEPS, SOURCES, Motion, moved
from lamina.plugin.parameters.table import MAX_LAYERS, find_parameter

SOURCE_TEXTS = {"lfo": "LFO", "envelope": "Envelope", "steps": "Steps"}
SOURCE_HELPS = {
    "lfo": "Goes up and down by itself.",
    "envelope": "Follows the input's level.",
    "steps": "Goes through a row of values.",
}
IN_HZ = 0.0
RATES = {
    IN_HZ: "In Hz", 0.125: "1/32", 0.25: "1/16", 0.5: "1/8", 1.0: "1/4", 2.0: "1/2", 4.0: "1 bar", 8.0: "2 bars",
    16.0: "4 bars",
    32.0: "8 bars", 64.0: "16 bars",
}  # fmt: skip
"""Beats of a cycle or step, and what they are called."""


def _field(
    name: str, label: str, unit: str, low: float, high: float, default: float, step: float, help: str
) -> Parameter:
    return Parameter(name, label, unit, low, high, default, step, help, automatable=False, group="motion")


FIELDS = {
    field.name: field
    for field in (
        _field(
            "depth",
            "Depth",
            "%",
            -1.0,
            1.0,
            0.5,
            0.01,
            "How far it moves its target, as a share of the target's whole range.",
        ),
        _field("hz", "Rate", "Hz", 0.01, 37.5, 1.0, 0.01, "Cycles, or steps, per second."),
        _field("phase", "Phase", "%", 0.0, 1.0, 0.0, 0.01, "Where in its cycle it begins."),
        _field("attack_ms", "Attack", "ms", 1.0, 5000.0, 10.0, 1.0, "How fast it follows a level that rises."),
        _field("release_ms", "Release", "ms", 1.0, 5000.0, 200.0, 1.0, "How fast it follows a level that falls."),
        _field("swing", "Swing", "%", 0.5, 0.75, 0.5, 0.01, "Share of a pair of steps that the first one takes."),
        Parameter(
            "n_steps",
            "Steps",
            "",
            1,
            MOST_STEPS,
            8,
            1,
            "How many steps there are.",
            automatable=False,
            kind="int",
            group="motion",
        ),
    )
}
"""What can be turned on a motion, as parameters."""

NEW = {
    "lfo": {"target": "layers", "depth": -0.3},
    "envelope": {"target": "layers", "depth": 0.5},
    "steps": {"target": "layers", "depth": -0.3, "beats": 0.25, "steps": (0.0, 1.0, 0.0, 0.5, 0.0, 1.0, 0.25, 0.75)},
}
"""What a motion of each source is at first: something that is heard at once."""


USUAL_DEPTH = 0.35


class MotionDesk:
    """`set` sets a parameter by name, as `ParameterValues.set` does, and may refuse."""

    def __init__(self, values: ParameterValues, set: Callable[[str, object], object] | None = None) -> None:
        self._values, self._set = values, set or values.set
        self._selected = 0

    @property
    def motions(self) -> tuple[Motion, ...]:
        """All of them."""
        return tuple(self._values["motions"])

    @property
    def selected(self) -> int:
        """Index of the one that is edited; −1 if there is none."""
        return min(self._selected, len(self.motions) - 1)

    @property
    def motion(self) -> Motion | None:
        """The one that is edited."""
        return self.motions[self.selected] if self.motions else None

    def select(self, index: int) -> None:
        """Edits another one."""
        self._selected = max(0, index)

    @property
    def can_add(self) -> bool:
        """Whether there may be one more."""
        return len(self.motions) < MOST_MOTIONS

    def add(self, source: str, target: str = "") -> None:
        """Adds a motion and edits it; it moves `target`, or what such a motion usually does."""
        assert source in SOURCES
        self._selected = len(self.motions)
        aim = {"target": target, "depth": depth_from(self._base(target), target)} if target else {}
        self._set("motions", (*self.motions, {"source": source, **NEW[source], **aim}))

    def still(self, target: str) -> None:
        """Takes out every motion of `target`."""
        self._set("motions", tuple(motion for motion in self.motions if motion.target != target))

    def remove(self) -> None:
        """Takes out the one that is edited."""
        index = self.selected
        if index >= 0:
            self._set("motions", self.motions[:index] + self.motions[index + 1 :])

    def change(self, **fields: Any) -> None:
        """Changes fields of the one that is edited; `n_steps` makes its sequence shorter, or repeats it."""
        motion = self.motion
        if motion is None:
            return
        if "n_steps" in fields:
            n_steps = fields.pop("n_steps")
            fields["steps"] = tuple(motion.steps[index % len(motion.steps)] for index in range(n_steps))
        motions: list[Any] = list(self.motions)
        motions[self.selected] = {**asdict(motion), **fields}
        self._set("motions", tuple(motions))

    def set_step(self, index: int, height: float) -> None:
        """Draws one step, 0 … 1."""
        if self.motion is not None:
            steps = list(self.motion.steps)
            steps[index] = round(min(1.0, max(0.0, height)), 2)
            self.change(steps=tuple(steps))

    def field(self, name: str) -> Any:
        """A field of the one that is edited, or its default."""
        if self.motion is None:
            return FIELDS[name].default
        return len(self.motion.steps) if name == "n_steps" else getattr(self.motion, name)

    def matters(self, name: str) -> bool:
        """Whether a field does anything for the one that is edited."""
        motion = self.motion
        if motion is None:
            return False
        if name == "hz":
            return motion.source != "envelope" and motion.beats == IN_HZ
        sources = {
            "depth": SOURCES,
            "attack_ms": ("envelope",),
            "release_ms": ("envelope",),
            "swing": ("steps",),
            "n_steps": ("steps",),
        }
        return motion.source in sources.get(name, ("lfo",))

    def rates(self) -> dict[float, str]:
        """What can be chosen as a rate: notes and, if it is none of them, what the motion has."""
        beats = self.motion.beats if self.motion is not None else IN_HZ
        return RATES if beats in RATES else {**RATES, beats: f"{beats:g} beats"}

    # In words and pictures.

    def text(self, motion: Motion) -> str:
        """A motion in a line: what moves what, from where to where."""
        parameter = find_parameter(motion.target)
        base = self._base(motion.target)
        reached = moved(parameter, base, motion.depth)
        ends = (
            f"{value_text(parameter, base)} … {value_text(parameter, reached)}"
            if reached != base
            else value_text(parameter, base)
        )
        return f"{SOURCE_TEXTS[motion.source]}   {target_text(motion.target)}  {ends}".replace("-", "\N{MINUS SIGN}")

    def drawn_text(self) -> str:
        """What a script has drawn over time, in a sentence, or nothing."""
        targets = [target_text(curve.target) for curve in self._values["automation"]]
        return f"Drawn by a script: {', '.join(targets)}" if targets else ""

    def _base(self, target: str) -> Any:
        whole, dot, layer = target.partition(".")
        return self._values[whole][int(layer) - 1] if dot else self._values[whole]


def targets() -> dict[str, dict[str, str]]:
    """What may be moved: texts by name, by group."""
    groups = {"Main": PANEL_NAMES, **{tab.name: tab.names for tab in TABS}}
    found: dict[str, dict[str, str]] = {}
    for group, names in groups.items():
        for name in names:
            parameter = find_parameter(name)
            if parameter.automatable and parameter.is_scalar and name not in UNSHOWN_NAMES:
                found.setdefault(group, {})[name] = parameter.label
    found["Layer gains"] = {f"layer_gains.{layer}": f"Gain of layer {layer}" for layer in range(1, MAX_LAYERS + 1)}
    return found


def target_text(name: str) -> str:
    """A target as the app calls it."""
    return f"Gain of layer {name.partition('.')[2]}" if "." in name else find_parameter(name).label


def depth_from(base: Any, target: str) -> float:
    """A depth that is heard wherever the control stands: a third of the range, towards where there is more of it."""
    parameter = find_parameter(target)
    if parameter.kind in ("choice", "bool"):
        return 1.0
    middle = (parameter.minimum + parameter.maximum) / 2
    return USUAL_DEPTH if base <= middle else -USUAL_DEPTH


def step_index(motion: Motion, cycles: float) -> int:
    """Which step of a sequence is on after so many steps."""
    pair, inside = divmod(cycles, 2)
    return (2 * int(pair) + (inside >= 2 * motion.swing)) % len(motion.steps)


def curve(motion: Motion, n_points: int, first_cycle: int = 0) -> list[float]:
    """What an LFO does in two cycles, or a follower as a sound begins and ends: `n_points` heights, 0 … 1."""
    if motion.source == "envelope":
        return [_followed(motion, 2.0 * point / n_points) for point in range(n_points)]
    plain = replace(motion, hz=1.0, beats=0.0)
    return [plain.value(first_cycle + 2.0 * point / n_points, 120.0, 0.0) for point in range(n_points)]


def _followed(motion: Motion, seconds: float) -> float:
    """A follower's height where a sound lasts from 0.2 to 0.8 of two seconds."""
    begin, end = 0.2, 0.8
    if seconds < begin:
        return 0.0
    risen = 1 - math.exp(-1000 * (min(seconds, end) - begin) / motion.attack_ms)
    return risen * math.exp(-1000 * max(0.0, seconds - end) / motion.release_ms)
