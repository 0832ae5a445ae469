"""`lamina encode` writes sound as a `.lamina` file, `lamina decode` makes sound of it, `lamina inspect` tells what it
holds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.interruption import signals_end_it_cleanly
from lamina.cli.options import add_settings_options, codec_of
from lamina.dsp.soundfiles.formats import readable
from lamina.plugin.codes_file.codes import MAX_CODE_CHANNELS

if TYPE_CHECKING:
    from lamina.models.bundles.bundle import BundleEntry
    from lamina.plugin.codes_file.summary import ContainerInfo

CODED_CHANNELS = {"linked": ("left", "right"), "mid-side": ("middle", "side"), "mono": ("middle of two channels",)}
SHOWN_DIGEST = 16


def add_codes_commands(commands: Any) -> None:
    """Declare the three commands."""
    encode = commands.add_parser(
        "encode",
        help="write a sound file as .lamina",
        description="Encode a sound file of at most an hour into a .lamina file: its codes, 0.75 kbps per layer and "
        "channel. "
        "Settings that shape codes count here; those that shape sound (gain, desk, …) are given to `lamina decode`, "
        "but the file remembers "
        "--denoise.",
        epilog="Example: lamina encode song.wav song.lamina --kbps 6 --entropy",
    )
    encode.add_argument("input", type=Path, metavar="IN", help=readable())
    encode.add_argument("output", type=Path, metavar="OUT.lamina", help="the file to write")
    encode.add_argument(
        "--entropy",
        action="store_true",
        help="make the file a few percent smaller; damage then costs ten seconds instead of one",
    )
    add_settings_options(encode)
    encode.set_defaults(run=_encode)

    decode = commands.add_parser(
        "decode",
        help="make sound of a .lamina file",
        description="Decode a .lamina file with the model that it was made with. What is damaged or missing is told, "
        "and concealed.",
        epilog="Example: lamina decode song.lamina song.wav --denoise 0.5",
    )
    decode.add_argument("input", type=Path, metavar="IN.lamina", help="a file made by `lamina encode`")
    decode.add_argument(
        "output", type=Path, metavar="OUT", help="the sound file to write; its suffix chooses the format"
    )
    decode.add_argument(
        "--sample-rate", type=int, metavar="HZ", help="rate of the result; default: that of the sound that was encoded"
    )
    add_settings_options(decode)
    decode.set_defaults(run=_decode)

    inspect = commands.add_parser(
        "inspect",
        help="show what a .lamina file holds",
        description="Show length, channels, layers, bitrate and damage of a .lamina file, and whether its model is "
        "here.",
        epilog="Example: lamina inspect song.lamina",
    )
    inspect.add_argument("input", type=Path, metavar="FILE.lamina", help="a file made by `lamina encode`")
    inspect.set_defaults(run=_inspect)


def shown(text: str) -> str:
    """Text out of a file as a terminal may show it: control characters, which could move its cursor or worse, in
    escapes.
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)


def _encode(options: argparse.Namespace) -> int:
    from lamina.plugin.codes_file.file import check_codes_target, write_codes
    from lamina.plugin.codes_file.header import MAX_SECONDS
    from lamina.plugin.codes_file.summary import inspect_codes
    from lamina.plugin.files.sound import read_audio

    target = check_codes_target(options.output)
    codec = codec_of(options)
    clip = read_audio(options.input, limit_seconds=MAX_SECONDS, most_channels=MAX_CODE_CHANNELS)
    if clip.trouble:
        print(f"lamina: {options.input}: {clip.trouble}", file=sys.stderr)
    with signals_end_it_cleanly():
        write_codes(target, codec.encode(clip.samples, clip.sample_rate), options.entropy)
    info = inspect_codes(target)
    print(
        f"{target}: {info.seconds:.1f} s, {info.file_kbps:.2f} kbps ({info.packed_kbps:.2f} kbps of codes, packed "
        "plainly)"
    )
    return 0


def _decode(options: argparse.Namespace) -> int:
    from lamina.plugin.call.arrays import check_sample_rate
    from lamina.plugin.codes_file.file import read_codes
    from lamina.plugin.files.sound import atomic_writer, check_target

    goal = check_target(options.output, options.input)
    result = read_codes(options.input)
    codes = result.codes
    rate = check_sample_rate(options.sample_rate or codes.sample_rate)
    if options.model is None:
        options.model = _usable_model(codes.model, codes.digest)
    if options.denoise is None and options.preset is None and codes.denoise:
        options.denoise = f"{codes.denoise:g}"
    codec = codec_of(options)
    audio = codec.decode(codes, rate)
    if not audio.shape[1]:
        raise ValueError(f"{options.input} holds no sound: there is nothing to write.")
    if result.damage:
        print(f"lamina: {options.input}: {result.damage}", file=sys.stderr)
    with signals_end_it_cleanly(), atomic_writer(goal, rate, len(audio)) as writer:
        writer.write(audio)
    print(f"{goal}: {audio.shape[1] / rate:.1f} s at {rate} Hz")
    return 0


def _inspect(options: argparse.Namespace) -> int:
    from lamina.plugin.codes_file.summary import inspect_codes

    info = inspect_codes(options.input)
    header, damage = info.header, info.damage
    channels = "1 channel" if header.n_channels == 1 else f"{header.n_channels} channels"
    coded = f"; {info.n_entropy_blocks} of {info.n_blocks} blocks entropy coded" if info.n_entropy_blocks else ""
    rows = {
        "Sound": f"{info.seconds:.2f} s, {header.sample_rate} Hz, {channels}; {header.frames} frames",
        "Layers": _layers(info),
        "Rate": f"{info.file_kbps:.2f} kbps: {info.n_bytes} bytes{coded}",
        "Codes": f"{info.packed_kbps:.2f} kbps, packed plainly",
        "Model": f"{shown(header.model)}, {shown(header.digest[:SHOWN_DIGEST])}…: "
        f"{_whereabouts(header.model, header.digest)}",
        **(
            {"Denoise": f"{100 * header.denoise:.0f} % wanted, unless decoded with --denoise"} if header.denoise else {}
        ),
        "Damage": str(damage) or "none",
    }
    print(options.input)
    for title, text in rows.items():
        print(f"{title:8} {text}")
    return 0


def _layers(info: ContainerInfo) -> str:
    spans = [str(most) if least == most else f"{least} to {most}" for least, most in info.layers]
    if len(set(spans)) == 1 and info.header.stereo == "linked":
        return f"{spans[0]} of at most {info.header.layers}"
    names = (
        CODED_CHANNELS[info.header.stereo] if len(spans) <= 2 else [f"channel {n}" for n in range(1, len(spans) + 1)]
    )
    return ", ".join(f"{span} ({name})" for span, name in zip(spans, names, strict=True))


def _entries(name: str, digest: str) -> tuple[BundleEntry | None, BundleEntry | None]:
    """The model here with this digest, and the one of this name. The name only picks from the list: it never opens a
    path.
    """
    from lamina.models.bundles.bundle import survey_bundles

    entries = survey_bundles()
    same = [entry for entry in entries if entry.bundle is not None and entry.bundle.digest == digest]
    named = next((entry for entry in entries if entry.name == name), None)
    return next((entry for entry in same if entry is named), same[0] if same else None), named


def _whereabouts(name: str, digest: str) -> str:
    same, named = _entries(name, digest)
    if same is not None:
        return "here, the same" if same is named else f"here, the same, under the name {shown(same.name)}"
    if named is None:
        return "not here; the file can't be decoded"
    return (
        "the one here can't be used"
        if named.bundle is None
        else "another of this name is here; the file can't be decoded with it"
    )


def _usable_model(name: str, digest: str) -> str:
    """What to open for a file; raises ValueError if its model is not here."""
    same, named = _entries(name, digest)
    if same is not None:
        return same.name
    whose = f"the model {shown(name)!r} ({shown(digest[:SHOWN_DIGEST])}…)"
    if named is not None and named.bundle is not None:
        raise ValueError(
            f"The file was made with {whose}; the one of this name here is another. Encode again, or put that model "
            "back."
        )
    raise ValueError(f"The file was made with {whose}, which is not here. Get it, or name its folder: --model FOLDER.")
