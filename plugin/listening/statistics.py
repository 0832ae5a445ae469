"""What several listeners' answers say together: means with their uncertainty, and tests that don't promise too much.

Needs SciPy, of the extra [compare].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lamina.plugin.extras import missing_extra
from lamina.plugin.listening.mushra import MID_ANCHOR, REFERENCE

try:
    from scipy import stats
except ImportError as _error:  # pragma: no cover - tests have it
    raise ImportError(missing_extra("The statistics of listening tests", "compare", _error)) from _error

CONFIDENCE = 0.95
SCREEN_SCORE = 90
SCREEN_SHARE = 0.15
UNDEGRADED_SHARE = 0.25
Ratings = Mapping[str, Mapping[str, Mapping[str, int]]]
"""Of each listener, for each item, the score of each version: `[listener][item][key]`."""


@dataclass(frozen=True)
class Mean:
    """A mean of `n` values and its 95 % interval, which is None where a single value tells no spread."""

    mean: float
    low: float | None
    high: float | None
    n: int


def mean_of(values: Sequence[float]) -> Mean:
    """Mean and 95 % interval by Student's t. Raises ValueError where there are no values."""
    if not len(values):
        raise ValueError("There are no values to take a mean of.")
    array = np.asarray(values, np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Mean(mean, None, None, 1)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(array) - 1)) * float(array.std(ddof=1)) / math.sqrt(len(array))
    return Mean(mean, mean - half, mean + half, len(array))


def share_of(n_hits: int, n_trials: int) -> tuple[float, float]:
    """The exact (Clopper and Pearson's) 95 % interval of a share."""
    interval = stats.binomtest(n_hits, n_trials).proportion_ci(CONFIDENCE, "exact")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class PairTest:
    """Two versions compared by Wilcoxon's signed-rank test, two-sided.

    `p_value` is before, `p_holm` after Holm's correction for all pairs that were compared.
    """

    first: str
    second: str
    difference: float
    n: int
    p_value: float
    p_holm: float


def compare_pairs(scores: Mapping[str, Sequence[float]]) -> list[PairTest]:
    """All pairs of versions, by values that belong together by their places in the lists.

    Args:
        scores: for each version as many values, of the same listeners (or items) in the same order.

    Raises ValueError if the lists aren't equally long.
    """
    if len({len(values) for values in scores.values()}) > 1:
        raise ValueError("Every version needs as many values as the others.")
    found = []
    for first, second in itertools.combinations(scores, 2):
        differences = np.asarray(scores[first], np.float64) - np.asarray(scores[second], np.float64)
        p_value = float(stats.wilcoxon(differences).pvalue) if np.any(differences) else 1.0
        found.append((first, second, float(differences.mean()), len(differences), p_value))
    corrected = holm([p_value for *_, p_value in found])
    return [PairTest(*pair, p_holm) for pair, p_holm in zip(found, corrected, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values made larger so that all of them together err as rarely as one (Holm 1979, step-down)."""
    corrected = [0.0] * len(p_values)
    worst = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = worst
    return corrected


def screen(ratings: Ratings) -> dict[str, str]:
    """Listeners whose ratings don't count, and why (BS.1534-3, 4.1.2, post-screening).

    Who rates the hidden reference below 90 in more than 15 % of the items, and who rates the middle anchor above 90 in
    more than 15 % of them. An item whose middle anchor more than a quarter of all listeners rate above 90 is one that
    the anchor hardly harms: it excludes nobody by that second rule.
    """
    undegraded = set()
    for item in {item for items in ratings.values() for item in items}:
        scores = [items[item][MID_ANCHOR] for items in ratings.values() if item in items and MID_ANCHOR in items[item]]
        if scores and sum(score > SCREEN_SCORE for score in scores) / len(scores) > UNDEGRADED_SHARE:
            undegraded.add(item)
    excluded = {}
    for listener, items in ratings.items():
        missed = sum(scores[REFERENCE] < SCREEN_SCORE for scores in items.values())
        fooled = sum(
            scores.get(MID_ANCHOR, 0) > SCREEN_SCORE for item, scores in items.items() if item not in undegraded
        )
        if missed > SCREEN_SHARE * len(items):
            excluded[listener] = f"rated the hidden reference below {SCREEN_SCORE} in {missed} of {_sounds(len(items))}"
        elif fooled > SCREEN_SHARE * len(items):
            excluded[listener] = f"rated the 7 kHz anchor above {SCREEN_SCORE} in {fooled} of {_sounds(len(items))}"
    return excluded


def _sounds(number: int) -> str:
    return "1 sound" if number == 1 else f"{number} sounds"
