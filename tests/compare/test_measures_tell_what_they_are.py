"""Each measure gives its known figures, no figure where it has none, and says what it is and what it lacks; what was
measured is remembered, and remembering never changes a figure.
"""

import math
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest
from sounds import demo

import lamina.plugin.metrics.metric as metric_module
from lamina.plugin.metrics import METRICS, ScoreStore, chosen_metrics, measure
from lamina.plugin.metrics.table import GROUPS

RATE = 24_000
WITH_PACKAGES = [
    pytest.param(key, marks=pytest.mark.skipif(metric.missing() is not None, reason=str(metric.missing())))
    for key, metric in METRICS.items()
]
KNOWN_FIGURES = {
    "visqol": 2.3895,
    "visqol_speech": 1.2007,
    "pesq": 1.2505,
    "estoi": 0.7686,
    "si_sdr": 15.012,
    "log_mel": 19.282,
    "dnsmos": 1.9925,
}
"""Of the demo voice under white noise 15 dB softer than it."""
needs_all = pytest.mark.skipif(
    any(metric.missing() for metric in METRICS.values()), reason="the extra [compare] is not installed"
)


@pytest.fixture(scope="module")
def voice():
    return demo(1, RATE, 3.0).mean(axis=0)


def with_noise(sound, level_db, seed=0):
    noise = np.random.default_rng(seed).standard_normal(sound.size).astype(np.float32)
    return sound + noise * np.float32(sound.std() * 10 ** (level_db / 20))


@pytest.mark.parametrize("key", METRICS)
def test_every_measure_says_what_it_is_and_what_it_can_not_hear(key):
    metric = METRICS[key]
    assert metric.key == key and metric.title and metric.span and metric.for_kinds
    assert metric.better in ("higher", "lower")
    for sentence in (metric.what_it_is, metric.what_it_cannot_hear):
        assert sentence.endswith(".") and sentence.count(". ") == 0, "one plain sentence"


@pytest.mark.slow
@pytest.mark.parametrize("key", WITH_PACKAGES)
def test_more_noise_is_worse_in_every_measures_own_direction(voice, key):
    best, good, bad = (
        measure(voice, test, RATE, [key])[key] for test in (voice, with_noise(voice, -25), with_noise(voice, 0))
    )
    sign = 1 if METRICS[key].better == "higher" else -1
    assert sign * best > sign * good > sign * bad


def test_the_waveforms_share_is_what_the_formula_says(voice):
    # Noise 20 dB below the sound, independent of it: the sample's own correlation moves it by hundredths.
    assert measure(voice, with_noise(voice, -20), RATE, ["si_sdr"])["si_sdr"] == pytest.approx(20, abs=0.1)
    # The level is no distortion.
    half = measure(voice, 0.5 * with_noise(voice, -20), RATE, ["si_sdr"])["si_sdr"]
    assert half == pytest.approx(measure(voice, with_noise(voice, -20), RATE, ["si_sdr"])["si_sdr"], abs=1e-4)


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
def test_a_change_of_level_is_its_decibels_in_the_spectrums_shape_at_every_rate(rate):
    sound = np.random.default_rng(1).standard_normal(2 * rate).astype(np.float32) * np.float32(0.1)
    halved = measure(sound, sound * np.float32(0.5), rate, ["log_mel"])["log_mel"]
    # Bands that hold nothing (above half the rate, or within a resampler's slope) lie at the floor in both.
    assert halved == pytest.approx(6.02, abs=0.02 if rate == 24_000 else 0.8)
    assert measure(sound, sound, rate, ["log_mel"])["log_mel"] == 0


@pytest.mark.slow
@needs_all
def test_figures_stay_what_they_were(voice):
    """Code that moves a figure raises the measure's revision, so that no remembered one stands beside it."""
    found = measure(voice, with_noise(voice, -15), RATE, ["any", "speech"])
    assert {key: METRICS[key].revision for key in found} == dict.fromkeys(found, 1)
    # Packages of other versions move the last digits.
    assert found == pytest.approx(KNOWN_FIGURES, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("key", WITH_PACKAGES)
@pytest.mark.parametrize("seconds", [0.0001, 0.004, 0.05, 0.2, 0.45, 0.7])
def test_too_little_sound_gives_no_figure_instead_of_an_error(voice, key, seconds):
    part = voice[RATE // 2 : RATE // 2 + max(1, round(seconds * RATE))]
    value = measure(part, with_noise(part, -20), RATE, [key])[key]
    assert math.isnan(value) == (seconds < METRICS[key].least_seconds) or key in ("pesq", "estoi"), value


@pytest.mark.slow
@pytest.mark.parametrize("key", WITH_PACKAGES)
def test_beside_silence_there_is_nothing_to_grade(voice, key):
    assert math.isnan(measure(np.zeros_like(voice), voice, RATE, [key])[key])
    silenced = measure(voice, np.zeros_like(voice), RATE, [key])[key]
    assert math.isnan(silenced) or abs(silenced) < 100


@pytest.mark.slow
@needs_all
def test_channels_are_mixed_to_one(voice):
    noisy = with_noise(voice, -20)
    left_only = measure(np.stack([voice, voice]), np.stack([noisy, noisy]), RATE, ["any"])
    assert left_only == measure(voice, noisy, RATE, ["any"])


@pytest.mark.slow
@needs_all
def test_a_long_sound_is_heard_to_its_end():
    voice = demo(1, RATE, 3.0).mean(axis=0)
    clean, late_noise = np.tile(voice, 7), np.tile(voice, 7)
    late_noise[15 * RATE :] = with_noise(late_noise[15 * RATE :], 10)
    assert (
        measure(clean, late_noise, RATE, ["dnsmos"])["dnsmos"] < measure(clean, clean, RATE, ["dnsmos"])["dnsmos"] - 0.1
    )


def test_sounds_that_do_not_fit_are_refused(voice):
    for test in (voice[:-1], np.stack([voice, voice])):
        with pytest.raises(ValueError, match="equal length and channels"):
            measure(voice, test, RATE, ["si_sdr"])
    with pytest.raises(ValueError, match="NaN"):
        measure(voice, np.full_like(voice, np.nan), RATE, ["si_sdr"])
    with pytest.raises(ValueError, match="sample_rate"):
        measure(voice, voice, 0, ["si_sdr"])


def test_an_unknown_measure_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no measure 'pesk'; there are visqol.*speech"):
        chosen_metrics(["si_sdr", "pesk"])


def test_a_missing_package_is_told_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(metric_module, "find_spec", lambda name: None if name == "pesq" else object())
    lacking = METRICS["pesq"].missing()
    assert lacking.startswith("PESQ-wb needs packages") and "pip install 'lamina[compare]'" in lacking
    assert METRICS["estoi"].missing() is None
    assert "pesq" not in [metric.key for metric in chosen_metrics(["speech"])], "a group goes on without it"
    with pytest.raises(ValueError, match="PESQ-wb needs packages"):
        chosen_metrics(["pesq"])


def test_groups_hold_what_hears_their_sounds():
    assert GROUPS["any"] == ("visqol", "si_sdr", "log_mel")
    assert set(GROUPS["speech"]) == set(METRICS)


def test_the_rest_is_left_out_once_cancelled(voice):
    asked = []

    def cancelled():
        asked.append(True)
        return len(asked) > 1

    assert list(measure(voice, voice, RATE, ["si_sdr", "log_mel"], cancelled=cancelled)) == ["si_sdr"]


def test_what_was_measured_is_found_again_by_its_sounds_and_nothing_else(tmp_path, voice):
    path = tmp_path / "cache" / "scores.sqlite3"
    noisy = with_noise(voice, -20)
    with ScoreStore(path) as store:
        first = measure(voice, noisy, RATE, ["si_sdr", "log_mel"], store)
    changed = noisy.copy()
    changed[1000] += 0.001
    with ScoreStore(path) as store:
        (kept,) = [key for key in keys_of(path) if " si_sdr " in key]
        store.put(kept, 12345.0)
        assert measure(voice, noisy, RATE, ["si_sdr"], store) == {"si_sdr": 12345.0}, "looked up, not measured"
        assert measure(voice, changed, RATE, ["si_sdr"], store)["si_sdr"] != 12345.0
        assert measure(noisy, voice, RATE, ["si_sdr"], store)["si_sdr"] != 12345.0
        assert measure(voice, noisy, 48_000, ["si_sdr"], store)["si_sdr"] != 12345.0
        assert measure(voice, noisy, RATE, ["log_mel"], store)["log_mel"] == first["log_mel"]


def test_another_version_of_a_measure_is_measured_anew(tmp_path, voice, monkeypatch):
    path = tmp_path / "scores.sqlite3"
    with ScoreStore(path) as store:
        measure(voice, with_noise(voice, -20), RATE, ["si_sdr"], store)
        monkeypatch.setattr(metric_module, "version", lambda package: "999")
        measure(voice, with_noise(voice, -20), RATE, ["si_sdr"], store)
    assert len(keys_of(path)) == 2


def test_no_figure_is_remembered_as_none(tmp_path, voice):
    path = tmp_path / "scores.sqlite3"
    with ScoreStore(path) as store:
        measure(np.zeros_like(voice), voice, RATE, ["si_sdr"], store)
    (key,) = keys_of(path)
    with ScoreStore(path) as store:
        assert math.isnan(store.get(key))


def test_the_store_keeps_what_was_used_last(tmp_path):
    path = tmp_path / "scores.sqlite3"
    with ScoreStore(path, most=3) as store:
        for number in range(5):
            store.put(str(number), number)
    with ScoreStore(path, most=3) as store:
        assert store.get("2") == 2
        store.put("5", 5)
    assert keys_of(path) == {"2", "4", "5"}


@pytest.mark.parametrize("content", [b"this is a shopping list", b"SQLite format 3\0 but no more"])
def test_a_file_of_something_else_is_left_alone_and_costs_nothing_but_time(tmp_path, voice, content):
    path = tmp_path / "scores.sqlite3"
    path.write_bytes(content)
    with ScoreStore(path) as store:
        assert "can't be used" in store.trouble
        assert measure(voice, voice, RATE, ["log_mel"], store) == {"log_mel": 0.0}
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "theirs.sqlite3"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE songs (title TEXT)")
    before = path.read_bytes()
    with ScoreStore(path) as store:
        assert "can't be used" in store.trouble
        store.put("a", 1.0)
    assert path.read_bytes() == before


def test_where_nothing_can_be_written_everything_is_measured_anew(tmp_path):
    with ScoreStore(tmp_path) as store:  # a folder
        assert store.trouble
        store.put("a", 1.0)
        assert store.get("a") == 1.0 and store.get("b") is None


def keys_of(path):
    with sqlite3.connect(path) as file:
        return {key for (key,) in file.execute("SELECT key FROM scores")}


def test_the_benchmarks_measure_with_the_same_code():
    sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
    metrics = pytest.importorskip("metrics", reason="the benchmarks need soxr")
    sound = demo(1, RATE, 2.0).mean(axis=0)
    noisy = with_noise(sound, -20)
    found = metrics.scores(sound, noisy, frozenset({"si_sdr", "log_mel", "frame_lock"}))
    assert {"si_sdr": found.si_sdr, "log_mel": found.log_mel} == measure(sound, noisy, RATE, ["si_sdr", "log_mel"])
    assert 0 <= found.frame_lock < 1
