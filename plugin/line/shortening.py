"""Taking a few milliseconds out of a sound where nobody hears it (as time stretching by overlapping does: WSOLA).

Verhelst and Roelands, "An overlap-add technique based on waveform similarity", ICASSP 1993.
"""

from __future__ import annotations

import numpy as np

from lamina.dsp.arrays import FloatArray

FADE_MS, LEAST_MS, MOST_MS = 5.0, 2.5, 15.0
ALIKE = 0.9
"""Correlation above which what follows may stand for what it replaces."""
QUIET_RMS = 10 ** (-50 / 20)
"""Below it a cross-fade isn't heard, whatever is faded."""


def shortened(x: FloatArray, most: int, sample_rate: int, force: bool = False) -> tuple[FloatArray, int]:
    """A stretch `[channels, n]` without some of its samples, and how many; itself and 0 where all of it is heard.

    The first and the last samples stay what they are, so that stretches go together.

    Args:
        x: the stretch.
        most: samples that may be taken out.
        sample_rate: Hz.
        force: whether the best place is good enough whatever it is.
    """
    fade, least, longest = (round(ms * sample_rate / 1000) for ms in (FADE_MS, LEAST_MS, MOST_MS))
    edge = fade // 2
    longest = min(longest, most, x.shape[1] - 2 * edge - fade)
    if longest < least:
        return x, 0
    mono = x.mean(0, dtype=np.float64)
    if float(np.sqrt(np.mean(mono**2))) < QUIET_RMS:
        return _without(x, edge, longest, fade), longest
    template = mono[edge : edge + fade]
    there = np.lib.stride_tricks.sliding_window_view(mono[edge + least : edge + longest + fade], fade)
    norms = np.sqrt(np.sum(there**2, 1) * np.sum(template**2)) + 1e-12
    alike = there @ template / norms
    best = int(np.argmax(alike))
    if alike[best] < ALIKE and not force:
        return x, 0
    return _without(x, edge, least + best, fade), least + best


def _without(x: FloatArray, start: int, n_out: int, fade: int) -> FloatArray:
    """`n_out` samples less from `start` on; what is before and behind is faded into each other."""
    rise = ((np.arange(fade) + 0.5) / fade).astype(np.float32)
    before, behind = x[:, start : start + fade], x[:, start + n_out : start + n_out + fade]
    return np.concatenate([x[:, :start], before * (1 - rise) + behind * rise, x[:, start + n_out + fade :]], 1)
