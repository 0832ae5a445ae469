"""Writes `parameters.h`, the plugin's parameters and programs, from Lamina's own tables.

`make plugin-tables` runs it; a test refuses a header that is stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lamina.plugin.documents.presets import Preset, list_presets
from lamina.plugin.parameters.table import MAX_LAYERS, PARAMETERS, Parameter, Value, find_parameter

HEADER = Path(__file__).parent / "parameters.h"
NATIVE = (
    *("layers", "denoise", "noise_only", "mix", "input_gain_db", "output_gain_db", "bypass"),
    *("listen", "listen_layer", "stereo", "side_layers", "loudness_layers", "search", "postfilter"),
    *("frame_loss", "loss_model", "loss_burst", "loss_period", "concealment", "layer_loss", "lost_layer"),
    *("freeze", "freeze_frames", "freeze_fade"),
    *("slices", "slice_length", "slice_repeats", "tempo"),
    *("code_delay", "code_feedback", "decimate_frames", "decimate_from", "decimate_slower", "seed"),
    *(f"layer_gains.{layer}" for layer in range(1, MAX_LAYERS + 1)),
)
"""The parameters that the native effect has, in the plugin's order: new ones go to the end, for hosts count them."""
ENUMS = {
    "listen": "Listen",
    "stereo": "Stereo",
    "loss_model": "LossModel",
    "concealment": "Concealment",
    "slices": "SliceKind",
    "slice_length": "SliceLength",
}
TYPES = {"int": "int", "bool": "bool"}


def native_parameters() -> list[Parameter]:
    """Those in the plugin's order, with ranges as hosts show them: shares in percent."""
    return [_in_percent(find_parameter(name)) for name in NATIVE]


def symbol(name: str) -> str:
    """A parameter's name as hosts keep it: `layer_gain_7` for `layer_gains.7`."""
    return name.replace("gains.", "gain_")


def unmet(preset: Preset) -> list[str]:
    """Names of the parameters that a preset sets and the native effect doesn't have."""
    return [name for name in preset.parameters if name not in NATIVE]


def header() -> str:
    """What `parameters.h` must say."""
    parameters = native_parameters()
    presets = [preset for preset in list_presets() if not unmet(preset)]
    lines = [
        "// Made by make_parameters.py from Lamina's table of parameters and its factory presets.",
        "// `make plugin-tables` writes it again.",
        "#pragma once",
        "",
        '#include "parameter.h"',
        '#include "settings.h"',
        "",
        "namespace lamina {",
        "",
        *(line for name in ENUMS for line in _choices(PARAMETERS[name])),
        "",
        "constexpr ParameterInfo PARAMETERS[] = {",
        *(f"    {_entry(parameter)}," for parameter in parameters),
        "};",
        "",
        f"constexpr int N_PARAMETERS = {len(parameters)}, BYPASS = {NATIVE.index('bypass')};",
        "",
        "// The factory presets that need no parameter that is missing here.",
        "constexpr Program<N_PARAMETERS> PROGRAMS[] = {",
        f"    {{{_text('As it is')}, {{{', '.join(_usual(parameter) for parameter in parameters)}}}}},",
        *(f"    {{{_text(preset.title)}, {{{', '.join(_values(preset, parameters))}}}}}," for preset in presets),
        "};",
        "",
        f"constexpr int N_PROGRAMS = {len(presets) + 1};",
        "",
        "} // namespace lamina",
    ]
    return "\n".join(lines) + "\n"


def _in_percent(parameter: Parameter) -> Parameter:
    if parameter.unit != "%":
        return parameter
    scaled = {name: getattr(parameter, name) * 100 for name in ("minimum", "maximum", "default", "step")}
    return replace(parameter, **scaled)


def _choices(parameter: Parameter) -> Iterator[str]:
    words = ", ".join(map(_text, parameter.choices))
    yield f"constexpr const char *{parameter.name.upper()}_CHOICES[] = {{{words}}};"


def _entry(parameter: Parameter) -> str:
    name, kind = parameter.name, parameter.kind
    cast = ENUMS.get(name) or TYPES.get(kind, "double")
    number = f"({cast})value" if cast not in ("double", "bool") else "value != 0" if cast == "bool" else "value"
    whole, _, layer = name.partition(".")
    field = f"{whole}[{int(layer) - 1}]" if layer else name
    obey = f"[](Settings &settings, double value) {{ settings.{field} = {number}; }}"
    choices = f"{name.upper()}_CHOICES" if kind == "choice" else "nullptr"
    scale = 100 if parameter.unit == "%" else 1
    fields = (
        *(_text(text) for text in (symbol(name), parameter.label, parameter.unit, parameter.help)),
        *(f"Kind::{kind}_", *map(_number, (parameter.minimum, parameter.maximum))),
        *(_usual(parameter), _number(1 / parameter.step), _number(scale)),
        *(str(parameter.automatable).lower(), choices, obey),
    )
    return f"{{{', '.join(fields)}}}"


def _values(preset: Preset, parameters: list[Parameter]) -> Iterator[str]:
    for parameter in parameters:
        if parameter.name not in preset.parameters:
            yield _usual(parameter)
        else:
            value = preset.parameters[parameter.name]
            yield _shown(parameter, value * 100 if parameter.unit == "%" else value)


def _usual(parameter: Parameter) -> str:
    return _shown(parameter, parameter.default)


def _shown(parameter: Parameter, value: Value) -> str:
    return _number(parameter.choices.index(value) if parameter.kind == "choice" else value)


def _number(value: float) -> str:
    return f"{round(float(value), 6):g}"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def main() -> int:
    HEADER.write_text(header(), encoding="utf-8")
    left_out = {preset.title: unmet(preset) for preset in list_presets() if unmet(preset)}
    for title, names in left_out.items():
        print(f"no program for {title!r}: the plugin doesn't have {', '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
