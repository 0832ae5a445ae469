"""Every parameter of the effect, declared once.

The constructor of `NeuralCodec`, the app's controls, presets, the command line and the docs all read this
table; a name, range or default is written nowhere else.
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

Kind = Literal["int", "float", "bool"]
Value = int | float | bool


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Args:
        name: as in Python, presets and on the command line.
        label: as the app writes it.
        unit: "dB", "kbps", "%" or "".
        minimum, maximum, default, step: in the parameter's own scale (a share of 0 … 1 is shown in percent).
        help: one sentence for tooltips and docs.
        automatable: whether it may move while sound runs.
        kind: type of its values.
        view_of: the parameter that this is another unit of, if any.
    """

    name: str
    label: str
    unit: str
    minimum: float
    maximum: float
    default: Value
    step: float
    help: str
    automatable: bool = True
    kind: Kind = "float"
    view_of: str | None = None

    def validate(self, value: object) -> Value:
        """The value in the parameter's type.

        Raises TypeError for a value of another type and ValueError for one out of range.
        """
        if self.kind == "bool":
            if isinstance(value, bool | np.bool_):
                return bool(value)
            raise TypeError(f"{self.name} is {value!r}; it must be True or False.")
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{self.name} is {value!r}; it must be a number from {self.minimum:g} to {self.maximum:g}{self._unit_words()}.")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or not self.minimum <= number <= self.maximum:
            raise ValueError(f"{self.name} is {value}; choose {self.minimum:g} to {self.maximum:g}{self._unit_words()}.")
        if self.kind == "int":
            if number != int(number):
                raise ValueError(f"{self.name} is {value}; it must be a whole number from {self.minimum:g} to {self.maximum:g}.")
            return int(number)
        return number

    def parse(self, text: str) -> Value:
        """The value that `text` (as typed on a command line) stands for; raises ValueError."""
        cleaned = text.strip().lower()
        if self.kind == "bool":
            words = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
            if cleaned not in words:
                raise ValueError(f"{self.name} is {text!r}; write on or off.")
            return words[cleaned]
        try:
            number = float(cleaned)
        except ValueError:
            raise ValueError(f"{self.name} is {text!r}; it must be a number from {self.minimum:g} to {self.maximum:g}.") from None
        # Whole numbers as such, so that a refusal names what was typed.
        return self.validate(int(number) if number.is_integer() else number)

    def format(self, value: Value) -> str:
        """The value with its unit, as the app shows it."""
        if self.kind == "bool":
            return "on" if value else "off"
        if self.unit == "%":
            return f"{value * 100:.0f} %"
        if self.kind == "int":
            return f"{value:d}" if not self.unit else f"{value:d} {self.unit}"
        decimals = 2 if self.unit == "kbps" else 1
        return f"{value:+.1f} dB" if self.unit == "dB" else f"{value:.{decimals}f} {self.unit}".strip()

    def _unit_words(self) -> str:
        return f" {self.unit}" if self.unit not in ("", "%") else ""


KBPS_PER_LAYER = 0.75
"""75 frames per second of one 10-bit code: what every bundle at 24 kHz with frames of 320 samples sends per layer."""

MAX_LAYERS = 24

PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            "layers", "Layers", "", 1, MAX_LAYERS, 8, 1,
            "Active quantizers: each adds a layer of detail and 0.75 kbps.", kind="int",
        ),
        Parameter(
            "kbps", "Bitrate", "kbps", KBPS_PER_LAYER, MAX_LAYERS * KBPS_PER_LAYER, 8 * KBPS_PER_LAYER, KBPS_PER_LAYER,
            "The same knob in kilobits per second and channel; the nearest whole number of layers is used.", view_of="layers",
        ),
        Parameter(
            "denoise", "Denoise", "%", 0.0, 1.0, 0.0, 0.01,
            "How much of the background noise is removed; needs a model that was trained for it.",
        ),
        Parameter(
            "noise_only", "Noise only", "", 0, 1, False, 1,
            "Plays what denoise takes away instead of what it leaves; with denoise at 0 that is silence.", kind="bool",
        ),
        Parameter("mix", "Mix", "%", 0.0, 1.0, 1.0, 0.01, "Share of the coded sound; the rest is the input, aligned to the sample."),
        Parameter("input_gain_db", "Input", "dB", -24.0, 24.0, 0.0, 0.1, "Gain before the codec."),
        Parameter("output_gain_db", "Output", "dB", -24.0, 24.0, 0.0, 0.1, "Gain after codec and mix."),
        Parameter("bypass", "Bypass", "", 0, 1, False, 1, "Lets the input through unchanged, later by the codec's latency.", kind="bool"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """One immutable snapshot of all parameters, read once per frame."""

    layers: int = int(PARAMETERS["layers"].default)
    denoise: float = PARAMETERS["denoise"].default
    noise_only: bool = bool(PARAMETERS["noise_only"].default)
    mix: float = PARAMETERS["mix"].default
    input_gain_db: float = PARAMETERS["input_gain_db"].default
    output_gain_db: float = PARAMETERS["output_gain_db"].default
    bypass: bool = bool(PARAMETERS["bypass"].default)

    def with_value(self, name: str, value: object) -> Settings:
        """A snapshot with one parameter changed (`kbps` changes `layers`).

        Raises ValueError for an unknown name (the nearest is suggested) or a value out of range, TypeError for a wrong type.
        """
        checked = find_parameter(name).validate(value)
        if name == "kbps":
            return replace(self, layers=layers_of(float(checked)))
        changes: dict[str, Any] = {name: checked}
        return replace(self, **changes)

    def value(self, name: str) -> Value:
        """The value of a parameter by name, views included."""
        find_parameter(name)
        value: Value = self.layers * KBPS_PER_LAYER if name == "kbps" else getattr(self, name)
        return value


def find_parameter(name: str) -> Parameter:
    """A parameter by name; raises ValueError that suggests the nearest name."""
    if name in PARAMETERS:
        return PARAMETERS[name]
    raise ValueError(f"There is no parameter {name!r}.{suggest(name, PARAMETERS)}")


def suggest(name: str, known: Iterable[str]) -> str:
    """ " Did you mean …?" or the whole list, to end an error's sentence with."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1, 0.5)
    return f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(names)}."


def layers_of(kbps: float) -> int:
    """The number of layers whose rate is nearest to `kbps`."""
    return max(1, min(MAX_LAYERS, round(kbps / KBPS_PER_LAYER)))
