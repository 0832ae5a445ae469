"""The options by which commands set the codec: a preset, a model, and every parameter."""

from __future__ import annotations

import argparse

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.plugin.documents.preset_codec import codec_for
from lamina.plugin.documents.presets import Preset, load_preset
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import PARAMETERS

OPTIONS = ("layers", "kbps", "denoise", "noise_only", "mix")
"""Parameters that have an option of their own; `--set` takes every one."""
MODEL_HELP = f"a model by name (see `lamina info`), by its size (standard), or by its folder; default {DEFAULT_BUNDLE}"


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("--layers", metavar="N", help=_describe("layers"))
    rate.add_argument("--kbps", metavar="K", help=_describe("kbps"))
    parser.add_argument("--denoise", metavar="D", help=_describe("denoise"))
    parser.add_argument("--noise-only", action="store_const", const="on", help=PARAMETERS["noise_only"].help)
    parser.add_argument("--mix", metavar="M", help=_describe("mix"))
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="start from a preset (see `lamina presets`) or a preset file; other options go on top",
    )
    parser.add_argument("--model", metavar="NAME", help=MODEL_HELP)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="assignments",
        help=f"set any parameter: {', '.join(PARAMETERS)}; may be repeated",
    )


def codec_of(options: argparse.Namespace) -> NeuralCodec:
    """The effect that the options describe; raises ValueError with a sentence. Everything is checked."""
    preset = load_preset(options.preset) if options.preset else None
    codec = (
        codec_for(preset)
        if preset is not None and options.model is None
        else NeuralCodec(model=options.model or DEFAULT_BUNDLE)
    )
    codec.set_parameters(_settings(options, preset, codec.settings).values())
    return codec


def _settings(options: argparse.Namespace, preset: Preset | None, settings: Settings) -> Settings:
    """Preset first, then the options, then `--set`."""
    for name, value in preset.parameters.items() if preset is not None else ():
        settings = settings.with_value(name, value)
    assignments = [(name, text) for name in OPTIONS if (text := getattr(options, name)) is not None]
    for assignment in options.assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise ValueError(f"--set {assignment!r} has no value; write --set NAME=VALUE, for example --set mix=0.5.")
        assignments.append((name.strip(), text))
    for name, text in assignments:
        settings = settings.with_value(name, settings.parameter(name).parse(text))
    return settings


def _describe(name: str) -> str:
    parameter = PARAMETERS[name]
    return f"{parameter.help} {parameter.minimum:g} to {parameter.maximum:g}, default {parameter.default:g}".replace(
        "%", "%%"
    )
