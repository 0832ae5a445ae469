"""A seam carries a sound over a gap: what was heard last goes on backwards and dies away, what comes next fades in."""

from __future__ import annotations

import numpy as np

from lamina.dsp.arrays import FloatArray

SEAM_SAMPLES = 256
_RISE: FloatArray = (np.sin(np.linspace(0, np.pi / 2, SEAM_SAMPLES, endpoint=False)) ** 2).astype(np.float32)


class Seam:
    """The end of a sound, kept for the case that no more comes. Pass everything that is heard through it.

    Args:
        n_channels: channels of the sound.
    """

    def __init__(self, n_channels: int) -> None:
        self._past = np.zeros((n_channels, SEAM_SAMPLES), np.float32)
        self._tail = np.zeros((n_channels, 0), np.float32)
        self._n_risen = SEAM_SAMPLES
        self._is_open = False

    def carry(self, n_samples: int) -> FloatArray:
        """What to play in place of `n_samples` that are missing, `[n_channels, n_samples]`."""
        if not self._is_open:
            # Backwards it goes on without a step and sounds like what was there.
            self._tail, self._is_open, self._n_risen = self._past[:, ::-1] * _RISE[::-1], True, 0
        out = self._next_of_tail(n_samples)
        self._remember(out)
        return out

    def pass_on(self, samples: FloatArray) -> FloatArray:
        """The samples `[n_channels, n]` that did come; after a gap they fade in. Without a gap they are untouched."""
        self._is_open = False
        n_rising = min(samples.shape[1], SEAM_SAMPLES - self._n_risen)
        if n_rising:
            out = samples.copy()
            out[:, :n_rising] *= _RISE[self._n_risen : self._n_risen + n_rising]
            out[:, :n_rising] += self._next_of_tail(n_rising)
            self._n_risen += n_rising
        else:
            out = samples
        self._remember(out)
        return out

    def _next_of_tail(self, n_samples: int) -> FloatArray:
        out = np.zeros((len(self._past), n_samples), np.float32)
        part, self._tail = self._tail[:, :n_samples], self._tail[:, n_samples:]
        out[:, : part.shape[1]] = part
        return out

    def _remember(self, out: FloatArray) -> None:
        n_samples = min(out.shape[1], SEAM_SAMPLES)
        if n_samples:
            self._past[:, : SEAM_SAMPLES - n_samples] = self._past[:, n_samples:]
            self._past[:, SEAM_SAMPLES - n_samples :] = out[:, out.shape[1] - n_samples :]
