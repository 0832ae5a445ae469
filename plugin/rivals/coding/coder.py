"""`Coder`: one stream through a codec's encoder and decoder, frame by frame at the codec's own rate."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from lamina.dsp.arrays import FloatArray


class Coder(ABC):
    """State of one stream, mono or as many channels as the codec takes together.

    Args:
        rate: the codec's sample rate, Hz.
        frame: samples that `push` takes a whole number of.
        delay: samples by which what `push` gives lags what it was given.

    `n_bits` are the bits made so far, and `n_coded` the samples that they describe.
    """

    def __init__(self, rate: int, frame: int, delay: int) -> None:
        self.rate, self.frame, self.delay = rate, frame, delay
        self.n_bits = self.n_coded = 0

    @abstractmethod
    def push(self, frames: FloatArray) -> FloatArray:
        """Whole frames `[channels, k · frame]` → as many samples, `delay` later."""

    @property
    def kbps(self) -> float:
        """Bits really made per second of what they describe, in thousands; 0 before the first."""
        return self.n_bits * self.rate / self.n_coded / 1000 if self.n_coded else 0.0


class Integers:
    """Floats in −1 … 1 to 16-bit samples and back, as sound files hold them."""

    @staticmethod
    def of(samples: FloatArray) -> np.ndarray:
        """int16 of the same shape; what is beyond full scale is clipped."""
        return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)

    @staticmethod
    def back(samples: np.ndarray) -> FloatArray:
        """float32 of the same shape."""
        return samples.astype(np.float32) / np.float32(32768)
