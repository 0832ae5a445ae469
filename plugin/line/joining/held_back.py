"""A recording ends with the last that came, not with what stood in for more of it.

Concealment behind the last frame that came is held back: where sound comes again it belongs between, where none comes
it is nothing that the other end sent.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.codes_file.codes import Codes

FADED_SECONDS = 1.0
"""After so long concealment has died away: it is recorded until then, and silence stands for more of it."""


class HeldSound:
    """Sound on its way to a sink.

    Args:
        write: takes sound, float32 `[channels, n]`.
        sample_rate: Hz.
    """

    def __init__(self, write: Callable[[FloatArray], None], sample_rate: int) -> None:
        self._write = write
        self._most = round(FADED_SECONDS * sample_rate)
        self._held: list[FloatArray] = []
        self._n_held = self._n_silent = 0

    def write(self, sound: FloatArray, n_past: int) -> None:
        """The next samples, of which the last `n_past` (or all) stand behind the last that came."""
        n_came = max(0, sound.shape[1] - n_past)
        if n_came:
            self._release()
            if self._n_silent:
                self._write(np.zeros((len(sound), self._n_silent), np.float32))
                self._n_silent = 0
            self._write(sound[:, :n_came])
        rest = sound[:, n_came:]
        if self._n_silent:
            self._n_silent += rest.shape[1]
        elif rest.shape[1]:
            self._held.append(rest)
            self._n_held += rest.shape[1]
            if self._n_held > self._most:  # an interruption, and no end, which would have been told by now
                self._n_silent = self._n_held - self._most
                self._held[-1] = rest[:, : rest.shape[1] - self._n_silent]
                self._release()

    def _release(self) -> None:
        for block in self._held:
            self._write(block)
        self._held.clear()
        self._n_held = 0


class HeldCodes:
    """Codes on their way to a file: lost frames are written when a frame comes after them.

    Args:
        write: takes codes.
    """

    def __init__(self, write: Callable[[Codes], None]) -> None:
        self._write = write
        self._held: list[Codes] = []

    def write(self, codes: Codes) -> None:
        """The next frames, lost ones with no codes."""
        self._held.append(codes)
        if codes.counts.any():
            for each in self._held:
                self._write(each)
            self._held.clear()
