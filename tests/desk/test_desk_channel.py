"""The channel: frames are lost as often and in such lengths as is said, and what stands in for them is still sound."""

import dataclasses

import numpy as np
import pytest
from desk_sounds import FRAME, RATE, difference, frame_rms, largest_step, music, render, rms

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.models.runtime import load_runtime
from lamina.plugin import NeuralCodec, Settings
from lamina.plugin.desk.channel import Channel
from lamina.plugin.desk.frame import ABSENT, CodedFrame

CONCEALMENTS = ("foresee", "hold", "repeat", "fade", "silence")


def coded(index: int) -> CodedFrame:
    """A frame that tells its number."""
    return CodedFrame(np.full((1, 24), index % 1024, np.int16), 24, 0.1, 0.2)


def lost(n_frames: int, **settings) -> np.ndarray:
    """Which of `n_frames` frames the channel loses."""
    channel, given = Channel(load_runtime(DEFAULT_BUNDLE)), Settings().with_value("concealment", "hold")
    for name, value in settings.items():
        given = given.with_value(name, value)
    return np.array([channel.step(coded(index), given, index).codes[0, 0] != index % 1024 for index in range(n_frames)])


def bursts(is_lost: np.ndarray) -> np.ndarray:
    edges = np.diff(np.concatenate([[0], is_lost.astype(int), [0]]))
    return np.flatnonzero(edges < 0) - np.flatnonzero(edges > 0)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
@pytest.mark.parametrize("model", ["random", "bursts"])
def test_as_many_frames_are_lost_as_is_said(share, model):
    is_lost = lost(40_000, frame_loss=share, loss_model=model, loss_burst=6)
    assert abs(is_lost.mean() - share) < 0.03


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("concealment", CONCEALMENTS)
@pytest.mark.parametrize("model", ["random", "bursts"])
def test_with_a_third_of_the_frames_lost_music_is_still_music_without_clicks(concealment, model):
    audio = music()
    plain, heard = (
        render(audio, layers=12),
        render(audio, layers=12, frame_loss=0.3, loss_model=model, concealment=concealment),
    )
    # Losses are heard …
    assert difference(heard, plain) > 0.2
    # … and most of the sound is still there, at its level and in its place, without a step that the sound itself
    # doesn't have.
    assert np.vdot(heard, plain) / (rms(heard) * rms(plain) * plain.size) > 0.6
    assert 0.5 < rms(heard) / rms(plain) < 1.3
    assert largest_step(heard) <= 1.5 * max(largest_step(plain), largest_step(audio))


@pytest.mark.slow
@pytest.mark.parametrize("concealment", CONCEALMENTS)
def test_a_tone_with_losses_has_no_step_it_did_not_have(concealment):
    t = np.arange(2 * RATE) / RATE
    tone = (0.4 * np.sin(2 * np.pi * 220 * t))[None].astype(np.float32)
    plain = render(tone, layers=16)
    heard = render(tone, layers=16, frame_loss=0.3, concealment=concealment)
    assert largest_step(heard[:, RATE // 10 :]) <= 3 * largest_step(plain[:, RATE // 10 :])
    # What a cut of the wave would do: a whole swing from one sample to the next.
    assert largest_step(heard) < 0.2


@pytest.mark.slow
def test_each_concealment_does_what_its_name_says():
    settings = {"layers": 16, "frame_loss": 0.5, "loss_model": "pattern", "loss_period": 60}
    codes = NeuralCodec(**settings).encode(music(), RATE)
    levels = {name: frame_rms(NeuralCodec(concealment=name, **settings).decode(codes)) for name in CONCEALMENTS}
    plain = frame_rms(NeuralCodec(layers=16).decode(codes))
    place = np.arange(len(plain)) % 60
    deep = (place >= 45) & (place < 59)
    assert levels["silence"][deep].max() < 1e-4
    assert levels["repeat"][deep].min() > 0.2 * plain.mean()
    assert levels["fade"][deep].mean() < 0.3 * levels["repeat"][deep].mean()
    assert levels["hold"][deep].mean() < 0.3 * levels["repeat"][deep].mean()
    assert levels["foresee"][deep].mean() < 0.3 * levels["repeat"][deep].mean()
    # What came through comes through: the first frames of a stretch remember the gap, the later ones are as without it.
    # (The last one ends in the next gap.)
    healed = (place >= 25) & (place < 29) & (np.arange(len(plain)) >= 60)
    for name in CONCEALMENTS:
        # A tenth is a decibel.
        assert np.abs(levels[name][healed] - plain[healed]).max() < 0.1 * plain.mean(), name


@pytest.mark.slow
def test_a_lost_frame_that_is_foreseen_is_nearer_to_what_was_lost_than_any_other():
    """A voice and a chord go on as they were, in time with themselves."""
    audio = render(music(), layers=24)  # what the codec can do
    settings = {"layers": 16, "frame_loss": 0.1, "seed": 3}
    plain = render(audio, layers=16)
    errors = {name: difference(render(audio, concealment=name, **settings), plain) for name in CONCEALMENTS}
    assert errors.pop("foresee") < 0.9 * min(errors.values())


@pytest.mark.parametrize(("last", "factor"), [(100, 1 / 0.9), (600, 1 / 0.5)])
def test_a_foreseen_frame_is_as_loud_as_memory_says_though_the_last_lag_came_earlier(last, factor):
    """All of the prediction is played, of which the share of the last lag that came was in it.

    A first layer that got lost tells none.
    """
    runtime = load_runtime(DEFAULT_BUNDLE)
    channel, settings = Channel(runtime), Settings().with_value("frame_loss", 1.0).with_value("concealment", "foresee")
    prediction = np.ones((1, runtime.config.latent), np.float32)
    for code in (last, ABSENT):
        channel.note(
            dataclasses.replace(
                coded(7), codes=np.full((1, 24), code, np.int16), prediction=prediction, first=np.zeros(1, int)
            )
        )
    lost_frame = dataclasses.replace(coded(8), prediction=prediction, first=np.zeros(1, int))
    heard = channel.step(lost_frame, settings, 0)
    unscaled = heard.prediction / np.float32(factor)
    loop = channel._receiver
    assert loop is not None and np.isfinite(heard.prediction).all() and np.any(unscaled)
    twin = Channel(runtime)
    for code in (last, ABSENT):
        twin.note(
            dataclasses.replace(
                coded(7), codes=np.full((1, 24), code, np.int16), prediction=prediction, first=np.zeros(1, int)
            )
        )
    expected = twin._received(lost_frame.thinned(0), lost_frame).prediction
    assert np.allclose(unscaled, expected, rtol=1e-5)


@pytest.mark.slow
def test_where_nothing_can_be_foreseen_frames_fade():
    settings = {"layers": 2, "frame_loss": 0.3, "seed": 3}
    assert np.array_equal(
        render(music(), concealment="foresee", **settings), render(music(), concealment="fade", **settings)
    )


def test_fading_goes_towards_fewer_layers():
    channel, settings = (
        Channel(load_runtime(DEFAULT_BUNDLE)),
        Settings().with_value("frame_loss", 1.0).with_value("concealment", "fade"),
    )
    channel.note(coded(7))
    heard = [channel.step(coded(8), settings, index) for index in range(6)]
    layers = [int((frame.codes[0] != ABSENT).sum()) for frame in heard]
    assert layers == sorted(layers, reverse=True)
    assert layers[0] < 24
    assert layers[-1] == 1
    assert {int(frame.codes[0, 0]) for frame in heard} == {7}


@pytest.mark.slow
def test_a_lost_layer_is_missing_and_a_lost_first_layer_costs_most():
    codes = NeuralCodec(layers=12, layer_loss=1.0).encode(music(), RATE)
    plain = NeuralCodec().decode(codes)

    def missing(**settings):
        return difference(NeuralCodec(**settings).decode(codes), plain)

    each = [missing(layer_loss=1.0, lost_layer=layer) for layer in (1, 3, 8, 12)]
    assert each[0] > each[1] > each[2] > each[3] > 0
    assert np.array_equal(NeuralCodec(layer_loss=1.0, lost_layer=13).decode(codes), plain)
    assert 0 < missing(layer_loss=0.2) < missing(layer_loss=1.0)


@pytest.mark.slow
def test_a_layer_that_memory_does_not_hear_is_lost_like_a_muted_one_and_others_are_missed_later_too():
    codes = NeuralCodec(layers=12).encode(music(), RATE)
    plain = NeuralCodec(postfilter=0.0).decode(codes)

    def lost_and_muted(layer):
        return NeuralCodec(postfilter=0.0, layer_loss=1.0, lost_layer=layer).decode(codes), NeuralCodec(
            postfilter=0.0, muted_layers=[layer]
        ).decode(codes)

    above = load_runtime(DEFAULT_BUNDLE).config.memory.loop_layers + 1
    without, muted = lost_and_muted(above)
    # Sums of float32 samples below 1 in another order.
    assert np.abs(without - muted).max() < 2e-6
    # The desk mutes what is heard and no more; a layer lost on the way is missing in the receiver's past as well.
    without, muted = lost_and_muted(3)
    assert difference(without, plain) > 1.2 * difference(muted, plain)


def with_a_gap(codes):
    """Four frames of them missing, from frame 60 on."""
    counts = codes.counts.copy()
    counts[:, 60:64] = 0
    return dataclasses.replace(codes, counts=counts)


def part(sound, first, stop):
    return sound[:, first * FRAME : stop * FRAME]


def test_codes_that_are_missing_in_what_is_decoded_are_concealed():
    codec = NeuralCodec(layers=12)
    codes = codec.encode(music()[:1], RATE)
    whole, heard = codec.decode(codes), codec.decode(with_a_gap(codes))
    assert np.array_equal(part(heard, 0, 58), part(whole, 0, 58))
    assert difference(part(heard, 60, 64), part(whole, 60, 64)) > 0.1
    # What the codes add was meant for another prediction until memory has caught up.
    assert np.abs(heard).max() <= 1.6 * np.abs(whole).max()
    # What stands in is sound, and so is what follows.
    assert rms(part(heard, 61, 64)) > 0.2 * rms(part(whole, 61, 64))
    assert rms(part(heard, 65, 90)) > 0.4 * rms(part(whole, 65, 90))
    # What memory lacks dies away: after a second an eighth at most, 18 dB below the sound.
    after = [
        difference(part(heard, 64 + place, 84 + place), part(whole, 64 + place, 84 + place)) for place in (0, 20, 75)
    ]
    assert after[2] < 0.5 * max(after)
    assert after[2] < 0.125


@pytest.mark.slow
def test_frames_that_are_guarded_against_losses_heal_sooner():
    """Whoever sends over a channel that loses frames foresees less of each from the last ones."""
    codec, after = NeuralCodec(layers=12), []
    for settings in ({}, {"frame_loss": 0.05}):
        codes = NeuralCodec(layers=12, **settings).encode(music()[:1], RATE)
        whole, heard = codec.decode(codes), codec.decode(with_a_gap(codes))
        after.append([difference(part(heard, first, first + 20), part(whole, first, first + 20)) for first in (70, 90)])
    assert after[1][0] < 0.5 * after[0][0]
    # The decoder itself hears nearly half a second back; then 34 dB below the sound nothing of it is left to be heard.
    assert after[1][1] < 0.02
