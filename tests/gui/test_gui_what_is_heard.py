"""The window says what is heard where it isn't simply the codec's output, and that it clipped until one has seen it."""

import numpy as np
import pytest
from gui_parts import wait, write_sound
from PyQt6.QtCore import Qt

from lamina.dsp.levels import LevelMeter
from lamina.gui.model.sound.listening import Whole
from lamina.gui.model.values.heard import are_layers_heard, heard_word
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.widgets.views.meter_view import MeterView

pytest_plugins = ["gui_fixtures"]


@pytest.mark.parametrize(
    ("values", "word", "are_layers"),
    [
        ({}, "", True),
        ({"bypass": True}, "bypassed", False),
        ({"listen": "dry"}, "dry", False),
        ({"listen": "difference"}, "difference", True),
        ({"listen": "layer", "listen_layer": 3}, "layer 3 alone", True),
        ({"listen": "latent"}, "unquantized", False),
        ({"noise_only": True}, "noise only", True),
        ({"listen": "difference", "bypass": True}, "bypassed", False),
    ],
)
def test_what_is_heard_has_a_word(values, word, are_layers):
    held = ParameterValues()
    for name, value in values.items():
        held.set(name, value)
    assert heard_word(held, {}) == word and are_layers_heard(held, {}) == are_layers
    # What moves by itself is what is heard now.
    assert heard_word(held, {"listen": "wet", "bypass": False, "noise_only": False}) == ""


def test_the_captions_say_it_while_the_desk_is_closed_and_what_has_no_say_is_dim(window, qtbot):
    caption, knob = window.spectra.output_caption.name, window.controls.bitrate
    assert caption.text() == "Output" and not knob.is_bypassed
    window.session.parameters.set("listen", "dry")
    wait(qtbot, lambda: caption.text() == "Output · dry" and knob.is_bypassed)
    assert not window.desk.is_open
    window.session.parameters.set("listen", "difference")
    wait(qtbot, lambda: caption.text() == "Output · difference" and not knob.is_bypassed)
    window.session.parameters.set("listen", "wet")
    wait(qtbot, lambda: caption.text() == "Output")


def test_the_clip_light_stays_lit_until_it_is_clicked(qtbot):
    view, meter = MeterView("Output level", "#F0A458", "#8A5A2B"), LevelMeter(48_000, 2)
    qtbot.addWidget(view)
    view.show_meter(meter)
    loud = np.full((2, 480), 0.999, np.float32)
    meter.push(loud)
    view.refresh()
    assert not view.has_clipped
    loud[1, 7] = -1.0
    meter.push(loud)
    meter.rest(60.0)
    view.refresh()
    assert view.has_clipped and view.accessibleDescription() == "clipped" and meter.n_full == 1
    view.refresh()
    assert view.has_clipped
    lit = view.grab().toImage()
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton)
    view.refresh()
    assert not view.has_clipped and view.accessibleDescription() == "" and view.grab().toImage() != lit
    meter.push(loud)
    view.refresh()
    assert view.has_clipped


def test_clipping_is_seen_after_the_sound_and_until_the_next_start(window, qtbot):
    meter, remark = window.spectra.output_meter, window.spectra.output_caption.remark
    window.session.parameters.set("output_gain_db", 24.0)
    window.session.parameters.set("mix", 0.0)
    window.toggle_play()
    wait(qtbot, lambda: meter.has_clipped)
    assert not window.spectra.input_meter.has_clipped
    window.session.parameters.set("output_gain_db", 0.0)
    window.toggle_play()
    wait(qtbot, lambda: remark.text().startswith("clipped   max "))
    assert remark.property("role") == "alert"
    window.toggle_play()
    assert not meter.has_clipped
    wait(qtbot, lambda: remark.text().startswith("peak") and remark.property("role") == "detail")


def test_loudness_and_true_peak_of_the_whole_stay_after_it_until_the_next_start(window, qtbot, tmp_path):
    rate = 48_000
    sine = 0.5 * np.sin(2 * np.pi * 997 * np.arange(rate) / rate)
    window.open(write_sound(tmp_path / "sine.wav", rate, np.stack([sine, sine])))
    wait(qtbot, lambda: window.session.document.title == "sine.wav")
    remark = window.spectra.input_caption.remark
    assert "LUFS in all" not in remark.text()
    window.toggle_play()
    wait(qtbot, lambda: window.session.is_playing)
    wait(qtbot, lambda: not window.session.is_playing)  # the end of the file
    wait(qtbot, lambda: "in all" in remark.text())
    # A sine whose peaks reach −6 dBFS in both channels is −6.0 LUFS (EBU Tech 3341).
    peak, lufs = (float(part.replace("\N{MINUS SIGN}", "-")) for part in (remark.text().split()[i] for i in (1, 3)))
    assert peak == pytest.approx(-6.0, abs=0.3) and lufs == pytest.approx(-6.0, abs=0.3)
    assert window.spectra.output_caption.remark.text().endswith("LUFS in all")
    qtbot.wait(600)
    assert "in all" in remark.text()
    window.toggle_play()
    wait(qtbot, lambda: remark.text().startswith("peak"))
    window.toggle_play()


def test_what_is_shown_of_the_input_is_what_reaches_the_codec(window, qtbot, tmp_path):
    rate, spectra = 48_000, window.spectra
    sine = 0.1 * np.sin(2 * np.pi * 997 * np.arange(4 * rate) / rate)
    window.open(write_sound(tmp_path / "sine.wav", rate, np.stack([sine, sine])))
    wait(qtbot, lambda: window.session.document.title == "sine.wav")
    window.session.set_looping(True)
    window.toggle_play()

    def peaks():
        return float(window.session.input_meter.peak_db.max()) if window.session.input_meter else -96.0

    wait(qtbot, lambda: peaks() == pytest.approx(-20.0, abs=0.5))
    assert spectra.input_caption.name.text() == "Input"
    window.session.parameters.set("input_gain_db", 12.0)
    wait(qtbot, lambda: peaks() == pytest.approx(-8.0, abs=0.5))
    wait(qtbot, lambda: spectra.input_caption.name.text() == "Input +12.0 dB")
    assert not spectra.input_meter.has_clipped
    window.session.parameters.set("input_gain_db", 24.0)
    wait(qtbot, lambda: spectra.input_meter.has_clipped)
    # Bypassed, nothing goes through the codec, and through its gain.
    window.session.parameters.set("bypass", True)
    wait(qtbot, lambda: peaks() == pytest.approx(-20.0, abs=0.5))
    wait(qtbot, lambda: spectra.input_caption.name.text() == "Input")


def test_figures_are_fewer_where_there_is_no_room_for_all_of_them(window, qtbot):
    window.session.parameters.set("listen", "difference")
    window.session.parameters.set("input_gain_db", 6.0)
    window._text.stop()
    window._motion.stop()
    spectra = window.spectra
    for width, height, is_short in ((980, 620, True), (1280, 800, False), (980, 620, True)):
        window.resize(width, height)
        window.desk.open_tab("Layers")
        window._tell()
        window.showing.move()
        spectra.show_wholes((Whole(-10.3, -19.8),) * 2, "")
        qtbot.wait(20)
        for caption in (spectra.input_caption, spectra.output_caption):
            words = "\N{MINUS SIGN}19.8 LUFS"
            assert caption.remark.text() == (words if is_short else f"max \N{MINUS SIGN}10.3 dBTP   {words} in all")
            assert caption.name.width() >= caption.name.sizeHint().width()
            assert caption.remark.width() >= caption.remark.sizeHint().width()
