"""What a line is made of, as options: sources, sinks, the codec at both ends, and the device."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.options import DECODING, ENCODING, Use, add_settings_options, codec_of, device_changes
from lamina.plugin.neural_codec import NeuralCodec

if TYPE_CHECKING:
    from lamina.plugin.line.joining.settings import LineSettings

SENDING = Use(ENCODING.ignored, "it shapes what is made of codes, which the other end does. It may give it to --hear")


@dataclass(frozen=True)
class Ends:
    """What `join` and `offer` are called with."""

    source: Any
    sink: Any
    codec: NeuralCodec
    hearing: NeuralCodec
    settings: LineSettings


def add_end_options(parser: argparse.ArgumentParser, sends: bool, hears: bool) -> None:
    """Declare the options of an end that does these things."""
    parser.add_argument("--name", default="", metavar="TEXT", help="your name, shown at the other end")
    if sends:
        add_settings_options(parser)
        parser.add_argument(
            "--frames",
            type=int,
            default=1,
            metavar="N",
            help="frames (13.3 ms) per packet, 1 to 4, default 1: each packet has 93 bytes of headers, so that 6 kbps "
            "travel as 70, 38 (2 frames), or 22 (4); each further frame is 13.3 ms more delay",
        )
        parser.add_argument("--fixed-layers", action="store_true", help="never shed layers, whatever the link carries")
        parser.add_argument("--muted", action="store_true", help="begin muted; `unmute` with --control ends that")
        parser.add_argument("--sparse-silence", action="store_true", help="send silence sparsely")
    else:
        parser.add_argument("--model", metavar="NAME", help="the model, which both ends must have")
    if hears:
        parser.add_argument(
            "--jitter-buffer",
            metavar="MS",
            help="how long packets are waited for, in milliseconds, or auto, which follows the link; default auto",
            default="auto",
        )
        parser.add_argument(
            "--hear",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a parameter of what is heard, for example output_gain_db=-6; may be repeated",
        )
        parser.add_argument(
            "--record", type=Path, metavar="FILE", help="also record what is heard, to a new wav or flac file"
        )
        parser.add_argument(
            "--codes", type=Path, metavar="FILE", help="also write the codes as they were heard, to a new .lamina file"
        )
    parser.add_argument("--device-input", metavar="DEV", help="input by name or a part of it (see `lamina devices`)")
    parser.add_argument("--device-output", metavar="DEV", help="output, likewise")
    parser.add_argument("--channels", metavar="N[,N]", help="input channels, from 1: one or two; default 1")
    parser.add_argument("--rate", type=int, metavar="R", help="the device's sample rate in Hz")
    parser.add_argument("--buffer", type=int, metavar="N", help="samples the device takes at a time; default 256")
    parser.add_argument(
        "--margin",
        type=float,
        metavar="F",
        help="codec frames (13.3 ms) of sound kept ready; default 1, grows as needed",
    )
    parser.add_argument("--duration", type=float, metavar="S", help="end after so many seconds of being joined")
    parser.add_argument(
        "--control",
        action="store_true",
        help="read changes from standard input, one a line: NAME=VALUE for what is sent, hear NAME=VALUE for what is "
        "heard, mute, unmute, frames N, jitter-buffer MS or auto, input DEVICE, output DEVICE, or end",
    )
    parser.add_argument("--json", action="store_true", help="tell everything as JSON, one object a line")
    parser.add_argument("-q", "--quiet", action="store_true", help="tell nothing but what went wrong")


def ends_of(options: argparse.Namespace, source: Path | None, sink: Path | None, sends: bool, hears: bool) -> Ends:
    """Check everything and make what a line needs; raises ValueError or OSError with a sentence.

    Args:
        options: as `add_end_options` declared them.
        source, sink: files; None for the device.
        sends, hears: what this end does.
    """
    from lamina.plugin.line.joining.settings import LIVE, LineSettings

    if options.duration is not None and not (options.duration > 0 and math.isfinite(options.duration)):
        raise ValueError(f"--duration is {options.duration:g}; give seconds, more than 0.")
    codec = codec_of(options, SENDING) if sends else NeuralCodec(**_model(options.model))
    nothing = dict.fromkeys(("preset", "layers", "kbps", "denoise", "noise_only", "mix"))
    hearing = codec_of(
        argparse.Namespace(**nothing, model=codec.model, assignments=options.hear if hears else []), DECODING
    )
    settings = LineSettings(
        name=options.name,
        frames_per_packet=options.frames if sends else 1,
        adaptive=not options.fixed_layers if sends else True,
        sparse_silence=options.sparse_silence if sends else False,
        buffer_ms=buffer_ms_of(options.jitter_buffer) if hears else None,
        recording=options.record if hears else None,
        is_muted=options.muted if sends else False,
        codes=options.codes if hears else None,
        devices=_devices(options),
    )
    return Ends(
        (source if source is not None else LIVE) if sends else None,
        (sink if sink is not None else LIVE) if hears else None,
        codec,
        hearing,
        settings,
    )


def _model(name: str | None) -> dict[str, Any]:
    return {} if name is None else {"model": name}


def buffer_ms_of(text: str) -> float | None:
    """The jitter buffer that is asked for by "auto" or a number; raises ValueError with a sentence."""
    if text == "auto":
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 500:
        raise ValueError(f"The jitter buffer is {text!r}; give milliseconds from 0 to 500, or auto.")
    return value


def _devices(options: argparse.Namespace) -> Any:
    from lamina.plugin.host.device.device_settings import VIRTUAL, DeviceSettings
    from lamina.plugin.host.device.devices import is_hardware

    changes = {"input_channels": (1,), **device_changes(options)}
    if options.device_input is not None:
        changes["input"] = options.device_input
        if options.device_output is None and not is_hardware(options.device_input):
            changes["output"] = VIRTUAL
    if options.device_output is not None:
        changes["output"] = options.device_output
        if options.device_input is None and not is_hardware(options.device_output):
            changes["input"] = VIRTUAL
    return DeviceSettings().changed(**changes)
