"""On a real sound server, with other programs playing in and recording, every sample is accounted for.

The engine's worker is asynchronous, so this runs at real pace, and a busy machine may be late; then the engine says so,
and only there may the sound differ.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from jack_server import JackServer, require_jack

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.device.playout import FADE_SAMPLES

RATE = 48_000
SECONDS = 2.5
WAITED_SECONDS = 120  # a bound for busy machines, not a speed that is promised
PEER = Path(__file__).parents[2] / "helpers" / "jack_peer.py"
HEARD_SECONDS = 0.25
"""Longest time for which an earlier stretch that was late or lost may still be heard through the codec's memory."""


@pytest.fixture
def server(request, monkeypatch):
    require_jack()
    with JackServer(getattr(request, "param", 256)) as running:
        for name in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER"):
            monkeypatch.setenv(name, running.environment[name])
        yield running


@pytest.fixture
def engine():
    with LiveEngine(opens=False) as running:
        yield running


def go_live(engine, board, buffer):
    """Everything that was asked for has happened."""
    for answer in (
        engine.set_devices(DeviceSettings(buffer=buffer)),
        engine.set_board("A", board),
        engine.set_live(True),
    ):
        answer.result(WAITED_SECONDS)
    opened = [event for event in engine.take_events() if event["event"] == "opened"]
    assert opened and "system" in opened[-1]["output"], "the engine did not open the JACK server's device"


def reported_delay(engine):
    return round(sum(seconds for _, seconds in engine.latency().result(WAITED_SECONDS)) * RATE)


class Heard:
    """What other programs played and recorded, from the stream's beginning on.

    And what the engine took in meanwhile.
    """

    def __init__(self, engine, folder, seconds=SECONDS):
        command = [sys.executable, str(PEER), str(folder), str(seconds)]
        peer = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL)
        taken, self.late, self.has_margin_grown = [], [], False
        try:
            while peer.poll() is None:
                time.sleep(0.05)
                taken.append(engine.telemetry.take().input)
                for event in engine.take_events():
                    if event["event"] == "late":
                        self.late.append(event)
                    self.has_margin_grown |= event["event"] == "margin"
        finally:
            peer.kill()
        assert peer.wait() == 0
        self.played, self.recorded = (np.load(folder / f"{name}.npy") for name in ("played", "recorded"))
        # Where the noise began in the engine's time, and so where in a codec frame.
        taken = np.concatenate([block for block in taken if block.shape[0] == 2], 1)
        self.n_before = int(np.flatnonzero(taken.any(0))[0]) - engine_delay(engine)


def engine_delay(engine):
    """Telemetry shows the input as late as the board's output."""
    return int(engine.telemetry.state()["board_samples"])


def lag_of(played, recorded):
    size = 1 << int(np.ceil(np.log2(len(played) + len(recorded))))
    spectrum = np.fft.rfft(played[:, 0], size).conj() * np.fft.rfft(recorded[:, 0], size)
    return int(np.argmax(np.fft.irfft(spectrum, size)))


def check_deviations(heard, delay, reference, tolerance, n_memory):
    """Where recorded and reference differ, the engine said that it was late, and there the sound fades."""
    recorded = heard.recorded[delay : delay + len(reference)]
    wrong = np.flatnonzero(np.abs(recorded - reference).max(1) > tolerance)
    if not heard.late:
        assert len(wrong) == 0, f"{len(wrong)} samples differ from {wrong[:1]} on, and nothing was reported late"
        return
    print(f"{len(heard.late)} late stretches, {len(wrong)} samples differ")
    # Stretches are counted in the engine's own time, the recording in the server's: what they explain together must
    # fit.
    allowed = sum(event["n_samples"] + FADE_SAMPLES + n_memory for event in heard.late)
    assert len(wrong) <= allowed
    assert np.abs(np.diff(recorded, axis=0)).max() <= np.abs(np.diff(reference, axis=0)).max() * 1.2, (
        "a late stretch clicks"
    )


@pytest.mark.parametrize(("server", "buffer"), [(n, n) for n in (64, 128, 256, 512, 1024)], indirect=["server"])
def test_with_an_empty_board_the_output_is_the_input_at_the_reported_delay(server, engine, tmp_path, buffer):
    go_live(engine, Board([]), buffer)
    heard = Heard(engine, tmp_path)
    delay = reported_delay(engine)
    if not heard.has_margin_grown:
        assert lag_of(heard.played, heard.recorded) == delay
        check_deviations(heard, delay, heard.played, 0.0, 0)


@pytest.mark.parametrize("mix", [1.0, 0.5])
def test_with_the_codec_the_output_is_the_offline_render_at_the_reported_delay(server, engine, tmp_path, mix):
    """At half mix too: dry and wet stand on the same sample, so nothing combs."""
    codec = NeuralCodec(layers=8, mix=mix)
    go_live(engine, Board([codec]), 256)
    heard = Heard(engine, tmp_path)
    # As much silence before it as the engine heard: frames begin where its stream began.
    n_silent = heard.n_before
    audio = np.concatenate([np.zeros((2, n_silent), np.float32), heard.played.T], 1)
    offline = codec(audio, RATE).T[n_silent:]
    assert np.abs(offline).max() > 0.05
    # 1e-4: the engine counts denormal numbers as zero and may sum in another order.
    if not heard.has_margin_grown:
        check_deviations(heard, reported_delay(engine), offline, 1e-4, round(HEARD_SECONDS * RATE))


def test_when_the_server_dies_and_comes_back_the_sound_does_too(server, engine, tmp_path):
    go_live(engine, Board([NeuralCodec()]), 256)
    server.kill()
    texts = []

    def until(is_there, what):
        deadline = time.monotonic() + WAITED_SECONDS
        while time.monotonic() < deadline:
            for event in engine.take_events():
                texts.append(event.get("text", ""))
                if is_there(event):
                    return
            time.sleep(0.02)
        pytest.fail(f"no sign of this within {WAITED_SECONDS} s: {what}")

    began = time.monotonic()
    until(lambda event: "went away" in event.get("text", ""), "a message that the device is gone")
    noticed = time.monotonic() - began
    until(lambda event: event["event"] == "opened" and event["output"] == "virtual", "playing on without a device")
    server.start()
    until(
        lambda event: event["event"] == "opened" and "system" in event["output"] and "system" in event["input"],
        "the device's return",
    )
    assert any("is back" in text for text in texts)
    print(f"noticed after {noticed:.2f} s")
    # And sound really goes through it again.
    heard = Heard(engine, tmp_path, 1.0)
    assert np.abs(heard.recorded).max() > 0.05


PROGRAM = """
import json, sys, threading, time
import numpy as np
from lamina.plugin.host.device import streams
from lamina.plugin import Board
from lamina.plugin.call.effect import Effect
from lamina.plugin.host.engine.engine import Engine
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.wire.telemetry import TelemetryReader, TelemetryWriter, make_shared_file

class Stalling(Effect):
    # One stall, too short to be taken for a failure.
    n = 0
    def process(self, input_array, sample_rate, buffer_size=8192, reset=True):
        self.n += bool(input_array.any())
        if self.n == 100:
            time.sleep(0.06)
        return input_array
    def reset(self):
        pass

streams.has_rtmixer = lambda: sys.argv[1] == "rtmixer"
memory, events = make_shared_file(), []
engine, reader = Engine(TelemetryWriter(memory), events.append), TelemetryReader(memory)
engine.set_board("A", Board([Stalling()] if sys.argv[2] == "stalls" else []))
engine.prefer(DeviceSettings(buffer=256), is_live=True)
engine.ensure_open()
print(round(sum(seconds for _, seconds in engine.latency()) * 48000), flush=True)
is_over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), is_over.set())).start()
taken = []
while not is_over.is_set():
    engine.watch()
    taken.append(reader.take().input)
    time.sleep(0.02)
taken = np.concatenate([block for block in taken if block.shape[0] == 2], 1)
state = reader.state()
began = int(np.flatnonzero(taken.any(0))[0]) if taken.any() else 0
own = int(state["buffer_samples"]) + int(state["margin_samples"])
engine.close()
engine.watch()
print(json.dumps({"events": events, "began": began, "own": own}), flush=True)
"""


class Told:
    """An engine in a program of its own, which tells everything at its end; `callback` is "rtmixer" or "plain"."""

    def __init__(self, callback, board, folder, seconds):
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, callback, board], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            self.delay = int(program.stdout.readline())
            subprocess.run(
                [sys.executable, str(PEER), str(folder), str(seconds)],
                timeout=90,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        finally:
            said, _ = program.communicate(timeout=WAITED_SECONDS)
        told = json.loads(said.splitlines()[-1])
        self.late = [event for event in told["events"] if event["event"] == "late"]
        self.texts = [event["text"] for event in told["events"] if event["event"] == "message"]
        # Where in the recording a sample of the engine's output stands.
        self.shift = self.delay - told["own"] - told["began"]
        self.played, self.recorded = (np.load(folder / f"{name}.npy") for name in ("played", "recorded"))


def test_what_comes_late_lies_where_the_engine_says_and_fades_there(server, tmp_path):
    # On a busy machine more may come late than was stalled, until the margin grows, which moves all that follows.
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        told = Told("rtmixer", "stalls", folder, 3.0)
        if told.texts == []:
            break
    assert told.late and told.texts == []
    recorded = told.recorded[told.delay : told.delay + len(told.played)]
    wrong = np.flatnonzero(np.abs(recorded - told.played).max(1) > 0)
    allowed = np.zeros(len(recorded), bool)
    for event in told.late:
        start = event["position"] + told.shift - told.delay
        allowed[max(0, start) : start + event["n_samples"] + FADE_SAMPLES] = True
    assert len(wrong) > 0.03 * RATE
    assert allowed[wrong].all(), f"samples {wrong[~allowed[wrong]][:5]} differ outside of {told.late}"
    # Before the gap the sound dies away over FADE_SAMPLES, and it comes back over as many.
    first = int(wrong[0])
    level = float(np.sqrt(np.mean(np.square(told.played))))
    envelope = np.sqrt(np.mean(np.square(recorded[first - 64 : first + FADE_SAMPLES].reshape(-1, 64, 2)), (1, 2)))
    assert envelope[0] > 0.7 * level > envelope[1] * 0.7 and envelope[-1] < 0.25 * level
    assert (np.diff(envelope) < 0.1 * level).all()
    assert not recorded[first + FADE_SAMPLES : first + FADE_SAMPLES + 256].any()


def test_without_rtmixer_a_plain_callback_plays_the_same(server, tmp_path):
    """Its callback needs the interpreter, so it may come late; without that, not a sample differs."""
    told = Told("plain", "empty", tmp_path, 2.0)
    assert lag_of(told.played, told.recorded) == told.delay
    if not told.late:
        np.testing.assert_array_equal(told.recorded[told.delay : told.delay + len(told.played)], told.played)
