"""An ABX test lets no guesser through more often than it says, keeps its score hidden, and goes on where it was."""

import json
import math
import random

import numpy as np
import pytest

from lamina.plugin.listening.abx import LEAST_TRIALS, AbxTest, binomial_p, explain
from lamina.plugin.listening.hidden import HiddenError, StateError

GUESSERS = {
    "always says a": lambda trial, chance, said: "a",
    "tosses a coin": lambda trial, chance, said: chance.choice("ab"),
    "takes turns": lambda trial, chance, said: "ab"[trial % 2],
    # Against an order with as many A as B this one would pass 6.6 % of all tests.
    "says both equally often": lambda trial, chance, said: said[trial],
}


def taken(guess, seed, n_trials=16):
    chance = random.Random(seed)
    test = AbxTest.plan(n_trials, chance=random.Random(seed + 1_000_000))
    said = chance.sample("ab" * ((n_trials + 1) // 2), n_trials)
    while not test.is_over:
        test.answer(guess(test.trial, chance, said))
    return test.outcome()


@pytest.mark.parametrize("guesser", GUESSERS)
def test_ten_thousand_guessers_pass_no_more_often_than_five_percent(guesser):
    passed = sum(taken(GUESSERS[guesser], seed).is_heard for seed in range(10_000))
    # The exact share is 3.84 %: 12 of 16 are the least that is below 5 %.
    assert 300 < passed <= 500


def test_a_balanced_order_would_let_guessers_through_or_take_from_those_who_hear():
    """Why coins are tossed: both ways to test an order of eight A and eight B, counted out."""

    def agreed(right_a, n_said):
        """Chance of so many A said at A's places or more, by who says A so often (Fisher's exact test)."""
        ways = [math.comb(8, hits) * math.comb(8, n_said - hits) for hits in range(right_a, min(8, n_said) + 1)]
        return sum(ways) / math.comb(16, n_said)

    def passed(hears, is_balanced):
        if not is_balanced:
            least = next(k for k in range(17) if binomial_p(k, 16) <= 0.05)
            return sum(math.comb(16, k) * hears**k * (1 - hears) ** (16 - k) for k in range(least, 17))
        chance = [math.comb(8, k) * hears**k * (1 - hears) ** (8 - k) for k in range(9)]
        pairs = [(a, b) for a in range(9) for b in range(9) if agreed(a, a + 8 - b) <= 0.05]
        return sum(chance[a] * chance[b] for a, b in pairs)

    # Who says both equally often is right in an even number of trials: 12 of 16 are 6 of the 8 A's.
    assert agreed(6, 8) == pytest.approx(0.066, abs=0.0005)
    assert passed(0.5, False) < 0.05 and passed(0.5, True) < 0.05
    assert (passed(0.8, False), passed(0.8, True)) == pytest.approx((0.80, 0.61), abs=0.005)
    assert (passed(0.85, False), passed(0.85, True)) == pytest.approx((0.92, 0.80), abs=0.005)


def test_a_perfect_listener_always_passes():
    for n_trials in range(LEAST_TRIALS, 40):
        test = AbxTest.plan(n_trials)
        while not test.is_over:
            test.answer(test.sound_of("x"))
        assert test.outcome().is_heard and test.outcome().n_correct == n_trials


def test_the_p_value_is_scipys_for_every_score_of_up_to_a_hundred():
    stats = pytest.importorskip("scipy.stats")
    for n_trials in range(1, 101):
        for n_correct in range(n_trials + 1):
            expected = stats.binomtest(n_correct, n_trials, 0.5, alternative="greater").pvalue
            assert binomial_p(n_correct, n_trials) == pytest.approx(expected, rel=1e-12)


def test_the_order_is_random_and_favours_neither():
    orders = np.array(
        [[x == "a" for x in AbxTest.plan(16, chance=random.Random(seed)).to_dict()["x_is"]] for seed in range(10_000)]
    )
    # Standard errors of 10 000 coins: 0.005; six of them for 16 places.
    assert np.abs(orders.mean(axis=0) - 0.5).max() < 0.03
    pairs = np.corrcoef(orders.T) - np.eye(16)
    assert np.abs(pairs).max() < 0.06  # nothing follows from what X was before
    # As many different numbers of A as coins have, not always eight.
    assert orders.sum(axis=1).std() == pytest.approx(2.0, abs=0.1)


def test_without_a_generator_the_order_is_nobodys_to_foresee():
    assert len({tuple(AbxTest.plan(40).to_dict()["x_is"]) for _ in range(50)}) == 50


def test_the_score_is_hidden_until_the_end():
    test = AbxTest.plan(8)
    for _ in range(7):
        assert test.answer("a") is None
        with pytest.raises(HiddenError):
            test.outcome()
        with pytest.raises(HiddenError):
            _ = test.n_correct
    test.answer("b")
    assert test.outcome().n_trials == 8
    with pytest.raises(StateError, match="over"):
        test.answer("a")
    with pytest.raises(StateError):
        test.sound_of("x")


def test_training_tells_at_once():
    test = AbxTest.plan(8, training=True)
    truth = test.sound_of("x")
    assert test.answer(truth) is True
    assert test.answer("a" if test.sound_of("x") == "b" else "b") is False
    assert test.n_correct == 1


def test_a_test_goes_on_where_it_was():
    test = AbxTest.plan(16, chance=random.Random(3))
    for _ in range(5):
        test.answer("b")
    again = AbxTest.from_dict(json.loads(json.dumps(test.to_dict())))
    assert again.trial == 5 and again.to_dict() == test.to_dict()
    assert [again.sound_of(button) for button in "abx"] == [test.sound_of(button) for button in "abx"]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "mushra"},
        {"x_is": ["a", "c"] * 8},
        {"x_is": None},
        {"answers": ["a"] * 17},
        {"answers": [{}]},
        {"training": 1},
        {"x_is": ["a"] * 101},
    ],
)
def test_a_damaged_state_is_refused(change):
    with pytest.raises(StateError):
        AbxTest.from_dict({**AbxTest.plan(16).to_dict(), **change})


def test_the_sentence_is_for_everybody():
    assert explain(14, 16) == (
        "14 of 16 were right. Who only guesses does so well once in 480 tests (p = 0.0021): a difference was heard."
    )
    assert "40 of 100 tests" in explain(9, 16) and "nor that there is none" in explain(9, 16)
    assert "once in 1 000 tests" in explain(10, 10)
    assert "less than 0.0001" in explain(16, 16) and "once in 66 000" in explain(16, 16)
    assert "nearly every test" in explain(0, 16)
