"""Motions in the window: added, chosen, edited, drawn, removed; each gesture changes the codec's own motions."""

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication

from lamina.plugin.parameters.motion import Automation, Motion

pytest_plugins = ["gui_fixtures"]

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def tab(window):
    window.desk.open_tab("Motion")
    QApplication.processEvents()
    return window.desk.motion


def add(tab, text):
    next(action for action in tab.add_button.menu().actions() if action.text() == text).trigger()
    QApplication.processEvents()


def typed(qtbot, knob, text):
    knob.edit(text)
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)


def test_motions_are_added_chosen_and_removed(window, tab, qtbot):
    codec = window.session.codec
    assert not tab.remove_button.isEnabled() and not tab.editor.isEnabled()
    for text in ("LFO", "Envelope", "Steps"):
        add(tab, text)
    assert [motion.source for motion in codec.motions] == ["lfo", "envelope", "steps"] and tab.list.count() == 3
    assert tab.list.currentRow() == 2 and tab.editor.source.buttons["steps"].isChecked()
    tab.list.setCurrentRow(1)
    assert tab.editor.source.buttons["envelope"].isChecked() and tab.editor.knobs["attack_ms"].isVisible()
    assert not tab.editor.knobs["swing"].isVisible() and not tab.editor.rate.isVisible()
    qtbot.mouseClick(tab.remove_button, LEFT)
    assert [motion.source for motion in codec.motions] == ["lfo", "steps"] and tab.list.count() == 2
    tab.list.setFocus()
    qtbot.keyClick(tab.list, Qt.Key.Key_Delete)
    assert [motion.source for motion in codec.motions] == ["lfo"]
    assert window.desk.tabs.buttons["Motion"].has_dot
    qtbot.mouseClick(tab.remove_button, LEFT)
    assert codec.motions == () and not tab.editor.isEnabled() and not window.desk.tabs.buttons["Motion"].has_dot


def test_everything_of_a_motion_is_edited(window, tab, qtbot):
    codec, editor = window.session.codec, tab.editor
    add(tab, "LFO")
    editor.target_actions["layer_gains.7"].trigger()
    assert codec.motions[0].target == "layer_gains.7" and editor.target.text() == "Gain of layer 7"
    assert "Gain of layer 7" in tab.list.item(0).text() and editor.target_actions["layer_gains.7"].isChecked()
    typed(qtbot, editor.knobs["depth"], "-40")
    typed(qtbot, editor.knobs["hz"], "3.5")
    typed(qtbot, editor.knobs["phase"], "25 %")
    editor.shape.activated.emit(editor.shape.findText("Saw down"))
    assert codec.motions == (Motion("layer_gains.7", "lfo", -0.4, 3.5, phase=0.25, shape="saw down"),)
    editor.rate.activated.emit(editor.rate.findText("1 bar"))
    assert codec.motions[0].beats == 4.0 and not editor.knobs["hz"].isVisible()
    qtbot.mouseClick(editor.source.buttons["envelope"], LEFT)
    typed(qtbot, editor.knobs["attack_ms"], "50")
    typed(qtbot, editor.knobs["release_ms"], "900")
    assert (codec.motions[0].source, codec.motions[0].attack_ms, codec.motions[0].release_ms) == (
        "envelope",
        50.0,
        900.0,
    )
    typed(qtbot, editor.knobs["attack_ms"], "9000")
    assert window.notice.isVisible() and "9000" in window.notice.label.text() and codec.motions[0].attack_ms == 50.0


def test_steps_are_drawn_by_mouse_and_keys(window, tab, qtbot):
    codec, editor, picture = window.session.codec, tab.editor, tab.editor.picture
    add(tab, "Steps")
    typed(qtbot, editor.knobs["n_steps"], "4")
    typed(qtbot, editor.knobs["swing"], "60")
    assert len(codec.motions[0].steps) == 4 and codec.motions[0].swing == pytest.approx(0.6)
    qtbot.mousePress(picture, LEFT, pos=picture.bar(0).center().toPoint())
    assert codec.motions[0].steps[0] == pytest.approx(0.5, abs=0.03)
    qtbot.mouseMove(picture, picture.bar(2).center().toPoint())
    qtbot.mouseRelease(picture, LEFT, pos=picture.bar(2).center().toPoint())
    steps = codec.motions[0].steps
    assert steps == pytest.approx((0.5, 0.5, 0.5, 0.5), abs=0.03), (
        "the mouse jumped over the second one, which is drawn too"
    )
    picture.setFocus()
    qtbot.keyClick(picture, Qt.Key.Key_Right)
    before = steps[3]
    qtbot.keyClick(picture, Qt.Key.Key_Down)
    assert codec.motions[0].steps[3] == pytest.approx(before - 0.05) and codec.motions[0].steps[:3] == steps[:3]
    assert picture.accessibleDescription().startswith("step 4")


def test_the_tab_follows_a_change_of_board_and_of_a_target(window, tab, qtbot):
    add(tab, "LFO")
    window.session.parameters.set("layers", 20)
    assert "20 …" in tab.list.item(0).text()
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert tab.list.count() == 0 and not tab.editor.isEnabled()
    window.session.parameters.set("motions", (Motion("mix", "envelope"), Motion("denoise", "steps", steps=(0, 1, 0))))
    assert tab.list.count() == 2 and tab.editor.target.text() == "Mix"
    tab.list.setCurrentRow(1)
    assert tab.editor.knobs["n_steps"].shown == 3
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert tab.list.count() == 1 and tab.editor.source.buttons["lfo"].isChecked()


def test_what_a_script_has_drawn_is_told_and_kept(window, tab):
    assert not tab.drawn.isVisible()
    curves = (Automation("layers", (0.0, 2.0), (3, 8)),)
    window.session.parameters.set("automation", curves)
    assert tab.drawn.isVisible() and "Layers" in tab.drawn.text() and window.desk.tabs.buttons["Motion"].has_dot
    add(tab, "LFO")
    assert window.session.codec.automation == curves
