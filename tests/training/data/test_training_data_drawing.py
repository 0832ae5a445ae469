"""Training's crops lie inside one clip and are weighted by kind and band.

They are changed as promised, and the same again from the same state.
"""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from sounds import lag_samples, noise

pytest.importorskip("torch", reason="training needs the extra [train]")
pytest.importorskip("soxr", reason="training needs the extra [train]")
pytest.importorskip("soundfile", reason="training needs the extra [train]")

import soundfile

from lamina.models.training.data.augment import (
    CURVE_POINTS,
    NONE,
    Augmentation,
    SpectralChange,
    apply_spectral_change,
    draw_spectral_change,
    samples_needed,
)
from lamina.models.training.data.corpus import Clip, Corpus, corpus_of
from lamina.models.training.data.pack import pack_folders
from lamina.models.training.data.sources import open_sources

RATE, CROP = 24_000, 15_360


def constant(value, seconds=2.0, kind="all", edge=np.inf):
    return Clip(np.full(round(seconds * RATE), value, np.int16), kind, edge)


def loud(seed=0, seconds=4.0, kind="all", edge=np.inf, level=0.2):
    return Clip((noise(1, round(seconds * RATE), seed, level)[0].clip(-1, 1) * 32767).astype(np.int16), kind, edge)


def sine(hertz, seconds=4.0):
    return Clip((np.sin(2 * np.pi * hertz / RATE * np.arange(round(seconds * RATE))) * 16_000).astype(np.int16))


def rms(rows):
    return np.sqrt(np.mean(np.square(rows), axis=-1))


def peak_hertz(row):
    return np.abs(np.fft.rfft(row * np.hanning(len(row)), 1 << 18)).argmax() * RATE / (1 << 18)


def test_a_crop_lies_inside_one_clip():
    corpus = Corpus([constant(4000), constant(8000), constant(12_000)], 0, NONE)
    rows = corpus.batch(200, CROP).numpy()
    assert (rows == rows[:, :1]).all()
    assert set(np.rint(rows[:, 0] * 32768)) == {4000, 8000, 12_000}


def test_short_clips_are_joined_until_the_crop_is_full():
    short = Corpus([constant(value, 0.2) for value in (4000, 8000, 12_000)], 0, NONE)
    rows = np.rint(short.batch(100, CROP).numpy() * 32768)
    assert set(np.unique(rows)) >= {0, 4000, 8000, 12_000}
    assert ((rows == 0).mean(1) < 0.6).all()
    gaps = (np.diff((np.abs(rows) > 3000).astype(int), axis=1) == -1).sum(1)
    assert (gaps >= 1).all() and (
        np.abs(np.diff(rows)) < 600
    ).all()  # several pieces, and none begins or ends with a click


def test_every_part_of_a_clip_is_drawn():
    ramp = Clip(np.arange(32_000, dtype=np.int16))
    starts = np.rint(Corpus([ramp], 0, NONE).batch(400, CROP).numpy()[:, 0] * 32768)
    assert starts.min() < 500 and starts.max() > 32_000 - CROP - 500
    exact = Corpus([Clip(np.arange(1, CROP + 1, dtype=np.int16))], 0, NONE).batch(3, CROP).numpy()
    assert (np.rint(exact * 32768) == np.arange(1, CROP + 1)).all()


def test_kinds_and_bands_are_drawn_with_their_weights():
    clips = [
        loud(0, 8, "speech"),
        loud(1, 8, "speech", 8000.0),
        loud(2, 30, "music"),
        loud(3, 2, "music", 8000.0),
        loud(4, 3, "noise"),
    ]
    batch = Corpus(clips, 0, NONE).draw(4000, 64)
    kinds, edges = np.array(batch.kind), batch.band_edge_hz.numpy()
    assert [np.mean(kinds == kind) for kind in ("speech", "music", "noise")] == pytest.approx(
        [0.62, 0.30, 0.08], abs=0.025
    )
    assert np.mean(edges[kinds == "speech"] == 8000) == pytest.approx(0.4 / 1.4, abs=0.03)
    assert np.mean(edges[kinds == "music"] == 8000) == pytest.approx(2 / 32, abs=0.02)
    assert set(edges) == {8000, 12_000}


def test_the_same_seed_and_the_saved_state_give_the_same_crops():
    clips = [loud(0, kind="speech"), loud(1, kind="music"), loud(2, kind="noise"), loud(3, 0.3, "speech")]
    corpus, again, other = Corpus(clips, 5), Corpus(clips, 5), Corpus(clips, 6)
    first = corpus.batch(30, CROP)
    assert (again.draw(30, CROP).audio == first).all()
    assert not (other.batch(30, CROP) == first).all()
    state = json.dumps(corpus.random.bit_generator.state)
    expected = [corpus.batch(10, CROP), *corpus.noisy(10, CROP), corpus.draw(3, CROP).audio]
    other.random.bit_generator.state = json.loads(state)
    for got, wanted in zip(
        [other.batch(10, CROP), *other.noisy(10, CROP), other.draw(3, CROP).audio], expected, strict=True
    ):
        assert (got == wanted).all()


def only(**probabilities):
    return dataclasses.replace(NONE, **probabilities)


def test_gains_lie_in_their_range_and_never_clip():
    clip = constant(16_384)
    levels = 20 * np.log10(Corpus([clip], 0, only(gain=1.0)).batch(500, CROP).numpy()[:, 0] / 0.5)
    assert -30.01 <= levels.min() < -28 and -2 < levels.max() <= 0.01
    pushed = Corpus([clip], 0, only(gain=1.0, gain_db=(0.0, 30.0), mix=1.0)).batch(200, CROP).abs().max()
    assert 0.95 < pushed <= 0.9901


def test_polarity_is_reversed_half_the_time():
    signs = np.sign(Corpus([constant(9000)], 0, only(polarity=0.5)).batch(400, 64).numpy()[:, 0])
    assert 0.4 < np.mean(signs > 0) < 0.6


def test_silence_is_digital_or_near():
    rows = Corpus([loud()], 0, only(silence=1.0)).batch(400, CROP).numpy()
    digital = (rows == 0).all(1)
    assert 0.4 < digital.mean() < 0.6
    levels = 20 * np.log10(rms(rows[~digital]))
    assert -90.2 < levels.min() < -88 and -72 < levels.max() < -69.8
    assert 0.05 < (rms(Corpus([loud()], 0, only(silence=0.1)).batch(500, CROP).numpy()) < 1e-3).mean() < 0.15


def test_sounds_start_and_stop_inside_a_crop():
    rows = Corpus([constant(16_384)], 0, only(start_stop=1.0)).batch(300, CROP).numpy()
    quiet = np.abs(rows) < 1.1e-3 * 2
    assert (quiet.any(1) & (np.abs(rows) > 0.49).any(1)).all()
    assert 0.4 < quiet[:, 0].mean() < 0.6 and (quiet[:, 0] ^ quiet[:, -1]).all()
    assert (quiet.mean(1) < 0.9).all()
    assert np.abs(np.diff(rows)).max() < 0.03  # a fade, not a click


def test_near_silent_crops_are_mostly_drawn_again():
    half_silent = Clip(np.concatenate((np.zeros(48_000, np.int16), loud(0, 2.0).audio)))

    def share(keep):
        return (rms(Corpus([half_silent], 0, only(keep_silent=keep)).batch(400, 1000).numpy()) < 1e-3).mean()

    assert share(0.1) < 0.15 < 0.4 < share(1.0)
    assert share(0.0) == 0
    assert (Corpus([constant(0)], 0, only(keep_silent=0.0)).batch(2, CROP) == 0).all()  # nothing else is there


def test_mixing_adds_a_second_quieter_crop():
    rows = Corpus([sine(500), sine(3000)], 0, only(mix=1.0)).batch(60, 12_000).numpy()
    spectra = np.abs(np.fft.rfft(rows * np.hanning(12_000)))
    at = spectra[:, [250, 1500]]
    ratios = 20 * np.log10(at.min(1) / at.max(1))
    both = ratios[ratios > -60]
    assert len(both) > 15 and -20.2 < both.min() and both.max() < -5.8


def test_speed_changes_pitch_and_band_edge():
    corpus = Corpus([dataclasses.replace(sine(1000), band_edge_hz=8000.0)], 0, only(speed=1.0))
    batch = corpus.draw(60, CROP)
    speeds = np.array([peak_hertz(row) / 1000 for row in batch.audio.numpy()])
    assert 0.84 < speeds.min() < 0.88 and 1.12 < speeds.max() < 1.16
    assert np.allclose(batch.band_edge_hz.numpy() / 8000, speeds, rtol=0.012)
    assert np.allclose(rms(batch.audio.numpy()), 16_000 / 32_768 / np.sqrt(2), rtol=0.01)


def test_low_pass_takes_the_top_away_and_says_where():
    batch = Corpus([loud()], 0, only(low_pass=1.0)).draw(60, CROP)
    power = np.abs(np.fft.rfft(batch.audio.numpy())) ** 2
    frequencies = np.fft.rfftfreq(CROP, 1 / RATE)
    for row, edge in zip(power, batch.band_edge_hz.numpy(), strict=True):
        assert 2_500 <= edge <= 9_000
        below, above = row[frequencies < edge * 0.7].mean(), row[frequencies > edge * 1.6]
        assert len(above) == 0 or above.mean() < 0.01 * below


def test_filters_colour_without_moving_in_time():
    random, sound = np.random.default_rng(3), noise(1, 40_000)[0]
    change_of_all = []
    for _ in range(40):
        change = draw_spectral_change(only(filter=1.0), random, RATE)
        filtered = apply_spectral_change(sound[: samples_needed(CROP, change)], CROP, change, RATE)
        same = sound[512 : 512 + CROP]
        assert lag_samples(same, filtered) == 0
        gains = 20 * np.log10(change.gains)
        assert len(gains) == CURVE_POINTS and np.abs(gains).max() <= 12.01
        change_of_all.append(np.abs(gains).max())
    assert np.mean(np.array(change_of_all) > 3) > 0.5


def test_a_flat_filter_changes_nothing():
    sound = noise(1, 40_000)[0]
    change = SpectralChange(gains=np.ones(CURVE_POINTS, np.float32))
    assert (
        np.abs(
            apply_spectral_change(sound[: samples_needed(CROP, change)], CROP, change, RATE) - sound[512 : 512 + CROP]
        ).max()
        < 1e-5
    )


@pytest.mark.parametrize(
    "fields", [{"mix": 1.5}, {"gain": -0.1}, {"speed_range": (1.2, 0.8)}, {"speed_range": (0.0, 1.0)}]
)
def test_impossible_augmentations_are_refused(fields):
    with pytest.raises(ValueError, match=f"augmentation's {next(iter(fields))} is"):
        Augmentation(**fields)


def noisy_corpus(augmentation=NONE, seed=0):
    return Corpus([sine(700), *(loud(n, kind="noise") for n in range(2))], seed, augmentation)


def test_noisy_pairs_have_the_drawn_ratio_and_never_clip():
    mixture, clean = (tensor.numpy() for tensor in noisy_corpus().noisy(300, CROP, (-5.0, 20.0)))
    added = mixture - clean
    untouched = (added == 0).all(1)
    assert 0.22 < untouched.mean() < 0.38
    ratios = 20 * np.log10(rms(clean[~untouched]) / rms(added[~untouched]))
    assert -5.05 < ratios.min() < -3 and 18 < ratios.max() < 20.05
    assert np.abs(mixture).max() <= 0.991 and np.abs(clean).max() <= 0.991
    mixture, clean = (tensor.numpy() for tensor in noisy_corpus(Augmentation()).noisy(200, CROP))
    assert np.abs(mixture).max() <= 0.991
    levels = 20 * np.log10(rms(clean))
    assert levels.min() < -30 and levels.max() > -12


def test_noise_goes_on_while_the_speaker_pauses():
    pause = Clip(np.zeros(60_000, np.int16), "speech")
    mixture, clean = (
        tensor.numpy() for tensor in Corpus([pause, loud(1, kind="noise")], 0, NONE).noisy(100, CROP, (0.0, 0.0))
    )
    assert (clean == 0).all()
    assert np.median(20 * np.log10(rms(mixture[mixture.any(1)]))) == pytest.approx(-45, abs=0.1)


def test_denoising_is_taught_on_speech_and_some_music():
    clips = [constant(3000, kind="speech"), constant(9000, kind="music"), loud(1, kind="noise")]
    _, clean = Corpus(clips, 0, NONE).noisy(400, 64, (20.0, 20.0))
    levels = clean.abs().numpy().max(1) * 32768
    assert 0.09 < np.mean(levels > 6000) < 0.21


@pytest.mark.parametrize(("clips", "words"), [([loud()], "noise clips"), ([loud(kind="noise")], "speech or music")])
def test_noisy_pairs_need_noise_and_something_else(clips, words):
    with pytest.raises(ValueError, match=words):
        Corpus(clips).noisy(1, CROP)


def test_folders_and_packed_files_give_the_same_crops(tmp_path):
    for kind in ("speech", "music"):
        (tmp_path / "takes" / kind).mkdir(parents=True)
        soundfile.write(tmp_path / "takes" / kind / "a.wav", noise(1, 48_000, seed=len(kind))[0], RATE)
    pack_folders([tmp_path / "takes"], tmp_path / "takes.lpack")
    folder = corpus_of(open_sources([tmp_path / "takes"], tmp_path / "cache", RATE), CROP, 3)
    packed = corpus_of(open_sources([tmp_path / "takes.lpack"], tmp_path / "cache", RATE), CROP, 3)
    assert (folder.batch(8, CROP) == packed.batch(8, CROP)).all()
    assert folder.n_samples == 96_000
    with pytest.raises(ValueError, match="24000 Hz; this model needs 16000 Hz"):
        corpus_of(open_sources([tmp_path / "takes.lpack"], tmp_path / "cache", 16_000), CROP)
    with pytest.raises(ValueError, match=r"4\.0 s of audio; more than 5\.0 s are needed"):
        corpus_of(open_sources([tmp_path / "takes"], tmp_path / "cache", RATE), 5 * RATE)
    (tmp_path / "other").write_bytes(b"RIFF....")
    for place, words in (("other", "not packed training data"), ("none", "not a folder and not a packed file")):
        with pytest.raises(ValueError, match=words):
            corpus_of(open_sources([tmp_path / place], tmp_path / "cache", RATE), CROP)


def test_the_documented_changes_are_the_real_ones():
    page = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| ([−\d. to]+) \|", page, re.MULTILINE))
    defaults = Augmentation()

    def written(value):
        return f"{value[0]:g} to {value[1]:g}" if isinstance(value, tuple) else f"{value:g}"

    expected = {
        field.name: written(getattr(defaults, field.name)).replace("-", "−") for field in dataclasses.fields(defaults)
    }
    assert table == expected
