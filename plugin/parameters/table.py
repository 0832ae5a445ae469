"""Every parameter of the effect by name, gathered from where it is declared: `codec.py` beside this, or an effect of the code desk.

The constructor and attributes of `NeuralCodec`, settings, the app's controls, presets, the command line and the docs all come
from here; a name, range, default or sentence is written nowhere else.
"""

from __future__ import annotations

from dataclasses import replace

from lamina.plugin.desk.chain import ChainParameters
from lamina.plugin.desk.gains import LayerDesk
from lamina.plugin.parameters.codec import KBPS_PER_LAYER, Listening, Making, Moving, OtherUnits, Panel, StereoAndBits, layers_of
from lamina.plugin.parameters.kinds import MAX_LAYERS, Kind, LayerGains, Parameter, Value, suggest
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
    "layers_of",
    "suggest",
]


class AllParameters(Panel, LayerDesk, Listening, StereoAndBits, ChainParameters, Making, Moving):
    """Everything that settings hold, in the order in which it is shown and written."""


def find_parameter(name: str) -> Parameter:
    """A parameter by name, `layer_gains.7` for one layer's gain; raises ValueError that suggests the nearest name."""
    if name in PARAMETERS:
        return PARAMETERS[name]
    whole, dot, layer = name.partition(".")
    gains = PARAMETERS.get(whole)
    if dot and isinstance(gains, LayerGains) and layer.isascii() and layer.isdigit() and 1 <= int(layer) <= MAX_LAYERS:
        return gains.element(int(layer))
    raise ValueError(f"There is no parameter {name!r}.{suggest(name, PARAMETERS)}")


def _gathered() -> dict[str, Parameter]:
    """All of them, other units behind what they are units of; what moves others learns to find them."""
    gathered = {}
    for name, parameter in AllParameters.declared.items():
        if isinstance(parameter, MovingParameter):
            parameter = replace(parameter, find=find_parameter)
        gathered[name] = parameter
        gathered |= {view.name: view for view in OtherUnits.declared.values() if view.view_of == name}
    return gathered


PARAMETERS: dict[str, Parameter] = _gathered()
