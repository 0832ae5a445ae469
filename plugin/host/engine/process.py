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
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from lamina.plugin.documents.boards import build_board
from lamina.plugin.host.device.device_settings import device_settings
from lamina.plugin.host.engine.engine import Engine, Event
from lamina.plugin.host.live_board.boards import BOARDS
from lamina.plugin.host.wire.exit_codes import REPLACE_ME
from lamina.plugin.host.wire.telemetry import TelemetryWriter

TURN_SECONDS = 0.05

Command = Callable[..., Any]


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
        engine = self._engine
        self._commands: dict[str, Command] = {
            "restore": self._restore,
            "devices": lambda settings: engine.set_devices(device_settings(settings)),
            "live": lambda on: engine.set_live(bool(on)),
            "board": lambda name, board: engine.set_board(_board_name(name), build_board(board)),
            "choose_board": lambda name: engine.choose_board(_board_name(name)),
            "parameters": lambda name, path, values: engine.set_parameters(_board_name(name), path, values),
            "bypass": lambda index, on: engine.set_bypass(int(index), bool(on)),
            "slots": engine.slots,
            "load": lambda path: engine.load(Path(path)),
            "unload": engine.unload,
            "play": lambda: engine.player.play(),
            "pause": lambda: engine.player.pause(),
            "stop": lambda: engine.player.stop(),
            "seek": lambda seconds: engine.player.seek(float(seconds)),
            "loop": lambda seconds: engine.set_loop(_loop(seconds)),
            "tone": lambda on: engine.set_tone(bool(on)),
            "record": lambda path: engine.record(Path(path)),
            "stop_recording": engine.stop_recording,
            "calibrate": engine.calibrate,
            "ping": lambda: None,
            "shrink_margin": engine.shrink_margin,
            "latency": engine.latency,
            "quit": self._quit,
        }

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
        command = self._commands[message["do"]]
        if message["do"] == "calibrate":
            # It listens for seconds, and the engine must be looked after meanwhile.
            threading.Thread(target=self._answer, args=(message, command), name="lamina-calibration", daemon=True).start()
        else:
            self._answer(message, command)

    def _answer(self, message: dict[str, Any], command: Command) -> None:
        answer: dict[str, Any] = {"reply": message["id"]}
        try:
            answer["result"] = command(**message["with"])
        except Exception as error:
            # Whatever a device, a file or a plugin raised: the sound goes on, and the app says it.
            answer["error"] = str(error) or type(error).__name__
        # What it brought about is known before the answer is.
        self._engine.tell_events()
        self._send(answer)

    def _restore(self, wishes: dict[str, Any]) -> list[str]:
        """Everything at once, after a restart: as much as can be had, and sentences about the rest."""
        engine, troubles = self._engine, []

        def attempt(work: Callable[[], Any]) -> bool:
            try:
                work()
            except Exception as error:
                troubles.append(str(error) or type(error).__name__)
                return False
            return True

        for name, board in wishes.get("boards", {}).items():
            attempt(lambda name=name, board=board: engine.set_board(_board_name(name), build_board(board)))  # type: ignore[misc]
        for name, indices in wishes.get("bypassed", {}).items():
            engine.boards.bypass_from_now_on(_board_name(name), set(indices))
        engine.choose_board(_board_name(wishes.get("board", BOARDS[0])))
        engine.prefer(device_settings(wishes.get("devices", {})), bool(wishes.get("live")), wishes.get("margin_samples"))
        clip = wishes.get("clip")
        if clip and attempt(lambda: engine.load(Path(clip["path"]))):
            attempt(lambda: engine.set_loop(_loop(clip.get("loop"))))
            attempt(lambda: engine.player.seek(float(clip.get("seconds", 0.0))))
            if clip.get("is_playing"):
                attempt(engine.player.play)
        if wishes.get("opens", True):
            attempt(engine.ensure_open)
        if wishes.get("tone"):
            attempt(lambda: engine.set_tone(True))
        if wishes.get("record"):
            attempt(lambda: engine.record(Path(wishes["record"])))
        return troubles

    def _quit(self) -> None:
        self._is_over = True

    def _send(self, message: Event) -> None:
        with self._sending:
            self._connection.send_bytes(json.dumps(message).encode())


def _board_name(name: object) -> str:
    if name not in BOARDS:
        raise ValueError(f"There is no board {name!r}; the boards are {' and '.join(BOARDS)}.")
    return str(name)


def _loop(seconds: Any) -> tuple[float, float] | None:
    return None if seconds is None else (float(seconds[0]), float(seconds[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
