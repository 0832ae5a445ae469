"""The meters say what was: levels, loudness, computing times, processor share, delay and what came late."""

from types import SimpleNamespace

import numpy as np
import pytest

from lamina.plugin.host.client import live_meters
from lamina.plugin.host.client.live_meters import LiveMeters
from lamina.plugin.host.wire.telemetry import STATE, Heard

RATE, BLOCK = 48_000, 256


@pytest.fixture
def state():
    """What an engine shows of itself with a stream open."""
    state = np.zeros((), STATE)
    state["sample_rate"], state["block"] = RATE, BLOCK
    return state


def heard(output, taken=None, rate=RATE, block_seconds=(), block_samples=()):
    """What a reader would bring."""
    samples = output.astype(np.float32)
    return Heard(
        rate,
        samples.shape[1],
        0,
        samples if taken is None else taken.astype(np.float32),
        samples,
        (),
        np.array(block_seconds, np.float32),
        np.array(block_samples, np.int32),
    )


def sine(seconds, level_db, n_channels=2, rate=RATE):
    t = np.arange(round(seconds * rate)) / rate
    return np.tile(10 ** (level_db / 20) * np.sin(2 * np.pi * 997 * t), (n_channels, 1))


def in_blocks(meters, output, taken, rate=RATE):
    for start in range(0, output.shape[1], 1600):
        part = slice(start, start + 1600)
        meters.push(heard(output[:, part], taken[:, part], rate))


@pytest.mark.parametrize(("n_channels", "rate", "sum_db"), [(2, RATE, 0.0), (1, 44_100, -3.01)])
def test_levels_and_loudness_before_and_after_the_board(n_channels, rate, sum_db):
    meters = LiveMeters()
    in_blocks(meters, sine(4, -20, n_channels, rate), sine(4, -6, n_channels, rate), rate)
    for level, loudness, level_db in (
        (meters.input_level, meters.input_loudness, -6),
        (meters.output_level, meters.output_loudness, -20),
    ):
        assert level.peak_db == pytest.approx([level_db] * n_channels, abs=0.05)
        assert level.rms_db == pytest.approx([level_db - 3.01] * n_channels, abs=0.05)
        # BS.1770: a sine of 997 Hz at full scale in one channel reads -3.01 LUFS.
        assert loudness.short_term_lufs == pytest.approx(level_db + sum_db, abs=0.1)


def test_while_nothing_plays_every_meter_falls_to_silence():
    meters = LiveMeters()
    meters.rest(1.0)  # before the first sound there is nothing to fall
    in_blocks(meters, sine(4, -20), sine(4, -6))
    meters.rest(5.0)
    assert (meters.input_level.peak_db < -90).all() and (meters.output_level.rms_db < -60).all()
    assert meters.input_loudness.short_term_lufs < -60 and meters.output_loudness.momentary_lufs < -60


def test_another_rate_or_width_gets_new_meters():
    meters = LiveMeters()
    assert meters.push(heard(sine(0.1, -6)))
    assert not meters.push(heard(sine(0.1, -6)))
    assert not meters.push(heard(np.zeros((1, 0)), rate=44_100))  # nothing was heard yet at that rate
    assert meters.push(heard(sine(0.1, -20, rate=44_100), rate=44_100))
    assert meters.output_level.peak_db.max() == pytest.approx(-20, abs=0.1)
    assert meters.push(heard(sine(0.1, -6, 1), rate=44_100))
    assert meters.output_level.peak_db.shape == (1,)


def test_computing_times_are_those_of_the_last_ten_seconds(state):
    meters = LiveMeters()
    assert meters.figures(state).worst_ms == 0.0 and meters.figures(state).load == 0.0
    n_old, n_new = round(5 * RATE / BLOCK), round(10 * RATE / BLOCK)
    meters.push(heard(np.zeros((2, 0)), block_seconds=[0.9] * n_old, block_samples=[BLOCK] * n_old))
    assert meters.figures(state).worst_ms == pytest.approx(900)
    seconds = np.random.default_rng(0).permutation(np.linspace(1e-3, 4e-3, n_new))
    for part in np.array_split(seconds, 40):
        meters.push(heard(np.zeros((2, 0)), block_seconds=part, block_samples=[BLOCK] * len(part)))
    figures = meters.figures(state)
    assert figures.block_ms == pytest.approx(1000 * BLOCK / RATE)
    assert (figures.p50_ms, figures.p99_ms, figures.worst_ms) == pytest.approx((2.5, 3.97, 4.0), abs=0.01)
    assert figures.load == pytest.approx(2.5e-3 * RATE / BLOCK, abs=1e-3)


def test_the_processor_share_is_of_the_last_two_seconds_and_never_mixes_two_engines(state, monkeypatch):
    meters, clock = LiveMeters(), SimpleNamespace(now=0.0)
    monkeypatch.setattr(live_meters, "time", SimpleNamespace(monotonic=lambda: clock.now))
    for turn in range(100):
        clock.now = turn * 0.1
        # A busy start, then a quarter of a processor.
        state["processor_seconds"] = 5.0 + 0.025 * turn if turn > 20 else 0.25 * turn
        share = meters.figures(state).processor
    assert share == pytest.approx(0.25, abs=1e-3)
    for turn in range(20):
        clock.now = 10 + turn * 0.1
        state["processor_seconds"] = 0.2 + 0.05 * turn
        share = meters.figures(state).processor
        assert share == pytest.approx(0.5, abs=1e-3) or (turn < 3 and share == 0.0)


def test_delay_margin_and_what_came_late_are_the_engines(state):
    meters = LiveMeters()
    state["buffer_samples"], state["margin_samples"], state["board_samples"] = 256, 320, 880
    state["input_seconds"], state["output_seconds"] = 0.004, 0.007
    state["n_late"], state["n_late_samples"], state["n_device_misses"] = 3, 4800, 2
    figures = meters.figures(state)
    assert (figures.n_late, figures.late_seconds, figures.n_device_misses) == (3, 0.1, 2)
    assert figures.margin_ms == pytest.approx(320 / 48)
    assert figures.latency_ms == pytest.approx(11 + (256 + 320 + 880) / 48)
    # Before any stream was opened there is nothing to show, and nothing to stumble over.
    empty = meters.figures(np.zeros((), STATE))
    assert (empty.block_ms, empty.latency_ms, empty.late_seconds) == (0.0, 0.0, 0.0)
