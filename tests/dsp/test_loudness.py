"""The loudness shown is the standard's, at every rate, however the sound is cut, and falls when the sound ends."""

import numpy as np
import pytest
from sounds import demo, noise

from lamina.dsp.loudness import FLOOR_LUFS, HIGH_PASS, SHELF, LoudnessMeter, integrated_lufs

RATES = [8000, 11025, 16000, 22050, 24000, 44100, 48000, 88200, 96000, 192000]


def sine(rate, frequency=997.0, peak_dbfs=-20.0, n_channels=2, seconds=4.0):
    t = np.arange(int(seconds * rate)) / rate
    return np.tile((10 ** (peak_dbfs / 20) * np.sin(2 * np.pi * frequency * t)).astype(np.float32), (n_channels, 1))


def measured(sound, rate):
    meter = LoudnessMeter(rate, sound.shape[0])
    meter.push(sound)
    return meter


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_the_standards_sines_read_what_the_standard_says(rate):
    # EBU Tech 3341 allows ±0.1 LU; telephone rates fall short of that, as the meter's description says.
    allowed = 0.1 if rate >= 16000 else 0.25
    meter = measured(sine(rate), rate)
    assert meter.short_term_lufs == pytest.approx(-20.0, abs=allowed)
    assert meter.momentary_lufs == pytest.approx(meter.short_term_lufs, abs=0.02)
    # BS.1770-4, annex 1: a full-scale sine in one channel.
    assert measured(sine(rate, peak_dbfs=0.0, n_channels=1), rate).short_term_lufs == pytest.approx(-3.01, abs=allowed)
    one_side = sine(rate, peak_dbfs=0.0) * np.array([[1.0], [0.0]], np.float32)
    assert measured(one_side, rate).short_term_lufs == pytest.approx(-3.01, abs=allowed)


@pytest.mark.slow
@pytest.mark.parametrize("frequency", [25.0, 40.0, 100.0, 500.0, 997.0, 1700.0, 2500.0])
def test_every_rate_weights_frequencies_as_48_khz_does(frequency):
    reference = measured(sine(48000, frequency), 48000).short_term_lufs
    for rate in RATES:
        # The bilinear transform bends what lies close to half the rate.
        allowed = 0.05 if frequency < rate / 12 else 0.4
        assert measured(sine(rate, frequency), rate).short_term_lufs == pytest.approx(reference, abs=allowed), rate


@pytest.mark.slow
@pytest.mark.parametrize(
    "sound", [noise(2, 4 * 48000), demo(0, 48000, 4.0), demo(1, 48000, 4.0)], ids=["noise", "music", "voice"]
)
def test_at_48_khz_it_is_the_standards_own_filter(sound):
    signal = pytest.importorskip("scipy.signal")
    weighted = sound.astype(np.float64)
    for numerator, denominator in (SHELF, HIGH_PASS):
        weighted = signal.lfilter(numerator, denominator, weighted, axis=1)
    meter = measured(sound, 48000)
    for seconds, lufs in ((3.0, meter.short_term_lufs), (0.4, meter.momentary_lufs)):
        power = np.square(weighted[:, -round(seconds * 48000) :]).mean(axis=1).sum()
        assert lufs == pytest.approx(-0.691 + 10 * np.log10(power), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 63, 64, 480, 4801])
def test_the_cutting_does_not_matter(block):
    sound = noise(2, 3 * 44100 if block > 1 else 4000)
    meter, whole = LoudnessMeter(44100, 2), measured(sound, 44100)
    for start in range(0, sound.shape[1], block):
        meter.push(sound[:, start : start + block])
    # Sums are grouped differently; that is all.
    assert meter.short_term_lufs == pytest.approx(whole.short_term_lufs, abs=1e-9)
    assert meter.momentary_lufs == pytest.approx(whole.momentary_lufs, abs=1e-9)


def test_the_windows_slide():
    rate = 48000
    meter = LoudnessMeter(rate, 2)
    loud, soft = sine(rate, seconds=3.2), sine(rate, peak_dbfs=-40.0, seconds=0.1)
    meter.push(loud)
    for n_soft in range(1, 31):
        meter.push(soft)
        share = n_soft / 30
        expected = -20 + 10 * np.log10(1 - share + share * 1e-2)
        # Chunks of 64 samples at the windows' edges, and the filters' ringing.
        assert meter.short_term_lufs == pytest.approx(expected, abs=0.1)
        if n_soft >= 5:
            assert meter.momentary_lufs == pytest.approx(-40, abs=0.1)


def test_silence_and_rest_read_the_floor():
    meter = LoudnessMeter(48000, 2)
    assert meter.short_term_lufs == meter.momentary_lufs == FLOOR_LUFS
    meter.push(sine(48000))
    meter.rest(1.5)
    assert meter.short_term_lufs == pytest.approx(-23.01, abs=0.05) and meter.momentary_lufs == FLOOR_LUFS
    for _ in range(100):
        meter.rest(1 / 60)
    assert meter.short_term_lufs == FLOOR_LUFS
    meter.push(sine(48000))
    meter.rest(3600.0)
    assert meter.short_term_lufs == FLOOR_LUFS
    meter.push(sine(48000))
    meter.reset()
    assert meter.short_term_lufs == FLOOR_LUFS
    # A constant is no sound.
    meter.push(np.full((2, 6 * 48000), 0.5, np.float32))
    assert meter.short_term_lufs == FLOOR_LUFS


def test_broken_samples_do_not_stay_in_the_meter():
    meter, sound = LoudnessMeter(48000, 2), sine(48000)
    broken = sound.copy()
    broken[0, 1000], broken[1, 2000] = np.nan, np.inf
    meter.push(broken)
    assert meter.short_term_lufs == pytest.approx(-20.0, abs=0.1)


def test_bad_arguments_are_refused():
    for arguments in ((7999, 2), (200_000, 2), (float("nan"), 2), (48000, 0), (48000, 3)):
        with pytest.raises(ValueError, match="loudness is measured"):
            LoudnessMeter(*arguments)
    for shape in ((480,), (1, 480), (480, 2)):
        with pytest.raises(ValueError, match="is expected"):
            LoudnessMeter(48000, 2).push(np.zeros(shape, np.float32))


def steps(rate, *parts):
    """Sines of 1 kHz in both channels one after the other: `(dBFS, seconds)`."""
    return np.concatenate([sine(rate, 1000.0, level, seconds=seconds) for level, seconds in parts], axis=1)


EBU_3341 = {
    "1": (((-23, 20),), -23.0),
    "2": (((-33, 20),), -33.0),
    "3": (((-36, 10), (-23, 60), (-36, 10)), -23.0),
    "4": (((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)), -23.0),
    "5": (((-26, 20), (-20, 20.1), (-26, 20)), -23.0),
}
"""Test signals 1 to 5 of EBU Tech 3341 (2016), table 1, with the integrated loudness that is to be read, ±0.1 LU."""


@pytest.mark.slow
@pytest.mark.parametrize("signal", EBU_3341)
def test_integrated_loudness_reads_the_ebus_signals(signal):
    parts, expected = EBU_3341[signal]
    for rate in (44100, 48000, 16000):
        assert integrated_lufs(steps(rate, *parts), rate) == pytest.approx(expected, abs=0.1), rate


def test_integrated_loudness_is_gated_and_floored():
    loud = sine(24000, seconds=4.0)
    both = np.concatenate([loud, np.zeros_like(loud)], axis=1)
    # The blocks that lie across the end count with a part of their power.
    assert integrated_lufs(both, 24000) == pytest.approx(integrated_lufs(loud, 24000), abs=0.3)
    assert integrated_lufs(np.zeros((1, 24000), np.float32), 24000) == FLOOR_LUFS
    with pytest.raises(ValueError, match=r"lasts 0\.25 s"):
        integrated_lufs(loud[:, :6000], 24000)


def test_integrated_and_short_term_loudness_agree_on_a_steady_sound():
    sound = noise(2, 3 * 24000)
    assert integrated_lufs(sound, 24000) == pytest.approx(measured(sound, 24000).short_term_lufs, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 24000, 44100, 48000, 96000])
def test_a_stream_tells_the_loudness_of_all_of_it_as_of_a_whole_sound(rate):
    # Loud, soft (below the relative gate), silent (below the absolute one), loud again.
    parts = [sine(rate, peak_dbfs=peak, seconds=1.5) for peak in (-20.0, -45.0, -90.0, -14.0)]
    sound = np.concatenate(parts, axis=1) + 0.01 * noise(2, sum(part.shape[1] for part in parts))
    meter = LoudnessMeter(rate, 2)
    assert meter.whole_lufs == FLOOR_LUFS
    for start in range(0, sound.shape[1], 777):
        meter.push(sound[:, start : start + 777])
    # Blocks begin on the nearest 64 samples and are counted in steps of 0.1 LU, so one at the gate may count or not.
    expected = pytest.approx(integrated_lufs(sound, rate), abs=0.15)
    assert meter.whole_lufs == expected
    meter.rest(1.0)
    meter.rest(60.0)
    assert meter.whole_lufs == expected and meter.short_term_lufs == FLOOR_LUFS
    meter.begin_whole()
    assert meter.whole_lufs == FLOOR_LUFS
    meter.push(sine(rate, peak_dbfs=-30.0, seconds=1.0))
    assert meter.whole_lufs == pytest.approx(-30.0, abs=0.3)
