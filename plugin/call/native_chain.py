"""Native plugins in a row, with pedalboard's call and without its guess at which axis holds the channels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pedalboard import Plugin
from pedalboard._pedalboard import Pedalboard

from lamina.plugin.call.arrays import FloatArray

MOST_CHANNELS = 2
"""That native plugins take."""


class NativeChain:
    """Plugins as one native chain, for one stream at a time.

    pedalboard guesses channels from a block's shape and remembers what it found, so it is shown an empty block of them
    first: then blocks of one or two samples are taken for what they are, too.

    Args:
        plugins: in their order; the chain keeps them alive.
    """

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._board = Pedalboard(list(plugins))
        self._n_channels = 0

    def process(self, audio: FloatArray, rate: int, buffer_size: int, reset: bool) -> FloatArray:
        """`[channels, samples]` of 1 or more samples → as many, or fewer while plugins swallow their latency."""
        self._show(len(audio), rate, buffer_size)
        processed: FloatArray = self._board.process(audio, rate, buffer_size, reset)
        return processed

    def prepare(self, n_channels: int, rate: int, buffer_size: int) -> None:
        """Begin a stream whose blocks have at most `buffer_size` samples.

        pedalboard prepares a plugin for the length of its first block and, when a longer one comes, anew, which forgets
        the plugin's state. Behind a codec that swallows its latency the first blocks are short.
        """
        self._board.process(np.zeros((n_channels, buffer_size), np.float32), rate, buffer_size, reset=True)
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._board.reset()
        self._n_channels = 0

    def _show(self, n_channels: int, rate: int, buffer_size: int) -> None:
        if n_channels != self._n_channels and n_channels <= MOST_CHANNELS:
            self._board.process(np.zeros((n_channels, 0), np.float32), rate, buffer_size, reset=False)
            self._n_channels = n_channels
