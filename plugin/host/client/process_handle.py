"""A process as its app holds it: started, spoken to without waiting, and known to be dead as soon as it is."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from lamina.models.json_files import json_text

END_SECONDS = 3.0


class EngineError(RuntimeError):
    """The engine refused a command; the message says why."""


class EngineGoneError(EngineError):
    """The engine ended before it answered."""


class ProcessHandle:
    """Args:
    module: what the process runs: it is given the file descriptors of its end of the pipe and of that memory.
    telemetry: file descriptor of the memory that the process writes to.
    on_event: called with each event, on this handle's own thread.
    on_end: called there with the exit code once the process has ended, unless it was closed.
    name: of the threads that look after it: lamina-NAME-reader, lamina-NAME-writer.
    """

    def __init__(
        self,
        module: str,
        telemetry: int,
        on_event: Callable[[dict[str, Any]], None],
        on_end: Callable[[int], None],
        name: str = "engine",
    ) -> None:
        self._on_event, self._on_end = on_event, on_end
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._n_sent = 0
        self._is_over = False
        self._outbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._connection, theirs = Pipe()
        # -P: what lies in the folder the app was started from must not be taken for a module.
        command = [sys.executable, "-P", "-m", module, str(theirs.fileno()), str(telemetry)]
        # One thread for each product of matrices: it shares the machine. And no sound server is started behind
        # anybody's back.
        environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "JACK_NO_START_SERVER": "1", **os.environ}
        # In a session of its own: a terminal's Ctrl-C is for the app, which ends the engine in order.
        self._process = subprocess.Popen(
            command,
            pass_fds=(theirs.fileno(), telemetry),
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        theirs.close()
        self._reader, self._writer = (
            threading.Thread(target=turn, args=(self._connection,), name=f"lamina-{name}-{what}", daemon=True)
            for turn, what in ((self._read, "reader"), (self._write, "writer"))
        )

    def start(self) -> None:
        """Begin to listen."""
        self._reader.start()
        self._writer.start()

    @property
    def process_id(self) -> int:
        """Of the system."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def send(self, command: str, **values: Any) -> Future[Any]:
        """Ask for a command; never waits. The future brings the answer, EngineError or EngineGoneError."""
        answer: Future[Any] = Future()
        with self._lock:
            if self._is_over:
                answer.set_exception(EngineGoneError("The engine has ended."))
                return answer
            self._n_sent += 1
            self._waiting[self._n_sent] = answer
            # A curve of a hundred thousand points takes a while to be written as text: who asks doesn't wait for it.
            self._outbox.put({"id": self._n_sent, "do": command, "with": _as_it_is_now(values)})
        return answer

    def kill(self) -> None:
        """End the process at once; `on_end` follows."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def close(self) -> None:
        """End the process in order, or at once if it doesn't; returns when it is gone, and nothing is called after."""
        quitting = self.send("quit")
        self._on_end = lambda _code: None
        with contextlib.suppress(EngineError, TimeoutError):
            quitting.result(END_SECONDS)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in (self._reader, self._writer):
            if thread is not threading.current_thread():
                thread.join(END_SECONDS)

    def _read(self, connection: Connection) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._receive(json.loads(connection.recv_bytes()))
        # The pipe closes when the process ends; one that closed it and stays is of no use.
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._outbox.put(None)
        with self._lock:
            self._is_over = True
            waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.set_exception(EngineGoneError("The engine ended before it answered."))
        self._on_end(code)

    def _receive(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self._on_event(message)
            return
        with self._lock:
            answer = self._waiting.pop(message["reply"])
        if "error" in message:
            answer.set_exception(EngineError(message["error"]))
        else:
            answer.set_result(message["result"])

    def _write(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):
            while (message := self._outbox.get()) is not None:
                try:
                    text = json_text(message)
                except (TypeError, ValueError) as error:
                    with self._lock:
                        answer = self._waiting.pop(message["id"], None)
                    if answer is not None:
                        answer.set_exception(EngineError(f"{message['do']} can't be asked of the engine: {error}"))
                    continue
                connection.send_bytes(text.encode())


def _as_it_is_now(value: Any) -> Any:
    """A copy of plain values that no later change reaches; long lists of numbers are copied in one go."""
    if isinstance(value, dict):
        return {name: _as_it_is_now(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        is_of_numbers = bool(value) and isinstance(value[0], bool | int | float)
        return list(value) if is_of_numbers else [_as_it_is_now(item) for item in value]
    return value
