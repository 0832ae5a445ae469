"""Keys of a terminal, one by one, and the one line that is written over and over."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import sys
from collections.abc import Callable, Iterator

TURN_SECONDS = 0.1
CLEARED = "\r\x1b[K"
"""Back to the line's start, with nothing in it (ECMA-48)."""
UP, DOWN, RIGHT, LEFT = (f"\x1b[{letter}" for letter in "ABCD")
RETURN = ("\r", "\n")
ENDINGS = ("q", "\x03", "\x04", "")
"""Q, Ctrl-C, Ctrl-D, and a terminal that went away."""


def next_key(is_alive: Callable[[], bool]) -> str | None:
    """The next key, as the terminal sends it, in small letters; None once nothing is alive that would heed it."""
    while is_alive():
        ready, _, _ = select.select([sys.stdin.fileno()], [], [], TURN_SECONDS)
        if ready:
            sent = os.read(sys.stdin.fileno(), 1)
            if sent == b"\x1b" and select.select([sys.stdin.fileno()], [], [], TURN_SECONDS)[0]:
                return (sent + os.read(sys.stdin.fileno(), 2)).decode("ascii", "replace")
            return sent.decode("ascii", "replace").lower()
    return None


@contextlib.contextmanager
def single_keys() -> Iterator[None]:
    """Keys come one by one, unseen; Ctrl-C is one of them, so that it ends the test in order."""
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    changed = termios.tcgetattr(number)
    changed[3] &= ~termios.ISIG
    termios.tcsetattr(number, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def show_line(text: str) -> None:
    """Write this in the place of the line before, as much of it as fits."""
    sys.stdout.write(CLEARED + text[: shutil.get_terminal_size().columns - 1])
    sys.stdout.flush()
