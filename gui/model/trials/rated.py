"""What one listener's ratings came to, in words."""

from __future__ import annotations

from collections.abc import Mapping

from lamina.plugin.listening.mushra import ANCHORS, REFERENCE, MushraTest, word_of

LEAST_FOR_REFERENCE = 90
"""Who rates the hidden reference lower is left out beside others (BS.1534-3, 4.1.2)."""
MOST_MISSED = 0.15
"""In more of the sounds nobody may do that."""


def rated_verdict(test: MushraTest, labels: Mapping[str, str]) -> str:
    """How good each version is, the best first; raises HiddenError before the end.

    Args:
        test: that is over.
        labels: what to call each of its versions.
    """
    scores = _scores(test, labels)
    versions = sorted((name for name in scores if is_version(name)), key=lambda name: scores[name], reverse=True)
    told = [f"{labels[name]} {scores[name]:.0f} ({word_of(scores[name]).lower()})" for name in versions]
    return f"You rated {', '.join(told)}{_on_average(test)}."


def rated_revealed(test: MushraTest, labels: Mapping[str, str]) -> str:
    """What the hidden original and the anchors were given, and what that means; raises HiddenError before the end."""
    scores = _scores(test, labels)
    anchors = [f"{labels[name]} {scores[name]:.0f}" for name in ANCHORS if name in scores]
    beside = f" Beside it: {', '.join(anchors)}." if anchors else ""
    hidden = f"You gave the original, hidden among them, {scores[REFERENCE]:.0f}{_on_average(test)}"
    low = [rated[REFERENCE] for rated in test.outcome().values() if rated[REFERENCE] < LEAST_FOR_REFERENCE]
    if len(low) <= MOST_MISSED * test.n_pages:
        return f"{hidden}.{beside}"
    where = "" if test.n_pages == 1 else f" in {len(low)} of {test.n_pages} sounds"
    return f"{hidden}, below {LEAST_FOR_REFERENCE}{where}: beside other listeners these ratings don't count.{beside}"


def is_version(name: str) -> bool:
    """Whether it is one of what is compared, and neither the hidden original nor an anchor."""
    return name != REFERENCE and name not in ANCHORS


def _scores(test: MushraTest, labels: Mapping[str, str]) -> dict[str, float]:
    """The mean over the sounds for each version."""
    rated = test.outcome().values()
    return {name: sum(row[name] for row in rated) / len(rated) for name in labels}


def _on_average(test: MushraTest) -> str:
    return f" on average over {test.n_pages} sounds" if test.n_pages > 1 else ""
