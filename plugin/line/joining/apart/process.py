"""The process of one line: it is told what to do over a pipe, tells how the line stands, and ends with it.

    in   {"id": 1, "do": "begin", "with": {"order": …}}
    in   {"id": 2, "do": "wish", "with": {"name": "is_muted", "value": true}}
    in   {"id": 3, "do": "leave", "with": {}}
    out  {"reply": 2, "result": null}  or  {"reply": 2, "error": "…"}
    out  {"event": "view", "view": …}

Started with two file descriptors: the pipe, and the memory that what is heard is shown in. When the pipe closes the app
has gone: the line is ended in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from lamina.plugin.host.engine.realtime import prepare_process
from lamina.plugin.host.wire.telemetry import TelemetryWriter
from lamina.plugin.line.joining.apart.holding import HeldLine
from lamina.plugin.line.joining.apart.order import line_order
from lamina.plugin.line.joining.apart.shown import ShownSound
from lamina.plugin.line.joining.apart.view import LineView

COLLECT_SECONDS = 1.0


def main(arguments: list[str]) -> NoReturn:
    """Hold one line; ends the process."""
    connection, telemetry = Connection(int(arguments[0])), int(arguments[1])
    # Ctrl-C in a terminal reaches the whole group; the app decides when the line ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_LineProcess(connection, telemetry).serve())
    sys.stderr.flush()
    # Without PortAudio's own exit handlers: they wait for, or abort over, a sound server that may be gone for good.
    os._exit(0)


class _LineProcess:
    def __init__(self, connection: Connection, telemetry: int) -> None:
        self._connection = connection
        self._shown = ShownSound(TelemetryWriter(telemetry))
        self._line: HeldLine | None = None
        self._begun = asyncio.Event()

    async def serve(self) -> None:
        """Return when the line has ended, or when the app has gone before it began."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop.call_soon_threadsafe,), daemon=True).start()
        await self._begun.wait()
        if self._line is None:
            return
        keeping = asyncio.ensure_future(_keep_in_order())
        await self._line.hold()
        keeping.cancel()

    def _read(self, call: Callable[..., Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the line
            try:
                while True:
                    call(self._carry_out, json.loads(self._connection.recv_bytes()))
            except (EOFError, OSError):
                call(self._leave)

    def _carry_out(self, message: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"reply": message["id"], "result": None}
        try:
            self._do(message["do"], message["with"])
        except Exception as error:  # whatever was asked for: the line goes on, and the app says it
            answer = {"reply": message["id"], "error": str(error) or type(error).__name__}
        self._send(answer)

    def _do(self, command: str, sent: dict[str, Any]) -> None:
        if command in ("leave", "quit"):
            self._leave()
        elif command == "begin":
            self._line = HeldLine(line_order(sent["order"]), self._shown, self._tell)
            self._begun.set()
        elif self._line is not None:
            self._line.wishes[sent["name"]](sent["value"])

    def _leave(self) -> None:
        if self._line is not None:
            self._line.leave()
        self._begun.set()

    def _tell(self, view: LineView) -> None:
        self._send({"event": "view", "view": view.document()})

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the app has gone, which the reading thread sees
            self._connection.send_bytes(json.dumps(message).encode())


async def _keep_in_order() -> None:
    """No collector of garbage at a moment of its own choosing; what little comes is collected once a second."""
    prepare_process()
    while True:
        await asyncio.sleep(COLLECT_SECONDS)
        gc.collect()


if __name__ == "__main__":
    main(sys.argv[1:])
