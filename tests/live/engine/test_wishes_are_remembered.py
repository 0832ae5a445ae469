"""What the engine granted is what another engine is asked for, and nothing that it refused."""

import numpy as np
import pytest

from lamina.gui.model.values.parameters import ParameterValues
from lamina.plugin import Board, Motion, NeuralCodec, Parameter, Settings
from lamina.plugin.documents.boards import build_board, describe_board
from lamina.plugin.host.client.granted import Wishes
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.client.process_handle import EngineError
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.engine.commands import restore
from lamina.plugin.host.transport.file_player import PLAY_STATES
from lamina.plugin.host.wire.telemetry import STATE

WAITED_SECONDS = 120  # a bound for busy machines, not a speed that is promised


def followed(*commands):
    wishes = Wishes({})
    for command, values in commands:
        wishes.follow(command, values)
    return wishes


def test_the_file_its_place_and_its_loop():
    wishes = followed(
        ("load", {"path": "/a.wav"}), ("loop", {"seconds": [1.0, 2.0]}), ("seek", {"seconds": 1.5}), ("play", {})
    )
    assert wishes.get("clip") == {"path": "/a.wav", "loop": [1.0, 2.0], "seconds": 1.5, "is_playing": True}
    wishes.follow("stop", {})
    assert wishes.get("clip")["seconds"] == 1.0 and not wishes.get("clip")["is_playing"]
    wishes.follow("load", {"path": "/b.wav"})
    assert wishes.get("clip") == {"path": "/b.wav", "loop": None, "seconds": 0.0, "is_playing": False}
    wishes.follow("unload", {})
    wishes.follow("play", {})
    assert wishes.get("clip") is None


def test_a_step_of_a_knob_is_checked_once(monkeypatch):
    board = describe_board(Board([NeuralCodec(layers=5)]))
    wishes = followed(
        ("board", {"name": "A", "board": board}), ("parameters", {"name": "A", "path": [0], "values": {"mix": 0.5}})
    )
    checked, validate = [], Parameter.validate
    monkeypatch.setattr(
        Parameter, "validate", lambda parameter, value: checked.append(parameter.name) or validate(parameter, value)
    )
    wishes.follow("parameters", {"name": "A", "path": [0], "values": {"mix": 0.25}})
    assert checked == ["mix"]
    values = ParameterValues()
    values.attach(NeuralCodec())
    checked.clear()
    values.set("mix", 0.75)
    assert checked == ["mix"] and values["mix"] == 0.75
    (entry,) = wishes.document()["boards"]["A"]["effects"]
    assert entry["parameters"] == {
        name: value for name, value in Settings(layers=5, mix=0.25).plain().items() if name != "bypass"
    }


def test_the_place_is_where_it_is_heard_once_the_engine_has_settled():
    wishes = followed(("load", {"path": "/a.wav"}), ("play", {}))
    state = np.zeros((), STATE)
    state["clip_seconds"], state["play_state"] = 7.25, [s.value for s in PLAY_STATES].index("playing")
    # From before the command: what was asked for counts.
    assert wishes.document(state)["clip"]["seconds"] == 0.0
    state["heartbeat"] = 1e12
    assert wishes.document(state)["clip"] == {"path": "/a.wav", "loop": None, "seconds": 7.25, "is_playing": True}
    # A copy: what is done to it changes nothing.
    wishes.document(state)["clip"]["seconds"] = 99
    assert wishes.get("clip")["seconds"] == 0.0


def test_boards_and_what_is_set_on_them():
    inner = describe_board(Board([NeuralCodec(), Board([NeuralCodec()])]))
    wishes = followed(
        ("board", {"name": "B", "board": inner}),
        ("choose_board", {"name": "B"}),
        ("parameters", {"name": "B", "path": [1, 0], "values": {"layers": 3}}),
        ("bypass", {"index": 1, "on": True}),
        ("bypass", {"index": 0, "on": True}),
        ("bypass", {"index": 1, "on": False}),
    )
    document = wishes.document()
    assert document["board"] == "B" and document["bypassed"] == {"B": [0]}
    assert document["boards"]["B"]["effects"][1]["effects"][0]["parameters"]["layers"] == 3
    wishes.follow("board", {"name": "B", "board": inner})
    assert wishes.document()["bypassed"] == {}


def test_what_is_set_under_another_name_is_worked_into_what_stands_there():
    """One layer's gain of all, kbps of layers, and the bypass that a document keeps apart.

    Another engine must be able to read it.
    """
    wishes = followed(("board", {"name": "A", "board": describe_board(Board([NeuralCodec(layers=5)]))}))
    for values in (
        {"layer_gains.7": 0.5},
        {"kbps": 3.0, "bypass": True},
        {"layer_gains": [1.0] * 24},
        {"layer_gains.2": 2.0},
        {"motions": [{"target": "mix"}]},
    ):
        wishes.follow("parameters", {"name": "A", "path": [0], "values": values})
    (codec,) = build_board(wishes.document()["boards"]["A"])
    expected = NeuralCodec(layers=4, bypass=True, layer_gains=[1.0, 2.0], motions=[Motion("mix")])
    assert codec.settings == expected.settings


def test_devices_live_tone_and_recording():
    wishes = followed(
        ("devices", {"settings": DeviceSettings(buffer=64).document()}),
        ("live", {"on": True}),
        ("tone", {"on": True}),
        ("record", {"path": "/take.wav"}),
    )
    document = wishes.document()
    assert (
        document["devices"]["buffer"] == 64
        and document["live"]
        and document["tone"]
        and document["record"] == "/take.wav"
    )
    wishes.follow("stop_recording", {})
    assert wishes.get("record") is None


def test_what_the_engine_refused_is_not_asked_for_again(tmp_path):
    with LiveEngine(opens=False) as engine:
        engine.set_devices(DeviceSettings(input="virtual", output="virtual")).result(WAITED_SECONDS)
        engine.set_board("A", Board([NeuralCodec(layers=5)])).result(WAITED_SECONDS)
        for refused in (
            engine.set_parameters("A", [0], {"layers": 99}),
            engine.load(tmp_path / "missing.wav"),
            engine.choose_board("C"),
            engine.record(tmp_path / "take.doc"),
        ):
            with pytest.raises(EngineError):
                refused.result(WAITED_SECONDS)
        engine.set_parameters("A", [0], {"denoise": 0.5}).result(WAITED_SECONDS)
        wishes = engine.wishes()
    assert wishes["boards"]["A"]["effects"][0]["parameters"]["layers"] == 5
    assert wishes["boards"]["A"]["effects"][0]["parameters"]["denoise"] == 0.5
    assert wishes.get("clip") is None and wishes.get("board", "A") == "A" and wishes.get("record") is None


def test_a_recording_goes_on_before_a_place_in_the_file_is_looked_for():
    did = []

    class Engine:
        has_file, is_recording = True, True

        @property
        def player(self):
            return self

        def __getattr__(self, name):
            return lambda *_: did.append(name)

    clip = {"path": "/long.mp3", "loop": None, "seconds": 1400.0, "is_playing": True}
    restored = restore(Engine(), {"clip": clip, "record": "/take 2.wav", "opens": False})
    assert did.index("load") < did.index("record") < did.index("seek") < did.index("play")
    assert restored == {"troubles": [], "is_recording": True}
