"""Preference and MUSHRA tests hide what is what, take only answers that mean something, and go on where they were."""

import itertools
import json
import random

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import noise

from lamina.plugin.listening.hidden import HiddenError, StateError
from lamina.plugin.listening.mushra import (
    ANCHORS,
    LOW_ANCHOR,
    MID_ANCHOR,
    REFERENCE,
    MushraTest,
    anchors_at,
    make_anchors,
    word_of,
)
from lamina.plugin.listening.plans import Plan, prepare, state_of
from lamina.plugin.listening.preference import PreferenceTest
from lamina.plugin.listening.sounds import Condition, delay_samples

CONDITIONS = ["lamina:3", "lamina:6", "opus:12"]


def rated(test, score_of):
    for page in range(test.n_pages):
        for slot in range(test.n_slots):
            test.rate(slot, score_of(test.item, test.sound_of(slot)))
        if page + 1 < test.n_pages:
            test.turn(1)
    return test.outcome()


def test_who_always_takes_the_first_shows_a_preference_no_more_often_than_chance():
    shown = 0
    for seed in range(5000):
        test = PreferenceTest.plan(12, random.Random(seed))
        while not test.is_over:
            test.answer("first")
        shown += test.outcome().p_value <= 0.05
    assert shown <= 0.05 * 5000


def test_who_likes_one_of_them_is_heard():
    test = PreferenceTest.plan(12)
    while not test.is_over:
        better = "first" if test.sound_of("first") == "b" else "second"
        test.answer("same" if test.trial == 3 else better)
    outcome = test.outcome()
    assert (outcome.n_a, outcome.n_b, outcome.n_same) == (0, 11, 1)
    assert outcome.p_value == pytest.approx(2 / 2**11)
    assert "Opus is preferred" in outcome.sentence("Lamina", "Opus")


def test_a_preference_test_hides_its_count_and_goes_on():
    test = PreferenceTest.plan(3)
    test.answer("second")
    with pytest.raises(HiddenError):
        test.outcome()
    again = PreferenceTest.from_dict(json.loads(json.dumps(test.to_dict())))
    assert again.trial == 1 and again.sound_of("first") == test.sound_of("first")
    for wrong in ({"a_is": ["third"]}, {"answers": ["same"] * 4}, {"kind": "abx"}):
        with pytest.raises(StateError):
            PreferenceTest.from_dict({**test.to_dict(), **wrong})
    with pytest.raises(StateError, match="'first', 'second' or 'same'"):
        test.answer("a")


def test_no_preference_at_all_is_no_error():
    test = PreferenceTest.plan(2)
    test.answer("same")
    test.answer("same")
    assert test.outcome().p_value == 1.0 and "neither 2 times" in test.outcome().sentence("A", "B")


def test_mushra_has_the_hidden_reference_and_both_anchors_on_every_page():
    test = MushraTest.plan(["a", "b"], CONDITIONS)
    assert test.n_slots == 6
    for _ in range(test.n_pages):
        assert sorted(test.sound_of(slot) for slot in range(6)) == sorted([*CONDITIONS, REFERENCE, *ANCHORS])
        for slot in range(6):
            test.rate(slot, 50)
        if test.page == 0:
            test.turn(1)


def test_mushra_orders_favour_no_place():
    counts = np.zeros(6)
    pages = 0
    for seed in range(3000):
        test = MushraTest.plan(["a", "b"], CONDITIONS, chance=random.Random(seed))
        counts[[test.sound_of(slot) for slot in range(6)].index(REFERENCE)] += 1
        pages += test.item == "a"
    # 3000 / 6 with a standard deviation of 20.
    assert np.abs(counts - 500).max() < 100
    assert abs(pages - 1500) < 150
    orders = {
        tuple(MushraTest.plan(["a"], CONDITIONS[:1], (), random.Random(seed)).sound_of(slot) for slot in range(2))
        for seed in range(40)
    }
    assert len(orders) == 2


def test_mushra_gives_each_rating_to_its_sound():
    test = MushraTest.plan(["a", "b", "c"], CONDITIONS, chance=random.Random(1))
    keys = [*CONDITIONS, REFERENCE, *ANCHORS]
    scores = {(item, key): n for n, (item, key) in enumerate(itertools.product("abc", keys))}
    outcome = rated(test, lambda item, key: scores[item, key])
    assert {(item, key): score for item, row in outcome.items() for key, score in row.items()} == scores


def test_mushra_waits_for_every_rating_and_takes_only_whole_ones():
    test = MushraTest.plan(["a", "b"], CONDITIONS)
    with pytest.raises(StateError, match="Rate every sound"):
        test.turn(1)
    for score in (-1, 101, 50.5, True, "50"):
        with pytest.raises(StateError, match="0 to 100"):
            test.rate(0, score)
    with pytest.raises(HiddenError):
        test.outcome()
    with pytest.raises(StateError, match="no slot"):
        test.rate(6, 50)
    test.rate(2, 70)
    again = MushraTest.from_dict(json.loads(json.dumps(test.to_dict())))
    assert again.rating(2) == 70 and again.rating(0) is None and again.to_dict() == test.to_dict()


@pytest.mark.parametrize(
    "change",
    [{"orders": []}, {"orders": [["a", ["x"]]]}, {"ratings": [[1]]}, {"page": 9}, {"orders": [[1, 2]]}, {"page": True}],
)
def test_a_damaged_mushra_state_is_refused(change):
    with pytest.raises(StateError):
        MushraTest.from_dict({**MushraTest.plan(["a", "b"], CONDITIONS).to_dict(), **change})


def test_mushra_refuses_too_many_and_double_versions():
    with pytest.raises(StateError, match="1 to 8"):
        MushraTest.plan(["a"], [f"v{n}" for n in range(9)])
    with pytest.raises(StateError, match="one name"):
        MushraTest.plan(["a"], ["v", "v"])
    with pytest.raises(StateError, match="one name"):
        MushraTest.plan(["a", "a"], ["v"])


@pytest.mark.parametrize("rate", [24000, 44100, 48000])
def test_the_anchors_keep_the_standards_mask(rate):
    impulse = np.zeros((1, rate), np.float32)
    impulse[0, rate // 2] = 1.0
    anchors = make_anchors(Condition("original", {}, impulse, rate))
    frequencies = np.fft.rfftfreq(rate, 1 / rate)
    for key, scale in ((LOW_ANCHOR, 1), (MID_ANCHOR, 2)):
        gain = 20 * np.log10(np.abs(np.fft.rfft(anchors[key].samples[0].astype(np.float64))) + 1e-9)
        # BS.1534-3, 5.1.2: ±0.1 dB in the pass band, 25 dB at 4 kHz, 50 dB at 4.5 kHz.
        assert np.abs(gain[frequencies <= 3500 * scale]).max() < 0.1
        assert gain[frequencies >= 4000 * scale].max() < -25
        assert gain[frequencies >= 4500 * scale].max() < -50


def test_the_anchors_are_not_a_sample_late():
    original = Condition("original", {}, noise(2, 24000), 24000)
    low = np.cumsum(noise(1, 24000), axis=1).astype(np.float32)
    low = Condition("low", {}, low / np.abs(low).max(), 24000)
    for source in (low,):
        for anchor in make_anchors(source).values():
            assert delay_samples(source, anchor) == 0
            assert anchor.samples.shape == source.samples.shape
    assert make_anchors(original)[MID_ANCHOR].label == "Anchor 7 kHz"
    # At 16 kHz nothing is left for a filter at 7 kHz to take away.
    assert list(make_anchors(Condition("x", {}, noise(1, 16000), 16000))) == [LOW_ANCHOR]


def test_the_scales_words_stand_for_20_points_each():
    words = [word_of(score) for score in (0, 19, 20, 39, 40, 60, 79, 80, 100)]
    assert words == ["Bad", "Bad", "Poor", "Poor", "Fair", "Good", "Good", "Excellent", "Excellent"]


def test_the_anchors_there_are_at_a_rate_are_those_that_are_made():
    for rate in (8000, 16000, 24000):
        assert anchors_at(rate) == tuple(make_anchors(Condition("x", {}, noise(1, rate), rate)))


def test_sounds_of_different_rates_share_the_anchors_that_all_have_room_for(tmp_path):
    files = []
    for name, rate in (("call", 16_000), ("song", 48_000)):
        files.append(str(tmp_path / f"{name}.wav"))
        with AudioFile(files[-1], "w", rate, 1) as file:
            file.write(0.3 * noise(1, rate, 3))
    prepared = prepare(Plan("mushra", tuple(files), ("opus:12",), seconds=1.0))
    assert [list(row) for row in prepared.sounds.values()] == [["reference", "anchor-3.5k", "opus:12"]] * 2
    test = state_of(prepared)
    assert type(test).from_dict(test.to_dict()).n_slots == 3, "what listeners send back can be read"
