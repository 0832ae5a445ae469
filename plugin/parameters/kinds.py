"""What a parameter is: a name, a range, a sentence, and how its values are checked, typed, shown and kept.

One class for each kind of value. `declare.py` beside this is how a parameter is declared, `table.py` has all of them.
"""

from __future__ import annotations

import difflib
import itertools
import math
import numbers
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lamina.models.config import MOST_LAYERS

Kind = Literal["int", "float", "bool", "choice", "gains", "layers", "motions", "automation"]
Value = Any
"""An int, a float, a bool, a word, or a tuple of numbers, motions or automation: what the parameter's kind says."""
Group = Literal["rate", "denoise", "levels", "desk", "listen", "stereo", "channel", "codes", "motion"]
Place = Literal["", "panel", "Layers", "Channel", "Codes", "Bend", "Motion"]

MAX_LAYERS = 24
"""Of the usual models; `lamina.plugin.parameters.table.parameters_of` gives the ranges of others."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: a number, a switch (`kind` "bool"), or, as a subclass, something else.

    Args:
        name: as in Python, presets and on the command line.
        label: as the app writes it.
        unit: "dB", "kbps", "%", "frames", "bpm" or "".
        minimum, maximum, default, step: in the parameter's own scale (a share of 0 … 1 is shown in percent).
        help: one sentence for tooltips and docs.
        automatable: whether it may move while sound runs.
        kind: type of its values.
        view_of: the parameter that this is another unit of, if any.
        group: what it belongs to.
        choices: the words that a "choice" may be.
        of_layers: whether it counts layers, so that its range is the model's.
        tab: where the app has its control: "panel" (always in the window), a tab of the desk, or "" for scripts alone.
        section: the heading under which it stands on that tab; without one the tab is drawn by hand.
        beside: whether it stands in the row of the one declared before it.
        refines: the parameter without which it has no effect, if there is one …
        suits: … and at which values of that one it has; if none are named, at any but its default.
        page: the page under docs/desk that describes it, if one does.
        ramps: whether a whole number that is drawn moves in straight lines between the points.
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
    group: Group = "levels"
    choices: tuple[str, ...] = ()
    of_layers: bool = False
    tab: Place = ""
    section: str = ""
    beside: bool = False
    refines: str | None = None
    suits: tuple[Value, ...] = ()
    page: str = ""
    ramps: bool = False

    @property
    def is_scalar(self) -> bool:
        """Whether a single value, which a motion can move."""
        return self.kind in ("int", "float", "bool", "choice")

    def validate(self, value: object) -> Value:
        """The value in the parameter's type.

        Raises TypeError for a value of another type and ValueError for one out of range.
        """
        if self.kind == "bool":
            if isinstance(value, bool | np.bool_):
                return bool(value)
            raise TypeError(f"{self.name} is {shown(value)}; it must be True or False.")
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(
                f"{self.name} is {shown(value)}; it must be a number from {self.minimum:g} to "
                f"{self.maximum:g}{self._unit_words()}."
            )
        try:
            number = float(value)
        except OverflowError:
            raise ValueError(
                f"{self.name} is {shown(value)}; choose {self.minimum:g} to {self.maximum:g}{self._unit_words()}."
            ) from None
        if not math.isfinite(number) or not self.minimum <= number <= self.maximum:
            raise ValueError(
                f"{self.name} is {value}; choose {self.minimum:g} to {self.maximum:g}{self._unit_words()}."
            )
        if self.kind == "int":
            if number != int(number):
                raise ValueError(
                    f"{self.name} is {value}; it must be a whole number from {self.minimum:g} to {self.maximum:g}."
                )
            return int(number)
        return number

    def parse(self, text: str) -> Value:
        """The value that `text` (as typed on a command line) stands for; raises ValueError."""
        cleaned = text.strip().lower()
        if self.kind == "bool":
            words = {
                "true": True,
                "on": True,
                "yes": True,
                "1": True,
                "false": False,
                "off": False,
                "no": False,
                "0": False,
            }
            if cleaned not in words:
                raise ValueError(f"{self.name} is {text!r}; write on or off.")
            return words[cleaned]
        try:
            number = float(cleaned)
        except ValueError:
            raise ValueError(
                f"{self.name} is {text!r}; it must be a number from {self.minimum:g} to {self.maximum:g}."
            ) from None
        # Whole numbers as such, so that a refusal names what was typed.
        return self.validate(int(number) if number.is_integer() else number)

    def format(self, value: Value) -> str:
        """The value with its unit, as the app shows it."""
        if self.kind == "bool":
            return "on" if value else "off"
        if self.unit == "%":
            return f"{value * 100:.0f} %"
        if self.kind == "int":
            return f"{value:d}{self._unit_words(value)}"
        decimals = 2 if self.unit == "kbps" or self.step < 0.1 else 1
        return f"{value:+.1f} dB" if self.unit == "dB" else f"{value:.{decimals}f} {self.unit}".strip()

    def plain(self, value: Value) -> Any:
        """The value as JSON can hold it; `validate` takes it back."""
        return value

    def default_text(self) -> str:
        """The default as the docs write it."""
        return "off" if self.kind == "bool" else f"{self.default:g}{self._unit_words(self.default)}"

    def range_text(self) -> str:
        """The range as the docs write it."""
        return "off or on" if self.kind == "bool" else f"{self.minimum:g} to {self.maximum:g}{self._unit_words()}"

    def _unit_words(self, value: Value = None) -> str:
        unit = self.unit.removesuffix("s") if value == 1 else self.unit
        return f" {unit}" if unit not in ("", "%") else ""


class Choice(Parameter):
    """One word of several."""

    def validate(self, value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(f"{self.name} is {shown(value)}; it must be one of {', '.join(self.choices)}.")
        if value not in self.choices:
            raise ValueError(f"{self.name} is {shown(value)}; choose one of {', '.join(self.choices)}.")
        return value

    def parse(self, text: str) -> str:
        return self.validate(text.strip().lower())

    def format(self, value: Value) -> str:
        return str(value)

    def default_text(self) -> str:
        return str(self.default)

    def range_text(self) -> str:
        return ", ".join(self.choices)


class LayerGains(Parameter):
    """A gain for each layer, as a tuple of one number for each; fewer may be given, the others are 1."""

    def validate(self, value: object) -> tuple[float, ...]:
        if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
            raise TypeError(f"{self.name} is {shown(value)}; give a list of gains, the first for layer 1.")
        if len(value) > MOST_LAYERS:
            raise ValueError(f"{self.name} has {len(value)} gains; no model has more than {MOST_LAYERS} layers.")
        # Gains of 1 beyond the model's layers say nothing.
        if any(gain != 1 for gain in value[len(self.default) :]):
            raise ValueError(f"{self.name} has {len(value)} gains; there are {len(self.default)} layers.")
        given = [float(self.element(layer + 1).validate(gain)) for layer, gain in enumerate(value[: len(self.default)])]
        return (*given, *self.default[len(value) :])

    def element(self, layer: int) -> Parameter:
        """The gain of one layer (1 … 24) as a parameter of its own, `layer_gains.7`."""
        return Parameter(
            f"{self.name}.{layer}", f"Layer {layer}", "", self.minimum, self.maximum, 1.0, self.step,
            f"Gain of layer {layer}.", group=self.group,
        )  # fmt: skip

    def parse(self, text: str) -> tuple[float, ...]:
        try:
            return self.validate([float(part) for part in text.split(",")])
        except ValueError as error:
            if "choose" in str(error) or "there are" in str(error):
                raise
            raise ValueError(
                f"{self.name} is {text!r}; write gains with commas between them, for example 1,1,0.5."
            ) from None

    def format(self, value: Value) -> str:
        changed = [f"{layer}: {gain:g}" for layer, gain in enumerate(value, 1) if gain != 1]
        return ", ".join(changed) if changed else "all 1"

    def plain(self, value: Value) -> list[float]:
        return list(value)

    def default_text(self) -> str:
        return "all 1"

    def range_text(self) -> str:
        return f"{len(self.default)} numbers, {self.minimum:g} to {self.maximum:g}"


class LayerSet(Parameter):
    """Some of the layers, as a sorted tuple of their numbers."""

    def validate(self, value: object) -> tuple[int, ...]:
        if not isinstance(value, Iterable) or isinstance(value, str):
            raise TypeError(f"{self.name} is {shown(value)}; give a list of layers, for example [1, 5].")
        layers = set()
        given = list(itertools.islice(value, MOST_LAYERS + 1))
        if len(given) > MOST_LAYERS:
            raise ValueError(f"{self.name} holds more than {MOST_LAYERS} layers, which no model has.")
        for layer in given:
            if isinstance(layer, bool) or not isinstance(layer, int | np.integer):
                raise TypeError(
                    f"{self.name} holds {shown(layer)}; layers are whole numbers from {self.minimum:g} to "
                    f"{self.maximum:g}."
                )
            if not self.minimum <= layer <= self.maximum:
                raise ValueError(f"{self.name} holds {layer}; layers go from {self.minimum:g} to {self.maximum:g}.")
            layers.add(int(layer))
        return tuple(sorted(layers))

    def parse(self, text: str) -> tuple[int, ...]:
        cleaned = text.strip().lower()
        if cleaned in ("", "none"):
            return ()
        layers: list[int] = []
        try:
            for part in cleaned.split(","):
                first, dash, last = part.partition("-")
                start, stop = int(first), int(last) if dash else int(first)
                if not self.minimum <= start <= stop <= self.maximum:
                    raise ValueError
                layers += range(start, stop + 1)
        except ValueError:
            raise ValueError(
                f"{self.name} is {text!r}; write layers from {self.minimum:g} to {self.maximum:g} such as 1,5-8, or "
                "none."
            ) from None
        return self.validate(layers)

    def format(self, value: Value) -> str:
        return ", ".join(str(layer) for layer in value) if value else "none"

    def plain(self, value: Value) -> list[int]:
        return list(value)

    def default_text(self) -> str:
        return "none"

    def range_text(self) -> str:
        return f"layers {self.minimum:g} to {self.maximum:g}"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = 8


def shown(value: object) -> str:
    """A value as an error names it: in a few words, however long it is."""
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of more than 30 digits"  # Python refuses to write those of thousands
    return _SHORT.repr(value)


def suggest(name: str, known: Iterable[str]) -> str:
    """ " Did you mean …?" or the whole list, to end an error's sentence with."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1, 0.5)
    return f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(names)}."
