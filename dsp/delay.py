"""A delay line of a constant number of samples."""

from __future__ import annotations

import numpy as np

from lamina.dsp.arrays import FloatArray


class DelayLine:
    """Delays `[channels, n]` blocks by `delay_samples` (≥ 0); silent before the first input."""

    def __init__(self, n_channels: int, delay_samples: int) -> None:
        if delay_samples < 0:
            raise ValueError(f"delay_samples is {delay_samples}; a delay can't be negative.")
        self._held = np.zeros((n_channels, delay_samples), np.float32)

    def push(self, block: FloatArray) -> FloatArray:
        """A block of the same length, `delay_samples` older."""
        joined = np.concatenate([self._held, block], 1)
        n_samples = block.shape[1]
        self._held = joined[:, n_samples:].copy()
        return joined[:, :n_samples]
