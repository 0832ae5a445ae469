"""Presets: the factory's are valid and audible; files are checked completely and written atomically."""

import json

import numpy as np
import pytest
from sounds import demo

from lamina.plugin import NeuralCodec
from lamina.plugin.presets import PresetError, list_presets, load_preset, save_preset
from lamina.plugin.settings import Settings


def test_every_factory_preset_is_described_and_differs_from_all_others():
    presets = list_presets()
    assert len(presets) >= 8
    assert all(preset.title and preset.description.endswith(".") for preset in presets)
    assert len({preset.settings() for preset in presets}) == len(presets)


def test_factory_presets_sound_different_and_sane():
    audio = demo(0, 24_000, 1.0)
    seen = []
    for preset in list_presets():
        codec = NeuralCodec()
        codec.set_parameters(preset.parameters)
        out = codec(audio, 24_000)
        assert np.isfinite(out).all()
        # What denoise takes from clean music is little, but something.
        quietest = 0.01 if preset.parameters.get("noise_only") else 0.05
        assert quietest < np.abs(out).max() <= 1.5
        assert not any(np.allclose(out, other, atol=1e-4) for other in seen), preset.name
        seen.append(out)


def test_a_preset_starts_from_the_defaults():
    assert load_preset("long-distance").settings() == Settings(layers=4)


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "Mein Klang.json"
    save_preset(path, "Mein Klang – größer", {"kbps": 4.5, "mix": 0.5}, "leise")
    preset = load_preset(path)
    assert (preset.title, preset.description) == ("Mein Klang – größer", "leise")
    assert preset.settings() == Settings(layers=6, mix=0.5)
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(PresetError, match="Did you mean 'podcast'"):
        load_preset("podcats")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a preset"),
        ("[1, 2]", "schema"),
        ('{"schema": 2, "title": "x", "parameters": {}}', "Update"),
        ('{"schema": 1, "title": "x"}', "parameters"),
        ('{"schema": 1, "parameters": {}}', "title"),
        ('{"schema": 1, "title": "x", "parameters": {"layers": 99}}', "layers is 99"),
        ('{"schema": 1, "title": "x", "parameters": {"layers": "8"}}', "layers"),
        ('{"schema": 1, "title": "x", "parameters": {"layers": 8, "kbps": 6}}', "one value"),
        ('{"schema": 1, "title": "x", "parameters": {"lawyers": 8}}', "Did you mean 'layers'"),
    ],
)
def test_a_damaged_preset_is_refused_with_its_name(tmp_path, content, words):
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(PresetError, match=words) as error:
        load_preset(path)
    assert "broken.json" in str(error.value)


def test_saving_nonsense_keeps_the_old_preset(tmp_path):
    path = tmp_path / "mine.json"
    save_preset(path, "Mine", {"layers": 3})
    before = path.read_text()
    with pytest.raises(PresetError, match="layers"):
        save_preset(path, "Mine", {"layers": 0})
    with pytest.raises(PresetError, match="written"):
        save_preset(tmp_path / "missing" / "mine.json", "Mine", {"layers": 3})
    assert path.read_text() == before
    assert json.loads(before)["schema"] == 1


def test_a_saved_preset_may_be_read_by_whom_any_new_file_may(tmp_path):
    (tmp_path / "plain").touch()
    save_preset(tmp_path / "mine.json", "Mine", {"layers": 3})
    assert (tmp_path / "mine.json").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 2
