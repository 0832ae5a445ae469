"""The code desk in the window.

It opens, every control sets what it shows and follows it, dots tell, a reset sets back.
"""

import pytest
from gui_parts import PATIENCE_SECONDS, wait
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

from lamina.gui.model.values.desk import TAB_NAMES, TABS
from lamina.gui.widgets.controls.buttons import Switch
from lamina.gui.widgets.controls.chips import Segments
from lamina.gui.widgets.controls.choice_box import ChoiceBox
from lamina.gui.widgets.desk.desk_controls import DeskKnob, Labelled
from lamina.plugin.documents.presets import Preset
from lamina.plugin.parameters.motion import Automation, Motion

pytest_plugins = ["gui_fixtures"]

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def desk(window):
    """The desk, with every tab made, at its first one."""
    for name in (*TAB_NAMES, "Layers"):
        window.desk.open_tab(name)
    QApplication.processEvents()
    return window.desk


def controls_of(tab):
    return [name for section in tab.sections for row in section.rows for name in row if name != "freeze"]


def test_a_tab_is_made_when_it_is_first_opened(window, qtbot):
    desk = window.desk
    assert not desk._tabs and set(desk.controls.by_name) == set()
    desk.show_tab("Codes")
    assert not desk._tabs, "as long as the drawer is closed"
    qtbot.keyClick(window, Qt.Key.Key_D)
    assert list(desk._tabs) == ["Codes"] and desk.drawer.currentWidget().widget() is desk._tabs["Codes"]
    made = desk._tabs["Codes"]
    desk.open_tab("Bend")
    desk.open_tab("Codes")
    assert (
        list(desk._tabs) == ["Codes", "Bend"]
        and desk.drawer.currentWidget().widget() is made
        and desk.drawer.count() == 5
    )


def test_the_drawer_opens_by_key_and_button_and_leaves_the_knob_in_sight(window, qtbot):
    desk = window.desk
    assert not desk.is_open and not desk.drawer.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_D)
    assert (
        desk.is_open
        and desk.drawer.isVisible()
        and desk.open_button.isChecked()
        and desk.tabs.buttons["Layers"].isChecked()
    )
    assert window.controls.bitrate.isVisible() and window.spectra.output_view.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_D)
    assert not desk.is_open and not desk.open_button.isChecked() and window.stage.codebooks.isVisible()
    qtbot.mouseClick(desk.open_button, LEFT)
    assert desk.is_open
    qtbot.mouseClick(desk.open_button, LEFT)
    assert not desk.is_open
    for number, name in enumerate(TAB_NAMES, 1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        assert desk.is_open and desk.tab == name and desk.tabs.buttons[name].isChecked()
    desk.set_open(False)
    qtbot.mouseClick(desk.tabs.buttons["Bend"], LEFT)
    assert desk.is_open and desk.tab == "Bend"


@pytest.mark.parametrize(("width", "height"), [(980, 620), (1100, 700), (1280, 800), (1600, 1000)])
def test_the_open_desk_fits_every_window(window, qtbot, width, height):
    window.resize(width, height)
    for name in TAB_NAMES:
        window.desk.open_tab(name)
        qtbot.wait(20)
        assert (window.width(), window.height()) == (width, height)
        for widget in (
            window.desk,
            window.spectra,
            window.controls.bypass,
            window.status,
            window.desk.freeze,
            window.desk.layers.faders,
        ):
            if widget.isVisible():
                corner = widget.mapTo(window, widget.rect().bottomRight())
                assert corner.x() < width and corner.y() < height, widget
        assert window.desk.geometry().bottom() < window.stage.height()
    assert window.stage.codebooks.isVisible() == (width >= 1500), "where there is room the codebooks stay"


@pytest.mark.parametrize("tab", [tab for tab in TABS if tab.sections], ids=lambda tab: tab.name)
def test_every_control_sets_what_it_shows_and_follows_it(desk, qtbot, tab):
    values = desk.controls.values
    desk.show_tab(tab.name)
    # With these moving, every control matters.
    refined = sorted({parameter.refines for parameter in values.parameters.values() if parameter.refines is not None})
    values.set("motions", tuple(Motion(name) for name in refined))
    for name in controls_of(tab):
        parameter = values.parameters[name]
        for widget in desk.controls.by_name[name]:
            assert parameter.help in widget.toolTip()
            control = widget.control if isinstance(widget, Labelled) else widget
            if isinstance(control, Switch):
                values.set(name, not parameter.default)
                assert control.isChecked() != parameter.default and not control.grab().isNull()
                qtbot.mouseClick(control, LEFT)
                assert values[name] == parameter.default, name
                continue
            other = parameter.choices[-1] if parameter.kind == "choice" else parameter.validate(parameter.maximum)
            if other == parameter.default:
                other = parameter.choices[0] if parameter.kind == "choice" else parameter.validate(parameter.minimum)
            values.set(name, other)
            if isinstance(control, DeskKnob):
                assert control.shown == other
                control.edit(f"{parameter.default * (100 if parameter.unit == '%' else 1):g}")
                qtbot.keyClick(control._editor, Qt.Key.Key_Return)
            elif isinstance(control, Segments):
                assert control.buttons[other].isChecked()
                qtbot.mouseClick(control.buttons[parameter.default], LEFT)
            else:
                assert isinstance(control, ChoiceBox) and control.currentText() == other.capitalize()
                control.activated.emit(parameter.choices.index(parameter.default))
            assert values[name] == parameter.default, name


def test_what_does_not_matter_is_faint(desk):
    values, by_name = desk.controls.values, desk.controls.by_name
    assert not by_name["loss_burst"][0].isEnabled() and not by_name["bend_amount"][0].isEnabled()
    values.set("loss_model", "bursts")
    values.set("bend", "common")
    assert by_name["loss_burst"][0].isEnabled() and not by_name["loss_period"][0].isEnabled()
    assert (
        by_name["bend_common"][0].isEnabled()
        and by_name["bend_amount"][0].isEnabled()
        and not by_name["bend_offset"][0].isEnabled()
    )


def test_the_controls_follow_a_change_of_board_and_a_preset(window, desk, qtbot):
    values, feedback = window.session.parameters, desk.controls.by_name["code_feedback"][0]
    values.set("code_feedback", 0.5)
    values.set("muted_layers", (4,))
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert feedback.shown == 0.0 and values["muted_layers"] == () and not desk.open_button.has_dot
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert feedback.shown == 0.5 and desk.layers.desk.is_muted(4) and desk.open_button.has_dot
    window.session.apply_preset(Preset("mine", "Mine", "", {"bend": "nearest", "layer_gains": [0, 1.5]}))
    assert feedback.shown == 0.0 and desk.layers.desk.gain(2) == 1.5 and desk.layers.desk.gain(1) == 0.0
    assert desk.controls.by_name["bend"][0].control.buttons["nearest"].isChecked()
    assert {name for name, button in desk.tabs.buttons.items() if button.has_dot} == {"Layers", "Bend"}


def test_dots_tell_where_something_was_changed_and_reset_takes_all_back_in_one_go(window, desk, qtbot, monkeypatch):
    session = window.session
    assert not desk.reset_button.isEnabled()
    session.apply_preset(Preset("mine", "Mine", "", {"layers": 4}))
    session.parameters.set("frame_loss", 0.25)
    session.parameters.set("motions", (Motion("mix"),))
    session.parameters.set("automation", (Automation("layers", (0,), (3,)),))
    assert {name for name, button in desk.tabs.buttons.items() if button.has_dot} == {
        "Channel",
        "Motion",
    } and desk.open_button.has_dot
    assert "Frame loss" in desk.reset_button.toolTip()
    told = []
    set_parameters = session.engine.set_parameters
    monkeypatch.setattr(session.engine, "set_parameters", lambda *given: told.append(given) or set_parameters(*given))
    qtbot.mouseClick(desk.reset_button, LEFT)
    assert [given[2] for given in told] == [{"frame_loss": 0.0, "motions": [], "automation": []}]
    assert (
        not any(button.has_dot for button in (*desk.tabs.buttons.values(), desk.open_button))
        and not desk.reset_button.isEnabled()
    )
    codec = session.codec
    assert (codec.frame_loss, codec.motions, codec.automation, codec.layers) == (0.0, (), (), 4)
    assert window.header.preset_button.text() == "Mine" and window.header.preset_button.has_dot


def test_freeze_is_latched_by_a_click_and_its_key_and_held_by_holding(window, desk, qtbot, monkeypatch):
    codec, button = window.session.codec, desk.freeze
    qtbot.mouseClick(button, LEFT)
    assert codec.freeze and button.isChecked()
    qtbot.mouseClick(button, LEFT)
    assert not codec.freeze and not button.isChecked()
    qtbot.keyClick(window, Qt.Key.Key_F)
    assert codec.freeze and button.isChecked() and desk.tabs.buttons["Codes"].has_dot
    qtbot.keyClick(window, Qt.Key.Key_F)
    assert not codec.freeze
    now = [100.0]
    monkeypatch.setattr("lamina.gui.widgets.desk.desk_specials.time.monotonic", lambda: now[0])
    qtbot.mousePress(button, LEFT)
    assert codec.freeze
    now[0] += 1.0
    qtbot.mouseRelease(button, LEFT)
    assert not codec.freeze and not button.isChecked()
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Return)
    assert codec.freeze


def test_a_tempo_is_tapped_and_dice_draw_a_seed(window, desk, qtbot, monkeypatch):
    desk.show_tab("Codes")
    tap = next(
        button for button in desk.drawer.currentWidget().findChildren(type(desk.reset_button)) if button.text() == "Tap"
    )
    now = [100.0]
    monkeypatch.setattr("lamina.gui.widgets.desk.desk_specials.time.monotonic", lambda: now[0])
    for _ in range(4):
        qtbot.mouseClick(tap, LEFT)
        now[0] += 0.4
    assert window.session.codec.tempo == pytest.approx(150.0) and all(
        k.shown == 150.0 for k in desk.controls.by_name["tempo"]
    )
    desk.show_tab("Bend")
    dice = desk.controls.by_name["seed"][0].parentWidget().button
    seeds = set()
    for _ in range(4):
        qtbot.mouseClick(dice, LEFT)
        seeds.add(window.session.codec.seed)
    assert len(seeds) > 1


def test_a_refused_value_is_told_and_the_control_stays(window, desk, qtbot):
    knob = desk.controls.by_name["frame_loss"][0]
    desk.show_tab("Channel")
    knob.edit("250")
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert window.notice.isVisible() and "frame_loss is 2.5" in window.notice.label.text()
    assert knob.shown == window.session.codec.frame_loss == 0.0


# The layers.


def test_a_drag_on_a_fader_sets_its_layers_gain(window, desk, qtbot):
    faders, codec = desk.layers.faders, window.session.codec
    start = faders.place(7, "fader").toPoint()
    qtbot.mousePress(faders, LEFT, pos=start)
    qtbot.mouseMove(faders, start - QPoint(0, 30))
    gain = codec.layer_gains[6]
    assert 1.2 < gain < 2.0 and [g for g in codec.layer_gains if g != 1.0] == [gain]
    qtbot.mouseMove(faders, start + QPoint(0, 1000))
    assert codec.layer_gains[6] == 0.0
    qtbot.mouseRelease(faders, LEFT, pos=start)
    qtbot.mouseDClick(faders, LEFT, pos=start)
    assert codec.layer_gains == (1.0,) * 24


def test_a_fine_drag_moves_less_and_one_with_ctrl_draws_over_the_layers(window, desk, qtbot):
    faders, codec = desk.layers.faders, window.session.codec
    gains = []
    for modifier in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
        start = faders.place(3, "fader")
        qtbot.mousePress(faders, LEFT, modifier, start.toPoint())
        move(faders, start - QPointF(0, 20), modifier)
        qtbot.mouseRelease(faders, LEFT, pos=start.toPoint())
        gains.append(codec.layer_gains[2] - 1.0)
        window.session.parameters.reset("layer_gains")
    assert gains[1] == pytest.approx(gains[0] / 5, abs=0.02) and gains[0] > 0.2
    low = faders.place(5, "fader") + QPointF(0, 25)
    qtbot.mousePress(faders, LEFT, Qt.KeyboardModifier.ControlModifier, low.toPoint())
    move(faders, QPointF(faders.place(9, "fader").x(), low.y()), Qt.KeyboardModifier.ControlModifier)
    qtbot.mouseRelease(faders, LEFT, pos=low.toPoint())
    drawn = codec.layer_gains[4:9]
    assert len(set(drawn)) == 1 and drawn[0] < 0.8 and set(codec.layer_gains[:4] + codec.layer_gains[9:]) == {1.0}


def move(widget, place, modifiers):
    """A mouse move with the button held; qtbot's own has no modifiers."""
    from PyQt6.QtCore import QEvent
    from PyQt6.QtGui import QMouseEvent

    kind = QEvent.Type.MouseMove
    QApplication.sendEvent(
        widget, QMouseEvent(kind, place, widget.mapToGlobal(place), Qt.MouseButton.NoButton, LEFT, modifiers)
    )


def test_mute_and_solo_are_clicked(window, desk, qtbot):
    faders, codec = desk.layers.faders, window.session.codec
    for part, read in (("mute", lambda: codec.muted_layers), ("solo", lambda: codec.solo_layers)):
        for layer in (2, 6):
            qtbot.mouseClick(faders, LEFT, pos=faders.place(layer, part).toPoint())
        assert read() == (2, 6)
        # Quick clicks come as double clicks: each counts.
        qtbot.mouseDClick(faders, LEFT, pos=faders.place(6, part).toPoint())
        qtbot.mouseClick(faders, LEFT, pos=faders.place(2, part).toPoint())
        assert 2 not in read()
    qtbot.mouseClick(faders, LEFT, Qt.KeyboardModifier.ControlModifier, faders.place(9, "solo").toPoint())
    assert codec.solo_layers == (9,)
    qtbot.mouseClick(desk.layers.reset_button, LEFT)
    assert (codec.muted_layers, codec.solo_layers) == ((), ()) and not desk.layers.reset_button.isEnabled()


def test_the_faders_turn_by_wheel_and_keys(window, desk, qtbot):
    faders, codec = desk.layers.faders, window.session.codec
    place = faders.place(4, "fader")
    wheel = QWheelEvent(
        place, faders.mapToGlobal(place), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(faders, wheel)
    assert codec.layer_gains[3] == pytest.approx(0.96) and faders.current == 4
    faders.setFocus()
    qtbot.keyClick(faders, Qt.Key.Key_Right)
    qtbot.keyClick(faders, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert codec.layer_gains[4] == pytest.approx(1.01)
    qtbot.keyClick(faders, Qt.Key.Key_M)
    qtbot.keyClick(faders, Qt.Key.Key_S)
    assert codec.muted_layers == (5,) and codec.solo_layers == (5,) and "layer 5" in faders.accessibleDescription()
    qtbot.keyClick(faders, Qt.Key.Key_Delete)
    assert codec.layer_gains[4] == 1.0


def test_listening_to_one_layer_chooses_it_by_its_number(window, desk, qtbot):
    faders, codec = desk.layers.faders, window.session.codec
    number = faders.place(6, "number").toPoint()
    qtbot.mouseClick(faders, LEFT, pos=number)
    assert codec.listen_layer == 1
    qtbot.mouseClick(desk.layers.listen.buttons["layer"], LEFT)
    qtbot.mouseClick(faders, LEFT, pos=number)
    assert (codec.listen, codec.listen_layer) == ("layer", 6)
    qtbot.mouseClick(faders, LEFT, pos=faders.place(12, "number").toPoint())
    wait(qtbot, lambda: "layer 12 isn't sent" in window.spectra.output_caption.remark.text())
    qtbot.mouseClick(desk.layers.listen.buttons["wet"], LEFT)
    assert codec.listen == "wet"


def test_the_engine_takes_what_the_desk_sets(window, desk):
    session = window.session
    session.parameters.set("layer_gains", (0.5,))
    session.parameters.set("solo_layers", (1, 2))
    session.parameters.set("motions", (Motion("layer_gains.2", "steps", steps=(0, 1)),))
    session.parameters.set("listen", "difference")
    session.engine.slots().result(PATIENCE_SECONDS)
    known = session.engine.wishes()["boards"]["A"]["effects"][0]["parameters"]
    assert known["layer_gains"][:2] == [0.5, 1.0] and known["solo_layers"] == [1, 2] and known["listen"] == "difference"
    assert known["motions"][0]["target"] == "layer_gains.2" and known["motions"][0]["steps"] == [0.0, 1.0]
    session.tick(0.01)
    assert not window.notice.isVisible()
