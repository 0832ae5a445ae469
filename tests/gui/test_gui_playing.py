"""The app's transport over the live engine.

The place shown is the place heard, and what was asked for counts at once.
"""

import os
import signal
import threading

import numpy as np
import pytest
from gui_parts import PATIENCE_SECONDS, wait_for, write_sound

from lamina.gui.model.files.document import Document
from lamina.gui.model.session import Session
from lamina.gui.model.sound.player import Player, PlayState
from lamina.gui.model.values.answers import Answers
from lamina.plugin.demo_items.items import demo_items

pytest_plugins = ["gui_fixtures"]

RATE = 48000


@pytest.fixture
def player(session):
    """The transport, with the first demo item in it."""
    session.show(Document.open(demo_items()[0].path))
    return session.player


def heard(session, until):
    """Input and output that were heard until something happened, `[channels, n]` each, and the codec's frames."""
    parts, take = [], session.engine.telemetry.take

    def listening_take():
        parts.append(take())
        return parts[-1]

    session.engine.telemetry.take = listening_take
    try:
        wait_for(session, until)
    finally:
        del session.engine.telemetry.take
    parts = [part for part in parts if part.output.shape[1]]
    frames = [frame for part in parts for frame in part.frames]
    # Before the engine knows the file, it takes it for mono.
    stereo = [[np.broadcast_to(sound, (2, sound.shape[1])) for sound in (part.input, part.output)] for part in parts]
    heard_input, heard_output = (np.concatenate(sounds, axis=1) for sounds in zip(*stereo, strict=True))
    return heard_input, heard_output, frames


def test_no_device_is_opened_before_the_first_play(session, player):
    player.seek(2.0)
    player.set_loop((1.0, 3.0))
    wait_for(session, lambda: session.engine.slots().result(PATIENCE_SECONDS) == [])
    assert (player.state, player.position_seconds) == (PlayState.PAUSED, 2.0)
    assert session.figures() == ("", "") and session.opened is None
    player.play()
    # What was asked for is shown at once, and holds until the engine is there.
    assert (player.state, player.position_seconds) == (PlayState.PLAYING, 2.0)
    wait_for(session, lambda: session.opened is not None and 2.1 < player.position_seconds < 3.0)


def test_input_and_output_are_shown_aligned_to_the_sample(session, player):
    # Bypassed, the codec gives back its input bit for bit, later by its latency: what is shown must be equal.
    session.parameters.set("bypass", True)
    player.play()
    heard_input, heard_output, frames = heard(session, lambda: player.position_seconds > 2.5)
    # At first the engine goes over to a board for two channels, cross-faded; how soon, depends on the machine.
    settled = heard_input.shape[1] - session.sample_rate
    assert (
        np.array_equal(heard_input[:, settled:], heard_output[:, settled:])
        and np.abs(heard_input[:, settled:]).max() > 0.01
    )
    assert len(frames) == pytest.approx(heard_input.shape[1] / session.sample_rate * 75, abs=75 / 2)
    spectrograms = session.listening.input_spectrogram.ring, session.listening.output_spectrogram.ring
    assert spectrograms[0].n_columns == spectrograms[1].n_columns > 0
    last = (spectrograms[0].write_place - 1 - np.arange(50)) % spectrograms[0].width
    assert np.array_equal(spectrograms[0].levels[:, last], spectrograms[1].levels[:, last])


def test_the_place_shown_is_the_place_heard(session, tmp_path):
    # Each sample holds its own number: what was put out last tells which place is heard.
    ramp = np.arange(4 * RATE) / (4 * RATE)
    session.show(Document.open(write_sound(tmp_path / "ramp.wav", RATE, np.stack([ramp, ramp]))))
    session.parameters.set("bypass", True)
    session.player.play()
    _, output, _ = heard(session, lambda: session.player.position_seconds > 1.0)
    state = session.engine.telemetry.state()
    # What was computed last waits for the buffer and the margin; a block more may have come since it was taken.
    waiting = (int(state["buffer_samples"]) + int(state["margin_samples"])) / RATE
    assert session.player.position_seconds == pytest.approx(4 * float(output[0, -1]) - waiting, abs=0.05)


def test_it_plays_to_the_end_and_returns(session, tmp_path):
    tone = 0.2 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
    session.show(Document.open(write_sound(tmp_path / "tone.wav", RATE, tone[None])))
    player, seen = session.player, []
    player.play()
    wait_for(session, lambda: seen.append(player.position_seconds) or max(seen) > 0.5)
    wait_for(
        session, lambda: seen.append(player.position_seconds) or (player.state is PlayState.STOPPED and seen[-1] == 0.0)
    )
    assert max(seen) <= 1.0
    player.play()
    wait_for(session, lambda: player.position_seconds > 0.2)


def test_pause_keeps_the_place_and_seek_changes_it(session, player):
    player.play()
    wait_for(session, lambda: player.position_seconds > 0.2)
    player.pause()
    assert player.state is PlayState.PAUSED
    places = []
    wait_for(
        session, lambda: places.append(player.position_seconds) or (len(places) > 30 and places[-30] == places[-1])
    )
    assert places[-1] < 5.0 and places == sorted(places)
    player.seek(9.0)
    assert player.position_seconds == 9.0
    player.play()
    wait_for(session, lambda: 9.1 < player.position_seconds < 12.0)
    player.seek(1.0)
    assert (player.state, player.position_seconds) == (PlayState.PLAYING, 1.0)
    wait_for(session, lambda: 1.1 < player.position_seconds < 9.0)
    player.stop()
    assert (player.state, player.position_seconds) == (PlayState.STOPPED, 0.0)
    wait_for(session, lambda: session.engine.telemetry.state()["clip_seconds"] == 0.0)
    assert (player.state, player.position_seconds) == (PlayState.STOPPED, 0.0)


def test_a_loop_goes_round_until_it_is_taken_off(session, player):
    session.set_loop_region(1.0, 1.3)
    session.seek(1.0)
    player.play()
    places, rounds = [1.0], 0

    def went_round_three_times():
        nonlocal rounds
        place = player.position_seconds
        rounds += place < places[-1] - 0.1
        places.append(place)
        return rounds >= 3

    wait_for(session, went_round_three_times)
    assert min(places) >= 1.0 and max(places) <= 1.3
    session.set_looping(False)
    wait_for(session, lambda: player.position_seconds > 1.5)


def test_a_codec_change_while_it_plays_does_not_stop_it(session, player):
    from lamina.plugin import NeuralCodec

    player.play()
    wait_for(session, lambda: player.position_seconds > 0.2)
    session.use_codec(NeuralCodec())
    place = player.position_seconds
    wait_for(session, lambda: player.position_seconds > place + 0.3)
    assert player.state is PlayState.PLAYING and not session.notices
    wait_for(session, lambda: session.listening.usage.n_frames > 0)


def test_a_file_that_went_meanwhile_is_told_and_the_one_before_does_not_play_instead(session, player, tmp_path):
    player.play()
    wait_for(session, lambda: player.position_seconds > 0.2)
    gone = write_sound(tmp_path / "gone.wav", RATE, np.zeros((1, RATE)))
    session.show(Document.open(gone))
    gone.unlink()
    player.play()
    wait_for(session, lambda: session.notices)
    assert "gone.wav" in session.notices[0].text and session.notices[0].is_error
    assert (player.state, player.position_seconds) == (PlayState.STOPPED, 0.0)
    engine = session.engine
    wait_for(session, lambda: int(engine.telemetry.state()["play_state"]) == 0)
    assert engine.wishes()["clip"] is None


def test_an_engine_that_stands_still_holds_nobody_up(session, player):
    player.play()
    wait_for(session, lambda: player.position_seconds > 0.2)
    process = session.engine.process_id
    os.kill(process, signal.SIGSTOP)
    try:
        # Whatever waited for an answer here would wait until the engine is ended for it.
        for gesture in (
            player.pause, player.play, player.stop, lambda: session.seek(3.0), lambda: session.set_loop_region(1.0,
            2.0),
            lambda: session.set_live(True), lambda: session.set_live(False), lambda: session.parameters.set("layers",
            2),
            lambda: session.boards.choose("B"), session.boards.copy_to_other, lambda: session.check.set_tone(True),
            lambda: session.check.set_tone(False), session.check.ask_latency, session.recording.toggle,
            session.recording.toggle,
            lambda: session.show(Document.open(demo_items()[1].path)), player.play, lambda: session.tick(0.03),
        ):  # fmt: skip
            gesture()
        assert session.engine.process_id == process and session.engine.n_restarts == 0
    finally:
        os.kill(process, signal.SIGCONT)
    wait_for(session, lambda: player.position_seconds > 0.1 and session.engine.board == "B")


def test_answers_come_back_in_the_apps_own_thread(session, player):
    threads = set()
    answers = Answers(lambda _sentence: None)
    answers.expect(session.engine.slots(), lambda _slots: threads.add(threading.current_thread()))
    wait_for(session, lambda: answers.deliver() or threads)
    assert threads == {threading.current_thread()}


def test_an_engine_that_dies_is_replaced_and_the_file_goes_on(session, player):
    session.parameters.set("layers", 3)
    player.play()
    wait_for(session, lambda: player.position_seconds > 1.0)
    session.engine._handle.kill()
    places = []
    wait_for(session, lambda: places.append(player.position_seconds) or session.engine.n_restarts > 0)
    wait_for(session, lambda: places.append(player.position_seconds) or places[-1] > 1.0 + 1.5)
    # It goes on where it was; the place shown never falls back to the beginning.
    assert min(places) > 0.9 and player.state is PlayState.PLAYING
    assert any("started again" in notice.text for notice in session.notices)
    wait_for(session, lambda: session.listening.usage.active_layers == 3)


def test_an_engine_that_cannot_be_kept_alive_is_told_and_export_still_works(engine, tmp_path):
    from lamina.plugin import NeuralCodec

    session, said = Session(engine, tmp_path), []
    session.changed.subscribe(said.append)
    session.use_codec(NeuralCodec())
    session.show(Document.open(demo_items()[1].path))
    session.seek(1.0)
    session._take_event({"event": "gone"})
    assert "engine" in said and session.is_gone and not session.can_play and session.can_export
    assert session.player.position_seconds == 1.0
    session.set_live(True)
    assert not session.is_live
    assert session.start_export(tmp_path / "out.wav")
    wait_for(session, lambda: not session.is_exporting)
    assert (tmp_path / "out.wav").exists()
    session.close()


class _SilentTelemetry:
    def __init__(self):
        self.record = {"stream_samples": 1, "play_state": 0, "clip_seconds": 0.0}

    def state(self):
        return self.record


def test_a_wish_that_the_engine_never_shows_is_given_up(session):
    """A file so short that it has ended before anybody looks must not be shown as playing for ever."""
    from concurrent.futures import Future
    from types import SimpleNamespace

    answer = Future()
    calls = SimpleNamespace(
        load=lambda _path: answer, play=lambda: answer, unload=lambda: answer, telemetry=_SilentTelemetry()
    )
    now = [0.0]
    answers = Answers(lambda _sentence: None)
    player = Player(calls, answers, lambda: now[0])
    player.load(demo_items()[0].path)
    player.play()
    now[0] = 100.0
    assert player.state is PlayState.PLAYING  # the engine may take its time to open a device
    answer.set_result(None)
    answers.deliver()
    assert player.state is PlayState.PLAYING
    now[0] = 101.0
    assert player.state is PlayState.STOPPED
