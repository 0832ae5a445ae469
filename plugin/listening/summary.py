"""What the files of several listeners mean together: figures for programs, lines for people."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lamina.plugin.listening.abx import AbxTest, explain
from lamina.plugin.listening.mushra import REFERENCE, MushraTest
from lamina.plugin.listening.preference import PreferenceOutcome, PreferenceTest
from lamina.plugin.listening.results import ListenerResult, TestRecord
from lamina.plugin.listening.staircase import StaircaseTest
from lamina.plugin.listening.statistics import compare_pairs, mean_of, screen, share_of

SIGNIFICANT = 0.05


def summarise(results: Sequence[ListenerResult]) -> dict[str, Any]:
    """Everything that can be said of listeners of the same tests, as JSON can hold it.

    Args:
        results: as `results.combine` gives them.
    """
    tests = []
    for place, first in enumerate(results[0].tests):
        records = {result.listener: result.tests[place] for result in results}
        tests.append({"id": first.id, "kind": first.test.kind, "title": first.title, **_summary_of(records)})
    return {"listeners": [result.listener for result in results], "tests": tests}


def told(summary: dict[str, Any]) -> list[str]:
    """The same as lines of text."""
    n_listeners = len(summary["listeners"])
    lines = [f"{n_listeners} {'listener' if n_listeners == 1 else 'listeners'}: {', '.join(summary['listeners'])}"]
    for test in summary["tests"]:
        lines += ["", f"{test['title']} ({test['kind']})"]
        lines += [f"  {name}: {row['sentence']}" for name, row in test["each"].items()]
        lines += [f"  Left out: {name} {why}." for name, why in test.get("excluded", {}).items()]
        for name, mean in test.get("means", {}).items():
            lines.append(f"  {name:24} {_mean_text(mean)}")
        for pair in test.get("pairs", []):
            lines.append(
                f"  {pair['first']} − {pair['second']}: {pair['difference']:+.1f}, p = {pair['p_value']:.3g}, "
                f"after Holm {pair['p_holm']:.3g} ({pair['n']} {test['units']})"
            )
        lines += [f"  {sentence}" for sentence in test["sentences"]]
    return lines


def _mean_text(mean: dict[str, Any]) -> str:
    if mean["low"] is None:
        return f"{mean['mean']:.1f} (one value)"
    return f"{mean['mean']:.1f}, 95 % interval {mean['low']:.1f} to {mean['high']:.1f} ({mean['n']} values)"


def _summary_of(records: dict[str, TestRecord]) -> dict[str, Any]:
    test = next(iter(records.values())).test
    if isinstance(test, AbxTest):
        return _abx(records)
    if isinstance(test, PreferenceTest):
        return _preference(records)
    return _mushra(records) if isinstance(test, MushraTest) else _staircase(records)


def _abx(records: dict[str, TestRecord]) -> dict[str, Any]:
    each, right, trials = {}, 0, 0
    for name, one in records.items():
        assert isinstance(one.test, AbxTest)
        if one.test.training:
            each[name] = {"sentence": "was training, which doesn't count."}
            continue
        outcome = one.test.outcome()
        right, trials = right + outcome.n_correct, trials + outcome.n_trials
        each[name] = {**asdict(outcome), "sentence": outcome.sentence}
    sentences = []
    if sum("p_value" in row for row in each.values()) > 1:
        low, high = share_of(right, trials)
        sentences.append(
            f"Together: {explain(right, trials)} Right answers: {100 * right / trials:.0f} %, 95 % interval "
            f"{100 * low:.0f} % to {100 * high:.0f} %."
        )
        sentences.append("Of several listeners one may pass by luck: judge by all of them together.")
    return {"each": each, "n_correct": right, "n_trials": trials, "sentences": sentences}


def _preference(records: dict[str, TestRecord]) -> dict[str, Any]:
    first = next(iter(records.values()))
    a, b = first.label("a"), first.label("b")
    each, sums, shares = {}, [0, 0, 0], []
    for name, one in records.items():
        assert isinstance(one.test, PreferenceTest)
        outcome = one.test.outcome()
        counts = [outcome.n_a, outcome.n_b, outcome.n_same]
        sums = [before + count for before, count in zip(sums, counts, strict=True)]
        shares.append((outcome.n_a + outcome.n_same / 2) / sum(counts) * 100)
        each[name] = {**asdict(outcome), "p_value": outcome.p_value, "sentence": outcome.sentence(a, b)}
    means = {f"preferred {a}, %": asdict(mean_of(shares))} if len(shares) > 1 else {}
    sentences = [f"Together: {PreferenceOutcome(*sums).sentence(a, b)}"] if len(shares) > 1 else []
    if sentences and sums[2]:
        sentences.append("In the mean, half of each answer without a preference counts for either.")
    return {"each": each, "versions": [a, b], "means": means, "sentences": sentences}


def _staircase(records: dict[str, TestRecord]) -> dict[str, Any]:
    each, found = {}, []
    for name, one in records.items():
        assert isinstance(one.test, StaircaseTest)
        outcome = one.test.outcome()
        each[name] = {**asdict(outcome), "sentence": outcome.sentence}
        if outcome.layers is not None:
            found.append(float(outcome.layers))
    sentences = []
    mean = mean_of(found) if found else None
    if mean is not None and mean.low is not None:
        sentences.append(
            f"Together: on average it takes {mean.mean:.1f} layers until this sound can't be told from the original "
            f"(95 % interval {mean.low:.1f} to {mean.high:.1f})."
        )
    if len(found) < len(records):
        sentences.append(f"{len(records) - len(found)} told even the most layers apart and are not in the mean.")
    return {"each": each, "means": {"layers": asdict(mean)} if mean is not None else {}, "sentences": sentences}


def _mushra(records: dict[str, TestRecord]) -> dict[str, Any]:
    first = next(iter(records.values()))
    ratings = {name: one.test.outcome() for name, one in records.items() if isinstance(one.test, MushraTest)}
    excluded = screen(ratings)
    each = {
        name: {
            "ratings": items,
            "sentence": f"gave the hidden reference {_mean_over(items, REFERENCE):.0f} on average.",
        }
        for name, items in ratings.items()
    }
    kept = {name: items for name, items in ratings.items() if name not in excluded}
    if not kept:
        return {"each": each, "excluded": excluded, "sentences": ["Nobody is left whose ratings count."]}
    keys = sorted(next(iter(next(iter(kept.values())).values())), key=lambda key: -_mean_of_all(kept, key))
    # Several listeners are what a finding is to hold for; of one listener it can only be the sounds.
    units = "listeners" if len(kept) > 1 else "sounds"
    labels = _labels(first, keys)
    values = {
        labels[key]: [_mean_over(items, key) for items in kept.values()]
        if len(kept) > 1
        else [float(scores[key]) for scores in next(iter(kept.values())).values()]
        for key in keys
    }
    pairs = [asdict(pair) for pair in compare_pairs(values)]
    told_apart = [pair for pair in pairs if pair["p_holm"] <= SIGNIFICANT]
    n_values = len(next(iter(values.values())))
    least = least_for_wilcoxon(len(pairs))
    if n_values < least:
        are = f"{n_values} {units[:-1]} is" if n_values == 1 else f"{n_values} {units} are"
        sentences = [f"{are} too few to tell {len(keys)} versions apart for certain; it takes {least}."]
    else:
        sentences = [
            f"{pair['first'] if pair['difference'] > 0 else pair['second']} is rated better than "
            f"{pair['second'] if pair['difference'] > 0 else pair['first']}."
            for pair in told_apart
        ] or ["No two versions are told apart for certain."]
    return {
        "each": each,
        "excluded": excluded,
        "means": {label: asdict(mean_of(row)) for label, row in values.items()},
        "units": units,
        "pairs": pairs,
        "sentences": sentences,
    }


def least_for_wilcoxon(n_pairs: int) -> int:
    """How many values it takes for the signed-rank test to come below 5 % after Holm's correction for so many pairs.

    Where all of n differences have one sign, which is the most that can be, its exact p-value is 2 / 2ⁿ.
    """
    return next(n for n in itertools.count(1) if 2.0 ** (1 - n) * max(1, n_pairs) <= SIGNIFICANT)


def _labels(first: TestRecord, keys: Sequence[str]) -> dict[str, str]:
    """What versions are called; with their keys where two are called the same."""
    labels = {key: first.label(key) for key in keys}
    names = list(labels.values())
    return {key: label if names.count(label) == 1 else f"{label} [{key}]" for key, label in labels.items()}


def _mean_over(items: dict[str, dict[str, int]], key: str) -> float:
    return sum(scores[key] for scores in items.values()) / len(items)


def _mean_of_all(kept: dict[str, dict[str, dict[str, int]]], key: str) -> float:
    return sum(_mean_over(items, key) for items in kept.values()) / len(kept)
