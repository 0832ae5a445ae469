"""Models of one's own.

Found by name beside the shipped ones, never in their place, and harmless when they are damaged.
"""

import json
import shutil

import numpy as np
import pytest
from pedalboard.io import AudioFile

from lamina.cli.main import main
from lamina.models.bundles.bundle import (
    BundleError,
    install_bundle,
    list_bundles,
    open_bundle,
    survey_bundles,
    weights_folder,
)
from lamina.models.bundles.own_bundles import check_free, is_name, own_bundles_folder
from lamina.models.places import data_folder
from lamina.plugin import NeuralCodec
from lamina.plugin.documents.presets import PresetError, codec_for, load_preset, save_preset

SHIPPED = weights_folder() / "lamina-24k"


def own_bundle(tmp_path, name="my-band", gain=None):
    """A bundle of one's own: the shipped one with another name and, if `gain` is given, other codebook-free weights."""
    source = shutil.copytree(SHIPPED, tmp_path / f"source of {name}", dirs_exist_ok=True)
    manifest = json.loads((source / "model.json").read_text())
    (source / "model.json").write_text(json.dumps(manifest | {"name": name, "training": {"steps": gain or 1}}))
    return install_bundle(source, name)


def damage(folder, file="decoder.onnx"):
    path = folder / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def refused(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    return error


def test_own_models_stand_beside_the_shipped(tmp_path):
    own_bundle(tmp_path)
    assert list_bundles() == ["lamina-24k", "my-band"]
    assert open_bundle("my-band").path == own_bundles_folder() / "my-band"
    codec = NeuralCodec(model="my-band")
    assert codec.model == codec.bundle.name == "my-band"
    assert "model='my-band'" in repr(codec)
    sound = np.random.default_rng(0).standard_normal((1, 4800)).astype(np.float32) * 0.1
    assert np.array_equal(codec(sound, 24_000), NeuralCodec()(sound, 24_000))


def test_the_data_folder_is_the_users_unless_named(monkeypatch):
    monkeypatch.delenv("LAMINA_DATA")
    assert "lamina" in str(data_folder()).lower()
    monkeypatch.setenv("LAMINA_DATA", "~/elsewhere")
    assert data_folder().name == "elsewhere" and "~" not in str(data_folder())


@pytest.mark.parametrize("name", ["my-band", "Übung 2", "v1.2", "x", "a" * 64])
def test_names_that_can_be(name):
    assert is_name(name)
    check_free(name, ["lamina-24k"], replace=False)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "../x", ".hidden", "-x", " x", "x ", "x.", "a\nb", "a:b", "a" * 65]
)
def test_names_that_can_not_be(name):
    assert not is_name(name)
    with pytest.raises(ValueError, match="can't be the name"):
        check_free(name, ["lamina-24k"], replace=True)


@pytest.mark.parametrize("name", ["lamina-24k", "Lamina-24K"])
def test_a_shipped_name_is_never_free(name):
    with pytest.raises(ValueError, match="comes with Lamina"):
        check_free(name, ["lamina-24k"], replace=True)


def test_a_folder_or_a_bundle_with_a_shipped_name_does_not_stand_in_for_it(tmp_path, monkeypatch):
    shutil.copytree(SHIPPED, tmp_path / "lamina-24k")
    shutil.copytree(SHIPPED, own_bundles_folder() / "lamina-24k")
    monkeypatch.chdir(tmp_path)
    assert open_bundle("lamina-24k").path == SHIPPED
    assert list_bundles() == ["lamina-24k"]


def test_a_name_leads_nowhere_else(tmp_path):
    own_bundle(tmp_path)
    with pytest.raises(BundleError, match="my-band"):  # the sentence lists what there is
        open_bundle("../bundles/my-band")
    with pytest.raises(BundleError, match="There is no model"):
        open_bundle("../../x")


def test_a_model_is_replaced_only_by_a_complete_one(tmp_path):
    own_bundle(tmp_path, gain=1)
    incomplete = shutil.copytree(SHIPPED, tmp_path / "incomplete")
    damage(incomplete)
    with pytest.raises(BundleError, match="damaged"):
        install_bundle(incomplete, "my-band")
    assert open_bundle("my-band").training["steps"] == 1
    own_bundle(tmp_path, gain=2)
    assert open_bundle("my-band").training["steps"] == 2
    assert [path.name for path in own_bundles_folder().iterdir()] == ["my-band"]


def test_a_taken_name_is_refused_unless_it_may_be_replaced(tmp_path):
    own_bundle(tmp_path)
    with pytest.raises(ValueError, match="--replace"):
        check_free("my-band", [], replace=False)
    check_free("my-band", [], replace=True)
    with pytest.raises(ValueError, match="too much like"):
        check_free("My-Band", [], replace=True)


def test_an_effect_never_changes_its_model_silently(tmp_path):
    folder = own_bundle(tmp_path)
    codec = NeuralCodec(model="my-band")
    manifest = json.loads((folder / "model.json").read_text())
    other = json.loads((SHIPPED / "model.json").read_text())
    (tmp_path / "other").mkdir()
    changed = shutil.copytree(SHIPPED, tmp_path / "other" / "bundle")
    (changed / "extra.txt").write_text("other weights would stand here")
    from lamina.models.bundles.bundle import file_hash

    other["files"]["extra.txt"] = file_hash(changed / "extra.txt")
    (changed / "model.json").write_text(json.dumps(other | {"name": manifest["name"]}))
    install_bundle(changed, "my-band")
    with pytest.raises(BundleError, match="replaced since"):
        codec.stream(24_000, 1)
    assert (
        NeuralCodec(model="my-band").bundle.digest
        == NeuralCodec(model="my-band").stream(24_000, 1)._runtime.bundle.digest
    )


DAMAGES = {
    "a flipped bit": damage,
    "no manifest": lambda folder: (folder / "model.json").unlink(),
    "half a manifest": lambda folder: (folder / "model.json").write_text('{"format": 1'),
    "a list": lambda folder: (folder / "model.json").write_text("[]"),
    "wrong types": lambda folder: (folder / "model.json").write_text(
        json.dumps(json.loads((SHIPPED / "model.json").read_text()) | {"training": [1]})
    ),
    "no graph": lambda folder: (folder / "encoder.onnx").unlink(),
    "empty": lambda folder: [path.unlink() for path in folder.iterdir()],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_model_is_listed_with_the_reason_and_stops_nothing(tmp_path, capsys, kind):
    folder = own_bundle(tmp_path)
    DAMAGES[kind](folder)
    (entry,) = [entry for entry in survey_bundles() if entry.is_own]
    assert entry.name == "my-band" and entry.bundle is None and "my-band" in entry.problem
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert "my-band (your own): can't be used. " in out and "lamina-24k (comes with Lamina)" in out
    assert "my-band" in refused(capsys, "info", "--model", "my-band")


def test_info_tells_about_any_model(tmp_path, capsys):
    own_bundle(tmp_path)
    assert main(["info", "--model", "my-band"]) == 0
    assert "my-band" in capsys.readouterr().out.split("Models")[0]


@pytest.mark.slow
def test_rendering_takes_a_model(tmp_path, capsys):
    own_bundle(tmp_path)
    source = tmp_path / "take.wav"
    with AudioFile(str(source), "w", 24_000, 1) as file:
        file.write(np.zeros((1, 2400), np.float32))
    assert main(["render", str(source), str(tmp_path / "out.wav"), "--model", "my-band", "--quiet"]) == 0
    error = refused(capsys, "render", source, tmp_path / "none.wav", "--model", "my-bond")
    assert "my-bond" in error and "my-band" in error
    assert not (tmp_path / "none.wav").exists()


def test_the_app_is_not_opened_with_a_model_that_is_not_there(capsys):
    assert "my-band" in refused(capsys, "app", "--model", "my-band")


def test_a_preset_brings_its_model_and_says_when_it_is_missing(tmp_path, capsys):
    path = tmp_path / "mine.json"
    save_preset(path, "Mine", {"layers": 3}, model="my-band")
    preset = load_preset(path)
    assert preset.model == "my-band"
    with pytest.raises(PresetError, match=r"'Mine'.*my-band"):
        codec_for(preset)
    source = tmp_path / "take.wav"
    with AudioFile(str(source), "w", 24_000, 1) as file:
        file.write(np.zeros((1, 2400), np.float32))
    assert "my-band" in refused(capsys, "render", source, tmp_path / "out.wav", "--preset", path)
    assert not (tmp_path / "out.wav").exists()
    # Another model may take its place.
    assert (
        main(
            [
                "render",
                str(source),
                str(tmp_path / "out.wav"),
                "--preset",
                str(path),
                "--model",
                "lamina-24k",
                "--quiet",
            ]
        )
        == 0
    )
    own_bundle(tmp_path)
    assert codec_for(preset).model == "my-band"
    assert codec_for(load_preset("podcast")).model == "lamina-24k"


@pytest.mark.parametrize("model", [3, "", ["my-band"]])
def test_a_preset_with_a_model_that_is_no_name_is_refused(tmp_path, model):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"schema": 1, "title": "Mine", "parameters": {}, "model": model}))
    with pytest.raises(PresetError, match="model"):
        load_preset(path)
