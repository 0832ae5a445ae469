"""A value is typed into a field that closes when one is done with it, and then every key does its job again."""

import pytest
from gui_parts import wait
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QApplication, QLineEdit

pytest_plugins = ["gui_fixtures"]


@pytest.fixture
def active(window, qtbot):
    """The window with the keyboard's focus, as it needs for focus to move."""
    with qtbot.waitActive(window):
        window.activateWindow()
    return window


def open_fields(window):
    return [field for field in window.findChildren(QLineEdit) if field.isVisible()]


def type_keys(qtbot, text):
    """Typed as a user types: wherever the focus is."""
    for key in text:
        qtbot.keyClicks(QApplication.focusWidget(), key)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_return_takes_the_value_and_the_keys_are_shortcuts_again(active, qtbot, key):
    knob = active.controls.bitrate
    knob.setFocus()
    type_keys(qtbot, "9")
    qtbot.keyClick(QApplication.focusWidget(), key)
    assert active.session.parameters["layers"] == 9
    assert not open_fields(active) and QApplication.focusWidget() is knob
    type_keys(qtbot, "d")
    assert active.desk.is_open
    type_keys(qtbot, " ")
    wait(qtbot, lambda: active.session.is_playing)
    type_keys(qtbot, "b")
    assert active.session.parameters["bypass"]


def test_one_field_is_open_at_a_time_and_a_click_elsewhere_takes_what_was_typed(active, qtbot):
    knobs = active.controls.knobs
    knobs["input_gain_db"].setFocus()
    qtbot.keyClick(knobs["input_gain_db"], Qt.Key.Key_F2)
    qtbot.keyClicks(open_fields(active)[0], "-6")
    qtbot.mouseClick(knobs["output_gain_db"], Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert active.session.parameters["input_gain_db"] == -6.0 and not open_fields(active)
    qtbot.keyClick(knobs["output_gain_db"], Qt.Key.Key_F2)
    assert len(open_fields(active)) == 1
    # The window's background takes no focus, and yet a click on it is a click elsewhere.
    qtbot.mouseClick(active.centralWidget(), Qt.MouseButton.LeftButton, pos=QPoint(5, 300))
    assert not open_fields(active) and QApplication.focusWidget() is knobs["output_gain_db"]
    type_keys(qtbot, " ")
    wait(qtbot, lambda: active.session.is_playing)


def test_tab_takes_the_value_and_goes_to_the_next_knob(active, qtbot):
    knobs = active.controls.knobs
    for modifier, key, expected in (
        (Qt.KeyboardModifier.NoModifier, Qt.Key.Key_Tab, knobs["output_gain_db"]),
        (Qt.KeyboardModifier.ShiftModifier, Qt.Key.Key_Backtab, knobs["input_gain_db"]),
    ):
        start = QApplication.focusWidget() if expected is knobs["input_gain_db"] else knobs["input_gain_db"]
        start.setFocus()
        type_keys(qtbot, "3")
        qtbot.keyClick(QApplication.focusWidget(), key, modifier)
        assert active.session.parameters[start.parameter.name] == 3.0
        assert not open_fields(active) and QApplication.focusWidget() is expected


def test_a_field_left_as_it_was_leaves_the_value_as_it_is(active, qtbot):
    values, knob = active.session.parameters, active.controls.knobs["mix"]
    values.set("mix", 0.123)
    assert knob.text() == "12 %"
    knob.setFocus()
    qtbot.keyClick(knob, Qt.Key.Key_F2)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert values["mix"] == 0.123


def test_a_refused_value_closes_the_field_too_and_is_told(active, qtbot):
    knob = active.controls.bitrate
    knob.setFocus()
    type_keys(qtbot, "99")
    active.controls.knobs["mix"].setFocus()
    assert not open_fields(active) and active.session.parameters["layers"] == 8
    assert "99" in active.notice.label.text() and QApplication.focusWidget() is active.controls.knobs["mix"]


@pytest.mark.parametrize("text", [",5", ".5", "0.5"])
def test_a_number_may_begin_with_its_point_or_comma(active, qtbot, text):
    knob = active.controls.knobs["input_gain_db"]
    knob.setFocus()
    type_keys(qtbot, text)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert active.session.parameters["input_gain_db"] == 0.5
