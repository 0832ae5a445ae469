"""The line in the app: two ends find each other, hear each other, and leave; what can't be says why."""

import threading

import numpy as np
import pytest
from gui_parts import lamina_threads, wait

pytest.importorskip("aiortc", reason="the extra [line] is not installed")

import lamina
from lamina.gui.model.line.line import LIVE_INPUT, NOTHING, OPEN_FILE, RECORDING, Line
from lamina.gui.widgets.line.line_window import LineWindow
from lamina.plugin.line.joining import transport

pytest_plugins = ["gui_fixtures"]


@pytest.fixture
def here(window, qtbot):
    """The line's window: it sends the open file and hears nothing."""
    window.line_window.open()
    line = window.line_window.line
    line.source, line.sink, line.name = OPEN_FILE, NOTHING, "Ada"
    wait(qtbot, lambda: line.is_ready)
    return window.line_window


@pytest.fixture
def there(window, qtbot):
    """A second window, as if it were at the other end: it records what it hears."""
    other = LineWindow(window.session, window)
    other.open()
    other.line.source, other.line.sink, other.line.name = NOTHING, RECORDING, "Ben"
    wait(qtbot, lambda: other.line.is_ready)
    yield other
    other.close()
    other.close_work()


def invited(here, qtbot):
    here.meeting.invite_button.click()
    wait(qtbot, lambda: here.line.invitation)
    return here.meeting.invitation.text()


def talking(line):
    return line.view is not None and line.view.stage == "talking"


@pytest.fixture
def connected(here, there, qtbot):
    there.meeting.field.setText(invited(here, qtbot))
    there.meeting.join_button.click()
    wait(qtbot, lambda: talking(here.line) and talking(there.line))
    return here, there


def test_an_invitation_joins_two_ends_under_both_names(connected, qtbot):
    here, there = connected
    assert here.state.text() == "Connected with Ben." and there.state.text() == "Connected with Ada."
    assert there.pages.currentWidget() is there.talk
    wait(qtbot, lambda: there.line.view.status.received_kbps > 0 and here.line.view.status.there_loss is not None)
    wait(qtbot, lambda: there.talk.figures["Mouth to ear"].value.text().endswith("ms"))
    assert here.talk.figures["You get"].detail.text() == "nothing"
    assert "Ada" in here.remark.text() and "Ben" in here.remark.text()


def test_what_arrives_is_seen_and_recorded(connected, qtbot):
    _, there = connected
    received = there.line.received
    wait(qtbot, lambda: received.usage.n_frames > 30 and received.spectrogram.ring.levels.any())
    assert received.usage.active_layers == 8
    there.leave_button.click()
    wait(qtbot, lambda: not there.line.is_held)
    recording = there.line.view.recording
    assert str(recording) in there.remark.text()
    assert np.abs(lamina.read_audio(recording).samples).max() > 0.01


def test_layers_turned_while_sound_flows_arrive(connected, qtbot):
    here, there = connected
    here.ends.bitrate.moved.emit(3)
    wait(qtbot, lambda: there.line.received.usage.active_layers == 3)


def test_who_leaves_is_told_at_the_other_end(connected, qtbot):
    here, there = connected
    here.leave_button.click()
    wait(qtbot, lambda: not here.line.is_held and not there.line.is_held)
    assert here.state.text() == "The line was closed here." and not here.line.is_trouble
    assert not there.line.is_trouble
    assert here.pages.currentWidget() is here.meeting and here.meeting.invite_button.isEnabled()
    assert not [name for name in lamina_threads() if name == "lamina-line-panel"]


def test_waiting_can_be_ended(here, qtbot):
    invited(here, qtbot)
    here.leave_button.click()
    wait(qtbot, lambda: not here.line.is_held)
    assert here.state.text() == "The line was ended before anybody joined."
    assert not here.meeting.invitation.isVisible()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "There is no invitation yet"), ("hello", "This is no invitation"), ("lamina-line:1/x", "not copied whole")],
)
def test_what_is_no_invitation_is_refused_with_a_sentence(there, text, sentence):
    there.meeting.field.setText(text)
    there.meeting.join_button.click()
    assert sentence in there.state.text() and there.line.is_trouble
    assert not there.line.is_held


def test_who_was_not_invited_is_sent_away_and_told_so(here, there, qtbot):
    first = invited(here, qtbot)
    here.leave_button.click()
    wait(qtbot, lambda: not here.line.is_held)
    second = invited(here, qtbot)
    # The old secret at the new address: somebody who holds yesterday's invitation.
    address = second.split("/")[1]
    there.meeting.field.setText("/".join([first.split("/")[0], address, *first.split("/")[2:]]))
    there.meeting.join_button.click()
    wait(qtbot, lambda: not there.line.is_held)
    assert "can't be joined" in there.state.text() and there.line.is_trouble
    wait(qtbot, lambda: here.remark.text())
    assert here.remark.text().startswith("Somebody was sent away") and here.line.invitation == second


def test_what_is_not_installed_is_said_with_the_command(window, qtbot, monkeypatch):
    def fail():
        raise ImportError(
            "The line needs packages that are not installed; install them with: pip install 'lamina[line]'"
        )

    monkeypatch.setattr(transport, "load_network", fail)
    window.line_window.open()
    wait(qtbot, lambda: window.line_window.line.missing)
    assert "pip install 'lamina[line]'" in window.line_window.state.text()
    assert not window.line_window.meeting.invite_button.isEnabled()


def test_closing_the_window_ends_the_line(connected, qtbot):
    here, there = connected
    here.close()
    wait(qtbot, lambda: there.line.view.stage == "ended")
    here.open()
    wait(qtbot, lambda: not here.line.is_held)


def test_closing_the_app_ends_the_line_and_its_threads(window, here, qtbot):
    invited(here, qtbot)
    window.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("lamina-line")]


def test_the_live_input_and_output_are_used_as_they_are_chosen(here, there, qtbot):
    here.line.source = LIVE_INPUT
    there.line.sink = "output"
    there.meeting.field.setText(invited(here, qtbot))
    there.meeting.join_button.click()
    wait(qtbot, lambda: talking(here.line) and talking(there.line))
    wait(qtbot, lambda: there.line.received.usage.n_frames > 10)


def test_no_invitation_is_on_the_clipboard_before_it_is_copied(here, qtbot):
    from PyQt6.QtWidgets import QApplication

    QApplication.clipboard().setText("mine")
    text = invited(here, qtbot)
    assert QApplication.clipboard().text() == "mine"
    here.meeting.copy_button.click()
    assert QApplication.clipboard().text() == text


def test_a_line_needs_a_model_first(session):
    line = Line(session)
    line._codec = None
    line.invite()
    assert "still being loaded" in line.sentence and not line.is_held
    line.close()
