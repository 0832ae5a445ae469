"""A gain in dB that ramps from piece to piece."""

from __future__ import annotations

from typing import Literal

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.ramp import Ramp
from lamina.plugin.parameters.control_track import Piece
from lamina.plugin.parameters.settings import Settings

RAMP_SECONDS = 0.02


def ramp_samples(sample_rate: int) -> int:
    """Samples that a change of gain, mix, bypass or stereo takes."""
    return max(1, round(sample_rate * RAMP_SECONDS))


class Gain:
    """One of the two gains of a stream.

    Args:
        name: the parameter.
        settings: as they stand before the first sample.
        sample_rate: Hz.
    """

    def __init__(self, name: Literal["input_gain_db", "output_gain_db"], settings: Settings, sample_rate: int) -> None:
        self._name = name
        self._ramp = Ramp(self._linear(settings), ramp_samples(sample_rate))

    def apply(self, x: FloatArray, pieces: list[Piece]) -> FloatArray:
        """`[channels, n]` times what the settings of each piece say."""
        if len(pieces) == 1:
            start, stop, settings = pieces[0]
            return x * self.factor(settings, stop - start)
        result = np.empty_like(x)
        for start, stop, settings in pieces:
            result[:, start:stop] = x[:, start:stop] * self.factor(settings, stop - start)
        return result

    def factor(self, settings: Settings, n_samples: int) -> FloatArray | np.float32:
        """What the next `n_samples` are multiplied with, as the settings say."""
        self._ramp.set(self._linear(settings))
        return self._ramp.factor(n_samples)

    def _linear(self, settings: Settings) -> float:
        return float(10 ** (getattr(settings, self._name) / 20))
