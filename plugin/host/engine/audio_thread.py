"""The processing thread: takes what the device captured, has it processed, and hands the result to the device."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.host.device.device_settings import MOST_MARGIN_FRAMES
from lamina.plugin.host.device.playout import LateStretch, Playout
from lamina.plugin.host.device.streams import Stream
from lamina.plugin.host.engine.realtime import ignore_denormals, raise_priority
from lamina.plugin.host.wire.telemetry import TelemetryWriter

FRAME_SECONDS = 320 / 24_000
"""The step in which the margin grows and shrinks: a frame of the shipped model, whichever models stand on the board."""
MISSES_TO_GROW, MISS_MEMORY_SECONDS = 2, 10.0
KEPT_LATE = 1000

Processor = Callable[[FloatArray | None], FloatArray]
"""Captured `[n_inputs, n]` (None without an input) → what is played, `[2, n]`."""


@dataclass(frozen=True)
class MarginGrown:
    """The margin grew to `margin_samples` because blocks came late again and again."""

    margin_samples: int


class Worker:
    """Runs `process` on every block of a stream, in a thread of its own.

    Args:
        stream: not started yet; the worker starts it.
        process: called once per block; must not raise.
        telemetry: written by this thread while it runs.
        margin_samples: sound kept ready beside the device's buffer.
        grows: whether repeated misses make the margin grow.
        on_event: called on this thread with each `LateStretch` and `MarginGrown`; must return at once.
    """

    def __init__(
        self,
        stream: Stream,
        process: Processor,
        telemetry: TelemetryWriter,
        margin_samples: int,
        grows: bool = True,
        on_event: Callable[[LateStretch | MarginGrown], None] | None = None,
    ) -> None:
        self.stream = stream
        self.playout = Playout(stream.playout, stream.block + margin_samples, stream.block)
        self.late: deque[LateStretch] = deque(maxlen=KEPT_LATE)
        self.n_blocks = 0
        self.failure = ""
        self._process, self._telemetry, self._grows, self._on_event = process, telemetry, grows, on_event
        self._frame_samples = round(FRAME_SECONDS * stream.sample_rate)
        self._misses: deque[int] = deque(maxlen=MISSES_TO_GROW)
        self._late_end = -1
        self._is_stopping = False
        self._thread = threading.Thread(target=self._guard, name="lamina-audio", daemon=True)

    @property
    def margin_samples(self) -> int:
        """Sound kept ready beside the device's buffer."""
        return self.playout.delay_samples - self.stream.block

    @property
    def n_heard(self) -> int:
        """Samples of the processed sound that the device has taken."""
        return max(0, self.stream.playout.n_read - self.playout.delay_samples)

    def start(self) -> None:
        """Begin; raises DeviceError if the device can't be started."""
        self.stream.start()
        self._thread.start()

    def stop(self) -> None:
        """Write no more: the sound fades out behind the last block.

        Returns when the thread has ended and the fade was played.
        """
        self._is_stopping = True
        if self._thread.is_alive():
            self._thread.join()
        if self.stream.is_real_time and self.stream.is_active:
            time.sleep(max(0, self.playout.slack_samples + 2 * self.stream.block + 256) / self.stream.sample_rate)

    def shrink_margin(self) -> bool:
        """Give one frame of margin back, cross-faded; False if there isn't that much."""
        if self.margin_samples < self._frame_samples:
            return False
        self.playout.shrink(self._frame_samples)
        return True

    def _run(self) -> None:
        raise_priority()
        ignore_denormals()
        stream, block = self.stream, self.stream.block
        state = self._telemetry.state
        while not self._is_stopping:
            if stream.n_elapsed < (self.n_blocks + 1) * block:
                stream.wait()
                continue
            captured = np.ascontiguousarray(stream.capture.take(block).T) if stream.capture is not None else None
            started = time.perf_counter()
            played = self._process(captured)
            late = self.playout.write(_fit(played, stream.playout.n_channels))
            self.n_blocks += 1
            if late is not None:
                self._note(late)
            self._telemetry.add_block(time.perf_counter() - started, block)
            state["heartbeat"] = time.monotonic()
            state["margin_samples"] = self.margin_samples
            self._telemetry.publish()

    def _guard(self) -> None:
        try:
            self._run()
        except Exception as error:
            # The sound fades out behind the last block; whoever looks after the worker sees why.
            traceback.print_exc()
            self.failure = f"{type(error).__name__}: {error}"

    def _note(self, late: LateStretch) -> None:
        state = self._telemetry.state
        self.late.append(late)
        # One stall is one miss, however many blocks it took.
        is_new = late.position != self._late_end
        self._late_end = late.position + late.n_samples
        state["n_late"] += is_new
        state["n_late_samples"] += late.n_samples
        self._tell(late)
        if late.n_samples > late.n_lost:
            self._misses.clear()
            self._tell(MarginGrown(self.margin_samples))
        elif is_new and self._grows and self.margin_samples < MOST_MARGIN_FRAMES * self._frame_samples:
            self._misses.append(late.position)
            recent = late.position - MISS_MEMORY_SECONDS * self.stream.sample_rate
            if len(self._misses) == MISSES_TO_GROW and self._misses[0] >= recent:
                # It takes effect when the next one comes: then the gap is there already and nothing is lost.
                self.playout.grow(self._frame_samples)

    def _tell(self, event: LateStretch | MarginGrown) -> None:
        if self._on_event is not None:
            self._on_event(event)


def _fit(played: FloatArray, n_channels: int) -> FloatArray:
    """Stereo `[2, n]` as a device of `n_channels` takes it, `[n, n_channels]`."""
    fitting: FloatArray = played.mean(axis=0, keepdims=True, dtype=np.float32) if n_channels == 1 else played
    return fitting.T
