"""An offset is found and taken out; sound without one passes bit for bit."""

import numpy as np
import pytest
from sounds import noise

from lamina.dsp.offset import OffsetRemover

RATE, FRAME = 24_000, 320
SECOND = RATE // FRAME * FRAME


def without_offset(x, n_frames=None):
    """`x` through a remover, in one call or in calls of `n_frames`."""
    remover, size = OffsetRemover(len(x), RATE, FRAME), (n_frames or len(x[0])) * FRAME
    return np.concatenate([remover.push(x[:, start : start + size]) for start in range(0, x.shape[1], size)], 1)


@pytest.mark.parametrize("offset", [0.01, -0.03, 0.1, 0.3])
def test_a_constant_is_gone_within_two_seconds_and_a_large_one_within_one(offset):
    out = without_offset(np.full((1, 3 * SECOND), offset, np.float32))
    assert np.abs(out[:, 2 * SECOND :]).max() < 1e-4
    assert abs(offset) < 0.03 or np.abs(out[:, SECOND:]).max() < abs(offset) / 50


def test_each_channel_has_its_own():
    x = noise(3, 3 * SECOND)
    out = without_offset(x + np.array([[0.2], [0.0], [-0.05]], np.float32))
    assert np.array_equal(out[1], x[1])
    # A mean over all of a second is a mean of noise, too, which is left in.
    assert np.abs((out - x)[:, 2 * SECOND :]).max() < 0.005


@pytest.mark.parametrize("hertz", [20, 25, 30, 40, 50, 60, 74, 75, 76, 149])
def test_low_tones_pass_bit_for_bit(hertz):
    tone = 0.9 * np.sin(2 * np.pi * hertz / RATE * np.arange(2 * SECOND))
    x = np.stack([tone, np.roll(tone, 40)]).astype(np.float32)
    assert np.array_equal(without_offset(x), x)


@pytest.mark.parametrize("hertz", [20, 40, 60])
def test_beside_an_offset_low_tones_keep_their_level(hertz):
    tone = (0.3 * np.sin(2 * np.pi * hertz / RATE * np.arange(4 * SECOND))).astype(np.float32)[None]
    out = without_offset(tone + np.float32(0.2))
    change = 20 * np.log10(np.std(out[:, 3 * SECOND :]) / np.std(tone[:, 3 * SECOND :]))
    assert abs(change) < 0.1


def test_what_was_taken_out_is_nothing_again_when_the_offset_has_ended():
    x = np.concatenate([np.full((1, 2 * SECOND), 0.1, np.float32), noise(1, 6 * SECOND)], 1)
    assert np.array_equal(without_offset(x)[:, 5 * SECOND :], x[:, 5 * SECOND :])


@pytest.mark.parametrize("n_frames", [1, 2, 7, 100])
def test_any_cutting_gives_the_same(n_frames):
    x = noise(2, 4 * SECOND)
    x[0, SECOND : 3 * SECOND] += 0.1
    assert np.array_equal(without_offset(x, n_frames), without_offset(x))
