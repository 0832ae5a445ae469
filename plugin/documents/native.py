"""pedalboard's built-in effects by name: their parameters read as plain values, and built from them.

Only what the module pedalboard itself exports is looked up; a name can't reach any other code.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pedalboard
from pedalboard import Chain, Convolution, ExternalPlugin, Mix, Plugin, PluginContainer
from pedalboard._pedalboard import Pedalboard

from lamina.plugin.parameters.table import suggest

CONTAINERS: dict[str, type[PluginContainer]] = {"Chain": Chain, "Mix": Mix, "Pedalboard": Pedalboard}

Plain = bool | int | float | str


@lru_cache(maxsize=1)
def native_effects() -> dict[str, type[Plugin]]:
    """The built-in effects that a name and parameters are enough for, containers aside.

    Abstract classes are not among them.
    """
    found: dict[str, type[Plugin]] = {"Convolution": Convolution}
    for name, kind in vars(pedalboard).items():
        if (
            isinstance(kind, type)
            and issubclass(kind, Plugin)
            and not issubclass(kind, PluginContainer | ExternalPlugin)
        ):
            try:
                kind()
            except (TypeError, RuntimeError):
                continue  # Plugin and IIRFilter are abstract; Convolution needs its impulse response
            found[name] = kind
    return found


def describe_native(effect: Plugin) -> dict[str, Plain]:
    """The parameters of a built-in effect. Raises ValueError for one that plain values can't describe."""
    if isinstance(effect, Convolution):
        # An impulse response given as samples has no name, and a document is no place for audio.
        if not effect.impulse_response_filename:
            raise ValueError("its impulse response was given as samples; give a file's path instead, which can be kept")
        return {"impulse_response_filename": str(effect.impulse_response_filename), "mix": float(effect.mix)}
    return {name: _plain(getattr(effect, name)) for name in _settable(type(effect))}


def check_native(name: str, parameters: dict[str, Any]) -> None:
    """Check names and types of the parameters; ranges are checked when the effect is built.

    Raises ValueError or TypeError that names the parameter.
    """
    known = _example(name)
    for parameter, value in parameters.items():
        if parameter not in known:
            raise ValueError(f"it has no parameter {parameter!r}.{suggest(parameter, known)}")
        _from_plain(parameter, value, known[parameter])
    if name == "Convolution" and "impulse_response_filename" not in parameters:
        raise ValueError("its impulse_response_filename is missing")


def build_native(name: str, parameters: dict[str, Any]) -> Plugin:
    """Make an effect with these parameters; what is not named keeps its default.

    Raises what the effect's constructor raises.
    """
    known = _example(name)
    built: Plugin = native_effects()[name](
        **{key: _from_plain(key, value, known[key]) for key, value in parameters.items()}
    )
    return built


def _settable(kind: type[Plugin]) -> tuple[str, ...]:
    """Names of the properties that may be set: pedalboard names them as the constructor's arguments."""
    members = [(name, value) for base in reversed(kind.__mro__) for name, value in vars(base).items()]
    return tuple(
        dict.fromkeys(name for name, value in members if isinstance(value, property) and value.fset is not None)
    )


@lru_cache(maxsize=64)
def _example(name: str) -> dict[str, Any]:
    """Default values by parameter, which show the types."""
    if name == "Convolution":
        return {"impulse_response_filename": "", "mix": 1.0}
    kind = native_effects()[name]
    effect = kind()
    return {parameter: getattr(effect, parameter) for parameter in _settable(kind)}


def _plain(value: Any) -> Plain:
    """The value as JSON has it; a choice by its name."""
    return value if isinstance(value, bool | int | float | str) else str(value.name)


def _from_plain(name: str, value: Any, example: Any) -> Any:
    if isinstance(example, bool):
        if not isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}; it must be true or false")
    elif isinstance(example, int | float):
        _check_number(name, value)
        return type(example)(value)
    elif isinstance(example, str):
        if not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}; it must be text")
    else:
        choices = type(example).__members__
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"{name} is {value!r}; choose one of {', '.join(choices)}")
        return choices[value]
    return value


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is {value!r}; it must be a number")
    # pedalboard keeps single precision and would take what does not fit for infinity.
    if not math.isfinite(value) or abs(value) > float(np.finfo(np.float32).max):
        raise ValueError(f"{name} is {value}; it must be a finite number")
