"""Which of two bundles is better: paired differences over the same windows, with a bootstrap over clips.

Windows of one clip are not independent, so whole clips are drawn (with replacement); a difference counts when the
central 95 % of the drawn means lie on one side of zero (Efron and Tibshirani 1993, chapter 13).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

DRAWS = 4000
COUNTED = ("pesq", "estoi", "si_sdr", "visqol", "log_mel", "frame_lock")
"""Measures that decide. ViSQOL is one of six: at low rates it flatters noise with the right envelope."""
LOWER_IS_BETTER = frozenset({"log_mel", "frame_lock"})


@dataclass(frozen=True)
class Difference:
    """First minus second bundle, mean over clips, signed so that more than 0 means the first is better; 95 % interval."""

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "no difference found"


def paired_difference(measure: str, pairs: Iterable[tuple[str, float, float]], seed: int = 0) -> Difference | None:
    """The difference of one measure from `(clip, first, second)` per window; None without a finite pair."""
    by_clip: dict[str, list[float]] = {}
    for clip, first, second in pairs:
        if np.isfinite(first) and np.isfinite(second):
            by_clip.setdefault(clip, []).append(second - first if measure in LOWER_IS_BETTER else first - second)
    if not by_clip:
        return None
    clips = np.array([np.mean(values) for values in by_clip.values()])
    draws = np.random.default_rng(seed).choice(clips, (DRAWS, len(clips))).mean(1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Difference(float(clips.mean()), float(low), float(high))


def overall(differences: Mapping[str, Difference]) -> str:
    """One word over many differences: better (or worse) only if some are and none is the other way."""
    verdicts = {difference.verdict for difference in differences.values()}
    if "better" in verdicts:
        return "mixed" if "worse" in verdicts else "better"
    return "worse" if "worse" in verdicts else "no difference found"
