"""The engine: one stream, one board that is heard, and the commands that change them.

Everything here belongs to the control thread; the audio thread only ever sees finished things that are put in its
place. Use it through `LiveEngine`, which runs it in a process of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamina.plugin.board import Board
from lamina.plugin.files.sound import AudioFileError, AudioInfo, probe_audio
from lamina.plugin.host.device.device_settings import DEFAULT, DeviceSettings
from lamina.plugin.host.device.devices import find_device, is_hardware, probe_devices
from lamina.plugin.host.device.opening import open_stream
from lamina.plugin.host.device.playout import LateStretch
from lamina.plugin.host.device.return_watch import ReturnWatch
from lamina.plugin.host.engine.audio_thread import FRAME_SECONDS, MarginGrown
from lamina.plugin.host.engine.calibration import CalibrationError
from lamina.plugin.host.engine.open_stream import OpenStream
from lamina.plugin.host.engine.realtime import collect_garbage, prepare_process
from lamina.plugin.host.live_board.boards import Boards
from lamina.plugin.host.recording.recorder import Recorder
from lamina.plugin.host.transport.comparison import ComparedFiles, Comparison, ComparisonError
from lamina.plugin.host.transport.file_player import FilePlayer, PlayState
from lamina.plugin.host.wire.telemetry import TelemetryWriter

LIVE_MARGIN_FRAMES = 0.5
FILE_MARGIN_FRAMES = 3.0
"""Nobody plays along with a file, so it may have more."""
COLLECT_SECONDS = 10.0
RETRY_SECONDS = 5.0
"""How often a device that is there but can't be opened is tried again, while nothing else plays."""

Event = dict[str, Any]


class Engine:
    """Args:
    telemetry: where sound, frames and state are shown.
    tell: called on the control thread, from `watch` and commands, with each event: {"event": name, …}.
    """

    def __init__(self, telemetry: TelemetryWriter, tell: Callable[[Event], None]) -> None:
        self._telemetry, self._tell = telemetry, tell
        self._events: deque[Event] = deque()
        self._settings, self._is_live = DeviceSettings(), False
        self.boards = Boards(lambda text: self._say(text, True))
        self._stage: OpenStream | None = None
        self._player: FilePlayer | None = None
        self._clip: Path | None = None
        self._clip_info: AudioInfo | None = None
        self._loop: tuple[float, float] | None = None
        self._recorder: Recorder | None = None
        self._compared: ComparedFiles | None = None
        self._comparison: Comparison | None = None
        self._proven_margin_frames: float | None = None
        self._return_watch: ReturnWatch | None = None
        self._last_remark = ""
        self._last_opened = self._last_collected = 0.0
        self.needs_new_process = ""
        """Why this process must be replaced.

        PortAudio only sees a device that came, and only lets one go that died, in a new one.
        """

    # Devices.

    def set_devices(self, settings: DeviceSettings) -> None:
        """Use what is wanted, or what can be had instead, with a message.

        At once if a stream is open, else at the first need.
        """
        if settings != self._settings:
            self._settings = settings
            self._proven_margin_frames = None
        if self._stage is not None:
            self.reopen()

    def set_live(self, is_live: bool) -> None:
        """Let the input through the board, or no longer."""
        if is_live == self._is_live and (self._stage is not None or not is_live):
            return
        self._is_live = is_live
        if is_live or self._stage is not None:
            self.reopen()

    def prefer(self, settings: DeviceSettings, is_live: bool, margin: tuple[int, int] | None = None) -> None:
        """Say what is wanted before anything is opened.

        `margin` is what proved enough before: samples, and at which rate.
        """
        self._settings, self._is_live = settings, is_live
        self._proven_margin_frames = margin[0] / (FRAME_SECONDS * margin[1]) if margin is not None else None

    def ensure_open(self) -> OpenStream:
        """Open the stream if there is none."""
        if self._stage is None:
            self._open()
        assert self._stage is not None
        return self._stage

    def reopen(self) -> None:
        """Open the stream anew: faded out before, at the same place after."""
        self._close_stage()
        if not self.needs_new_process:
            self._open()

    def shrink_margin(self) -> None:
        """Give back one frame of the margin that grew; raises ValueError if there is none left."""
        if self._stage is None or not self._stage.worker.shrink_margin():
            raise ValueError("The safety margin is as small as it can be already.")

    def calibrate(self) -> dict[str, int]:
        """As `OpenStream.calibrate`."""
        if self._stage is None:
            raise CalibrationError("Nothing is open to be measured. Go live first, with output and input connected.")
        return self._stage.calibrate()

    def latency(self) -> list[tuple[str, float]]:
        """As `OpenStream.latency`; nothing while no stream is open."""
        return self._stage.latency() if self._stage is not None else []

    # Boards.

    def set_board(self, name: str, board: Board) -> None:
        """Put another board in the place of A or B; if it is the one heard, the sound goes over without a click."""
        self.boards.put(name, board)
        if name == self.boards.chosen:
            self._hear_board()

    def choose_board(self, name: str) -> None:
        """Hear A or B."""
        if name != self.boards.chosen:
            self.boards.chosen = name
            self._hear_board()

    def set_parameters(self, name: str, path: list[int], values: dict[str, Any]) -> None:
        """As `Boards.set_parameters`, whether that board is heard or not."""
        if self.boards.set_parameters(name, path, values) and name == self.boards.chosen:
            self._hear_board()

    def set_bypass(self, index: int, is_bypassed: bool) -> None:
        """Take effect `index` of the board that is heard out of the sound, or back in."""
        self.boards.set_bypass(self.ensure_open().path.boards.current, index, is_bypassed)

    def slots(self) -> list[dict[str, Any]]:
        """As `OpenStream.slots`; nothing while no stream is open."""
        return self._stage.slots() if self._stage is not None else []

    # Transport.

    @property
    def player(self) -> FilePlayer:
        """The file transport; opens the stream if there is none yet."""
        return self.ensure_open().path.player

    @property
    def has_file(self) -> bool:
        """Whether a file is open."""
        return self._clip is not None

    def load(self, path: Path) -> None:
        """Open a file, stopped at its beginning; raises AudioFileError and keeps the present one."""
        info, before = probe_audio(path), (self._clip, self._clip_info)
        if self._wants_rate(info.sample_rate):
            # What played before must not be heard again at the new rate; and the board is made for the new file from
            # the start.
            self._clip, self._clip_info = None, info
            self.reopen()
        try:
            self.player.load(path)
        except AudioFileError:
            if self._clip is None and before[0] is not None:
                self.player.load(before[0])
            self._clip, self._clip_info = before
            raise
        self._clip, self._clip_info, self._loop = path, info, None
        self._fit_width()

    def unload(self) -> None:
        """No file."""
        self._clip, self._clip_info, self._loop = None, None, None
        self.player.unload()

    def set_loop(self, seconds: tuple[float, float] | None) -> None:
        """Repeat from the first to the second time, or no longer."""
        self.player.set_loop(seconds)
        self._loop = seconds

    def set_tone(self, is_on: bool) -> None:
        """The test tone."""
        self.ensure_open().path.tone.is_on = is_on

    def record(self, target: Path) -> None:
        """Write what is heard to a new file; raises AudioFileError."""
        if self._recorder is not None and self._recorder.is_running:
            raise ValueError(f"Already recording to {self._recorder.path}. Stop that first.")
        path = self.ensure_open().path
        self._recorder = path.recorder = Recorder(target, path.sample_rate, 2, self._recording_ended)

    @property
    def is_recording(self) -> bool:
        """Whether what is heard goes into a file."""
        return self._recorder is not None and self._recorder.is_running

    def stop_recording(self) -> dict[str, Any]:
        """Complete the file; says what is in it. Raises ValueError if nothing is being recorded."""
        if self._recorder is None:
            raise ValueError("Nothing is being recorded.")
        recorder, self._recorder = self._recorder, None
        if self._stage is not None:
            self._stage.path.recorder = None
        done = recorder.stop()
        return {
            "path": str(done.path),
            "seconds": done.seconds,
            "n_lost_samples": done.n_lost_samples,
            "trouble": done.trouble,
        }

    # Comparing.

    def compare(self, sounds: ComparedFiles | None) -> None:
        """Have aligned sounds heard in the place of file, input and board, at rest at their beginning, or no longer.

        Raises ComparisonError for sounds that can't be compared; what was heard before stays.
        """
        stage = self._stage
        comparison = sounds.at(stage.sample_rate if stage is not None else sounds.sample_rate) if sounds else None
        self._compared, self._comparison = sounds, comparison
        if stage is not None:
            stage.path.comparison = comparison
        elif sounds is not None:
            self._open()

    @property
    def comparison(self) -> Comparison:
        """The sounds that are compared; raises ComparisonError if there are none."""
        if self._comparison is not None:
            self.ensure_open()
        if self._comparison is None:
            raise ComparisonError("Nothing is being compared.")
        return self._comparison

    def _compare_at(self, rate: int) -> Comparison | None:
        """What is compared, at the rate of a stream that is opened: where it was, and in the same state."""
        if self._compared is not None:
            try:
                self._comparison = self._compared.at(rate, self._comparison)
            except ComparisonError as error:
                self._compared = self._comparison = None
                self._say(f"Comparing ends: {error}", True)
        return self._comparison

    # Looking after it.

    def watch(self) -> None:
        """Passes events on, shows the state, notices a device that has gone or come back.

        Called some 20 times a second.
        """
        now = time.monotonic()
        if self._stage is not None:
            self._watch_stage(self._stage)
            state = self._telemetry.state
            state["processor_seconds"] = time.process_time()
            state["is_recording"] = self.is_recording
            state["recorded_seconds"] = self._recorder.seconds if self._recorder is not None else 0.0
        if self._return_watch is not None and self._return_watch.is_back:
            self._return_watch = None
            self.needs_new_process = "The sound device is back."
            self._say(f"The sound device is back{self._wanted_names()}.")
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
        self._close_stage()
        if self._player is not None:
            self._player.close()

    def _watch_stage(self, stage: OpenStream) -> None:
        trouble = stage.path.player.take_trouble()
        if trouble:
            self._say(trouble, True)
        if stage.worker.failure:
            self._say(f"The audio engine met an error ({stage.worker.failure}) and starts again.", True)
            self.needs_new_process = stage.worker.failure
        elif stage.is_lost():
            if is_hardware(stage.opened.output):
                self._say(f"The sound device {stage.opened.output} went away. Looking for it.", True)
                self.needs_new_process = "The sound device went away."
            else:
                # The whole process stood still for seconds; a clock is started again just so.
                self._say("The sound stood still for seconds and starts again.", True)
                self.reopen()
        elif (
            stage.opened.is_refused
            and not is_hardware(stage.opened.output)
            and time.monotonic() - self._last_opened > RETRY_SECONDS
        ):
            self.reopen()

    # Opening and closing.

    def _open(self) -> None:
        opened = open_stream(self._settings, self._is_live, self._rate_of_sounds())
        stream, rate = opened.stream, opened.stream.sample_rate
        if self._recorder is not None and self._recorder.sample_rate != rate:
            done = self.stop_recording()
            self._recording_ended(
                f"The recording {done['path']} ends here, because the sample rate changed to {rate} Hz."
            )
        player = self._player_for(rate, wait=not stream.is_real_time)
        board = self.boards.live(rate, self._width(), stream.block)
        stage = OpenStream(opened, player, board, self._telemetry, self._margin(stream.is_real_time, rate), self._note)
        stage.path.recorder = self._recorder
        stage.path.comparison = self._compare_at(rate)
        self._telemetry.state["width"] = self._width()
        if self._last_opened == 0.0:
            prepare_process()
        self._stage, self._last_opened = stage, time.monotonic()
        stage.start()
        self._events.append(
            {
                "event": "opened",
                "output": opened.output,
                "input": opened.input,
                "sample_rate": rate,
                "block": stream.block,
            }
        )
        if opened.remark and opened.remark != self._last_remark:
            self._say(opened.remark, True)
        elif self._last_remark and not opened.remark:
            self._say(f"Playing to {opened.output} again.")
        self._last_remark = opened.remark
        self._look_for_return(opened.is_missing)

    def _close_stage(self) -> None:
        stage, self._stage = self._stage, None
        if stage is None:
            return
        if stage.is_live:
            # What proved enough while live is kept; a file's comfortable margin is not.
            self._proven_margin_frames = stage.worker.margin_samples / (FRAME_SECONDS * stage.sample_rate)
        if not stage.stop():
            self.needs_new_process = "The sound device hangs."

    def _player_for(self, rate: int, wait: bool) -> FilePlayer:
        """The transport at another rate, at the same place and in the same state."""
        before = self._player
        if before is not None and (before.sample_rate, before.waits) == (rate, wait):
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

    def _look_for_return(self, is_missing: bool) -> None:
        if is_missing and self._return_watch is None:
            self._return_watch = ReturnWatch(self._is_wanted_there)
        elif not is_missing and self._return_watch is not None:
            self._return_watch.close()
            self._return_watch = None

    def _is_wanted_there(self) -> bool:
        """Whether what was wanted at first can be had now; asked on the watch's thread. Raises DeviceError for no."""
        devices, settings = probe_devices(), self._settings
        if is_hardware(settings.output):
            find_device(settings.output, devices, is_input=False)
        if self._is_live and is_hardware(settings.input):
            find_device(settings.input, devices, is_input=True)
        return True

    def _wanted_names(self) -> str:
        wanted = [self._settings.output, *([self._settings.input] if self._is_live else [])]
        names = [name for name in dict.fromkeys(wanted) if is_hardware(name) and name != DEFAULT]
        return f": {' and '.join(names)}" if names else ""

    # What a stream should be like.

    def _rate_of_sounds(self) -> int | None:
        """Of the file, or of what is compared where there is none."""
        if self._clip_info is not None:
            return self._clip_info.sample_rate
        return self._compared.sample_rate if self._compared is not None else None

    def _wants_rate(self, clip_rate: int) -> bool:
        """Whether the stream should be opened (anew) for a file's rate.

        Not while recording or live: the sound must not be cut.
        """
        if self._stage is None:
            return True
        if self._settings.sample_rate is not None or self._is_live or self._recorder is not None:
            return False
        return self._stage.sample_rate != clip_rate

    def _margin(self, is_real_time: bool, rate: int) -> int:
        if not is_real_time:
            return 0
        frames = self._settings.margin_frames
        if frames is None and self._is_live:
            frames = self._proven_margin_frames
        if frames is None:
            frames = LIVE_MARGIN_FRAMES if self._is_live else FILE_MARGIN_FRAMES
        return round(frames * FRAME_SECONDS * rate)

    def _width(self) -> int:
        """Channels that differ: what only a mono file or a guitar goes through is computed once."""
        live = len(self._settings.input_channels) if self._is_live else 1
        return max(live, self._clip_info.channels if self._clip_info is not None else 1)

    def _fit_width(self) -> None:
        if int(self._telemetry.state["width"]) != self._width():
            self._hear_board()

    def _hear_board(self) -> None:
        if self._stage is not None:
            stage = self._stage
            stage.path.boards.change_to(
                self.boards.live(stage.sample_rate, self._width(), stage.block, beside_another=True)
            )
            self._telemetry.state["width"] = self._width()

    def _note(self, event: LateStretch | MarginGrown) -> None:
        if isinstance(event, LateStretch):
            self._events.append(
                {"event": "late", "position": event.position, "n_samples": event.n_samples, "n_lost": event.n_lost}
            )
        else:
            milliseconds = 1000 * event.margin_samples / int(self._telemetry.state["sample_rate"])
            self._events.append({"event": "margin", "samples": event.margin_samples})
            self._say(f"Sound came late again and again, so the safety margin grew to {milliseconds:.0f} ms.")

    def _recording_ended(self, why: str) -> None:
        """It ended without being stopped."""
        self._say(why, True)
        self._events.append({"event": "recording_ended"})

    def _say(self, text: str, is_error: bool = False) -> None:
        self._events.append({"event": "message", "text": text, "is_error": is_error})
