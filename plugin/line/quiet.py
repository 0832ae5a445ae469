"""Which sound counts as silence, so that it may be sent sparsely."""

from __future__ import annotations

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.ramp import Ramp

QUIET_PEAK = 10 ** (-70 / 20)
HOLD_SECONDS = 0.5
"""So long nothing louder may come before the gate closes."""
FADE_SECONDS = 0.02


class QuietGate:
    """Lets nothing of a sound through while it is softer than −70 dBFS: what is really silent is coded as silence.

    It opens with the block in which something louder comes, without a fade: what was let through before is softer than
    any click.

    Args:
        sample_rate: Hz.
        n_channels: of every block.
    """

    def __init__(self, sample_rate: int, n_channels: int) -> None:
        self._hold = round(HOLD_SECONDS * sample_rate)
        self._fade = round(FADE_SECONDS * sample_rate)
        self._n_quiet = 0
        self._ramp = Ramp(1.0, self._fade)
        self._n_channels = n_channels

    @property
    def is_closed(self) -> bool:
        """Whether silence is let through in place of the sound."""
        return self._ramp.is_off

    def push(self, block: FloatArray, on: bool) -> FloatArray:
        """A block `[channels, n]`; with `on` False it passes as it is."""
        n_samples = block.shape[1]
        if not on or (n_samples and float(np.abs(block).max()) > QUIET_PEAK):
            self._n_quiet, self._ramp = 0, Ramp(1.0, self._fade)
            return block
        self._n_quiet += n_samples
        if self._n_quiet <= self._hold:
            return block
        self._ramp.set(0.0)
        return (block * self._ramp.factor(n_samples)).astype(np.float32)
