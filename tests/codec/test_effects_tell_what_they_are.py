"""An effect in a script: what it shows of itself, and how it is made of a preset."""

import numpy as np
import pytest
from sounds import demo

from lamina.plugin import Automation, Motion, NeuralCodec
from lamina.plugin.documents.presets import PresetError, codec_for, list_presets, load_preset
from lamina.plugin.parameters.table import PARAMETERS


def test_repr_shows_what_is_not_default_and_nothing_else():
    assert repr(NeuralCodec()) == "NeuralCodec()"
    assert repr(NeuralCodec(layers=8, mix=1.0, search=4)) == "NeuralCodec()"
    assert repr(NeuralCodec(kbps=3.0, mix=0.5)) == "NeuralCodec(layers=4, mix=0.5)"
    assert repr(NeuralCodec(muted_layers=[3], bend="offset")) == "NeuralCodec(muted_layers=(3,), bend='offset')"


@pytest.mark.parametrize("preset", [preset.name for preset in list_presets()])
def test_repr_is_python_that_makes_the_same_effect(preset):
    codec = NeuralCodec.from_preset(preset)
    names = {"NeuralCodec": NeuralCodec, "Motion": Motion, "Automation": Automation}
    assert eval(repr(codec), names).settings == codec.settings


def test_repr_shows_every_parameter_that_differs():
    for name, parameter in PARAMETERS.items():
        if parameter.view_of is None and parameter.is_scalar:
            other = {
                "bool": not parameter.default,
                "choice": parameter.choices[-1] if parameter.choices else "",
            }.get(parameter.kind, parameter.minimum if parameter.default != parameter.minimum else parameter.maximum)
            if name == "decimate_slower":
                other = True
            shown = repr(NeuralCodec(**{name: other}))
            assert shown == f"NeuralCodec({name}={PARAMETERS[name].validate(other)!r})", name


def test_an_effect_comes_from_a_preset_in_one_call(tmp_path):
    preset = load_preset("walkie-talkie")
    for given in ("walkie-talkie", preset):
        codec = NeuralCodec.from_preset(given)
        assert all(codec.settings.plain()[name] == value for name, value in preset.parameters.items() if name != "kbps")
    assert codec_for(preset).settings == NeuralCodec().settings
    with pytest.raises(PresetError, match="Did you mean 'walkie-talkie'"):
        NeuralCodec.from_preset("walkie-talky")
    path = tmp_path / "mine.json"
    path.write_text('{"schema": 1, "title": "Mine", "parameters": {"layers": 3}, "model": "gone"}')
    with pytest.raises(PresetError, match="its model can't"):
        NeuralCodec.from_preset(path)


def test_drawn_layers_ramp_as_drawn_kbps_do():
    sent = {}
    for name, values in (("layers", (4, 20, 2)), ("kbps", (3.0, 15.0, 1.5))):
        codec = NeuralCodec(search=1)
        codec.automate(name, np.array([0.1, 0.6, 0.9]), np.array(values))
        codec(demo(1, 24_000, 1.2)[:1], 24_000)
        sent[name] = [report.layers for report in codec.last_reports]
    assert sent["layers"] == sent["kbps"]
    assert set(sent["layers"]) == set(range(2, 21))


def test_layers_and_kbps_are_not_both_drawn():
    codec = NeuralCodec()
    codec.automate("layers", [0.0, 1.0], [3, 8])
    with pytest.raises(ValueError, match="both layers and kbps"):
        codec.automate("kbps", [0.0, 1.0], [3.0, 6.0])
    assert [curve.target for curve in codec.automation] == ["layers"]
    codec.automate("layers", [], [])
    codec.automate("kbps", [0.0, 1.0], [3.0, 6.0])
    with pytest.raises(ValueError, match="both kbps and layers"):
        codec.automate("layers", [0.0, 1.0], [3, 8])
