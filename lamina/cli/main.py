"""The command line: `lamina app | render | encode | decode | inspect | compare | live | devices | info | …`.

Each command lies in a module of its own; this one reads what is asked for and turns what fails into an exit code.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamina.cli.answers import INTERRUPTED, MEANINGS, REFUSED, UNREAD, code_of, told
from lamina.cli.options import MODEL_HELP
from lamina.dsp.soundfiles.formats import readable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    _keep_standard_streams_in_place()
    _print_whatever_the_terminal_can()
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _parser(arguments)
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
        _drop_what_can_not_be_written()
        print(told(error), file=sys.stderr)
        return code_of(error)


def _drop_what_can_not_be_written() -> None:
    """What standard output still holds and doesn't take must not decide over the exit code when Python ends."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupted() -> int:
    print("lamina: interrupted; no file is half written.", file=sys.stderr)
    return INTERRUPTED


def _began_with_an_interrupt(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _keep_standard_streams_in_place() -> None:
    """Make nothing (`os.devnull`) of what is closed (`lamina … <&-`).

    Else the next file or pipe that is opened would land in its place, and what is started would take that for its
    input.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, which is this one
    if sys.stderr is None:
        # What is printed to None goes to standard output, where there may be sound.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for as long as the command runs


def _print_whatever_the_terminal_can() -> None:
    """A file name or a sign beyond the terminal's encoding is written in escapes; it must not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of a command line.

    Where it begins with a command, that one is declared alone: the others' modules would take longer to load than it.
    """
    parser = argparse.ArgumentParser(
        prog="lamina",
        description="A neural audio codec you can play: 0.75 to 18 kbps, one layer of detail at a time.",
        epilog="Example: lamina render song.wav thin.wav --kbps 3. Exit codes: "
        + "; ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items())
        + ".",
    )
    parser.set_defaults(run=None)
    parser.add_argument("--version", action="store_const", dest="run", const=_version, help="show the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    # The manual page and what completes commands are made of all of them.
    first = arguments[0] if arguments and arguments[0] not in ("completion", "man") else None
    _declare(commands, parser, first)
    if not commands.choices:
        _declare(commands, parser, None)
    return parser


def _declare(commands: Any, parser: argparse.ArgumentParser, alone: str | None) -> None:
    """Declare all commands, or only those of the module that declares the one called `alone`."""

    def is_wanted(*names: str) -> bool:
        return alone is None or alone in names

    if is_wanted("app"):
        app = commands.add_parser(
            "app", help="open the desktop app", description="Open the desktop app, with a sound file or the demo item."
        )
        app.add_argument("file", nargs="?", type=Path, metavar="FILE", help=f"{readable()} or lamina")
        app.add_argument("--model", metavar="NAME", help=MODEL_HELP)
        app.set_defaults(run=_app)
    if is_wanted("render"):
        from lamina.cli.render import add_render_command

        add_render_command(commands)
    if is_wanted("encode", "decode", "inspect"):
        from lamina.cli.codes import add_codes_commands

        add_codes_commands(commands)
    if is_wanted("compare"):
        from lamina.cli.comparing.compare import add_compare_command

        add_compare_command(commands)
    if is_wanted("live", "devices"):
        from lamina.cli.live import add_live_commands

        add_live_commands(commands)
    if is_wanted("line"):
        from lamina.cli.line.line import add_line_command

        add_line_command(commands)
    if is_wanted("listen"):
        from lamina.cli.listening.listen import add_listen_command

        add_listen_command(commands)
    if is_wanted("info", "presets", "rivals"):
        from lamina.cli.info import add_info_commands

        add_info_commands(commands)
    if is_wanted("models"):
        from lamina.cli.models import add_models_command

        add_models_command(commands)
    if is_wanted("train"):
        from lamina.cli.training.train import add_train_command

        add_train_command(commands)
    if is_wanted("data"):
        from lamina.cli.data import add_data_command

        add_data_command(commands)
    if is_wanted("completion", "man"):
        from lamina.cli.shell import add_shell_commands

        add_shell_commands(commands, parser)


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


if __name__ == "__main__":
    sys.exit(main())
