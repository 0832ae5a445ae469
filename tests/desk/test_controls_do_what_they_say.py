"""Gains, mix, bypass and limiter: each does to the sound what its name says, by the amount it shows."""

import numpy as np
import pytest
from sounds import demo, noise

from lamina.plugin import NeuralCodec
from lamina.plugin.stream.blocks import LIMITER_KNEE

RATE = 48_000
SOUND = 0.5 * demo(0, RATE, 1.0)
TOLERANCE = 1e-6  # float32 sums and products of samples below 1


def linear(gain_db):
    return np.float32(10 ** (gain_db / 20))


@pytest.mark.slow
@pytest.mark.parametrize("gain_db", [-24.0, -3.0, 6.0])
def test_the_output_gain_is_on_wet_and_dry(gain_db):
    for mix in (1.0, 0.4, 0.0):
        plain = NeuralCodec(mix=mix)(SOUND, RATE)
        assert np.allclose(
            NeuralCodec(mix=mix, output_gain_db=gain_db)(SOUND, RATE), plain * linear(gain_db), rtol=0, atol=TOLERANCE
        )


@pytest.mark.slow
@pytest.mark.parametrize("gain_db", [-12.0, 3.0])
def test_the_input_gain_is_before_the_codec_and_on_the_dry_signal_too(gain_db):
    driven = SOUND * linear(gain_db)
    for mix in (1.0, 0.4, 0.0):
        expected = NeuralCodec(mix=mix)(driven, RATE)
        assert np.allclose(NeuralCodec(mix=mix, input_gain_db=gain_db)(SOUND, RATE), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("mix", [0.0, 0.25, 0.9])
def test_mix_is_the_share_of_the_coded_sound(mix):
    wet = NeuralCodec(layers=2)(SOUND, RATE)
    assert np.allclose(
        NeuralCodec(layers=2, mix=mix)(SOUND, RATE), SOUND * (1 - mix) + wet * mix, rtol=0, atol=TOLERANCE
    )


def test_bypass_lets_the_input_through_bit_for_bit_whatever_else_is_set():
    codec = NeuralCodec(layers=1, mix=0.5, input_gain_db=12.0, output_gain_db=-6.0, bypass=True)
    assert np.array_equal(codec(SOUND, RATE), SOUND)


def test_the_coded_sound_never_goes_beyond_full_scale_and_is_untouched_below_the_knee():
    loud = np.clip(noise(1, RATE, level=0.8), -1, 1)
    driven = NeuralCodec(layers=8, input_gain_db=6.0)(loud, RATE)
    assert LIMITER_KNEE < np.abs(driven).max() <= 1.0
    # The limiter bends samples one by one: a louder one beside them leaves the rest as they are.
    quiet = NeuralCodec(layers=8)(0.3 * loud, RATE)
    assert np.abs(quiet).max() < LIMITER_KNEE
