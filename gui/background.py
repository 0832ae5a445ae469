"""Slow things beside the window: one worker thread, jobs in order, results back in Qt's thread."""

from collections.abc import Callable
from functools import partial
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from lamina.gui.model.work import Work


class Background(QObject):
    """Runs jobs one after another. After `close`, no result is delivered any more."""

    _ready = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # Emitted in the worker, received in this object's thread: Qt queues it by itself.
        self._work = Work("background", self._ready.emit)
        self._ready.connect(self._deliver)
        self._n_waiting = 0

    @property
    def is_busy(self) -> bool:
        """Whether a result is still to come."""
        return self._n_waiting > 0

    @property
    def is_closed(self) -> bool:
        """Whether nobody waits for results any more: a long job asks, and gives up."""
        return self._work.is_closed

    def run(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Runs work in the worker and hands its end to Qt's thread.

        `done` gets its result there, or `failed` its exception.
        """
        self._n_waiting += 1
        self._work.run(work, partial(self._end, done), partial(self._end, failed))

    def close(self) -> None:
        """Waits for the running job, forgets the others."""
        self._work.close()

    def _deliver(self) -> None:
        if not self._work.is_closed:
            self._work.deliver()

    def _end(self, callback: Callable[[Any], None], result: Any) -> None:
        self._n_waiting -= 1
        callback(result)
