"""The level meter: true readings, true ballistics, the same for every way a stream is cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.dsp.levels import LevelMeter, to_dbfs

RATE = 48000


def sine(seconds=2.0, level=1.0):
    return (level * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)[None]


@pytest.mark.parametrize("level", [1.0, 0.5, 0.01])
def test_a_sine_reads_its_peak_and_rms(level):
    meter = LevelMeter(RATE, 1)
    meter.push(sine(level=level))
    assert meter.peak_db[0] == pytest.approx(20 * np.log10(level), abs=0.05)
    # The exponential window still misses e^-6.7 of the past after two seconds.
    assert meter.rms_db[0] == pytest.approx(20 * np.log10(level) - 3.01, abs=0.05)


@pytest.mark.slow
@given(sizes=st.lists(st.integers(0, 4000), min_size=1, max_size=10))
def test_readings_do_not_depend_on_how_the_stream_is_cut(sizes):
    noise = np.random.default_rng(2).standard_normal((2, sum(sizes))).astype(np.float32)
    whole, cut = LevelMeter(RATE, 2, hold_seconds=0.05), LevelMeter(RATE, 2, hold_seconds=0.05)
    whole.push(noise)
    for k in range(len(sizes)):
        cut.push(noise[:, sum(sizes[:k]) : sum(sizes[: k + 1])])
    # Powers of the decay multiply in another order: rounding of doubles only.
    assert np.allclose(cut.peak_db, whole.peak_db, atol=1e-9)
    assert np.allclose(cut.rms_db, whole.rms_db, atol=1e-9)


def test_the_peak_falls_at_its_rate_and_the_mark_waits():
    meter = LevelMeter(RATE, 1, fall_db_per_second=24.0, hold_seconds=1.5)
    meter.push(np.ones((1, 1), np.float32))
    meter.push(np.zeros((1, RATE), np.float32))
    assert meter.peak_db[0] == pytest.approx(-24.0, abs=0.01)
    assert meter.hold_db[0] == pytest.approx(0.0, abs=0.01)
    meter.push(np.zeros((1, RATE), np.float32))
    assert meter.hold_db[0] == meter.peak_db[0] == pytest.approx(-48.0, abs=0.01)


def test_resting_equals_silence():
    rested, fed = LevelMeter(RATE, 1), LevelMeter(RATE, 1)
    for meter in (rested, fed):
        meter.push(sine(0.5))
    rested.rest(0.25)
    fed.push(np.zeros((1, RATE // 4), np.float32))
    assert rested.peak_db == pytest.approx(fed.peak_db)
    assert rested.rms_db == pytest.approx(fed.rms_db)
    assert rested.hold_db == pytest.approx(fed.hold_db)


def test_silence_reads_the_floor():
    meter = LevelMeter(RATE, 2, floor_db=-90.0)
    meter.push(np.zeros((2, 100), np.float32))
    for reading in (meter.peak_db, meter.rms_db, meter.hold_db):
        assert reading == pytest.approx([-90.0, -90.0])
    assert to_dbfs(0.0) == -96.0


def test_channels_are_read_apart_and_reset_forgets():
    meter = LevelMeter(RATE, 2)
    meter.push(np.concatenate([sine(), 0.1 * sine()]))
    assert meter.peak_db == pytest.approx([0.0, -20.0], abs=0.05)
    meter.reset()
    assert np.all(meter.peak_db == -96.0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"sample_rate": 0, "n_channels": 1},
        {"sample_rate": RATE, "n_channels": 0},
        {"sample_rate": RATE, "n_channels": 1, "rms_seconds": 0},
        {"sample_rate": RATE, "n_channels": 1, "floor_db": 1},
    ],
)
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match=r"\."):
        LevelMeter(**arguments)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        LevelMeter(RATE, 2).push(np.zeros((1, 4), np.float32))
