"""While two ends talk, one can be muted, wait longer for packets, send larger ones, and record what it hears."""

import asyncio

import numpy as np
import pytest
from line_rig import cheap_line, silence
from sounds import demo

pytest.importorskip("aiortc", reason="the extra [line] is not installed")

from line_peers import run, slow_motion, two_peers, until  # noqa: F401 - a fixture

import lamina
from lamina import NeuralCodec
from lamina.line import ArraySink, ArraySource, LineSettings
from lamina.plugin.files.sound import AudioFileError
from lamina.plugin.line.receiver import LineReceiver

RATE = 24_000

pytestmark = pytest.mark.usefixtures("slow_motion")


def speech(seconds):
    return np.tile(0.5 * demo(1, RATE, 2.0)[:1], (1, round(seconds / 2)))


def loudness(sink, seconds=0.5):
    tail = sink.samples[:, -round(seconds * RATE) :]
    return float(np.sqrt(np.mean(tail**2))) if tail.size else 0.0


def test_who_is_muted_is_not_heard_until_that_ends():
    sink, sent = ArraySink(), []

    async def talk():
        here = {"source": ArraySource(speech(40), RATE), "settings": LineSettings(name="Ada", is_muted=True)}
        async with two_peers(here, {"sink": sink}) as (one, other):
            one.sender.on_sound = sent.append
            await until(lambda: other.receiver is not None and other.receiver.counts.played > 100)
            assert one.status().is_muted
            assert not np.concatenate(sent, 1).any()
            assert np.abs(sink.samples).max() < 1e-4
            one.mute(False)
            await until(lambda: loudness(sink) > 0.02)
            assert not one.status().is_muted
            one.mute(True)
            await until(lambda: loudness(sink) < 1e-4)
            assert one.state == other.state == "talking"

    run(talk())
    # Neither change is a click: no step is larger than those of the speech itself.
    sound = np.concatenate(sent, 1)[0]
    assert np.abs(np.diff(sound)).max() <= 1.05 * np.abs(np.diff(speech(2)[0])).max()
    assert np.flatnonzero(sound)[0] > 0.5 * RATE


def test_what_is_heard_is_recorded_beside_its_sink(tmp_path):
    sink, file = ArraySink(), tmp_path / "take.wav"

    async def talk():
        here = {"source": ArraySource(speech(2), RATE)}
        async with two_peers(here, {"sink": sink, "settings": LineSettings(recording=file)}) as (_, other):
            assert not (await other.wait_ended()).is_failure
            assert other.recording.path == file

    run(talk())
    recorded = lamina.read_audio(file).samples
    n = min(recorded.shape[1], sink.samples.shape[1])
    assert n > RATE
    step = 2.0**-23  # of 24 bits
    assert np.abs(recorded[:, :n] - sink.samples[:, :n]).max() <= step


def test_a_recording_overwrites_nothing_and_says_so_before_anybody_is_met(tmp_path):
    file = tmp_path / "take.wav"
    file.write_bytes(b"mine")

    async def talk():
        with pytest.raises(AudioFileError, match="exists already"):
            async with lamina.line.offer(sink=ArraySink(), settings=LineSettings(recording=file)):
                pass

    asyncio.run(talk())
    assert file.read_bytes() == b"mine"


def test_packets_get_larger_and_smaller_while_sound_flows():
    sink = ArraySink()

    async def talk():
        here = {"source": ArraySource(speech(60), RATE), "settings": LineSettings(adaptive=False)}
        async with two_peers(here, {"sink": sink}) as (one, other):
            await until(lambda: one.status().sent.packets_per_second > 70)
            one.use_frames_per_packet(4)
            await until(lambda: one.status().sent.packets_per_second < 20)
            one.use_frames_per_packet(2)
            await until(lambda: 30 < one.status().sent.packets_per_second < 40)
            for wrong in (0, 5, 1.5, True):
                with pytest.raises(ValueError, match="from 1 to 4"):
                    one.use_frames_per_packet(wrong)
            assert one.settings.frames_per_packet == 2
            assert other.state == "talking"

    run(talk())


def test_the_buffer_becomes_what_is_chosen_and_follows_the_link_again_after_that():
    sender, receiver = cheap_line()
    depths = {}
    for index in range(6000):
        now = index / 100
        if now in (15, 30, 45):
            receiver.use_buffer({15: 150.0, 30: 60.0, 45: None}[now])
        for data in sender.push(silence(0, 240), now):
            receiver.receive(data, now)
        receiver.pull(240, now)
        depths[now] = receiver.buffer_ms
    block_ms = 10  # of the sender's and the sink's blocks, and the margin, come on top
    assert depths[14] < 35
    assert depths[29] == pytest.approx(150 + block_ms, abs=10)
    assert depths[44] == pytest.approx(60 + block_ms, abs=10)
    assert depths[59] < 35
    # Two changes to a deeper buffer are what is concealed: nothing was lost.
    assert receiver.counts.late == 0


def test_a_buffer_is_chosen_in_the_first_moments_of_a_line():
    sender, receiver = cheap_line()
    for index in range(800):
        now = index / 100
        for data in sender.push(silence(0, 240), now):
            receiver.receive(data, now)
        receiver.pull(240, now)
        if now == 0.2:
            receiver.use_buffer(300.0)
    assert receiver.buffer_ms == pytest.approx(310, abs=10)


def test_a_buffer_out_of_range_is_refused_and_nothing_has_changed():
    codec = NeuralCodec(layers=8)
    receiver = LineReceiver(codec, cheap_line()[0].hello, RATE, buffer_ms=40)
    for wrong in (-1, 501, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 500"):
            receiver.use_buffer(wrong)
    assert receiver._buffer.fixed_ms == 40


def test_a_buffer_is_chosen_while_ends_talk():
    async def talk():
        here = {"source": ArraySource(speech(60), RATE)}
        async with two_peers(here, {"sink": ArraySink()}) as (_, other):
            other.use_buffer(200.0)
            await until(lambda: other.receiver is not None and other.status().buffer_ms > 190)
            with pytest.raises(ValueError, match="from 0 to 500"):
                other.use_buffer(900.0)
            assert other.settings.buffer_ms == 200.0

    run(talk())
