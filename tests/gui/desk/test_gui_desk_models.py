"""What the code desk knows, without a window.

Where controls stand, what matters, what changed, layers, motions, taps.
"""

import json

import pytest

from lamina.gui.model.values.desk import PANEL_NAMES, TABS, UNSHOWN_NAMES, Desk, presettable
from lamina.gui.model.values.layer_desk import LayerDesk
from lamina.gui.model.values.motion_desk import FIELDS, NEW, RATES, MotionDesk, curve, target_text, targets
from lamina.gui.model.values.parameters import ParameterValues, plain
from lamina.gui.model.values.tap_tempo import TapTempo
from lamina.gui.model.values.travel import Travel
from lamina.plugin import PARAMETERS
from lamina.plugin.parameters.motion import MOST_MOTIONS, SOURCES, Automation, Motion
from lamina.plugin.parameters.table import find_parameter


@pytest.fixture
def values():
    return ParameterValues()


@pytest.fixture
def desk(values):
    return Desk(values, lambda changes, _edit: [values.set(name, value) for name, value in changes.items()])


def test_every_parameter_has_its_place_in_the_window_or_is_for_scripts():
    shown = {name for tab in TABS for name in tab.names} | set(PANEL_NAMES) | set(UNSHOWN_NAMES)
    assert shown == {name for name, parameter in PARAMETERS.items() if parameter.view_of is None}
    # What is in the panel is not on the desk too.
    assert not set(PANEL_NAMES) & {name for tab in TABS for name in tab.names}


def test_a_change_marks_its_tab_and_a_reset_takes_all_marks_away(values, desk):
    assert desk.changed_tabs() == set() and desk.changed_names() == ()
    values.set("layers", 3)
    assert desk.changed_tabs() == set(), "the panel's own controls are in sight"
    for name, value, tab in (
        ("solo_layers", (2,), "Layers"), ("listen", "dry", "Layers"), ("concealment", "hold", "Channel"), ("freeze",
        True, "Codes"),
        ("seed", 7, "Bend"), ("motions", (Motion("mix"),), "Motion"),
        ("automation", (Automation("mix", (0.0, 1.0), (0.0, 1.0)),), "Motion"),
    ):  # fmt: skip
        values.set(name, value)
        assert desk.changed_tabs() == {tab} and desk.changed_names() == (name,)
        desk.reset()
        assert desk.changed_names() == () and values["layers"] == 3
    values.set("cross_layers", 2)
    assert desk.changed_names() == ("cross_layers",), "what has no control is told too, and set back"


def test_what_refines_a_choice_matters_with_it_alone(values, desk):
    cases = {"side_layers": ("stereo", "mid-side"), "loss_burst": ("loss_model", "bursts"),
    "loss_period": ("loss_model", "pattern"),
             "slice_repeats": ("slices", "stutter"), "bend_offset": ("bend", "offset"), "bend_common": ("bend",
             "common")}  # fmt: skip
    for name, (chooser, word) in cases.items():
        assert not desk.matters(name)
        values.set(chooser, word)
        assert desk.matters(name)
        values.reset(chooser)
    assert desk.matters("frame_loss") and desk.matters("seed")
    # A choice that moves by itself comes to any of its words.
    values.set("motions", (Motion("bend"),))
    assert desk.matters("bend_offset") and desk.matters("bend_common") and not desk.matters("loss_burst")


def test_a_preset_of_the_settings_is_plain_and_names_what_was_changed(values):
    values.set("bypass", True)
    values.set("motions", (Motion("layer_gains.7", "steps", steps=(0, 0.5)),))
    values.set("muted_layers", (3, 1))
    kept = presettable(values)
    assert set(kept) == {*PANEL_NAMES, "motions", "muted_layers"} - {"bypass"}
    again = json.loads(json.dumps(kept))
    assert PARAMETERS["motions"].validate(again["motions"]) == values["motions"]
    assert again["muted_layers"] == [1, 3]


def test_all_values_are_plain_and_come_back(values):
    values.set("layer_gains", (0.5, 2))
    values.set("automation", (Automation("layers", (0, 1), (3, 8)),))
    again = json.loads(json.dumps(plain(values.values())))
    assert {name: PARAMETERS[name].validate(value) for name, value in again.items()} == values.values()


def test_faders_mutes_and_solos(values):
    desk = LayerDesk(values)
    desk.set_gain(7, 0.25)
    assert values["layer_gains"] == (1.0,) * 6 + (0.25,) + (1.0,) * 17 and desk.gain(7) == 0.25
    assert [layer for layer in range(1, 25) if desk.is_heard(layer)] == list(range(1, 9))
    desk.toggle_mute(2)
    assert values["muted_layers"] == (2,) and not desk.is_heard(2) and desk.is_heard(3)
    desk.toggle_solo(5)
    desk.toggle_solo(2)
    assert values["solo_layers"] == (2, 5) and desk.is_heard(5) and not desk.is_heard(2) and not desk.is_heard(3)
    desk.toggle_solo(4, alone=True)
    assert values["solo_layers"] == (4,)
    desk.toggle_solo(4, alone=True)
    assert values["solo_layers"] == ()
    assert desk.text(2) == "layer 2, gain 1.00, muted" and "not sent" in desk.text(9)
    assert desk.is_changed()
    desk.reset()
    assert not desk.is_changed() and values.values() == ParameterValues().values()


def test_a_layer_is_chosen_for_listening_only_while_one_is_listened_to(values):
    desk = LayerDesk(values)
    desk.listen_to(5)
    assert values["listen_layer"] == 1 and desk.listened is None
    values.set("listen", "layer")
    desk.listen_to(5)
    assert desk.listened == 5


def test_motions_are_added_changed_and_removed(values):
    desk = MotionDesk(values)
    assert desk.motion is None and desk.selected == -1
    for source in SOURCES:
        desk.add(source)
        assert desk.motion.source == source and desk.motion.depth == NEW[source]["depth"]
    desk.select(0)
    desk.change(target="mix", depth=-0.25, beats=2.0)
    assert values["motions"][0] == Motion("mix", "lfo", -0.25, beats=2.0) and [
        m.source for m in values["motions"]
    ] == list(SOURCES)
    desk.select(2)
    desk.change(n_steps=3)
    desk.set_step(1, 1.7)
    assert values["motions"][2].steps == (0.0, 1.0, 0.0)
    desk.change(n_steps=5)
    assert values["motions"][2].steps == (0.0, 1.0, 0.0, 0.0, 1.0), "a longer sequence repeats"
    desk.remove()
    assert len(values["motions"]) == 2 and desk.selected == 1
    for _ in range(2):
        desk.remove()
    assert values["motions"] == () and desk.motion is None
    desk.remove()
    desk.change(depth=1.0)
    assert values["motions"] == ()
    for _ in range(MOST_MOTIONS):
        assert desk.can_add
        desk.add("lfo")
    assert not desk.can_add


def test_every_target_offered_can_be_moved_and_is_named(values):
    desk = MotionDesk(values)
    desk.add("lfo")
    offered = {name: text for texts in targets().values() for name, text in texts.items()}
    for name, text in offered.items():
        desk.change(target=name)
        assert desk.motion.target == name and target_text(name) == text and text in desk.text(desk.motion)
    movable = {name for name, p in PARAMETERS.items() if p.automatable and p.is_scalar and p.view_of is None}
    assert movable - {"cross_layers"} == {name for name in offered if "." not in name}
    assert sum(name.startswith("layer_gains.") for name in offered) == 24
    values.set("layers", 20)
    desk.change(target="layers", depth=-0.5)
    assert desk.text(desk.motion) == "LFO   Layers  20 … 8"


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"n_steps"}))
def test_the_knobs_of_a_motion_go_as_far_as_it_can(name):
    parameter, motion = FIELDS[name], Motion("mix")
    for value in (parameter.minimum, parameter.maximum):
        assert getattr(Motion("mix", **{name: value}), name) == value
    for value in (parameter.minimum - 0.002, parameter.maximum + 0.002):
        with pytest.raises(ValueError, match="choose"):
            Motion("mix", **{name: value})
    assert parameter.default == (getattr(motion, name))
    travel = Travel(parameter)
    assert travel.value(0.0) == parameter.minimum and travel.value(1.0) == parameter.maximum
    assert travel.value(travel.position(parameter.default)) == pytest.approx(parameter.default)
    assert travel.stepped(parameter.default, 1) > parameter.default or parameter.default == parameter.maximum


def test_what_a_motion_has_is_what_matters_for_its_source(values):
    desk = MotionDesk(values)
    expected = {
        "lfo": {"depth", "hz", "phase"},
        "envelope": {"depth", "attack_ms", "release_ms"},
        "steps": {"depth", "swing", "n_steps"},
    }
    assert not any(desk.matters(name) for name in FIELDS)
    for source, names in expected.items():
        desk.add(source)
        assert {name for name in FIELDS if desk.matters(name)} == names
    desk.change(beats=0.0)
    assert desk.matters("hz"), "a rate in Hz is turned"
    assert desk.rates() == RATES
    desk.change(beats=3.0)
    assert desk.rates()[3.0] == "3 beats"


def test_what_is_drawn_by_a_script_is_told(values):
    desk = MotionDesk(values)
    assert desk.drawn_text() == ""
    values.set("automation", (Automation("layers", (0,), (3,)), Automation("layer_gains.2", (0,), (0.5,))))
    assert desk.drawn_text() == "Drawn by a script: Layers, Gain of layer 2"


def test_the_picture_shows_two_cycles_or_an_answer_to_a_sound():
    sine = curve(Motion("mix", hz=20.0), 400)
    assert sine[0] == pytest.approx(0) and sine[100] == pytest.approx(1) and sine[200] == pytest.approx(0, abs=1e-3)
    quick, slow = (curve(Motion("mix", "envelope", attack_ms=ms, release_ms=ms), 400) for ms in (1, 2000))
    assert quick[30] == 0.0 and quick[50] > 0.99 and slow[50] < 0.1 and quick[300] < 0.01 < slow[300]


def test_a_tempo_is_tapped():
    taps = TapTempo()
    assert taps.tap(10.0) is None
    assert taps.tap(10.5) == 120.0
    assert taps.tap(11.1) == pytest.approx(109.1)
    assert taps.tap(20.0) is None, "a pause begins anew"
    assert taps.tap(20.4) == 150.0


def test_a_wide_range_is_turned_by_ratios():
    travel = Travel(FIELDS["hz"])
    middle = travel.value(0.5)
    assert middle == pytest.approx((0.01 * 37.5) ** 0.5, rel=0.01)
    assert travel.stepped(1.0, 1, fine=True) < travel.stepped(1.0, 1) < 1.3
    assert travel.parse("2.5 Hz") == 2.5
    assert Travel(find_parameter("tempo")).stepped(120.0, 1) == 121.0
