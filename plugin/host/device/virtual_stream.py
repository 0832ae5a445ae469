"""A device without hardware: a clock, or none, and the two rings that every stream has."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.host.device.rings import SampleRing, ring_capacity
from lamina.plugin.host.device.streams import LONGEST_NAP_SECONDS, SHORTEST_NAP_SECONDS, DelaySeconds, Stream


class VirtualStream(Stream):
    """A device without hardware: for machines without sound, for tests, and for hearing nothing while every view moves.

    It takes and gives blocks at the pace of a clock, or as fast as they are computed. What a real device would have
    done in the meantime is done whenever somebody looks at it, in order and as it would have been then; so it needs no
    thread of its own and is as punctual as the clock.

    Args:
        sample_rate, block: as for every stream.
        n_inputs, n_outputs: channels; 0 inputs for an output alone.
        source: called with n for the next `[n, n_inputs]` to capture (silence if None).
        sink: called with each `[n, n_outputs]` that was played.
        clock, sleep: what time it is, in seconds, and how to let some pass; no clock: as fast as the blocks come.
        cable_samples: connect output to input: what is played is captured so much later. Not with `source`.
    """

    def __init__(
        self,
        sample_rate: int,
        block: int,
        n_inputs: int = 2,
        n_outputs: int = 2,
        source: Callable[[int], FloatArray] | None = None,
        sink: Callable[[FloatArray], None] | None = None,
        clock: Callable[[], float] | None = time.monotonic,
        cable_samples: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        capacity = ring_capacity(sample_rate)
        self._capture = _WatchedRing(n_inputs, capacity, self._catch_up) if n_inputs else None
        self._playout = _WatchedRing(n_outputs, capacity, self._catch_up)
        super().__init__(sample_rate, block, self._capture, self._playout)
        self.is_real_time = clock is not None
        self._source, self._sink, self._clock, self._sleep = source, sink, clock, sleep
        self._started: float | None = None
        self._n_ticks = 0
        self._catching_up = threading.Lock()
        self._cable: FloatArray | None = (
            None if cable_samples is None else np.zeros((cable_samples, n_outputs), np.float32)
        )

    def start(self) -> None:
        self._started = self._clock() if self._clock is not None else 0.0

    def close(self) -> bool:
        self._started = None
        return True

    @property
    def is_active(self) -> bool:
        return self._started is not None

    @property
    def delay(self) -> DelaySeconds:
        return DelaySeconds(0.0, 0.0)

    def wait(self) -> None:
        if self._clock is None:
            if self._started is not None:
                self._tick()
            else:
                self._sleep(LONGEST_NAP_SECONDS)
            return
        due = (self._started or 0.0) + (self._n_ticks + 1) * self.block / self.sample_rate
        self._sleep(min(max(0.0, due - self._clock()) + SHORTEST_NAP_SECONDS, 0.05))

    def _catch_up(self) -> None:
        if self._clock is None:
            return
        # The audio thread looks, and so does whoever watches over it: what is due is done once and in order.
        with self._catching_up:
            if self._started is None:
                return
            n_due = int((self._clock() - self._started) * self.sample_rate) // self.block
            while self._n_ticks < n_due:
                if self._playout.n_stored < self.block:
                    # Seconds late: a real device would have stopped too.
                    self._started = None
                    return
                self._tick()

    def _tick(self) -> None:
        self._n_ticks += 1
        played = self._playout.take_now(self.block)
        if self._sink is not None:
            self._sink(played)
        if self._capture is not None:
            self._capture.add_now(self._captured(played, self._capture.n_channels))

    def _captured(self, played: FloatArray, n_channels: int) -> FloatArray:
        if self._cable is not None:
            joined = np.concatenate([self._cable, played])
            captured, self._cable = joined[: self.block], joined[self.block :]
            return captured[:, np.arange(n_channels) % captured.shape[1]]
        return self._source(self.block) if self._source is not None else np.zeros((self.block, n_channels), np.float32)


class _WatchedRing(SampleRing):
    """A ring whose device catches up whenever somebody asks how far it is."""

    def __init__(self, n_channels: int, capacity: int, look: Callable[[], None]) -> None:
        super().__init__(n_channels, capacity)
        self._look = look

    @property
    def n_written(self) -> int:
        self._look()
        return self._n_written

    @property
    def n_read(self) -> int:
        self._look()
        return self._n_read

    @property
    def n_stored(self) -> int:
        return self._n_written - self._n_read

    def take_now(self, n_samples: int) -> FloatArray:
        samples = self.load(self._n_read, n_samples)
        self._n_read += n_samples
        return samples

    def add_now(self, samples: FloatArray) -> None:
        self.store(self._n_written, samples)
        self._n_written += len(samples)
