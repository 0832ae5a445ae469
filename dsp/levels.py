"""Streaming level meter: peak and RMS in dBFS with a meter's ballistics."""

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.arrays import FloatArray


def to_dbfs(amplitude: float | NDArray[np.floating], floor_db: float = -96.0) -> NDArray[np.float64]:
    """Level in dBFS of a linear amplitude (1.0 is full scale, 0 dBFS), never below `floor_db`."""
    return np.asarray(20.0 * np.log10(np.maximum(np.asarray(amplitude, np.float64), 10.0 ** (floor_db / 20.0))))


class LevelMeter:
    """Peak and RMS level of a stream, one per channel.

    The peak rises at once and falls at a constant rate; a hold mark stays where the highest peak of the last moments
    was. RMS is the root of an exponentially weighted mean square. All three depend on the samples alone, not on how
    they were cut into blocks. A full-scale sine reads 0 dBFS peak and -3.01 dBFS RMS. `n_full` counts the samples at
    full scale (an amplitude of 1.0) and above since the beginning, over all channels: where there are any, what comes
    after clips or may have clipped before.

    Arguments:
        sample_rate: of the blocks, in Hz, above 0.
        n_channels: of the blocks, 1 or more.
        fall_db_per_second: how fast the peak falls, above 0.
        rms_seconds: time constant of the RMS, above 0.
        hold_seconds: how long the hold mark stays, 0 or more.
        floor_db: what silence reads, in dBFS, below 0.

    Raises ValueError for an argument out of its range.
    """

    def __init__(
        self,
        sample_rate: float,
        n_channels: int,
        fall_db_per_second: float = 24.0,
        rms_seconds: float = 0.3,
        hold_seconds: float = 1.5,
        floor_db: float = -96.0,
    ) -> None:
        if not sample_rate > 0:
            raise ValueError(f"sample_rate is {sample_rate}; it must be above 0 Hz.")
        if n_channels < 1:
            raise ValueError(f"n_channels is {n_channels}; at least 1 channel is needed.")
        if not (fall_db_per_second > 0 and rms_seconds > 0 and hold_seconds >= 0):
            raise ValueError("fall_db_per_second and rms_seconds must be above 0, hold_seconds 0 or more.")
        if not floor_db < 0:
            raise ValueError(f"floor_db is {floor_db}; it must be below 0 dBFS.")
        self.sample_rate = float(sample_rate)
        self.n_channels = n_channels
        self.floor_db = float(floor_db)
        self._fall_per_sample = 10.0 ** (-fall_db_per_second / 20.0 / sample_rate)
        self._keep_per_sample = float(np.exp(-1.0 / (rms_seconds * sample_rate)))
        self._hold_samples = round(hold_seconds * sample_rate)
        self.reset()

    def reset(self) -> None:
        """Back to silence."""
        self._peak: NDArray[np.float64] = np.zeros(self.n_channels)
        self._mean_square: NDArray[np.float64] = np.zeros(self.n_channels)
        self._hold: NDArray[np.float64] = np.zeros(self.n_channels)
        self._held_samples: NDArray[np.int64] = np.zeros(self.n_channels, np.int64)
        self.n_full = 0

    def push(self, block: FloatArray) -> None:
        """Takes a block `[channels, n]`; raises ValueError for another shape."""
        if block.ndim != 2 or block.shape[0] != self.n_channels:
            raise ValueError(f"The block has shape {block.shape}; [{self.n_channels}, n] is expected.")
        n_samples = block.shape[1]
        if n_samples == 0:
            return
        magnitude = np.abs(block.astype(np.float64))
        self.n_full += int(np.count_nonzero(magnitude >= 1.0))
        age = np.arange(n_samples - 1, -1, -1, dtype=np.float64)
        self._peak = np.maximum(
            self._peak * self._fall_per_sample**n_samples, (magnitude * self._fall_per_sample**age).max(axis=1)
        )
        kept = self._keep_per_sample
        self._mean_square = self._mean_square * kept**n_samples + (1 - kept) * (magnitude**2 * kept**age).sum(axis=1)
        self._push_hold(magnitude)

    def rest(self, seconds: float) -> None:
        """Lets `seconds` of silence pass: what a meter shows while nothing plays."""
        n_samples = round(max(0.0, seconds) * self.sample_rate)
        self._peak = self._peak * self._fall_per_sample**n_samples
        self._mean_square = self._mean_square * self._keep_per_sample**n_samples
        self._age_hold(n_samples)

    @property
    def peak_db(self) -> NDArray[np.float64]:
        """Falling peak per channel `[channels]` in dBFS."""
        return to_dbfs(self._peak, self.floor_db)

    @property
    def rms_db(self) -> NDArray[np.float64]:
        """RMS per channel `[channels]` in dBFS."""
        return to_dbfs(np.sqrt(self._mean_square), self.floor_db)

    @property
    def hold_db(self) -> NDArray[np.float64]:
        """Hold mark per channel `[channels]` in dBFS; never below the peak."""
        return np.maximum(to_dbfs(self._hold, self.floor_db), self.peak_db)

    def _push_hold(self, magnitude: NDArray[np.float64]) -> None:
        highest = magnitude.max(axis=1)
        # The last of equal maxima, so that a steady tone renews its mark.
        since = np.argmax(magnitude[:, ::-1] == highest[:, None], axis=1)
        self._age_hold(magnitude.shape[1])
        renewed = highest >= self._hold
        self._hold = np.where(renewed, highest, self._hold)
        self._held_samples = np.where(renewed, since, self._held_samples)

    def _age_hold(self, n_samples: int) -> None:
        self._held_samples = self._held_samples + n_samples
        expired = self._held_samples > self._hold_samples
        self._hold = np.where(expired, 0.0, self._hold)
