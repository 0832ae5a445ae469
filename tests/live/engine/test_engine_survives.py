"""Whatever happens to the engine's process or to the app's, the other goes on and nothing a user made is lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.host.client.live_engine import MOST_EARLY_DEATHS, LiveEngine
from lamina.plugin.host.client.process_handle import EngineError, EngineGoneError
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.transport.file_player import PlayState

VIRTUAL = DeviceSettings(input="virtual", output="virtual")
WAITED_SECONDS = 120  # a bound for busy machines, not a speed that is promised
"""For a sign of life on a busy machine. How soon it comes on an idle one is printed, and stands in the docs."""
HOG_SECONDS = 2.0


@pytest.fixture
def engine():
    with LiveEngine(opens=False) as running:
        running.set_devices(VIRTUAL).result(WAITED_SECONDS)
        yield running


def until(engine, is_so, what):
    deadline = time.monotonic() + WAITED_SECONDS
    events = []
    while time.monotonic() < deadline:
        events += engine.take_events()
        if is_so(events):
            return events
        time.sleep(0.01)
    pytest.fail(f"not within {WAITED_SECONDS} s: {what}; {events}")


def clip_seconds(engine):
    return float(engine.telemetry.state()["clip_seconds"])


def play_demo(engine, seconds=1.0):
    engine.load(demo_items()[0].path).result(WAITED_SECONDS)
    engine.set_loop((0.5, 4.5)).result(WAITED_SECONDS)
    engine.play().result(WAITED_SECONDS)
    until(engine, lambda _: clip_seconds(engine) > seconds, "the file plays")


def test_a_killed_engine_is_replaced_and_nothing_is_lost(engine, tmp_path):
    take = tmp_path / "take.wav"
    engine.set_board("B", Board([NeuralCodec(layers=3)])).result(WAITED_SECONDS)
    engine.choose_board("B").result(WAITED_SECONDS)
    play_demo(engine)
    engine.set_parameters("B", [0], {"layers": 5}).result(WAITED_SECONDS)
    engine.record(take).result(WAITED_SECONDS)
    until(engine, lambda _: float(engine.telemetry.state()["recorded_seconds"]) > 0.5, "something is recorded")
    place, process = clip_seconds(engine), engine.process_id
    os.kill(process, signal.SIGKILL)
    began = time.monotonic()
    until(
        engine, lambda events: any("ended unexpectedly" in event.get("text", "") for event in events), "the app notices"
    )
    noticed = time.monotonic() - began
    before_ready = until(
        engine, lambda events: any(event["event"] == "ready" for event in events), "another engine plays"
    )
    restarted = time.monotonic() - began
    print(f"noticed after {noticed:.2f} s, played again after {restarted:.2f} s")
    assert engine.process_id != process and engine.n_restarts == 1
    # It goes on where it was, in the loop, with the board and its settings.
    until(engine, lambda _: int(engine.telemetry.state()["n_blocks"]) > 20, "sound runs again")
    state = engine.telemetry.state()
    assert list(PlayState)[int(state["play_state"])] is PlayState.PLAYING
    assert place - 0.5 < float(state["clip_seconds"]) < 4.5
    wishes = engine.wishes()
    assert wishes["board"] == "B" and wishes["clip"]["loop"] == [0.5, 4.5]
    assert wishes["boards"]["B"]["effects"][0]["parameters"]["layers"] == 5
    frames = until_frames(engine)
    assert {frame.layers for frame in frames} == {5}
    # What was recorded can be read, and the recording goes on beside it; that is said when it is so.
    told = [event.get("text", "") for event in before_ready]
    assert any(text.startswith("The recording goes on in take 2.wav.") and str(take) in text for text in told), told
    with AudioFile(str(take)) as file:
        assert file.frames > 0.2 * file.samplerate
        assert np.abs(file.read(file.frames)).max() > 0.01
    done = engine.stop_recording().result(WAITED_SECONDS)
    assert done["path"] == str(tmp_path / "take 2.wav")
    with AudioFile(done["path"]) as file:
        assert file.frames > 0


def until_frames(engine):
    frames = []
    engine.telemetry.take()
    until(engine, lambda _: frames.extend(engine.telemetry.take().frames) or len(frames) > 10, "codec frames")
    return frames


def test_an_answer_that_will_never_come_is_an_error(engine):
    os.kill(engine.process_id, signal.SIGSTOP)
    answer = engine.slots()
    os.kill(engine.process_id, signal.SIGKILL)
    with pytest.raises(EngineGoneError):
        answer.result(WAITED_SECONDS)


def test_an_engine_that_hangs_is_ended_and_replaced(engine):
    play_demo(engine)
    process = engine.process_id
    os.kill(process, signal.SIGSTOP)
    until(engine, lambda events: any(event["event"] == "opened" for event in events), "another engine plays")
    assert engine.process_id != process


def test_an_engine_that_never_lives_is_given_up(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr("lamina.plugin.host.client.process_handle.sys.executable", "/bin/false")
    with LiveEngine(opens=False) as engine:
        events = until(engine, lambda events: any(event["event"] == "gone" for event in events), "it gives up")
        assert engine.n_restarts == MOST_EARLY_DEATHS - 1
        assert any("as soon as it is started" in event.get("text", "") for event in events + engine.take_events())
        with pytest.raises(EngineError):
            engine.slots().result(WAITED_SECONDS)


def test_the_engine_ends_with_its_app(tmp_path):
    """Even if the app is killed: no process is left behind."""
    program = "import time\nfrom lamina.plugin.host.client.live_engine import LiveEngine\ne = LiveEngine(opens=False)\n"
    program += "e.slots().result(30)\nprint(e.process_id, flush=True)\ntime.sleep(60)"
    app = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    process = int(app.stdout.readline())
    app.kill()
    app.wait()
    deadline = time.monotonic() + WAITED_SECONDS
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(process)


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_app_that_keeps_the_interpreter_to_itself_makes_nothing_late(engine):
    play_demo(engine)
    before = engine.telemetry.state()
    hog = threading.Thread(target=keep_the_interpreter, args=(HOG_SECONDS,))
    hog.start()
    hog.join()
    after = engine.telemetry.state()
    n_samples = int(after["n_processed"]) - int(before["n_processed"])
    n_late = int(after["n_late"]) - int(before["n_late"])
    print(f"{n_late} late stretches during {n_samples / int(after['sample_rate']):.2f} s")
    # The sound ran at its own pace all the while.
    assert n_samples > 0.8 * HOG_SECONDS * int(after["sample_rate"])
    # The interpreter's lock can't reach it; another program that takes both processors can: then the machine was late,
    # not the app.
    assert n_late == 0 or machine_was_busy()


def keep_the_interpreter(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(200_000))  # one call that is never interrupted


def machine_was_busy():
    return os.getloadavg()[0] > (os.cpu_count() or 1)


def test_bad_commands_are_refused_and_nothing_stops(engine, tmp_path):
    play_demo(engine)
    for answer, expected in (
        (engine.load(tmp_path / "missing.wav"), "There is no file"),
        (engine.record(tmp_path / "take.doc"), ".doc"),
        (engine.stop_recording(), "Nothing is being recorded"),
        (engine.choose_board("C"), "no board 'C'"),
        (engine.set_parameters("A", [0], {"layers": 99}), "layers is 99"),
        (engine.seek(float("nan")), "nan"),
        (engine.calibrate(), "no input"),
    ):
        with pytest.raises(EngineError, match=expected):
            answer.result(WAITED_SECONDS)
    place = clip_seconds(engine)
    until(engine, lambda _: clip_seconds(engine) != place, "the file plays on")


def test_the_first_frames_of_a_stereo_file_are_stereo(engine):
    """The board is made for the file before anything is heard of it."""
    play_demo(engine, 0.3)
    frames = engine.telemetry.take().frames
    assert frames and {len(frame.codes) for frame in frames} == {2}


def test_a_file_at_another_rate_plays_at_its_own(engine, tmp_path):
    path = tmp_path / "slow.wav"
    with AudioFile(str(path), "w", samplerate=32_000, num_channels=1) as file:
        file.write(np.random.default_rng(0).standard_normal(96_000).astype(np.float32) * 0.1)
    play_demo(engine)
    engine.load(path).result(WAITED_SECONDS)
    engine.play().result(WAITED_SECONDS)

    def plays(_events):
        state = engine.telemetry.state()
        return (
            int(state["sample_rate"]) == 32_000
            and int(state["width"]) == 1
            and 0.3 < float(state["clip_seconds"]) < 1.0
        )

    until(engine, plays, "it plays at 32 kHz")
    heard = engine.telemetry.take()
    assert heard.sample_rate == 32_000 and heard.output.shape[0] == 1
