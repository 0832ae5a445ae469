"""Slow work beside the app: one thread, jobs in order, results brought back to whoever asks for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any


class Work:
    """Does jobs one after another on a thread of its own; `deliver` calls back in the thread that calls it.

    Args:
        name: of the thread.
        wake: called there when a result is ready, so that nobody needs to ask again and again.
    """

    def __init__(self, name: str, wake: Callable[[], object] = lambda: None) -> None:
        self._name, self._wake = name, wake
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nobody waits for results any more: a long job asks, and gives up."""
        return self._is_closed

    def run(self, job: Callable[[], Any], done: Callable[[Any], object], failed: Callable[[Exception], object]) -> None:
        """Do `job` some time, then have `done` called with its result, or `failed` with its exception."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=f"lamina-{self._name}", daemon=True)
            self._thread.start()
        self._jobs.put((job, done, failed))

    def deliver(self) -> None:
        """Call back for everything that has been done."""
        while not self._results.empty():
            self._results.get()()

    def close(self, patience: float | None = None) -> None:
        """Wait for the job that runs, forget the others.

        `patience` bounds the wait, in seconds, for jobs that can't be ended and leave nothing half done: the thread
        ends with the job, or with the program.
        """
        self._is_closed = True
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(patience)
            self._thread = None

    def _serve(self) -> None:
        while (asked := self._jobs.get()) is not None:
            if self._is_closed:
                continue
            job, done, failed = asked
            try:
                result = job()
            except Exception as error:
                self._results.put(partial(failed, error))
            else:
                self._results.put(partial(done, result))
            self._wake()
