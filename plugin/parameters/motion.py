"""Motion: parameters that move by themselves.

A low-frequency oscillator, an envelope follower, a step sequence, or drawn automation.

A source gives 0 … 1 for every frame (a 75th of a second). What it moves then has the value
`base + depth · range · source`, kept inside its range; whole numbers are rounded, switches change at one half.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from lamina.dsp.chance import uniform
from lamina.models.json_files import JsonError, parse_json
from lamina.plugin.parameters.kinds import Parameter, Value, shown, suggest

Source = Literal["lfo", "envelope", "steps"]
SOURCES: tuple[Source, ...] = ("lfo", "envelope", "steps")
Shape = Literal["sine", "triangle", "saw up", "saw down", "square", "random"]
SHAPES: tuple[Shape, ...] = ("sine", "triangle", "saw up", "saw down", "square", "random")
MOST_MOTIONS, MOST_STEPS = 16, 64
MOST_CURVES, MOST_POINTS = 128, 100_000
"""Of automation, and of each curve."""
LAST_SECOND = 1e9
VALID_FOR = "_valid_for"
"""Where a curve remembers the parameter whose range it was found to keep."""
FLOOR_DB = -60.0
"""Level at which the envelope follower gives 0; full scale gives 1."""


@dataclass(frozen=True)
class Motion:
    """One parameter moved by one source.

    Args:
        target: name of any automatable parameter that is a single value, `layer_gains.7` for the gain of layer 7.
        source: "lfo", "envelope" (the input's level) or "steps".
        depth: how far the source moves it, as a share of its whole range, −1 … 1.
        hz: cycles per second of an LFO, or steps per second, 0.01 … 37.5; not used with `beats`.
        beats: length of a cycle, or of a step, in beats of the codec's `tempo`; 0 uses `hz`.
        shape: of an LFO: sine, triangle, saw up, saw down, square, or random (a new value each cycle).
        phase: where in its cycle an LFO begins, 0 … 1.
        attack_ms, release_ms: times of the envelope follower, 1 … 5000.
        steps: the sequence, 0 … 1 each.
        swing: share of a pair of steps that the first one takes, 0.5 … 0.75.

    Raises TypeError or ValueError with a sentence.
    """

    target: str
    source: Source = "lfo"
    depth: float = 0.5
    hz: float = 1.0
    beats: float = 0.0
    shape: Shape = "sine"
    phase: float = 0.0
    attack_ms: float = 10.0
    release_ms: float = 200.0
    steps: tuple[float, ...] = (0.0, 1.0)
    swing: float = 0.5

    def __post_init__(self) -> None:
        if not isinstance(self.target, str):
            raise TypeError(f"A motion's target is {shown(self.target)}; give the name of a parameter.")
        for name, allowed in (("source", SOURCES), ("shape", SHAPES)):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"A motion's {name} is {shown(getattr(self, name))}; choose one of {', '.join(allowed)}."
                )
        for name, low, high in (
            ("depth", -1, 1), ("hz", 0.01, 37.5), ("beats", 0, 64), ("phase", 0, 1),
            ("attack_ms", 1, 5000), ("release_ms", 1, 5000), ("swing", 0.5, 0.75),
        ):  # fmt: skip
            object.__setattr__(self, name, _number(f"A motion's {name}", getattr(self, name), low, high))
        steps: Any = self.steps
        if not isinstance(steps, Sequence) or isinstance(steps, str) or not 1 <= len(steps) <= MOST_STEPS:
            raise ValueError(f"A motion's steps are {shown(self.steps)}; give 1 to {MOST_STEPS} numbers from 0 to 1.")
        object.__setattr__(self, "steps", tuple(_number("A step", step, 0, 1) for step in steps))

    def cycles(self, seconds: float, tempo: float) -> float:
        """How many cycles (or steps) have gone by after `seconds` at `tempo` beats per minute."""
        return seconds * tempo / 60 / self.beats if self.beats > 0 else seconds * self.hz

    def value(self, seconds: float, tempo: float, envelope: float) -> float:
        """The source, 0 … 1, `seconds` after the stream's beginning; `envelope` is its follower's value."""
        if self.source == "envelope":
            return envelope
        cycles = self.cycles(seconds, tempo)
        if self.source == "steps":
            pair, inside = divmod(cycles, 2)
            return self.steps[(2 * int(pair) + (inside >= 2 * self.swing)) % len(self.steps)]
        turn = cycles + self.phase
        place = turn % 1
        if self.shape == "sine":
            return 0.5 - 0.5 * math.cos(2 * math.pi * place)
        if self.shape == "triangle":
            return 1 - abs(1 - 2 * place)
        if self.shape == "saw up":
            return place
        if self.shape == "saw down":
            return 1 - place
        if self.shape == "square":
            return float(place >= 0.5)
        return _drawn(math.floor(turn))


@dataclass(frozen=True)
class Automation:
    """A parameter drawn over time: `values` at `times` (seconds from the stream's beginning, rising).

    Numbers move in straight lines between the points, `layers` too, as `kbps` does; switches, words and other whole
    numbers change at them. Before the first point and after the last one the nearest value holds.
    """

    target: str
    times: tuple[float, ...]
    values: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        # What it was found to be valid for belongs to this process.
        return Automation, (self.target, self.times, self.values)

    def at(self, seconds: float, parameter: Parameter) -> Value:
        """The value at a time."""
        place = bisect_right(self.times, seconds)
        if place == 0 or place == len(self.times) or not (parameter.kind == "float" or parameter.ramps):
            return self.values[max(0, place - 1)]
        before, after = self.times[place - 1], self.times[place]
        share = (seconds - before) / (after - before)
        value = self.values[place - 1] + share * (self.values[place] - self.values[place - 1])
        # The nearest whole number, the lower of two that are equally near.
        return math.ceil(value - 0.5) if parameter.kind == "int" else value


def moved(parameter: Parameter, base: Value, depth_times_source: float) -> Value:
    """`base` moved by a share of the parameter's range, inside the range."""
    if parameter.kind == "bool":
        return bool(base) != (abs(depth_times_source) >= 0.5)
    if parameter.kind == "choice":
        last = len(parameter.choices) - 1
        place = parameter.choices.index(base) + round(depth_times_source * last)
        return parameter.choices[min(max(place, 0), last)]
    value = base + depth_times_source * (parameter.maximum - parameter.minimum)
    value = min(max(value, parameter.minimum), parameter.maximum)
    return round(value) if parameter.kind == "int" else value


def as_number(parameter: Parameter, value: Value) -> float:
    """A value of a parameter that can move as a number: a switch is 0 or 1, a word its place among the choices."""
    return float(parameter.choices.index(value) if parameter.kind == "choice" else value)


def from_number(parameter: Parameter, number: float) -> Value:
    """The value that `as_number` made a number of."""
    if parameter.kind == "choice":
        return parameter.choices[min(max(int(number), 0), len(parameter.choices) - 1)]
    return {"bool": bool, "int": int}.get(parameter.kind, float)(number)


@dataclass(frozen=True)
class MovingParameter(Parameter):
    """A parameter whose value says how others move. `find` looks one of them up by name."""

    find: Callable[[str], Parameter] | None = None

    def has(self, name: str) -> bool:
        """Whether there is something of that name to move."""
        try:
            self.target(name)
        except ValueError:
            return False
        return True

    def target(self, name: str) -> Parameter:
        """What is moved; raises ValueError if there is nothing of that name, or it can't move."""
        assert self.find is not None
        parameter = self.find(name)
        if not parameter.automatable or not parameter.is_scalar:
            raise ValueError(f"{parameter.name} can't move while sound runs. Choose another parameter.")
        return parameter

    def parse(self, text: str) -> Value:
        try:
            return self.validate(parse_json(text))
        except JsonError as error:
            raise ValueError(f"{self.name} must be written as JSON, a list of objects: {error}.") from None

    def default_text(self) -> str:
        return "none"

    def plain(self, value: Value) -> list[dict[str, Any]]:
        # By hand: `asdict` copies every point of a curve by itself.
        items = (
            item if isinstance(item, dict) else {field.name: getattr(item, field.name) for field in fields(item)}
            for item in value
        )
        return [{name: list(v) if isinstance(v, tuple) else v for name, v in item.items()} for item in items]


class Motions(MovingParameter):
    """A tuple of `Motion`; dictionaries of their fields are taken too."""

    def validate(self, value: object) -> tuple[Motion, ...]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise TypeError(f"{self.name} is {shown(value)}; give a list of motions.")
        if len(value) > MOST_MOTIONS:
            raise ValueError(f"{self.name} has {len(value)} motions; {MOST_MOTIONS} are the most.")
        motions = tuple(item if isinstance(item, Motion) else _built(Motion, item, self.name) for item in value)
        for motion in motions:
            self.target(motion.target)
        return motions

    def format(self, value: Value) -> str:
        return ", ".join(f"{motion.source} → {motion.target}" for motion in value) or "none"

    def range_text(self) -> str:
        return f"up to {MOST_MOTIONS} motions"


class Automations(MovingParameter):
    """A tuple of `Automation`, one for each parameter at most; dictionaries of their fields are taken too."""

    def validate(self, value: object) -> tuple[Automation, ...]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise TypeError(f"{self.name} is {shown(value)}; give a list of automations.")
        if len(value) > MOST_CURVES:
            raise ValueError(f"{self.name} has {len(value)} curves; {MOST_CURVES} are the most.")
        curves = tuple(
            self._checked(item if isinstance(item, Automation) else _built(Automation, item, self.name))
            for item in value
        )
        drawn: dict[str, str] = {}
        for curve in curves:
            value = self.target(curve.target).view_of or curve.target
            before = drawn.setdefault(value, curve.target)
            if before != curve.target:
                raise ValueError(
                    f"{self.name} draws both {before} and {curve.target}, which are one value in two units; keep one."
                )
        targets = [curve.target for curve in curves]
        for target in targets:
            if targets.count(target) > 1:
                raise ValueError(f"{self.name} draws {target} twice; keep one.")
        return curves

    def _checked(self, curve: Automation) -> Automation:
        parameter = self.target(curve.target)
        # A curve never changes, and each knob that is turned beside it validates the settings again.
        if curve.__dict__.get(VALID_FOR) == parameter:
            return curve
        given: tuple[Any, Any] = curve.times, curve.values
        times, values = (x.tolist() if isinstance(x, np.ndarray) else x for x in given)
        if (
            not all(isinstance(x, Sequence) and not isinstance(x, str) for x in (times, values))
            or len(times) != len(values)
            or not times
        ):
            raise ValueError(f"The automation of {parameter.name} needs as many times as values, and at least one.")
        if len(times) > MOST_POINTS:
            raise ValueError(f"The automation of {parameter.name} has {len(times)} points; {MOST_POINTS} are the most.")
        seconds = _plain_numbers(times, 0, LAST_SECOND)
        if seconds is None:
            seconds = tuple(_number("A time", time, 0, LAST_SECOND) for time in times)
        if not (np.diff(seconds) > 0).all():
            raise ValueError(f"The times of the automation of {parameter.name} must rise from point to point.")
        drawn = _drawn_values(parameter, values)
        if drawn is None:
            drawn = tuple(parameter.validate(value) for value in values)
        checked = Automation(curve.target, seconds, drawn)
        checked.__dict__[VALID_FOR] = parameter
        return checked

    def format(self, value: Value) -> str:
        return ", ".join(f"{curve.target} ({len(curve.times)} points)" for curve in value) or "none"

    def range_text(self) -> str:
        return "one curve per parameter"


def _built(kind: type[Any], item: object, name: str) -> Any:
    known = [field.name for field in fields(kind)]
    if not isinstance(item, dict):
        raise TypeError(f"{name} holds {shown(item)}; give objects with the fields {', '.join(known)}.")
    for key in item:
        if key not in known:
            raise ValueError(f"{name} has no field {key!r}.{suggest(str(key), known)}")
    try:
        return kind(**item)
    except TypeError as error:
        if "argument" in str(error):
            raise ValueError(f"{name} holds an object without all of its fields: {', '.join(known)}.") from None
        raise


def _plain_numbers(values: Sequence[Any], low: float, high: float) -> tuple[float, ...] | None:
    """Convert numbers in a range to floats, a hundred thousand at once.

    None if one is anything else, for who asks one by one says which.
    """
    kinds = set(map(type, values)) - {int, float}
    if not all(issubclass(kind, np.integer | np.floating) for kind in kinds):
        return None
    try:
        numbers = np.array(values, np.float64)
    except OverflowError:
        return None
    return tuple(numbers.tolist()) if bool(((numbers >= low) & (numbers <= high)).all()) else None


def _drawn_values(parameter: Parameter, values: Sequence[Any]) -> tuple[Any, ...] | None:
    """Values as `parameter.validate` makes them of each, all at once; None where only that can tell."""
    if parameter.kind not in ("float", "int"):
        return None
    numbers = _plain_numbers(values, parameter.minimum, parameter.maximum)
    if numbers is None or parameter.kind == "float":
        return numbers
    whole = np.array(numbers)
    return tuple(whole.astype(np.int64).tolist()) if bool((whole == np.floor(whole)).all()) else None


def _number(what: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{what} is {shown(value)}; it must be a number from {low:g} to {high:g}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not low <= number <= high:
        raise ValueError(f"{what} is {shown(value)}; choose {low:g} to {high:g}.")
    return number


def _drawn(index: int) -> float:
    """A number in 0 … 1 that depends on `index` alone."""
    return uniform(0x10F0, index)
