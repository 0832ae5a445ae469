"""The line in the app: two ends find each other, hear each other, and leave; what can't be says why."""

import os
import signal
import socket
import threading

import numpy as np
import pytest
from gui_parts import lamina_threads, wait, write_sound
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel

pytest.importorskip("aiortc", reason="the extra [line] is not installed")

import lamina
from lamina.gui.model.line.choices import BOTH, LIVE_INPUT, LIVE_STEREO, NOTHING, OPEN_FILE, RECORDING
from lamina.gui.model.line.line import Line
from lamina.gui.widgets.line.line_window import LineWindow
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.line.joining import transport
from lamina.plugin.line.joining.status import PeerStatus
from lamina.plugin.line.sender import LineRates

pytest_plugins = ["gui_fixtures"]

WORST = PeerStatus(
    "talking", "Ada", "Ben", 4000.0, 2980.0, 0.204, 143.0, 1960.0, 99_999, 24, LineRates(36.0, 9.0, 60.0, 171.0, 75.0),
    171.0, 0.0123, 5162.0, 12.0, 0,
)  # fmt: skip


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


def to_front(window, qtbot):
    window.activateWindow()
    wait(qtbot, window.isActiveWindow)


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
    assert there.state.text() == "Ada has ended the line." and not there.line.is_trouble
    assert here.pages.currentWidget() is here.meeting and here.meeting.invite_button.isEnabled()
    assert not [name for name in lamina_threads() if name.startswith("lamina-line-process")]


def test_the_level_of_what_is_sent_moves(connected, qtbot):
    here, there = connected
    wait(qtbot, lambda: here.ends.level.levels[1] > -50)
    assert there.line.level == ()
    here.leave_button.click()
    wait(qtbot, lambda: not here.line.is_held and here.ends.level.levels[1] <= -60)


def test_the_main_window_says_who_is_on_the_line(connected, window, qtbot):
    wait(qtbot, lambda: window.status.line_button.text() == "Line: Ben")
    connected[0].leave_button.click()
    wait(qtbot, lambda: window.status.line_button.text() == "Line")


def test_a_line_is_held_by_keys_alone(window, here, there, qtbot):
    ctrl, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    here.close()
    to_front(window, qtbot)
    qtbot.keyClick(window, Qt.Key.Key_L, shift)
    assert here.isVisible()
    to_front(here, qtbot)
    qtbot.keyClick(here, Qt.Key.Key_I, ctrl)
    wait(qtbot, lambda: here.line.invitation)
    qtbot.keyClick(here, Qt.Key.Key_C, ctrl | shift)
    to_front(there, qtbot)
    there.meeting.field.setFocus()
    qtbot.keyClick(there.meeting.field, Qt.Key.Key_V, ctrl)
    qtbot.keyClick(there.meeting.field, Qt.Key.Key_Return)
    wait(qtbot, lambda: talking(here.line) and talking(there.line))
    to_front(here, qtbot)
    qtbot.keyClick(here, Qt.Key.Key_Escape)
    qtbot.wait(200)
    assert here.isVisible() and talking(here.line), "Escape hung up"
    qtbot.keyClick(here, Qt.Key.Key_D, ctrl)
    wait(qtbot, lambda: not here.line.is_held)
    qtbot.keyClick(here, Qt.Key.Key_Escape)
    assert not here.isVisible()


def test_tab_reaches_everything_that_can_be_done(here, qtbot):
    invited(here, qtbot)
    ends, meeting = here.ends, here.meeting
    wanted = [ends.name, ends.source, ends.bitrate, ends.denoise, ends.packets, ends.buffer, ends.sink]
    wanted += [meeting.listen, meeting.port, meeting.invite_button, meeting.invitation, meeting.copy_button]
    wanted += [meeting.field, meeting.address, meeting.join_button, here.mute_button, here.leave_button]
    passed, widget = [ends.name], ends.name.nextInFocusChain()
    while widget is not ends.name:
        passed.append(widget)
        widget = widget.nextInFocusChain()
    assert [widget for widget in passed if widget in wanted] == wanted
    assert all(widget.focusPolicy() & Qt.FocusPolicy.TabFocus for widget in wanted)
    assert all(widget.accessibleName() or widget.text() for widget in wanted)


@pytest.mark.parametrize("size", [(860, 560), (960, 600), (1400, 900)])
def test_no_figure_is_cut_off(here, qtbot, size):
    from lamina.gui.model.line.figures import figures

    here.resize(*size)
    here.pages.setCurrentWidget(here.talk)
    for head, (value, detail) in figures(WORST).items():
        here.talk.figures[head].show_value(value, detail)
    qtbot.wait(20)
    for figure in here.talk.figures.values():
        for label in figure.findChildren(QLabel):
            assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width(), label.text()
    assert here.minimumSizeHint().width() <= size[0] and here.minimumSizeHint().height() <= size[1]


def test_joining_can_be_given_up(here, there, qtbot):
    # Somebody who answers and then says nothing.
    with socket.create_server(("127.0.0.1", 0)) as mute:
        there.meeting.field.setText(invited(here, qtbot))
        there.meeting.address.setText(f"127.0.0.1:{mute.getsockname()[1]}")
        there.meeting.join_button.click()
        silent, _ = mute.accept()
        assert there.line.view.stage == "joining"
        there.leave_button.click()
        wait(qtbot, lambda: not there.line.is_held)
        silent.close()
    assert there.state.text() == "The line was ended before anybody joined."


def test_an_address_that_is_none_is_refused(here, there, qtbot):
    there.meeting.field.setText(invited(here, qtbot))
    there.meeting.address.setText("host:port:x")
    there.meeting.join_button.click()
    assert "is no address" in there.state.text() and not there.line.is_held


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


def test_who_is_muted_by_a_key_is_not_heard_and_sees_it(connected, qtbot):
    here, _ = connected
    wait(qtbot, lambda: here.ends.level.levels[1] > -50)
    to_front(here, qtbot)
    qtbot.keyClick(here, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert here.mute_button.text() == "Muted" and here.mute_button.isChecked()
    assert here.state.text() == "Connected with Ben, and you are muted."
    wait(qtbot, lambda: here.line.view.status.is_muted)
    wait(qtbot, lambda: here.ends.level.levels[0] <= -60)
    qtbot.keyClick(here, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert here.mute_button.text() == "Mute" and here.state.text() == "Connected with Ben."
    wait(qtbot, lambda: here.ends.level.levels[1] > -50)


def test_who_mutes_before_anybody_joins_is_muted_from_the_first_moment(here, there, qtbot):
    text = invited(here, qtbot)
    here.mute_button.click()
    there.meeting.field.setText(text)
    there.meeting.join_button.click()
    wait(qtbot, lambda: talking(here.line) and here.line.view.status.is_muted)
    wait(qtbot, lambda: there.line.received.usage.n_frames > 40)
    here.leave_button.click()
    wait(qtbot, lambda: not there.line.is_held)
    assert not np.abs(lamina.read_audio(there.line.view.recording).samples).max() > 1e-4


def test_buffer_and_packets_are_changed_while_one_talks(here, there, qtbot):
    here.line.source = LIVE_INPUT  # which has no end
    there.meeting.field.setText(invited(here, qtbot))
    there.meeting.join_button.click()
    wait(qtbot, lambda: talking(here.line) and talking(there.line))
    wait(qtbot, lambda: here.line.view.status.sent and here.line.view.status.sent.packets_per_second > 60)
    here.ends.packets.chosen.emit(4)
    wait(qtbot, lambda: here.line.view.status.sent.packets_per_second < 40)
    there.ends.buffer.chosen.emit(300)
    wait(qtbot, lambda: there.line.view.status.buffer_ms > 280)
    assert there.ends.buffer.currentText() == "Buffer: 300 ms"
    assert here.ends.packets.currentText() == "4 frames"


def test_what_is_heard_is_recorded_too_where_that_is_chosen(here, there, qtbot):
    there.ends.sink.chosen.emit(BOTH)
    there.meeting.field.setText(invited(here, qtbot))
    there.meeting.join_button.click()
    wait(qtbot, lambda: there.line.received.usage.n_frames > 60)
    there.leave_button.click()
    wait(qtbot, lambda: not there.line.is_held)
    assert np.abs(lamina.read_audio(there.line.view.recording).samples).max() > 0.01
    assert there.line.view.recording.parent == there._session.recording.folder


def test_a_line_whose_process_is_killed_is_told_and_another_can_begin(connected, qtbot):
    here, there = connected
    os.kill(here.line._held.process_id, signal.SIGKILL)
    wait(qtbot, lambda: not here.line.is_held)
    assert "process has ended unexpectedly" in here.state.text() and here.line.is_trouble
    wait(qtbot, lambda: not there.line.is_held)
    assert there.state.text().startswith("The end of Ada is gone without a goodbye")
    assert invited(here, qtbot)


def test_closing_the_window_ends_the_line(connected, qtbot):
    here, there = connected
    here.close()
    wait(qtbot, lambda: there.line.view.stage == "ended")
    here.open()
    wait(qtbot, lambda: not here.line.is_held)


def is_running(process_id):
    """Whether a child of this process still runs; one that has ended is taken in."""
    try:
        return os.waitpid(process_id, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return False


@pytest.mark.parametrize("stage", ["waiting", "talking"])
def test_closing_the_app_leaves_nothing_of_the_line_behind(window, here, there, qtbot, stage):
    text = invited(here, qtbot)
    process_id = here.line._held.process_id
    assert is_running(process_id)
    if stage == "talking":
        there.meeting.field.setText(text)
        there.meeting.join_button.click()
        wait(qtbot, lambda: talking(here.line))
        wait(qtbot, lambda: there.line.received.usage.n_frames > 10)
    there.close_work()
    window.close()
    assert not is_running(process_id)
    if stage == "talking":
        assert lamina.read_audio(there.line.view.recording).sample_rate == 24_000
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


def refused(line, **wishes):
    for name, value in wishes.items():
        setattr(line, name, value)
    line.invite()
    assert not line.is_held and line.is_trouble
    return line.sentence


def test_what_can_not_be_sent_or_heard_is_told_before_anybody_is_invited(window, here, tmp_path):
    line, session = here.line, window.session
    assert "carries nothing" in refused(line, source=NOTHING, sink=NOTHING)
    assert "120 bytes" in refused(line, source=OPEN_FILE, name="é" * 61)
    assert "The port is 65536" in refused(line, name="", port=65536)
    session.devices.settings = session.devices.settings.changed(input="none")
    assert "no input" in refused(line, port=0, source=LIVE_INPUT)
    here.ends.source.chosen.emit(LIVE_INPUT)
    assert here.ends.whence.text() == "none"
    session.devices.settings = DeviceSettings()
    session.devices.use_devices([])
    assert "no input" in refused(line)
    session.recording.folder = tmp_path / "file" / "takes"
    (tmp_path / "file").write_text("in the way")
    assert "folder" in refused(line, source=OPEN_FILE, sink=RECORDING)
    session.document = None
    assert "no file open" in refused(line, sink="output")


def test_a_port_that_is_taken_is_told(here, qtbot):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        here.meeting.port.setText(str(taken.getsockname()[1]))
        here.meeting.invite_button.click()
        wait(qtbot, lambda: here.line.view is not None and not here.line.is_held)
    assert "can't be offered" in here.state.text() and here.line.is_trouble


def test_both_channels_are_sent_where_that_is_chosen(here, there, qtbot):
    here.ends.source.chosen.emit(LIVE_STEREO)
    there.meeting.field.setText(invited(here, qtbot))
    there.meeting.join_button.click()
    wait(qtbot, lambda: here.line.level)
    assert len(here.line.level) == 2


def test_a_line_goes_on_with_the_devices_that_are_chosen(window, here, there, qtbot, tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000 * 30) / 48_000)
    loud = write_sound(tmp_path / "tone.wav", 48_000, tone[None])
    here.line.source = LIVE_INPUT
    there.meeting.field.setText(invited(here, qtbot))
    there.meeting.join_button.click()
    wait(qtbot, lambda: talking(here.line) and here.line.level)
    assert here.ends.level.levels[1] <= -60
    window.session.devices.choose_input(f"virtual?input={loud}")
    wait(qtbot, lambda: here.ends.level.levels[1] > -10)
    window.session.devices.choose_input("virtual?input=/nowhere.wav")
    wait(qtbot, lambda: "nowhere.wav" in here.remark.text())
    assert talking(here.line)
    window.session.devices.choose_input("virtual")
    wait(qtbot, lambda: "nowhere.wav" not in here.remark.text())


def test_a_line_needs_a_model_first(session):
    line = Line(session)
    line._codec = None
    line.invite()
    assert "still being loaded" in line.sentence and not line.is_held
    line.close()
