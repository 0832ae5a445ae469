"""Recording in the app: what is heard goes into a new file each time, and the user is told its name."""

import os
import time

import numpy as np
import pytest
from gui_parts import wait, wait_for
from PyQt6.QtCore import Qt

from lamina.gui.model.sound import recording as recording_module
from lamina.plugin.files.sound import read_audio

pytest_plugins = ["gui_fixtures"]


def test_takes_are_numbered_and_hold_what_is_heard(window, qtbot):
    session, folder = window.session, window.session.recording.folder
    window.toggle_play()
    wait(qtbot, lambda: session.player.position_seconds > 0.5)
    for name in ("Lamina take.wav", "Lamina take 2.wav"):
        qtbot.keyClick(window, Qt.Key.Key_R)
        assert window.transport.record_button.isChecked()
        wait(qtbot, lambda: session.recording.seconds > 0.5)
        wait(qtbot, lambda: window.transport.time._recorded == "0:00")
        qtbot.mouseClick(window.transport.record_button, Qt.MouseButton.LeftButton)
        assert not window.transport.record_button.isChecked() and window.transport.time._recorded == ""
        wait(qtbot, lambda name=name: f"Recorded {name}, 0:0" in window.notice.label.text())
        assert str(folder) in window.notice.toolTip()
        take = read_audio(folder / name)
        assert (
            take.samples.shape[0] == 2
            and take.samples.shape[1] > 0.5 * take.sample_rate
            and np.abs(take.samples).max() > 0.01
        )


def test_a_folder_that_cannot_be_made_is_told(session, tmp_path):
    (tmp_path / "file").touch()
    session.recording.folder = tmp_path / "file" / "takes"
    session.recording.toggle()
    assert not session.recording.is_on and session.notices[-1].is_error and "takes" in session.notices[-1].text


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(session, tmp_path):
    session.recording.folder = tmp_path / "locked"
    session.recording.folder.mkdir(mode=0o500)
    session.recording.toggle()
    wait_for(session, lambda: not session.recording.is_on)
    assert session.notices[-1].is_error and "Nothing is recorded" in session.notices[-1].text


def test_a_take_that_the_engine_refuses_puts_the_button_out(session, monkeypatch):
    from concurrent.futures import Future

    from lamina.plugin.host.client.process_handle import EngineError

    refusal = Future()
    refusal.set_exception(EngineError("The disk is full."))
    monkeypatch.setattr(session.engine, "record", lambda _path: refusal)
    session.recording.toggle()
    wait_for(session, lambda: not session.recording.is_on)
    assert session.notices[-1].text == "Nothing is recorded: The disk is full."


def test_a_take_that_ends_by_itself_puts_the_button_out(session):
    session.recording.toggle()
    wait_for(session, lambda: session.recording.seconds > 0.3)
    # Somebody else completes it, as the engine does when the sample rate changes.
    session.engine.stop_recording().result(30)
    wait_for(session, lambda: not session.recording.is_on)


def test_an_engine_that_dies_goes_on_recording_in_the_next_file(session):
    session.recording.toggle()
    wait_for(session, lambda: session.recording.seconds > 0.5)
    session.engine._handle.kill()
    wait_for(
        session, lambda: session.engine.n_restarts > 0 and (session.recording.folder / "Lamina take 2.wav").exists()
    )
    wait_for(session, lambda: 0.0 < session.recording.seconds)
    assert session.recording.is_on
    session.recording.toggle()
    wait_for(session, lambda: any("Recorded Lamina take 2.wav" in notice.text for notice in session.notices))
    assert read_audio(session.recording.folder / "Lamina take.wav").samples.shape[1] > 0


def test_a_take_goes_on_however_long_the_next_engine_needs_to_find_its_place(session, monkeypatch):
    session.recording.toggle()
    wait_for(session, lambda: session.recording.seconds > 0.5)
    # The next engine plays already and looks for its place in a long MP3: it shows sound and no recording for long.
    state = session.engine.telemetry.state().copy()
    state["stream_samples"], state["is_recording"] = 48000, 0
    now = time.monotonic()
    session._take_event({"event": "restarted", "code": -9})
    with monkeypatch.context() as patched:
        patched.setattr(session.engine.telemetry, "state", lambda: state)
        patched.setattr(recording_module.time, "monotonic", lambda: now + 30)
        session.recording.look()
        assert session.recording.is_on
    session._take_event({"event": "recording", "path": "Lamina take 2.wav"})
    wait_for(session, lambda: session.recording.seconds > 0.5)
    assert session.recording.is_on


def test_a_take_asked_for_as_the_engine_ended_is_asked_of_the_next_one(session):
    session.engine.play().result(30)
    session.engine._handle.kill()
    session.recording.toggle()
    wait_for(session, lambda: session.engine.n_restarts > 0 and session.recording.seconds > 0.3)
    assert session.recording.is_on and (session.recording.folder / "Lamina take.wav").exists()


def test_a_take_that_cannot_go_on_is_told_to_have_ended(session):
    session.recording.toggle()
    wait_for(session, lambda: session.recording.seconds > 0.5)
    folder = session.recording.folder
    folder.rename(folder.with_name("taken away"))
    session.engine._handle.kill()
    wait_for(session, lambda: not session.recording.is_on)
    texts = [notice.text for notice in session.notices]
    assert not any("goes on" in text or "Nothing else is lost" in text for text in texts), texts
    assert any("The recording ended with the engine" in text for text in texts), texts
    assert session.engine.wishes()["record"] is None
