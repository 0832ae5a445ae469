"""What the codec did to the sound's spectrum: how much louder or quieter came out than went in, at every place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.gui.model.sound.spectrogram import (
    COLUMNS_PER_SECOND,
    LOUDEST_DB,
    QUIETEST_DB,
    SpectrogramRing,
)

MOST_DB = 24.0
NEUTRAL = 128
LATELY_COLUMNS = round(COLUMNS_PER_SECOND)
STEP_DB = (LOUDEST_DB - QUIETEST_DB) / 255.0


@dataclass(frozen=True)
class Difference:
    """Two rings that are written together, seen as one picture; it keeps nothing of its own.

    went_in, came_out: of the same sizes, a column of one as old as that of the other.
    """

    went_in: SpectrogramRing
    came_out: SpectrogramRing

    @property
    def n_bands(self) -> int:
        """Rows of the picture."""
        return self.came_out.n_bands

    @property
    def width(self) -> int:
        """Columns of the picture."""
        return self.came_out.width

    @property
    def n_columns(self) -> int:
        """Columns ever written in both."""
        return min(self.went_in.n_columns, self.came_out.n_columns)

    @property
    def write_place(self) -> int:
        """Where the next column goes."""
        return self.n_columns % self.width

    @property
    def is_empty(self) -> bool:
        """Whether nothing was heard yet."""
        return self.went_in.is_empty and self.came_out.is_empty

    def shades(self, places: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Columns of the picture `[bands, columns]`: NEUTRAL where as much came out as went in, or nothing did either
        way; 1 at MOST_DB quieter and below, 255 at MOST_DB louder and above.
        """
        scaled = self._steps(places) * (STEP_DB * (255 - NEUTRAL) / MOST_DB)
        return np.asarray(np.rint(np.clip(scaled + NEUTRAL, 1, 255)), np.uint8)

    def lately_db(self) -> float | None:
        """By how much places of the last second differ, louder or quieter, on average in dB.

        Places where nothing was heard on either side don't count; None where that are all.
        """
        n_columns = min(LATELY_COLUMNS, self.n_columns, self.width)
        places = (self.n_columns - 1 - np.arange(n_columns)) % self.width
        heard = (self.went_in.levels[:, places] > 0) | (self.came_out.levels[:, places] > 0)
        return float(np.abs(self._steps(places)[heard]).mean()) * STEP_DB if heard.any() else None

    def _steps(self, places: NDArray[np.intp]) -> NDArray[np.int16]:
        """Steps of brightness, STEP_DB each, by which more came out than went in."""
        return self.came_out.levels[:, places].astype(np.int16) - self.went_in.levels[:, places].astype(np.int16)


def difference_words(in_db: float, out_db: float) -> str:
    """How much louder or quieter came out than went in, in words: levels in dBFS at one place.

    What lies below the pictures' darkest colour is known no better than that.
    """
    if max(in_db, out_db) <= QUIETEST_DB:
        return "nothing on either side"
    at_least = "at least " if min(in_db, out_db) <= QUIETEST_DB else ""
    decibels = round(abs(out_db - in_db))
    if not decibels:
        return "as loud as before"
    return f"{at_least}{decibels} dB {'louder' if out_db > in_db else 'quieter'}"


def lately_words(lately_db: float | None, is_short: bool = False) -> str:
    """The figure beside the picture's name, in more or fewer words, or nothing while nothing is heard."""
    figure = "" if lately_db is None else f"{lately_db:.1f} dB"
    return f"differs by {figure} lately" if figure and not is_short else figure


def end_words(end_hz: float) -> str:
    """What stands at the line where the codec's band ends."""
    return f"codec ends at {end_hz / 1000:g} kHz"
