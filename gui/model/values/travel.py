"""How a knob's gestures become a parameter's values: position along the travel, drags, steps, typed text."""

import math
import re
from dataclasses import dataclass
from typing import Any

from lamina.gui.model.values.words import value_of_word, value_text
from lamina.plugin import Parameter
from lamina.plugin.parameters.model_shape import USUAL, ModelShape
from lamina.plugin.parameters.table import find_parameter

DRAG_PIXELS = 220  # a whole travel: far enough to hit each of 24 detents, short enough for one wrist movement
FINE_RATIO = 0.2
COARSE_STEPS = 24
WIDE_RATIO = 1000  # from so wide a range on, equal ways are equal ratios: 0.01 to 37.5 Hz can't be turned evenly


@dataclass(frozen=True)
class Travel:
    """The travel of one parameter's knob; 0.0 is its minimum, 1.0 its maximum. `shape` is that of the model."""

    parameter: Parameter
    shape: ModelShape = USUAL

    @property
    def is_detented(self) -> bool:
        """Whether the knob rests on whole numbers only."""
        return self.parameter.kind == "int"

    @property
    def is_ratio(self) -> bool:
        """Whether equal ways along the travel are equal ratios."""
        return (
            not self.is_detented
            and self.parameter.minimum > 0
            and self.parameter.maximum / self.parameter.minimum >= WIDE_RATIO
        )

    @property
    def origin(self) -> float:
        """Where the lit arc starts: at zero for a parameter with two signs, else at the minimum."""
        if self.parameter.minimum < 0 < self.parameter.maximum:
            return self.position(0.0)
        return 0.0

    def position(self, value: float) -> float:
        """Place of a value along the travel, 0.0–1.0."""
        low, high = float(self.parameter.minimum), float(self.parameter.maximum)
        if self.is_ratio:
            return min(1.0, max(0.0, math.log(max(float(value), low) / low) / math.log(high / low)))
        return min(1.0, max(0.0, (float(value) - low) / (high - low)))

    def value(self, position: float) -> Any:
        """The value at a place along the travel, on the parameter's own step."""
        low, high = float(self.parameter.minimum), float(self.parameter.maximum)
        step = 1.0 if self.is_detented else float(self.parameter.step)
        place = min(1.0, max(0.0, position))
        if self.is_ratio:
            # Three figures, as many as anybody hears: 0.52, 5.2, 520.
            return min(high, max(low, float(f"{low * (high / low) ** place:.3g}")))
        raw = low + place * (high - low)
        stepped = min(high, max(low, low + round((raw - low) / step) * step))
        return int(stepped) if self.is_detented else round(stepped, 6)

    def dragged(self, start_position: float, pixels_up: float, fine: bool = False) -> Any:
        """The value after a drag that began at `start_position` and went `pixels_up` (negative: down)."""
        ratio = FINE_RATIO if fine else 1.0
        return self.value(start_position + ratio * pixels_up / DRAG_PIXELS)

    def stepped(self, value: float, steps: int, fine: bool = False) -> Any:
        """The value some wheel notches or key presses away; `fine` goes by small ones."""
        if self.is_detented:
            return self.value(self.position(value + steps))
        if self.is_ratio:
            return self.value(self.position(value) + steps * (FINE_RATIO if fine else 1.0) / COARSE_STEPS / 2)
        if self.parameter.unit == "bpm" and not fine:
            return self.value(self.position(float(value) + steps))
        span = float(self.parameter.maximum) - float(self.parameter.minimum)
        size = float(self.parameter.step) if fine else max(float(self.parameter.step), span / COARSE_STEPS / 2)
        return self.value(self.position(float(value) + steps * size))

    def parse(self, text: str) -> Any:
        """The value typed as `text`: a number with or without its unit, or a bitrate ("6 kbps") for a layer count.

        Raises ValueError with a sentence for anything else.
        """
        word = value_of_word(self.parameter, text)
        if word is not None:
            return self.parameter.validate(word)
        match = re.fullmatch(
            r"\s*([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+))\s*([%a-zA-Z]*)\s*", text.replace("\N{MINUS SIGN}", "-")
        )
        if match is None:
            example = value_text(self.parameter, self.parameter.default)
            raise ValueError(
                f"{text.strip()!r} is not a number for {self.parameter.label}; type one, such as {example}."
            )
        number, unit = float(match.group(1).replace(",", ".")), match.group(2).lower()
        if self.parameter.name == "layers" and unit.startswith("k"):
            find_parameter("kbps", self.shape).validate(number)
            number = self.shape.layers_of(number)
        if self.parameter.unit == "%":
            number /= 100.0
        return self.parameter.validate(int(number) if self.is_detented and number == int(number) else number)
