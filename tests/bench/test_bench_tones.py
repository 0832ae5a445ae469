"""The benchmark of tones: it says of a codec that does something known exactly that."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import tones
from side_by_side import named_models
from tones import BANDS_HZ, BRIGHT_BANDS_HZ, SINES_HZ, band_levels_db, bright_music, measure, measure_sine, melody

HALF_DB = 20 * np.log10(0.5)


def halving(audio, sample_rate):
    assert audio.dtype == np.float32 and audio.ndim == 1 and sample_rate == 24_000
    return audio * np.float32(0.5)


@pytest.mark.slow
def test_a_codec_that_halves_everything_loses_6_db_everywhere():
    found = measure(halving)
    assert [sine.hertz for sine in found.sines] == list(SINES_HZ)
    assert [sine.level_db for sine in found.sines] == pytest.approx([HALF_DB] * len(SINES_HZ), abs=0.01)
    assert [sine.share for sine in found.sines] == pytest.approx([1] * len(SINES_HZ), abs=1e-4)
    assert found.melody_db == pytest.approx([HALF_DB] * len(BANDS_HZ), abs=0.01)
    assert found.bright_db == pytest.approx([HALF_DB] * len(BRIGHT_BANDS_HZ), abs=0.01)


def test_a_turned_phase_is_not_a_loss():
    # 90 degrees at 5 kHz are 1.2 samples; at 6 kHz one.
    found = measure_sine(lambda audio, rate: np.roll(audio, 1), 6000)
    assert found.level_db == pytest.approx(0, abs=0.01) and found.share == pytest.approx(1, abs=1e-3)


def test_noise_in_place_of_a_tone_is_told_from_it():
    random = np.random.default_rng(0)

    def noise(audio, rate):
        return (0.1 * random.standard_normal(audio.size)).astype(np.float32)

    found = measure_sine(noise, 4000)
    assert found.level_db < -25 and found.share < 0.01
    both = measure_sine(lambda audio, rate: audio + noise(audio, rate), 4000)  # −20 dBFS each
    assert both.level_db == pytest.approx(0, abs=0.3) and both.share == pytest.approx(0.5, abs=0.02)


def test_the_beginning_is_not_measured():
    def late(audio, rate):
        coded = audio.copy()
        coded[: round(0.29 * rate)] = 1.0
        return coded

    assert measure_sine(late, 1000).share == pytest.approx(1, abs=1e-4)


def test_silence_is_a_number_and_has_no_share():
    found = measure_sine(lambda audio, rate: np.zeros_like(audio), 1000)
    assert found.level_db == tones.LOWEST_DB and np.isnan(found.share)


@pytest.mark.slow
def test_the_melody_is_the_same_every_time_and_has_sound_in_every_band():
    played = melody()
    assert (played == melody()).all() and played.dtype == np.float32
    assert np.abs(played).max() == pytest.approx(tones.MELODY_PEAK, abs=1e-4)
    power, hertz = np.abs(np.fft.rfft(played)) ** 2, np.fft.rfftfreq(played.size, 1 / 24_000)
    for low, high in BANDS_HZ:
        assert power[(low <= hertz) & (hertz < high)].sum() > 0.01 * power.sum()


@pytest.mark.slow
def test_bright_music_is_the_same_every_time_and_bright():
    played = bright_music()
    assert (played == bright_music.__wrapped__()).all() and played.dtype == np.float32
    assert np.abs(played).max() == pytest.approx(tones.MELODY_PEAK, abs=1e-4)
    power, hertz = np.abs(np.fft.rfft(played)) ** 2, np.fft.rfftfreq(played.size, 1 / 24_000)
    for low, high in BRIGHT_BANDS_HZ:
        assert power[(low <= hertz) & (hertz < high)].sum() > 0.005 * power.sum()
    # Nothing above what the codec can keep, and no band of a few lone lines: the loudest tenth of its lines holds less
    # than nearly all of it.
    assert power[hertz > 11_500].sum() < 1e-3 * power.sum()
    top = np.sort(power[(hertz >= 4000) & (hertz < 8000)])[::-1]
    assert top[: len(top) // 100].sum() < 0.5 * top.sum()


def test_each_band_is_measured_on_its_own():
    played = melody()
    spectrum = np.fft.rfft(played)
    spectrum[np.fft.rfftfreq(played.size, 1 / 24_000) >= 4000] *= 0.1
    changed = np.fft.irfft(spectrum, played.size).astype(np.float32)
    assert band_levels_db(played, changed) == pytest.approx([0, 0, -20], abs=0.05)


@pytest.mark.slow
def test_a_run_ends_in_markdown_and_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tones, "NeuralCodec", lambda layers, model: halving)
    monkeypatch.setattr(tones, "named_models", lambda models, layers: dict.fromkeys(models, "folder"))
    out = tmp_path / "found" / "tones.json"
    assert tones.main(["--model", "a", "--model", "b", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(SINES_HZ) + 2 + len(BANDS_HZ) + 2 + len(BRIGHT_BANDS_HZ)
    assert all(name in rows[0] for name in ("a, 8 layers: dB", "a, 24 layers: share", "b, 8 layers: dB"))
    assert next(row for row in rows if row.startswith("| 10 kHz")).count("−6.0") == 4
    found = json.loads(out.read_text())
    assert set(found) == {"a", "b"} and set(found["a"]) == {"8", "24"}
    assert len(found["a"]["8"]["sines"]) == len(SINES_HZ) and len(found["b"]["24"]["melody_db"]) == len(BANDS_HZ)


def test_a_bundle_is_found_by_name():
    (name, folder), *others = named_models(None, (8, 24)).items()
    assert name == "lamina-24k" and Path(folder).is_dir() and not others


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--model", "nowhere"], "nowhere"),
        (["--layers", "25"], "25"),
        (["--model", "lamina-24k", "--model", "lamina-24k"], "once"),
    ],
)
def test_what_can_not_be_measured_is_refused(capsys, arguments, reason):
    assert tones.main(arguments) == 2
    out, error = capsys.readouterr()
    assert reason in error and not out and len(error.strip().splitlines()) == 1
