"""Preference: which of two sounds somebody would rather listen to.

The two come as "first" and "second", which of them is which by the toss of a coin for each trial. Who always takes the
first one prefers neither in the long run.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lamina.plugin.listening.abx import SIGNIFICANT, binomial_p, shown_p
from lamina.plugin.listening.hidden import HiddenError, StateError, Trials, chance_or, check_kind, choices_of

USUAL_TRIALS = 12
LEAST_TRIALS, MOST_TRIALS = 1, 100
SOUNDS = ("a", "b")
ANSWERS = ("first", "second", "same")


@dataclass(frozen=True)
class PreferenceOutcome:
    """How often each was preferred, and how often neither.

    `p_value` is the two-sided sign test's: the chance of a difference as large or larger for somebody without a
    preference; trials without one don't count there.
    """

    n_a: int
    n_b: int
    n_same: int

    @property
    def p_value(self) -> float:
        """See the class; 1 where nothing was preferred."""
        return min(1.0, 2.0 * binomial_p(max(self.n_a, self.n_b), self.n_a + self.n_b))

    def sentence(self, a: str, b: str) -> str:
        """The same for everybody, with the names of the two sounds."""
        counts = f"{a} was preferred {_times(self.n_a)}, {b} {_times(self.n_b)}" + (
            f", neither {_times(self.n_same)}." if self.n_same else "."
        )
        if self.p_value <= SIGNIFICANT:
            better = a if self.n_a > self.n_b else b
            return f"{counts} That is hardly chance (p = {shown_p(self.p_value)}): {better} is preferred."
        return f"{counts} That may be chance (p = {shown_p(self.p_value)}): no preference is shown."


class PreferenceTest(Trials):
    """A blind preference test that keeps its count to itself until its last trial is answered.

    Args:
        a_is: for each trial, where sound A is: "first" or "second".
        answers: those that were given already: "first", "second" or "same".

    Raises StateError for anything else.
    """

    kind = "preference"

    def __init__(self, a_is: Sequence[str], answers: Sequence[str] = ()) -> None:
        if not LEAST_TRIALS <= len(a_is) <= MOST_TRIALS:
            raise StateError(
                f"{len(a_is)} trials were asked for; a preference test has {LEAST_TRIALS} to {MOST_TRIALS}."
            )
        if any(place not in ANSWERS[:2] for place in a_is) or any(answer not in ANSWERS for answer in answers):
            raise StateError("Sound A is 'first' or 'second' in each trial; answers are 'first', 'second' and 'same'.")
        if len(answers) > len(a_is):
            raise StateError("There are more answers than trials.")
        super().__init__(len(a_is))
        self._a_is = list(a_is)
        self._answers += answers

    @classmethod
    def plan(cls, n_trials: int = USUAL_TRIALS, chance: random.Random | None = None) -> PreferenceTest:
        """A new test of 1 to 100 trials; `chance` draws the order, the operating system's unless given."""
        drawn = chance_or(chance)
        return cls([drawn.choice(ANSWERS[:2]) for _ in range(n_trials)])

    def sound_of(self, button: str) -> str:
        """What is to be played for "first" or "second": "a" or "b". For the player alone. Raises StateError."""
        if button not in ANSWERS[:2] or self.is_over:
            raise StateError(f"There is nothing to play for {button!r} now; there are 'first' and 'second'.")
        return "a" if button == self._a_is[self.trial] else "b"

    def answer(self, which: str) -> None:
        """Say that "first" or "second" is better, or "same". Raises StateError for others and after the end."""
        if which not in ANSWERS:
            raise StateError(f"The answer was {which!r}; it is 'first', 'second' or 'same'.")
        if self.is_over:
            raise StateError("The test is over; its answers stand.")
        self._answers.append(which)

    def outcome(self) -> PreferenceOutcome:
        """What it came to. Raises HiddenError before the end."""
        if not self.is_over:
            raise HiddenError("The count is hidden until the last trial is answered.")
        preferred = [
            "same" if answer == "same" else "a" if answer == place else "b"
            for place, answer in zip(self._a_is, self._answers, strict=True)
        ]
        return PreferenceOutcome(preferred.count("a"), preferred.count("b"), preferred.count("same"))

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it; not for the listener's eyes."""
        return {"kind": self.kind, "a_is": list(self._a_is), "answers": list(self._answers)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> PreferenceTest:
        """Go on where `to_dict` was. Raises StateError if that can't be."""
        check_kind(state, cls.kind)
        return cls(choices_of(state, "a_is", ANSWERS[:2]), choices_of(state, "answers", ANSWERS))


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"
