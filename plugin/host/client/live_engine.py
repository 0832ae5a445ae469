"""`LiveEngine`: the engine as an app or a script sees it. It runs in a process of its own and is replaced when it dies.

What was asked for last (devices, boards, file, place, loop, recording) is kept on this side, so that a new process goes
on where the old one ended.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from lamina.plugin.board import Board
from lamina.plugin.documents.boards import AllowVst3, check_vst3
from lamina.plugin.host.client.granted import Wishes
from lamina.plugin.host.client.process_handle import EngineGoneError, ProcessHandle
from lamina.plugin.host.device.device_settings import DeviceSettings, device_settings
from lamina.plugin.host.engine.commands import COMMANDS
from lamina.plugin.host.recording.next_take import next_take
from lamina.plugin.host.transport.comparison import ComparedFiles
from lamina.plugin.host.wire.exit_codes import REPLACE_ME
from lamina.plugin.host.wire.telemetry import TelemetryReader, make_shared_file

CHECK_SECONDS = 1.0
STILL_SECONDS, UNANSWERED_SECONDS = 3.0, 6.0
"""An engine whose sound stands still for so long and who doesn't answer for so long is ended and replaced."""
SHORTEST_LIFE_SECONDS, MOST_EARLY_DEATHS = 5.0, 3


class LiveEngine:
    """Starts the engine's process and looks after it.

    Methods may be called from any thread and return at once, with a `Future` of the engine's answer (EngineError if it
    refuses, EngineGoneError if it ended meanwhile).

    Args:
        wishes: what to begin with, as `wishes()` of an earlier one returned it.
        opens: whether to open the sound device at once, or at the first command that needs it.
        allow_vst3: whether the boards in `wishes` may load VST3 plugins, as for `build_board`. What `set_board` is
            given may.

    Raises BoardDocumentError for a plugin that isn't allowed.
    """

    def __init__(self, wishes: dict[str, Any] | None = None, opens: bool = True, allow_vst3: AllowVst3 = False) -> None:
        for document in ((wishes or {}).get("boards") or {}).values():
            check_vst3(document, allow_vst3)
        self._memory = make_shared_file()
        self.telemetry = TelemetryReader(self._memory)
        self.n_restarts = 0
        self._wishes = Wishes({"opens": opens, **(wishes or {})})
        self._lock = threading.RLock()
        self._events: deque[dict[str, Any]] = deque(maxlen=1000)
        self._closing = threading.Event()
        self._n_early_deaths = 0
        self._cut_take: Path | None = None  # what was being recorded when the engine ended
        self._handle = self._start(self._wishes.document())
        self._watchdog = threading.Thread(target=self._watch, name="lamina-engine-watchdog", daemon=True)
        self._watchdog.start()

    # What is wanted.

    def set_devices(self, settings: DeviceSettings) -> Future[Any]:
        """Use these devices."""
        return self._send("devices", settings=settings)

    @property
    def devices(self) -> DeviceSettings:
        """The devices that are wanted."""
        return device_settings(self._wishes.get("devices", {}))

    def set_live(self, is_live: bool) -> Future[Any]:
        """Let the live input through the board, or no longer."""
        return self._send("live", on=is_live)

    def set_board(self, name: str, board: Board) -> Future[Any]:
        """Put a board in the place of "A" or "B".

        Raises BoardDocumentError if it holds effects that can't go to another process.
        """
        return self._send("board", name=name, board=board)

    def choose_board(self, name: str) -> Future[Any]:
        """Hear board "A" or "B"; the sound goes over without a click."""
        return self._send("choose_board", name=name)

    @property
    def board(self) -> str:
        """Which of the boards is heard."""
        return str(self._wishes.get("board", "A"))

    def set_parameters(self, name: str, path: list[int], values: dict[str, Any]) -> Future[Any]:
        """Set parameters of the effect at `path` on board `name`."""
        return self._send("parameters", name=name, path=path, values=values)

    def set_bypass(self, index: int, is_bypassed: bool) -> Future[Any]:
        """Take effect `index` of the board that is heard out of the sound, or back in."""
        return self._send("bypass", index=index, on=is_bypassed)

    def load(self, path: str | Path) -> Future[Any]:
        """Open a sound file, stopped at its beginning."""
        return self._send("load", path=path)

    def unload(self) -> Future[Any]:
        """No file any more; what plays fades out."""
        return self._send("unload")

    def play(self) -> Future[Any]:
        """Play the file."""
        return self._send("play")

    def pause(self) -> Future[Any]:
        """Stay where it is."""
        return self._send("pause")

    def stop(self) -> Future[Any]:
        """Return to the loop's start or the beginning."""
        return self._send("stop")

    def seek(self, seconds: float) -> Future[Any]:
        """Go on at a time in the file."""
        return self._send("seek", seconds=seconds)

    def set_loop(self, seconds: tuple[float, float] | None) -> Future[Any]:
        """Repeat from the first to the second time, or no longer."""
        return self._send("loop", seconds=seconds)

    def compare(self, sounds: ComparedFiles | None) -> Future[Any]:
        """Have aligned sounds heard in the place of file, input and board, at rest at their beginning.

        None: no longer.
        """
        return self._send("compare", sounds=sounds)

    def hear_compared(self, index: int, is_difference: bool = False) -> Future[Any]:
        """Go over to one of the sounds that are compared, counted from 0, or to its difference to the first."""
        return self._send("hear_compared", index=index, difference=is_difference)

    def play_compared(self, is_on: bool = True) -> Future[Any]:
        """Play the sounds that are compared in a loop, or stay."""
        return self._send("play_compared", on=is_on)

    def seek_compared(self, seconds: float) -> Future[Any]:
        """Go on at a time in the sounds that are compared."""
        return self._send("seek_compared", seconds=seconds)

    def loop_compared(self, seconds: tuple[float, float] | None) -> Future[Any]:
        """Play from the first to the second time of the sounds that are compared again and again; None: all of it."""
        return self._send("loop_compared", seconds=seconds)

    def set_tone(self, is_on: bool) -> Future[Any]:
        """The test tone, 1 kHz."""
        return self._send("tone", on=is_on)

    def record(self, path: str | Path) -> Future[Any]:
        """Write what is heard to a new wav or flac file."""
        return self._send("record", path=path)

    def stop_recording(self) -> Future[Any]:
        """Complete the recording; the answer says path, seconds and what was lost."""
        return self._send("stop_recording")

    def calibrate(self) -> Future[Any]:
        """Measure the round trip from output to input."""
        return self._send("calibrate")

    def shrink_margin(self) -> Future[Any]:
        """Give one frame of the safety margin back."""
        return self._send("shrink_margin")

    def latency(self) -> Future[Any]:
        """What sound waits for on its way: a list of [name, seconds]."""
        return self._send("latency")

    def slots(self) -> Future[Any]:
        """The effects that are heard, with delay, bypass, failure and time used."""
        return self._send("slots")

    # What is.

    def take_events(self) -> list[dict[str, Any]]:
        """Events since the last call.

        {"event": "ready" | "message" | "opened" | "late" | "margin" | "restarted" | "recording" | "recording_ended" |
        "gone", …}.

        "recording" comes after "restarted" when the new engine records on; "recording_ended" when a recording ended
        without being stopped.
        """
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def wishes(self) -> dict[str, Any]:
        """What is wanted now, the file's place as it is heard now: enough for another engine to go on. JSON."""
        return self._wishes.document(self.telemetry.state())

    @property
    def is_alive(self) -> bool:
        """Whether the engine's process runs."""
        return self._handle.is_alive

    @property
    def process_id(self) -> int:
        """Of the engine's process, as long as it isn't replaced."""
        return self._handle.process_id

    def close(self) -> None:
        """End the engine; a recording is completed first. Returns when its process is gone."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
            handle = self._handle
        handle.close()
        self._watchdog.join()
        os.close(self._memory)  # the reader keeps what it maps

    def __enter__(self) -> LiveEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The process.

    def _send(self, command: str, **values: Any) -> Future[Any]:
        sent = COMMANDS[command].encode(values)

        def follow(answer: Future[Any]) -> None:
            # What the engine had no time to answer is for the one that takes its place.
            is_gone = isinstance(answer.exception(), EngineGoneError)
            if answer.exception() is None or is_gone:
                take = self._wishes.get("record")
                self._wishes.follow(command, sent)
                if is_gone and command == "stop_recording" and take:
                    self._say(f"The recording ended with the engine. {_kept(Path(take))}", True)

        with self._lock:
            answer = self._handle.send(command, **sent)
        answer.add_done_callback(follow)
        return answer

    def _start(self, wishes: dict[str, Any]) -> ProcessHandle:
        handle = ProcessHandle("lamina.plugin.host.engine.process", self._memory, self._take_event, self._ended)
        self._started = time.monotonic()
        handle.send("restore", wishes=wishes).add_done_callback(self._tell_troubles)
        handle.start()
        return handle

    def _take_event(self, event: dict[str, Any]) -> None:
        if event["event"] == "recording_ended":
            self._wishes.put(record=None)
        self._events.append(event)

    def _tell_troubles(self, answer: Future[Any]) -> None:
        error = answer.exception()
        if isinstance(error, EngineGoneError):
            return
        restored: dict[str, Any] = (
            {"troubles": [str(error)], "is_recording": False} if error is not None else answer.result()
        )
        for text in restored["troubles"]:
            self._say(text, True)
        cut, self._cut_take = self._cut_take, None
        if self._wishes.get("record"):
            self._tell_recording(cut, restored["is_recording"])
        self._events.append({"event": "ready"})

    def _tell_recording(self, cut: Path | None, goes_on: bool) -> None:
        """Say what became of the recording that was wanted when the last engine ended, once that is known.

        cut: what that engine had begun to write.
        """
        if goes_on:
            take = str(self._wishes.get("record"))
            self._events.append({"event": "recording", "path": take})
            if cut is not None:
                self._say(f"The recording goes on in {Path(take).name}. {_kept(cut)}")
        else:
            self._wishes.put(record=None)
            self._events.append({"event": "recording_ended"})
            self._say(f"The recording ended with the engine. {_kept(cut)}", True)

    def _ended(self, code: int) -> None:
        """The process has ended without being asked: another one goes on. Called on the old one's reading thread."""
        if self._closing.is_set():
            return
        self._n_early_deaths = (
            self._n_early_deaths + 1 if time.monotonic() - self._started < SHORTEST_LIFE_SECONDS else 0
        )
        wishes = self.wishes()
        is_recording = bool(wishes.get("record"))
        if is_recording and Path(wishes["record"]).exists():
            self._cut_take = Path(wishes["record"])
        if self._n_early_deaths >= MOST_EARLY_DEATHS:
            self._say(
                "The audio engine ends as soon as it is started. Nothing can be heard; details are on the terminal.",
                True,
            )
            if is_recording:
                self._tell_recording(self._cut_take, goes_on=False)
            self._events.append({"event": "gone"})
            return
        if code != REPLACE_ME:
            lost = "What is recorded has a gap." if is_recording else "Nothing else is lost."
            self._say(f"The audio engine ended unexpectedly and was started again. {lost}", True)
        if int(self.telemetry.state()["stream_samples"]):
            wishes["opens"] = True  # as it was
        if wishes.get("record"):
            # What was recorded stays as it is; the rest goes into a file beside it.
            wishes["record"] = str(next_take(Path(wishes["record"])))
            self._wishes.put(record=wishes["record"])
        with self._lock:
            if self._closing.is_set():
                return
            self.n_restarts += 1
            # Before anything that the new one tells.
            self._events.append({"event": "restarted", "code": code})
            self._handle = self._start(wishes)

    def _watch(self) -> None:
        """Ends an engine that hangs; it is then replaced like one that died."""
        asked: Future[Any] | None = None
        asked_at = 0.0
        while not self._closing.wait(CHECK_SECONDS):
            now = time.monotonic()
            if asked is None or asked.done():
                asked, asked_at = self._send("ping"), now
                continue
            state = self.telemetry.state()
            stands_still = now - float(state["heartbeat"]) > STILL_SECONDS and int(state["stream_samples"]) > 0
            if stands_still and now - asked_at > UNANSWERED_SECONDS:
                self._say("The audio engine hangs and is started again.", True)
                self._handle.kill()
                asked = None

    def _say(self, text: str, is_error: bool = False) -> None:
        self._events.append({"event": "message", "text": text, "is_error": is_error})


def _kept(take: Path | None) -> str:
    """What is left of a recording whose engine ended."""
    if take is None or not take.exists():
        return "Nothing of it was written."
    return f"What was recorded until then is in {take}."
