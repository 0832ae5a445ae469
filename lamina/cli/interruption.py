"""Signals that end a command: what it was writing must not stay behind half written."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def signals_end_it_cleanly() -> Iterator[None]:
    """Being told to end, or losing the terminal, unwinds the command, so that its temporary file goes."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        # A signal that is ignored (nohup) stays so.
        before = {
            number: signal.signal(number, end) for number in numbers if signal.getsignal(number) is not signal.SIG_IGN
        }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
