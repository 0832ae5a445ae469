"""An effect that raises, stalls, or gives back nonsense is bypassed without a step, with a sentence.

The rest of the board goes on.
"""

import time

import numpy as np
import pytest
from live_boards import BLOCK, FADED, RATE, Latent, OwnEffect, largest_step, live, play, sine
from pedalboard import Gain, HighpassFilter, MP3Compressor, Reverb
from sounds import noise

from lamina.plugin import NeuralCodec


def explode(block):
    raise RuntimeError("the spring snapped")


def stall(block):
    time.sleep(0.25)
    return block * 0.5


FAULTS = {
    "raises": (explode, "raised an error (RuntimeError: the spring snapped)"),
    "stalls": (stall, "ms of sound"),
    "has one channel": (lambda block: block[:1], "gave back the shape"),
    "is flat": (lambda block: block[0], "gave back the shape"),
    "is no array": (lambda block: None, "gave back NoneType instead of an array"),
    "is of integers": (lambda block: block.astype(np.int16), "instead of an array of float32"),
    "is NaN": (lambda block: block * np.nan, "gave back NaN or infinite samples"),
    "is infinite": (lambda block: block + np.inf, "gave back NaN or infinite samples"),
    "is too long": (lambda block: np.tile(block, (1, 300)), "more samples than it takes"),
    "is nothing": (lambda block: block[:, :0], "fewer samples than it takes"),
    "is NaN at times": (
        lambda block: np.where(np.arange(block.shape[1]) > 40, np.float32(np.nan), block * 0.5),
        "gave back NaN",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("block", [64, 256])
@pytest.mark.parametrize("name", FAULTS)
def test_an_effect_that_fails_is_bypassed_without_a_step_and_the_rest_goes_on(name, block):
    act, reason = FAULTS[name]
    troubles = []
    own = OwnEffect(lambda samples: samples * 0.5)
    board = live(
        Gain(0.0),
        own,
        Gain(-6.0),
        block=block,
        on_trouble=troubles.append,
        stall_seconds=0.2 if name == "stalls" else 60.0,
    )
    audio = sine(RATE)
    n_half = RATE // 4 // block * block
    before = play(board, audio[:, :n_half])
    assert not troubles and not board.slots[1].failure
    own.act = act
    after = play(board, audio[:, n_half:])
    assert np.isfinite(after).all()
    whole = np.concatenate([before, after], 1)
    assert largest_step(whole) < largest_step(audio * 0.5) * 1.2
    # What repeats before it counts as a fault takes up to a quarter of a second.
    settled = slice(n_half + RATE // 4 + FADED, whole.shape[1])
    assert np.abs(whole[:, settled] - audio[:, settled] * 10 ** (-6 / 20)).max() < 1e-4
    failure = board.slots[1].failure
    assert failure.startswith("The effect OwnEffect ") and reason in failure and failure.endswith(" and is bypassed.")
    assert troubles == [f"{failure} The rest goes on."]
    assert not board.slots[0].failure and not board.slots[2].failure


def test_a_late_effect_fails_without_a_step_in_mid_sound_too():
    latent = Latent(1000)
    board = live(latent)
    audio = sine(RATE)
    n_half = RATE // 2 // BLOCK * BLOCK
    before = play(board, audio[:, :n_half])
    latent.act = explode
    after = play(board, audio[:, n_half:])
    assert largest_step(np.concatenate([before, after], 1)[:, 1100:]) < largest_step(audio) * 1.2
    expected = audio[:, n_half - 1000 : n_half - 1000 + after.shape[1]]
    assert np.array_equal(after[:, FADED:], expected[:, FADED:])


def test_one_damaged_block_is_carried_over_and_forgiven():
    own = OwnEffect()
    board = live(own)
    audio = sine(BLOCK * 40)
    before = play(board, audio[:, : BLOCK * 20])
    own.act = lambda block: np.where(np.arange(block.shape[1]) > 40, np.float32(np.inf), block)
    damaged = board.push(audio[:, BLOCK * 20 : BLOCK * 21])
    own.act = lambda block: block
    after = play(board, audio[:, BLOCK * 21 :])
    assert not board.slots[0].failure
    whole = np.concatenate([before, damaged, after], 1)
    assert np.isfinite(whole).all() and largest_step(whole) < largest_step(audio) * 1.2
    assert np.array_equal(after[:, FADED:], audio[:, BLOCK * 21 + FADED :])


def test_a_shortage_of_some_samples_makes_no_step():
    own = OwnEffect()
    board = live(own)
    audio = sine(BLOCK * 40)
    before = play(board, audio[:, : BLOCK * 20])
    own.act = lambda block: block[:, :-3]
    short = board.push(audio[:, BLOCK * 20 : BLOCK * 21])
    own.act = lambda block: block
    after = play(board, audio[:, BLOCK * 21 :])
    whole = np.concatenate([before, short, after], 1)
    assert whole.shape == audio.shape and not board.slots[0].failure
    assert largest_step(whole) < largest_step(audio) * 1.2


def test_nan_in_the_input_is_silence_for_every_effect():
    board = live(HighpassFilter(), Reverb(), NeuralCodec(layers=2))
    audio = noise(2, RATE // 4)
    audio[:, 5000] = np.nan
    audio[0, 6000] = np.inf
    out = play(board, audio)
    assert np.isfinite(out).all() and not any(slot.failure for slot in board.slots)
    assert np.abs(out[:, -BLOCK:]).max() > 0.001


def test_an_effect_that_keeps_and_changes_its_arrays_spoils_nothing():
    kept = []

    def spoil(block):
        block *= 0
        for array in kept:
            array[:] = np.nan
        kept[:] = [block]
        return block

    board = live(OwnEffect(spoil))
    audio = sine(BLOCK * 8)
    original = audio.copy()
    assert not play(board, audio).any() and np.array_equal(audio, original)


@pytest.mark.parametrize(
    "make", [MP3Compressor, lambda: OwnEffect(explode), lambda: OwnEffect(FAULTS["is nothing"][0])]
)
def test_an_effect_that_cannot_stream_at_all_is_bypassed_from_the_start(make):
    troubles = []
    rate = 96_000  # which MP3 refuses
    board = live(Gain(-6.0), make(), rate=rate, on_trouble=troubles.append)
    assert board.latency_samples == 0 and len(troubles) == 1 and board.slots[1].failure in troubles[0]
    audio = noise(2, BLOCK * 8)
    assert np.abs(play(board, audio) - audio * 10 ** (-6 / 20)).max() < 1e-6
    assert not board.slots[1].retry() and board.slots[1].failure


def test_a_listener_that_raises_does_not_stop_the_sound():
    own = OwnEffect()
    board = live(own, on_trouble=explode)
    own.act = explode
    assert np.isfinite(play(board, sine(RATE // 4))).all() and board.slots[0].failure


def test_a_failed_effect_can_be_tried_again():
    latent = Latent(500)
    board = live(latent, Gain(-6.0))
    audio = sine(RATE)
    play(board, audio)
    latent.act = explode
    play(board, audio)
    assert board.slots[0].failure
    assert not board.slots[0].retry(), "it still raises"
    latent.act = lambda block: latent.pack(block * 0.25)
    assert board.slots[0].retry() and not board.slots[0].failure
    out = play(board, audio)
    assert board.latency_samples == 500
    # It is not heard before it has swallowed its latency and settled for 50 ms: until then the input goes on.
    n_dry = 500 + RATE // 20 - BLOCK
    assert np.abs(out[:, 500:n_dry] - 10 ** (-6 / 20) * audio[:, : n_dry - 500]).max() < 1e-5
    assert largest_step(out[:, 500:]) < largest_step(audio)
    gain = 0.25 * 10 ** (-6 / 20)
    late = slice(RATE // 2, out.shape[1])
    assert np.abs(out[:, late] - gain * audio[:, late.start - 500 : late.stop - 500]).max() < 1e-4


def test_an_effect_that_comes_back_with_a_longer_latency_stays_out():
    latent = Latent(500)
    board = live(latent)
    latent.act = explode
    play(board, sine(RATE // 4))
    latent.n_samples, latent.act = 900, latent.pack
    assert not board.slots[0].retry() and "900 samples instead of 500" in board.slots[0].failure


def test_a_newer_live_board_takes_the_effects_over_and_the_older_goes_on_dry():
    troubles = []
    gain = Gain(-6.0)
    old = live(gain, on_trouble=troubles.append)
    audio = sine(RATE)
    n_half = RATE // 2 // BLOCK * BLOCK
    before = play(old, audio[:, :n_half])
    new = live(gain, on_trouble=troubles.append)
    after = play(old, audio[:, n_half:])
    assert largest_step(np.concatenate([before, after], 1)) < largest_step(audio) * 1.2
    assert np.array_equal(after[:, FADED:], audio[:, n_half + FADED : n_half + after.shape[1]])
    assert "another board" in old.slots[0].failure and not troubles
    assert np.abs(play(new, audio)).max() < 0.3 and not new.slots[0].failure


def test_times_of_the_newest_pushes_are_shown():
    own = OwnEffect()
    board = live(own)
    assert board.slots[0].mean_seconds == board.slots[0].worst_seconds == 0.0
    play(board, sine(BLOCK * 9))
    own.act = stall
    play(board, sine(BLOCK))
    assert 0.25 <= board.slots[0].worst_seconds and 0.025 <= board.slots[0].mean_seconds < board.slots[0].worst_seconds
