"""Undo and redo, without a window: every edit is a step, with its name, and comes back whole."""

import pytest
from gui_parts import PATIENCE_SECONDS, wait_for

from lamina.gui.model.edits import history as history_module
from lamina.gui.model.edits.history import History
from lamina.gui.model.files.document import Document
from lamina.gui.model.values.layer_desk import LayerDesk
from lamina.gui.model.values.motion_desk import MotionDesk
from lamina.plugin import NeuralCodec
from lamina.plugin.documents.presets import Preset, load_preset
from lamina.plugin.parameters.motion import Automation

pytest_plugins = ["gui_fixtures"]


@pytest.fixture
def history(session):
    """The session's history, with nothing in it yet."""
    assert not session.history.undo_name and not session.history.redo_name  # the codec that came is no edit
    return session.history


def engines_layers(session):
    """Layers of both boards as the engine was asked for them and granted."""
    wait_for(session, lambda: True)
    session.engine.slots().result(PATIENCE_SECONDS)
    boards = session.engine.wishes()["boards"]
    return {name: board["effects"][0]["parameters"]["layers"] for name, board in boards.items()}


def state(session):
    """All that undo is about."""
    return session.boards.look(), session.loop_seconds, session.is_looping


def test_a_value_is_undone_and_done_again(session, history):
    session.parameters.set("layers", 3)
    assert history.undo_name == "Layers 8 \N{RIGHTWARDS ARROW} 3"
    assert history.undo() == "Layers 8 \N{RIGHTWARDS ARROW} 3"
    assert session.parameters["layers"] == session.codec.layers == 8 and engines_layers(session)["A"] == 8
    assert not history.undo_name and history.redo_name and not history.undo()
    history.redo()
    assert session.parameters["layers"] == session.codec.layers == 3 and engines_layers(session)["A"] == 3
    assert not history.redo()


def test_a_new_edit_cuts_what_was_undone(session, history):
    session.parameters.set("layers", 3)
    history.undo()
    session.parameters.set("mix", 0.5)
    assert not history.redo_name and history.undo_name == "Mix 100 % \N{RIGHTWARDS ARROW} 50 %"
    session.parameters.set("mix", 0.5)  # no change, no step
    history.undo()
    assert not history.undo_name


def test_every_way_to_edit_is_one_step_and_comes_back_whole(session, history, sound):
    session.show(Document.open(sound))
    history.forget()
    boards, values = session.boards, session.parameters
    layers, motions = LayerDesk(values, set_back=boards.change), MotionDesk(values)
    edits = (
        ("Bypass on", lambda: values.set("bypass", True)),
        ("Listen wet \N{RIGHTWARDS ARROW} dry", lambda: values.set("listen", "dry")),
        ("Input +0.0 dB \N{RIGHTWARDS ARROW} \N{MINUS SIGN}6.0 dB", lambda: values.set("input_gain_db", -6.0)),
        ("Gain of layer 3 1.00 \N{RIGHTWARDS ARROW} 0.50", lambda: layers.set_gain(3, 0.5)),
        ("Mute layer 2", lambda: layers.toggle_mute(2)),
        ("Unmute layer 2", lambda: layers.toggle_mute(2)),
        ("Solo layer 4", lambda: layers.toggle_solo(4)),
        ("Reset layers", layers.reset),
        ("Add motion of Layers", lambda: motions.add("lfo")),
        ("Motion of Layers", lambda: motions.change(depth=0.1)),
        ("Remove motion of Layers", motions.remove),
        ("Preset Clean voice", lambda: session.apply_preset(load_preset("clean-voice"))),
        ("Copy A to B", boards.copy_to_other),
        ("Loop 0:00.2 to 0:00.6", lambda: session.set_loop_region(0.2, 0.6)),
        ("Loop off", lambda: session.set_looping(False)),
        ("Clear loop", session.clear_loop_region),
        ("2 settings", lambda: boards.change({"freeze": True, "search": 1})),
        ("Start afresh", boards.reset),
    )
    seen = [state(session)]
    for name, edit in edits:
        edit()
        assert history.undo_name == name
        seen.append(state(session))
    for before in seen[-2::-1]:
        assert history.undo()
        assert state(session) == before
    assert not history.undo()
    for after in seen[1:]:
        assert history.redo()
        assert state(session) == after
    assert not history.redo()


def test_a_step_hears_the_board_that_it_was_done_on(session, history):
    session.parameters.set("layers", 3)
    session.boards.choose("B")
    session.parameters.set("layers", 5)
    session.boards.choose("A")
    history.undo()
    assert session.boards.chosen == "B" and session.parameters["layers"] == 8
    history.undo()
    assert session.boards.chosen == "A" and session.parameters["layers"] == 8
    assert engines_layers(session) == {"A": 8, "B": 8}


def test_a_copy_that_was_a_mistake_gives_the_other_ones_settings_back(session, history):
    session.apply_preset(Preset("mine", "Mine", "", {"layers": 2, "mix": 0.25}))
    session.boards.choose("B")
    session.boards.copy_to_other()
    assert engines_layers(session)["A"] == 8
    told = []
    session.boards.changed.subscribe(told.append)
    history.undo()
    assert engines_layers(session)["A"] == 2 and session.boards.chosen == "B" and "board" not in told
    session.boards.choose("A")
    assert session.parameters["mix"] == 0.25 and session.boards.state.preset == "Mine"
    assert session.codec.layers == 2


def test_a_preset_is_undone_with_its_name_and_its_dot(session, history):
    session.apply_preset(Preset("mine", "Mine", "", {"layers": 2}))
    session.parameters.set("layers", 4)
    session.apply_preset(Preset("other", "Other", "", {"layers": 6}))
    history.undo()
    assert (session.boards.state.preset, session.boards.state.is_edited) == ("Mine", True)
    history.undo()
    assert (session.boards.state.preset, session.boards.state.is_edited) == ("Mine", False)
    # A name that was given by saving stays: the file is there.
    session.boards.named("Saved")
    session.parameters.set("layers", 5)
    history.undo()
    assert session.boards.state.preset == "Saved" and session.parameters["layers"] == 2


def test_a_model_is_undone_with_the_values_that_it_had_room_for(session, history, undenoising_bundle):
    session.parameters.set("denoise", 0.5)
    session.use_codec(NeuralCodec(model=str(undenoising_bundle)))
    assert history.undo_name.startswith("Model ") and session.parameters["denoise"] == 0.0
    history.undo()
    assert session.can_denoise and session.parameters["denoise"] == 0.5
    history.redo()
    assert not session.can_denoise and session.parameters["denoise"] == 0.0


def test_a_preset_with_its_model_is_one_step(session, history, undenoising_bundle):
    session.parameters.set("denoise", 0.5)
    history.press()
    session.use_codec(NeuralCodec(model=str(undenoising_bundle)))
    session.apply_preset(Preset("mine", "Mine", "", {"layers": 2}, str(undenoising_bundle)))
    history.release()
    assert history.undo_name == "Preset Mine" and session.parameters["layers"] == 2
    history.undo()
    assert session.can_denoise and session.parameters["denoise"] == 0.5 and session.parameters["layers"] == 8
    assert history.undo_name.startswith("Denoise") and not session.boards.state.preset


def test_a_model_that_is_gone_changes_nothing(session, history, undenoising_bundle):
    import shutil

    session.use_codec(NeuralCodec(model=str(undenoising_bundle)))
    history.undo()
    shutil.rmtree(undenoising_bundle)
    before = state(session)
    with pytest.raises((ValueError, OSError)):
        history.redo()
    assert state(session) == before and history.redo_name
    session.parameters.set("layers", 2)
    assert history.undo_name.startswith("Layers")


def test_what_the_mouse_holds_is_one_step_however_long_it_takes(session):
    now = [0.0]
    history = History(session, lambda: now[0])
    history.press()
    for layers in (7, 5, 2):
        session.parameters.set("layers", layers)
        now[0] += 60
    history.release()
    assert history.undo_name == "Layers 8 \N{RIGHTWARDS ARROW} 2"
    history.press()
    session.parameters.set("layers", 4)
    history.release()
    history.undo()
    assert session.parameters["layers"] == 2
    history.undo()
    assert session.parameters["layers"] == 8 and not history.undo_name


def test_a_drag_back_to_where_it_began_is_no_step(session, history):
    history.press()
    session.parameters.set("layers", 3)
    session.parameters.set("layers", 8)
    history.release()
    assert not history.undo_name


def test_turns_of_one_control_that_follow_each_other_are_one_step(session):
    now = [0.0]
    history = History(session, lambda: now[0])

    def turn(name, value, after):
        now[0] += after
        history.turn()
        session.parameters.set(name, value)

    for layers in (7, 6, 5):
        turn("layers", layers, 0.5)
    assert history.undo_name == "Layers 8 \N{RIGHTWARDS ARROW} 5"
    turn("mix", 0.9, 0.1)  # another control
    turn("layers", 4, 0.1)
    turn("layers", 3, 5.0)  # after a pause
    history.turn(False)
    session.parameters.set("layers", 2)  # typed
    steps = []
    while history.undo_name:
        steps.append(history.undo().split()[-1])
    assert steps == ["2", "3", "4", "%", "5"] and session.parameters["layers"] == 8


def test_what_moves_by_itself_makes_no_steps(session, history, sound):
    session.show(Document.open(sound))
    MotionDesk(session.parameters).add("lfo")
    history.forget()
    session.player.toggle()
    wait_for(session, lambda: session.moving.values.get("layers") is not None)
    heard = len({session.moving.values["layers"]})
    assert heard and not history.undo_name


def test_memory_is_bounded_by_the_number_of_steps_and_by_what_they_hold(session, history, monkeypatch):
    monkeypatch.setattr(history_module, "MOST_STEPS", 5)
    for layers in range(9, 20):
        session.parameters.set("layers", layers)
    n_steps = 0
    while history.undo():
        n_steps += 1
    assert n_steps == 5 and session.parameters["layers"] == 14
    monkeypatch.setattr(history_module, "MOST_WEIGHT", 1000)
    history.forget()
    for place in range(5):
        times = tuple(float(t + place) for t in range(200))
        session.parameters.set("automation", (Automation("mix", times, (0.5,) * 200),))
    n_steps = 0
    while history.undo():
        n_steps += 1
    assert n_steps == 1  # a curve of 400 numbers before and one after


def test_undo_through_takes_back_what_came_after_too(session, history):
    steps = []
    history.stepped.subscribe(steps.append)
    for layers in (7, 6, 5):
        session.parameters.set("layers", layers)
    assert history.undo_through(steps[1]) == 2 and session.parameters["layers"] == 7
    assert history.undo_through(steps[1]) == 0 and session.parameters["layers"] == 7


@pytest.mark.parametrize(
    ("begin", "words"),
    [
        (lambda session: None, ""),
        (lambda session: session.parameters.set("mix", 0.5), "settings that had no name"),
        (lambda session: session.apply_preset(Preset("a", "Mine", "", {"layers": 2})), ""),
        (
            lambda session: (
                session.apply_preset(Preset("a", "Mine", "", {"layers": 2})),
                session.parameters.set("mix", 0.5),
            ),
            "Mine with your changes",
        ),
    ],
)
def test_a_preset_says_what_it_took_the_place_of(session, history, begin, words):
    begin(session)
    steps = []
    history.stepped.subscribe(steps.append)
    session.apply_preset(Preset("b", "Other", "", {"layers": 6}))
    assert steps[0].told == (f"Other took the place of {words}." if words else "")
