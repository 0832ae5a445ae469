"""A and B in the app.

Two complete sets of settings, one heard and shown; the engine has both, whatever order they were made in.
"""

import json

import pytest
from gui_parts import PATIENCE_SECONDS, wait_for
from PyQt6.QtCore import Qt

from lamina.gui.model.values.parameters import ParameterValues, plain
from lamina.plugin import PARAMETERS, NeuralCodec
from lamina.plugin.documents.presets import Preset, load_preset
from lamina.plugin.parameters.motion import Automation, Motion

pytest_plugins = ["gui_fixtures"]


def engines_boards(session):
    """What the engine was asked for and granted: parameters by board, and the chosen one."""
    wait_for(session, lambda: True)
    session.engine.slots().result(PATIENCE_SECONDS)
    wishes = session.engine.wishes()
    codecs = {name: board["effects"][0] for name, board in wishes["boards"].items()}
    return {name: {**codec["parameters"], "model": codec["model"]} for name, codec in codecs.items()}, wishes["board"]


def test_both_begin_equal_and_are_set_apart(session):
    boards = session.boards
    session.parameters.set("layers", 3)
    boards.choose("B")
    assert session.parameters["layers"] == 8
    session.parameters.set("mix", 0.5)
    known, chosen = engines_boards(session)
    assert (known["A"]["layers"], known["A"]["mix"], known["B"]["layers"], known["B"]["mix"], chosen) == (
        3,
        1.0,
        8,
        0.5,
        "B",
    )
    boards.choose("A")
    assert (session.parameters["layers"], session.parameters["mix"], session.codec.layers) == (3, 1.0, 3)
    # Changing over is no change of a setting: nothing but the choice was told.
    assert engines_boards(session) == ({**known}, "A")


def test_a_copy_makes_them_equal_and_stays_apart(session):
    session.apply_preset(load_preset("clean-voice"))
    session.parameters.set("output_gain_db", -3.0)
    session.boards.copy_to_other()
    values = session.parameters.values()
    session.parameters.set("layers", 1)
    session.boards.choose("B")
    assert session.parameters.values() == values
    assert session.boards.state.preset and session.boards.state.is_edited
    known, _ = engines_boards(session)
    assert (
        known["A"]["layers"] == 1 and known["B"]["layers"] == values["layers"] and known["B"]["output_gain_db"] == -3.0
    )


def test_a_preset_is_for_the_chosen_one_and_told_at_once(session, monkeypatch):
    told = []
    set_parameters = session.engine.set_parameters
    monkeypatch.setattr(session.engine, "set_parameters", lambda *given: told.append(given) or set_parameters(*given))
    session.boards.choose("B")
    session.apply_preset(Preset("mine", "Mine", "", {"layers": 2, "mix": 0.25}))
    assert [given[:2] for given in told] == [("B", [0])] and told[0][2] == plain(session.parameters.values())
    assert session.boards.state.preset == "Mine"
    session.boards.choose("A")
    assert (session.boards.state.preset, session.parameters["layers"]) == ("", 8)


def test_each_has_its_own_model(session, undenoising_bundle):
    session.parameters.set("denoise", 0.5)
    session.boards.choose("B")
    session.parameters.set("denoise", 0.7)
    session.use_codec(NeuralCodec(model=str(undenoising_bundle)))
    assert session.parameters["denoise"] == 0.0 and not session.can_denoise
    known, _ = engines_boards(session)
    assert (known["A"]["denoise"], known["B"]["denoise"], known["B"]["model"]) == (0.5, 0.0, str(undenoising_bundle))
    session.boards.choose("A")
    assert session.can_denoise and session.parameters["denoise"] == 0.5
    # A model that can't denoise takes what it can of a copy.
    session.boards.choose("B")
    session.boards.copy_to_other()
    session.boards.choose("A")
    assert not session.can_denoise


DESK = {
    "layer_gains": (0.5, 1.0, 0.0),
    "muted_layers": (2,),
    "listen": "difference",
    "frame_loss": 0.2,
    "motions": (
        Motion("layer_gains.7", "steps", -0.5, beats=0.25, steps=(0.0, 1.0, 0.5)),
        Motion("denoise", "envelope", attack_ms=5.0),
    ),
    "automation": (Automation("mix", (0.0, 2.0), (0.0, 1.0)),),
}


def test_what_stands_on_the_desk_is_in_the_document_of_the_boards_and_comes_back(session):
    for name, value in DESK.items():
        session.parameters.set(name, value)
    session.boards.choose("B")
    session.parameters.set("freeze", True)
    document = json.loads(json.dumps(session.boards.document()))
    before = {name: state["values"] for name, state in document["states"].items()}
    session.apply_preset(Preset("none", "None", "", {}))
    session.boards.copy_to_other()
    session.boards.restore(document)
    assert session.boards.chosen == "B" and session.parameters["freeze"] and session.codec.freeze
    session.boards.choose("A")
    assert {name: session.parameters[name] for name in DESK} == {
        name: PARAMETERS[name].validate(value) for name, value in DESK.items()
    }
    assert session.codec.motions == DESK["motions"] and session.codec.automation == DESK["automation"]
    known, _ = engines_boards(session)
    for name, values in before.items():
        assert {parameter: known[name][parameter] for parameter in values if parameter != "bypass"} == {
            parameter: value for parameter, value in values.items() if parameter != "bypass"
        }


@pytest.mark.parametrize("model", ["lamina-24k", None])
def test_a_document_of_before_the_desk_comes_back_with_the_desk_at_rest(session, model):
    for name, value in DESK.items():
        session.parameters.set(name, value)
    old = {
        "layers": 3,
        "denoise": 0.0,
        "noise_only": False,
        "mix": 0.5,
        "input_gain_db": 0.0,
        "output_gain_db": 0.0,
        "bypass": False,
    }
    states = {name: {"model": model, "preset": "", "is_edited": False, "values": old} for name in "AB"}
    session.boards.restore({"chosen": "A", "states": states})
    assert session.parameters.values() == {**ParameterValues().values(), "layers": 3, "mix": 0.5}
    assert session.codec is None if model is None else session.codec.settings.values() == session.parameters.values()


def test_a_preset_with_motions_is_told_plain_and_one_without_takes_them_away(session):
    for name, value in DESK.items():
        session.parameters.set(name, value)
    session.apply_preset(
        Preset("mine", "Mine", "", {"motions": [{"target": "mix"}], "automation": plain(DESK)["automation"]})
    )
    assert (
        session.codec.motions == (Motion("mix"),)
        and session.codec.automation == DESK["automation"]
        and session.codec.frame_loss == 0.0
    )
    known, _ = engines_boards(session)
    assert known["A"]["motions"][0]["target"] == "mix" and known["A"]["automation"][0]["values"] == [0.0, 1.0]
    session.apply_preset(Preset("none", "None", "", {}))
    assert session.codec.motions == session.codec.automation == ()
    assert not [notice.text for notice in session.notices if notice.is_error]


def test_several_are_set_in_one_go_and_a_refused_one_is_told(session, undenoising_bundle):
    session.use_codec(NeuralCodec(model=str(undenoising_bundle)))
    assert "not trained to denoise" in session.boards.change({"frame_loss": 0.5, "denoise": 1.0})
    assert (session.parameters["frame_loss"], session.parameters["denoise"]) == (0.5, 0.0)
    known, _ = engines_boards(session)
    assert (known["A"]["frame_loss"], known["A"]["denoise"]) == (0.5, 0.0)


@pytest.mark.parametrize(
    "document", [{}, {"chosen": "C", "states": {}}, {"chosen": "A", "states": {"A": {"values": {"layers": 99}}}}]
)
def test_what_is_no_description_changes_nothing(session, document):
    session.parameters.set("layers", 3)
    with pytest.raises((LookupError, ValueError, TypeError)):
        session.boards.restore(document)
    assert session.parameters["layers"] == 3 and session.boards.chosen == "A"


def test_the_switch_and_its_key_change_over_and_the_knobs_follow(window, qtbot):
    controls, session = window.controls, window.session
    session.parameters.set("layers", 2)
    qtbot.mouseClick(controls.board.buttons["B"], Qt.MouseButton.LeftButton)
    assert (
        session.boards.chosen == "B"
        and controls.board.buttons["B"].isChecked()
        and not controls.board.buttons["A"].isChecked()
    )
    assert controls.bitrate.layers_text() == "8 layers" and controls.copy_button.text() == "Copy to A"
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert session.boards.chosen == "A" and controls.bitrate.layers_text() == "2 layers"
    qtbot.mouseClick(controls.copy_button, Qt.MouseButton.LeftButton)
    assert "B is now equal to A" in window.notice.label.text()
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert controls.bitrate.layers_text() == "2 layers"
    assert "two complete sets" in controls.board.buttons["A"].toolTip()
