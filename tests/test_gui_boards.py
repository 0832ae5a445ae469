"""A and B in the app: two complete sets of settings, one heard and shown; the engine has both, whatever order they were made in."""

import pytest
from gui_parts import PATIENCE_SECONDS, wait_for
from PyQt6.QtCore import Qt

from lamina.gui.model.parameters import plain
from lamina.plugin import NeuralCodec
from lamina.plugin.presets import Preset, load_preset

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
    assert (known["A"]["layers"], known["A"]["mix"], known["B"]["layers"], known["B"]["mix"], chosen) == (3, 1.0, 8, 0.5, "B")
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
    assert known["A"]["layers"] == 1 and known["B"]["layers"] == values["layers"] and known["B"]["output_gain_db"] == -3.0


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


@pytest.mark.parametrize("document", [{}, {"chosen": "C", "states": {}}, {"chosen": "A", "states": {"A": {"values": {"layers": 99}}}}])
def test_what_is_no_description_changes_nothing(session, document):
    session.parameters.set("layers", 3)
    with pytest.raises((LookupError, ValueError, TypeError)):
        session.boards.restore(document)
    assert session.parameters["layers"] == 3 and session.boards.chosen == "A"


def test_the_switch_and_its_key_change_over_and_the_knobs_follow(window, qtbot):
    controls, session = window.controls, window.session
    session.parameters.set("layers", 2)
    qtbot.mouseClick(controls.board.buttons["B"], Qt.MouseButton.LeftButton)
    assert session.boards.chosen == "B" and controls.board.buttons["B"].isChecked() and not controls.board.buttons["A"].isChecked()
    assert controls.bitrate.layers_text() == "8 layers" and controls.copy_button.text() == "Copy to A"
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert session.boards.chosen == "A" and controls.bitrate.layers_text() == "2 layers"
    qtbot.mouseClick(controls.copy_button, Qt.MouseButton.LeftButton)
    assert "B is now equal to A" in window.notice.label.text()
    qtbot.keyClick(window, Qt.Key.Key_X)
    assert controls.bitrate.layers_text() == "2 layers"
    assert "two complete sets" in controls.board.buttons["A"].toolTip()
