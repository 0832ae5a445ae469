"""Just-noticeable layers: the fewest layers that a listener can't tell from the original, on this sound.

In each trial the original is known, and of two more sounds one is the original and the other coded; the listener says
which is coded. A guesser is right half the time. How many layers are played next is what is expected to tell most about
the listener, given all answers so far (Watson, "QUEST+: A general multidimensional Bayesian adaptive psychometric
method", Journal of Vision 17(3), 2017): that needs fewer trials than going 2 down and 1 up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.plugin.listening.hidden import HiddenError, StateError, Trials, chance_or, check_kind, choices_of, field_of

Probabilities = NDArray[np.float64]

USUAL_TRIALS = 40
LEAST_TRIALS, MOST_TRIALS = 10, 200
LEAST_LEVELS, MOST_LEVELS = 2, 64
SOUNDS = ("first", "second")
ORIGINAL = 0
"""The level of the original: `sound_of` gives it, or a number of layers."""
SPREADS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""In levels: how gradually a listener's hearing may fade out around the threshold."""
LAPSES = 0.04
"""How often a listener is wrong, or right by luck, who heard the difference: half of them are mistakes."""
STEP = 0.25
CONFIDENCE = 0.95
HEARD = 0.5
"""From where a difference counts as told: heard in half of the trials, which makes 3 of 4 answers right."""


@dataclass(frozen=True)
class StaircaseOutcome:
    """How many layers it takes.

    Args:
        layers: the fewest that are not told from the original in more than half of the trials; None where the most
            that were played still are.
        low, high: from the fewest to the most that it may be with 95 % certainty; `high` is None likewise.
        most: the most layers that were played.
        fewest: the fewest.
        below: the number that was played next below `layers`; `fewest` or `most` where there is none.
        n_trials, n_correct: answers, and right ones.
    """

    layers: int | None
    low: int
    high: int | None
    fewest: int
    most: int
    n_trials: int
    n_correct: int
    below: int

    def told_to(self, kbps_of: Callable[[int], str]) -> str:
        """The same for the one who listened; `kbps_of` says in words what bitrate a number of layers has."""
        if self.layers is None:
            return (
                f"You tell Lamina from the original even with {self.most} layers, {kbps_of(self.most)}, on this sound: "
                "there are no more."
            )
        if self.layers == self.fewest:
            return (
                f"You don't tell Lamina from the original on this sound, even with {self.fewest} "
                f"{_layers(self.fewest)}, {kbps_of(self.fewest)}: you guess."
            )
        told = self.below
        return (
            f"You tell Lamina from the original up to {told} {_layers(told)}, {kbps_of(told)}, on this sound; above "
            "you guess."
        )

    @property
    def sentence(self) -> str:
        """The same for everybody."""
        if self.layers is None:
            return f"Even {self.most} layers, the most there are, are told from the original on this sound."
        if self.layers == self.fewest:
            return f"Even {self.fewest} {_layers(self.fewest)} can't be told from the original on this sound."
        high = "more than there are" if self.high is None else str(self.high)
        return (
            f"From {self.layers} layers on this sound can't be told from the original (95 % certain: {self.low} to "
            f"{high})."
        )


class StaircaseTest(Trials):
    """A test that looks for a listener's threshold and keeps what it thinks to itself until it is over.

    Args:
        levels: numbers of layers that can be played, rising.
        coded_is: for each trial, which of the two sounds is coded: "first" or "second".
        answers: those that were given already, in the same words.
        played: the layers that were played for them.

    Raises StateError for anything else.
    """

    kind = "staircase"

    def __init__(
        self,
        levels: Sequence[int],
        coded_is: Sequence[str],
        answers: Sequence[str] = (),
        played: Sequence[int] = (),
    ) -> None:
        if not LEAST_LEVELS <= len(levels) <= MOST_LEVELS:
            raise StateError(f"{len(levels)} numbers of layers were given; {LEAST_LEVELS} to {MOST_LEVELS} are needed.")
        if any(not isinstance(level, int) or isinstance(level, bool) or level < 1 for level in levels):
            raise StateError("Layers are whole numbers from 1 on.")
        if any(following <= level for level, following in zip(levels, levels[1:], strict=False)):
            raise StateError("The numbers of layers must rise.")
        if not LEAST_TRIALS <= len(coded_is) <= MOST_TRIALS:
            raise StateError(
                f"{len(coded_is)} trials were asked for; a staircase test has {LEAST_TRIALS} to {MOST_TRIALS}."
            )
        if any(one not in SOUNDS for one in (*coded_is, *answers)) or len(answers) > len(coded_is):
            raise StateError("Answers are 'first' or 'second', at most one to each trial.")
        if len(played) != len(answers) or any(isinstance(one, bool) or one not in levels for one in played):
            raise StateError("To each answer belongs the number of layers that was played, one of the test's.")
        super().__init__(len(coded_is))
        self._levels, self._coded_is = list(levels), list(coded_is)
        self._played: list[int] = []
        self._belief = np.full(_model(len(levels)).shape[:1], 1.0 / _model(len(levels)).shape[0])
        for answer, layers in zip(answers, played, strict=True):
            self._learn(self._levels.index(layers), answer)

    @classmethod
    def plan(
        cls, levels: Sequence[int], n_trials: int = USUAL_TRIALS, chance: random.Random | None = None
    ) -> StaircaseTest:
        """A new test of 10 to 200 trials; `chance` draws the order of the two sounds in each."""
        drawn = chance_or(chance)
        return cls(levels, [drawn.choice(SOUNDS) for _ in range(n_trials)])

    @property
    def levels(self) -> list[int]:
        """Numbers of layers that may be played: their sounds are to be ready."""
        return list(self._levels)

    def sound_of(self, button: str) -> int:
        """What is to be played for "first" or "second": ORIGINAL, or a number of layers. For the player alone."""
        if button not in SOUNDS or self.is_over:
            raise StateError(f"There is nothing to play for {button!r} now; there are 'first' and 'second'.")
        return self._levels[self._next()] if button == self._coded_is[self.trial] else ORIGINAL

    def answer(self, which: str) -> None:
        """Say that "first" or "second" is coded. Raises StateError for others and after the end."""
        if which not in SOUNDS:
            raise StateError(f"The answer was {which!r}; it is 'first' or 'second'.")
        if self.is_over:
            raise StateError("The test is over; its answers stand.")
        self._learn(self._next(), which)

    def _learn(self, level: int, which: str) -> None:
        right = _model(len(self._levels))[:, level]
        belief = self._belief * (right if which == self._coded_is[self.trial] else 1.0 - right)
        self._belief = belief / belief.sum()
        self._played.append(level)
        self._answers.append(which)

    def outcome(self) -> StaircaseOutcome:
        """What it came to. Raises HiddenError before the end."""
        if not self.is_over:
            raise HiddenError("The threshold is hidden until the last trial is answered.")
        by_threshold = self._belief.reshape(-1, len(SPREADS)).sum(axis=1)
        so_far = np.cumsum(by_threshold)
        thresholds = _thresholds(len(self._levels))
        tail = (1.0 - CONFIDENCE) / 2
        low, middle, high = (
            self._first_at(float(thresholds[np.searchsorted(so_far, share)])) for share in (tail, 0.5, 1.0 - tail)
        )
        n_correct = sum(coded == answer for coded, answer in zip(self._coded_is, self._answers, strict=True))
        fewest, most = self._levels[0], self._levels[-1]
        below = max((level for level in self._levels if middle is None or level < middle), default=fewest)
        return StaircaseOutcome(
            middle, most if low is None else low, high, fewest, most, self.n_trials, n_correct, below
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it; not for the listener's eyes."""
        return {
            "kind": self.kind,
            "levels": list(self._levels),
            "coded_is": list(self._coded_is),
            "answers": list(self._answers),
            "played": [self._levels[level] for level in self._played],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> StaircaseTest:
        """Go on where `to_dict` was. Raises StateError if that can't be."""
        check_kind(state, cls.kind)
        return cls(
            field_of(state, "levels", list),
            choices_of(state, "coded_is", SOUNDS),
            choices_of(state, "answers", SOUNDS),
            field_of(state, "played", list),
        )

    def _next(self) -> int:
        """The index of the level that makes the belief as certain as can be expected."""
        right = _model(len(self._levels))
        chance_right = self._belief @ right
        when_right = self._belief[:, None] * right / chance_right
        when_wrong = self._belief[:, None] * (1.0 - right) / (1.0 - chance_right)
        left = chance_right * _entropy(when_right) + (1.0 - chance_right) * _entropy(when_wrong)
        # Of levels that are equally good but for the last bits the first, on every machine.
        return int(np.flatnonzero(left <= left.min() + 1e-9)[0])

    def _first_at(self, threshold: float) -> int | None:
        """The first level from the threshold on, or None where there is none."""
        index = max(0, int(np.ceil(threshold)))
        return self._levels[index] if index < len(self._levels) else None


def chance_of_right(distance: float, spread: float) -> float:
    """How often a listener is right who hears less with each level.

    Args:
        distance: levels above the threshold; below it, less than 0.
        spread: levels within which hearing fades from 73 % to 27 %.
    """
    heard = 1.0 / (1.0 + np.exp(np.clip(2.0 * distance / spread, -60.0, 60.0)))
    return float(0.5 + (0.5 - LAPSES / 2) * heard)


def _thresholds(n_levels: int) -> Probabilities:
    """Where hearing may fade: from below the first level, which nobody tells, to above the last."""
    return np.arange(-1.0, n_levels + STEP, STEP)


@lru_cache(maxsize=8)
def _model(n_levels: int) -> Probabilities:
    """How often each kind of listener is right at each level, `[thresholds · spreads, levels]`."""
    return np.array(
        [
            [chance_of_right(level - threshold, spread) for level in range(n_levels)]
            for threshold in _thresholds(n_levels)
            for spread in SPREADS
        ]
    )


def _entropy(beliefs: Probabilities) -> Probabilities:
    """Of each column, in nats."""
    entropy: Probabilities = -(beliefs * np.log(np.maximum(beliefs, 1e-300))).sum(axis=0)
    return entropy


def _layers(number: int) -> str:
    return "layer" if number == 1 else "layers"
