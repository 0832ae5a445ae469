"""Sound devices in the app: what can be chosen fits together, applies at once, is remembered, and is told in words."""

import pytest
from gui_parts import VIRTUAL, wait, wait_for
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QWidget

from lamina.gui.model.sound.devices import DeviceChooser
from lamina.gui.widgets.frame.latency_table import LatencyTable
from lamina.plugin.host.client.session_file import remembered_devices
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.device.devices import Device
from lamina.plugin.host.device.streams import DeviceError

pytest_plugins = ["gui_fixtures"]


def device(name, api, n_inputs, n_outputs, default=False):
    return Device(
        f"{name} ({api})", api, 0, n_inputs, n_outputs, 44100, default and n_inputs > 0, default and n_outputs > 0
    )


LAPTOP = device("Laptop", "ALSA", 2, 2, default=True)
INTERFACE = device("Interface", "ALSA", 4, 4)
MICROPHONE = device("Microphone", "ALSA", 1, 0)
SERVER = device("system", "JACK", 2, 2)


@pytest.fixture
def chooser():
    """A chooser over four devices; `chooser.applied` are the wishes that left it."""
    applied = []
    chooser = DeviceChooser(DeviceSettings(), applied.append)
    chooser.applied = applied
    chooser.use_devices([LAPTOP, INTERFACE, MICROPHONE, SERVER])
    return chooser


def labels(choices):
    return [(choice.group, choice.label) for choice in choices]


def test_outputs_stand_by_audio_system_with_the_default_first_and_silence_last(chooser):
    assert labels(chooser.outputs()) == [
        ("", "System default (Laptop)"),
        ("ALSA", "Laptop"),
        ("ALSA", "Interface"),
        ("JACK", "system"),
        ("", "No sound (silent)"),
    ]
    assert chooser.name_of_output() == "Laptop"


def test_inputs_are_those_that_go_with_the_output(chooser):
    assert [choice.label for choice in chooser.inputs()] == [
        "System default (Laptop)",
        "Laptop",
        "Interface",
        "Microphone",
        "None",
    ]
    chooser.choose_input(MICROPHONE.name)
    chooser.choose_output(SERVER.name)
    assert chooser.settings == DeviceSettings(output=SERVER.name, input_channels=(1,))
    assert [choice.label for choice in chooser.inputs()] == ["System default (system)", "system", "None"]
    chooser.choose_output("virtual")
    assert chooser.settings.input == "virtual"
    chooser.choose_output("default")
    assert chooser.settings.input == "default"
    assert [settings.output for settings in chooser.applied] == [
        "default",
        "default",
        SERVER.name,
        "virtual",
        "default",
    ]


def test_channels_are_those_of_the_input(chooser):
    assert [choice.value for choice in chooser.channels()] == [(1,), (2,), (1, 2)]
    chooser.choose_input(INTERFACE.name)
    assert [choice.value for choice in chooser.channels()] == [(1,), (2,), (1, 2), (3, 4)]
    chooser.choose_channels((3, 4))
    # Channels that another input doesn't have are given up with it.
    chooser.choose_input(MICROPHONE.name)
    assert chooser.settings.input_channels == (1,)
    assert [choice.value for choice in chooser.channels()] == [(1,)]


def test_buffers_say_how_long_they_are_at_the_rate(chooser):
    assert chooser.buffers(48000)[0].label == "64 samples, 1.3 ms"
    # Before anything runs: at the device's own rate.
    assert chooser.buffers(0)[-1].label == "1024 samples, 23.2 ms"
    assert [choice.label for choice in chooser.rates()] == ["Automatic", "44.1 kHz", "48 kHz", "88.2 kHz", "96 kHz"]


def test_a_device_that_is_away_stays_in_the_list(chooser):
    chooser.choose_output(INTERFACE.name)
    chooser.use_devices([LAPTOP])
    assert f"{INTERFACE.name} (not there now)" in [choice.label for choice in chooser.outputs()]
    assert chooser.settings.output == INTERFACE.name and len(chooser.applied) == 1


def test_why_nothing_is_there_is_put_in_words(chooser):
    assert chooser.remark == ""
    chooser.use_devices([MICROPHONE])
    assert "No sound output was found" in chooser.remark
    chooser.fail("The audio system gives no answer.")
    assert chooser.remark == "The audio system gives no answer."
    chooser.choose_output("virtual")
    assert chooser.remark == ""


def test_a_choice_applies_while_it_plays_and_is_remembered(session):
    from lamina.gui.model.files.document import Document
    from lamina.plugin.demo_items.items import demo_items

    session.show(Document.open(demo_items()[0].path))
    session.player.play()
    wait_for(session, lambda: session.opened is not None and session.player.position_seconds > 0.3)
    assert session.opened.block == 256
    session.devices.choose_buffer(512)
    session.devices.choose_rate(48000)
    wait_for(session, lambda: (session.opened.block, session.opened.sample_rate) == (512, 48000))
    place = session.player.position_seconds
    wait_for(session, lambda: session.player.position_seconds > place + 0.3)
    assert remembered_devices() == session.devices.settings == VIRTUAL.changed(buffer=512, sample_rate=48000)


# The dialog.


@pytest.fixture
def dialog(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    wait(qtbot, window.devices_dialog.isVisible)
    assert not window.devices_dialog.isModal()
    return window.devices_dialog


def test_the_dialog_shows_what_is_wanted_and_passes_choices_on(window, dialog, qtbot):
    chooser = window.session.devices
    chooser.use_devices([LAPTOP, INTERFACE])
    assert dialog.output.currentText() == "No sound (silent)" and dialog.rate.currentText() == "Automatic"
    rows = [dialog.output.itemText(row) for row in range(dialog.output.count())]
    assert rows == ["System default (Laptop)", "ALSA", "Laptop", "Interface", "No sound (silent)"]
    heading = dialog.output.model().index(1, 0)
    assert not heading.flags() & Qt.ItemFlag.ItemIsEnabled
    dialog.buffer.setFocus()
    qtbot.keyClick(dialog.buffer, Qt.Key.Key_Down)
    assert chooser.settings.buffer == 512 and dialog.buffer.currentText().startswith("512 samples")
    assert remembered_devices().buffer == 512


def test_the_delay_is_shown_in_parts_as_soon_as_sound_runs(window, dialog, qtbot):
    assert LatencyTable().rows() == []
    window.session.devices.choose_buffer(128)
    qtbot.mouseClick(dialog.tone_button, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: dialog.latency.rows())
    rows = dict(row.rsplit(" ", 2)[:2] for row in dialog.latency.rows())
    assert {"buffer", "safety margin", "frame bridge", "codec", "output device", "sum"} <= set(rows)
    total = sum(float(figure) for name, figure in rows.items() if name != "sum")
    assert total == pytest.approx(float(rows["sum"]), abs=0.05 * len(rows))
    wait(
        qtbot,
        lambda: dialog.remark.text().startswith("Open: output No sound") and "128 samples" in dialog.remark.text(),
    )
    before = float(rows["safety margin"])
    qtbot.mouseClick(dialog.margin_button, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: float(dialog.latency.rows()[1].split()[-2]) == pytest.approx(before - 13.3, abs=0.2))


def test_the_tone_sounds_while_the_dialog_is_open_and_ends_with_it(window, dialog, qtbot):
    session = window.session
    qtbot.mouseClick(dialog.tone_button, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: session.output_meter is not None and session.output_meter.peak_db.max() > -40)
    assert dialog.tone_button.isChecked()
    dialog.close_button.click()
    assert not session.check.is_tone_on
    wait(qtbot, lambda: session.output_meter.peak_db.max() < -60)


def test_the_input_level_moves_while_live(window, dialog, qtbot):
    from gui_parts import write_sound

    from lamina.plugin.demo_items.items import demo_items
    from lamina.plugin.files.sound import read_audio

    music = read_audio(demo_items()[0].path)
    take = write_sound(window.session.recording.folder.with_name("take.wav"), 48000, music.samples)
    window.session._use_devices(VIRTUAL.changed(input=f"virtual?input={take}", sample_rate=48000))
    window.session.set_live(True)
    wait(qtbot, lambda: dialog.level.levels[2] > -40)
    assert "dBFS" in dialog.level.text()
    window.session.set_live(False)
    wait(qtbot, lambda: dialog.level.levels[2] <= -60)


def test_the_input_level_is_the_devices_alone_while_the_file_plays(window, dialog, qtbot):
    session = window.session
    session.set_live(True)
    window.toggle_play()
    wait(qtbot, lambda: session.hears_input and session.input_meter is not None)
    wait(qtbot, lambda: session.input_meter.hold_db.max() > -30)
    # The virtual input is silent, and the meter beside the spectrogram shows both together.
    assert dialog.level.levels[2] <= -60 and dialog.level.text() == "\N{MINUS SIGN}∞ dBFS"


def test_a_round_trip_that_cannot_be_measured_says_why(window, dialog, qtbot):
    qtbot.mouseClick(dialog.measure_button, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: "Go live first" in dialog.round_trip.text())
    assert dialog.measure_button.isEnabled()


def test_a_measured_round_trip_is_told_in_its_parts(window, dialog, qtbot):
    window.session._use_devices(VIRTUAL.changed(input="virtual?cable=480", sample_rate=48000))
    window.session.set_live(True)
    wait(qtbot, lambda: window.session.hears_input)
    qtbot.mouseClick(dialog.measure_button, Qt.MouseButton.LeftButton)
    assert not dialog.measure_button.isEnabled()
    wait(qtbot, lambda: "Round trip" in dialog.round_trip.text())
    assert "48 kHz" in dialog.round_trip.text() and "devices 10.0 ms" in dialog.round_trip.text()


def test_looking_again_finds_what_came_and_an_error_is_told(window, dialog, qtbot, monkeypatch):
    monkeypatch.setattr("lamina.gui.loading.probe_devices", lambda: [INTERFACE])
    dialog.search_button.click()
    wait(qtbot, lambda: "Interface" in [dialog.output.itemText(row) for row in range(dialog.output.count())])

    def silent():
        raise DeviceError("The audio system gives no answer about its devices.")

    monkeypatch.setattr("lamina.gui.loading.probe_devices", silent)
    dialog.search_button.click()
    wait(qtbot, lambda: window.session.devices.trouble != "")
    window.session.devices.choose_output("default")
    wait(qtbot, lambda: "gives no answer" in window.status.remark.text())


def test_an_error_is_told_in_the_dialog_too(window, dialog):
    window.session._take_event({"event": "message", "text": "The device went away.", "is_error": True})
    assert dialog.remark.text() == window.notice.label.text() == "The device went away."


@pytest.mark.parametrize(("name", "row"), [("output", 0), ("output", 4), ("buffer", 0), ("buffer", 4), ("rate", 2)])
def test_a_list_shows_all_its_rows_whichever_is_chosen(window, dialog, qtbot, name, row):
    window.session.devices.use_devices([LAPTOP, INTERFACE])
    box = getattr(dialog, name)
    box.setCurrentIndex(row)
    box.showPopup()
    qtbot.wait(50)
    view = box.view()
    seen = view.viewport().rect()
    for index in range(box.count()):
        place = view.visualRect(view.model().index(index, 0))
        assert seen.top() <= place.top() and place.bottom() <= seen.bottom(), index
    around = view.window().findChildren(QWidget)
    arrows = [w for w in around if w.metaObject().className() == "QComboBoxPrivateScroller"]
    assert arrows and not any(arrow.isVisible() for arrow in arrows)
    box.hidePopup()
