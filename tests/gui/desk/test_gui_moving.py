"""What is shown as moving is what the engine's frames were made with, and it begins and ends with the sound."""

import time

import numpy as np
import pytest
from gui_parts import PATIENCE_SECONDS, wait_for, write_sound

from lamina.gui.model.files.document import Document
from lamina.plugin.parameters.motion import Automation, Motion

pytest_plugins = ["gui_fixtures"]


@pytest.fixture
def bursts(tmp_path):
    """Noise of 12 s that is loud and soft in turn, for followers to follow."""
    t = np.arange(48_000 * 12) / 48_000
    noise = np.random.default_rng(0).normal(0, 0.2, (2, len(t))) * (0.5 - 0.5 * np.cos(2 * np.pi * 1.3 * t)) ** 2
    return write_sound(tmp_path / "bursts.wav", 48_000, noise)


def playing(session, path, motions):
    session.show(Document.open(path))
    session.parameters.set("motions", motions)
    session.player.play()
    wait_for(session, lambda: session.moving.values)


def compared(session, name, n_wanted=60):
    """Shown values and what the same frames sent, for so many frames.

    Numbers of frames may come twice: streams count anew.
    """
    shown, sent, kept = {}, {}, []
    take, heard = session.listening.take, []
    session.listening.take = lambda h, *rest: heard.append(h) or take(h, *rest)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(set(shown) & set(sent)) < n_wanted:
        assert time.monotonic() < deadline, "nothing moved"
        time.sleep(0.02)
        session.tick(0.02)
        sent.update((id(report.moved), report) for h in heard for report in h.frames if report.moved)
        if session.moving.values and session.moving.heard:
            kept.append(session.moving.heard)  # so that no other frame gets its id
            shown[id(session.moving.heard)] = session.moving.values[name], session.moving.step
    session.listening.take = take
    both = [frame for frame in shown if frame in sent]
    assert [shown[frame][1] for frame in both] == [sent[frame].index for frame in both]
    return [shown[frame][0] for frame in both], [sent[frame].layers for frame in both]


@pytest.mark.parametrize(
    "motion",
    [
        Motion("layers", "lfo", 1.0, hz=2.3, shape="random"),
        Motion("layers", "steps", 0.8, hz=9.0, steps=(0.0, 1.0, 0.3, 0.6)),
        Motion("layers", "envelope", 1.0, attack_ms=20, release_ms=120),
    ],
    ids=lambda motion: motion.source,
)
def test_the_value_shown_is_what_the_frame_of_that_number_sent(session, bursts, motion):
    session.parameters.set("layers", 1)
    playing(session, bursts, (motion,))
    shown, sent = compared(session, "layers")
    assert shown == sent and len(set(shown)) > 2
    cycles, height = session.moving.source(motion)
    assert cycles > 0 and session.moving.values["layers"] == round(1 + motion.depth * height * 23)


def test_what_moves_begins_anew_with_another_stream_and_board(session, bursts):
    motion = Motion("layers", "steps", 1.0, hz=5.0, steps=(0.0, 0.5, 1.0))
    playing(session, bursts, (motion,))
    wait_for(session, lambda: session.moving.step > 60)
    from lamina.plugin import NeuralCodec

    session.use_codec(NeuralCodec())  # the engine's board is another one now, which counts its frames from 0
    wait_for(session, lambda: 0 < session.moving.step < 40)
    shown, sent = compared(session, "layers", n_wanted=10)
    assert shown == sent
    session.boards.choose("B")
    assert session.moving.values
    wait_for(session, lambda: not session.moving.values)
    session.boards.choose("A")
    wait_for(session, lambda: session.moving.values)


def test_nothing_moves_when_nothing_is_heard_or_set_to(session, bursts):
    playing(session, bursts, (Motion("mix", "lfo", -0.5, hz=3.0),))
    session.player.stop()
    wait_for(session, lambda: not session.moving.values)
    session.player.play()
    wait_for(session, lambda: session.moving.values)
    session.parameters.set("motions", ())
    session.tick(0.01)
    assert not session.moving.values and session.moving.source(Motion("mix")) is None


def test_bitrates_single_layers_and_drawn_curves_move_too(session, bursts):
    session.parameters.set("automation", (Automation("denoise", (0.0, 100.0), (1.0, 1.0)),))
    playing(
        session,
        bursts,
        (Motion("kbps", "steps", 1.0, steps=(1.0,)), Motion("layer_gains.7", "steps", 0.25, steps=(1.0,))),
    )
    assert session.moving.values == {"layers": 24, "layer_gains.7": 1.5, "denoise": 1.0}


def test_a_motion_that_is_given_another_target_shows_nothing_of_the_one_before():
    from lamina.gui.model.values.moving import Moving
    from lamina.plugin import FrameReport, NeuralCodec
    from lamina.plugin.host.wire.telemetry import Heard
    from lamina.plugin.parameters.control_track import Moved

    nothing, one = np.zeros((1, 0), np.float32), np.zeros(1, np.float32)
    report = FrameReport(3, 1, nothing.astype(np.uint16), nothing, one, one, 0.0, 0, Moved(0, (12.0,), (0.5,), (0.5,)))
    codec, moving = NeuralCodec(motions=[Motion("layers")]), Moving()

    def heard(frames, end):
        return Heard(48_000, end, 100, nothing, nothing, frames, one[:0], one[:0].astype(np.int32))

    moving.take(heard((report,), 1000), codec, 0.03)
    assert moving.values == {"layers": 12}
    codec.motions = [Motion("listen")]
    moving.take(heard((), 2000), codec, 0.03)
    assert moving.values == {"layers": 12} and moving.source(Motion("listen")) is None
