"""Rings of samples between a device's callback and the processing thread: one writer, one reader, no lock.

Both count samples from the stream's beginning; a sample's place in the ring is its number modulo the capacity.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.dsp.arrays import FloatArray

RING_SECONDS = 4.0


def ring_capacity(sample_rate: int) -> int:
    """Samples of a ring: a power of two that holds at least RING_SECONDS."""
    return 1 << int(np.ceil(np.log2(RING_SECONDS * sample_rate)))


class SampleRing:
    """A ring that Python code writes and reads.

    storage: `[capacity, n_channels]`, interleaved as devices want it.
    """

    def __init__(self, n_channels: int, capacity: int) -> None:
        if capacity < 1 or capacity & (capacity - 1):
            raise ValueError(f"A ring of {capacity} samples can't be made; the capacity must be a power of two.")
        self.storage: FloatArray = np.zeros((capacity, n_channels), np.float32)
        self.capacity, self.n_channels = capacity, n_channels
        self._n_written = self._n_read = 0

    @property
    def n_written(self) -> int:
        """Samples written since the beginning."""
        return self._n_written

    @property
    def n_read(self) -> int:
        """Samples read since the beginning."""
        return self._n_read

    def advance_written(self, n_samples: int) -> None:
        """Hand samples over to the reader. The writer's call."""
        self._n_written += n_samples

    def advance_read(self, n_samples: int) -> None:
        """Hand places back to the writer. The reader's call."""
        self._n_read += n_samples

    def places(self, start: int, n_samples: int) -> tuple[FloatArray, FloatArray]:
        """The storage of samples `start` … `start + n_samples`, in two parts of which the second is mostly empty."""
        first = start % self.capacity
        n_first = min(n_samples, self.capacity - first)
        return self.storage[first : first + n_first], self.storage[: n_samples - n_first]

    def load(self, start: int, n_samples: int) -> FloatArray:
        """A copy of samples `start` … `start + n_samples`, `[n_samples, n_channels]`."""
        return np.concatenate(self.places(start, n_samples))

    def store(self, start: int, samples: FloatArray) -> None:
        """Put `[n, n_channels]` at the places of samples `start` …"""
        head, rest = self.places(start, len(samples))
        head[:] = samples[: len(head)]
        rest[:] = samples[len(head) :]

    def clear(self, start: int, n_samples: int) -> None:
        """Silence at the places of samples `start` …"""
        for part in self.places(start, n_samples):
            part[:] = 0.0

    def take(self, n_samples: int) -> FloatArray:
        """Read `n_samples` that are known to be there."""
        samples = self.load(self.n_read, n_samples)
        self.advance_read(n_samples)
        return samples


class PortAudioRing(SampleRing):
    """A ring whose other side is rtmixer's callback, in C.

    PortAudio's indices run modulo twice the capacity, so the counts here are carried on from the last look at them:
    at least one look per capacity is needed.
    """

    def __init__(self, n_channels: int, capacity: int) -> None:
        import rtmixer

        super().__init__(n_channels, capacity)
        self.handle: Any = rtmixer.RingBuffer(n_channels * 4, buffer=self.storage)
        self._pointer = self.handle._ptr

    @property
    def n_written(self) -> int:
        self._n_written += (self._pointer.writeIndex - self._n_written) & self._pointer.bigMask
        return self._n_written

    @property
    def n_read(self) -> int:
        self._n_read += (self._pointer.readIndex - self._n_read) & self._pointer.bigMask
        return self._n_read

    def advance_written(self, n_samples: int) -> None:
        self.handle.advance_write_index(n_samples)

    def advance_read(self, n_samples: int) -> None:
        self.handle.advance_read_index(n_samples)
