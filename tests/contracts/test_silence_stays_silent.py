"""Contract 4: silence in, silence out: below −70 dBFS, no DC, no idle tones, at any layer count."""

import numpy as np
import pytest
from sounds import dbfs, demo

from lamina.plugin import NeuralCodec

RATE = 48_000


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 2, 3, 4, 8, 16, 24])
@pytest.mark.parametrize("denoise", [0.0, 1.0])
def test_digital_silence_stays_silent(layers, denoise):
    out = NeuralCodec(layers=layers, denoise=denoise)(np.zeros((2, 2 * RATE), np.float32), RATE)
    assert dbfs(out) < -70
    assert abs(float(out.mean())) < 1e-5
    spectrum = np.abs(np.fft.rfft(out[0] * np.hanning(out.shape[1]))) / out.shape[1] * 4
    assert 20 * np.log10(spectrum.max() + 1e-12) < -80, "an idle tone"


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 8, 24])
def test_sound_dies_away_into_silence(layers):
    audio = np.concatenate([demo(0, RATE, 1.0), np.zeros((1, RATE), np.float32).repeat(len(demo(0, RATE, 0.1)), 0)], 1)
    out = NeuralCodec(layers=layers)(audio, RATE)
    # The networks hear 14 frames (0.19 s) back.
    assert dbfs(out[:, RATE + RATE // 3 :]) < -70


def test_a_channel_that_is_sent_nothing_is_silent():
    for audio in (np.zeros((2, 2 * RATE), np.float32), demo(0, RATE, 2.0)[:1].repeat(2, 0)):
        out = NeuralCodec(layers=8, stereo="mid-side", side_layers=0)(audio, RATE)
        side = (out[0] - out[1]) / 2
        assert dbfs(side[RATE // 2 :]) < -70


def test_with_every_layer_muted_nothing_is_heard():
    out = NeuralCodec(layers=8, muted_layers=list(range(1, 25)))(demo(0, RATE, 2.0)[:1], RATE)
    assert dbfs(out[:, RATE // 2 :]) < -70
