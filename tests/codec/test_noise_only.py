"""Noise only: what denoising takes away, aligned to the sample.

Silent where it takes nothing, and switched without a click.
"""

import numpy as np
import pytest
from sounds import demo, noise, push_in_blocks

from lamina.models.runtime import CodecRuntime
from lamina.plugin import NeuralCodec
from lamina.plugin.stream.blocks import RAMP_SECONDS

RATE = 48_000
BLOCK = 480
TOLERANCE = 1e-5


def noisy_voice(rate=RATE, seconds=1.5, n_channels=1):
    voice = 0.5 * demo(2, rate, seconds)
    return np.concatenate([voice, voice[:, ::-1]])[:n_channels]


def push_while(audio, moves, **start):
    """`audio` in blocks of 10 ms; `moves(codec, index)` before each."""
    codec = NeuralCodec(**start)
    stream = codec.stream(RATE, len(audio))
    out = []
    for index, position in enumerate(range(0, audio.shape[1], BLOCK)):
        moves(codec, index)
        out.append(stream.push(audio[:, position : position + BLOCK]))
    return np.concatenate(out, 1)


def largest_step(audio):
    return float(np.abs(np.diff(audio[:, RATE // 10 :], axis=1)).max())


@pytest.mark.slow
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("denoise", [0.3, 1.0])
def test_what_is_taken_away_and_what_is_left_add_up(n_channels, denoise):
    audio = noisy_voice(n_channels=n_channels)
    codec = NeuralCodec(layers=24, postfilter=0.0)
    everything = codec(audio, RATE)
    codec.denoise = denoise
    left = codec(audio, RATE)
    latency = codec.latency_samples(RATE)
    codec.noise_only = True
    taken = codec(audio, RATE)
    assert np.abs(taken + left - everything).max() <= TOLERANCE
    assert np.abs(taken).max() > 0.01, "nothing was taken away, so nothing was tried"
    assert codec.latency_samples(RATE) == latency


@pytest.mark.slow
def test_without_denoise_it_is_silence_at_once_and_after_denoise_was_turned_down():
    audio = noisy_voice()
    assert not NeuralCodec(noise_only=True)(audio, RATE).any()

    def turn_down(codec, index):
        codec.denoise = 1.0 if index < 40 else 0.0

    out = push_while(audio, turn_down, noise_only=True)
    # The decoder hears 14 frames back at most; then both decoders have heard the same.
    assert out[:, : 40 * BLOCK].any() and not out[:, 40 * BLOCK + RATE // 2 :].any()


def test_mix_adds_the_dry_sound():
    audio = noisy_voice()
    taken = NeuralCodec(denoise=1.0, noise_only=True)(audio, RATE)
    mixed = NeuralCodec(denoise=1.0, noise_only=True, mix=0.25)(audio, RATE)
    assert np.allclose(mixed, audio * 0.75 + taken * 0.25, rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [24_000, 44_100, 48_000])
@pytest.mark.parametrize("sizes", [[1, 2, 977, 4096], [320]])
def test_any_cutting_gives_the_same_samples(rate, sizes):
    audio = noisy_voice(rate, 0.5, 2)
    codec = NeuralCodec(layers=16, denoise=0.8, noise_only=True)
    expected = codec(audio, rate)
    got = push_in_blocks(codec.stream(rate, 2), audio, sizes)
    latency = codec.latency_samples(rate)
    assert np.abs(got[:, latency:] - expected[:, : -latency or None]).max() <= TOLERANCE


@pytest.mark.slow
def test_a_long_piece_is_coded_in_stretches_without_a_seam():
    audio = noisy_voice(24_000, 4.0)
    codec = NeuralCodec(layers=4, denoise=1.0, noise_only=True)
    expected = codec(audio, 24_000)
    got = push_in_blocks(codec.stream(24_000, 1), audio, [4000])
    latency = codec.latency_samples(24_000)
    assert np.abs(got[:, latency:] - expected[:, :-latency]).max() <= TOLERANCE


@pytest.mark.slow
def test_switching_50_times_a_second_does_not_click():
    audio = noisy_voice(seconds=2.0)
    ends = [
        push_while(audio, lambda codec, i: None, layers=24, denoise=1.0, noise_only=noise_only)
        for noise_only in (False, True)
    ]
    switched = push_while(audio, lambda codec, i: setattr(codec, "noise_only", bool(i % 2)), layers=24, denoise=1.0)
    assert largest_step(switched) <= 1.25 * max(largest_step(end) for end in ends)


@pytest.mark.slow
def test_a_switch_walks_from_one_to_the_other_within_the_ramp():
    audio = noisy_voice(seconds=2.0)
    left, taken = (
        push_while(audio, lambda codec, i: None, layers=24, denoise=1.0, noise_only=on) for on in (False, True)
    )
    out = push_while(audio, lambda codec, i: setattr(codec, "noise_only", 60 <= i < 140), layers=24, denoise=1.0)
    assert np.array_equal(out[:, : 60 * BLOCK], left[:, : 60 * BLOCK])
    # The second decoder begins with the first one's past, and hears 14 frames back at most.
    settled = slice(60 * BLOCK + RATE // 2, 140 * BLOCK)
    assert np.abs(out[:, settled] - taken[:, settled]).max() <= TOLERANCE
    latency = NeuralCodec().latency_samples(RATE)
    back = 140 * BLOCK + latency + round(RATE * RAMP_SECONDS)
    assert np.array_equal(out[:, back:], left[:, back:])
    assert not np.array_equal(out[:, 140 * BLOCK : back], left[:, 140 * BLOCK : back])


@pytest.mark.slow
def test_the_second_decoder_begins_with_the_past_of_the_first():
    out = push_while(noisy_voice(), lambda codec, i: setattr(codec, "noise_only", i >= 60), layers=24)
    # Both decode the same then, so nothing is left as soon as the switch has been made.
    made = 60 * BLOCK + NeuralCodec().latency_samples(RATE) + round(RATE * RAMP_SECONDS)
    assert out[:, : 60 * BLOCK].any() and not out[:, made:].any()


@pytest.mark.slow
def test_switching_on_again_remembers_nothing_of_the_last_time():
    audio = noisy_voice(seconds=1.2)
    once = push_while(audio, lambda codec, i: setattr(codec, "noise_only", i >= 90), denoise=1.0)
    twice = push_while(audio, lambda codec, i: setattr(codec, "noise_only", 20 <= i < 40 or i >= 90), denoise=1.0)
    assert np.array_equal(twice[:, 80 * BLOCK :], once[:, 80 * BLOCK :])
    assert not np.array_equal(twice, once)


def test_while_it_is_off_nothing_is_decoded_twice(monkeypatch):
    amounts = []
    decode = CodecRuntime.decode

    def counted(self, z, state, denoise=0.0, *others):
        amounts.append(denoise)
        return decode(self, z, state, denoise, *others)

    codec = NeuralCodec(denoise=0.5)
    stream = codec.stream(24_000, 1)
    monkeypatch.setattr(CodecRuntime, "decode", counted)
    frame = noise(1, 320)
    for on, expected in ((False, [0.5]), (True, [0.5, 0.0])):
        codec.noise_only = on
        amounts.clear()
        stream.push(frame)
        assert amounts == expected
    codec.noise_only = False
    for _ in range(3):  # a ramp is shorter than three frames
        amounts.clear()
        stream.push(frame)
    assert amounts == [0.5]
