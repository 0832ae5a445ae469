"""What moves a peer's sound at the pace of its devices, or, between files, at that of the clock."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.host.device.device_settings import (
    DEFAULT,
    MOST_MARGIN_FRAMES,
    NONE,
    VIRTUAL,
    DeviceSettings,
)
from lamina.plugin.host.device.devices import is_hardware
from lamina.plugin.host.device.opening import open_stream
from lamina.plugin.host.device.playout import Playout
from lamina.plugin.host.device.streams import DeviceError
from lamina.plugin.host.engine.realtime import ignore_denormals, raise_priority

BLOCK_SECONDS = 0.01
MARGIN_FRAMES = 1.0
"""Codec frames of sound kept ready beside the device's buffer: two networks are computed in their time, not one."""
FRAME_SECONDS = 320 / 24_000
NO_INPUT = "There is no sound input that could be sent; connect one, or send something else."
MISSES_TO_GROW, MISS_MEMORY_SECONDS = 2, 10.0

Speak = Callable[[FloatArray, float], None]
Hear = Callable[[int, float], FloatArray]


class SystemClock:
    """The pace where no device sets one."""

    block_seconds = BLOCK_SECONDS
    trouble = ""

    def __init__(self) -> None:
        self._started = 0.0

    def start(self) -> None:
        """Begin to count."""
        self._started = time.monotonic()

    def wait(self, n_blocks: int, is_stopping: Callable[[], bool]) -> bool:
        """Wait until so many blocks are over; false if it should stop."""
        while not is_stopping():
            left = self._started + n_blocks * self.block_seconds - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, 0.05))
        return False

    def stop(self) -> None:
        """Nothing runs."""


class DeviceClock:
    """A sound device: its pace, what it captures, and what it plays.

    Args:
        settings: which devices, as for the live engine.
        has_input, has_output: which of them the line uses.

    Raises DeviceError if what was named can't be opened: nobody wants to speak into another device.
    """

    def __init__(self, settings: DeviceSettings, has_input: bool, has_output: bool) -> None:
        # A device that isn't used may as well be virtual, unless it gives the other one its pace.
        if not has_output and not is_hardware(settings.input):
            settings = settings.changed(output=VIRTUAL)
        opened = open_stream(settings if has_input else settings.changed(input=NONE), has_input)
        if opened.remark and settings.output != DEFAULT:
            opened.stream.close()
            raise DeviceError(opened.remark)
        if has_input and opened.stream.capture is None:
            opened.stream.close()
            raise DeviceError(NO_INPUT)
        self.stream = opened.stream
        self.input, self.output, self.remark = opened.input, opened.output, opened.remark
        self.block_seconds = self.stream.block / self.stream.sample_rate
        margin = settings.margin_frames if settings.margin_frames is not None else MARGIN_FRAMES
        self._margin = round(margin * FRAME_SECONDS * self.stream.sample_rate)
        self.playout = Playout(self.stream.playout, self.stream.block + self._margin, self.stream.block)
        self._n_fed = self.n_late = 0
        self._late_at: deque[float] = deque(maxlen=MISSES_TO_GROW)
        self.trouble = ""

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.stream.sample_rate

    @property
    def delay_seconds(self) -> tuple[float, float]:
        """From air to block, and from block to air."""
        delay = self.stream.delay
        return delay.input + self.block_seconds, delay.output + self.playout.delay_samples / self.sample_rate

    def start(self) -> None:
        """Start the device; raises DeviceError."""
        self.stream.start()

    def wait(self, n_blocks: int, is_stopping: Callable[[], bool]) -> bool:
        """Wait until the device has come by so often; false if it should stop, or has gone.

        Where nothing was handed over it plays silence: a device that only captures does, and none starves.
        """
        missing = (n_blocks - 1) * self.stream.block - self._n_fed
        if missing > 0:
            self.play(np.zeros((1, missing), np.float32))
        while not is_stopping():
            if self.stream.n_elapsed >= n_blocks * self.stream.block:
                return True
            if not self.stream.is_active:
                self.trouble = f"The device {self.output} has gone."
                return False
            self.stream.wait()
        return False

    def captured(self) -> FloatArray:
        """The next block, `[channels, block]`."""
        assert self.stream.capture is not None
        return np.ascontiguousarray(self.stream.capture.take(self.stream.block).T)

    def play(self, sound: FloatArray) -> None:
        """Hand a block over to be played, on as many channels as the device has."""
        n_outputs = self.stream.playout.n_channels
        self._n_fed += sound.shape[1]
        fitted = sound[:n_outputs] if len(sound) >= n_outputs else np.repeat(sound[:1], n_outputs, axis=0)
        if self.playout.write(np.ascontiguousarray(fitted.T)) is not None:
            self._note_late()

    def _note_late(self) -> None:
        """Sound that comes late again and again is kept ready for longer, as in the live engine."""
        self.n_late += 1
        now = time.monotonic()
        self._late_at.append(now)
        is_often = len(self._late_at) == MISSES_TO_GROW and now - self._late_at[0] < MISS_MEMORY_SECONDS
        step = round(FRAME_SECONDS * self.sample_rate)
        if is_often and self.playout.delay_samples - self.stream.block + step <= MOST_MARGIN_FRAMES * step:
            self._late_at.clear()
            self.playout.grow(step)

    def stop(self) -> None:
        """Let the device go."""
        self.stream.close()


class Pump:
    """Moves sound, in a thread of its own, block by block.

    Args:
        clock: whose pace.
        listen: gives what is to be sent as `n` samples at `listen_rate` are due; fewer mean that it has ended. None:
            nothing is sent.
        play: takes care of what is heard as `n` samples at `play_rate()` are due. That is None before anything is.
        listen_rate, play_rate: Hz.
        on_trouble: called in this thread with a sentence when it ends by itself.
    """

    def __init__(
        self,
        clock: SystemClock | DeviceClock,
        listen: Callable[[int, float], bool] | None,
        listen_rate: int,
        play: Callable[[int, float], None],
        play_rate: Callable[[], int | None],
        on_trouble: Callable[[str], None],
    ) -> None:
        self._clock, self._listen, self._listen_rate = clock, listen, listen_rate
        self._play, self._play_rate, self._on_trouble = play, play_rate, on_trouble
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lamina-line", daemon=True)

    def start(self) -> None:
        """Begin; raises DeviceError if the device can't be started."""
        self._clock.start()
        self._thread.start()

    def stop(self) -> None:
        """End; returns when nothing moves any more."""
        self._is_stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        self._clock.stop()

    def _run(self) -> None:
        try:
            if isinstance(self._clock, DeviceClock):
                raise_priority()
            ignore_denormals()
            self._move()
        except Exception as error:  # a damaged file, a full disk: told, and the line ends
            self._on_trouble(str(error) or type(error).__name__)

    def _move(self) -> None:
        n_blocks, n_listened, n_played, played_from = 0, 0, 0, 0
        play_rate: int | None = None
        is_listening = self._listen is not None
        while self._clock.wait(n_blocks + 1, self._is_stopping.is_set):
            n_blocks += 1
            now = time.monotonic()
            if is_listening and self._listen is not None:
                due = round(n_blocks * self._clock.block_seconds * self._listen_rate) - n_listened
                n_listened += due
                is_listening = self._listen(due, now)
            if play_rate is None:
                play_rate, played_from = self._play_rate(), n_blocks - 1
            if play_rate is not None:
                due = round((n_blocks - played_from) * self._clock.block_seconds * play_rate) - n_played
                n_played += due
                self._play(due, now)
        if self._clock.trouble:
            self._on_trouble(self._clock.trouble)
