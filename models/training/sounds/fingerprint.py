"""Fingerprints that recognise the same recording after re-encoding, a change of level, equalisation, or a shift.

After Haitsma and Kalker (2002): each bit says whether the level difference of two neighbouring bands rises or falls
over time. Here the bands are smoothed over a quarter of a second, so that 25 words per second are enough although a
copy's frames never fall on the original's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

Fingerprint = npt.NDArray[np.uint32]

WORDS_PER_SECOND = 25
FEATURE_BANDS = 33
LOWEST_HZ, HIGHEST_HZ = 250.0, 3600.0
"""A telephone copy still has these bands."""

FRAMES_PER_WORD = 2
SMOOTHING_FRAMES = 13
REACH_FRAMES = 5
CONTEXT_FRAMES = 12
"""How far, rounded up to a whole word, a word hears around itself."""

BLOCK_FRAMES = 10_000
"""Computed at once, so that hours of sound need little memory; a whole number of words."""

SILENT_WORD = np.uint32(0)
"""Stands for a moment of silence; it matches nothing."""


def feature_matrix(sample_rate: int, window: int) -> FloatArray:
    """`[bins, FEATURE_BANDS]`: sums a power spectrum into bands that are evenly wide in octaves."""
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, FEATURE_BANDS + 1) * window / sample_rate
    bins = np.arange(window // 2 + 1)[:, None]
    overlap = np.minimum(bins + 0.5, edges[None, 1:]) - np.maximum(bins - 0.5, edges[None, :-1])
    matrix: FloatArray = np.maximum(0, overlap).astype(np.float32)
    return matrix


def fingerprint(features: FloatArray, audible: npt.NDArray[np.bool_]) -> Fingerprint:
    """Words from band powers.

    Args:
        features: `[frames, FEATURE_BANDS]`, 50 frames per second.
        audible: `[frames]`, False where there is silence.

    Returns uint32 `[ceil(frames / 2)]`.
    """
    blocks = []
    for start in range(0, len(features), BLOCK_FRAMES):
        before = min(start, CONTEXT_FRAMES)
        stop = min(len(features), start + BLOCK_FRAMES)
        part = slice(start - before, stop + CONTEXT_FRAMES)
        words = _words(features[part], audible[part])[before // FRAMES_PER_WORD :]
        blocks.append(words[: -(-(stop - start) // FRAMES_PER_WORD)])
    return np.concatenate(blocks)


def _words(features: FloatArray, audible: npt.NDArray[np.bool_]) -> Fingerprint:
    from scipy.ndimage import convolve1d, uniform_filter1d

    weights = np.hanning(SMOOTHING_FRAMES + 2)[1:-1].astype(np.float32)
    smooth = convolve1d(features, weights / weights.sum(), axis=0, mode="constant")
    levels = np.log(smooth + 1e-12)
    slope = levels[:, :-1] - levels[:, 1:]
    padded = np.pad(slope, ((REACH_FRAMES, REACH_FRAMES), (0, 0)), mode="edge")
    rising = (padded[2 * REACH_FRAMES :] > padded[: -2 * REACH_FRAMES])[::FRAMES_PER_WORD]
    words = (rising.astype(np.uint64) << np.arange(32, dtype=np.uint64)).sum(1).astype(np.uint32)
    heard = uniform_filter1d(audible.astype(np.float32), SMOOTHING_FRAMES, mode="constant")[::FRAMES_PER_WORD] > 0.4
    return np.where(heard, np.where(words == SILENT_WORD, np.uint32(1), words), SILENT_WORD).astype(np.uint32)
