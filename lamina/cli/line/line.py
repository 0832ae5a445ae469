"""`lamina line offer | join | send | receive`: an encoder here and a decoder there, joined over a network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lamina.cli.answers import REFUSED, told
from lamina.cli.line.ends import add_end_options, ends_of


def add_line_command(commands: Any) -> None:
    """Declare the command and its parts."""
    line = commands.add_parser(
        "line",
        help="send sound to another machine, live, and hear it from there",
        description="Join two machines: what the codec makes here is decoded there. One end offers the line, which "
        "prints an invitation of one line; the other end joins with it. Everything is encrypted, and nobody without "
        "the invitation gets in. A line is offered on this machine alone unless --listen says otherwise.",
        epilog="Examples: lamina line offer --listen 192.168.1.20 --kbps 6 --name Ada · lamina line join "
        "'lamina-line:1/…' --name Ben · lamina line send song.wav · lamina line receive heard.wav --from "
        "'lamina-line:1/…'",
    )
    parts = line.add_subparsers(title="commands", metavar="COMMAND", required=True)

    offered = parts.add_parser(
        "offer",
        help="offer a line and wait for the other end",
        description="Offer a line, print its invitation, and talk with who joins, both ways, until Ctrl-C.",
    )
    _add_offering(offered)
    _add_files(offered)
    add_end_options(offered, sends=True, hears=True)
    offered.set_defaults(run=lambda options: _run(options, options.source, options.sink, None))

    joined = parts.add_parser(
        "join",
        help="join a line that was offered",
        description="Join a line with the invitation that its other end printed, and talk both ways until Ctrl-C.",
    )
    joined.add_argument("invitation", metavar="INVITATION", help="the line that `lamina line offer` printed, in quotes")
    _add_address(joined)
    _add_files(joined)
    add_end_options(joined, sends=True, hears=True)
    joined.set_defaults(run=lambda options: _run(options, options.source, options.sink, options.invitation))

    sent = parts.add_parser(
        "send",
        help="send a sound file, or the input, and hear nothing",
        description="Send a sound file in the time that it lasts, or the sound device's input, and hear nothing. "
        "Without --to a line is offered.",
    )
    sent.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a sound file; default: the device's input")
    sent.add_argument("--to", metavar="INVITATION", help="join this line instead of offering one")
    _add_address(sent)
    _add_offering(sent)
    add_end_options(sent, sends=True, hears=False)
    sent.set_defaults(run=lambda options: _run(options, options.file, None, options.to, hears=False))

    received = parts.add_parser(
        "receive",
        help="hear, or record, what the other end sends",
        description="Hear what the other end sends, or record it to a new wav or flac file. Without --from a line is "
        "offered.",
    )
    received.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a new file; default: the device's output")
    received.add_argument("--from", dest="origin", metavar="INVITATION", help="join this line instead of offering one")
    _add_address(received)
    _add_offering(received)
    add_end_options(received, sends=False, hears=True)
    received.set_defaults(run=lambda options: _run(options, None, options.file, options.origin, sends=False))


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", type=Path, metavar="FILE", help="send a sound file instead of the device's input")
    parser.add_argument("--sink", type=Path, metavar="FILE", help="record to a new wav or flac file instead of playing")


def _add_offering(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        metavar="ADDRESS",
        help="the address of this machine at which the other end can reach it, or 0.0.0.0 for all; default 127.0.0.1, "
        "which is this machine alone",
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help="TCP and UDP port, for firewalls and routers; default: any that is free"
    )


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--address", metavar="HOST:PORT", help="go there instead of where the invitation says, for example to a router"
    )


def _run(
    options: argparse.Namespace,
    source: Path | None,
    sink: Path | None,
    invitation: str | None,
    sends: bool = True,
    hears: bool = True,
) -> int:
    offers = invitation is None
    for name in ("listen", "port") if not offers else ("address",):
        if getattr(options, name, None) is not None:
            where = "a line that is joined" if not offers else "a line that is offered"
            raise ValueError(f"--{name} means nothing for {where}; leave it out.")
    from lamina.cli.line.session import run_session
    from lamina.plugin.line.joining.invitation import parse_address, parse_invitation
    from lamina.plugin.line.joining.transport import load_network

    found = None
    if invitation is not None:
        found = parse_invitation(invitation)
        if options.address is not None:
            found = found.at(parse_address(options.address, found.addresses[0].port))
    ends = ends_of(options, source, sink, sends, hears)
    try:
        load_network()
    except ImportError as error:
        print(told(error), file=sys.stderr)
        return REFUSED
    return run_session(options, ends, found)
