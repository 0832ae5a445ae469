"""The channel: frames are lost as often and in such lengths as is said, and what stands in for them is still sound."""

import numpy as np
import pytest
from desk_sounds import FRAME, RATE, difference, frame_rms, largest_step, music, render, rms, voice

from lamina.plugin import NeuralCodec, Settings
from lamina.plugin.desk.channel import Channel
from lamina.plugin.desk.frame import ABSENT, CodedFrame

CONCEALMENTS = ("hold", "repeat", "fade", "silence")


def coded(index: int) -> CodedFrame:
    """A frame that tells its number."""
    return CodedFrame(np.full((1, 24), index % 1024, np.int16), 24, 0.1, 0.2)


def lost(n_frames: int, **settings) -> np.ndarray:
    """Which of `n_frames` frames the channel loses."""
    channel, given = Channel(), Settings().with_value("concealment", "hold")
    for name, value in settings.items():
        given = given.with_value(name, value)
    return np.array([channel.step(coded(index), given, index).codes[0, 0] != index % 1024 for index in range(n_frames)])


def bursts(is_lost: np.ndarray) -> np.ndarray:
    edges = np.diff(np.concatenate([[0], is_lost.astype(int), [0]]))
    return np.flatnonzero(edges < 0) - np.flatnonzero(edges > 0)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
@pytest.mark.parametrize("model", ["random", "bursts"])
def test_as_many_frames_are_lost_as_is_said(share, model):
    is_lost = lost(40_000, frame_loss=share, loss_model=model, loss_burst=6)
    assert abs(is_lost.mean() - share) < 0.03


def test_bursts_are_as_long_as_is_said_and_chance_alone_makes_short_ones():
    assert abs(bursts(lost(60_000, frame_loss=0.2, loss_model="bursts", loss_burst=9)).mean() - 9) < 0.8
    # Lost one by one with probability p, the mean length is 1 / (1 − p).
    assert abs(bursts(lost(60_000, frame_loss=0.2, loss_model="random", loss_burst=9)).mean() - 1.25) < 0.05


def test_a_pattern_loses_the_last_frames_of_each_period():
    is_lost = lost(80, frame_loss=0.25, loss_model="pattern", loss_period=8)
    assert np.array_equal(is_lost.reshape(-1, 8), np.tile([False] * 6 + [True] * 2, (10, 1)))


def test_everything_may_be_lost_and_nothing():
    assert lost(200, frame_loss=1.0, loss_model="bursts")[1:].all()
    assert not lost(200, frame_loss=0.0, loss_model="pattern").any()
    assert not np.abs(render(music(1.0), frame_loss=1.0)).max() > 0.0


def test_another_seed_loses_other_frames_and_the_same_seed_the_same():
    first, again, other = (lost(500, frame_loss=0.3, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("concealment", CONCEALMENTS)
@pytest.mark.parametrize("model", ["random", "bursts"])
def test_with_a_third_of_the_frames_lost_music_is_still_music_without_clicks(concealment, model):
    audio = music()
    plain, heard = render(audio, layers=12), render(audio, layers=12, frame_loss=0.3, loss_model=model, concealment=concealment)
    # Losses are heard …
    assert difference(heard, plain) > 0.2
    # … and most of the sound is still there, at its level and in its place, without a step that the sound itself doesn't have.
    assert np.vdot(heard, plain) / (rms(heard) * rms(plain) * plain.size) > 0.6
    assert 0.5 < rms(heard) / rms(plain) < 1.3
    assert largest_step(heard) <= 1.5 * max(largest_step(plain), largest_step(audio))


@pytest.mark.parametrize("concealment", CONCEALMENTS)
def test_a_tone_with_losses_has_no_step_it_did_not_have(concealment):
    t = np.arange(2 * RATE) / RATE
    tone = (0.4 * np.sin(2 * np.pi * 220 * t))[None].astype(np.float32)
    plain = render(tone, layers=16)
    heard = render(tone, layers=16, frame_loss=0.3, concealment=concealment)
    assert largest_step(heard[:, RATE // 10 :]) <= 3 * largest_step(plain[:, RATE // 10 :])
    # What a cut of the wave would do: a whole swing from one sample to the next.
    assert largest_step(heard) < 0.2


def test_each_concealment_does_what_its_name_says():
    audio, settings = music(), {"layers": 16, "frame_loss": 0.5, "loss_model": "pattern", "loss_period": 60}
    levels = {name: frame_rms(render(audio, concealment=name, **settings)) for name in CONCEALMENTS}
    plain = frame_rms(render(audio, layers=16))
    lost_frames = np.arange(len(plain)) % 60 >= 30
    deep = lost_frames & (np.arange(len(plain)) % 60 >= 45) & (np.arange(len(plain)) % 60 < 59)
    assert levels["silence"][deep].max() < 1e-4
    assert levels["repeat"][deep].min() > 0.2 * plain.mean()
    assert levels["fade"][deep].mean() < 0.3 * levels["repeat"][deep].mean()
    assert levels["hold"][deep].mean() < 0.3 * levels["repeat"][deep].mean()
    # What came through comes through: the first frames of a stretch remember the gap, the later ones are as without it.
    healed = ~lost_frames & (np.arange(len(plain)) % 60 >= 25) & (np.arange(len(plain)) >= 60)
    assert np.abs(levels["fade"][healed] - plain[healed]).max() < 0.1 * plain.mean()


def test_fading_goes_towards_fewer_layers():
    channel, settings = Channel(), Settings().with_value("frame_loss", 1.0).with_value("concealment", "fade")
    channel.note(coded(7))
    heard = [channel.step(coded(8), settings, index) for index in range(6)]
    layers = [int((frame.codes[0] != ABSENT).sum()) for frame in heard]
    assert layers == sorted(layers, reverse=True)
    assert layers[0] < 24
    assert layers[-1] == 1
    assert {int(frame.codes[0, 0]) for frame in heard} == {7}


def test_a_lost_layer_is_missing_and_a_lost_first_layer_costs_most():
    plain = render(music(), layers=8)
    missing = [difference(render(music(), layers=8, layer_loss=1.0, lost_layer=layer), plain) for layer in (1, 3, 8)]
    assert missing[0] > missing[1] > missing[2] > 0
    muted = render(music(), layers=8, muted_layers=[3])
    assert np.abs(render(music(), layers=8, layer_loss=1.0, lost_layer=3) - muted).max() < 2e-6
    assert np.array_equal(render(music(), layers=8, layer_loss=1.0, lost_layer=9), plain)
    some = difference(render(music(), layers=8, layer_loss=0.2), plain)
    assert 0 < some < difference(render(music(), layers=8, layer_loss=1.0), plain)


def test_codes_that_are_missing_in_what_is_decoded_are_concealed():
    codec = NeuralCodec(layers=12)
    codes = codec.encode(voice(), RATE)
    counts = codes.counts.copy()
    counts[:, 60:64] = 0
    gap = type(codes)(codes.codes, counts, RATE, codes.n_samples, 1, codes.model, codes.digest)
    whole, heard = codec.decode(codes), codec.decode(gap)
    assert np.array_equal(heard[:, : 58 * FRAME], whole[:, : 58 * FRAME])
    assert difference(heard[:, 60 * FRAME : 64 * FRAME], whole[:, 60 * FRAME : 64 * FRAME]) > 0.1
    assert np.abs(heard).max() <= 1.2 * np.abs(whole).max()
    assert difference(heard[:, 100 * FRAME :], whole[:, 100 * FRAME :]) < 1e-3
