"""Streaming spectrum columns: what a scrolling spectrogram draws, on a mel-spaced frequency axis.

A column describes the window of samples that ends at its own time, so nothing waits for the future, and the column
rate is fixed in columns per second: two spectra of one rate stay aligned whatever the blocks they were pushed in.
"""

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.arrays import FloatArray

WINDOW_SECONDS = 0.043  # 23 Hz between bins: resolves voice harmonics and still follows a drum


def hz_to_mel(frequency_hz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Pitch in mel of a frequency in Hz (O'Shaughnessy, Speech Communication, 1987)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(frequency_hz, np.float64) / 700.0))


def mel_to_hz(pitch_mel: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Frequency in Hz of a pitch in mel, the inverse of `hz_to_mel`."""
    return np.asarray(700.0 * (10.0 ** (np.asarray(pitch_mel, np.float64) / 2595.0) - 1.0))


def mel_edges(n_bands: int, minimum_hz: float, maximum_hz: float) -> NDArray[np.float64]:
    """Edges in Hz of `n_bands` bands equally wide in mel, `[n_bands + 1]`, rising.

    Raises ValueError for a range that is empty or negative, or for no bands at all.
    """
    if n_bands < 1:
        raise ValueError(f"n_bands is {n_bands}; at least 1 band is needed.")
    if not 0.0 <= minimum_hz < maximum_hz:
        raise ValueError(
            f"The range {minimum_hz} to {maximum_hz} Hz is empty or negative; give 0 <= minimum < maximum."
        )
    return mel_to_hz(np.linspace(float(hz_to_mel(minimum_hz)), float(hz_to_mel(maximum_hz)), n_bands + 1))


class SpectrumColumns:
    """Turns a stream of blocks into dB columns, one per `1 / columns_per_second` seconds.

    A full-scale sine reads 0 dB, give or take the Hann window's 1.42 dB of scalloping. Channels are averaged in power.

    Arguments:
        sample_rate: of the blocks, in Hz, above 0.
        n_channels: of the blocks, 1 or more.
        edges_hz: rising band edges `[n_bands + 1]`; bands above half the sample rate stay at the floor.
        columns_per_second: column rate, above 0.
        floor_db: what silence reads, in dBFS, below 0.

    Raises ValueError for an argument out of its range.
    """

    def __init__(
        self,
        sample_rate: float,
        n_channels: int,
        edges_hz: NDArray[np.float64],
        columns_per_second: float = 75.0,
        floor_db: float = -96.0,
    ) -> None:
        if not sample_rate > 0:
            raise ValueError(f"sample_rate is {sample_rate}; it must be above 0 Hz.")
        if n_channels < 1:
            raise ValueError(f"n_channels is {n_channels}; at least 1 channel is needed.")
        if not columns_per_second > 0:
            raise ValueError(f"columns_per_second is {columns_per_second}; it must be above 0.")
        if not floor_db < 0:
            raise ValueError(f"floor_db is {floor_db}; it must be below 0 dBFS.")
        self.sample_rate = float(sample_rate)
        self.n_channels = n_channels
        self.columns_per_second = float(columns_per_second)
        self.floor_db = float(floor_db)
        self.n_bands = len(edges_hz) - 1
        # A power of two near the window's length keeps the FFT fast at every rate.
        self.window_samples = 1 << max(6, round(float(np.log2(sample_rate * WINDOW_SECONDS))))
        window = np.hanning(self.window_samples + 1)[:-1]
        self._window: FloatArray = (window * (2.0 / window.sum())).astype(np.float32)
        self._bands = _BandMap(self.window_samples, self.sample_rate, np.asarray(edges_hz, np.float64))
        self.reset()

    def reset(self) -> None:
        """Forgets the past: the next column sees silence before the next block."""
        self._history: FloatArray = np.zeros((self.n_channels, self.window_samples), np.float32)
        self._n_samples = 0
        self._n_columns = 0

    def push(self, block: FloatArray) -> FloatArray:
        """Takes a block `[channels, n]` and returns the columns that ended in it, `[n_columns, n_bands]` in dBFS.

        Raises ValueError for another shape.
        """
        if block.ndim != 2 or block.shape[0] != self.n_channels:
            raise ValueError(f"The block has shape {block.shape}; [{self.n_channels}, n] is expected.")
        joined = np.concatenate([self._history, block], axis=1)
        columns = []
        while True:
            end = self._column_end(self._n_columns) - self._n_samples + self.window_samples
            if end > joined.shape[1]:
                break
            columns.append(self._column(joined[:, end - self.window_samples : end]))
            self._n_columns += 1
        self._history = joined[:, joined.shape[1] - self.window_samples :]
        self._n_samples += block.shape[1]
        return np.array(columns, np.float32).reshape(-1, self.n_bands)

    def _column_end(self, index: int) -> int:
        """Sample at which column `index` ends; rounded from the exact time, so that no rate drifts."""
        return round((index + 1) * self.sample_rate / self.columns_per_second)

    def _column(self, segment: FloatArray) -> FloatArray:
        spectrum = np.fft.rfft(segment * self._window, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
        floor_power = 10.0 ** (self.floor_db / 10.0)
        return np.asarray(10.0 * np.log10(np.maximum(self._bands(power), floor_power)), np.float32)


class _BandMap:
    """Maps FFT bins to bands: the loudest bin of a wide band, an interpolated value where a band holds no bin.

    The loudest bin, not the sum, because a sine then reads its own level in a wide band and in a narrow one.
    """

    def __init__(self, window_samples: int, sample_rate: float, edges_hz: NDArray[np.float64]) -> None:
        if len(edges_hz) < 2 or np.any(np.diff(edges_hz) <= 0):
            raise ValueError("edges_hz must be at least two rising frequencies.")
        n_bins = window_samples // 2 + 1
        bin_hz = sample_rate / window_samples
        bounds = np.clip(np.ceil(edges_hz / bin_hz), 0, n_bins).astype(np.int64)
        holds_bins = np.diff(bounds) > 0
        self._wide = np.flatnonzero(holds_bins)
        self._starts = bounds[:-1][holds_bins]
        self._last = int(bounds[-1])
        centres_hz = (edges_hz[:-1] + edges_hz[1:]) / 2
        self._narrow = np.flatnonzero(~holds_bins & (centres_hz < sample_rate / 2))
        position = np.minimum(centres_hz[self._narrow] / bin_hz, n_bins - 1.001)
        self._below = position.astype(np.int64)
        self._weight = position - self._below
        self._n_bands = len(edges_hz) - 1

    def __call__(self, power: NDArray[np.floating]) -> NDArray[np.float64]:
        """Power per bin `[n_bins]` to power per band `[n_bands]`."""
        bands = np.zeros(self._n_bands)
        if len(self._wide):
            # Bands that hold bins follow one another without a gap, so each ends where the next starts.
            bands[self._wide] = np.maximum.reduceat(power[: self._last], self._starts)
        bands[self._narrow] = (1 - self._weight) * power[self._below] + self._weight * power[self._below + 1]
        return bands
