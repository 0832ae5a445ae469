"""The controls: every gesture on a knob or switch reaches the codec, and what isn't allowed is said."""

import pytest
from gui_parts import wait
from PyQt6.QtCore import QPoint, QPointF, Qt, QTimer
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

pytest_plugins = ["gui_fixtures"]


def test_the_bitrate_knob_shows_layers_and_kbps(window):
    knob = window.controls.bitrate
    assert (knob.layers_text(), knob.kbps_text()) == ("8 layers", "6.0 kbps")
    window.session.parameters.set("layers", 1)
    assert (knob.layers_text(), knob.kbps_text()) == ("1 layer", "0.75 kbps")
    assert knob.accessibleName() == "Layers" and "0.75 kbps" in knob.accessibleDescription()
    assert "quantizer" in knob.toolTip()


def test_the_bitrate_knob_turns_by_mouse(window, qtbot):
    knob = window.controls.bitrate
    middle = knob.rect().center()
    qtbot.mousePress(knob, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(knob, middle - QPoint(0, 1000))
    assert window.session.codec.layers == 24
    qtbot.mouseMove(knob, middle + QPoint(0, 1000))
    assert window.session.codec.layers == 1 and knob.kbps_text() == "0.75 kbps"
    qtbot.mouseRelease(knob, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseDClick(knob, Qt.MouseButton.LeftButton, pos=middle)
    assert window.session.codec.layers == 8
    for turn, expected in ((120, 9), (-120, 8), (60, 8), (60, 9)):
        place = QPointF(middle)
        wheel = QWheelEvent(
            place, knob.mapToGlobal(place), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(knob, wheel)
        assert window.session.codec.layers == expected


def test_the_bitrate_knob_turns_by_keys_and_typing(window, qtbot):
    knob = window.controls.bitrate
    knob.setFocus()
    for key, expected in (("Up", 9), ("Right", 10), ("Down", 9), ("Left", 8), ("PageUp", 12), ("PageDown", 8)):
        qtbot.keyClick(knob, getattr(Qt.Key, f"Key_{key}"))
        assert window.session.codec.layers == expected
    qtbot.keyClicks(knob, "1")
    qtbot.keyClicks(knob._editor, "6")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert window.session.codec.layers == 16
    qtbot.keyClick(knob, Qt.Key.Key_Return)
    assert knob._editor.text() == "16 layers"
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert window.session.codec.layers == 16 and not window.notice.isVisible()
    knob.edit("4.5 kbps")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert window.session.codec.layers == 6
    knob.edit("99 kbps")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert window.session.codec.layers == 6 and "99" in window.notice.label.text() and window.notice.isVisible()


def test_escape_leaves_the_typed_value_alone(window, qtbot):
    knob = window.controls.bitrate
    knob.edit("20")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Escape)
    assert knob._editor is None and window.session.codec.layers == 8


def test_every_button_can_be_pressed_without_a_mouse(window, qtbot):
    bypass, chip = window.controls.bypass, window.controls.quick._chips[1]
    for button, pressed in (
        (bypass, lambda: window.session.codec.bypass),
        (chip, lambda: window.session.codec.layers == 1),
    ):
        button.setFocus()
        qtbot.keyClick(button, Qt.Key.Key_Return)
        assert pressed()
    menus = []
    window.header.preset_menu.aboutToShow.connect(
        lambda: menus.append("presets") or QTimer.singleShot(0, window.header.preset_menu.close)
    )
    window.header.preset_button.setFocus()
    qtbot.keyClick(window.header.preset_button, Qt.Key.Key_Return)
    assert menus == ["presets"]


def test_the_bitrate_of_all_channels_is_told(window, qtbot, sound):
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    assert window.controls.caption.remark.text() == "per channel; 12.0 kbps in all"
    window.session.parameters.set("layers", 24)
    assert window.controls.caption.remark.text() == "per channel; 36.0 kbps in all"
    assert window.stage.usage_caption.remark.text() == "480 bits per frame"


def test_the_quick_rates_set_the_knob(window, qtbot):
    chips = window.controls.quick._chips
    qtbot.mouseClick(chips[16], Qt.MouseButton.LeftButton)
    assert window.session.codec.layers == 16 and chips[16].isChecked() and not chips[8].isChecked()
    qtbot.mouseClick(chips[16], Qt.MouseButton.LeftButton)
    assert chips[16].isChecked()


def test_gains_mix_and_bypass_reach_the_codec(window, qtbot):
    codec, knobs = window.session.codec, window.controls.knobs
    for name, text, value in (("mix", "30", 0.3), ("input_gain_db", "-6", -6.0), ("output_gain_db", "3.5 dB", 3.5)):
        knobs[name].edit(text)
        qtbot.keyClick(knobs[name]._editor, Qt.Key.Key_Return)
        assert getattr(codec, name) == pytest.approx(value) and knobs[name].accessibleName()
    qtbot.mouseClick(window.controls.bypass, Qt.MouseButton.LeftButton)
    assert codec.bypass and window.controls.bitrate.is_bypassed
    qtbot.keyClick(window, Qt.Key.Key_B)
    assert not codec.bypass


def test_denoise_and_noise_only_reach_the_codec(window, qtbot):
    codec, knob, switch = window.session.codec, window.controls.knobs["denoise"], window.controls.noise_only
    assert knob.isEnabled() and switch.isEnabled() and "wasn't trained" not in knob.toolTip() + switch.toolTip()
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert codec.noise_only and switch.isChecked()
    wait(qtbot, lambda: "Denoise is at 0" in window.spectra.output_caption.remark.text())
    knob.edit("70")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert codec.denoise == pytest.approx(0.7)
    wait(qtbot, lambda: "silent" not in window.spectra.output_caption.remark.text())
    qtbot.keyClick(window, Qt.Key.Key_N)
    assert not codec.noise_only and not switch.isChecked()


@pytest.mark.parametrize("size", [(980, 620), (1000, 660)])
def test_a_small_window_has_the_quick_rates_and_room_for_what_is_open(window, qtbot, size):
    window.resize(*size)
    window.header.show_document("encodec_test_48k_mono", "0:12 · 48 000 Hz · stereo")
    wait(qtbot, lambda: (window.width(), window.height()) == size and window.controls.height() < 420)
    quick, knob, chips = window.controls.quick, window.controls.bitrate, window.controls.quick._chips.values()
    wait(qtbot, lambda: len({chip.y() for chip in chips}) == (1 if size[1] >= 660 else 3))
    assert quick.isVisible() and not quick.visibleRegion().isEmpty()
    for chip in chips:
        assert chip.isVisible() and chip.visibleRegion().boundingRect() == chip.rect()
        assert chip.width() >= chip.fontMetrics().horizontalAdvance(chip.text()) + 8
    assert not quick.geometry().intersects(knob.geometry())
    least = knob.minimumSizeHint()
    assert knob.height() >= least.height() and knob.width() >= least.width()
    for label in (window.header.title, window.header.detail):
        wait(qtbot, lambda label=label: label.shown() == label.text())
    for button in (window.header.open_button, window.header.export_button):
        assert button.width() >= button.sizeHint().width()
    assert window.header.preset_button.geometry().left() > window.header.model_button.geometry().right()
