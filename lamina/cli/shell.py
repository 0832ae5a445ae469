"""`lamina completion` and `lamina man`: what a shell and `man` need to know, made of the parsers themselves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from lamina.cli.answers import DONE, REFUSED
from lamina.plugin.extras import missing_extra

SHELLS = ("bash", "zsh", "fish")


def add_shell_commands(commands: Any, parser: argparse.ArgumentParser) -> None:
    """Declare both; `parser` is the whole command line's."""
    completion = commands.add_parser(
        "completion",
        help="print what completes commands and options in a shell",
        description="Print a script with which a shell completes Lamina's commands, options and file names.",
        epilog="Example: lamina completion bash > ~/.local/share/bash-completion/completions/lamina",
    )
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(run=partial(_completion, parser))
    man = commands.add_parser(
        "man",
        help="print the manual page",
        description="Print the manual page: every command and option, as --help tells them.",
        epilog="Example: lamina man > ~/.local/share/man/man1/lamina.1",
    )
    man.set_defaults(run=partial(_man, parser))


def _completion(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError as error:
        print(f"lamina: {missing_extra('Completion', 'shell', error)}", file=sys.stderr)
        return REFUSED
    for action in _actions(parser):
        if action.metavar == "DIR":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.type is not None and action.type not in (int, float):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, options.shell))
    return DONE


def _man(parser: argparse.ArgumentParser, _options: argparse.Namespace) -> int:
    try:
        from argparse_manpage.manpage import Manpage
    except ImportError as error:
        print(f"lamina: {missing_extra('The manual page', 'shell', error)}", file=sys.stderr)
        return REFUSED
    from lamina import __version__

    data = {
        "project_name": "lamina",
        "version": __version__,
        "manual_title": "Lamina",
        "description": "neural audio codec",
    }
    print(Manpage(parser, data, format="single-commands-section"))
    return DONE


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every option and argument of every command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
        else:
            yield action
