"""Slow things beside the window: one worker thread, jobs in order, results back in Qt's thread."""

import queue
import threading
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal


class Background(QObject):
    """Runs jobs one after another. After `close`, no result is delivered any more."""

    _finished = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: queue.Queue[Any] = queue.Queue()
        self._is_closed = False
        self._n_waiting = 0
        self._thread: threading.Thread | None = None
        # Emitted in the worker, received in this object's thread: Qt queues it by itself.
        self._finished.connect(self._deliver)

    @property
    def is_busy(self) -> bool:
        """Whether a result is still to come."""
        return self._n_waiting > 0

    @property
    def is_closed(self) -> bool:
        """Whether nobody waits for results any more: a long job asks, and gives up."""
        return self._is_closed

    def run(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Runs work in the worker and hands its end to Qt's thread.

        `done` gets its result there, or `failed` its exception.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="lamina-background", daemon=True)
            self._thread.start()
        self._n_waiting += 1
        self._jobs.put((work, done, failed))

    def close(self) -> None:
        """Waits for the running job, forgets the others."""
        self._is_closed = True
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._is_closed:
                continue
            work, done, failed = job
            try:
                result = work()
            except Exception as error:
                self._finished.emit((failed, error))
            else:
                self._finished.emit((done, result))

    def _deliver(self, answer: tuple[Callable[[Any], None], Any]) -> None:
        self._n_waiting -= 1
        if not self._is_closed:
            callback, result = answer
            callback(result)
