"""True peaks are found between the samples, however the sound is cut."""

import numpy as np
import pytest
from sounds import noise

from lamina.dsp.true_peak import FLOOR_DB, TruePeakMeter


def sine(cycles_per_sample, phase, n_samples=4000, amplitude=1.0):
    return (amplitude * np.sin(2 * np.pi * cycles_per_sample * np.arange(n_samples) + phase)).astype(np.float32)[None]


def peak(sound):
    meter = TruePeakMeter(len(sound))
    meter.push(sound)
    return meter.peak_db


def test_a_sine_whose_samples_miss_its_crest_is_read_in_full():
    # BS.1770-4, annex 2: at a quarter of the rate and 45° every sample is 3 dB below the crest.
    sound = sine(0.25, np.pi / 4)
    assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(-3.01, abs=0.01)
    # What four times the rate misses by itself, and a beginning that is a step: the standard allows +0.2 and −0.4 dB.
    assert peak(sound[:, :]) == pytest.approx(0.0, abs=0.4)


@pytest.mark.parametrize("cycles", [0.01, 0.1, 0.17, 0.2371, 0.31, 0.4])
def test_all_frequencies_that_one_hears_read_alike(cycles):
    # Four times the rate misses a crest by up to cos(π f / 4).
    allowed = 0.3 if cycles < 0.35 else 0.5
    fade = np.minimum(1.0, np.arange(8000) / 2000.0)
    for phase in np.linspace(0, np.pi, 7):
        assert peak(sine(cycles, phase, 8000, 0.5) * fade) == pytest.approx(-6.02, abs=allowed)


def test_it_never_reads_less_than_the_highest_sample_and_knows_silence():
    impulse = np.zeros((2, 100), np.float32)
    impulse[1, 50] = 0.8
    assert peak(impulse) >= 20 * np.log10(0.8) - 1e-6
    assert peak(np.zeros((1, 100), np.float32)) == FLOOR_DB
    broken = np.array([[0.1, np.nan, np.inf, -np.inf]], np.float32)
    assert peak(broken) < -10.0


def test_what_it_reads_depends_on_the_samples_alone():
    sound = noise(2, 5000)
    whole, cut = TruePeakMeter(2), TruePeakMeter(2)
    whole.push(sound)
    start = 0
    for n_samples in (1, 2, 3, 500, 7, 1000, 0, 3487):
        cut.push(sound[:, start : start + n_samples])
        start += n_samples
    assert start == 5000 and cut.peak_db == pytest.approx(whole.peak_db, abs=1e-9)
    cut.reset()
    assert cut.peak_db == FLOOR_DB
    with pytest.raises(ValueError, match="2, n"):
        cut.push(sound[:1])
    with pytest.raises(ValueError, match="at least 1"):
        TruePeakMeter(0)
