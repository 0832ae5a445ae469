"""All parameters at one moment: an immutable snapshot that the audio path reads once per frame."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from lamina.plugin.parameters.kinds import Value
from lamina.plugin.parameters.motion import Automation, Motion
from lamina.plugin.parameters.table import KBPS_PER_LAYER, PARAMETERS, find_parameter, layers_of

GAIN_OF = "layer_gains."
"""A layer's number stands behind it."""


def _default(name: str) -> Any:
    return field(default=PARAMETERS[name].default)


@dataclass(frozen=True)
class Settings:
    """One immutable snapshot of all parameters; `lamina.plugin.parameters.table.PARAMETERS` says what each means."""

    layers: int = _default("layers")
    loudness_layers: float = _default("loudness_layers")
    search: int = _default("search")
    denoise: float = _default("denoise")
    noise_only: bool = _default("noise_only")
    mix: float = _default("mix")
    input_gain_db: float = _default("input_gain_db")
    output_gain_db: float = _default("output_gain_db")
    bypass: bool = _default("bypass")
    layer_gains: tuple[float, ...] = _default("layer_gains")
    muted_layers: tuple[int, ...] = _default("muted_layers")
    solo_layers: tuple[int, ...] = _default("solo_layers")
    listen: str = _default("listen")
    listen_layer: int = _default("listen_layer")
    stereo: str = _default("stereo")
    side_layers: int = _default("side_layers")
    frame_loss: float = _default("frame_loss")
    loss_model: str = _default("loss_model")
    loss_burst: int = _default("loss_burst")
    loss_period: int = _default("loss_period")
    layer_loss: float = _default("layer_loss")
    lost_layer: int = _default("lost_layer")
    concealment: str = _default("concealment")
    bend: str = _default("bend")
    bend_amount: float = _default("bend_amount")
    bend_offset: int = _default("bend_offset")
    bend_nearest: int = _default("bend_nearest")
    bend_common: int = _default("bend_common")
    bend_from: int = _default("bend_from")
    bend_to: int = _default("bend_to")
    freeze: bool = _default("freeze")
    freeze_frames: int = _default("freeze_frames")
    freeze_fade: int = _default("freeze_fade")
    slices: str = _default("slices")
    slice_length: str = _default("slice_length")
    slice_repeats: int = _default("slice_repeats")
    code_delay: int = _default("code_delay")
    code_feedback: float = _default("code_feedback")
    passes: int = _default("passes")
    cross_layers: int = _default("cross_layers")
    seed: int = _default("seed")
    tempo: float = _default("tempo")
    motions: tuple[Motion, ...] = _default("motions")
    automation: tuple[Automation, ...] = _default("automation")

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
        gains = np.array(self.layer_gains, np.float32)
        for layer in self.muted_layers:
            gains[layer - 1] = 0
        if self.solo_layers:
            solo = np.array(self.solo_layers) - 1
            alone = np.zeros_like(gains)
            alone[solo] = gains[solo]
            gains = alone
        return None if (gains == 1).all() else gains

    @cached_property
    def alters_codes(self) -> bool:
        """Whether the decoder hears anything but what the encoder sent."""
        return (
            self.frame_loss > 0
            or self.layer_loss > 0
            or (self.bend != "off" and self.bend_amount > 0)
            or self.freeze
            or self.slices != "off"
            or self.code_feedback > 0
            or self.heard_gains is not None
        )


FIELDS = tuple(field.name for field in fields(Settings))


class DeskArguments(TypedDict, total=False):
    """The parameters that `NeuralCodec` takes by keyword beside its first ones; each is described in `PARAMETERS`."""

    loudness_layers: float
    search: int
    layer_gains: Any
    muted_layers: Any
    solo_layers: Any
    listen: str
    listen_layer: int
    stereo: str
    side_layers: int
    frame_loss: float
    loss_model: str
    loss_burst: int
    loss_period: int
    layer_loss: float
    lost_layer: int
    concealment: str
    bend: str
    bend_amount: float
    bend_offset: int
    bend_nearest: int
    bend_common: int
    bend_from: int
    bend_to: int
    freeze: bool
    freeze_frames: int
    freeze_fade: int
    slices: str
    slice_length: str
    slice_repeats: int
    code_delay: int
    code_feedback: float
    passes: int
    cross_layers: int
    seed: int
    tempo: float
    motions: Any
    automation: Any
