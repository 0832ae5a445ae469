"""A variable bitrate gives hard frames what easy ones save, and sends no more than was asked for."""

import numpy as np
import pytest
from desk_sounds import RATE, music, voice
from sounds import noise

from lamina.models.runtime import load_runtime
from lamina.plugin import NeuralCodec
from lamina.plugin.stream.variable_rate import AHEAD_FRAMES, RateControl, least_layers, told_bits

CODE_BITS = 10


def spent(counts):
    """Layers' worth of bits of each frame, `[frames]`: its codes, and telling how many there are."""
    changes = np.diff(counts.astype(int), prepend=0)
    return counts + np.array([told_bits(change) for change in changes.tolist()]) / CODE_BITS


def counts_of(audio, layers, **settings):
    codes = NeuralCodec(layers=layers, variable_rate=True, **settings).encode(audio, RATE)
    return codes.counts


@pytest.mark.slow
@pytest.mark.parametrize("layers", [4, 8, 16, 22])
@pytest.mark.parametrize("sound", [voice, music])
def test_no_stretch_from_the_beginning_sends_more_than_was_asked_for(sound, layers):
    (counts,) = counts_of(sound()[:1], layers)
    bits = np.cumsum(spent(counts))
    frames = np.arange(1, len(counts) + 1)
    assert (bits <= layers * (frames + AHEAD_FRAMES) + 1e-6).all()
    assert bits[-1] >= 0.8 * layers * len(counts), "bits lie about"
    assert len(set(counts.tolist())) > 2


@pytest.mark.slow
def test_speech_comes_closer_to_itself_with_no_more_bits():
    audio = voice()
    constant, variable = NeuralCodec(layers=8), NeuralCodec(layers=8, variable_rate=True)

    def error(codec):
        return float(np.square(codec(audio, RATE) - audio).sum(dtype=np.float64))

    assert spent(variable.encode(audio, RATE).counts[0]).mean() <= 8 * (1 + AHEAD_FRAMES / (audio.shape[1] / RATE * 75))
    # 1.9 dB were seen; what bits alone would bring is 0.45 dB per layer.
    assert 10 * np.log10(error(constant) / error(variable)) > 0.7


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_where_there_is_nothing_to_share_out_nothing_changes(layers):
    audio = voice()[:, :RATE]
    constant = NeuralCodec(layers=layers).encode(audio, RATE)
    assert NeuralCodec(layers=layers, variable_rate=True).encode(audio, RATE) == constant


@pytest.mark.slow
def test_a_pause_pays_for_a_moment_and_not_for_what_follows_for_good():
    pause, loud = np.zeros((1, 10 * RATE), np.float32), noise(1, 3 * RATE, level=0.2)
    (counts,) = counts_of(np.concatenate([pause, loud], 1), 8)
    after = spent(counts)[len(counts) * 10 // 13 :]
    assert after.sum() <= 8 * (len(after) + 2 * AHEAD_FRAMES)
    assert (counts[:740] == 3).all(), "silence takes the least"


@pytest.mark.slow
def test_each_channel_has_bits_of_its_own():
    audio = np.concatenate([voice()[:1], music()[:1]])[:, : 3 * RATE]
    both = counts_of(audio, 8)
    for channel in range(2):
        assert np.array_equal(both[channel], counts_of(audio[channel : channel + 1], 8)[0])


def test_a_frames_layers_stay_within_what_there_are_whatever_it_holds():
    config = load_runtime("lamina-24k").config
    random = np.random.default_rng(4)
    for layers in range(25):
        control = RateControl(config)
        for error in [0.0, 1e12, 1e-9, *10.0 ** random.uniform(-9, 9, 200)]:
            assert least_layers(config, layers) <= control.share(float(error), layers) <= max(layers, config.layers)


def test_the_memorys_loop_keeps_the_layers_it_runs_on():
    config = load_runtime("lamina-24k").config
    assert [least_layers(config, layers) for layers in (0, 1, 2, 3, 4, 8, 9, 24)] == [0, 1, 2, 3, 3, 3, 8, 8]
