"""What stands in the window stays where it is, and can be read to its end."""

import pytest
from PyQt6.QtCore import Qt

from lamina.gui.model.sound.devices import DeviceChooser, OpenedDevices
from lamina.gui.model.values.desk import TAB_NAMES
from lamina.gui.widgets.views.waveform_view import EDGE
from lamina.plugin.host.device.device_settings import DeviceSettings

pytest_plugins = ["gui_fixtures"]


@pytest.mark.parametrize(("width", "height"), [(980, 620), (1280, 800), (1920, 1040)])
def test_the_drawer_is_as_high_whichever_tab_is_opened(window, qtbot, width, height):
    window.resize(width, height)
    tops = set()
    for tab in (*TAB_NAMES[2:], *TAB_NAMES):
        window.desk.open_tab(tab)
        qtbot.wait(20)
        tops.add((window.desk.y(), window.desk.drawer.height()))
    assert len(tops) == 1


def test_nothing_in_the_header_wanders_from_preset_to_preset(window, qtbot):
    header = window.header
    places = set()
    for _ in range(12):
        qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
        qtbot.wait(5)
        places.add((header.model_button.x(), header.preset_button.geometry().getRect()))
    window.session.parameters.set("layers", 5)
    qtbot.wait(5)
    places.add((header.model_button.x(), header.preset_button.geometry().getRect()))
    assert len(places) == 1


def test_a_long_title_ends_in_an_ellipsis(window, qtbot):
    title = window.header.title
    window.resize(980, 640)
    window.header.show_document("short.wav", "")
    qtbot.wait(20)
    window.header.show_document("a_very_long_name_of_a_sound_file_48000_Hz_stereo.wav", "")
    cut = title.grab().toImage()
    # What is beyond the room makes no difference where only the beginning and the ellipsis are shown.
    window.header.show_document("a_very_long_name_of_a_sound_file_44100_Hz_mono.wav", "")
    assert title.grab().toImage() == cut
    shown = title.fontMetrics().elidedText(title.text(), Qt.TextElideMode.ElideRight, title.width())
    assert shown.endswith("…") and title.shown() == shown


def test_the_playhead_is_whole_at_both_ends(window):
    view, length = window.waveform, window.session.document.seconds
    for seconds, x in ((0.0, EDGE), (length, view.width() - EDGE)):
        assert view._x(seconds) == pytest.approx(x)
        assert view._time(x) == pytest.approx(seconds)
        assert 5 <= view._x(seconds) <= view.width() - 5  # half of the triangle


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("virtual", "silence"),
        ("virtual?input=/music/take%201.wav", "the file take 1.wav"),
        ("virtual?cable=480", "the output"),
        ("virtual?nonsense=1", "silence"),
        ("none", ""),
    ],
)
def test_a_virtual_input_is_called_what_it_brings(name, words):
    assert OpenedDevices("virtual", name, 48_000, 256).input_name == words
    if words:
        chooser = DeviceChooser(DeviceSettings(output="virtual", input=name), lambda _settings: None)
        assert chooser.inputs()[0].label.lower() == words.lower()
