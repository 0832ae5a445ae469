"""How the postfilter's network is trained: on the filter that plays, towards less noise between harmonics."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from lamina.models.engines.postfilter import BLOCK, ChannelPostfilter
from lamina.models.runtime import load_runtime
from lamina.models.training.data.corpus import Clip, Corpus
from lamina.models.training.postfilter.learning import Loss, Recorded, Weights, learn, look, record
from lamina.models.training.postfilter.network import Deciding, filtered

pytestmark = pytest.mark.torch
RATE, FRAME = 24_000, 320


def voices(n_sounds, seconds=4.0):
    """Steady voice-like tones `[n, samples]`, and the same with noise below 4 kHz."""
    random, n = np.random.default_rng(0), np.arange(round(seconds * RATE) // FRAME * FRAME) / RATE
    clean = np.stack(
        [
            sum(np.sin(2 * np.pi * pitch * k * n + k * k) / k for k in range(1, 20))
            for pitch in random.uniform(90, 300, n_sounds)
        ]
    )
    clean = (0.1 * clean).astype(np.float32)
    spectrum = np.fft.rfft(random.normal(0, 0.04, clean.shape))
    spectrum[:, np.fft.rfftfreq(clean.shape[1], 1 / RATE) > 4000] = 0
    return clean, clean + np.fft.irfft(spectrum, clean.shape[1]).astype(np.float32)


def recorded(n_sounds=4):
    clean, noisy = voices(n_sounds)
    layers, speech = torch.full((n_sounds,), 8), torch.ones(n_sounds)
    return Recorded(torch.from_numpy(clean), torch.from_numpy(noisy), layers, speech, look(noisy, [6.0] * n_sounds))


def test_it_learns_through_the_filter_that_plays():
    torch.manual_seed(0)
    sounds = recorded(2)
    deciding = Deciding(sounds.looked.seen)
    with torch.no_grad():
        # As far from where it begins as training could bring it.
        deciding.last.weight.mul_(10)
        learnt = filtered(sounds.decoded, sounds.looked.periods, *deciding(sounds.looked.seen)).numpy()
    for x, expected in zip(sounds.decoded.numpy(), learnt, strict=True):
        played = ChannelPostfilter(deciding.network()).pass_on(x, 1.0, 6.0)
        # The first block has no filter before it there, and fades in here.
        np.testing.assert_allclose(played[2 * BLOCK :], expected[2 * BLOCK :], atol=1e-5)


@pytest.mark.slow
def test_training_lowers_noise_between_harmonics():
    torch.manual_seed(0)
    sounds = recorded()
    network = learn(sounds, 10, FRAME, RATE, max_steps=25)
    wanted, got = sounds.sounds.numpy()[:, RATE:], []
    for x in sounds.decoded.numpy():
        got.append(ChannelPostfilter(network).pass_on(x, 1.0, 6.0)[RATE:])
    before = np.mean((sounds.decoded.numpy()[:, RATE:] - wanted) ** 2)
    assert np.mean((np.stack(got) - wanted) ** 2) < 0.93 * before


@pytest.mark.slow
def test_what_a_codec_makes_of_sounds_is_recorded_in_step():
    clean, _ = voices(3, 6.0)
    corpus = Corpus([Clip((x * 20_000).astype(np.int16), "speech", np.inf) for x in clean], 1, sample_rate=RATE)
    sounds = record(load_runtime("lamina-24k"), corpus, 3, seed=1)
    assert sounds.sounds.shape == sounds.decoded.shape
    assert sounds.looked.seen.shape[:2] == sounds.looked.periods.shape == (3, sounds.sounds.shape[1] // BLOCK)
    for x, y in zip(sounds.sounds.numpy(), sounds.decoded.numpy(), strict=True):
        lags = [float(x[:40_000] @ y[lag : lag + 40_000]) for lag in range(200)]
        assert int(np.argmax(lags)) == 0


def test_an_exact_sound_costs_least():
    clean, noisy = (torch.from_numpy(x) for x in voices(2, 1.0))
    loss, one = Loss(Weights(), RATE, FRAME), torch.ones(2)
    assert loss(clean, clean, one, one) < loss(clean, noisy, one, one)
