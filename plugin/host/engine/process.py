"""The engine's process: commands come in over a pipe as JSON, answers and events go out, and it ends when its app does.

    in   {"id": 7, "do": "seek", "with": {"seconds": 3.2}}
    out  {"reply": 7, "result": null}  or  {"reply": 7, "error": "…"}
    out  {"event": "message", "text": "…", "is_error": true}

Started by `LiveEngine` with two file descriptors: the pipe, and the memory that telemetry is written to.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from lamina.plugin.host.engine.commands import COMMANDS, restore
from lamina.plugin.host.engine.engine import Engine, Event
from lamina.plugin.host.wire.exit_codes import REPLACE_ME
from lamina.plugin.host.wire.telemetry import TelemetryWriter

TURN_SECONDS = 0.05


def main(arguments: list[str]) -> NoReturn:
    """Serve until the pipe closes or "quit" comes; ends the process."""
    connection, telemetry = Connection(int(arguments[0])), int(arguments[1])
    # Ctrl-C in a terminal reaches the whole group; the app decides when the engine ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = EngineProcess(connection, telemetry).serve()
    sys.stderr.flush()
    # Without PortAudio's own exit handlers: they wait for, or abort over, a sound server that may be gone for good.
    os._exit(code)


class EngineProcess:
    """Carries out commands one after another, and looks after the engine in between."""

    def __init__(self, connection: Connection, telemetry: int) -> None:
        self._connection = connection
        self._engine = Engine(TelemetryWriter(telemetry), self._send)
        self._sending = threading.Lock()
        self._is_over = False

    def serve(self) -> int:
        """Returns the exit code."""
        try:
            while not self._is_over:
                if self._connection.poll(TURN_SECONDS):
                    self._carry_out(json.loads(self._connection.recv_bytes()))
                self._engine.watch()
                if self._engine.needs_new_process:
                    return self._make_way()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass  # the app has gone
        self._engine.close()
        return 0

    def _make_way(self) -> int:
        self._engine.close()
        self._engine.watch()
        self._send({"event": "replace", "reason": self._engine.needs_new_process})
        return REPLACE_ME

    def _carry_out(self, message: dict[str, Any]) -> None:
        command = COMMANDS.get(message["do"])
        if command is not None and command.is_long:
            threading.Thread(target=self._answer, args=(message,), name=f"lamina-{message['do']}", daemon=True).start()
        else:
            self._answer(message)

    def _answer(self, message: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"reply": message["id"]}
        try:
            answer["result"] = self._done(message["do"], message["with"])
        except Exception as error:
            # Whatever a device, a file or a plugin raised: the sound goes on, and the app says it.
            answer["error"] = str(error) or type(error).__name__
        # What it brought about is known before the answer is.
        self._engine.tell_events()
        self._send(answer)

    def _done(self, name: str, sent: dict[str, Any]) -> Any:
        """The answer to a command; two are about the process itself."""
        if name == "restore":
            return restore(self._engine, sent["wishes"])
        if name == "quit":
            self._is_over = True
            return None
        return COMMANDS[name].carry_out(self._engine, sent)

    def _send(self, message: Event) -> None:
        with self._sending:
            self._connection.send_bytes(json.dumps(message).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
