"""Signals that end a command: what it was writing must not stay behind half written, and none may get lost."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


class Interruption:
    """Whether the command was told to end: by Ctrl-C, by a signal, or because its terminal is gone.

    A signal's handler raises, which unwinds the command. Python drops what is raised while it runs a finalizer or a
    callback that a library in C called, so work that takes long also asks, block by block.
    """

    def __init__(self) -> None:
        self._told: int | None = None

    def end(self, number: int, _frame: object) -> None:
        """The handler of a signal that ends the command."""
        self._told = number
        self.check()

    def check(self) -> None:
        """Raises KeyboardInterrupt or SystemExit, as the signal's handler did, if the command was told to end."""
        if self._told == signal.SIGINT:
            raise KeyboardInterrupt
        if self._told is not None:
            raise SystemExit(128 + self._told)


@contextlib.contextmanager
def signals_end_it_cleanly() -> Iterator[Interruption]:
    """Ctrl-C, being told to end, or losing the terminal unwinds the command, so that its temporary files go."""
    interruption = Interruption()
    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        # A signal that is ignored (nohup, a job in the background) stays so.
        before = {
            number: signal.signal(number, interruption.end)
            for number in numbers
            if signal.getsignal(number) is not signal.SIG_IGN
        }
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
