"""The options by which commands set the codec: a preset, a model, and every parameter.

What can't do anything where it is given is refused, and so are options that contradict each other.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.plugin.documents.preset_codec import codec_for
from lamina.plugin.documents.presets import Preset, load_preset
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import PARAMETERS
from lamina.plugin.rivals.coding.rival import Rival

if TYPE_CHECKING:
    from lamina.plugin.rivals.coding.own import CountedCodec

OPTIONS = ("layers", "kbps", "denoise", "noise_only", "mix")
"""Parameters that have an option of their own; `--set` takes every one."""
MODEL_HELP = (
    f"a model by name (see `lamina models list`), by its size (standard), or its folder; default {DEFAULT_BUNDLE}"
)


@dataclass(frozen=True)
class Use:
    """Which parameters do something for a command.

    Args:
        ignored: those that don't.
        reason: ends the sentence "mix does nothing here: …".
    """

    ignored: frozenset[str] = frozenset()
    reason: str = ""


EVERYTHING = Use()
ENCODING = Use(
    frozenset(
        {"mix", "bypass", "noise_only", "postfilter", "output_gain_db", "layer_gains", "muted_layers", "solo_layers"}
        | {"listen", "listen_layer", "concealment", "freeze", "freeze_frames", "freeze_fade", "slices", "slice_length"}
        | {"slice_repeats", "code_delay", "code_feedback", "bend", "bend_amount", "bend_from", "bend_to", "bend_offset"}
        | {"bend_nearest", "bend_common", "decimate_frames", "decimate_from", "decimate_slower", "cross_layers"}
    ),
    "it shapes the sound that is made of codes. Give it to `lamina decode`",
)
"""What lies behind the quantizer doesn't change codes."""
DECODING = Use(
    frozenset(
        {"mix", "bypass", "input_gain_db", "stereo", "side_layers", "loudness_layers", "search", "passes"}
        | {"cross_layers", "variable_rate"}
    ),
    "the codes are made already, and the sound that they were made of is not here",
)
"""What lies before the quantizer doesn't change what comes out of codes."""


def add_settings_options(parser: argparse.ArgumentParser, usual_rate: str = "") -> None:
    """Declare them. `usual_rate` says what is taken where no rate is given, if not the parameter's default."""
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("--layers", metavar="N", help=_describe("layers", usual_rate))
    rate.add_argument("--kbps", metavar="K", help=_describe("kbps", usual_rate))
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


def add_rival_option(parser: argparse.ArgumentParser) -> None:
    """Declare `--rival`, which goes with `add_settings_options`."""
    parser.add_argument(
        "--rival",
        metavar="NAME",
        help="another codec instead (see `lamina rivals`): opus, or opus:12, or opus:12:frame_ms=10; --kbps says its "
        "bitrate, too, and no other setting goes with it",
    )


def rival_of(options: argparse.Namespace) -> Rival | CountedCodec:
    """The rival that is asked for; raises ValueError for it, and for settings that only the codec has."""
    from lamina.plugin.rivals.registry import parse

    text: str = options.rival
    own = [flag for name, (flag, _) in given_parameters(options).items() if name != "kbps"]
    own += [f"--{name}" for name in ("preset", "model", "sidechain") if getattr(options, name, None) is not None]
    own += ["--two-pass"] if getattr(options, "two_pass", False) else []
    if own:
        raise ValueError(f"{own[0]} is a setting of Lamina, and --rival {text} asks for another codec. Leave one out.")
    name, *rest = text.split(":")
    if options.kbps is not None:
        if rest and "=" not in rest[0]:
            raise ValueError(f"--rival {text} and --kbps {options.kbps} both say the bitrate. Give one.")
        text = ":".join([name, options.kbps, *rest])
    codec = parse(text)
    if getattr(codec, "two_pass", False):
        raise ValueError(f"--rival {text} asks for two passes, which are for `lamina compare`. Use --two-pass instead.")
    return codec


def codec_of(options: argparse.Namespace, use: Use = EVERYTHING) -> NeuralCodec:
    """The effect that the options describe; raises ValueError with a sentence. Everything is checked.

    Args:
        options: as `add_settings_options` declared them.
        use: which parameters do anything for the command; the others are refused, and those of a preset told.
    """
    preset = load_preset(options.preset) if options.preset else None
    given = given_parameters(options)
    for name, (flag, _) in given.items():
        if name.partition(".")[0] in use.ignored:
            raise ValueError(f"{flag} does nothing here: {use.reason}.")
    codec = (
        codec_for(preset)
        if preset is not None and options.model is None
        else NeuralCodec(model=options.model or DEFAULT_BUNDLE)
    )
    settings = _settings(given, preset, codec.settings)
    _check_noise_only(settings)
    codec.set_parameters(settings.values())
    if preset is not None:
        _tell_ignored(preset, use)
    _tell_unheard(given, settings)
    return codec


def given_parameters(options: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """Every parameter that was set by an option: the option as it was written, and the text of its value.

    Raises ValueError if one was given two values.
    """
    written = [
        (name, f"--{name.replace('_', '-')}", str(text))
        for name in OPTIONS
        if (text := getattr(options, name)) is not None
    ]
    for assignment in options.assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise ValueError(f"--set {assignment!r} has no value; write --set NAME=VALUE, for example --set mix=0.5.")
        written.append((name.strip(), f"--set {name.strip()}", text))
    given: dict[str, tuple[str, str]] = {}
    for name, flag, text in written:
        for other in {name, *(("layers", "kbps") if name in ("layers", "kbps") else ())} & set(given):
            if (other, text) != (name, given[other][1]):
                raise ValueError(
                    f"{given[other][0]} says {given[other][1]}, and {flag} says {text}: they set the same. Give one."
                )
        given[name] = flag, text
    return given


def device_changes(options: argparse.Namespace) -> dict[str, Any]:
    """What --rate, --margin, --buffer and --channels change of the settings of sound devices.

    Raises ValueError for channels that are no numbers.
    """
    changes: dict[str, Any] = {"sample_rate": options.rate, "margin_frames": options.margin}
    if options.buffer is not None:
        changes["buffer"] = options.buffer
    if options.channels is not None:
        try:
            changes["input_channels"] = tuple(int(number) for number in options.channels.split(","))
        except ValueError:
            raise ValueError(
                f"--channels is {options.channels!r}; give one number or two, for example 1 or 3,4."
            ) from None
    return changes


def add_two_pass_option(parser: argparse.ArgumentParser) -> None:
    """Declare --two-pass."""
    parser.add_argument(
        "--two-pass",
        action="store_true",
        help="hear each file once before it is coded, and give its hard frames more layers than its easy ones: closer "
        "to the original at the same bitrate, which is kept on average over the file (from 3 kbps up)",
    )


def rate_text(codec: NeuralCodec | Rival, n_channels: int, two_pass: bool = False) -> str:
    """The bitrate of a channel and, where there are several, of all: "6 kbps per channel, 12 kbps in all".

    In two passes it is an average.

    Of a rival that has coded something, the bitrate that was counted: "Opus 12 kbps, 12.00 kbps counted in all".
    """
    if isinstance(codec, Rival):
        kbps = codec.counted_kbps
        return codec.title if math.isnan(kbps) else f"{codec.title}, {kbps:.2f} kbps counted in all"
    settings, shape = codec.settings, codec.settings.shape
    if n_channels == 1:
        return f"{codec.kbps:g} kbps" + (" on average" if settings.variable_rate or two_pass else "")
    total = codec.kbps * n_channels
    if n_channels == 2 and settings.stereo != "linked":
        side = min(settings.side_layers, settings.layers) if settings.stereo == "mid-side" else 0
        total = codec.kbps + (shape.kbps(side) if side else 0.0)
    is_average = settings.variable_rate or two_pass
    least = "at most " if settings.loudness_layers or settings.moves else "on average " if is_average else ""
    return f"{codec.kbps:g} kbps per channel, {least}{total:g} kbps in all"


def describe(codec: NeuralCodec | Rival) -> str:
    """Model and settings in one line, for who wants to know what is done."""
    if isinstance(codec, Rival):
        options = "".join(f", {name} {value}" for name, value in codec.options.items())
        return f"{codec.title}{options}"
    from lamina.models.runtime import load_runtime

    shape = codec.settings.shape
    changed = [
        f"{name} {parameter.format(value)}"
        for name, value in codec.settings.values().items()
        if value != (parameter := codec.settings.parameter(name)).default
    ]
    engine = load_runtime(codec.model).engine
    return (
        f"{codec.bundle.name} ({codec.bundle.digest[:16]}…, {shape.layers} layers), computed by {engine}; "
        f"{', '.join(changed) or 'settings as they come'}"
    )


def _check_noise_only(settings: Settings) -> None:
    moved = {motion.target for motion in settings.motions} | {curve.target for curve in settings.automation}
    if settings.noise_only and settings.denoise == 0 and not moved & {"denoise", "noise_only"}:
        raise ValueError(
            "noise_only plays what denoise takes away, and denoise is 0: nothing would be heard. Add --denoise 1."
        )


def _settings(given: dict[str, tuple[str, str]], preset: Preset | None, settings: Settings) -> Settings:
    """Preset first, then the options."""
    for name, value in preset.parameters.items() if preset is not None else ():
        settings = settings.with_value(name, value)
    for name, (_, text) in given.items():
        settings = settings.with_value(name, settings.parameter(name).parse(text))
    return settings


def _tell_ignored(preset: Preset, use: Use) -> None:
    ignored = [
        PARAMETERS[name].label.lower()
        for name, value in preset.parameters.items()
        if name in use.ignored and value != PARAMETERS[name].default
    ]
    if ignored:
        print(f"lamina: of the preset, {', '.join(ignored)} do nothing here: {use.reason}.", file=sys.stderr)


def _tell_unheard(given: dict[str, tuple[str, str]], settings: Settings) -> None:
    """What refines another parameter does nothing while that one is off."""
    moved = {motion.target for motion in settings.motions} | {curve.target for curve in settings.automation}
    for name, (flag, _) in given.items():
        parameter = settings.parameter(name)
        whole = parameter.refines
        if whole is None or whole in moved:
            continue
        value, other = settings.value(whole), settings.parameter(whole)
        if value not in parameter.suits if parameter.suits else value == other.default:
            print(f"lamina: {flag} does nothing while {whole} is {other.format(value)}.", file=sys.stderr)


def _describe(name: str, usual: str = "") -> str:
    parameter = PARAMETERS[name]
    usual = usual or f"{parameter.default:g}"
    return f"{parameter.help} {parameter.minimum:g} to {parameter.maximum:g}, default {usual}".replace("%", "%%")
