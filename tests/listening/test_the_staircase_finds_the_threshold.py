"""The search for just-noticeable layers ends within a layer of the truth, hides it until then, and goes on."""

import json
import math
import random

import numpy as np
import pytest

from lamina.plugin.listening.hidden import HiddenError, StateError
from lamina.plugin.listening.staircase import ORIGINAL, StaircaseOutcome, StaircaseTest, chance_of_right

LEVELS = list(range(1, 13))


def coded(test):
    """Which of the two is coded, and by how many layers."""
    return next((button, test.sound_of(button)) for button in ("first", "second") if test.sound_of(button) != ORIGINAL)


def listened(threshold, spread, seed, n_trials=40, levels=LEVELS):
    """A simulated listener's outcome: the threshold counts in places of `levels`, from 0."""
    chance = random.Random(seed)
    test = StaircaseTest.plan(levels, n_trials, chance)
    while not test.is_over:
        button, layers = coded(test)
        is_right = chance.random() < chance_of_right(levels.index(layers) - threshold, spread)
        test.answer(button if is_right else "second" if button == "first" else "first")
    return test.outcome()


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_forty_trials_end_within_a_layer_of_the_truth(spread):
    errors, n_covered = [], 0
    for seed in range(100):
        threshold = random.Random(seed + 999).uniform(1.0, 9.0)
        outcome = listened(threshold, spread, seed)
        truth = LEVELS[math.ceil(threshold)]
        errors.append((outcome.layers or LEVELS[-1] + 1) - truth)
        n_covered += outcome.low <= truth <= (outcome.high or 99)
    # docs/listening.md has the distribution; a listener whose hearing fades over many layers is harder to place.
    assert np.mean(np.abs(errors) <= 1) >= 0.93
    assert abs(np.mean(errors)) < 0.5
    assert n_covered >= 93


def test_who_hears_everything_or_nothing_is_told_so():
    deaf = listened(-1.0, 0.25, 5)
    assert deaf.layers == 1 and "Even 1 layer can't" in deaf.sentence
    keen = listened(40.0, 0.25, 5)
    assert keen.layers is None and "Even 12 layers" in keen.sentence
    between = listened(5.5, 0.25, 5)
    assert f"From {between.layers} layers on" in between.sentence and between.low <= between.layers <= between.high


def test_levels_may_leave_layers_out():
    levels = [1, 2, 4, 8, 16, 24]
    assert listened(2.5, 0.25, 2, levels=levels).layers == 8


def test_the_coded_sound_comes_first_as_often_as_second():
    first = sum(
        StaircaseTest.plan(LEVELS, 40, random.Random(s)).to_dict()["coded_is"].count("first") for s in range(500)
    )
    assert abs(first - 10_000) < 400


def test_it_goes_on_where_it_was_and_hides_what_it_thinks():
    test = StaircaseTest.plan(LEVELS, 20, random.Random(1))
    for _ in range(7):
        test.answer("first")
    with pytest.raises(HiddenError):
        test.outcome()
    again = StaircaseTest.from_dict(json.loads(json.dumps(test.to_dict())))
    assert again.to_dict() == test.to_dict()
    while not test.is_over:
        assert coded(again) == coded(test)
        for one in (again, test):
            one.answer("second")
    assert again.outcome() == test.outcome()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "abx"},
        {"levels": [3, 2, 1]},
        {"levels": [0, 1]},
        {"levels": [1.5, 2]},
        {"coded_is": ["first"]},
        {"answers": ["first"], "played": []},
        {"answers": ["first"], "played": [13]},
        {"answers": ["first"], "played": [[]]},
        {"played": None},
    ],
)
def test_a_damaged_state_is_refused(change):
    with pytest.raises(StateError):
        StaircaseTest.from_dict({**StaircaseTest.plan(LEVELS, 20).to_dict(), **change})


def test_the_sentence_for_the_listener_names_the_last_number_that_is_told():
    def told(layers, below, fewest=1, most=24):
        outcome = StaircaseOutcome(layers, 1, layers, fewest, most, 40, 30, below)
        return outcome.told_to(lambda number: f"{0.75 * number:g} kbps")

    assert told(8, 7) == "You tell Lamina from the original up to 7 layers, 5.25 kbps, on this sound; above you guess."
    assert told(2, 1) == "You tell Lamina from the original up to 1 layer, 0.75 kbps, on this sound; above you guess."
    assert told(1, 1).startswith("You don't tell Lamina from the original on this sound, even with 1 layer, 0.75 kbps")
    assert told(None, 24).startswith("You tell Lamina from the original even with 24 layers, 18 kbps")


def test_the_number_below_is_one_that_was_played():
    test = StaircaseTest.plan([2, 5, 9, 14], 60, random.Random(4))
    while not test.is_over:
        first, second = test.sound_of("first"), test.sound_of("second")
        coded, layers = ("first", first) if first else ("second", second)
        other = "second" if coded == "first" else "first"
        test.answer(coded if layers < 9 or test.trial % 2 else other)
    outcome = test.outcome()
    assert (outcome.layers, outcome.below) == (9, 5)
