"""Synthesised tones are within bounds and free of aliases.

Of every kind, high often enough, and the same again from the same state.
"""

import dataclasses

import numpy as np
import pytest
from sounds import noise

pytest.importorskip("torch", reason="training needs the extra [train]")
pytest.importorskip("scipy", reason="training needs the extra [train]")

from lamina.models.training.data import synthesis
from lamina.models.training.data.augment import NONE, Augmentation
from lamina.models.training.data.corpus import Clip, Corpus
from lamina.models.training.data.synthesis import FLOOR_DBFS, HIGHEST_SHARE, LEVEL_DBFS, TONES, draw_tones

RATE, CROP = 24_000, 10_240

ALIAS_HZ = HIGHEST_SHARE * RATE + 300
"""A window's main lobe and the fastest fades widen a partial at the limit by less than this."""


def draws(count, n_samples=CROP, seed=0, draw=draw_tones):
    random = np.random.default_rng(seed)
    return np.stack([draw(random, n_samples, RATE) for _ in range(count)])


def power_above(rows, hertz):
    """The share of each row's power above a frequency."""
    power = np.abs(np.fft.rfft(rows * np.hanning(rows.shape[1]))) ** 2
    return power[:, np.fft.rfftfreq(rows.shape[1], 1 / RATE) > hertz].sum(1) / power.sum(1)


def rms(rows):
    return np.sqrt(np.mean(np.square(rows), axis=-1))


@pytest.mark.parametrize("n_samples", [1, 64, 127, 128, 129, CROP])
def test_tones_are_finite_and_never_clip_at_any_length(n_samples):
    rows = draws(150, n_samples)
    assert rows.dtype == np.float32 and rows.shape == (150, n_samples)
    assert np.isfinite(rows).all() and np.abs(rows).max() < 0.99


def test_levels_lie_in_their_range():
    levels = 20 * np.log10(rms(draws(300)))
    lowest, highest = LEVEL_DBFS
    # A late strike's peak holds a few below the level that was drawn; the noise floor adds less than 0.1 dB.
    assert lowest - 3 < levels.min() < lowest + 3 and highest - 3 < levels.max() < highest + 0.1


@pytest.mark.parametrize("kind", TONES)
def test_every_kind_is_audible_and_finite_and_does_not_alias(kind):
    rows = draws(200, draw=TONES[kind].draw)
    assert np.isfinite(rows).all() and (rms(rows) > 1e-4).all()
    assert power_above(rows, ALIAS_HZ).max() < 1e-4


def test_every_kind_appears_with_its_share(monkeypatch):
    drawn = []

    def counted(name, kind):
        return dataclasses.replace(
            kind, draw=lambda *arguments: drawn.append(name) or np.ones(arguments[1], np.float32)
        )

    monkeypatch.setattr(synthesis, "TONES", {name: counted(name, kind) for name, kind in TONES.items()})
    draws(1000, 8)
    assert sum(kind.share for kind in TONES.values()) == pytest.approx(1)
    for name, kind in TONES.items():
        assert drawn.count(name) / 1000 == pytest.approx(kind.share, abs=0.05)  # three standard deviations


def test_energy_above_2_khz_is_frequent():
    above = power_above(draws(400), 2000)
    assert np.mean(above > 0.1) > 0.45
    assert np.mean(above < 0.1) > 0.15  # and so is its absence


def test_a_steady_sine_is_pure():
    n_samples = 9600  # whole periods
    sine = synthesis._sum(
        synthesis.Partials(np.array([5000.0]), np.zeros(1), np.ones(1)), np.random.default_rng(0), n_samples, RATE
    )
    turning = np.exp(2j * np.pi * 5000 / RATE * np.arange(n_samples))
    fitted = 2 * np.mean(sine / turning)
    assert abs(fitted) == pytest.approx(1, abs=1e-5)
    assert np.abs(sine - (fitted * turning).real).max() < 1e-5  # float32's rounding


def test_partials_decay_as_they_should():
    tone = synthesis.Partials(np.array([1000.0]), np.array([10.0]), np.ones(1))
    sound = synthesis._sum(tone, np.random.default_rng(0), CROP, RATE)
    early, late = rms(sound[:2400]), rms(sound[7200:9600])
    assert late / early == pytest.approx(np.exp(-10 * 0.3), rel=0.01)
    later = synthesis._sum(tone, np.random.default_rng(0), 2400, RATE, first=7200)
    assert np.abs(later - sound[7200:9600]).max() < 1e-5  # one that rings from before is the same sound, seen later


def test_a_noise_floor_lies_under_some_of_them(monkeypatch):
    silent = {
        "silence": dataclasses.replace(TONES["sines"], draw=lambda random, n, rate: np.zeros(n, np.float32), share=1.0)
    }
    monkeypatch.setattr(synthesis, "TONES", silent)
    rows = draws(300, 2000)
    levels = 20 * np.log10(rms(rows[rows.any(1)]))
    assert 0.2 < len(levels) / 300 < 0.4
    lowest, highest = FLOOR_DBFS
    assert lowest - 0.3 < levels.min() and levels.max() < highest + 0.3


def test_the_same_state_gives_the_same_tones():
    assert (draws(30, seed=4) == draws(30, seed=4)).all()
    assert not (draws(30, seed=4) == draws(30, seed=5)).all(1).any()


def clips():
    quiet = Clip(np.full(40_000, 3000, np.int16), "speech", 8000.0)
    return [quiet, dataclasses.replace(quiet, kind="noise")]


def test_the_share_of_tones_in_a_corpus_is_the_probability():
    batch = Corpus(clips(), 0, dataclasses.replace(NONE, tones=0.2)).draw(800, 1000)
    rows, kinds, edges = batch.audio.numpy(), np.array(batch.kind), batch.band_edge_hz.numpy()
    tones = kinds == "music"
    assert np.mean(tones) == pytest.approx(0.2, abs=0.045)  # three standard deviations
    assert (edges[tones] == 12_000).all() and (edges[~tones] == 8000).all()
    assert (rows[~tones] == np.float32(3000 / 32768)).all() and (rows[tones].std(1) > 1e-4).all()


def test_tones_are_added_below_a_clip():
    batch = Corpus(clips(), 0, dataclasses.replace(NONE, tones_mixed=0.3)).draw(500, CROP)
    rows, edges = batch.audio.numpy(), batch.band_edge_hz.numpy()
    mixed = (rows != np.float32(3000 / 32768)).any(1)
    assert np.mean(mixed) == pytest.approx(0.3, abs=0.065)
    assert set(batch.kind) == {"speech", "noise"}
    assert (edges[mixed] == 12_000).all() and (edges[~mixed] == 8000).all()
    added = 20 * np.log10(rms(rows[mixed] - np.float32(3000 / 32768)))
    assert LEVEL_DBFS[0] - 20 - 3 < added.min() and added.max() < LEVEL_DBFS[1] - 6 + 0.1


def test_tones_get_the_gain_silence_and_polarity_of_other_crops():
    usual = {"gain": 1.0, "gain_db": (-30.0, -30.0), "tones": 1.0}
    rows = Corpus(clips(), 0, dataclasses.replace(NONE, **usual)).batch(60, CROP).numpy()
    assert (20 * np.log10(rms(rows)) < LEVEL_DBFS[1] - 29.9).all()
    silent = (
        Corpus(clips(), 0, dataclasses.replace(NONE, tones=1.0, silence=1.0, silence_dbfs=(-80.0, -80.0)))
        .batch(20, CROP)
        .numpy()
    )
    assert (rms(silent) < 1.1e-4).all()
    plain, turned = (
        Corpus(clips(), 1, dataclasses.replace(NONE, tones=1.0, polarity=p)).batch(1, CROP).numpy() for p in (0.0, 1.0)
    )
    assert (plain == -turned).all() and plain.any()


def test_a_corpus_with_tones_goes_on_from_its_saved_state():
    often = Augmentation(tones=0.4, tones_mixed=0.4)
    sounds = [Clip((noise(1, 60_000, 1, 0.2)[0].clip(-1, 1) * 32767).astype(np.int16))]
    corpus, other = Corpus(sounds, 3, often), Corpus(sounds, 4, often)
    corpus.batch(10, 2000)
    other.random.bit_generator.state = corpus.random.bit_generator.state
    assert (corpus.batch(20, 2000) == other.batch(20, 2000)).all()
