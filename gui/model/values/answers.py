"""Answers of the engine, brought from the thread they come on to the app's own."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lamina.plugin.host.client.process_handle import EngineGoneError

Done = Callable[[Any], object]
Failed = Callable[[str], object]


class Answers:
    """Nobody waits for the engine: `expect` returns at once, and `deliver` calls back in the thread that calls it.

    Args:
        refused: called with the sentence of a refusal that nobody else takes. An engine that ended is no refusal: it is
            replaced, and what was wanted of it is asked of the next one.

    Attributes are the arguments.
    """

    def __init__(self, refused: Callable[[str], object]) -> None:
        self.refused = refused
        self._arrived: queue.SimpleQueue[tuple[Future[Any], Done | None, Failed | None]] = queue.SimpleQueue()

    def expect(self, answer: Future[Any], done: Done | None = None, failed: Failed | None = None) -> None:
        """Have `done` called with the answer, or `failed` with the refusal's sentence, at a later `deliver`.

        The sentence is empty where the engine ended.
        """
        answer.add_done_callback(lambda arrived: self._arrived.put((arrived, done, failed)))

    def deliver(self) -> None:
        """Call back for everything that has arrived, in its order."""
        while not self._arrived.empty():
            answer, done, failed = self._arrived.get()
            error = answer.exception()
            if error is None:
                if done is not None:
                    done(answer.result())
            else:
                sentence = "" if isinstance(error, EngineGoneError) else str(error)
                if failed is not None:
                    failed(sentence)
                elif sentence:
                    self.refused(sentence)
