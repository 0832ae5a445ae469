"""All parameters at one moment: an immutable snapshot that the audio path reads once per frame."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lamina.plugin.desk.chain import CHAIN
from lamina.plugin.desk.gains import heard_gains
from lamina.plugin.parameters.kinds import Parameter, Value
from lamina.plugin.parameters.model_shape import USUAL, ModelShape
from lamina.plugin.parameters.motion import Automation, Motion, MovingParameter
from lamina.plugin.parameters.table import PARAMETERS, AllParameters, find_parameter, parameters_of

GAIN_OF = "layer_gains."
"""A layer's number stands behind it."""
SHAPE = "_shape"
"""Where a snapshot has its model's shape; it is no parameter."""


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
    """One immutable snapshot of all parameters; `lamina.plugin.parameters.table.PARAMETERS` says what each means.

    It is one for a model of a certain shape: of the usual one, unless `on` makes it another's.
    """

    @property
    def shape(self) -> ModelShape:
        """That of the model."""
        shape: ModelShape = self.__dict__.get(SHAPE, USUAL)
        return shape

    def on(self, shape: ModelShape) -> Settings:
        """The same settings for a model of another shape.

        Layers beyond its own are left out, and "all" means all of its layers.
        """
        if shape == self.shape:
            return self
        other = object.__new__(Settings)
        other.__dict__.update(fitted(self.values(), self.shape, shape), **{SHAPE: shape})
        return other

    def parameter(self, name: str) -> Parameter:
        """A parameter with the range that it has for the model; raises ValueError that suggests the nearest name."""
        return find_parameter(name, self.shape)

    def with_value(self, name: str, value: object) -> Settings:
        """A snapshot with one parameter changed (`kbps` changes `layers`, `layer_gains.7` one layer's gain).

        Raises ValueError for an unknown name (the nearest is suggested) or a value out of range, TypeError for a wrong
        type.
        """
        return self.moved_to(name, self.parameter(name).validate(value))

    def moved_to(self, name: str, value: Value) -> Settings:
        """As `with_value`, for a value that is known to be valid: quick enough to be called for every frame."""
        if name == "kbps":
            name, value = "layers", self.shape.layers_of(float(value))
        elif name.startswith(GAIN_OF):
            gains, layer = list(self.layer_gains), int(name.removeprefix(GAIN_OF))
            gains[layer - 1] = value
            name, value = "layer_gains", tuple(gains)
        changed = object.__new__(Settings)
        # The copy has fields only: what was worked out of them is worked out anew.
        changed.__dict__.update({field: self.__dict__[field] for field in FIELDS}, **{name: value, SHAPE: self.shape})
        return changed

    def value(self, name: str) -> Value:
        """The value of a parameter by name, views and single layers' gains included."""
        self.parameter(name)
        if name == "kbps":
            return self.shape.kbps(self.layers)
        if name.startswith(GAIN_OF):
            return self.layer_gains[int(name.removeprefix(GAIN_OF)) - 1]
        return getattr(self, name)

    def values(self) -> dict[str, Value]:
        """All values by name, without views."""
        return {name: self.__dict__[name] for name in FIELDS}

    def plain(self) -> dict[str, Any]:
        """The same as JSON can hold it; `with_value` takes each of them back."""
        return {name: self.parameter(name).plain(value) for name, value in self.values().items()}

    @cached_property
    def moves(self) -> bool:
        """Whether anything moves by itself."""
        return bool(self.motions or self.automation)

    @cached_property
    def heard_gains(self) -> npt.NDArray[np.float32] | None:
        """What the layer desk multiplies each layer with, `[layers]`; None if that is 1 for all."""
        return heard_gains(self)

    @cached_property
    def alters_codes(self) -> bool:
        """Whether the decoder hears anything but what the encoder sent."""
        return self.heard_gains is not None or any(effect.is_active(self) for effect in CHAIN)


FIELDS = tuple(field.name for field in fields(Settings))


def fitted(values: dict[str, Value], before: ModelShape, after: ModelShape) -> dict[str, Value]:
    """Values by name that hold for models of one shape, as they hold for those of another."""
    new = parameters_of(after)
    return {name: _fitted(value, before.layers, new[name]) for name, value in values.items()}


def _within(item: Motion | Automation, moving: MovingParameter) -> Motion | Automation:
    """A motion, or a drawn curve with its values in the target's range."""
    parameter = moving.target(item.target)
    if isinstance(item, Motion) or parameter.kind not in ("int", "float"):
        return item
    values = tuple(min(max(value, parameter.minimum), parameter.maximum) for value in item.values)
    return item if values == item.values else replace(item, values=values)


def _fitted(value: Value, layers_before: int, after: Parameter) -> Value:
    """A value of one shape's parameter for another shape's."""
    if isinstance(after, MovingParameter):
        return tuple(_within(item, after) for item in value if after.has(item.target))
    if not after.of_layers:
        return value
    if after.kind == "gains":
        return (*value, *after.default[len(value) :])[: len(after.default)]
    if after.kind == "layers":
        return tuple(layer for layer in value if layer <= after.maximum)
    usual = PARAMETERS[after.name]
    is_all = value == layers_before and usual.default == usual.maximum
    return int(after.maximum) if is_all else min(value, int(after.maximum))
