"""The test tone: a sine that says whether an output can be heard, and at which level."""

from __future__ import annotations

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.ramp import Ramp

FREQUENCY_HZ = 1000
LEVEL_DBFS = -18.0  # of its peak: the usual alignment level, which startles nobody
FADE_SECONDS = 0.01
N_OUT = 2


class TestTone:
    """A 1 kHz sine at −18 dBFS in both channels, faded in and out.

    `is_on` may be set by any thread; `read` belongs to the audio thread.
    """

    __test__ = False  # not a test, whatever its name looks like to pytest

    def __init__(self, sample_rate: int) -> None:
        self.is_on = False
        self.sample_rate = sample_rate
        self._gain = Ramp(0.0, round(FADE_SECONDS * sample_rate))
        self._n_read = 0  # within a second, after which the sine repeats

    def read(self, n_samples: int) -> FloatArray:
        """The next block `[2, n_samples]`."""
        self._gain.set(10.0 ** (LEVEL_DBFS / 20.0) if self.is_on else 0.0)
        gain = self._gain.take(n_samples)
        out = np.zeros((N_OUT, n_samples), np.float32)
        if gain.any():
            # Whole cycles are left out exactly, so that the phase is right after hours too.
            cycles = (self._n_read + np.arange(n_samples)) * FREQUENCY_HZ % self.sample_rate / self.sample_rate
            out[:] = gain * np.sin(2.0 * np.pi * cycles)
        self._n_read = (self._n_read + n_samples) % self.sample_rate
        return out
