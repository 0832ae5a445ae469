"""Measured loopback latency: short sweeps go out, and where they come back in tells the true round trip.

A sweep instead of a click, because correlation finds it in noise and behind loudspeakers; several, because one knock on
the table must not count.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from lamina.dsp.arrays import FloatArray

N_SWEEPS = 5
SWEEP_SECONDS, LONGEST_SECONDS = 0.02, 0.28
"""How long a sweep is, and how late it may come back."""
LENGTHENING_SECONDS = 0.03
"""Each pause is so much longer than the one before.

A sweep that comes back after the next one began is late by another time in each pause, and can't be taken for an early
one.
"""
LOWEST_HZ, HIGHEST_HZ = 500.0, 6000.0
LEVEL = 0.25
LEAST_AGREEING = 4
AGREEMENT_SECONDS = 0.0005
LEAST_PEAK_RATIO = 8.0
"""How far the correlation's peak must stand above its median: noise alone stays near 4."""


class CalibrationError(ValueError):
    """Nothing usable came back; the message says what to do."""


@dataclass(frozen=True)
class RoundTrip:
    """What was measured: from when a block is computed until its sound is captured.

    `n_samples` of that, and the spread of the single measurements.
    """

    n_samples: int
    spread_samples: int


class Calibration:
    """One measurement. `exchange` is called with every block on the audio thread; `result` after `wait`.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._sweep = _sweep(sample_rate)
        self._longest = round(LONGEST_SECONDS * sample_rate)
        pauses = [SWEEP_SECONDS + LONGEST_SECONDS + number * LENGTHENING_SECONDS for number in range(N_SWEEPS)]
        *self._starts, n_samples = (round(seconds * sample_rate) for seconds in np.cumsum([0.0, *pauses]))
        signal = np.zeros(n_samples, np.float32)
        for start in self._starts:
            signal[start : start + len(self._sweep)] = self._sweep
        self._signal = signal
        self._captured = np.zeros(len(signal), np.float32)
        self._position = 0
        self._done = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Wait until it is done; False if it isn't after so long."""
        return self._done.wait(seconds)

    def exchange(self, captured: FloatArray) -> FloatArray:
        """Captured `[channels, n]` of this block → what to play, `[2, n]`."""
        n_samples = captured.shape[1]
        played = np.zeros((2, n_samples), np.float32)
        n_left = min(n_samples, len(self._signal) - self._position)
        if n_left:
            stretch = slice(self._position, self._position + n_left)
            played[:, :n_left] = self._signal[stretch]
            self._captured[stretch] = captured[:, :n_left].sum(axis=0)
            self._position += n_left
        elif not self._done.is_set():
            self._done.set()
        return played

    def result(self) -> RoundTrip:
        """The median of what the sweeps say; raises CalibrationError if too few came back or they disagree."""
        lags = [lag for lag in (self._lag(start) for start in self._starts) if lag is not None]
        middle = int(np.median(lags)) if lags else 0
        agreeing = [lag for lag in lags if abs(lag - middle) <= AGREEMENT_SECONDS * self._rate]
        if len(agreeing) < LEAST_AGREEING:
            raise CalibrationError(
                f"The test sound did not come back clearly ({len(agreeing)} of {N_SWEEPS} times). Connect the output "
                "to the input with a "
                "cable, or turn loudspeaker and microphone up, and measure again. A way round that is longer than "
                f"{LONGEST_SECONDS:g} seconds can't be measured."
            )
        return RoundTrip(middle, max(agreeing) - min(agreeing))

    def _lag(self, start: int) -> int | None:
        heard = self._captured[start : start + self._longest + len(self._sweep)].astype(np.float64)
        size = 1 << int(np.ceil(np.log2(len(heard) + len(self._sweep))))
        product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(self._sweep, size))
        correlation = np.abs(np.fft.irfft(product, size)[: self._longest])
        lag = int(np.argmax(correlation))
        floor = float(np.median(correlation))
        return lag if correlation[lag] > 0 and correlation[lag] >= LEAST_PEAK_RATIO * floor else None


def _sweep(sample_rate: int) -> FloatArray:
    n_samples = round(SWEEP_SECONDS * sample_rate)
    t = np.arange(n_samples) / sample_rate
    highest = min(HIGHEST_HZ, 0.4 * sample_rate)
    phase = 2 * np.pi * (LOWEST_HZ * t + (highest - LOWEST_HZ) * t**2 / (2 * SWEEP_SECONDS))
    return (LEVEL * np.sin(phase) * np.hanning(n_samples)).astype(np.float32)
