"""The engine: one stream, one board that is heard, and the commands that change them.

Everything here belongs to the control thread; the audio thread (`Worker`) only ever sees finished things that are put in
its place. Use it through `LiveEngine`, which runs it in a process of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamina.dsp.bridge import bridge_parts
from lamina.plugin.audiofile import probe_audio
from lamina.plugin.board import Board
from lamina.plugin.board_document import BoardDocumentError, build_board, describe_board
from lamina.plugin.host.board_switch import BoardSwitch
from lamina.plugin.host.calibration import Calibration, CalibrationError
from lamina.plugin.host.devices import find_device, is_hardware, probe_devices
from lamina.plugin.host.file_player import FilePlayer, PlayState
from lamina.plugin.host.live_board import LiveBoard
from lamina.plugin.host.opening import Opened, open_stream
from lamina.plugin.host.playout import LateStretch
from lamina.plugin.host.realtime import collect_garbage, prepare_process
from lamina.plugin.host.recorder import Recorder
from lamina.plugin.host.return_watch import ReturnWatch
from lamina.plugin.host.rings import FloatArray
from lamina.plugin.host.settings import NONE, DeviceSettings
from lamina.plugin.host.sound_path import SoundPath
from lamina.plugin.host.telemetry import TelemetryWriter
from lamina.plugin.host.worker import FRAME_SECONDS, MarginGrown, Worker
from lamina.plugin.neural_codec import NeuralCodec

BOARDS = ("A", "B")
LIVE_MARGIN_FRAMES = 0.5
FILE_MARGIN_FRAMES = 3.0
"""Nobody plays along with a file, so it may have more."""
STILL_SECONDS = 0.5
"""A device that doesn't come by for so long is gone."""
COLLECT_SECONDS = 10.0
CALIBRATION_SECONDS = 10.0
PLAY_STATES = tuple(PlayState)

Event = dict[str, Any]


class Engine:
    """Args:
    telemetry: where sound, frames and state are shown.
    tell: called on the control thread, from `watch` and commands, with each event: {"event": name, …}.
    """

    def __init__(self, telemetry: TelemetryWriter, tell: Callable[[Event], None]) -> None:
        self._telemetry, self._tell = telemetry, tell
        self._settings = DeviceSettings()
        self._boards = {name: Board([NeuralCodec()]) for name in BOARDS}
        self._bypassed: dict[str, set[int]] = {name: set() for name in BOARDS}
        self._chosen = BOARDS[0]
        self._is_live = False
        self._opened: Opened | None = None
        self._worker: Worker | None = None
        self._path: SoundPath | None = None
        self._player: FilePlayer | None = None
        self._clip: Path | None = None
        self._clip_rate: int | None = None
        self._loop: tuple[float, float] | None = None
        self._recorder: Recorder | None = None
        self._margin_frames: float | None = None
        self._events: deque[Event] = deque()
        self._last_elapsed, self._last_moved = -1, 0.0
        self._last_collected = 0.0
        self._return_watch: ReturnWatch | None = None
        self.needs_new_process = ""
        """Why this process must be replaced: PortAudio only sees a device that came, and only lets one go that died, in a new one."""

    # Devices.

    def set_devices(self, settings: DeviceSettings) -> None:
        """Use what is wanted, or what can be had instead, with a message: at once if a stream is open, else at the first need."""
        if settings != self._settings:
            self._settings = settings
            self._margin_frames = None
        if self._worker is not None:
            self.reopen()

    def set_live(self, is_live: bool) -> None:
        """Let the input through the board, or no longer."""
        if is_live == self._is_live and (self._worker is not None or not is_live):
            return
        self._is_live = is_live
        if is_live or self._worker is not None:
            self.reopen()

    def prefer(self, settings: DeviceSettings, is_live: bool, margin: tuple[int, int] | None = None) -> None:
        """Say what is wanted before anything is opened; `margin` is what proved enough before: samples, and at which rate."""
        self._settings, self._is_live = settings, is_live
        self._margin_frames = margin[0] / (FRAME_SECONDS * margin[1]) if margin is not None else None

    def ensure_open(self) -> None:
        """Open the stream if there is none."""
        if self._worker is None:
            self._open()

    def reopen(self) -> None:
        """Open the stream anew: faded out before, at the same place after."""
        self._close_stream()
        if self.needs_new_process:
            return
        self._open()

    def shrink_margin(self) -> None:
        """Give back one frame of the margin that grew; raises ValueError if there is none left."""
        if self._worker is None or not self._worker.shrink_margin():
            raise ValueError("The safety margin is as small as it can be already.")

    def calibrate(self) -> dict[str, Any]:
        """Measure the round trip; blocks for two seconds. Raises CalibrationError if nothing usable comes back."""
        worker, path = self._worker, self._path
        if worker is None or path is None or worker.stream.capture is None:
            raise CalibrationError("There is no input to listen on. Go live first, with output and input connected.")
        measurement = path.calibration = Calibration(path.sample_rate)
        try:
            if not measurement.wait(CALIBRATION_SECONDS):
                raise CalibrationError("The device stood still while the latency was measured. Try again.")
        finally:
            path.calibration = None
        trip = measurement.result()
        rate = path.sample_rate
        own = worker.playout.delay_samples
        return {
            "sample_rate": rate,
            "round_trip_samples": trip.n_samples + path.boards.latency_samples,
            "device_samples": trip.n_samples - own,
            "buffer_and_margin_samples": own,
            "board_samples": path.boards.latency_samples,
            "spread_samples": trip.spread_samples,
        }

    def latency(self) -> list[tuple[str, float]]:
        """What sound waits for on its way, in seconds: (name, seconds), to be summed."""
        worker, path = self._worker, self._path
        if worker is None or path is None:
            return []
        stream, rate = worker.stream, path.sample_rate
        delay = stream.delay
        parts = [("input device", delay.input)] if stream.capture is not None else []
        parts += [("buffer", stream.block / rate), ("safety margin", worker.margin_samples / rate)]
        parts += [(name, samples / rate) for name, samples in self._board_parts(rate, stream.block)]
        return [*parts, ("output device", delay.output)]

    def _board_parts(self, rate: int, block: int) -> list[tuple[str, int]]:
        assert self._path is not None
        codec = next((effect for effect in self._boards[self._chosen] if isinstance(effect, NeuralCodec)), None)
        parts: list[tuple[str, int]] = []
        rest = 0
        for slot in self._path.boards.current.slots:
            if slot.label == type(codec).__name__ and codec is not None:
                config = codec.bundle.config
                parts += bridge_parts(rate, config.sample_rate, config.frame, config.delay_samples, block)
            else:
                rest += slot.latency_samples
        return [*parts, ("other effects", rest)] if rest else parts

    # Boards.

    def set_board(self, name: str, board: Board) -> None:
        """Put another board in the place of A or B; if it is the one heard, the sound goes over without a click."""
        self._boards[name] = board
        self._bypassed[name] = set()
        if name == self._chosen:
            self._hear_board()

    def choose_board(self, name: str) -> None:
        """Hear A or B."""
        if name != self._chosen:
            self._chosen = name
            self._hear_board()

    def set_parameters(self, name: str, path: list[int], values: dict[str, Any]) -> None:
        """Set parameters of the effect that stands at `path` (indices, through nested boards) on a board, while it is heard or not."""
        effect: Any = self._boards[name]
        for index in path:
            effect = effect[index]
        if isinstance(effect, NeuralCodec):
            effect.set_parameters(values)
            return
        for attribute, value in values.items():
            setattr(effect, attribute, value)

    def set_bypass(self, index: int, is_bypassed: bool) -> None:
        """Take slot `index` of the board that is heard out of the sound, or back in."""
        if self._path is None:
            return
        slots = self._path.boards.current.slots
        if not 0 <= index < len(slots):
            raise ValueError(f"There is no effect {index}; the board has {len(slots)}.")
        if not is_bypassed and slots[index].failure:
            slots[index].retry()
        slots[index].bypass = is_bypassed
        (self._bypassed[self._chosen].add if is_bypassed else self._bypassed[self._chosen].discard)(index)

    def slots(self) -> list[dict[str, Any]]:
        """The effects that are heard: label, delay, whether bypassed, why it failed, mean and worst seconds per block."""
        if self._path is None:
            return []
        return [
            {
                "label": slot.label,
                "latency_samples": slot.latency_samples,
                "bypass": slot.bypass,
                "failure": slot.failure,
                "mean_seconds": slot.mean_seconds,
                "worst_seconds": slot.worst_seconds,
            }
            for slot in self._path.boards.current.slots
        ]

    # Transport.

    @property
    def player(self) -> FilePlayer:
        """The file transport; opens the stream if there is none yet."""
        if self._player is None:
            self._open()
        assert self._player is not None
        return self._player

    def load(self, path: Path) -> None:
        """Open a file, stopped at its beginning; raises AudioFileError and keeps the present one."""
        rate = probe_audio(path).sample_rate
        if self._wants_rate(rate):
            self._clip_rate = rate
            self.reopen()
        self._clip_rate = rate
        self.player.load(path)
        self._clip, self._loop = path, None
        self._fit_width()

    def unload(self) -> None:
        """No file."""
        self._clip, self._clip_rate, self._loop = None, None, None
        self.player.unload()

    def set_loop(self, seconds: tuple[float, float] | None) -> None:
        """Repeat from the first to the second time, or no longer."""
        self.player.set_loop(seconds)
        self._loop = seconds

    def set_tone(self, is_on: bool) -> None:
        """The test tone."""
        self._started_path().tone.is_on = is_on

    def record(self, target: Path) -> None:
        """Write what is heard to a new file; raises AudioFileError."""
        if self._recorder is not None and self._recorder.is_running:
            raise ValueError(f"Already recording to {self._recorder.path}. Stop that first.")
        path = self._started_path()
        self._recorder = Recorder(target, path.sample_rate, 2, lambda text: self._events.append(_message(text, True)))
        path.recorder = self._recorder

    def stop_recording(self) -> dict[str, Any]:
        """Complete the file; says what is in it. Raises ValueError if nothing is being recorded."""
        if self._recorder is None:
            raise ValueError("Nothing is being recorded.")
        recorder, self._recorder = self._recorder, None
        if self._path is not None:
            self._path.recorder = None
        done = recorder.stop()
        return {"path": str(done.path), "seconds": done.seconds, "n_lost_samples": done.n_lost_samples, "trouble": done.trouble}

    # Looking after it.

    def watch(self) -> None:
        """Called some 20 times a second: passes events on, shows the state, notices a device that has gone or come back."""
        now = time.monotonic()
        worker, path = self._worker, self._path
        if worker is not None and path is not None:
            self._watch_device(worker, now)
            state = self._telemetry.state
            state["processor_seconds"] = time.process_time()
            state["is_recording"] = self._recorder is not None and self._recorder.is_running
            state["recorded_seconds"] = self._recorder.seconds if self._recorder is not None else 0.0
            trouble = self.player.take_trouble()
            if trouble:
                self._events.append(_message(trouble, True))
        if self._return_watch is not None and self._return_watch.is_back:
            self._return_watch = None
            self.needs_new_process = f"{self._settings.output} is back."
            self._events.append(_message(f"The sound device is back: {self._wanted_names()}."))
        self.tell_events()
        if now - self._last_collected > COLLECT_SECONDS:
            self._last_collected = now
            collect_garbage()

    def tell_events(self) -> None:
        """Pass on what has happened."""
        while self._events:
            self._tell(self._events.popleft())

    def close(self) -> None:
        """End everything; a recording is completed."""
        if self._return_watch is not None:
            self._return_watch.close()
        if self._recorder is not None:
            self.stop_recording()
        self._close_stream()
        if self._player is not None:
            self._player.close()

    def _watch_device(self, worker: Worker, now: float) -> None:
        stream = worker.stream
        self._telemetry.state["n_device_misses"] = stream.count_misses()
        if worker.failure:
            self._events.append(_message(f"The audio engine met an error ({worker.failure}) and starts again.", True))
            self.needs_new_process = worker.failure
            return
        elapsed = stream.n_elapsed
        if elapsed != self._last_elapsed or not stream.is_real_time:
            self._last_elapsed, self._last_moved = elapsed, now
        if stream.is_active and now - self._last_moved < STILL_SECONDS and not worker.playout.has_run_dry:
            return
        assert self._opened is not None
        if is_hardware(self._opened.output):
            self._events.append(_message(f"The sound device {self._opened.output} went away. Looking for it.", True))
            self.needs_new_process = "The sound device went away."
        else:
            # The whole process stood still for seconds; a clock is started again just so.
            self._events.append(_message("The sound stood still for seconds and starts again.", True))
            self.reopen()

    def _open(self) -> None:
        opened = open_stream(self._settings, self._is_live, self._clip_rate)
        stream, rate = opened.stream, opened.stream.sample_rate
        player = self._player_for(rate, wait=not stream.is_real_time)
        if self._recorder is not None and self._recorder.sample_rate != rate:
            done = self.stop_recording()
            self._events.append(_message(f"The recording {done['path']} ends here, because the sample rate changed to {rate} Hz.", True))
        boards = BoardSwitch(self._live_board(rate, stream.block))
        path = SoundPath(rate, stream.block, player, boards, self._telemetry)
        path.set_live(self._is_live and stream.capture is not None)
        path.recorder = self._recorder
        state = self._telemetry.state
        state["sample_rate"], state["block"], state["buffer_samples"] = rate, stream.block, stream.block
        state["width"] = self._width()
        state["is_live"] = stream.capture is not None
        delay = stream.delay
        state["input_seconds"], state["output_seconds"] = delay.input, delay.output
        self._telemetry.begin_stream()
        worker = Worker(stream, self._process, self._telemetry, self._margin(stream.is_real_time, rate), on_event=self._note)
        self._opened, self._path, self._worker = opened, path, worker
        self._last_elapsed, self._last_moved = -1, time.monotonic()
        if self._last_collected == 0.0:
            prepare_process()
            self._last_collected = time.monotonic()
        worker.start()
        self._events.append({"event": "opened", "output": opened.output, "input": opened.input, "sample_rate": rate, "block": stream.block})
        if opened.remark:
            self._events.append(_message(opened.remark, True))
            if self._return_watch is None:
                self._return_watch = ReturnWatch(self._is_wanted_there)
        elif self._return_watch is not None:
            self._return_watch.close()
            self._return_watch = None

    def _process(self, captured: FloatArray | None) -> FloatArray:
        path, worker, state = self._path, self._worker, self._telemetry.state
        assert path is not None and worker is not None
        played = path.process(captured)
        state["clip_seconds"] = path.clip_seconds(worker.n_heard)
        state["play_state"] = PLAY_STATES.index(path.player.state)
        state["board_samples"] = path.boards.latency_samples
        return played

    def _close_stream(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if worker.stream.capture is not None:
            # What proved enough while live is kept; a file's comfortable margin is not.
            self._margin_frames = worker.margin_samples / (FRAME_SECONDS * worker.stream.sample_rate)
        worker.stop()
        if not worker.stream.close():
            self.needs_new_process = "The sound device hangs."

    def _player_for(self, rate: int, wait: bool) -> FilePlayer:
        """The transport at another rate, at the same place and in the same state."""
        before = self._player
        if before is not None and before.sample_rate == rate:
            return before
        player = FilePlayer(rate, wait)
        if before is not None and self._clip is not None:
            player.load(self._clip)
            player.set_loop(self._loop)
            player.seek(before.position_seconds)
            if before.state is PlayState.PLAYING:
                player.play()
            elif before.state is PlayState.STOPPED:
                player.stop()
        if before is not None:
            before.close()
        self._player = player
        return player

    def _started_path(self) -> SoundPath:
        self.ensure_open()
        assert self._path is not None
        return self._path

    def _wants_rate(self, clip_rate: int) -> bool:
        """Whether the stream should be opened (anew) for a file's rate. Not while recording or live: the sound must not be cut."""
        if self._worker is None:
            return True
        if self._settings.sample_rate is not None or self._is_live or self._recorder is not None:
            return False
        return self._worker.stream.sample_rate != clip_rate

    def _margin(self, is_real_time: bool, rate: int) -> int:
        if not is_real_time:
            return 0
        frames = self._settings.margin_frames
        if frames is None:
            frames = self._margin_frames if self._is_live and self._margin_frames is not None else None
        if frames is None:
            frames = LIVE_MARGIN_FRAMES if self._is_live else FILE_MARGIN_FRAMES
        return round(frames * FRAME_SECONDS * rate)

    def _width(self) -> int:
        """Channels that differ: what only a mono file or a guitar goes through is computed once."""
        live = len(self._settings.input_channels) if self._is_live else 1
        return max(live, self._player.n_channels if self._player is not None else 1, 1)

    def _fit_width(self) -> None:
        if self._worker is not None and int(self._telemetry.state["width"]) != self._width():
            self._hear_board()

    def _live_board(self, rate: int, block: int) -> LiveBoard:
        board = LiveBoard(self._boards[self._chosen], rate, self._width(), block, lambda text: self._events.append(_message(text, True)))
        for index in self._bypassed[self._chosen]:
            board.slots[index].bypass = True
        return board

    def _hear_board(self) -> None:
        if self._path is not None and self._worker is not None:
            self._boards[self._chosen] = _another(self._boards[self._chosen])
            self._path.boards.change_to(self._live_board(self._path.sample_rate, self._worker.stream.block))
            self._telemetry.state["width"] = self._width()

    def _note(self, event: LateStretch | MarginGrown) -> None:
        if isinstance(event, LateStretch):
            self._events.append({"event": "late", "position": event.position, "n_samples": event.n_samples, "n_lost": event.n_lost})
        else:
            assert self._path is not None
            milliseconds = 1000 * event.margin_samples / self._path.sample_rate
            self._events.append({"event": "margin", "samples": event.margin_samples})
            self._events.append(_message(f"Sound came late again and again, so the safety margin grew to {milliseconds:.0f} ms."))

    def _is_wanted_there(self) -> bool:
        """Whether what was wanted at first can be had now; asked on the watch's thread."""
        devices, settings = probe_devices(), self._settings
        if is_hardware(settings.output):
            find_device(settings.output, devices, is_input=False)
        if self._is_live and settings.input != NONE and is_hardware(settings.input):
            find_device(settings.input, devices, is_input=True)
        return True

    def _wanted_names(self) -> str:
        return self._settings.output if not self._is_live else f"{self._settings.input}, {self._settings.output}"


def _another(board: Board) -> Board:
    """An equal board of other objects: a native effect has one state, which the board that fades out still needs."""
    try:
        return build_board(describe_board(board))
    except BoardDocumentError:
        return board


def _message(text: str, is_error: bool = False) -> Event:
    return {"event": "message", "text": text, "is_error": is_error}
