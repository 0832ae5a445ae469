"""Every parameter of the effect by name.

They are gathered from where they are declared: `codec.py` beside this, or an effect of the code desk.

The constructor and attributes of `NeuralCodec`, settings, the app's controls, presets, the command line and the docs
all come from here; a name, range, default or sentence is written nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial

from lamina.plugin.desk.chain import ChainParameters
from lamina.plugin.desk.gains import LayerDesk
from lamina.plugin.parameters.codec import (
    KBPS_PER_LAYER,
    Decoding,
    Listening,
    Making,
    Moving,
    OtherUnits,
    Panel,
    Sharing,
    StereoAndBits,
)
from lamina.plugin.parameters.kinds import MAX_LAYERS, Kind, LayerGains, Parameter, Value, suggest
from lamina.plugin.parameters.model_shape import USUAL, ModelShape
from lamina.plugin.parameters.motion import MovingParameter

__all__ = [
    "KBPS_PER_LAYER",
    "MAX_LAYERS",
    "PARAMETERS",
    "AllParameters",
    "Kind",
    "Parameter",
    "Value",
    "find_parameter",
    "parameters_of",
    "suggest",
]


class AllParameters(Panel, LayerDesk, Listening, StereoAndBits, Sharing, Decoding, ChainParameters, Making, Moving):
    """Everything that settings hold, in the order in which it is shown and written."""


def find_parameter(name: str, shape: ModelShape = USUAL) -> Parameter:
    """A parameter by name, `layer_gains.7` for one layer's gain, with the ranges that it has for models of a shape.

    Raises ValueError that suggests the nearest name.
    """
    parameters = parameters_of(shape)
    if name in parameters:
        return parameters[name]
    whole, dot, layer = name.partition(".")
    gains = parameters.get(whole)
    if (
        dot
        and isinstance(gains, LayerGains)
        and layer.isascii()
        and layer.isdigit()
        and 1 <= int(layer[:9]) <= shape.layers
    ):
        return gains.element(int(layer))
    raise ValueError(f"There is no parameter {name!r}.{suggest(name, parameters)}")


@lru_cache(maxsize=16)
def parameters_of(shape: ModelShape) -> dict[str, Parameter]:
    """All parameters, as they are for models of a shape.

    A view comes behind the parameter it is a view of, and what moves others learns to find them.
    """
    gathered = {}
    for name, declared in AllParameters.declared.items():
        parameter = _fitted(declared, shape) if declared.of_layers else declared
        if isinstance(parameter, MovingParameter):
            parameter = replace(parameter, find=partial(find_parameter, shape=shape))
        gathered[name] = parameter
        gathered |= {
            view.name: _rate(view, parameter, shape) for view in OtherUnits.declared.values() if view.view_of == name
        }
    return gathered


def _fitted(parameter: Parameter, shape: ModelShape) -> Parameter:
    """A parameter that counts layers with the range and the default that it has for another number of them."""
    layers = shape.layers
    if parameter.kind == "gains":
        return replace(parameter, default=(parameter.default[0],) * layers)
    if parameter.kind == "layers":
        return replace(parameter, maximum=layers)
    default = layers if parameter.default == parameter.maximum else min(parameter.default, layers)
    return replace(parameter, maximum=layers, default=default)


def _rate(view: Parameter, layers: Parameter, shape: ModelShape) -> Parameter:
    """The bitrate in place of the number of layers."""
    least, most, usual = (shape.kbps(count) for count in (1, shape.layers, int(layers.default)))
    return replace(view, step=least, minimum=least, maximum=most, default=usual)


PARAMETERS: dict[str, Parameter] = parameters_of(USUAL)
