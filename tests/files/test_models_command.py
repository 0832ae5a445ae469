"""`lamina models`: one's own are listed, shown, renamed and removed; those that come with Lamina stay as they are."""

import json
import shutil

import numpy as np
import pytest
from container_parts import real_codes

from lamina.cli.main import main
from lamina.models.bundles.bundle import DEFAULT_BUNDLE, open_bundle, shipped_bundles, weights_folder
from lamina.models.bundles.own_bundles import own_bundle_names, own_bundles_folder, run_folder
from lamina.plugin import NeuralCodec
from lamina.plugin.codes_file.file import read_codes, write_codes


@pytest.fixture
def mine():
    own_bundles_folder().mkdir(parents=True)
    folder = own_bundles_folder() / "my-band"
    shutil.copytree(weights_folder() / DEFAULT_BUNDLE, folder)
    manifest = folder / "model.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"name": "my-band"}))
    return folder


def refused(capsys, *arguments):
    assert main(["models", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("lamina: ")
    return error


def test_all_are_listed_damaged_ones_too(mine, capsys):
    (own_bundles_folder() / "broken").mkdir()
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "lamina-24k (comes with Lamina): 24 layers, 0.75 to 18 kbps"
    assert any("my-band (your own)" in line for line in lines)
    assert any("broken" in line and "can't be used" in line for line in lines)
    assert main(["models", "list", "--json"]) == 0
    facts = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert facts["my-band"]["is_own"] and facts["my-band"]["layers"] == 24 and facts["broken"]["problem"]


def test_one_is_shown_with_its_card(mine, capsys):
    assert main(["models", "show", "my-band"]) == 0
    out = capsys.readouterr().out
    assert "my-band" in out and "Known weaknesses" in out and "0.75 to 18" in out
    assert main(["models", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == NeuralCodec().bundle.digest


def test_a_renamed_model_is_the_same_and_its_files_stay_readable(mine, tmp_path, capsys):
    run_folder("my-band").mkdir(parents=True)
    (run_folder("my-band") / "checkpoint.pt").write_text("weights")
    digest = open_bundle("my-band").digest
    write_codes(tmp_path / "a.lamina", real_codes(2, 0.5))
    assert main(["models", "rename", "my-band", "Old Band"]) == 0
    assert own_bundle_names() == ["Old Band"]
    bundle = open_bundle("Old Band")
    assert (bundle.name, bundle.digest) == ("Old Band", digest)
    assert not run_folder("my-band").exists() and (run_folder("Old Band") / "checkpoint.pt").exists()
    codes = read_codes(tmp_path / "a.lamina").codes
    assert np.isfinite(NeuralCodec(model="Old Band").decode(codes)).all()
    assert main(["models", "rename", "Old Band", "old band"]) == 0
    assert own_bundle_names() == ["old band"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rename", "lamina-24k", "mine"], "can't be changed"),
        (["rename", "unheard-of", "mine"], "Yours are my-band"),
        (["rename", "my-band", "lamina-24k"], "comes with Lamina"),
        (["rename", "my-band", "standard"], "name of a size"),
        (["rename", "my-band", "../out"], "can't be the name"),
        (["rename", "my-band", "my-band"], "already"),
        (["remove", "lamina-24k", "--force"], "can't be changed"),
        (["remove", "my-band"], "--force"),
        (["show", "unheard-of"], "no model"),
    ],
)
def test_what_can_not_be_is_one_sentence_and_changes_nothing(mine, capsys, arguments, words):
    assert words in refused(capsys, *arguments)
    assert own_bundle_names() == ["my-band"] and shipped_bundles() == ["lamina-24k"]
    assert open_bundle("my-band").name == "my-band"


def test_a_taken_name_is_refused(mine, capsys):
    shutil.copytree(mine, mine.with_name("other"))
    assert "already have" in refused(capsys, "rename", "my-band", "other")
    run_folder("my-band").mkdir(parents=True)
    run_folder("third").mkdir(parents=True)
    assert "training run" in refused(capsys, "rename", "my-band", "third")
    assert own_bundle_names() == ["my-band", "other"]


def test_a_removed_model_is_gone_and_its_run_stays(mine, capsys):
    run_folder("my-band").mkdir(parents=True)
    assert main(["models", "remove", "my-band", "--force"]) == 0
    assert str(run_folder("my-band")) in capsys.readouterr().out
    assert list(own_bundles_folder().iterdir()) == [] and run_folder("my-band").is_dir()
