"""The blind tests: what can be listened to, what is asked, and how it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lamina.gui.model.values.words import kbps_text
from lamina.plugin.listening import abx, mushra, preference, staircase
from lamina.plugin.listening.sounds import Condition
from lamina.plugin.parameters.model_shape import shape_named

TrialTest = abx.AbxTest | preference.PreferenceTest | staircase.StaircaseTest
"""Those that are answered trial by trial."""
ORIGINAL = "original"


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
    trials: how many there may be; nothing where there are none.
    """

    __test__ = False  # pytest takes the name for a test's

    name: str
    title: str
    help: str
    question: str
    sounds: tuple[Button, ...]
    answers: tuple[Button, ...]
    usual_trials: int
    trials: tuple[int, ...]


ABX = TestKind(
    "abx",
    "ABX",
    "Is there a difference that you can hear? X is A or B; you say which, again and again, and learn at the end "
    "whether that was more than guessing.",
    "Is X the same as A, or as B?",
    (Button("a", "A", "A"), Button("x", "X", "X"), Button("b", "B", "B")),
    (Button("a", "1", "X is A"), Button("b", "2", "X is B")),
    abx.USUAL_TRIALS,
    (8, 12, 16, 24, 32),
)
PREFERENCE = TestKind(
    "preference",
    "Preference",
    "Which one do you like better? Both come in an order that nobody knows; you learn at the end which one it was.",
    "Which one would you rather listen to?",
    (Button("first", "A", "A"), Button("second", "B", "B")),
    (Button("first", "1", "A"), Button("same", "2", "No difference"), Button("second", "3", "B")),
    preference.USUAL_TRIALS,
    (8, 12, 16, 24, 32),
)
MUSHRA = TestKind(
    "mushra",
    "Quality",
    "How good is each slot beside the original? All of them come without names, and among them the original itself and "
    "two dull versions of it (MUSHRA, ITU-R BS.1534). You rate each from 0 to 100.",
    "How good is each beside the original?",
    (),
    (),
    0,
    (),
)
STAIRCASE = TestKind(
    "staircase",
    "Layers",
    "How many layers does it take until you can't tell Lamina from the original? One of two sounds is coded, and you "
    "say which; how many layers come next depends on your answers.",
    "Which one is not the original?",
    (Button(ORIGINAL, "O", "Original"), Button("first", "A", "A"), Button("second", "B", "B")),
    (Button("first", "1", "A is coded"), Button("second", "2", "B is coded")),
    staircase.USUAL_TRIALS,
    (20, 30, 40, 60),
)
KINDS = {kind.name: kind for kind in (ABX, PREFERENCE, MUSHRA, STAIRCASE)}
PAIRS = (ABX, PREFERENCE)
"""The tests of two sounds."""


def planned(kind: TestKind, n_trials: int, is_training: bool = False) -> TrialTest:
    """A new test of two sounds; raises ValueError for a number of trials that it can't have."""
    if kind is ABX:
        return abx.AbxTest.plan(n_trials, training=is_training)
    return preference.PreferenceTest.plan(n_trials)


def gone_on(kind: TestKind, state: Any) -> TrialTest | mushra.MushraTest:
    """A test as it was left; raises ValueError for a state that is none of its kind."""
    if kind is MUSHRA:
        return mushra.MushraTest.from_dict(state)
    if kind is STAIRCASE:
        return staircase.StaircaseTest.from_dict(state)
    return abx.AbxTest.from_dict(state) if kind is ABX else preference.PreferenceTest.from_dict(state)


def played(test: TrialTest, button: str) -> str:
    """The name of the sound behind a button: for the player alone."""
    if isinstance(test, staircase.StaircaseTest):
        return str(staircase.ORIGINAL if button == ORIGINAL else test.sound_of(button))
    return test.sound_of(button)


def verdict(test: TrialTest, sounds: Sequence[Condition]) -> str:
    """What it came to, in a sentence for everybody; `sounds` are those of the test."""
    if isinstance(test, abx.AbxTest):
        return test.outcome().sentence
    if isinstance(test, staircase.StaircaseTest):
        shape = shape_named(str(sounds[-1].how["model"]))
        each = " a channel" if len(sounds[0].samples) > 1 else ""
        return test.outcome().told_to(lambda layers: f"{kbps_text(shape.kbps(layers))}{each}")
    return test.outcome().sentence(*(sound.label for sound in sounds))


def revealed(test: TrialTest, sounds: Sequence[Condition]) -> str:
    """What is told besides, when it is over: what was what, or how certain it is."""
    if isinstance(test, staircase.StaircaseTest):
        outcome = test.outcome()
        high = "more than there are" if outcome.high is None else str(outcome.high)
        first = "more than there are" if outcome.layers is None else f"{outcome.low} to {high}"
        return (
            f"The first number of layers that you don't tell is, with 95 % certainty, {first}. "
            f"{outcome.n_correct} of {outcome.n_trials} answers were right."
        )
    a, b = (sound.label for sound in sounds)
    return f"A was {a}, B was {b}."
