"""The overview of keys, and the right button's menu on every control."""

import pytest
from gui_parts import wait
from PyQt6.QtCore import QPoint, QRect, Qt
from PyQt6.QtGui import QContextMenuEvent, QGuiApplication
from PyQt6.QtWidgets import QApplication, QLabel, QMenu, QPushButton

from lamina.gui.model.values.desk import TAB_NAMES, UNSHOWN_NAMES
from lamina.gui.widgets.controls.knob import Knob
from lamina.gui.widgets.controls.value_field import ValueField
from lamina.plugin.parameters.motion import MOST_MOTIONS, Motion

pytest_plugins = ["gui_fixtures"]


def right_click(widget, place=None):
    """What the right button opens, or nothing."""
    place = widget.rect().center() if place is None else place
    QApplication.sendEvent(widget, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, widget.mapToGlobal(place)))
    menu = QApplication.activePopupWidget()
    return menu if isinstance(menu, QMenu) else None


def entries(menu):
    return {action.text(): action for action in menu.actions() if not action.isSeparator()}


def take(menu, text):
    action = entries(menu)[text]
    menu.close()
    action.trigger()


@pytest.mark.parametrize(("width", "height"), [(980, 620), (1280, 800)])
def test_question_mark_and_f1_show_every_key_and_hide_it_again(window, qtbot, width, height):
    window.resize(width, height)
    with qtbot.waitActive(window):
        window.activateWindow()
    for key in (Qt.Key.Key_Question, Qt.Key.Key_F1):
        qtbot.keyClick(window, key)
        overlay = window._help
        assert overlay.isVisible()
        qtbot.keyClick(QApplication.focusWidget(), key)
        assert not overlay.isVisible()
    qtbot.mouseClick(window.status.help_button, Qt.MouseButton.LeftButton)
    qtbot.wait(20)
    assert overlay.isVisible() and overlay.geometry() == window.views.centre.rect()
    shown = " ".join(overlay.texts)
    for shortcut in window.shortcuts:
        assert shortcut.keys in shown
        assert shortcut.words in overlay.accessibleDescription()
    for label in overlay.findChildren(QLabel):
        assert overlay.rect().contains(QRect(label.mapTo(overlay, QPoint()), label.size())), label.text()
        assert label.width() >= label.sizeHint().width()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert not overlay.isVisible()
    window.toggle_help()
    qtbot.mouseClick(overlay, Qt.MouseButton.LeftButton)
    assert not overlay.isVisible()


def test_every_key_does_something_of_its_own(window):
    keys = [shortcut.keys for shortcut in window.shortcuts]
    assert len(keys) == len(set(keys))


def test_keys_still_work_over_the_overview(window, qtbot):
    with qtbot.waitActive(window):
        window.activateWindow()
    window.toggle_help()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    wait(qtbot, lambda: window.session.is_playing)
    assert window._help.isVisible()


def test_a_knobs_menu_resets_types_copies_and_pastes(window, qtbot):
    with qtbot.waitActive(window):
        window.activateWindow()
    knob, values = window.controls.knobs["output_gain_db"], window.session.parameters
    QGuiApplication.clipboard().setText("")
    assert not entries(right_click(knob))["Reset to +0.0 dB"].isEnabled()
    QApplication.activePopupWidget().close()
    values.set("output_gain_db", -6.5)
    menu = right_click(knob)
    assert "Copy \N{MINUS SIGN}6.5 dB" in entries(menu)
    take(menu, "Copy \N{MINUS SIGN}6.5 dB")
    assert QGuiApplication.clipboard().text() == "-6.5 dB"
    take(right_click(knob), "Reset to +0.0 dB")
    assert values["output_gain_db"] == 0.0
    take(right_click(window.controls.knobs["input_gain_db"]), "Paste -6.5 dB")
    assert values["input_gain_db"] == -6.5
    take(right_click(knob), "Type a value…")
    field = QApplication.focusWidget()
    assert isinstance(field, ValueField)
    qtbot.keyClicks(field, "3")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert values["output_gain_db"] == 3.0
    # One step each.
    assert window.session.history.undo_name.startswith("Output")
    QGuiApplication.clipboard().setText("loud")
    take(right_click(knob), "Paste loud")
    assert values["output_gain_db"] == 3.0 and window.notice.isVisible()
    QGuiApplication.clipboard().setText("x" * 400)
    assert not [text for text in entries(right_click(knob)) if text.startswith("Paste")]
    QApplication.activePopupWidget().close()


def test_the_big_knobs_menu_says_layers(window):
    window.session.parameters.set("layers", 3)
    menu = right_click(window.controls.bitrate)
    assert "Reset to 8 layers" in entries(menu) and "Copy 3 layers" in entries(menu)
    take(menu, "Reset to 8 layers")
    assert window.session.parameters["layers"] == 8


def test_what_is_right_clicked_is_moved_and_stilled_again(window):
    knob = window.controls.knobs["mix"]
    moves = entries(right_click(knob))["Move by"].menu()
    assert list(entries(moves)) == ["LFO", "Envelope", "Steps"]
    QApplication.activePopupWidget().close()
    entries(moves)["LFO"].trigger()
    (motion,) = window.session.parameters["motions"]
    assert (motion.target, motion.source) == ("mix", "lfo") and motion.depth < 0  # there is room below only
    assert window.desk.is_open and window.desk.tab == "Motion" and window.desk.motion.desk.motion == motion
    take(right_click(knob), "Stop its motion")
    assert not window.session.parameters["motions"]


def test_a_motion_too_many_is_refused_with_a_sentence(window):
    window.session.parameters.set("motions", tuple(Motion("layers") for _ in range(MOST_MOTIONS)))
    moves = entries(right_click(window.controls.knobs["mix"]))["Move by"].menu()
    QApplication.activePopupWidget().close()
    entries(moves)["Steps"].trigger()
    assert len(window.session.parameters["motions"]) == MOST_MOTIONS
    assert "the most" in window.notice.label.text() and window.notice.isVisible()


def test_a_faders_menu_is_about_its_layer(window, qtbot):
    window.desk.open_tab("Layers")
    qtbot.wait(20)
    faders = window.desk.layers.faders
    place = faders.place(5, "fader").toPoint()
    faders.desk.set_gain(5, 0.5)
    take(right_click(faders, place), "Reset to 1.00")
    assert faders.desk.gain(5) == 1.0
    take(right_click(faders, place), "Mute")
    assert faders.desk.is_muted(5)
    assert "Unmute" in entries(right_click(faders, place))
    moves = entries(QApplication.activePopupWidget())["Move by"].menu()
    QApplication.activePopupWidget().close()
    entries(moves)["Envelope"].trigger()
    assert window.session.parameters["motions"][0].target == "layer_gains.5"


@pytest.mark.parametrize("tab", TAB_NAMES)
def test_every_control_of_the_desk_has_a_menu_with_its_default(window, qtbot, tab):
    window.desk.open_tab(tab)
    qtbot.wait(20)
    values = window.session.parameters
    for name, widgets in window.desk.controls.by_name.items():
        for widget in widgets:
            if not widget.isEnabled():
                continue  # what has no say as the others stand
            menu = right_click(widget)
            assert menu is not None and next(iter(entries(menu))).startswith("Reset to "), name
            menu.close()
    # A choice's buttons pass the right button on to what they belong to.
    for name, widgets in window.desk.controls.by_name.items():
        for button in [b for w in widgets for b in w.findChildren(QPushButton) if b.isVisible() and b.isEnabled()]:
            parameter = values.parameters[name]
            if parameter.kind == "choice":
                values.set(name, next(word for word in parameter.choices if word != parameter.default))
                take(right_click(button), next(text for text in entries(right_click(button)) if "Reset" in text))
                assert values[name] == parameter.default
                break
    for knob in window.desk.drawer.currentWidget().findChildren(Knob):
        assert knob.contextMenuPolicy() == Qt.ContextMenuPolicy.CustomContextMenu, knob.parameter.name
    assert "automation" in UNSHOWN_NAMES  # which has no control, and so no menu
