"""Two real processes on two machines of their own, and between them a wire that loses, delays and breaks."""

import signal

import numpy as np
import pytest

pytest.importorskip("aiortc", reason="the extra [line] is not installed")

from gui_parts import write_sound
from machines import needs_machines, two_machines_on_a_bad_wire
from sounds import demo

import lamina
from lamina.plugin.codes_file.file import read_codes
from lamina.plugin.line.joining.peer import GONE_SECONDS, LOST_SECONDS

pytest_plugins = ["line_ends"]
pytestmark = [pytest.mark.slow, needs_machines]
RATE = 24_000
SECONDS = 20.0


@pytest.fixture
def speech(tmp_path):
    return write_sound(tmp_path / "speech.wav", RATE, np.tile(0.5 * demo(1, RATE, 2.0)[:1], 60))


@pytest.fixture
def joined(ends, speech, tmp_path):
    """Joins two ends over a wire: `joined(here, there)` gives both once they talk."""

    def join(here, there):
        def inside(name):
            return {"before": ("ip", "netns", "exec", name)}

        shared = ("--source", speech, "--layers", "8", "--fixed-layers")
        one = ends(
            "offer", "--listen", "10.78.0.1", "--sink", tmp_path / "one.wav", "--name", "Ada", *shared, **inside(here)
        )
        other = ends(
            "join", one.hears("invitation")["invitation"], "--sink", tmp_path / "two.wav", "--codes",
            tmp_path / "two.lamina", "--name", "Ben", *shared, **inside(there),
        )  # fmt: skip
        for end in (one, other):
            end.hears("state", state="talking")
        return one, other

    return join


def test_five_percent_loss_and_jitter_are_told_and_sound_goes_on(joined, tmp_path):
    with two_machines_on_a_bad_wire("loss=0.05", "jitter_ms=20", "delay_ms=10") as (here, there, _):
        one, other = joined(here, there)
        told = []
        while not told or told[-1]["seconds"] < SECONDS:
            told.append(other.hears("status"))
        one.process.send_signal(signal.SIGINT)
        ended = other.hears("ended")
        assert not ended["failure"], ended["reason"]
        assert other.ends()[0] == one.ends()[0] == 0
    late = told[len(told) // 2 :]
    # What a busy machine adds of its own is not bounded here: figures over such links are the simulator's.
    assert 0.005 < np.mean([status["loss"] for status in told]) < 0.4
    assert np.median([status["jitter_ms"] for status in late]) > 3
    assert all(status["round_trip_ms"] > 20 for status in late)
    assert np.median([status["buffer_ms"] for status in late]) > 15
    heard = read_codes(tmp_path / "two.lamina").codes
    assert np.mean(heard.counts[0] > 0) > 0.5, "frames that came"
    assert np.abs(lamina.read_audio(tmp_path / "two.wav").samples).max() > 0.05


def test_sound_comes_back_after_a_wire_was_cut_for_ten_seconds(joined):
    with two_machines_on_a_bad_wire("delay_ms=5") as (here, there, wire):
        _, other = joined(here, there)
        wire.cut()
        assert other.hears("state", state="interrupted")
        while other.hears("status")["unheard_seconds"] < 10:
            pass
        wire.mend()
        assert other.hears("state", state="talking")
        # In a second 75 frames are played. How soon most of them came again is the simulator's to prove.
        concealed = [0, 75]
        while concealed[-1] - concealed[-2] > 20:
            concealed.append(other.hears("status")["concealed"])


def test_a_program_that_is_killed_is_told_so(joined):
    with two_machines_on_a_bad_wire("loss=0.05", "delay_ms=5") as (here, there, _):
        one, other = joined(here, there)
        one.process.kill()
        assert "The end of Ada is gone without a goodbye" in other.hears("ended")["reason"]


def test_a_wire_that_is_cut_is_not_taken_for_a_program_that_has_ended(joined):
    with two_machines_on_a_bad_wire("delay_ms=5") as (here, there, wire):
        _, other = joined(here, there)
        wire.cut()
        while other.hears("status")["unheard_seconds"] < 2 * GONE_SECONDS:
            pass
        ended = other.hears("ended")
        assert ended["failure"] and ended["reason"].startswith(f"Nothing was heard from Ada for {LOST_SECONDS:g} s")
