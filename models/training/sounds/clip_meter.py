"""What is measured of a clip while it is packed: band edge, clipping, silence, DC, and its fingerprint.

Measured once and kept with the clip, so that checks before a training run read no audio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.training.sounds.fingerprint import feature_matrix, fingerprint

WINDOW = 1024
FRAMES_PER_SECOND = 50
SILENCE_DBFS = -60.0
FULL_SCALE = 0.999
SHORTEST_RUN = 3
"""Samples in a row at full scale that count as clipped: a single one may be a lucky peak."""

EDGE_BANDS = 24
EDGE_BELOW_LOUDEST_DB = 40.0
EDGE_PERCENTILE = 99.0
CLIFF_BANDS = 4
CLIFF_DB = 20.0
LOWEST_EDGE_HZ = 3_000.0
"""No recording chain ends below this, but many a bass does."""

_LEVELS = np.arange(-140.0, 20.0)


@dataclass(frozen=True)
class ClipMeasures:
    """Args:
    band_edge_hz: where the sound's band ends; half the sample rate where it thins out naturally instead of ending.
    peak: largest absolute sample, 1 is full scale.
    clipped: share of samples in runs at full scale in the file as stored, 0 … 1.
    silent: share of 20 ms frames below −60 dBFS, 0 … 1.
    dc: mean of the samples.
    fingerprint: uint32 `[n]`, 25 per second.
    """

    band_edge_hz: float
    peak: float
    clipped: float
    silent: float
    dc: float
    fingerprint: npt.NDArray[np.uint32]


class ClipMeter:
    """Measures one clip of which the blocks come one after the other; memory grows by 7 kB per second of sound.

    Args:
        sample_rate: of the mono blocks, in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._hop = sample_rate // FRAMES_PER_SECOND
        self._window = np.hanning(WINDOW).astype(np.float32)
        self._features_of = feature_matrix(sample_rate, WINDOW)
        self._edges_of = _edge_matrix(WINDOW)
        self._pending = np.zeros(0, np.float32)
        self._histogram = np.zeros((EDGE_BANDS, len(_LEVELS)), np.int64)
        self._features: list[FloatArray] = []
        self._levels: list[FloatArray] = []
        self._n = self._n_native = self._n_clipped = 0
        self._sum, self._peak = 0.0, 0.0

    def add(self, native: FloatArray, mono: FloatArray) -> None:
        """Take a block: `[n, channels]` as stored, and the same `[m]` mono at the meter's rate."""
        self._n_native += native.size
        self._n_clipped += sum(_clipped(channel) for channel in native.T)
        if len(mono) == 0:
            return
        self._n += len(mono)
        self._sum += float(mono.sum(dtype=np.float64))
        self._peak = max(self._peak, float(np.abs(mono).max()))
        self._pending = np.concatenate((self._pending, mono))
        if len(self._pending) >= WINDOW:
            self._analyse()

    def result(self) -> ClipMeasures:
        """The measures of everything added."""
        if not self._levels:
            self._pending = np.pad(self._pending, (0, WINDOW - len(self._pending)))
            self._analyse()
        levels = np.concatenate(self._levels)
        return ClipMeasures(
            band_edge_hz=self._band_edge(),
            peak=self._peak,
            clipped=self._n_clipped / max(1, self._n_native),
            silent=float(np.mean(levels < SILENCE_DBFS)),
            dc=self._sum / max(1, self._n),
            fingerprint=fingerprint(np.concatenate(self._features), levels >= SILENCE_DBFS),
        )

    def _analyse(self) -> None:
        import scipy.fft

        frames = np.lib.stride_tricks.sliding_window_view(self._pending, WINDOW)[:: self._hop]
        spectrum = scipy.fft.rfft(frames * self._window)
        power = (spectrum.real**2 + spectrum.imag**2) / np.float32(WINDOW * np.square(self._window).sum() / 2)
        levels = 10 * np.log10(power[:, 1:].sum(1) + 1e-14)
        loud = levels >= SILENCE_DBFS
        bands = 10 * np.log10(power[loud] @ self._edges_of + 1e-14)
        columns = np.clip(bands - _LEVELS[0], 0, len(_LEVELS) - 1).astype(np.int64)
        for band in range(EDGE_BANDS):
            self._histogram[band] += np.bincount(columns[:, band], minlength=len(_LEVELS))
        self._features.append(power @ self._features_of)
        self._levels.append(levels)
        self._pending = self._pending[len(frames) * self._hop :]

    def _band_edge(self) -> float:
        """Where the spectrum falls off a cliff: the top of the highest band that counts.

        A band counts if its loud moments come near the loudest band's.
        """
        width = self.sample_rate / 2 / EDGE_BANDS
        counts = self._histogram.cumsum(1)
        if counts[0, -1] == 0:
            return self.sample_rate / 2
        loud = _LEVELS[(counts >= counts[:, -1:] * EDGE_PERCENTILE / 100).argmax(1)]
        # A sound that falls slowly, or has no highs at all, is full-band and dark; one that falls off a cliff was cut.
        last = int(np.flatnonzero(loud >= loud.max() - EDGE_BELOW_LOUDEST_DB)[-1])
        beyond = last + CLIFF_BANDS
        # The topmost bands lie in the resampler's own slope: nothing can be told from a fall there.
        falls_slowly = beyond < EDGE_BANDS - 1 and loud[last] - loud[beyond] < CLIFF_DB
        edge = (last + 1) * width
        return self.sample_rate / 2 if falls_slowly or edge < LOWEST_EDGE_HZ else edge


def _clipped(channel: FloatArray) -> int:
    """How many samples lie in runs of at least SHORTEST_RUN at full scale."""
    at_limit = np.abs(channel) >= FULL_SCALE
    if not at_limit.any():
        return 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], at_limit, [False])).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= SHORTEST_RUN].sum())


def _edge_matrix(window: int) -> FloatArray:
    """`[bins, EDGE_BANDS]`: sums bins into equally wide bands."""
    bands = np.minimum(np.arange(window // 2 + 1) * EDGE_BANDS // (window // 2), EDGE_BANDS - 1)
    matrix: FloatArray = (bands[:, None] == np.arange(EDGE_BANDS)).astype(np.float32)
    matrix[0] = 0
    return matrix
