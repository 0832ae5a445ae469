"""Which of two bundles is better: paired differences over the same windows, with a bootstrap over clips.

Windows of one clip are not independent, so whole clips are drawn (with replacement); a difference counts when the
central 95 % of the drawn means lie on one side of zero (Efron and Tibshirani 1993, chapter 13).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from results import HEADINGS, Results, layers_setting

DRAWS = 4000
COUNTED = ("visqol", "pesq", "estoi", "si_sdr")
"""Measures that decide. ViSQOL is one of four: at low rates it flatters noise with the right envelope."""
INFORMATIVE = ("log_mel", "frame_lock")
"""Shown, but not counted.

The first is what training optimises, the second matters only if it is far from natural sound's.
"""
COMPARED_KINDS = ("speech", "music")
RESOLUTION = {"visqol": 0.005, "pesq": 0.005, "estoi": 0.001, "si_sdr": 0.02, "log_mel": 0.01, "frame_lock": 0.001}
"""Smaller differences are none, however steady: ESTOI, for one, is random in its sixth decimal."""
SIGNS = {"better": "+", "worse": "−", "no difference found": "·"}
ENOUGH_CLIPS = 6
"""The bootstrap over fewer finds differences too easily."""
LOWER_IS_BETTER = frozenset({"log_mel", "frame_lock"})


@dataclass(frozen=True)
class Difference:
    """First minus second bundle, mean over clips, signed so that more than 0 means the first is better; 95 % interval.

    A mean of less than `resolution` either way is no difference.
    """

    mean: float
    low: float
    high: float
    n_clips: int
    resolution: float = 0.0

    @property
    def verdict(self) -> str:
        if self.low > 0 and self.mean >= self.resolution:
            return "better"
        return "worse" if self.high < 0 and self.mean <= -self.resolution else "no difference found"


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
    return Difference(float(clips.mean()), float(low), float(high), len(clips), RESOLUTION[measure])


def overall(differences: Mapping[str, Difference]) -> str:
    """One word over many differences: better (or worse) only if some are and none is the other way."""
    verdicts = {difference.verdict for difference in differences.values()}
    if "better" in verdicts:
        return "mixed" if "worse" in verdicts else "better"
    return "worse" if "worse" in verdicts else "no difference found"


def print_comparison(
    results: Results, first: str, second: str, layer_counts: Sequence[int], kbps_per_layer: float
) -> None:
    """The paired differences of two bundles at each rate: a grid, then one line per rate and one for all."""
    rates = {layers: f"{layers * kbps_per_layer:g} kbps" for layers in layer_counts}
    found = {
        (kind, measure, layers): difference
        for kind in COMPARED_KINDS
        for measure in (*COUNTED, *INFORMATIVE)
        for layers in layer_counts
        if (difference := _difference(results, first, second, kind, measure, layers)) is not None
    }
    print(
        f"\n{first} against {second}: paired differences, 95 % over clips; + the first is better, − worse, · no "
        "difference found"
    )
    clips = min((difference.n_clips for difference in found.values()), default=0)
    if clips < ENOUGH_CLIPS:
        print(
            f"Only {clips} clips of a kind: take what follows as a hint, and measure at least {ENOUGH_CLIPS} to decide."
        )
    print(f"{'':<24}" + "".join(f"{rate:>14}" for rate in rates.values()))
    for kind in COMPARED_KINDS:
        for measure in (*COUNTED, *INFORMATIVE):
            row = [found.get((kind, measure, layers)) for layers in layer_counts]
            if any(row):
                note = "" if measure in COUNTED else "  (not counted)"
                print(
                    f"{kind + ' ' + HEADINGS[measure]:<24}"
                    + "".join(f"{_cell(difference):>14}" for difference in row)
                    + note
                )
    counted = {key: difference for key, difference in found.items() if key[1] in COUNTED}
    for layers, rate in rates.items():
        print(f"{rate:>8}: {_summary({str(key): one for key, one in counted.items() if key[2] == layers})}")
    print(f"{'overall':>8}: {_summary({str(key): one for key, one in counted.items()})}")


def _difference(results: Results, first: str, second: str, kind: str, measure: str, layers: int) -> Difference | None:
    scores: dict[str, dict[tuple[str, int], float]] = {first: {}, second: {}}
    for one in results:
        if one.kind == kind and one.system in scores and one.setting == layers_setting(layers):
            scores[one.system][one.clip, one.index] = getattr(one.scores, measure)
    return paired_difference(
        measure, [(clip, value, scores[second][clip, index]) for (clip, index), value in scores[first].items()]
    )


def _cell(difference: Difference | None) -> str:
    if difference is None:
        return ""
    return f"{difference.mean:+.3f} {SIGNS[difference.verdict]}"


def _summary(differences: Mapping[str, Difference]) -> str:
    verdicts = [difference.verdict for difference in differences.values()]
    better, worse = verdicts.count("better"), verdicts.count("worse")
    return (
        f"{overall(differences).upper()} ({better} better, {worse} worse, {len(verdicts) - better - worse} without "
        "a difference found)"
    )
