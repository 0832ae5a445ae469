"""A board survives its way through a document.

Every effect, every value; and a document that is wrong is refused in a sentence.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pedalboard
import pytest
from pedalboard import Chain, Compressor, Convolution, Gain, LadderFilter, Mix, Pedalboard, Plugin, Resample, Reverb
from pedalboard.io import AudioFile
from sounds import noise

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.call.effect import Effect
from lamina.plugin.documents.boards import BoardDocumentError, build_board, describe_board
from lamina.plugin.documents.native import native_effects
from lamina.plugin.documents.vst3 import VST3Error, load_vst3
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.engine.realtime import ignore_denormals

RATE = 48_000
FOLDERS = [Path(folder) for folder in (os.environ.get("VST3_PATH"), "/usr/lib/vst3", "~/.vst3") if folder]


def through_json(board):
    return build_board(json.loads(json.dumps(describe_board(board), allow_nan=False)), allow_vst3=True)


def document(*effects):
    return {"schema": 1, "effects": list(effects)}


class OwnGain(Gain):
    """A class of somebody's own that looks native."""


class OwnEffect(Effect):
    """An effect that no document can name."""

    def process(self, input_array, sample_rate, buffer_size=8192, reset=True):
        return input_array

    def reset(self):
        pass


def test_every_built_in_effect_of_pedalboard_is_known():
    abstract = {"Plugin", "PluginContainer", "ExternalPlugin", "VST3Plugin", "AudioUnitPlugin", "IIRFilter"}
    containers = {"Chain", "Mix", "Pedalboard"}
    exported = {
        name
        for name, kind in vars(pedalboard).items()
        if isinstance(kind, type) and issubclass(kind, Plugin) and not name.startswith("_")
    }
    assert set(native_effects()) == exported - abstract - containers


# Convolution has no plain constructor: it has a test of its own below.
@pytest.mark.parametrize("name", sorted(set(native_effects()) - {"Convolution"}))
def test_a_built_in_effect_comes_back_with_every_value(name):
    kind = native_effects()[name]
    parameters = describe_board(Board([kind()]))["effects"][0]["parameters"]
    moved = {parameter: _other_value(kind, parameter, value) for parameter, value in parameters.items()}
    effect = kind(**{parameter: _native(kind, parameter, value) for parameter, value in moved.items()})
    entry = describe_board(Board([effect]))["effects"][0]
    again = through_json(Board([effect]))[0]
    assert entry["effect"] == f"pedalboard.{name}" and type(again) is kind and again is not effect
    for parameter, value in moved.items():
        # The shelves keep their gain as a factor: there and back to decibels costs the last digits of single precision.
        expected = pytest.approx(value, rel=1e-5) if (name, parameter) in ROUNDED else value
        assert entry["parameters"][parameter] == expected
        assert getattr(again, parameter) == _native(kind, parameter, expected)


ROUNDED = {(name, "gain_db") for name in ("HighShelfFilter", "LowShelfFilter", "PeakFilter")}


def _other_value(kind, parameter, value):
    """Another plain value that the parameter takes."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return next(choice for choice in type(getattr(kind(), parameter)).__members__ if choice != value)
    # Single precision, so that it comes back as it is.
    for other in (float(np.float32(v)) for v in (value * 0.75 + 0.13, value + 0.3, value * 2 + 1)):
        try:
            kind(**{parameter: other})
        except ValueError:
            continue  # out of that parameter's range
        return other
    raise AssertionError(f"{kind.__name__}.{parameter} takes no other value")


def _native(kind, parameter, value):
    return type(getattr(kind(), parameter)).__members__[value] if isinstance(value, str) else value


def test_a_codec_comes_back_with_every_value():
    codec = NeuralCodec(
        layers=5, denoise=0.3, mix=0.1, input_gain_db=-3.7, output_gain_db=2.2, bypass=True, noise_only=True
    )
    again = through_json(Board([codec]))[0]
    assert again.settings == codec.settings and again.model == codec.model
    assert describe_board(Board([codec]))["effects"][0]["bypass"] is True


def test_a_codec_of_a_folder_keeps_the_folder(undenoising_bundle):
    board = Board([NeuralCodec(model=str(undenoising_bundle))])
    assert through_json(board)[0].model == str(undenoising_bundle)


def test_a_codec_may_be_described_sparingly():
    codec = build_board(document({"effect": "NeuralCodec", "parameters": {"kbps": 3.0, "bypass": True}}))[0]
    assert codec.settings == NeuralCodec(kbps=3.0, bypass=True).settings


def test_boards_within_boards_and_native_containers_come_back():
    inner = Pedalboard([Gain(3.0)])
    board = Board([Board([NeuralCodec(layers=2), Board()]), inner, Mix([Chain([Gain(1.5), Reverb()]), Compressor()])])
    again = through_json(board)
    assert describe_board(again) == describe_board(board)
    assert isinstance(again[0], Board) and again[0][0].layers == 2 and len(again[0][1]) == 0
    assert type(again[1]) is Pedalboard and again[1][0].gain_db == 3.0
    assert type(again[2]) is Mix and type(again[2][0]) is Chain and again[2][0][0].gain_db == 1.5


def test_a_board_that_came_back_sounds_the_same():
    board = Board(
        [Reverb(room_size=0.7), LadderFilter(LadderFilter.Mode.HPF24, 900), NeuralCodec(layers=3), Resample(9_000)]
    )
    audio = noise(2, RATE // 2)
    assert np.array_equal(through_json(board)(audio, RATE), board(audio, RATE))


def test_a_convolution_keeps_the_name_of_its_file(tmp_path):
    path = tmp_path / "room.wav"
    with AudioFile(str(path), "w", RATE, 1) as file:
        file.write(noise(1, 1000))
    again = through_json(Board([Convolution(str(path), 0.4)]))[0]
    assert again.impulse_response_filename == str(path) and again.mix == pytest.approx(0.4)
    saved = describe_board(Board([again]))
    path.unlink()
    with pytest.raises(BoardDocumentError, match=r"^Effect 1 can't be made: .*room\.wav"):
        build_board(saved)
    with pytest.raises(BoardDocumentError, match="given as samples"):
        describe_board(Board([Convolution(noise(1, 100), 0.5, RATE)]))


def vst3_path(name):
    for folder in FOLDERS:
        if (path := folder.expanduser() / name).exists():
            return path
    pytest.skip(f"no {name} here (Debian: zam-plugins)")


@pytest.mark.slow
def test_a_vst3_comes_back_with_every_parameter():
    path = vst3_path("ZamDelay.vst3")
    plugin = load_vst3(path)
    plugin.time_ms, plugin.feedback, plugin.lpf_hz = 333.0, 0.4, 1234.0
    board = Board([plugin])
    entry = describe_board(board)["effects"][0]
    assert (entry["effect"], entry["path"], entry["name"]) == ("vst3", str(path), "ZamDelay")
    again = through_json(board)
    assert describe_board(again) == describe_board(board)
    with pytest.raises(BoardDocumentError, match="no parameter 'tyme_ms'"):
        build_board(document({**entry, "parameters": {"tyme_ms": 0.5}}), allow_vst3=[path])
    with pytest.raises(BoardDocumentError, match="holds 'ZamDelay', not 'Another'"):
        build_board(document({**entry, "name": "Another"}), allow_vst3=[path])


def test_loading_a_plugin_leaves_the_thread_counting_as_it_did(monkeypatch, tmp_path):
    """A plugin that is linked with fast maths does on loading what the engine's thread asks for itself."""

    def load(*_, **__):
        if not ignore_denormals():
            pytest.skip("nobody knows how this processor is told to take denormal numbers for zero")
        assert sys.float_info.min / 2 == 0
        raise ImportError("it is none")

    monkeypatch.setattr("lamina.plugin.documents.vst3.load_plugin", load)
    with pytest.raises(VST3Error, match="it is none"):
        load_vst3(tmp_path)
    assert sys.float_info.min / 2 > 0


def test_a_vst3_that_pedalboard_loaded_is_found_where_plugins_are_installed(monkeypatch, tmp_path):
    path = vst3_path("ZamComp.vst3")
    monkeypatch.setenv("VST3_PATH", str(path.parent))
    plugin = pedalboard.load_plugin(str(path))
    assert Path(describe_board(Board([plugin]))["effects"][0]["path"]).name == "ZamComp.vst3"
    monkeypatch.setenv("VST3_PATH", str(tmp_path))
    if str(path) not in plugin.installed_plugins:
        with pytest.raises(BoardDocumentError, match="load_vst3, which keeps the path"):
            describe_board(Board([plugin]))


@pytest.mark.parametrize("effect", [OwnEffect(), OwnGain()])
def test_effects_of_other_classes_are_refused(effect):
    with pytest.raises(BoardDocumentError, match=rf"^Effect 2 is a {type(effect).__name__}, which can't be kept"):
        describe_board(Board([Gain(), effect]))
    with pytest.raises(BoardDocumentError, match=r"^Effect 1\.1 is a"):
        describe_board(Board([Board([effect])]))


DEEP = {"effect": "Gain"}
for _ in range(40):
    DEEP = {"effect": "board", "effects": [DEEP]}

BAD = [
    (None, "This is not a board document"),
    ([], "This is not a board document"),
    ({"effects": []}, 'it has no "schema"'),
    ({"schema": 2, "effects": []}, "has schema 2; this Lamina reads 1"),
    ({"schema": True, "effects": []}, "has schema True"),
    ({"schema": 1}, 'needs "effects", a list'),
    ({"schema": 1, "effects": {}}, 'needs "effects", a list'),
    ({"schema": 1, "effects": [], "effect": 3}, "has no field 'effect'. Did you mean 'effects'?"),
    (document(3), 'Effect 1 needs "effect", a name.'),
    (document({"effect": 3}), 'Effect 1 needs "effect", a name.'),
    (document({"effect": "pedalboard.Compresor"}), "Did you mean 'pedalboard.Compressor'?"),
    (document({"effect": "os.system"}), "Effect 1 is 'os.system', which is not an effect that a document may name."),
    (document({"effect": "pedalboard.load_plugin"}), "which is not an effect"),
    (document({"effect": "pedalboard.Plugin"}), "which is not an effect"),
    (document({"effect": "pedalboard.VST3Plugin"}), "which is not an effect"),
    (document({"effect": "pedalboard.__builtins__"}), "which is not an effect"),
    (document({"effect": "pedalboard.Gain", "parameters": []}), '"parameters" must be values by name'),
    (
        document({"effect": "pedalboard.Gain", "parameters": {"gain": 1}}),
        "it has no parameter 'gain'. Did you mean 'gain_db'?",
    ),
    (document({"effect": "pedalboard.Gain", "parameters": {"is_effect": True}}), "it has no parameter 'is_effect'"),
    (
        document({"effect": "pedalboard.Gain", "parameters": {"gain_db": "loud"}}),
        "gain_db is 'loud'; it must be a number.",
    ),
    (document({"effect": "pedalboard.Gain", "parameters": {"gain_db": True}}), "gain_db is True; it must be a number."),
    (
        document({"effect": "pedalboard.Gain", "parameters": {"gain_db": float("nan")}}),
        "gain_db is nan; it must be a finite number.",
    ),
    (document({"effect": "pedalboard.Gain", "parameters": {"gain_db": 1e300}}), "it must be a finite number."),
    (document({"effect": "pedalboard.Gain", "gain_db": 3}), "has no field 'gain_db'"),
    (
        document({"effect": "pedalboard.Compressor", "parameters": {"ratio": 0.5}}),
        "Compressor ratio must be a value >= 1.0.",
    ),
    (
        document({"effect": "pedalboard.LadderFilter", "parameters": {"mode": "LPF13"}}),
        "mode is 'LPF13'; choose one of LPF12, HPF12",
    ),
    (
        document({"effect": "pedalboard.BrickwallLimiter", "parameters": {"true_peak": 1}}),
        "true_peak is 1; it must be true or false.",
    ),
    (document({"effect": "pedalboard.Convolution"}), "its impulse_response_filename is missing"),
    (document({"effect": "pedalboard.Convolution", "parameters": {"impulse_response_filename": 3}}), "it must be text"),
    (
        document({"effect": "pedalboard.Mix", "effects": [{"effect": "NeuralCodec"}]}),
        "Effect 1.1 (NeuralCodec) can't stand in",
    ),
    (document({"effect": "board", "effects": [{"effect": "pedalboard.Gain"}, 3]}), 'Effect 1.2 needs "effect"'),
    (document({"effect": "board"}), 'Effect 1 (board) needs "effects", a list.'),
    (document(DEEP), "more than 16 deep"),
    (
        document({"effect": "NeuralCodec", "parameters": {"layer": 3}}),
        "There is no parameter 'layer'. Did you mean 'layers'?",
    ),
    (document({"effect": "NeuralCodec", "parameters": {"layers": 99}}), "layers is 99; choose 1 to 24."),
    (document({"effect": "NeuralCodec", "parameters": {"layers": 3, "kbps": 3.0}}), "both layers and kbps"),
    (document({"effect": "NeuralCodec", "parameters": {"bypass": True}, "bypass": True}), '"bypass" twice'),
    (document({"effect": "NeuralCodec", "bypass": "no"}), "bypass is 'no'; it must be True or False."),
    (document({"effect": "NeuralCodec", "model": 3}), 'the "model" is 3'),
    (document({"effect": "NeuralCodec", "model": "no-such-model"}), "no-such-model"),
    (document({"effect": "vst3"}), 'needs "path", where the plugin lies.'),
    (document({"effect": "vst3", "path": "/nowhere/x.vst3"}), "there is no VST3 plugin at /nowhere/x.vst3."),
    (document({"effect": "vst3", "path": __file__}), "can't be loaded"),
    (document({"effect": "vst3", "path": __file__, "name": 3}), 'the "name" is 3'),
    (
        document({"effect": "vst3", "path": __file__, "parameters": {"mix": 1.5}}),
        "mix is 1.5; it must be a number from 0 to 1.",
    ),
]


@pytest.mark.parametrize(("wrong", "sentence"), BAD, ids=[sentence[:50] for _, sentence in BAD])
def test_a_wrong_document_is_refused_in_a_sentence(wrong, sentence):
    with pytest.raises(BoardDocumentError) as refused:
        build_board(wrong, allow_vst3=True)
    message = str(refused.value)
    assert sentence in message and message[0].isupper() and message.endswith((".", "?"))


def test_nothing_is_made_before_everything_is_checked(monkeypatch):
    made = []
    monkeypatch.setattr("lamina.plugin.documents.boards.build_native", lambda *arguments: made.append(arguments))
    with pytest.raises(BoardDocumentError, match="Effect 2"):
        build_board(
            document({"effect": "pedalboard.Gain"}, {"effect": "pedalboard.Gain", "parameters": {"gain_db": "x"}})
        )
    assert not made


STRANGE = {"schema": 1, "effects": [{"effect": "board", "effects": [{"effect": "vst3", "path": __file__}]}]}


def test_a_document_loads_no_plugin_that_was_not_allowed(monkeypatch, tmp_path):
    loaded = []
    monkeypatch.setattr("lamina.plugin.documents.boards.load_vst3", lambda path, name: loaded.append(path) or Gain())
    monkeypatch.setattr("lamina.plugin.documents.boards.set_vst3_parameters", lambda *_: None)
    for allowed in (False, [], [tmp_path / "another.vst3"]):
        with pytest.raises(BoardDocumentError, match="A plugin is a program: if you trust the document, allow it"):
            build_board(STRANGE, allow_vst3=allowed)
    with pytest.raises(BoardDocumentError, match="A plugin is a program"):
        build_board(STRANGE)
    with pytest.raises(TypeError, match="a list of paths"):
        build_board(STRANGE, allow_vst3=__file__)
    assert not loaded
    for allowed in (True, [__file__], [Path(__file__).parent / ".." / "board" / Path(__file__).name]):
        build_board(STRANGE, allow_vst3=allowed)
    assert loaded == [__file__] * 3


def test_an_engine_is_given_no_plugin_by_a_document_that_was_not_allowed():
    with pytest.raises(BoardDocumentError, match="A plugin is a program"):
        LiveEngine({"boards": {"A": STRANGE}}, opens=False)
