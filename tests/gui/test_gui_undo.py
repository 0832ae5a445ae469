"""Undo in the window: keys and buttons, a drag as one step, and a way back in the notice of what is gone at a click."""

import pytest
from gui_parts import wait
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

pytest_plugins = ["gui_fixtures"]

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


def undo(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_Z, CTRL)


def redo(window, qtbot, key=Qt.Key.Key_Z, modifiers=CTRL | SHIFT):
    qtbot.keyClick(window, key, modifiers)


def drag(qtbot, widget, start, *places):
    """Presses, moves through the places, and lets go."""
    qtbot.mousePress(widget, LEFT, pos=start)
    for place in places:
        qtbot.mouseMove(widget, place)
    qtbot.mouseRelease(widget, LEFT, pos=places[-1])
    qtbot.wait(5)


def turn_wheel(widget, notches):
    place = QPointF(widget.rect().center())
    event = QWheelEvent(
        place, widget.mapToGlobal(place), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def steps(window):
    """Names of all that can be undone, the last first; undoes it all."""
    names = []
    while window.session.history.undo_name:
        names.append(window.session.history.undo())
    return names


def test_keys_undo_and_do_again_and_say_what(window, qtbot):
    values = window.session.parameters
    undo(window, qtbot)
    assert window.notice.label.text() == "There is nothing to undo."
    values.set("layers", 3)
    undo(window, qtbot)
    assert values["layers"] == window.controls.bitrate.shown == 8
    assert window.notice.label.text() == "Undone: Layers 8 \N{RIGHTWARDS ARROW} 3"
    redo(window, qtbot)
    assert values["layers"] == 3 and window.notice.label.text().startswith("Done again: Layers")
    undo(window, qtbot)
    redo(window, qtbot, Qt.Key.Key_Y, CTRL)
    assert values["layers"] == 3
    redo(window, qtbot)
    assert window.notice.label.text() == "There is nothing to do again."


def test_the_buttons_say_what_they_would_do_and_do_it(window, qtbot):
    undo_button, redo_button = window.status.undo_button, window.status.redo_button
    assert not undo_button.isEnabled() and not redo_button.isEnabled()
    assert "Nothing to undo (Ctrl+Z)" in undo_button.toolTip()
    window.session.parameters.set("mix", 0.25)
    assert undo_button.accessibleName() == "Undo: Mix 100 % \N{RIGHTWARDS ARROW} 25 %"
    assert "Mix 100 %" in undo_button.toolTip() and "Ctrl+Z" in undo_button.toolTip()
    qtbot.mouseClick(undo_button, LEFT)
    assert window.session.parameters["mix"] == 1.0 and not undo_button.isEnabled()
    assert redo_button.accessibleName().startswith("Redo: Mix") and "Ctrl+Shift+Z" in redo_button.toolTip()
    qtbot.mouseClick(redo_button, LEFT)
    assert window.session.parameters["mix"] == 0.25


def test_a_drag_of_a_knob_is_one_step_and_so_is_a_run_of_the_wheel(window, qtbot):
    knob = window.controls.knobs["mix"]
    drag(qtbot, knob, QPoint(20, 20), QPoint(20, 30), QPoint(20, 45), QPoint(20, 60))
    dragged = window.session.parameters["mix"]
    assert dragged < 1.0
    for _ in range(4):
        turn_wheel(knob, -1)
    assert window.session.parameters["mix"] < dragged
    qtbot.mouseDClick(knob, LEFT)
    qtbot.mouseRelease(knob, LEFT)
    qtbot.wait(5)
    knob.setFocus()
    for _ in range(3):
        qtbot.keyClick(knob, Qt.Key.Key_Down)
    names = steps(window)
    assert len(names) == 4 and all(name.startswith("Mix") for name in names)
    assert window.session.parameters["mix"] == 1.0


def test_faders_drawn_across_layers_are_one_step(window, qtbot):
    window.desk.open_tab("Layers")
    qtbot.wait(20)
    faders = window.desk.layers.faders
    start, end = (faders.place(layer, "fader").toPoint() for layer in (2, 6))
    qtbot.mousePress(faders, LEFT, CTRL, start + QPoint(0, 10))
    for layer in (3, 4, 5, 6):
        qtbot.mouseMove(faders, faders.place(layer, "fader").toPoint() + QPoint(0, 10))
    qtbot.mouseRelease(faders, LEFT, CTRL, end)
    qtbot.wait(5)
    qtbot.mouseClick(faders, LEFT, pos=faders.place(3, "mute").toPoint())
    qtbot.wait(5)
    assert window.session.parameters["layer_gains"][5] != 1.0
    assert steps(window) == ["Mute layer 3", "Gains of layers"]
    assert set(window.session.parameters["layer_gains"]) == {1.0} and faders.desk.gain(6) == 1.0


def test_steps_drawn_across_a_motion_are_one_step(window, qtbot):
    window.desk.open_tab("Motion")
    motion = window.desk.motion
    motion.desk.add("steps")
    qtbot.wait(20)
    picture = motion.editor.picture
    before = motion.desk.motion.steps
    drag(qtbot, picture, *(picture.bar(index).center().toPoint() for index in range(5)))
    assert motion.desk.motion.steps != before
    undo(window, qtbot)
    assert motion.desk.motion.steps == before
    undo(window, qtbot)
    assert not motion.desk.motions and not motion.list.count()
    redo(window, qtbot)
    assert motion.list.count() == 1


def test_a_loop_that_is_drawn_is_one_step(window, qtbot):
    view = window.waveform
    drag(qtbot, view, QPoint(100, 5), QPoint(140, 5), QPoint(180, 5), QPoint(220, 5))
    assert window.session.loop_seconds and window.session.is_looping
    drag(qtbot, view, QPoint(300, 5), QPoint(340, 5), QPoint(380, 5))
    second = window.session.loop_seconds
    undo(window, qtbot)
    assert window.session.loop_seconds != second and view._region == window.session.loop_seconds
    undo(window, qtbot)
    assert window.session.loop_seconds is None and not window.session.is_looping
    assert not window.transport.loop_button.isChecked() and not window.session.history.undo_name


def test_freeze_held_and_let_go_leaves_no_step(window, qtbot, monkeypatch):
    monkeypatch.setattr("lamina.gui.widgets.desk.desk_specials.HELD_SECONDS", -1.0)
    button = window.desk.freeze
    qtbot.mousePress(button, LEFT)
    assert window.session.parameters["freeze"]
    qtbot.mouseRelease(button, LEFT)
    qtbot.wait(5)
    assert not window.session.parameters["freeze"] and not window.session.history.undo_name


def test_a_typed_value_is_one_step_and_ctrl_z_in_its_field_is_the_fields_own(window, qtbot):
    knob = window.controls.knobs["mix"]
    window.session.parameters.set("mix", 0.5)
    knob.setFocus()
    qtbot.keyClicks(knob, "7")
    field = QApplication.focusWidget()
    qtbot.keyClicks(field, "0")
    qtbot.keyClick(field, Qt.Key.Key_Z, CTRL)
    assert window.session.parameters["mix"] == 0.5 and field.text() != "70"
    field.selectAll()
    qtbot.keyClicks(field, "30")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert window.session.parameters["mix"] == 0.3
    undo(window, qtbot)
    assert window.session.parameters["mix"] == 0.5


@pytest.mark.parametrize("way", ["copy", "desk", "layers", "preset", "motion"])
def test_what_is_lost_at_one_click_has_its_way_back_in_the_notice(window, qtbot, way):
    session, values = window.session, window.session.parameters
    if way == "copy":
        values.set("layers", 3)
        click = window.controls.copy_button
    elif way == "desk":
        values.set("freeze", True)
        values.set("search", 1)
        click = window.desk.reset_button
    elif way == "layers":
        window.desk.open_tab("Layers")
        window.desk.layers.desk.set_gain(2, 0.25)
        window.desk.layers.desk.toggle_mute(3)
        click = window.desk.layers.reset_button
    elif way == "motion":
        window.desk.open_tab("Motion")
        window.desk.motion.desk.add("lfo")
        click = window.desk.motion.remove_button
    before = session.boards.look()
    if way == "preset":
        values.set("mix", 0.5)
        before = session.boards.look()
        qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    else:
        qtbot.mouseClick(click, LEFT)
    assert session.boards.look() != before
    assert window.notice.isVisible() and window.notice.action_button.text() == "Undo"
    # Whatever was done since goes with it.
    values.set("output_gain_db", -3.0)
    qtbot.mouseClick(window.notice.action_button, LEFT)
    assert session.boards.look() == before
    assert window.notice.label.text().endswith("and what came after it (2 steps)")


def test_going_through_presets_says_nothing_where_nothing_is_lost(window, qtbot):
    for _ in range(3):
        qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert not window.notice.isVisible()
    names = steps(window)
    assert len(names) == 3 and all(name.startswith("Preset ") for name in names)
    assert window.header.preset_button.text() == "Presets"


def test_the_file_that_was_open_comes_back_with_its_loop(window, qtbot, sound):
    session = window.session
    demo = session.document.title
    session.set_loop_region(1.0, 2.0)
    window.open(sound)
    wait(qtbot, lambda: session.document.title == sound.name)
    assert session.loop_seconds is None and session.history.undo_name == f"Open {sound.name}"
    undo(window, qtbot)
    wait(qtbot, lambda: session.document.title == demo)
    assert session.loop_seconds == (1.0, 2.0) and session.history.undo_name.startswith("Loop")
    redo(window, qtbot)
    wait(qtbot, lambda: session.document.title == sound.name)
    assert session.loop_seconds is None and not session.history.redo_name


def test_a_file_that_is_gone_is_said_and_the_step_stays(window, qtbot, sound, tmp_path):
    session = window.session
    window.open(sound)
    wait(qtbot, lambda: session.document.title == sound.name)
    other = tmp_path / "other.wav"
    other.write_bytes(sound.read_bytes())
    window.open(other)
    wait(qtbot, lambda: session.document.title == other.name)
    sound.unlink()
    undo(window, qtbot)
    wait(qtbot, lambda: window.notice.isVisible() and "there is no file" in window.notice.label.text().lower())
    assert session.document.title == other.name and session.history.undo_name == f"Open {other.name}"
    # What is edited then is undone as ever.
    session.parameters.set("layers", 3)
    undo(window, qtbot)
    assert session.parameters["layers"] == 8
