"""ABX: whether somebody hears a difference at all.

X is A or B, by the toss of a coin for each trial, and the listener says which. The coins are independent of each other:
an order with as many A as B would give something away, for a listener who only guesses, but says A as often as B, would
pass 16 trials at 5 % in 6.6 % of all tests. So the binomial p-value is exact whatever a guesser does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lamina.plugin.listening.hidden import (
    HiddenError,
    StateError,
    Trials,
    chance_or,
    check_kind,
    choices_of,
    field_of,
)

USUAL_TRIALS = 16
LEAST_TRIALS, MOST_TRIALS = 5, 100
"""With fewer than 5 trials not even a perfect listener gets below 5 %."""
SIGNIFICANT = 0.05
SOUNDS = ("a", "b")


@dataclass(frozen=True)
class AbxOutcome:
    """What an ABX test came to.

    `p_value` is the chance of doing so well or better by guessing; `is_heard` says whether it is 5 % or less.
    """

    n_correct: int
    n_trials: int
    p_value: float

    @property
    def is_heard(self) -> bool:
        """Whether guessing is an unlikely explanation."""
        return self.p_value <= SIGNIFICANT

    @property
    def sentence(self) -> str:
        """The same for everybody."""
        return explain(self.n_correct, self.n_trials)


class AbxTest(Trials):
    """An ABX test that is planned before it begins and keeps its score to itself until its last trial is answered.

    Args:
        x_is: for each trial, what X is: "a" or "b".
        training: each answer is told to be right or wrong at once; the outcome doesn't count.
        answers: those that were given already.

    Raises StateError for anything else.
    """

    kind = "abx"

    def __init__(self, x_is: Sequence[str], training: bool = False, answers: Sequence[str] = ()) -> None:
        if not LEAST_TRIALS <= len(x_is) <= MOST_TRIALS:
            raise StateError(f"{len(x_is)} trials were asked for; an ABX test has {LEAST_TRIALS} to {MOST_TRIALS}.")
        if any(one not in SOUNDS for one in (*x_is, *answers)) or len(answers) > len(x_is):
            raise StateError("X is 'a' or 'b' in each trial, and there is at most one answer to each, 'a' or 'b'.")
        super().__init__(len(x_is))
        self._x_is = list(x_is)
        self._answers += answers
        self.training = training

    @classmethod
    def plan(cls, n_trials: int = USUAL_TRIALS, training: bool = False, chance: random.Random | None = None) -> AbxTest:
        """A new test.

        Args:
            n_trials: 5 to 100; fixed now, since to stop when it looks good would make guessing look good.
            training: see the class.
            chance: draws what X is; the operating system's unless given.
        """
        drawn = chance_or(chance)
        return cls([drawn.choice(SOUNDS) for _ in range(n_trials)], training)

    def sound_of(self, button: str) -> str:
        """What is to be played for "a", "b" or "x": "a" or "b". For the player alone, not to be shown.

        Raises StateError for another button, and for "x" when the test is over.
        """
        if button in SOUNDS:
            return button
        if button != "x" or self.is_over:
            raise StateError(f"There is nothing to play for {button!r} now; there are 'a', 'b' and, in a trial, 'x'.")
        return self._x_is[self.trial]

    def answer(self, which: str) -> bool | None:
        """Say that X is "a" or "b", and go on to the next trial.

        Returns whether that was right in training; None otherwise, for nobody may know yet. Raises StateError for
        another answer, and when the test is over.
        """
        if which not in SOUNDS:
            raise StateError(f"The answer was {which!r}; it is 'a' or 'b'.")
        if self.is_over:
            raise StateError("The test is over; its answers stand.")
        right = self._x_is[self.trial] == which
        self._answers.append(which)
        return right if self.training else None

    @property
    def n_correct(self) -> int:
        """Right answers. Raises HiddenError before the end, except in training."""
        if not (self.is_over or self.training):
            raise HiddenError("The score is hidden until the last trial is answered.")
        return sum(x == answer for x, answer in zip(self._x_is, self._answers, strict=False))

    def outcome(self) -> AbxOutcome:
        """What it came to. Raises HiddenError before the end."""
        if not self.is_over:
            raise HiddenError("The score is hidden until the last trial is answered.")
        return AbxOutcome(self.n_correct, self.n_trials, binomial_p(self.n_correct, self.n_trials))

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it: what X is stands in there, so it isn't for the listener's eyes."""
        return {
            "kind": self.kind,
            "training": self.training,
            "x_is": list(self._x_is),
            "answers": list(self._answers),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> AbxTest:
        """Go on where `to_dict` was. Raises StateError if that can't be."""
        check_kind(state, cls.kind)
        return cls(
            choices_of(state, "x_is", SOUNDS), field_of(state, "training", bool), choices_of(state, "answers", SOUNDS)
        )


def binomial_p(n_correct: int, n_trials: int) -> float:
    """The chance that a guesser is right at least so often: the exact one-sided binomial test against 1/2."""
    if not 0 <= n_correct <= n_trials:
        raise ValueError(f"{n_correct} of {n_trials} can't be right.")
    return sum(math.comb(n_trials, k) for k in range(n_correct, n_trials + 1)) / math.pow(2.0, n_trials)


def explain(n_correct: int, n_trials: int) -> str:
    """A score in a sentence for everybody."""
    p_value = binomial_p(n_correct, n_trials)
    score = f"{n_correct} of {n_trials} were right."
    if p_value <= SIGNIFICANT:
        return (
            f"{score} Who only guesses does so well once in {round_number(1 / p_value)} tests "
            f"(p = {shown_p(p_value)}): a difference was heard."
        )
    often = f"{p_value * 100:.0f} of 100 tests" if p_value < 0.995 else "nearly every test"
    return (
        f"{score} Who only guesses does so well in {often} (p = {shown_p(p_value)}): this test doesn't show that a "
        "difference was heard, nor that there is none."
    )


def shown_p(p_value: float) -> str:
    """A p-value with two digits that count."""
    return f"{p_value:.2g}" if p_value >= 1e-4 else "less than 0.0001"


def round_number(value: float) -> str:
    """A large number as one says it: with two digits that count."""
    if value < 100:
        return f"{value:.0f}"
    digits = 10 ** (len(str(int(value))) - 2)
    return f"{int(value / digits + 0.5) * digits:,}".replace(",", " ")
