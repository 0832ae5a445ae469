"""What is typed, or piped in, while a line runs: parameters and devices, one change a line."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from lamina.cli.answers import shown
from lamina.cli.line.ends import SENDING, buffer_ms_of
from lamina.cli.options import DECODING, Use

if TYPE_CHECKING:
    from lamina.plugin.line.joining.peer import Peer
    from lamina.plugin.line.receiver import LineReceiver
    from lamina.plugin.neural_codec import NeuralCodec

SENDING_ALREADY = Use(
    SENDING.ignored | {"stereo", "passes"},
    "it shapes what the other end does, or holds for a whole line",
)
LONGEST_LINE = 4096
KINDS = "NAME=VALUE, hear NAME=VALUE, mute, unmute, frames N, jitter-buffer MS, input DEVICE, output DEVICE, or end"


def read_lines(take: Callable[[str], None]) -> None:
    """Call `take` in this event loop with each line of standard input, which is read in a thread of its own."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        rest = b""
        try:
            # Not by way of the buffer, whose lock a thread that still reads holds when Python ends.
            number = sys.stdin.fileno()
            while (data := os.read(number, LONGEST_LINE)) and len(rest) < LONGEST_LINE:
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    loop.call_soon_threadsafe(take, line.decode("utf-8", "replace"))
        except (AttributeError, RuntimeError, ValueError, OSError):  # the line has ended, or there is nothing to read
            return

    threading.Thread(target=read, name="lamina-line-control", daemon=True).start()


async def change(peer: Peer, line: str) -> str:
    """Make the change that a line asks for; returns what was changed as a sentence.

    Raises ValueError, TypeError or OSError with a sentence before anything has changed.
    """
    word, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if word in ("input", "output") and rest:
        await peer.change_devices(peer.settings.devices.changed(**{word: rest}))
        return f"The {word} is {shown(rest)}."
    if word in ("mute", "unmute") and not rest:
        _check_sends(peer, "there is nothing to mute")
        peer.mute(word == "mute")
        return "Silence is sent." if word == "mute" else "What is sent is heard again."
    if word == "frames" and rest:
        _check_sends(peer, "no packets are made")
        peer.use_frames_per_packet(int(rest) if rest.isdecimal() else 0)
        return f"{rest} of its frames travel together."
    if word == "jitter-buffer" and rest:
        peer.use_buffer(buffer_ms_of(rest))
        return f"The jitter buffer is {rest}{'' if rest == 'auto' else ' ms'}."
    if word == "hear" and "=" in rest:
        return _set(peer.hearing, rest, DECODING, peer.receiver)
    if "=" in line and word != "hear":
        _check_sends(peer, "`hear NAME=VALUE` changes what is heard")
        return _set(peer.codec, line.strip(), SENDING_ALREADY, None)
    raise ValueError(f"{shown(line.strip())!r} changes nothing; give {KINDS}.")


def _check_sends(peer: Peer, otherwise: str) -> None:
    if peer.sender is None:
        raise ValueError(f"Nothing is sent from here; {otherwise}.")


def _set(codec: NeuralCodec, assignment: str, use: Use, receiver: LineReceiver | None) -> str:
    name, _, text = (part.strip() for part in assignment.partition("="))
    value = codec.settings.parameter(name).parse(text)
    if name in use.ignored:
        raise ValueError(f"{name} does nothing here: {use.reason}.")
    settings = codec.settings.with_value(name, value)
    if receiver is not None and not receiver.takes(settings):
        raise ValueError(f"{name} can't begin to work in the middle of a line; give it to --hear when it begins.")
    codec.set_parameters({name: value})
    return f"{'Sent' if receiver is None else 'Heard'} with {name}={shown(text)}."
