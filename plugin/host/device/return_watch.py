"""Looks for a device that has gone, until it is back."""

from __future__ import annotations

import threading
from collections.abc import Callable

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 8.0
PAUSE_GROWTH = 1.1


class ReturnWatch:
    """Asks `is_there` every few moments in a thread of its own; it may take its time and raise OSError for no."""

    def __init__(self, is_there: Callable[[], bool]) -> None:
        self._is_there = is_there
        self.is_back = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lamina-device-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()

    def _run(self) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        while not self._closed.wait(pause):
            # What doesn't come back soon is asked for less often: every question costs a process.
            pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
            try:
                self.is_back = self._is_there()
            except OSError:
                continue
            if self.is_back:
                return
