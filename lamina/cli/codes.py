"""The commands for `.lamina` files.

`lamina encode` writes sound as one, `lamina decode` makes sound of it, `lamina inspect` tells what it holds.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.answers import DONE, INCOMPLETE, code_of, print_json, shown, told
from lamina.cli.batch import (
    Job,
    Outcome,
    add_file_options,
    inputs_and_output,
    jobs_of,
    named_path,
    new_folders,
    run_jobs,
    without_existing,
)
from lamina.cli.interruption import signals_end_it_cleanly
from lamina.cli.options import (
    DECODING,
    ENCODING,
    add_settings_options,
    add_two_pass_option,
    codec_of,
    describe,
    given_parameters,
)
from lamina.cli.spool import from_standard_input, to_standard_output
from lamina.dsp.soundfiles.formats import readable

if TYPE_CHECKING:
    from lamina.models.bundles.bundle import BundleEntry
    from lamina.plugin.codes_file.header import HeaderFields
    from lamina.plugin.codes_file.summary import ContainerInfo
    from lamina.plugin.neural_codec import NeuralCodec

CODED_CHANNELS = {"linked": ("left", "right"), "mid-side": ("middle", "side"), "mono": ("middle of two channels",)}
SHOWN_DIGEST = 16
SUFFIX = ".lamina"
DECODED_SUFFIX = ".wav"


def add_codes_commands(commands: Any) -> None:
    """Declare the three commands."""
    encode = commands.add_parser(
        "encode",
        help="write sound files as .lamina",
        usage="lamina encode [options] IN [IN ...] OUT\n       lamina encode [options] IN [IN ...] -o OUT",
        description="Encode sound files of any length into .lamina files: their codes, 0.75 kbps per layer and "
        "channel. Settings that shape codes count here; those that shape sound (output gain, desk, …) are given to "
        "`lamina decode`, but a file remembers --denoise.",
        epilog="Examples: lamina encode song.wav song.lamina --kbps 6 --entropy --two-pass · lamina encode "
        "takes/*.wav coded/",
    )
    add_file_options(encode, f"sound files ({readable()})", "a .lamina file, or a folder")
    encode.add_argument(
        "--entropy",
        action="store_true",
        help="make the file a few percent smaller; damage then costs ten seconds instead of one",
    )
    add_two_pass_option(encode)
    add_settings_options(encode)
    encode.set_defaults(run=_encode)

    decode = commands.add_parser(
        "decode",
        help="make sound of .lamina files",
        usage="lamina decode [options] IN [IN ...] OUT\n       lamina decode [options] IN [IN ...] -o OUT",
        description="Decode .lamina files with the model that they were made with. What is damaged or missing is told, "
        "concealed, and makes the exit code 5. --layers and --kbps peel layers off: from eight layers up, what is left "
        "is what was sent in so many layers, exactly.",
        epilog="Examples: lamina decode song.lamina song.wav --denoise 0.5 · lamina decode song.lamina - --layers 8 | "
        "ffplay -",
    )
    add_file_options(
        decode, "files made by `lamina encode`", "a sound file (its suffix chooses the format) or a folder"
    )
    decode.add_argument(
        "--sample-rate", type=int, metavar="HZ", help="rate of the result; default: that of the sound that was encoded"
    )
    add_settings_options(decode, "all that the file holds")
    decode.set_defaults(run=_decode)

    inspect = commands.add_parser(
        "inspect",
        help="show what .lamina files hold",
        description="Show length, channels, layers, bitrate and damage of .lamina files, and whether their model is "
        "here. The exit code is 5 if one is damaged.",
        epilog="Example: lamina inspect *.lamina --json",
    )
    inspect.add_argument(
        "inputs", nargs="+", type=named_path, metavar="FILE.lamina", help="files made by `lamina encode`"
    )
    inspect.add_argument("--json", action="store_true", help="as JSON, a list with an object for each file")
    inspect.set_defaults(run=_inspect)


def _encode(options: argparse.Namespace) -> int:
    from lamina.plugin.codes_file.file import check_codes_target

    inputs, output = inputs_and_output(options)
    codec = codec_of(options, ENCODING)

    def work(job: Job, progress: Any, cancelled: Any) -> Outcome:
        with from_standard_input(job.source, ".wav") as source, to_standard_output(job.target, SUFFIX) as target:
            return _encode_file(copy.copy(codec), source, target, job, options, progress, cancelled)

    with signals_end_it_cleanly() as interruption, new_folders(output):
        jobs = jobs_of(inputs, output, lambda _: SUFFIX, frozenset({SUFFIX}), lambda goal, _: check_codes_target(goal))
        jobs = without_existing(jobs, options)
        if options.verbose:
            print(f"lamina: {describe(codec)}", file=sys.stderr)
        return run_jobs(jobs, work, options, interruption)


def _encode_file(
    codec: NeuralCodec,
    source: Path,
    target: Path,
    job: Job,
    options: argparse.Namespace,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Outcome:
    from lamina.plugin.codes_file.coding import encode_file
    from lamina.plugin.codes_file.summary import inspect_codes

    result = encode_file(codec, source, target, options.entropy, progress, cancelled, options.two_pass)
    info = inspect_codes(target)
    line = (
        f"{job.target}: {info.seconds:.1f} s, {info.file_kbps:.2f} kbps ({info.packed_kbps:.2f} kbps of codes, packed "
        "plainly)"
    )
    return Outcome(line, result.trouble)


def _decode(options: argparse.Namespace) -> int:
    from lamina.plugin.call.arrays import check_sample_rate
    from lamina.plugin.files.sound import WRITABLE_SUFFIXES, check_target

    inputs, output = inputs_and_output(options)
    if options.sample_rate is not None:
        check_sample_rate(options.sample_rate)
    given_parameters(options)

    def work(job: Job, progress: Any, cancelled: Any) -> Outcome:
        with from_standard_input(job.source, SUFFIX) as source, to_standard_output(job.target, ".wav") as target:
            return _decode_file(source, target, job, options, progress, cancelled)

    with signals_end_it_cleanly() as interruption, new_folders(output):
        jobs = jobs_of(inputs, output, lambda _: DECODED_SUFFIX, WRITABLE_SUFFIXES, check_target)
        return run_jobs(without_existing(jobs, options), work, options, interruption)


def _decode_file(
    source: Path,
    target: Path,
    job: Job,
    options: argparse.Namespace,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Outcome:
    from lamina.plugin.codes_file.coding import decode_file
    from lamina.plugin.codes_file.file import open_codes
    from lamina.plugin.files.sound import check_target

    goal = check_target(target, source)
    with open_codes(source) as file:
        header = file.header
        rate = options.sample_rate or header.sample_rate
        # Its own model and denoise are the file's, not the command's: the next file may say another thing.
        own = copy.copy(options)
        if own.model is None:
            own.model = _usable_model(header.model, header.digest)
        if own.denoise is None and own.preset is None and header.denoise and "denoise" not in given_parameters(options):
            own.denoise = f"{header.denoise:g}"
        codec = codec_of(own, DECODING)
        if options.verbose:
            print(f"lamina: {describe(codec)}", file=sys.stderr)
        layers = _wanted_layers(options, codec)
        if layers is not None:
            _check_peeling(header, layers, job.source)
        result = decode_file(codec, file, goal, rate, layers, progress, cancelled)
    if result.clipping:
        print(f"lamina: {job.target}: {result.clipping}", file=sys.stderr)
    return Outcome(f"{job.target}: {result.seconds:.1f} s at {rate} Hz", result.trouble)


def _wanted_layers(options: argparse.Namespace, codec: NeuralCodec) -> int | None:
    """How many layers the options ask for; None if they don't."""
    if not {"layers", "kbps"} & set(given_parameters(options)):
        return None
    return codec.settings.layers


def _check_peeling(header: HeaderFields, layers: int, source: Path) -> None:
    """Refuse a choice of layers that a file can't be decoded with.

    Raises ValueError if it has fewer layers, or if so few can't be understood: the file is good, the wish is not.
    """
    sent = header.layers
    if layers > sent:
        raise ValueError(f"{source} has {sent} layers: peeling can't make {layers} of them. Give at most {sent}.")
    if layers < header.lag_from <= sent:
        raise ValueError(
            f"{source} can't be peeled down to {layers} layers: its frames' first codes say where in the past to look, "
            f"which is understood from {header.lag_from} layers up. Encode the sound anew with --layers {layers}."
        )


def _inspect(options: argparse.Namespace) -> int:
    from lamina.plugin.codes_file.header import ContainerError
    from lamina.plugin.codes_file.summary import inspect_codes

    infos: dict[Path, ContainerInfo] = {}
    codes = []
    for path in options.inputs:
        try:
            with from_standard_input(path, SUFFIX) as source:
                infos[path] = inspect_codes(source)
        except ContainerError as error:
            if len(options.inputs) == 1:
                raise
            print(told(error), file=sys.stderr)
            codes.append(code_of(error))
    if options.json:
        print_json([_facts(path, info) for path, info in infos.items()])
    else:
        for index, (path, info) in enumerate(infos.items()):
            if index:
                print()
            _show(path, info)
    return codes[0] if codes else INCOMPLETE if any(info.damage for info in infos.values()) else DONE


def _facts(path: Path, info: ContainerInfo) -> dict[str, Any]:
    """What there is to know of a file, as JSON can hold it."""
    header, damage = info.header, info.damage
    same, _ = _entries(header.model, header.digest)
    return {
        "file": str(path),
        "seconds": info.seconds,
        "sample_rate": header.sample_rate,
        "n_channels": header.n_channels,
        "n_samples": header.n_samples,
        "n_frames": header.frames,
        "frame_rate": header.frame_rate,
        "stereo": header.stereo,
        "most_layers": header.layers,
        "layers": [{"least": least, "most": most} for least, most in info.layers],
        "file_kbps": info.file_kbps,
        "codes_kbps": info.packed_kbps,
        "n_bytes": info.n_bytes,
        "n_blocks": info.n_blocks,
        "n_entropy_blocks": info.n_entropy_blocks,
        "model": header.model,
        "digest": header.digest,
        "usable_model": None if same is None else same.name,
        "denoise": float(header.denoise),
        "damage": str(damage),
        "n_missing_frames": damage.n_missing,
        "n_stray_bytes": damage.stray_bytes,
    }


def _show(path: Path, info: ContainerInfo) -> None:
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
    print(path)
    for title, text in rows.items():
        print(f"{title:8} {text}")


def _layers(info: ContainerInfo) -> str:
    spans = [str(most) if least == most else f"{least} to {most}" for least, most in info.layers]
    if len(set(spans)) == 1 and info.header.stereo == "linked":
        return f"{spans[0]} of at most {info.header.layers}"
    names = (
        CODED_CHANNELS[info.header.stereo] if len(spans) <= 2 else [f"channel {n}" for n in range(1, len(spans) + 1)]
    )
    return ", ".join(f"{span} ({name})" for span, name in zip(spans, names, strict=True))


def _entries(name: str, digest: str) -> tuple[BundleEntry | None, BundleEntry | None]:
    """The model here with this digest, and the one of this name.

    The name only picks from the list: it never opens a path.
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
