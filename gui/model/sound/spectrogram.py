"""A scrolling spectrogram's memory: a ring of columns."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.arrays import FloatArray
from lamina.dsp.spectrum import SpectrumColumns, mel_edges, mel_to_hz
from lamina.dsp.spectrum import hz_to_mel as _hz_to_mel

MINIMUM_HZ = 30.0
MAXIMUM_HZ = 20000.0
N_BANDS = 160
COLUMNS_PER_SECOND = 75.0  # the codec's own frame rate: one column is one frame wide
SECONDS = 8.0
QUIETEST_DB = -90.0
LOUDEST_DB = -6.0


@dataclass
class SpectrogramRing:
    """The last columns of a spectrum as brightness, `levels` `[bands, columns]` uint8.

    Low bands come last: they are the picture's bottom.

    The picture never shifts: column k of the stream is written at k modulo the width, over the oldest one, and a view
    draws the part right of the write place first and the part left of it after. `n_columns` counts all columns ever
    written, so a view can copy only the ones it hasn't seen.
    """

    n_bands: int = N_BANDS
    width: int = round(SECONDS * COLUMNS_PER_SECOND)
    n_columns: int = 0
    is_empty: bool = True
    levels: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        self.levels = np.zeros((self.n_bands, self.width), np.uint8)

    @property
    def write_place(self) -> int:
        """Where the next column goes: right of the newest, on the oldest."""
        return self.n_columns % self.width

    def push(self, columns_db: FloatArray) -> None:
        """Adds columns `[n, bands]` in dBFS; QUIETEST_DB and below is 0, LOUDEST_DB and above is 255."""
        n_too_many = max(0, len(columns_db) - self.width)
        columns_db = columns_db[n_too_many:]
        self.n_columns += n_too_many
        brightness = np.clip((columns_db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB), 0.0, 1.0) * 255.0
        places = (self.n_columns + np.arange(len(columns_db))) % self.width
        self.levels[:, places] = np.rint(brightness.T[::-1]).astype(np.uint8)
        self.n_columns += len(columns_db)
        self.is_empty = self.is_empty and not len(columns_db)

    def shades(self, places: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Columns of the picture at these places, `[bands, columns]`: what is looked up in a table of 256 colours."""
        return self.levels[:, places]

    def clear(self) -> None:
        """Empties the picture, and counts on so that views notice."""
        self.levels[:] = 0
        self.n_columns += self.width
        self.is_empty = True


@dataclass
class Spectrogram:
    """A spectrogram fed with sound."""

    ring: SpectrogramRing = field(default_factory=SpectrogramRing)
    _columns: SpectrumColumns | None = None

    def push(self, block: FloatArray, sample_rate: int) -> None:
        """Adds `[channels, n]` samples; a new rate or channel count begins a new analysis."""
        if self._columns is None or (self._columns.sample_rate, self._columns.n_channels) != (
            sample_rate,
            block.shape[0],
        ):
            edges = mel_edges(self.ring.n_bands, MINIMUM_HZ, MAXIMUM_HZ)
            self._columns = SpectrumColumns(
                sample_rate, block.shape[0], edges, COLUMNS_PER_SECOND, floor_db=QUIETEST_DB - 6.0
            )
        self.ring.push(self._columns.push(block))

    def clear(self) -> None:
        """Back to an empty picture."""
        self.ring.clear()
        self._columns = None


def height_of(frequency_hz: float) -> float:
    """Where a frequency lies on the picture's axis: 0.0 at the bottom, 1.0 at the top."""
    low, high = float(_hz_to_mel(MINIMUM_HZ)), float(_hz_to_mel(MAXIMUM_HZ))
    return (float(_hz_to_mel(frequency_hz)) - low) / (high - low)


def frequency_at(height: float) -> float:
    """The frequency in Hz at a place on the axis, the inverse of `height_of`."""
    low, high = float(_hz_to_mel(MINIMUM_HZ)), float(_hz_to_mel(MAXIMUM_HZ))
    return float(mel_to_hz(low + min(1.0, max(0.0, height)) * (high - low)))
