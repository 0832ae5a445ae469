"""The round trip that is measured through a cable is the true one.

What the engine says about its delay adds up to it.
"""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from engine_rig import EngineRig
from pedalboard import Gain
from sounds import lag_samples

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.device.opening import Opened
from lamina.plugin.host.device.virtual_stream import VirtualStream
from lamina.plugin.host.engine import engine as engine_module
from lamina.plugin.host.engine import open_stream as stage_module
from lamina.plugin.host.engine.audio_thread import Worker
from lamina.plugin.host.engine.calibration import LONGEST_SECONDS, N_SWEEPS, Calibration, CalibrationError, RoundTrip
from lamina.plugin.host.engine.engine import Engine
from lamina.plugin.host.engine.open_stream import OpenStream
from lamina.plugin.host.wire.telemetry import TelemetryWriter, make_shared_file

RATE = 48_000
WAITED_SECONDS = 30
NOTHING = "did not come back clearly"


def measured(cable, block=256, rate=RATE, margin=0, heard=lambda captured, _start: captured, n_inputs=2):
    """A measurement on a device whose output is connected to its input; `heard` is what else the input hears."""
    measurement = Calibration(rate)
    stream = VirtualStream(rate, block, n_inputs, 2, clock=None, cable_samples=cable)
    worker = Worker(
        stream,
        lambda captured: measurement.exchange(heard(captured, worker.n_blocks * block)),
        TelemetryWriter(make_shared_file()),
        margin,
    )
    worker.start()
    assert measurement.wait(WAITED_SECONDS)
    worker.stop()
    stream.close()
    return measurement.result()


@pytest.mark.parametrize("cable", [0, 1, 479, 12_000])
@pytest.mark.parametrize(("block", "margin"), [(32, 0), (256, 320), (1000, 7)])
def test_a_cable_is_measured_to_the_sample(cable, block, margin):
    trip = measured(cable, block, margin=margin)
    assert (trip.n_samples, trip.spread_samples) == (cable + block + margin, 0)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000, 192_000])
def test_at_every_rate(rate):
    assert measured(rate // 20, 128, rate).n_samples == rate // 20 + 128


def test_one_channel_and_one_side_of_two_are_enough():
    assert measured(480, n_inputs=1).n_samples == 736

    for sides in ([[1.0], [0.0]], [[0.0], [1.0]]):
        gains = np.array(sides, np.float32)
        assert measured(480, heard=lambda captured, _start, gains=gains: captured * gains).n_samples == 736


def quiet_in_noise(level, noise_level, seed=0):
    random = np.random.default_rng(seed)
    return lambda captured, _: (level * captured + noise_level * random.standard_normal(captured.shape)).astype(
        np.float32
    )


@pytest.mark.parametrize("level", [1.0, -1.0, 0.001])
def test_neither_level_nor_polarity_matters(level):
    assert measured(480, heard=quiet_in_noise(level, 0.0)).n_samples == 736


@pytest.mark.parametrize("seed", range(5))
def test_it_is_found_in_noise_louder_than_itself(seed):
    """The sweep reaches 0.25 at its middle and is heard at a tenth of that; the noise has an RMS of 0.03."""
    assert abs(measured(480, heard=quiet_in_noise(0.1, 0.03, seed)).n_samples - 736) <= 1


def test_an_echo_that_is_weaker_does_not_count():
    memory = np.zeros((2, 2400), np.float32)

    def room(captured, _start):
        nonlocal memory
        memory = np.concatenate([memory, captured], axis=1)
        echo, memory = memory[:, : captured.shape[1]], memory[:, captured.shape[1] :]
        return captured + 0.7 * echo

    assert measured(480, heard=room).n_samples == 736


def between(*stretches, instead):
    """Something else instead of what is captured in some stretches of seconds."""

    def heard(captured, start):
        if any(begin * RATE <= start < end * RATE for begin, end in stretches):
            return instead(captured)
        return captured

    return heard


def knocks(captured):
    return (0.9 * np.random.default_rng(1).standard_normal(captured.shape)).astype(np.float32)


def test_one_knock_on_the_table_does_not_count_but_two_do():
    assert measured(480, heard=between((0.0, 0.1), instead=knocks)).n_samples == 736
    with pytest.raises(CalibrationError, match=f"3 of {N_SWEEPS} times"):
        measured(480, heard=between((0.0, 0.4), instead=knocks))


@pytest.mark.parametrize("seed", range(5))
def test_with_nothing_connected_a_sentence_says_what_to_do(seed):
    for heard in (quiet_in_noise(0.0, 0.0), quiet_in_noise(0.0, 0.1, seed), quiet_in_noise(0.0, 1e-6, seed)):
        with pytest.raises(CalibrationError, match=NOTHING) as raised:
            measured(480, heard=heard)
        assert "Connect the output to the input with a cable" in str(raised.value)


def test_hum_is_no_answer():
    def hum(captured, start):
        t = (start + np.arange(captured.shape[1])) / RATE
        return np.tile(0.2 * np.sin(2 * np.pi * 50 * t) + 0.1 * np.sin(2 * np.pi * 1000 * t), (2, 1)).astype(np.float32)

    with pytest.raises(CalibrationError, match=NOTHING):
        measured(480, heard=hum)


@pytest.mark.parametrize("seconds", [0.3, 0.35, 0.5, 0.6, 0.95])
def test_a_delay_that_is_too_long_is_refused_instead_of_taken_for_a_shorter_one(seconds):
    with pytest.raises(CalibrationError, match=f"longer than {LONGEST_SECONDS:g} seconds"):
        measured(round(seconds * RATE))


# In the engine.


@pytest.fixture
def cabled(monkeypatch):
    """Makes an engine that is live on a device with a cable."""
    engines = []
    monkeypatch.setattr(engine_module, "prepare_process", lambda: None)

    def make(settings, board):
        engine = Engine(TelemetryWriter(make_shared_file()), lambda _event: None)
        engine.set_board("A", board)
        engine.prefer(settings, is_live=True)
        engine.ensure_open()
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


def in_samples(parts, rate):
    return round(sum(seconds for _, seconds in parts) * rate)


@pytest.mark.parametrize(("rate", "block"), [(48_000, 256), (44_100, 100), (96_000, 1024)])
@pytest.mark.parametrize("effects", [[], [NeuralCodec], [Gain, NeuralCodec, NeuralCodec]])
def test_what_the_engine_says_plus_the_cable_is_what_is_measured(cabled, rate, block, effects):
    settings = DeviceSettings("virtual?fast&cable=480", "virtual?fast", sample_rate=rate, buffer=block)
    board = Board([effect() for effect in effects])
    engine = cabled(settings, board)
    trip = engine.calibrate()
    assert trip["sample_rate"] == rate and trip["spread_samples"] == 0
    assert trip["device_samples"] == 480
    assert trip["board_samples"] == sum(slot["latency_samples"] for slot in engine.slots())
    assert trip["round_trip_samples"] == 480 + in_samples(engine.latency(), rate)
    # The board is heard again afterwards, and may be measured anew.
    assert engine.calibrate() == trip


class PatientClock:
    """A clock for any machine, however slow.

    It goes on while the device is waited for and stands still while anything is computed.
    """

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        time.sleep(0)


@pytest.mark.parametrize(
    ("rate", "block", "effects", "has_clock", "seconds"),
    [
        (48_000, 256, [NeuralCodec], False, 2.0),
        (48_000, 100, [NeuralCodec], False, 2.0),
        (44_100, 64, [Gain, NeuralCodec, NeuralCodec], False, 2.0),
        (96_000, 1024, [NeuralCodec], False, 2.0),
        (48_000, 256, [], True, 1.0),
        (48_000, 256, [NeuralCodec], True, 1.0),
        (44_100, 64, [Gain, NeuralCodec, NeuralCodec], True, 1.0),
    ],
)
def test_the_parts_add_up_to_the_lag_of_what_comes_out(monkeypatch, rate, block, effects, has_clock, seconds):
    """With the mix at zero what comes out is what went in, so much later. With a clock there is a margin besides."""
    # The clock that says whether the device stands still is the machine's own.
    monkeypatch.setattr(stage_module, "STILL_SECONDS", WAITED_SECONDS)
    audio = np.random.default_rng(2).standard_normal((1, 3 * rate)).astype(np.float32) * 0.1
    board = Board([effect(mix=0.0) if effect is NeuralCodec else effect(gain_db=0.0) for effect in effects])
    rig = EngineRig(monkeypatch, audio, rate, block, board, clock=PatientClock() if has_clock else None)
    rig.engine.ensure_open()
    parts = [rig.engine.latency()]
    output = rig.run(seconds, lambda: parts.append(rig.engine.latency()))
    names = [name for name, _ in parts[-1]]
    assert len(set(names)) == len(names) and {"input device", "buffer", "safety margin", "output device"} <= set(names)
    assert ("codec" in names) == (NeuralCodec in effects)
    length = rate // 2
    assert in_samples(parts[0], rate) == lag_samples(audio[0, :length], output[0, :length])
    assert parts[0] == parts[-1] and (dict(parts[0])["safety margin"] > 0) == has_clock


def test_a_virtual_device_does_what_is_due_once_and_in_order_however_many_look():
    now, n_blocks, block = 0.0, 300, 10
    captured, played = iter(range(n_blocks)), []

    def source(n):
        number = next(captured)
        time.sleep(0)  # another thread's turn
        return np.full((n, 1), number, np.float32)

    stream = VirtualStream(1000, block, 1, 1, source, lambda sound: played.append(sound[0, 0]), clock=lambda: now)
    stream.playout.store(0, np.repeat(np.arange(n_blocks, dtype=np.float32), block)[:, None])
    stream.playout.advance_written(n_blocks * block)
    stream.start()
    is_over = threading.Event()

    def look():
        while not is_over.is_set() and stream.n_elapsed >= 0:
            pass

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    while stream.n_elapsed < n_blocks * block:
        now += 5 * block / 1000
    is_over.set()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(stream.capture.load(0, n_blocks * block)[::block, 0], np.arange(n_blocks))
    assert played == list(range(n_blocks))


def test_without_an_input_there_is_nothing_to_measure(cabled):
    engine = cabled(DeviceSettings("none", "virtual?fast"), Board([]))
    with pytest.raises(CalibrationError, match="no input to listen on"):
        engine.calibrate()


def test_before_anything_is_open_there_is_nothing_to_measure():
    engine = Engine(TelemetryWriter(make_shared_file()), lambda _event: None)
    with pytest.raises(CalibrationError, match="Nothing is open"):
        engine.calibrate()
    assert engine.latency() == [] and engine.slots() == []


def test_a_device_that_stands_still_ends_the_measurement(cabled, monkeypatch):
    stream = VirtualStream(RATE, 256, 2, 2, clock=lambda: 0.0)
    monkeypatch.setattr(engine_module, "open_stream", lambda *_: Opened(stream, "virtual", "virtual"))
    monkeypatch.setattr(stage_module, "CALIBRATION_SECONDS", 0.1)
    engine = cabled(DeviceSettings("virtual", "virtual"), Board([]))
    with pytest.raises(CalibrationError, match="stood still"):
        engine.calibrate()
    assert engine.ensure_open().path.calibration is None


class Measured:
    """A measurement that takes no time, during each of which the playout's delay goes on to the next of `delays`."""

    def __init__(self, delays):
        self.delays = delays

    def __call__(self, _sample_rate):
        return self

    def wait(self, _seconds):
        self.playout.delay_samples = self.delays.pop(0)
        return True

    def result(self):
        return RoundTrip(2000, 1)


@pytest.mark.parametrize(("delays", "own"), [([576], 576), ([1216, 1216], 1216), ([1216, 1856, 1856], 1856)])
def test_a_margin_that_grows_meanwhile_is_not_taken_for_the_devices_part(monkeypatch, delays, own):
    measurement = Measured(delays)
    monkeypatch.setattr(stage_module, "Calibration", measurement)
    measurement.playout = SimpleNamespace(delay_samples=576)
    stage = SimpleNamespace(
        is_live=True,
        sample_rate=RATE,
        path=SimpleNamespace(boards=SimpleNamespace(latency_samples=0)),
        worker=SimpleNamespace(),
    )
    stage.worker.playout = measurement.playout
    stage._measured_trip = lambda: OpenStream._measured_trip(stage)
    parts = OpenStream.calibrate(stage)
    assert (parts["buffer_and_margin_samples"], parts["device_samples"]) == (own, 2000 - own)
    measurement.delays, measurement.playout.delay_samples = [1, 2, 3], 0
    with pytest.raises(CalibrationError, match="margin grew"):
        OpenStream.calibrate(stage)
