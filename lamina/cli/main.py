"""The command line: `lamina app | live | devices | render | encode | decode | inspect | info | presets | train | data`.

Exit codes: 0 done, 1 live sound ended by itself, 2 the request can't be carried out (one line on stderr says why), 130
interrupted, 141 nobody reads the output, 128 + number for another signal that ended a render.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lamina.cli.interruption import signals_end_it_cleanly
from lamina.cli.options import MODEL_HELP, add_settings_options, codec_of
from lamina.dsp.soundfiles.formats import readable, writable
from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.plugin.parameters.table import PARAMETERS

REFUSED = 2
INTERRUPTED = 130
UNREAD = 141
BAR_FORMAT = "{desc} {bar} {percentage:3.0f} %  {remaining} left"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    _print_whatever_the_terminal_can()
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return REFUSED
    try:
        code: int = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a reader that has gone (`lamina info | head`) can still be caught
        return code
    except KeyboardInterrupt:
        return _interrupted()
    except ImportError as error:
        # Ctrl-C while a compiled module loads comes out as that module's failure.
        if _began_with_an_interrupt(error):
            return _interrupted()
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except (ValueError, TypeError, OSError) as error:
        print(f"lamina: {' '.join(str(error).split())}", file=sys.stderr)
        return REFUSED


def _interrupted() -> int:
    print("lamina: interrupted; nothing is half written.", file=sys.stderr)
    return INTERRUPTED


def _began_with_an_interrupt(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _print_whatever_the_terminal_can() -> None:
    """A file name or a sign beyond the terminal's encoding is written in escapes; it must not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lamina",
        description="A neural audio codec you can play: 0.75 to 18 kbps, one layer of detail at a time.",
        epilog="Example: lamina render song.wav thin.wav --kbps 3",
    )
    parser.set_defaults(run=None)
    parser.add_argument("--version", action="store_const", dest="run", const=_version, help="show the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    app = commands.add_parser(
        "app", help="open the desktop app", description="Open the desktop app, with a sound file or the demo item."
    )
    app.add_argument("file", nargs="?", type=Path, metavar="FILE", help=f"{readable()} or lamina")
    app.add_argument("--model", metavar="NAME", help=MODEL_HELP)
    app.set_defaults(run=_app)

    render = commands.add_parser(
        "render",
        help="run sound files through the codec",
        description="Run sound files through the codec. One input is written to OUT; several go into the folder OUT.",
        epilog="Examples: lamina render song.wav thin.wav --kbps 3 · lamina render takes/*.flac coded/ --preset "
        "walkie-talkie --mix 0.5 · "
        "lamina render noisy.wav clean.wav --layers 24 --denoise 1",
    )
    render.add_argument("inputs", nargs="+", type=Path, metavar="IN", help=f"sound files: {readable()}")
    render.add_argument(
        "output", type=Path, metavar="OUT", help=f"a file (its suffix chooses the format: {writable()}) or a folder"
    )
    add_settings_options(render)
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
        "--quality", metavar="Q", help="of an mp3 or ogg file: kbps as a number, or V0 (best) to V9 (mp3; default V2)"
    )
    render.add_argument("--quiet", action="store_true", help="no progress bar")
    render.set_defaults(run=_render)

    info = commands.add_parser(
        "info",
        help="show the models, versions, sound devices and latency",
        description="Show a model, all other models, the versions of what they run on, the sound outputs, and the "
        "codec's latency: "
        "what a bug report should hold.",
    )
    info.add_argument("--model", metavar="NAME", help=MODEL_HELP)
    info.set_defaults(run=_info)

    presets = commands.add_parser(
        "presets",
        help="list the presets",
        description="List the presets that come with Lamina, with their settings. Use one with `lamina render --preset "
        "NAME`.",
    )
    presets.set_defaults(run=_presets)

    from lamina.cli.codes import add_codes_commands
    from lamina.cli.data import add_data_command
    from lamina.cli.live import add_live_commands
    from lamina.cli.train import add_train_command

    add_codes_commands(commands)
    add_live_commands(commands)
    add_train_command(commands)
    add_data_command(commands)
    return parser


def _version(_options: argparse.Namespace) -> int:
    from lamina import __version__

    print(f"lamina {__version__}")
    return 0


def _app(options: argparse.Namespace) -> int:
    from lamina.gui.app import main as open_app
    from lamina.models.bundles.bundle import open_bundle
    from lamina.models.sizes import SIZES

    model = options.model
    if model is not None:
        bundle = open_bundle(model)
        # The app's menu lists models by their names.
        model = bundle.name if model in SIZES else model
    return open_app(options.file, model)


def _render(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from lamina.plugin.files.render import render_file

    codec = codec_of(options)
    # Without a terminal to draw on there is no bar; with stderr closed there is not even a place to ask.
    no_bar = True if options.quiet or sys.stderr is None else None
    failures = 0
    with signals_end_it_cleanly(), _new_folders(options.output):
        jobs = _jobs(options.inputs, options.output)
        for source, target in jobs:
            try:
                with tqdm(total=100, desc=source.name, bar_format=BAR_FORMAT, disable=no_bar) as bar:
                    result = render_file(
                        codec,
                        source,
                        target,
                        partial(_advance, bar),
                        sidechain=options.sidechain,
                        sample_format=options.sample_format,
                        quality=options.quality,
                    )
            except BrokenPipeError:
                raise
            except (ValueError, OSError) as error:
                # One bad file must not lose the rest of a long list.
                if len(jobs) == 1:
                    raise
                print(f"lamina: {' '.join(str(error).split())}", file=sys.stderr)
                failures += 1
                continue
            if result.trouble:
                print(f"lamina: {source}: {result.trouble}", file=sys.stderr)
            if result.clipping:
                print(f"lamina: {target}: {result.clipping}", file=sys.stderr)
            speed = result.seconds / max(result.elapsed, 1e-9)
            print(f"{target}: {result.seconds:.1f} s at {codec.kbps:g} kbps per channel, {speed:.0f} × real time")
    if failures:
        print(f"lamina: {failures} of {len(jobs)} files were not rendered; the reasons stand above.", file=sys.stderr)
    return REFUSED if failures else 0


@contextlib.contextmanager
def _new_folders(output: Path) -> Iterator[None]:
    """Takes folders away again that were made for results and got none."""
    missing = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()


def _advance(bar: Any, share: float) -> None:
    bar.update(round(share * 100) - bar.n)


def _jobs(inputs: list[Path], output: Path) -> list[tuple[Path, Path]]:
    """Which file goes where; raises ValueError where two inputs would share a target."""
    from lamina.plugin.files.sound import WRITABLE_SUFFIXES, check_target

    if len(inputs) == 1 and not output.is_dir() and output.suffix:
        return [(inputs[0], check_target(output, inputs[0]))]
    if output.suffix and not output.is_dir():
        raise ValueError(f"Several inputs need a folder to go to; {output} looks like a file.")
    if output.exists() and not output.is_dir():
        raise ValueError(
            f"{output} is a file; name a folder, or a file with one of the suffixes "
            f"{', '.join(sorted(WRITABLE_SUFFIXES))}."
        )
    targets: dict[Path, Path] = {}
    for source in inputs:
        suffix = source.suffix.lower() if source.suffix.lower() in WRITABLE_SUFFIXES else ".wav"
        target = output / (source.stem + suffix)
        if target in targets:
            raise ValueError(
                f"{targets[target]} and {source} would both be written to {target}. Render them into different folders."
            )
        targets[target] = source
    output.mkdir(parents=True, exist_ok=True)
    for target, source in targets.items():
        check_target(target, source)
    return [(source, target) for target, source in targets.items()]


def _info(options: argparse.Namespace) -> int:
    from lamina.cli.info import print_info

    print_info(options.model or DEFAULT_BUNDLE)
    return 0


def _presets(options: argparse.Namespace) -> int:
    from lamina.plugin.documents.presets import CATEGORIES, list_presets

    for category in CATEGORIES:
        print(f"{category[0].upper()}{category[1:]}")
        for preset in list_presets():
            if preset.category == category:
                values = ", ".join(
                    f"{PARAMETERS[name].label.lower()} {PARAMETERS[name].format(PARAMETERS[name].validate(value))}"
                    for name, value in preset.parameters.items()
                )
                print(f"  {preset.name:22} {preset.description}\n{'':24} {values}")
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
