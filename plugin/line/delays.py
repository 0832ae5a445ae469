"""How late packets come: the delays of the last seconds, as the jitter buffer looks at them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

KEPT = 600
WINDOW_SECONDS = 8.0
"""Older delays say nothing about now."""
LEAST_KEPT = 24
"""But so many are always looked at: silence may be sent sparsely."""


class DelayHistory:
    """Delays of frames: positions of the sink at which they came, less their own positions.

    Only differences mean anything: what the two clocks count from is not known.

    Args:
        sample_rate: samples per second in which positions are told.
    """

    def __init__(self, sample_rate: int) -> None:
        self._window = WINDOW_SECONDS * sample_rate
        self._delays = np.zeros(KEPT)
        self._positions = np.full(KEPT, -np.inf)
        self._n = 0

    def __len__(self) -> int:
        return min(self._n, KEPT)

    def add(self, delay: float, position: float) -> None:
        """A frame came at this position of the sink."""
        self._delays[self._n % KEPT], self._positions[self._n % KEPT] = delay, position
        self._n += 1

    def clear(self) -> None:
        """Forget all."""
        self._n = 0
        self._positions[:] = -np.inf

    def recent(self, position: float) -> npt.NDArray[np.float64]:
        """The delays that count at this position of the sink, in no order."""
        n = len(self)
        if n <= LEAST_KEPT:
            return self._delays[:n]
        is_recent = self._positions[:n] >= position - self._window
        if int(is_recent.sum()) >= LEAST_KEPT:
            return self._delays[:n][is_recent]
        newest = np.argsort(self._positions[:n])[-LEAST_KEPT:]
        return self._delays[:n][newest]
