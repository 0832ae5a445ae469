"""Two devices' clocks differ by some millionths: what is played is stretched by as much.

How fast is found by a loop of second order from how far the jitter buffer's offset is from what is wanted: what
remains of a constant difference between the clocks is nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.dsp.resample import kernel_table

HALF_TAPS = 40
"""As in `lamina.dsp.resample`."""
PHASES = 4096
"""Finest division of a sample: what that errs is below −60 dB at the highest frequency."""

DEAD_MS, DEAD_SECONDS = 2.0, 2.0
"""So far and so long the offset must be from what is wanted before anything is corrected: equal clocks change no
sample.
"""
TRUSTED_MS = 10.0
"""What is further off is no drift; other means take care of it."""
CORNER = 0.096
"""The loop's natural frequency, radians per second: it settles within half a minute."""
MOST_RATIO = 1e-3
"""The most that a pitch is changed by: 1.7 cents."""
MOST_LEARNT = 6e-4


class DriftControl:
    """How much faster than it was made a stream is played.

    Args:
        sample_rate: in whose samples offsets are told, Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._dead = DEAD_MS * sample_rate / 1000
        self._trusted = TRUSTED_MS * sample_rate / 1000
        self._learnt = self._off_seconds = 0.0
        self.is_engaged = False
        """Whether anything is corrected. Once clocks differ, they do."""

    @property
    def ppm(self) -> float:
        """By how many millionths the stream's clock is faster than the sink's, as far as it is known."""
        return 1e6 * self._learnt

    def ratio(self, error: float, n_samples: float, learn: bool = True) -> float:
        """Samples of the stream per sample of the sink.

        Args:
            error: the offset less what is wanted, in samples.
            n_samples: since the last call.
            learn: whether the error may come of the clocks, and not of a buffer that is on its way to another depth.
        """
        seconds, is_drift = n_samples / self._rate, learn and abs(error) <= self._trusted
        if not self.is_engaged:
            self._off_seconds = self._off_seconds + seconds if is_drift and abs(error) > self._dead else 0.0
            if self._off_seconds < DEAD_SECONDS:
                return 1.0
            self.is_engaged = True
        if is_drift:
            self._learnt += CORNER**2 / self._rate * error * seconds
            self._learnt = min(max(self._learnt, -MOST_LEARNT), MOST_LEARNT)
        ratio = self._learnt + 2 * CORNER / self._rate * error
        return 1 + min(max(ratio, -MOST_RATIO), MOST_RATIO)


class Varispeed:
    """Plays a stream by a factor faster that may change with each call.

    While the factor has always been 1 nothing is changed. Positions are exact to 1/4096 of a sample.

    Args:
        n_channels: of every block.
    """

    def __init__(self, n_channels: int) -> None:
        self._held = np.zeros((n_channels, HALF_TAPS), np.float32)
        self._position = float(HALF_TAPS)
        self._is_on = False

    def push(self, x: FloatArray, ratio: float) -> FloatArray:
        """Samples `[channels, n]` → what they complete, about n / ratio samples."""
        if not self._is_on and ratio == 1.0:
            self._held = np.concatenate([self._held, x], 1)[:, -HALF_TAPS:]
            return x
        self._is_on = True
        self._held = np.concatenate([self._held, x], 1)
        # The last output's kernel ends inside what is there.
        end = self._held.shape[1] - HALF_TAPS
        count = max(0, int(np.ceil((end - self._position) / ratio)))
        positions = self._position + ratio * np.arange(count)
        whole = positions.astype(np.int64)
        phase = ((positions - whole) * PHASES).astype(np.int64)
        table: npt.NDArray[np.float64] = kernel_table(1, 1, HALF_TAPS, PHASES)
        windows = np.lib.stride_tricks.sliding_window_view(self._held, 2 * HALF_TAPS, axis=1)
        summed = np.einsum("cnt,nt->cn", windows[:, whole - HALF_TAPS + 1], table[phase])
        y: FloatArray = summed.astype(np.float32)
        self._position += ratio * count
        gone = int(self._position) - HALF_TAPS
        self._held, self._position = self._held[:, gone:], self._position - gone
        return y
