"""All parameters at one moment: an immutable snapshot that the audio path reads once per frame."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lamina.plugin.desk.chain import CHAIN
from lamina.plugin.desk.gains import heard_gains
from lamina.plugin.parameters.kinds import Value
from lamina.plugin.parameters.table import KBPS_PER_LAYER, PARAMETERS, AllParameters, find_parameter, layers_of

GAIN_OF = "layer_gains."
"""A layer's number stands behind it."""


S = TypeVar("S")


def _frozen(kind: type[S]) -> type[S]:
    """A frozen dataclass of all parameters that `kind` is made of."""
    declared = AllParameters.declared
    kind.__annotations__ = dict.fromkeys(declared, "Value")
    for name, parameter in declared.items():
        setattr(kind, name, parameter.default)
    return dataclass(frozen=True)(kind)


@_frozen
class Settings(AllParameters):
    """One immutable snapshot of all parameters; `lamina.plugin.parameters.table.PARAMETERS` says what each means."""

    def with_value(self, name: str, value: object) -> Settings:
        """A snapshot with one parameter changed (`kbps` changes `layers`, `layer_gains.7` one layer's gain).

        Raises ValueError for an unknown name (the nearest is suggested) or a value out of range, TypeError for a wrong type.
        """
        return self.moved_to(name, find_parameter(name).validate(value))

    def moved_to(self, name: str, value: Value) -> Settings:
        """As `with_value`, for a value that is known to be valid: quick enough to be called for every frame."""
        if name == "kbps":
            name, value = "layers", layers_of(float(value))
        elif name.startswith(GAIN_OF):
            gains, layer = list(self.layer_gains), int(name.removeprefix(GAIN_OF))
            gains[layer - 1] = value
            name, value = "layer_gains", tuple(gains)
        changed = object.__new__(Settings)
        # The copy has fields only: what was worked out of them is worked out anew.
        changed.__dict__.update({field: self.__dict__[field] for field in FIELDS}, **{name: value})
        return changed

    def value(self, name: str) -> Value:
        """The value of a parameter by name, views and single layers' gains included."""
        find_parameter(name)
        if name == "kbps":
            return self.layers * KBPS_PER_LAYER
        if name.startswith(GAIN_OF):
            return self.layer_gains[int(name.removeprefix(GAIN_OF)) - 1]
        return getattr(self, name)

    def values(self) -> dict[str, Value]:
        """All values by name, without views."""
        return {name: self.__dict__[name] for name in FIELDS}

    def plain(self) -> dict[str, Any]:
        """The same as JSON can hold it; `with_value` takes each of them back."""
        return {name: PARAMETERS[name].plain(value) for name, value in self.values().items()}

    @cached_property
    def moves(self) -> bool:
        """Whether anything moves by itself."""
        return bool(self.motions or self.automation)

    @cached_property
    def heard_gains(self) -> npt.NDArray[np.float32] | None:
        """What the layer desk multiplies each layer with, `[24]`; None if that is 1 for all."""
        return heard_gains(self)

    @cached_property
    def alters_codes(self) -> bool:
        """Whether the decoder hears anything but what the encoder sent."""
        return self.heard_gains is not None or any(effect.is_active(self) for effect in CHAIN)


FIELDS = tuple(field.name for field in fields(Settings))
