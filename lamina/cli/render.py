"""`lamina render`: sound files, or sound out of a pipe, through the codec or one of its rivals."""

from __future__ import annotations

import argparse
import copy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.batch import (
    PIPE,
    Job,
    Outcome,
    Work,
    add_file_options,
    inputs_and_output,
    jobs_of,
    new_folders,
    pipe_of,
    run_jobs,
    without_existing,
)
from lamina.cli.interruption import signals_end_it_cleanly
from lamina.cli.options import (
    add_rival_option,
    add_settings_options,
    add_two_pass_option,
    codec_of,
    describe,
    given_parameters,
    rate_text,
    rival_of,
)
from lamina.dsp.soundfiles.formats import readable, writable
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.coding.rival import Rival

if TYPE_CHECKING:
    from lamina.plugin.files.piped import RawSound


def add_render_command(commands: Any) -> None:
    """Declare the command."""
    render = commands.add_parser(
        "render",
        help="run sound files through the codec",
        usage="lamina render [options] IN [IN ...] OUT\n       lamina render [options] IN [IN ...] -o OUT",
        description="Run sound files through the codec, or through a rival of it. One input is written to OUT; several "
        "go into the folder OUT. - reads WAV, or bare samples, from standard input, and writes them to standard "
        "output.",
        epilog="Examples: lamina render song.wav thin.wav --kbps 3 · lamina render takes/*.flac coded/ --preset "
        "walkie-talkie --mix 0.5 · lamina render noisy.wav clean.wav --layers 24 --denoise 1 · lamina render song.wav "
        "opus.wav --rival opus:12 · ffmpeg -i film.mkv -f wav - | lamina render - - --kbps 3 | ffplay -",
    )
    add_file_options(
        render, f"sound files ({readable()})", f"a file (its suffix chooses the format: {writable()}) or a folder"
    )
    add_two_pass_option(render)
    add_settings_options(render)
    add_rival_option(render)
    render.add_argument(
        "--sidechain",
        type=Path,
        metavar="FILE",
        help="a second sound, whose codes fill the layers above cross_layers (see --set)",
    )
    render.add_argument(
        "--sample-format",
        choices=("16", "24", "float"),
        help="of a lossless file: 16 bits with dither, 24 bits (default), or 32-bit floating point, which never clips "
        "(wav)",
    )
    render.add_argument(
        "--quality",
        metavar="Q",
        help="of an mp3, ogg or opus file: kbps as a number (opus: of all channels together; default 160 in stereo), "
        "or V0 (best) to V9 (mp3; default V2)",
    )
    render.add_argument(
        "--no-tags",
        action="store_true",
        help="leave out what the input says of its sound, which is kept otherwise: tags (title, artist, date …), and "
        "from WAV to WAV bext, iXML and cue points",
    )
    piped = render.add_argument_group("pipes")
    piped.add_argument("--rate", type=int, metavar="HZ", help="standard input has no header, and this sample rate")
    piped.add_argument("--channels", type=int, metavar="N", help="standard input has no header, and so many channels")
    piped.add_argument(
        "--format",
        choices=("s16", "s24", "s32", "f32"),
        help="samples of standard output, and of standard input without a header: integers of so many bits or floats, "
        "little-endian; default s24 in WAV, f32 without a header",
    )
    piped.add_argument(
        "--raw", action="store_true", help="no header on standard output; so it is, too, if standard input has none"
    )
    render.set_defaults(run=_render)


def _render(options: argparse.Namespace) -> int:
    from lamina.plugin.files.sound import WRITABLE_SUFFIXES, check_target

    inputs, output = inputs_and_output(options)
    raw = _raw_sound(options, PIPE in inputs, output == PIPE)
    is_piped = PIPE in (*inputs, output)
    codec = codec_of(options) if options.rival is None else rival_of(options)
    if is_piped and isinstance(codec, Rival) and not codec.can_stream:
        raise ValueError(f"{codec.title} codes whole pieces, so it can't be put between pipes. Give it files.")
    if options.two_pass and is_piped:
        raise ValueError("--two-pass hears the sound twice, and a pipe tells it once. Give it files.")
    if options.rival is None:
        _check_sidechain(options, codec)
    with signals_end_it_cleanly() as interruption, new_folders(output):
        jobs = jobs_of(inputs, output, _suffix, WRITABLE_SUFFIXES, check_target)
        jobs = without_existing(jobs, options)
        if options.verbose:
            print(f"lamina: {describe(codec)}", file=sys.stderr)
        return run_jobs(jobs, _work(codec, options, raw), options, interruption)


def _work(codec: NeuralCodec | Rival, options: argparse.Namespace, raw: RawSound | None) -> Work:
    from lamina.plugin.files.piped import render_piped
    from lamina.plugin.files.render import render_file

    def work(job: Job, progress: Any, cancelled: Any) -> Outcome:
        # Each file has an effect of its own, since several may be under way.
        effect = copy.copy(codec)
        if PIPE in (job.source, job.target):
            source = pipe_of(sys.stdin, "Standard input") if job.source == PIPE else job.source
            target = pipe_of(sys.stdout, "Standard output") if job.target == PIPE else job.target
            is_raw = options.raw or raw is not None
            result = render_piped(
                effect,
                source,
                target,
                raw,
                options.format,
                is_raw,
                options.sidechain,
                progress,
                options.sample_format,
                options.quality,
                cancelled,
            )
        else:
            result = render_file(
                effect,
                job.source,
                job.target,
                progress,
                cancelled,
                options.sidechain,
                options.sample_format,
                options.quality,
                not options.no_tags,
                options.two_pass,
            )
        if result.clipping:
            print(f"lamina: {job.target}: {result.clipping}", file=sys.stderr)
        speed = result.seconds / max(result.elapsed, 1e-9)
        rate = rate_text(effect, result.n_channels, options.two_pass)
        return Outcome(f"{result.target}: {result.seconds:.1f} s at {rate}, {speed:.0f} × real time", result.trouble)

    return work


def _suffix(source: Path) -> str:
    from lamina.plugin.files.sound import WRITABLE_SUFFIXES

    return source.suffix.lower() if source.suffix.lower() in WRITABLE_SUFFIXES else ".wav"


def _raw_sound(options: argparse.Namespace, is_input: bool, is_output: bool) -> RawSound | None:
    """How samples of standard input without a header are stored; None if it has one.

    Raises ValueError for options about pipes that don't go together, or where there is no pipe.
    """
    from lamina.plugin.files.piped import RawSound

    named = [f"--{name}" for name in ("rate", "channels") if getattr(options, name) is not None]
    if named and not is_input:
        raise ValueError(f"{named[0]} tells of sound on standard input, but the input is a file, which says it itself.")
    if options.raw and not is_output:
        raise ValueError("--raw is about standard output, but the output is a file.")
    if options.format is not None and not is_output and not named:
        raise ValueError("--format is about samples in pipes. A file's suffix chooses how its samples are stored.")
    if is_output and (options.sample_format or options.quality):
        raise ValueError("--sample-format and --quality are about files. Give --format for samples on standard output.")
    if options.no_tags and (is_input or is_output):
        raise ValueError("--no-tags is about files: no tags go through pipes.")
    if not named:
        return None
    if len(named) == 1:
        raise ValueError("Sound without a header needs both --rate and --channels.")
    return RawSound(options.rate, options.channels, options.format or "f32")


def _check_sidechain(options: argparse.Namespace, codec: NeuralCodec | Rival) -> None:
    assert isinstance(codec, NeuralCodec), "a rival was given no side-chain"
    settings = codec.settings
    moved = {motion.target for motion in settings.motions} | {curve.target for curve in settings.automation}
    crosses = settings.cross_layers < settings.layers or moved & {"cross_layers", "layers", "kbps"}
    if options.sidechain is not None and not crosses:
        raise ValueError(
            f"--sidechain does nothing while cross_layers is {settings.cross_layers} and there are {settings.layers} "
            "layers: the layers above cross_layers are the side-chain's. Add --set cross_layers=2."
        )
    if options.sidechain is None and "cross_layers" in given_parameters(options):
        raise ValueError("cross_layers does nothing without a second sound. Add --sidechain FILE.")
