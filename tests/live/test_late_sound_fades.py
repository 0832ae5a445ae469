"""Sound that comes late fades out and in again, is reported, and loses its place in time nowhere."""

import time

import numpy as np
import pytest

from lamina.plugin.host.device.playout import FADE_SAMPLES
from lamina.plugin.host.device.virtual_stream import VirtualStream
from lamina.plugin.host.engine.audio_thread import MarginGrown, Worker
from lamina.plugin.host.wire.telemetry import TelemetryReader, TelemetryWriter, make_shared_file

RATE = 48_000
FRAME = 640
SECONDS_WAITED = 30


class Clock:
    """Time that passes a little at each look, and by leaps when something sleeps or stalls."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 2e-5
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Rig:
    """A worker on a virtual device with a clock of its own. `stalls`: block number → seconds that it takes longer."""

    def __init__(self, block, margin, stalls=None, grows=False, signal=None, n_blocks=400):
        self.clock, self.block, self.stalls = Clock(), block, stalls or {}
        self.n_samples = n_blocks * block
        noise = np.random.default_rng(1).standard_normal((self.n_samples, 2)).astype(np.float32) * 0.1
        self.input = noise if signal is None else signal[: self.n_samples]
        self.played, self.position, self.events = [], 0, []
        stream = VirtualStream(RATE, block, 2, 2, self._capture, self.played.append, self.clock, sleep=self.clock.sleep)
        self.telemetry = make_shared_file()
        self.worker = Worker(stream, self._process, TelemetryWriter(self.telemetry), margin, grows, self.events.append)

    def _capture(self, n):
        part = self.input[self.position : self.position + n]
        self.position += n
        return np.concatenate([part, np.zeros((n - len(part), 2), np.float32)])

    def _process(self, captured):
        self.clock.now += self.stalls.get(self.worker.n_blocks, 0.0)
        return captured

    def run(self):
        self.worker.start()
        deadline = time.monotonic() + SECONDS_WAITED
        while self.position < self.n_samples + 20 * self.block:
            assert time.monotonic() < deadline, "the worker stands still"
            time.sleep(0.01)
        self.worker.stop()
        return np.concatenate(self.played)


def deviating(output, reference):
    return np.flatnonzero(np.any(output != reference, axis=1))


@pytest.mark.parametrize("block", [64, 100, 256, 1024])
def test_in_time_the_output_is_the_input_at_the_delay(block):
    rig = Rig(block, 96)
    output = rig.run()
    delay = rig.worker.playout.delay_samples
    assert delay == block + 96
    assert rig.events == []
    np.testing.assert_array_equal(output[delay : delay + rig.n_samples], rig.input)
    assert not output[:delay].any()


@pytest.mark.parametrize("block", [64, 256, 1024])
@pytest.mark.parametrize("seconds", [0.012, 0.05, 0.4])
def test_a_stall_leaves_a_faded_gap_and_nothing_else(block, seconds):
    seconds += block / RATE  # a block's own time is what there always is
    rig = Rig(block, 96, {60: seconds, 700: seconds}, n_blocks=1100)
    output = rig.run()
    delay = rig.worker.playout.delay_samples
    late = rig.events
    assert late and all(event.n_lost == event.n_samples for event in late)
    reference = np.concatenate([np.zeros((delay, 2), np.float32), rig.input])
    length = min(len(output), len(reference))
    allowed = np.zeros(length, bool)
    for event in late:
        # The gap itself, and the fade-in after it.
        allowed[event.position : event.position + event.n_samples + FADE_SAMPLES] = True
    wrong = deviating(output[:length], reference[:length])
    assert len(wrong) and allowed[wrong].all()
    # Catching up takes some time too.
    assert sum(event.n_samples for event in late) < 2 * (1.5 * seconds * RATE + 3 * block)
    # Two stalls are two misses, however many blocks each of them took.
    assert int(TelemetryReader(rig.telemetry).state()["n_late"]) == 2


@pytest.mark.parametrize("block", [64, 256])
def test_a_gap_has_no_step(block):
    t = np.arange(400 * 1024) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)[:, None].repeat(2, 1)
    rig = Rig(block, 96, {60: 0.03, 61: 0.001, 90: 0.012, 200: 0.2}, signal=tone, n_blocks=100_000 // block)
    output = rig.run()[: rig.n_samples]  # the tone's own end is a step
    assert len(rig.events) >= 3
    steepest = np.abs(np.diff(tone[:, 0])).max()
    # The fades add their own slope: a raised half period of the cosine over FADE_SAMPLES at an amplitude of at most 1.
    assert np.abs(np.diff(output[:, 0])).max() < steepest + np.pi / 2 / FADE_SAMPLES


def test_repeated_misses_make_the_margin_grow_by_one_frame_and_then_nothing_is_late():
    rig = Rig(256, 96, dict.fromkeys(range(50, 400, 25), 0.009), grows=True, n_blocks=600)
    output = rig.run()
    grown = [event for event in rig.events if isinstance(event, MarginGrown)]
    late = [event for event in rig.events if not isinstance(event, MarginGrown)]
    assert [event.margin_samples for event in grown] == [96 + FRAME]
    # Two misses lose sound, the third is where the margin grows, and loses none.
    assert len(late) == 3 and late[2].n_lost == 0 and late[2].n_samples == FRAME
    start = late[2].position + late[2].n_samples + FADE_SAMPLES
    delay = rig.worker.playout.delay_samples
    assert delay == 256 + 96 + FRAME
    np.testing.assert_array_equal(output[start : delay + rig.n_samples], rig.input[start - delay :])


def test_the_margin_shrinks_on_request_without_a_step():
    t = np.arange(400 * 256) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)[:, None].repeat(2, 1)
    rig = Rig(256, 2 * FRAME, signal=tone)
    process = rig._process

    def shrinking(captured):
        if rig.worker.n_blocks == 100:
            assert rig.worker.shrink_margin()
        return process(captured)

    rig.worker._process = shrinking
    output = rig.run()
    delay = rig.worker.playout.delay_samples
    assert delay == 256 + FRAME and rig.events == []
    end = delay + 300 * 256
    np.testing.assert_array_equal(output[delay + 110 * 256 : end], tone[110 * 256 : 300 * 256])
    steepest = np.abs(np.diff(tone[:, 0])).max()
    assert np.abs(np.diff(output[:end, 0])).max() < steepest + np.pi / 2 / FADE_SAMPLES


def test_a_margin_that_is_not_there_cannot_shrink():
    rig = Rig(256, 96)
    assert not rig.worker.shrink_margin()


def test_the_device_is_written_off_when_it_has_played_all_the_silence():
    rig = Rig(256, 96, {60: 20.0})
    rig.worker.start()
    deadline = time.monotonic() + SECONDS_WAITED
    while rig.worker.stream.is_active and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not rig.worker.stream.is_active
    rig.worker.stop()
