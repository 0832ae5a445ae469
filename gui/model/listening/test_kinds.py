"""The blind tests of two sounds: what can be listened to, what is asked, and how it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamina.plugin.listening import abx, preference

SoundTest = abx.AbxTest | preference.PreferenceTest


@dataclass(frozen=True)
class Button:
    """A key and what stands beside it; `word` is what the test calls it."""

    word: str
    key: str
    text: str


@dataclass(frozen=True)
class TestKind:
    """Args:
    name: what the test calls itself in files.
    title, help: for people.
    question: what is asked in each trial.
    sounds: what can be listened to.
    answers: what can be answered.
    usual_trials: how many there are unless one says otherwise.
    """

    __test__ = False  # pytest takes the name for a test's

    name: str
    title: str
    help: str
    question: str
    sounds: tuple[Button, ...]
    answers: tuple[Button, ...]
    usual_trials: int


ABX = TestKind(
    "abx",
    "ABX",
    "Is there a difference that you can hear? X is A or B; you say which, again and again, and learn at the end "
    "whether that was more than guessing.",
    "Is X the same as A, or as B?",
    (Button("a", "A", "A"), Button("x", "X", "X"), Button("b", "B", "B")),
    (Button("a", "1", "X is A"), Button("b", "2", "X is B")),
    abx.USUAL_TRIALS,
)
PREFERENCE = TestKind(
    "preference",
    "Preference",
    "Which one do you like better? Both come in an order that nobody knows; you learn at the end which one it was.",
    "Which one would you rather listen to?",
    (Button("first", "A", "A"), Button("second", "B", "B")),
    (Button("first", "1", "A"), Button("same", "2", "No difference"), Button("second", "3", "B")),
    preference.USUAL_TRIALS,
)
KINDS = {kind.name: kind for kind in (ABX, PREFERENCE)}


def planned(kind: TestKind, n_trials: int, is_training: bool = False) -> SoundTest:
    """A new test; raises ValueError for a number of trials that it can't have."""
    if kind is ABX:
        return abx.AbxTest.plan(n_trials, training=is_training)
    return preference.PreferenceTest.plan(n_trials)


def gone_on(kind: TestKind, state: Any) -> SoundTest:
    """A test as it was left; raises ValueError for a state that is none of its kind."""
    return abx.AbxTest.from_dict(state) if kind is ABX else preference.PreferenceTest.from_dict(state)


def verdict(test: SoundTest, a: str, b: str) -> str:
    """What it came to, in a sentence for everybody; `a` and `b` are what the sounds are called."""
    if isinstance(test, abx.AbxTest):
        return test.outcome().sentence
    return test.outcome().sentence(a, b)
