"""`lamina train --name` ends in a model of one's own, with a card, and an existing one stays until then."""

import dataclasses
import json

import pytest
from pedalboard.io import AudioFile
from sounds import demo

pytest.importorskip("torch", reason="training needs the extra [train]")
pytest.importorskip("onnx", reason="training needs the extra [train]")

from lamina.cli.main import main
from lamina.models.bundles.bundle import list_bundles, open_bundle
from lamina.models.bundles.own_bundles import own_bundles_folder, run_folder
from lamina.models.training.trainer import Trainer
from lamina.plugin import NeuralCodec


@pytest.fixture
def takes(tmp_path):
    """A folder with half a minute of music."""
    folder = tmp_path / "my_takes"
    folder.mkdir()
    for index in range(2):
        with AudioFile(str(folder / f"take {index}.wav"), "w", 24_000, 1) as file:
            file.write(demo(index, 24_000, 20.0)[:1])
    return folder


def train(takes, *options):
    arguments = [
        "train",
        "--data",
        takes,
        "--from",
        "lamina-24k",
        "--max-steps",
        1,
        "--batch",
        1,
        "--cache",
        takes.parent / "cache",
    ]
    return main([str(argument) for argument in (*arguments, *options)])


@pytest.mark.long
def test_a_named_training_becomes_a_model_and_is_replaced_only_on_request(takes, capsys, monkeypatch):
    assert train(takes, "--name", "my-band") == 0
    assert "lamina app --model my-band" in capsys.readouterr().out
    assert list_bundles() == ["lamina-24k", "my-band"]
    first = open_bundle("my-band")
    assert (first.name, first.training["steps"], first.training["started_from"]) == ("my-band", 1, "lamina-24k")
    card = (first.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    for words in ("# my-band", "1 steps", "started from lamina-24k", "`my_takes`", "2 clips", "0.01 h"):
        assert words in card
    assert (run_folder("my-band") / "checkpoint.pt").exists() and (run_folder("my-band") / "log.jsonl").exists()

    # Taken: refused before anything is read or written.
    before = (run_folder("my-band") / "checkpoint.pt").stat().st_mtime_ns
    assert train(takes, "--name", "my-band") == 2
    assert "--replace" in capsys.readouterr().err
    assert (run_folder("my-band") / "checkpoint.pt").stat().st_mtime_ns == before

    # An interrupted replacement leaves the old model, and the same command goes on from where it was.
    run, began_at = Trainer.run, []

    def interrupted(trainer):
        began_at.append(trainer.steps)
        trainer.plan = dataclasses.replace(trainer.plan, max_steps=1)
        final = run(trainer)
        trainer.stop_requested = True
        return final

    monkeypatch.setattr(Trainer, "run", interrupted)
    assert train(takes, "--name", "my-band", "--replace", "--max-steps", 2) == 0
    assert "not installed yet" in capsys.readouterr().out
    assert open_bundle("my-band").digest == first.digest

    assert began_at == [0]
    monkeypatch.setattr(Trainer, "run", lambda trainer: (began_at.append(trainer.steps), run(trainer))[1])
    assert train(takes, "--name", "my-band", "--replace", "--max-steps", 2) == 0
    again = open_bundle("my-band")
    assert began_at == [0, 1]
    assert again.training["steps"] == 2 and again.digest != first.digest
    assert NeuralCodec(model="my-band").bundle.digest == again.digest
    assert [path.name for path in own_bundles_folder().iterdir()] == ["my-band"]
    manifest = json.loads((again.path / "model.json").read_text(encoding="utf-8"))
    assert manifest["name"] == "my-band"


def test_without_a_name_the_bundle_stays_where_the_run_is(takes, tmp_path):
    assert train(takes, "--out", tmp_path / "run") == 0
    assert open_bundle(tmp_path / "run" / "bundle").training["steps"] == 1
    assert list_bundles() == ["lamina-24k"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--name"),
        (["--name", "lamina-24k"], "comes with Lamina"),
        (["--name", "a/b"], "can't be the name"),
        (["--name", "lamina-24k", "--replace"], "comes with Lamina"),
        (["--replace", "--out", "run"], "--replace"),
    ],
)
def test_names_that_can_not_be_are_refused_before_training(takes, tmp_path, monkeypatch, capsys, options, words):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert train(takes, *options) == 2
    error = capsys.readouterr().err
    assert words in error and len(error.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
