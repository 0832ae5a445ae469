"""Playing: aligned to the sample, no click at seeks and loops, exact loop lengths, and every thread ends."""

import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import demo, lag_samples, noise

from lamina.dsp.resample import StreamingResampler
from lamina.gui.model.converted_clip import ConvertedClip
from lamina.gui.model.player import Player, PlayState
from lamina.gui.model.ring import SampleRing
from lamina.gui.model.sinks import FADE_SAMPLES, Drain, SilentClockSink
from lamina.plugin import NeuralCodec
from lamina.plugin.host.clip_reader import ClipReader, Region

RATE = 24000
PATIENCE_SECONDS = 30  # a bound for busy machines, not a speed that is promised


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def hurried_clock():
    """Twenty times real time: the silent clock waits for the codec, so nothing is lost by hurrying."""
    return 20 * time.monotonic()


@pytest.fixture
def player():
    player = Player(hurried_clock)
    yield player
    player.close()
    assert not any(thread.name == "lamina-player" for thread in threading.enumerate())


def steepest(samples):
    return float(np.abs(np.diff(samples)).max())


# The read head.


@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=30), start=st.integers(0, 900), length=st.integers(300, 2000))
def test_a_loop_has_its_exact_length(sizes, start, length):
    ramp = np.arange(3000, dtype=np.float32)[None]
    reader = ClipReader(ramp, RATE)
    reader.loop = Region(start, start + length)
    positions = []
    for size in sizes:
        _, segments = reader.read(size)
        assert sum(s.n_samples for s in segments) == size
        positions.extend(p for s in segments for p in range(s.position, s.position + s.n_samples))
    expected = [k if k < start + length else start + (k - start) % length for k in range(len(positions))]
    assert positions == expected


def test_seeking_and_looping_make_no_step():
    tone = (0.5 * np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE)).astype(np.float32)[None]
    reader = ClipReader(tone, RATE)
    blocks = [reader.read(240)[0]]
    for place in (17000, 333, 9123):
        reader.jump(place)
        blocks.append(reader.read(1000)[0])
    reader.loop = Region(5000, 5777)
    reader.jump(5100)
    blocks.append(reader.read(5000)[0])
    sound = np.concatenate(blocks, axis=1)[0]
    # Two tones cross-faded over 240 samples: the sum's slope is theirs, plus the fade's own of at most pi / 2 / 240 per unit of difference.
    assert steepest(sound) <= 2 * steepest(tone[0]) + np.pi / 2 / 240


def test_the_end_of_a_sound_that_was_cut_off_makes_no_step():
    reader = ClipReader(np.full((1, 1000), 0.8, np.float32), RATE)
    sound = reader.read(2000)[0][0]
    assert steepest(sound) < 0.8 * np.pi / 2 / 240 * 1.1 and sound[-1] == 0.0
    assert reader.position is None


def test_an_empty_region_is_refused():
    with pytest.raises(ValueError, match="empty"):
        Region(100, 100)


# The ring and what drains it.


@given(steps=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), max_size=40))
def test_the_ring_gives_back_what_went_in(steps):
    ring, written, read = SampleRing(2, 100), 0, []
    for n_write, n_read in steps:
        n_write = min(n_write, ring.capacity - ring.n_stored)
        block = np.arange(written, written + n_write, dtype=np.float32)
        ring.write(np.stack([block, -block]))
        written += n_write
        out = np.zeros((n_read, 2), np.float32)
        n_got = ring.read_into(out)
        assert n_got == min(n_read, written - len(read))
        assert np.array_equal(out[:n_got, 0], -out[:n_got, 1])
        read.extend(out[:n_got, 0])
    assert read == list(range(len(read)))


def test_pause_resume_and_shortage_fade():
    ring = SampleRing(1, 8000)
    ring.write(np.ones((1, 6000), np.float32))
    drain, heard = Drain(ring), []

    def pull(n_samples):
        out = np.full((n_samples, 1), np.nan, np.float32)
        drain.pull(out)
        heard.append(out[:, 0])

    pull(500)
    drain.is_open = True
    pull(1000)
    drain.is_open = False
    pull(1000)
    assert drain.is_at_rest and ring.n_read == 1000 + FADE_SAMPLES
    pull(500)
    drain.is_open = True
    for _ in range(6):
        pull(1000)
    assert drain.n_shortages == 1 and drain.is_at_rest
    sound = np.concatenate(heard)
    assert np.all(np.isfinite(sound)) and steepest(sound) <= 1.01 / FADE_SAMPLES * 2
    assert sound.max() == 1.0 and sound[0] == sound[-1] == 0.0


@pytest.mark.parametrize("n_block", [1, 32, 64, 255, 256, 1000])
def test_fades_are_as_long_whatever_the_output_asks_for_at_a_time(n_block):
    ring = SampleRing(2, 20000)
    drain, heard = Drain(ring), []

    def pull(n_samples):
        for start in range(0, n_samples, n_block):
            out = np.full((min(n_block, n_samples - start), 2), np.nan, np.float32)
            drain.pull(out)
            heard.append(out[:, 0])

    def write(n_samples):
        ring.write(np.ones((2, n_samples), np.float32))

    write(4000)
    for is_open, n_samples in ((True, 1000), (False, 100), (True, 1000), (False, 1000), (False, 100), (True, 2500)):
        drain.is_open = is_open
        pull(n_samples)
    assert drain.n_shortages == 1 and drain.is_at_rest and not drain.is_open
    pull(100)
    # Once the player has collected sound again and opens, what dies away and what comes may overlap.
    write(300)
    drain.is_open = True
    pull(1000)
    sound = np.concatenate(heard)
    assert np.all(np.isfinite(sound)) and sound.max() == pytest.approx(1.0) and sound[-1] == 0.0
    # A straight fade has steps of 1 / FADE_SAMPLES; rounding in float32 adds next to nothing.
    assert steepest(sound) <= 1.01 / FADE_SAMPLES


def test_the_silent_clock_drains_at_its_pace_and_waits_for_late_sound():
    now = [0.0]
    ring = SampleRing(1, RATE)
    sink = SilentClockSink(ring, RATE, lambda: now[0])
    ring.write(np.zeros((1, RATE // 2), np.float32))
    sink.start()
    sink.drain.is_open = True
    for _ in range(10):
        now[0] += 0.01
        sink.service()
    assert ring.n_read == pytest.approx(0.1 * RATE, abs=1)
    now[0] += 10.0
    sink.service()
    assert ring.n_read == RATE // 2 and sink.drain.n_shortages == 0


@pytest.mark.parametrize(("from_rate", "to_rate"), [(44100, 48000), (48000, 44100), (8000, 48000), (96000, 48000), (22050, 44100)])
def test_a_clip_converted_where_it_is_read_is_the_whole_clip_converted(from_rate, to_rate):
    sound = noise(2, int(2.7 * from_rate))
    clip = ConvertedClip(sound, from_rate, to_rate)
    half_second = np.zeros((2, from_rate // 2), np.float32)
    whole = StreamingResampler(2, from_rate, to_rate).push(np.concatenate([sound, half_second], axis=1))
    assert clip.shape == (2, round(2.7 * to_rate))
    # Rounding in float64 may differ with the way the sums are grouped, and ends in float32's last place.
    for start, stop in ((0, 480), (to_rate - 7, to_rate + 9), (2 * to_rate, clip.shape[1]), (0, clip.shape[1]), (5, 5)):
        assert np.allclose(clip[:, start:stop], whole[:, start:stop], rtol=0, atol=1e-6)
    places = np.array([3, 4, 5, 5, 4, 3]) + to_rate - 4
    assert np.allclose(clip[:, places], whole[:, places], rtol=0, atol=1e-6)


def test_playing_a_long_clip_at_another_rate_begins_at_once_and_holds_little():
    clip = ConvertedClip(np.zeros((1, 8000 * 3600), np.float32), 8000, 48000)
    tracemalloc.start()
    try:
        for start in range(0, clip.shape[1], clip.shape[1] // 20):
            assert clip[:, start : start + 480].shape == (1, 480)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000, "an hour at 48 kHz would be 690 MB"


# The whole player, with the real codec.


def test_input_and_output_are_shown_aligned_to_the_sample(player):
    sound = demo(0, RATE, 1.0)
    # Bypassed, the codec gives back its input bit for bit, later by its latency: what is shown must be equal.
    player.set_codec(NeuralCodec(bypass=True))
    player.load(sound, RATE)
    player.play()
    blocks = []
    wait_until(lambda: blocks.extend(player.heard()[0]) or sum(b.input.shape[1] for b in blocks) > RATE // 2)
    heard_input = np.concatenate([b.input for b in blocks], axis=1)
    heard_output = np.concatenate([b.output for b in blocks], axis=1)
    assert np.array_equal(heard_input, heard_output)
    assert np.abs(heard_input).max() > 0
    assert sum(len(b.reports) for b in blocks) == pytest.approx(heard_input.shape[1] / 320, abs=3)


def test_the_place_shown_is_the_place_heard():
    now = [0.0]
    player = Player(lambda: now[0])
    codec = NeuralCodec(bypass=True)
    player.set_codec(codec)
    # Each sample holds its own number: what the output has received last tells which place is heard.
    ramp = (np.arange(RATE, dtype=np.float32) / RATE)[None]
    try:
        player.load(ramp, RATE)
        player.play()
        blocks = []

        def half_a_second_was_heard():
            now[0] += 0.01
            blocks.extend(player.heard()[0])
            return len(blocks) > 50

        wait_until(half_a_second_was_heard)

        def is_settled():
            n_read = player._playback._ring.n_read
            time.sleep(0.05)
            blocks.extend(player.heard()[0])
            return player._playback._ring.n_read == n_read

        wait_until(is_settled)
        # The clock stands still now. A block of 10 ms is handed on when its last sample has been drained.
        heard = float(blocks[-1].output[0, -1])
        assert heard > 0.3 and player.position_seconds == pytest.approx(heard, abs=0.0101)
    finally:
        player.close()


def test_it_plays_to_the_end_and_returns(player):
    player.set_codec(NeuralCodec())
    player.load(demo(1, RATE, 0.6), RATE)
    seen = []
    player.play()
    wait_until(lambda: player.state is PlayState.PLAYING)
    wait_until(lambda: seen.append(player.position_seconds) or player.state is PlayState.STOPPED)
    assert max(seen) > 0.5 and player.position_seconds == 0.0
    assert player.n_shortages == 0


def test_pause_keeps_the_place_and_seek_changes_it(player):
    player.set_codec(NeuralCodec())
    player.load(demo(0, RATE, 5.0), RATE)
    player.play()
    wait_until(lambda: player.position_seconds > 0.2)
    player.pause()
    wait_until(lambda: player.state is PlayState.PAUSED and player._playback.sink.drain.is_at_rest)
    place = player.position_seconds
    time.sleep(0.05)
    assert player.position_seconds == place
    player.seek(4.0)
    wait_until(lambda: player.position_seconds == 4.0)
    player.play()
    wait_until(lambda: 4.0 < player.position_seconds < 5.0)
    player.seek(1.0)
    wait_until(lambda: 1.0 < player.position_seconds < 4.0)
    player.stop()
    wait_until(lambda: player.state is PlayState.STOPPED and player.position_seconds == 0.0)


def test_a_loop_goes_round_until_it_is_taken_off(player):
    player.set_codec(NeuralCodec(layers=1))
    player.load(demo(0, RATE, 3.0), RATE)
    player.set_loop((1.0, 1.3))
    player.seek(1.0)
    wait_until(lambda: player.position_seconds == 1.0)
    player.play()
    places, rounds = [1.0], 0

    def went_round_three_times():
        nonlocal rounds
        place = player.position_seconds
        rounds += place < places[-1] - 0.1
        places.append(place)
        return rounds >= 3

    wait_until(went_round_three_times)
    assert min(places) >= 1.0 and max(places) <= 1.3
    player.set_loop(None)
    wait_until(lambda: player.position_seconds > 1.5)


@pytest.fixture
def received(monkeypatch):
    """What the output gets, block by block `[n, channels]`."""
    blocks, pull = [], Drain.pull

    def recording_pull(drain, out):
        pull(drain, out)
        blocks.append(out.copy())

    monkeypatch.setattr(Drain, "pull", recording_pull)
    return blocks


@pytest.mark.parametrize(("rate", "item"), [(44100, 0), (8000, 1)])
def test_the_output_receives_the_offline_rendering_sample_for_sample(player, received, rate, item):
    sound = demo(item, rate, 2.0)
    player.set_codec(NeuralCodec(layers=6))
    player.load(sound, rate)
    player.play()
    wait_until(lambda: player.state is PlayState.PLAYING)
    wait_until(lambda: player.state is PlayState.STOPPED)
    got = np.concatenate(received).T
    # The fade-in at the beginning, and the clip's end that is mirrored so that it makes no step, are the player's own.
    first, last = FADE_SAMPLES, sound.shape[1] - rate // 20
    expected = NeuralCodec(layers=6)(sound, rate)[:, first:last]
    lag = lag_samples(expected[0], got[0])
    assert np.array_equal(got[:, lag : lag + last - first], expected)


def test_no_gesture_makes_the_output_step(player, received):
    codec = NeuralCodec()
    player.set_codec(codec)
    tone = (0.3 * np.sin(2 * np.pi * 220 * np.arange(4 * RATE) / RATE)).astype(np.float32)[None]
    player.load(tone, RATE)
    for gesture in (
        player.play,
        lambda: player.seek(2.5),
        player.pause,
        player.play,
        lambda: setattr(codec, "bypass", True),
        lambda: player.set_loop((1.0, 1.11)),
        lambda: setattr(codec, "bypass", False),
        lambda: player.seek(1.05),
        lambda: codec.set_parameters({"layers": 1, "mix": 0.5}),
        lambda: player.set_loop(None),
        player.stop,
        player.play,
        lambda: codec.set_parameters({"layers": 24, "mix": 1.0, "output_gain_db": -6.0}),
        player.pause,
    ):
        gesture()
        time.sleep(0.02)
    wait_until(lambda: player.state is PlayState.PAUSED and player._playback.sink.drain.is_at_rest)
    got = np.concatenate(received)[:, 0]
    assert np.abs(got).max() > 0.2
    # As for the turned knob below: the moves change the signal itself a little, a click is many times larger.
    plain = max(steepest(NeuralCodec(layers=n)(tone, RATE)[0, RATE // 10 :]) for n in (1, 8, 24))
    assert steepest(got) <= 1.25 * plain


def test_turning_the_bitrate_while_it_plays_makes_no_click(player):
    codec = NeuralCodec(layers=24)
    player.set_codec(codec)
    tone = (0.3 * np.sin(2 * np.pi * 220 * np.arange(4 * RATE) / RATE)).astype(np.float32)[None]
    player.load(tone, RATE)
    player.play()
    blocks, layers = [], iter([1, 24, 2, 16, 3, 8] * 20)

    def enough():
        new, _ = player.heard()
        blocks.extend(new)
        if new:
            codec.layers = next(layers)
        return sum(b.output.shape[1] for b in blocks) > 2 * RATE

    wait_until(enough)
    turned = np.concatenate([b.output for b in blocks], axis=1)[0, RATE // 10 :]
    assert len({r.layers for b in blocks for r in b.reports}) > 3
    # A turned knob changes the signal itself, so steps may differ a little from any unturned rendering; a click is many times larger.
    unturned = max(steepest(NeuralCodec(layers=n)(tone, RATE)[0, RATE // 10 :]) for n in (1, 2, 3, 8, 16, 24))
    assert steepest(turned) <= 1.25 * unturned


def test_an_output_that_refuses_is_told_and_playing_goes_on_silently(player, monkeypatch):
    from lamina.gui.model import player as module
    from lamina.gui.model.outputs import Output

    class Refusing(SilentClockSink):
        def __init__(self, ring, sample_rate, *_rest):
            super().__init__(ring, sample_rate)

        def start(self):
            raise OSError("The output Tin can can't be opened.")

    monkeypatch.setattr(module, "SoundDeviceSink", Refusing)
    monkeypatch.setattr(module, "supports", lambda *_: True)
    player.set_codec(NeuralCodec())
    player.set_output(Output("Tin can", 7))
    player.load(demo(0, RATE, 2.0), RATE)
    player.play()
    wait_until(lambda: player.position_seconds > 0.1)
    assert "Tin can" in player.take_trouble()


def test_a_rate_the_output_refuses_is_converted(player, received, monkeypatch):
    from lamina.gui.model import player as module
    from lamina.gui.model.outputs import Output

    monkeypatch.setattr(module, "SoundDeviceSink", lambda ring, rate, *_: SilentClockSink(ring, rate, hurried_clock))
    monkeypatch.setattr(module, "supports", lambda *_: False)
    player.set_codec(NeuralCodec())
    player.set_output(Output("Studio", 1, default_rate=48000))
    player.load(demo(0, RATE, 1.0), RATE)
    player.play()
    seen = []
    wait_until(lambda: player.state is PlayState.PLAYING)
    wait_until(lambda: seen.append(player.position_seconds) or player.state is PlayState.STOPPED)
    assert player.sample_rate == 48000 and max(seen) == pytest.approx(1.0, abs=0.1)
    got = np.concatenate(received).T
    expected = NeuralCodec()(ConvertedClip(demo(0, RATE, 1.0), RATE, 48000)[:, :], 48000)[:, FADE_SAMPLES : 48000 * 9 // 10]
    lag = lag_samples(expected[0], got[0])
    assert np.array_equal(got[:, lag : lag + expected.shape[1]], expected)


def test_a_codec_that_fails_stops_playing_and_says_so(player):
    codec = NeuralCodec()
    player.set_codec(codec)
    player.load(demo(0, RATE, 2.0), RATE)

    def broken(_report):
        raise RuntimeError("the frame went missing")

    codec.on_report = broken
    player.play()
    troubles = []
    wait_until(lambda: troubles.append(player.take_trouble()) or any("frame went missing" in t for t in troubles))
    assert player.state is PlayState.STOPPED
