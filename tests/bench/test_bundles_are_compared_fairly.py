"""The comparison of two bundles: finds what is there, and does not find what is not."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from compare import overall, paired_difference


def windows(shift: float, seed: int = 0, clips: int = 12):
    random = np.random.default_rng(seed)
    for clip in range(clips):
        level = random.normal(0, 1)
        for _ in range(2):
            first = level + random.normal(0, 0.1)
            yield f"clip{clip}", first + shift + random.normal(0, 0.1), first


def test_a_small_but_steady_gain_is_found_among_very_different_clips():
    assert paired_difference("pesq", windows(+0.15)).verdict == "better"
    assert paired_difference("pesq", windows(-0.15)).verdict == "worse"


def test_less_is_better_where_it_is():
    assert paired_difference("log_mel", windows(-0.15)).verdict == "better"


def test_noise_is_not_taken_for_a_gain():
    verdicts = [paired_difference("pesq", windows(0.0, seed)).verdict for seed in range(40)]
    assert verdicts.count("no difference found") >= 34


def test_a_steady_difference_that_means_nothing_is_none():
    pairs = [(f"clip{index}", 3.0 + 1e-6, 3.0) for index in range(12)]
    assert paired_difference("pesq", pairs).verdict == "no difference found"


def test_one_lucky_clip_does_not_decide():
    pairs = [(f"clip{index}", 3.0 if index == 0 else 1.0, 1.0) for index in range(12)]
    assert paired_difference("pesq", pairs).verdict == "no difference found"


def test_what_can_not_be_measured_is_left_out():
    assert paired_difference("pesq", [("a", float("nan"), 1.0)]) is None


def test_the_whole_is_better_only_if_nothing_got_worse():
    better, worse, same = (paired_difference("pesq", windows(shift)) for shift in (0.3, -0.3, 0.0))
    assert overall({"a": better, "b": same}) == "better"
    assert overall({"a": better, "b": worse}) == "mixed"
    assert overall({"a": worse, "b": same}) == "worse"
    assert overall({"a": same}) == "no difference found"
