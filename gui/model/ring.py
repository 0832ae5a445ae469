"""The buffer between the thread that computes sound and the device that plays it."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class SampleRing:
    """A fixed store of samples with one writer and one reader, each in its own thread.

    Both sides only ever move their own counter forward, after the samples are in place, so no lock is needed and the
    reader never waits. The counters never wrap: sample k of the stream lies at k modulo the capacity.
    """

    def __init__(self, n_channels: int, capacity: int) -> None:
        self.capacity = capacity
        self.n_channels = n_channels
        self.n_written = 0
        self.n_read = 0
        self._store: FloatArray = np.zeros((n_channels, capacity), np.float32)

    @property
    def n_stored(self) -> int:
        """Samples that can be read now."""
        return self.n_written - self.n_read

    def write(self, block: FloatArray) -> None:
        """Adds a block `[channels, n]`; the writer sees to it that n fits (a programming error otherwise)."""
        n_samples = block.shape[1]
        assert n_samples <= self.capacity - self.n_stored, "the ring's writer must leave no more than fits"
        start = self.n_written % self.capacity
        n_first = min(n_samples, self.capacity - start)
        self._store[:, start : start + n_first] = block[:, :n_first]
        self._store[:, : n_samples - n_first] = block[:, n_first:]
        self.n_written += n_samples

    def read_into(self, out: FloatArray) -> int:
        """Fills `out` `[n, channels]` from its start and returns how many samples there were; leaves the rest alone."""
        n_samples = min(out.shape[0], self.n_stored)
        start = self.n_read % self.capacity
        n_first = min(n_samples, self.capacity - start)
        out[:n_first] = self._store[:, start : start + n_first].T
        out[n_first:n_samples] = self._store[:, : n_samples - n_first].T
        self.n_read += n_samples
        return n_samples

    def drop(self) -> None:
        """Forgets what is stored. Only while the reader is known to be at rest."""
        self.n_read = self.n_written
