"""Denoise, gain and desk of who hears may be changed while sound flows; sound that isn't touched stays what it is."""

import numpy as np
import pytest
from sounds import demo

from lamina import NeuralCodec
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineSender
from lamina.plugin.line.simulator import Link, simulate

RATE = 24_000
SECONDS, CHANGED_AT = 2.0, 1.0


def heard(changes=None, **at_first):
    """What is heard of a line whose receiver's codec gets these changes in the middle."""
    codec = NeuralCodec(**at_first)
    sender = LineSender(NeuralCodec(layers=8), RATE, 1, stream=1)
    receiver = LineReceiver(codec, sender.hello, RATE, buffer_ms=40, correct_drift=False)

    def control(now):
        if changes is not None and now >= CHANGED_AT:
            codec.set_parameters(changes)

    rng = np.random.default_rng(1)
    sound = 0.4 * demo(1, RATE, SECONDS)[:1] + 0.02 * rng.standard_normal((1, round(RATE * SECONDS)))
    played = simulate(sender, receiver, Link(), SECONDS, sound=sound.astype(np.float32), block=320, control=control)
    return played.heard


BEFORE, AFTER = slice(0, round(0.99 * RATE)), slice(round(1.3 * RATE), None)


def rms(x):
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


@pytest.fixture(scope="module")
def plain():
    return heard()


@pytest.mark.slow
def test_denoise_is_heard_from_the_moment_on_at_which_it_is_changed(plain):
    changed, from_the_start = heard({"denoise": 1.0}), heard(denoise=1.0)
    assert np.array_equal(changed[:, BEFORE], plain[:, BEFORE])
    assert rms(changed[:, AFTER] - plain[:, AFTER]) > 0.05 * rms(plain[:, AFTER])
    # What the decoder remembers of before is forgotten within a few frames.
    assert rms(changed[:, AFTER] - from_the_start[:, AFTER]) < 0.02 * rms(from_the_start[:, AFTER])


def test_the_gain_is_heard_from_the_moment_on_at_which_it_is_changed(plain):
    changed = heard({"output_gain_db": -20.0})
    assert np.array_equal(changed[:, BEFORE], plain[:, BEFORE])
    assert np.allclose(changed[:, AFTER], 0.1 * plain[:, AFTER], atol=1e-5)


@pytest.mark.slow
def test_a_desk_that_was_on_can_be_changed_and_one_that_was_off_stays_off(plain):
    assert np.array_equal(heard({"frame_loss": 0.9}), plain)
    on = heard(frame_loss=0.2)
    louder = heard({"frame_loss": 0.9}, frame_loss=0.2)
    assert np.array_equal(on[:, BEFORE], louder[:, BEFORE])
    assert rms(louder[:, AFTER] - on[:, AFTER]) > 0.1 * rms(on[:, AFTER])


def test_a_decoder_refuses_what_can_not_begin_in_the_middle_before_anything_changes():
    codec = NeuralCodec(layers=4)
    codes = codec.encode(0.4 * demo(1, RATE, 1.0)[:1], RATE)
    decoder, whole = codec.decoder(RATE), codec.decode(codes, RATE)
    first = decoder.push(codes[:30])
    altering = NeuralCodec(layers=4, frame_loss=0.5).settings
    with pytest.raises(ValueError, match="can't begin in the middle"):
        decoder.push(codes[30:], altering)
    rest = [decoder.push(codes[30:], codec.settings), decoder.flush()]
    assert np.array_equal(np.concatenate([first, *rest], 1), whole)
