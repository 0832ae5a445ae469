"""What the engine shows of itself arrives whole, in order and once, however readers and engines come and go."""

from types import SimpleNamespace

import numpy as np
import pytest
from sounds import noise

from lamina.plugin.host.wire import telemetry
from lamina.plugin.host.wire.telemetry import (
    BLOCKS,
    FRAMES,
    SOUND_SAMPLES,
    TelemetryReader,
    TelemetryWriter,
    make_shared_file,
)
from lamina.plugin.parameters.control_track import Moved
from lamina.plugin.stream.reports import FrameReport

RATE, BLOCK = 48_000, 256


class Engine:
    """What an engine does to telemetry, without one. `sound` is all that went in and came out, `[4, n]`."""

    def __init__(self, memory, seed=0, board_samples=0, rate=RATE):
        self.writer = TelemetryWriter(memory)
        self.state = self.writer.state
        self.state["sample_rate"], self.state["block"], self.state["width"] = rate, BLOCK, 2
        self.state["board_samples"] = board_samples
        self.sound = np.zeros((4, 0), np.float32)
        self.seed = seed

    def play(self, n_samples, block=BLOCK):
        fresh = noise(4, n_samples, self.seed + self.sound.shape[1])
        self.sound = np.concatenate([self.sound, fresh], 1)
        for start in range(0, n_samples, block):
            part = fresh[:, start : start + block]
            self.writer.add_sound(part[:2], part[2:])
            self.writer.add_block(1e-3, part.shape[1])
        self.writer.publish()


@pytest.fixture
def memory():
    return make_shared_file()


def joined(parts):
    return np.concatenate([part.input for part in parts], 1), np.concatenate([part.output for part in parts], 1)


@pytest.mark.parametrize("board_samples", [0, 958])
def test_a_reader_gets_every_sample_once_with_the_input_as_late_as_the_board(memory, board_samples):
    engine, reader = Engine(memory, board_samples=board_samples), TelemetryReader(memory)
    heard = []
    # Far enough to go round the memory more than twice, in turns that fit its length nowhere.
    for n_samples in np.random.default_rng(0).integers(1, 20_000, 60):
        engine.play(int(n_samples))
        heard.append(reader.take())
    taken, played = joined(heard)
    assert engine.sound.shape[1] > 2 * SOUND_SAMPLES
    np.testing.assert_array_equal(played, engine.sound[2:])
    late = np.pad(engine.sound[:2], ((0, 0), (board_samples, 0)))[:, : played.shape[1]]
    np.testing.assert_array_equal(taken, late)
    assert sum(int(part.block_samples.sum()) for part in heard) == engine.sound.shape[1]
    assert reader.take().output.shape == (2, 0)


@pytest.mark.parametrize("board_samples", [0, 958])
def test_a_reader_that_slept_gets_the_newest_without_a_gap_and_goes_on(memory, board_samples):
    engine, reader = Engine(memory, board_samples=board_samples), TelemetryReader(memory)
    engine.play(1000)
    reader.take()
    engine.play(3 * SOUND_SAMPLES + 77, block=4096)
    heard = reader.take()
    n_kept = heard.output.shape[1]
    assert SOUND_SAMPLES // 2 < n_kept < SOUND_SAMPLES
    engine.play(500)
    taken, played = joined([heard, reader.take()])
    np.testing.assert_array_equal(played, engine.sound[2:, -n_kept - 500 :])
    end = engine.sound.shape[1] - board_samples
    np.testing.assert_array_equal(taken, engine.sound[:2, end - n_kept - 500 : end])


def test_blocks_and_frames_of_a_reader_that_slept_are_the_newest_in_order(memory):
    engine, reader = Engine(memory), TelemetryReader(memory)
    for index in range(2 * BLOCKS + 5):
        engine.writer.add_block(index, BLOCK)
    for index in range(2 * FRAMES + 5):
        engine.writer.add_frame(report(index))
    engine.writer.publish()
    heard = reader.take()
    np.testing.assert_array_equal(heard.block_seconds, np.arange(2 * BLOCKS + 5)[-BLOCKS // 2 :])
    assert [frame.index for frame in heard.frames] == list(range(2 * FRAMES + 5))[-FRAMES // 2 :]
    engine.writer.add_frame(report(7))
    engine.writer.publish()
    assert [frame.index for frame in reader.take().frames] == [7]


def report(index, n_channels=2, layers=5):
    random = np.random.default_rng(index)
    codes = random.integers(0, 1024, (n_channels, layers)).astype(np.uint16)
    energy, levels = random.random((n_channels, layers), np.float32), random.random((2, n_channels), np.float32)
    moved = Moved(-100 - index, (float(index), 0.5), (index / 7,), (0.25,)) if index % 2 else None
    seconds, counts = float(index) / 1000, (layers, index % layers)[:n_channels]
    return FrameReport(index, layers, codes, energy, levels[0], levels[1], seconds, 7 * index, moved, counts)


@pytest.mark.parametrize(("n_channels", "layers"), [(1, 1), (2, 24)])
def test_a_frame_arrives_as_it_was_reported(memory, n_channels, layers):
    engine, reader = Engine(memory), TelemetryReader(memory)
    for index in range(3):
        engine.writer.add_frame(report(100 + index, 2, 24))
    engine.writer.add_frame(report(3, n_channels, layers))
    engine.writer.publish()
    (*_, found), sent = reader.take().frames, report(3, n_channels, layers)
    for name in ("index", "layers", "codes", "layer_energy", "input_rms", "output_rms", "seconds", "bits", "counts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(sent, name))
    assert found.moved == sent.moved


def test_where_a_frame_began_is_counted_from_the_engines_start(memory):
    engine, reader = Engine(memory), TelemetryReader(memory)
    engine.play(1000)
    engine.writer.add_frame(report(3))
    engine.writer.add_frame(report(4))
    engine.writer.publish()
    moving, still = reader.take().frames
    assert moving.moved.begins == 1000 - 103 and still.moved is None


def test_a_mono_sound_is_shown_once(memory):
    engine, reader = Engine(memory), TelemetryReader(memory)
    engine.state["width"] = 1
    engine.play(1000)
    heard = reader.take()
    np.testing.assert_array_equal(heard.output, engine.sound[2:3])
    np.testing.assert_array_equal(heard.input, engine.sound[:1])


def test_a_stream_that_begins_anew_shows_nothing_of_the_one_before(memory):
    engine, reader = Engine(memory, board_samples=958), TelemetryReader(memory)
    engine.play(5000)
    reader.take()
    engine.play(300)
    engine.writer.begin_stream()
    engine.state["sample_rate"] = 44_100
    engine.play(2000)
    heard = reader.take()
    assert heard.sample_rate == 44_100
    np.testing.assert_array_equal(heard.output, engine.sound[2:, -2000:])
    assert not heard.input[:, :958].any()
    np.testing.assert_array_equal(heard.input[:, 958:], engine.sound[:2, 5300 : 7300 - 958])


@pytest.mark.parametrize("n_read", [100, 5000, 50_000])
def test_an_engine_that_follows_a_dead_one_is_heard_from_its_beginning(memory, n_read):
    old, reader = Engine(memory), TelemetryReader(memory)
    old.play(n_read)
    old.writer.add_frame(report(0))
    old.writer.publish()
    reader.take()
    new = Engine(memory, seed=1)
    new.play(20_000)
    for index in range(3):
        new.writer.add_frame(report(index))
    new.writer.publish()
    heard = reader.take()
    np.testing.assert_array_equal(heard.output, new.sound[2:])
    assert [frame.index for frame in heard.frames] == [0, 1, 2]
    assert int(heard.block_samples.sum()) == 20_000


def test_who_forgets_gets_only_what_comes(memory):
    engine, reader = Engine(memory), TelemetryReader(memory)
    engine.play(5000)
    engine.writer.add_frame(report(0))
    engine.writer.publish()
    reader.forget()
    engine.play(700)
    heard = reader.take()
    np.testing.assert_array_equal(heard.output, engine.sound[2:, -700:])
    assert heard.frames == () and int(heard.block_samples.sum()) == 700


class Clock:
    """Time as telemetry sees it: a tenth of a millisecond passes at each look, and more when told."""

    def __init__(self):
        self.now, self.n_looks, self.on_look = 0.0, 0, lambda n_looks: None

    def monotonic(self):
        self.n_looks += 1
        self.on_look(self.n_looks)
        self.now += 1e-4
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(telemetry, "time", clock)
    return clock


def test_a_look_in_the_middle_of_writing_waits_for_the_end(memory, clock):
    engine, reader = Engine(memory), TelemetryReader(memory)
    engine.play(1000)
    inside = engine.writer._memory
    inside["sequence"] += 1
    inside["state"]["n_processed"] = 123_456  # half of what is being written

    def finish(n_looks):
        if n_looks == 5:
            inside["state"] = engine.state
            inside["sequence"] += 1

    clock.on_look = finish
    assert int(reader.state()["n_processed"]) == 1000


class WrittenMeanwhile:
    """The reader's memory, whose copies are half old and half new.

    So many times, the engine writes while its state is being copied.
    """

    def __init__(self, memory, writer, n_times):
        self._memory, self._writer, self.n_left = memory, writer, n_times

    def __getitem__(self, name):
        found = self._memory[name]
        if name != "state" or not self.n_left:
            return found
        self.n_left -= 1
        old = int(found["n_processed"])
        for field in ("n_processed", "n_frames"):
            self._writer.state[field] += 1
        self._writer.publish()
        mixed = found.copy()
        mixed["n_processed"] = old
        return SimpleNamespace(copy=lambda: mixed)


@pytest.mark.parametrize("n_times", [1, 3])
def test_a_copy_in_which_two_moments_mix_is_thrown_away(memory, clock, n_times):
    engine, reader = Engine(memory), TelemetryReader(memory)
    engine.writer.publish()
    reader._memory = WrittenMeanwhile(reader._memory, engine.writer, n_times)
    state = reader.state()
    assert reader._memory.n_left == 0
    assert (int(state["n_processed"]), int(state["n_frames"])) == (n_times, n_times)


class Watched:
    """The writer's memory, and which numbers stood there while the state was being written."""

    def __init__(self, memory):
        self._memory, self.sequences = memory, []

    def __getitem__(self, name):
        return self._memory[name]

    def __setitem__(self, name, value):
        if name == "state":
            self.sequences.append(int(self._memory["sequence"]))
        self._memory[name] = value


def test_the_number_is_odd_only_while_the_state_is_written_and_new_each_time(memory):
    writer = Engine(memory).writer
    watched = writer._memory = Watched(writer._memory)
    rested = []
    for _ in range(3):
        writer.publish()
        rested.append(int(watched["sequence"]))
    assert [number % 2 for number in watched.sequences] == [1, 1, 1]
    assert [number % 2 for number in rested] == [0, 0, 0] and len(set(rested)) == 3


def test_an_engine_that_died_while_it_wrote_leaves_readable_state_and_no_trace(memory, clock):
    old, reader = Engine(memory), TelemetryReader(memory)
    old.play(1000)
    old.writer._memory["sequence"] += 1  # as the first of the two steps in which the state is written leaves it
    assert int(reader.state()["n_processed"]) == 1000
    assert clock.now < 1.0
    new = Engine(memory, seed=1)
    new.play(300)
    clock.n_looks = 0
    np.testing.assert_array_equal(reader.take().output, new.sound[2:])
    assert clock.n_looks == 1, "readers wait for the dead engine to finish"
