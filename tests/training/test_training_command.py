"""`lamina train` refuses what can't be in a sentence before anything changes.

Denoise is kept, learnt or left out as said.
"""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")
pytest.importorskip("onnx", reason="training needs the extra [train]")
soundfile = pytest.importorskip("soundfile", reason="training needs the extra [train]")

from toy_training import TOY, toy_corpus, toy_plan  # noqa: E402

from lamina.cli.main import main  # noqa: E402
from lamina.cli.training import judged as judging  # noqa: E402
from lamina.cli.training import train as training_command  # noqa: E402
from lamina.models.bundles.bundle import open_bundle  # noqa: E402
from lamina.models.export import export_bundle, load_network  # noqa: E402
from lamina.models.network.network import CodecNetwork  # noqa: E402
from lamina.models.training.checkpoint import Checkpoint  # noqa: E402
from lamina.models.training.denoising import USUAL_BLOCKS  # noqa: E402
from lamina.models.training.trainer import DivergedError, Trainer  # noqa: E402


@pytest.fixture
def toy(tmp_path):
    """A checkpoint of a toy network, which commands start from to be fast."""
    torch.manual_seed(0)
    Trainer(CodecNetwork(TOY), toy_corpus(), toy_plan(max_steps=1), tmp_path / "toy").run()
    return tmp_path / "toy" / "checkpoint.pt"


def write_sounds(folder):
    folder.mkdir(parents=True)
    random = np.random.default_rng(len(folder.name))
    for index in range(2):
        sound = random.standard_normal(24_000 * 12) * 0.1 * (1 + np.sin(np.arange(24_000 * 12) / 3000 + index))
        soundfile.write(folder / f"{index}.wav", np.clip(sound, -1, 1), 24_000)


@pytest.fixture
def takes(tmp_path):
    write_sounds(tmp_path / "takes")
    return tmp_path / "takes"


def train(takes, *options):
    arguments = [
        "train",
        "--data",
        takes,
        "--max-steps",
        2,
        "--batch",
        2,
        "--out",
        takes.parent / "run",
        "--cache",
        takes.parent / "cache",
    ]
    return main([str(argument) for argument in (*arguments, *options)])


def refused(capsys, *words):
    lines = capsys.readouterr().err.strip().splitlines()
    error = [line for line in lines if line.startswith("lamina: ")]
    assert len(error) == 1, lines
    for word in words:
        assert word in error[0]
    return True


def test_a_run_from_a_checkpoint_makes_a_bundle_of_averaged_weights(takes, toy):
    assert train(takes, "--from", toy) == 0
    run = takes.parent / "run"
    bundle = open_bundle(run / "bundle")
    assert bundle.config == TOY and not bundle.conditioned
    plan = json.loads((run / "plan.json").read_text())
    assert plan["batch"] == 2 and plan["adversary"]["start"] == 1.0 and plan["minutes"] == 20
    averaged = Checkpoint.load(run / "checkpoint.pt").averaged_network()
    weight = "encoder.linear_path.weight"
    assert torch.allclose(load_network(bundle).state_dict()[weight], averaged.state_dict()[weight], atol=2e-2)
    assert "Denoise was not trained" in (bundle.path / "MODEL_CARD.md").read_text()


def test_options_reach_the_plan(takes, toy):
    options = (
        "--discriminators",
        "0.4",
        "--waveform-discriminators",
        "--no-half",
        "--device",
        "cpu",
        "--seed",
        7,
        "--learning-rate",
        "1e-3",
    )
    assert train(takes, "--from", toy, *options) == 0
    plan = json.loads((takes.parent / "run" / "plan.json").read_text())
    assert (plan["adversary"]["start"], plan["adversary"]["waveform"]) == (0.4, True)
    assert (plan["half_precision"], plan["compile"], plan["seed"], plan["learning_rate"]) == (False, False, 7, 1e-3)
    assert plan["batch"] == 2


def test_noise_in_the_data_trains_denoise_and_without_it_denoise_is_kept(takes, toy, tmp_path):
    both = tmp_path / "both"
    write_sounds(both / "speech")
    write_sounds(both / "noise")
    assert train(both, "--from", toy, "--out", tmp_path / "first", "--max-steps", 8, "--batch", 8) == 0
    first = open_bundle(tmp_path / "first" / "bundle")
    assert first.conditioned and first.training["denoise"] == "trained"
    film = Checkpoint.load(tmp_path / "first" / "checkpoint.pt").average["decoder.film.scale"]
    assert film.abs().max() > 0

    for source in (first.path, tmp_path / "first" / "checkpoint.pt"):
        out = tmp_path / f"second-{source.name}"
        assert train(takes, "--from", source, "--out", out) == 0
        second = open_bundle(out / "bundle")
        assert second.conditioned and second.training["denoise"] == "kept"
        assert "may have become weaker" in (second.path / "MODEL_CARD.md").read_text()
        kept = Checkpoint.load(out / "checkpoint.pt").network["decoder.film.scale"]
        assert torch.allclose(kept, film, atol=1e-3) and kept.abs().max() > 0


def test_a_denoiser_is_trained_alone_and_the_codec_stays_as_it_is(takes, toy, tmp_path, capsys):
    both = tmp_path / "both"
    write_sounds(both / "speech")
    write_sounds(both / "noise")
    start = export_bundle(CodecNetwork(TOY), tmp_path / "start", "start", {}, "card", conditioned=False)
    assert train(both, "--from", start.path, "--only-denoise", "--out", tmp_path / "once") == 0
    bundle = open_bundle(tmp_path / "once" / "bundle")
    assert bundle.conditioned and bundle.config.transform.denoiser_blocks == USUAL_BLOCKS
    before, after = load_network(start), load_network(bundle)
    assert after.decoder.denoiser.output.weight.abs().max() > 0
    for name, value in before.state_dict().items():
        if not name.endswith(("use", "sums", "film.scale", "film.shift")):
            assert torch.equal(after.state_dict()[name], value), name
    # It goes on from there, and from its own checkpoint only with the same option.
    assert train(both, "--from", bundle.path, "--only-denoise", "--out", tmp_path / "twice") == 0
    capsys.readouterr()
    assert train(both, "--out", tmp_path / "once", "--max-steps", 3) == 2
    assert refused(capsys, "trained other parts")
    assert train(takes, "--from", start.path, "--only-denoise", "--out", tmp_path / "quiet") == 2
    assert refused(capsys, "noise")


def test_what_was_not_trained_to_denoise_does_not_pretend_to(takes, tmp_path):
    """Whatever its conditioning holds: such a model's denoise is refused, so nobody has ever listened to it."""
    network = CodecNetwork(TOY)
    with torch.no_grad():
        network.decoder.film.scale.fill_(0.5)
    start = export_bundle(network, tmp_path / "start", "start", {}, "card", conditioned=False)
    assert train(takes, "--from", start.path) == 0
    assert not open_bundle(takes.parent / "run" / "bundle").conditioned
    assert not Checkpoint.load(takes.parent / "run" / "checkpoint.pt").network["decoder.film.scale"].any()


def test_a_run_goes_on_with_the_same_command_only(takes, toy, capsys):
    assert train(takes, "--from", toy) == 0
    assert train(takes, "--from", toy, "--max-steps", 3) == 0
    saved = takes.parent / "run" / "checkpoint.pt"
    assert Checkpoint.load(saved).progress["steps"] == 3
    before = saved.read_bytes()
    capsys.readouterr()
    assert train(takes, "--size", "eco") == 2
    assert refused(capsys, "latent (12 and 192)", "another --out")
    assert train(takes, "--design", "soundstream") == 2
    assert refused(capsys, "design (transform and soundstream)")
    other = takes.parent / "other.pt"
    data = torch.load(toy, weights_only=True)
    torch.save({**data, "config": {**data["config"], "layers": 2}}, other)
    assert train(takes, "--from", other) == 2
    assert refused(capsys, "layers (3 and 2)")
    assert saved.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--discriminators", "1.5"], "--discriminators is 1.5"),
        (["--discriminators", "-0.1"], "--discriminators is -0.1"),
        (["--waveform-discriminators"], "needs --discriminators"),
        (["--device", "banana"], "is no device"),
        (["--device", "cuda:99"], "There is no GPU 99"),
        (["--batch", "0"], "--batch is 0"),
        (["--channels", "8"], "--design soundstream"),
        (["--size", "eco", "--design", "soundstream"], "--size chooses"),
        (["--from", "nowhere"], "nowhere"),
        (["--export", "best"], "--export best needs --heldout"),
        (["--only-denoise"], "--from a bundle"),
        (["--only-denoise", "--from", "lamina-24k", "--discriminators", "0.5"], "leave --discriminators out"),
        (["--only-denoise", "--from", "lamina-24k", "--recipe", "gpu-quarter"], "leave --recipe out"),
    ],
)
def test_options_that_can_not_be_are_refused_before_anything_is_read(takes, capsys, options, words):
    before = sorted(takes.parent.rglob("*"))
    assert train(takes, *options) == 2
    assert refused(capsys, words)
    assert sorted(takes.parent.rglob("*")) == before


def test_a_start_of_another_size_is_refused_by_the_field_that_differs(takes, toy, capsys):
    assert train(takes, "--from", toy, "--size", "hq") == 2
    assert refused(capsys, "latent (12 and 192)", "--from")


@pytest.mark.parametrize("name", ["eco", "standard", "HQ"])
def test_sizes_can_not_be_the_names_of_models(takes, capsys, name):
    assert train(takes, "--name", name) == 2
    assert refused(capsys, "is the name of a size")


@pytest.mark.parametrize("error", [DivergedError("No finite gradients."), OSError("The checkpoint can't be written.")])
def test_a_run_that_fails_ends_with_one_line_and_makes_no_bundle(takes, toy, capsys, monkeypatch, error):
    def fail(trainer):
        raise error

    monkeypatch.setattr(Trainer, "run", fail)
    assert train(takes, "--from", toy) == 2
    assert refused(capsys, str(error))
    assert not (takes.parent / "run" / "bundle").exists()


@pytest.mark.long
def test_torchrun_starts_it_in_several_processes_and_one_of_them_speaks(takes, toy):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    call = f"import sys; from lamina.cli.main import main; sys.exit(main({train_arguments(takes, toy)!r}))"
    processes = []
    for rank in range(2):
        variables = {
            "RANK": rank,
            "LOCAL_RANK": rank,
            "WORLD_SIZE": 2,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "OMP_NUM_THREADS": 1,
        }
        environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", call], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    try:
        (leader, leader_errors), (other, other_errors) = (process.communicate(timeout=200) for process in processes)
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
    assert [process.returncode for process in processes] == [0, 0], (leader_errors, other_errors)
    assert "the bundle is" in leader and "Trained" not in other
    progress = Checkpoint.load(takes.parent / "run" / "checkpoint.pt")
    assert progress.progress["steps"] == 2 and len(progress.random) == 2
    one, another = progress.random
    assert one["corpus"] != another["corpus"] and not torch.equal(one["torch"], another["torch"])
    assert len(list((takes.parent / "cache").rglob("*.lpack"))) == 1


def train_arguments(takes, toy):
    run, cache = takes.parent / "run", takes.parent / "cache"
    options = [
        "--data",
        takes,
        "--from",
        toy,
        "--max-steps",
        2,
        "--batch",
        2,
        "--out",
        run,
        "--cache",
        cache,
        "--device",
        "cpu",
    ]
    return ["train", *(str(option) for option in options)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_run_that_was_interrupted_is_no_success_and_goes_on(takes, toy, monkeypatch, number, code):
    step = Trainer._step

    def interrupted(trainer, config):
        parts = step(trainer, config)
        if trainer.steps == 1:
            os.kill(os.getpid(), number)
        return parts

    monkeypatch.setattr(Trainer, "_step", interrupted)
    assert train(takes, "--from", toy, "--max-steps", 5) == code
    saved = takes.parent / "run" / "checkpoint.pt"
    assert Checkpoint.load(saved).progress["steps"] == 1
    monkeypatch.setattr(Trainer, "_step", step)
    assert train(takes, "--from", toy, "--max-steps", 2) == 0


def test_held_out_sounds_tell_what_a_run_has_brought(takes, toy, tmp_path, capsys):
    write_sounds(tmp_path / "heldout")
    run = takes.parent / "run"
    heldout = ("--from", toy, "--heldout", tmp_path / "heldout")
    assert train(takes, *heldout, "--learning-rate", "0.01", "--max-steps", 12) == 0
    out = capsys.readouterr().out
    assert "The held-out sounds (2 windows), before → after" in out and "   3 layers: " in out
    told = json.loads((run / "heldout.json").read_text())
    ((before,), (after,)) = told["before"], told["after"]
    assert before["layers"] == TOY.layers and before != after
    assert f"{before['snr_db']:6.2f} → {after['snr_db']:6.2f} dB" in out
    assert ("got worse" in out) == (after["mel"] > before["mel"])
    # A call that goes on compares with the beginning of the run, not of the call.
    assert train(takes, *heldout, "--max-steps", 14) == 0
    assert json.loads((run / "heldout.json").read_text())["before"] == told["before"]


def test_judging_changes_nothing_of_the_run(takes, toy, tmp_path):
    write_sounds(tmp_path / "heldout")
    assert train(takes, "--from", toy, "--out", tmp_path / "plain") == 0
    assert train(takes, "--from", toy, "--out", tmp_path / "judged", "--heldout", tmp_path / "heldout") == 0
    plain, judged = (Checkpoint.load(tmp_path / name / "checkpoint.pt") for name in ("plain", "judged"))
    assert all(torch.equal(plain.network[name], value) for name, value in judged.network.items())


@pytest.fixture
def every_step_is_judged(monkeypatch):
    """A checkpoint after every step, each judged, instead of every few minutes."""
    plan_of = training_command.plan_of
    monkeypatch.setattr(
        training_command, "plan_of", lambda *given: dataclasses.replace(plan_of(*given), checkpoint_minutes=0.0)
    )
    monkeypatch.setattr(judging, "MOST_OF_THE_RUN", 1e12)


TOO_FAST = ("--learning-rate", "0.5", "--max-steps", 8)
"""Steps so large that the network gets worse and worse."""


def is_made_of_the_best(run):
    """Whether the bundle's weights, which it holds rounded, are nearer to the best checkpoint's than to the last's."""
    weight = "encoder.linear_path.weight"
    exported = load_network(open_bundle(run / "bundle")).state_dict()[weight]
    best, last = (
        (Checkpoint.load(run / name).averaged_network().state_dict()[weight] - exported).norm()
        for name in ("best.pt", "checkpoint.pt")
    )
    return bool(best < last)


def test_the_best_checkpoint_by_the_held_out_sounds_is_exported(takes, toy, tmp_path, capsys, every_step_is_judged):
    write_sounds(tmp_path / "heldout")
    run = takes.parent / "run"
    heldout = ("--from", toy, "--heldout", tmp_path / "heldout")
    assert train(takes, *heldout, *TOO_FAST) == 0
    out, told = capsys.readouterr().out, json.loads((run / "heldout.json").read_text())
    distances = {row["steps"]: row["distance"] for row in told["on_the_way"]}
    best = min(distances, key=distances.get)
    assert sorted(distances) == list(range(1, 9)) and best < 8
    assert told["best"]["steps"] == told["exported"]["steps"] == best
    assert f"the best, step {best}, was exported, not the last one, step 8 " in out
    bundle = open_bundle(run / "bundle")
    assert (bundle.training["steps"], bundle.training["exported"]) == (best, "best")
    assert is_made_of_the_best(run)

    # The run is over, and its last checkpoint can still be had.
    assert train(takes, *heldout, *TOO_FAST, "--export", "last") == 0
    assert f"the last one, step 8, was exported, though step {best} was better" in capsys.readouterr().out
    assert not is_made_of_the_best(run)

    # A call that goes on still knows the best one of the calls before.
    assert train(takes, *heldout, "--learning-rate", "0.5", "--max-steps", 9) == 0
    assert json.loads((run / "heldout.json").read_text())["exported"]["steps"] == best


def test_discriminators_sharpen_what_the_measure_does_not_hear_so_the_last_is_exported(
    takes, toy, tmp_path, capsys, every_step_is_judged
):
    write_sounds(tmp_path / "heldout")
    options = ("--from", toy, "--heldout", tmp_path / "heldout", "--discriminators", "0.99", *TOO_FAST)
    assert train(takes, *options) == 0
    assert "the last one, step 8, was exported, though step" in capsys.readouterr().out
    assert open_bundle(takes.parent / "run" / "bundle").training["steps"] == 8


def test_other_held_out_sounds_begin_the_comparison_anew(takes, toy, tmp_path, every_step_is_judged):
    for name in ("heldout", "another-folder"):
        write_sounds(tmp_path / name)
    run = takes.parent / "run"
    assert train(takes, "--from", toy, "--heldout", tmp_path / "heldout", *TOO_FAST) == 0
    before = json.loads((run / "heldout.json").read_text())["before"]
    assert train(takes, "--heldout", tmp_path / "another-folder", "--learning-rate", "0.5", "--max-steps", 9) == 0
    told = json.loads((run / "heldout.json").read_text())
    assert told["before"] != before and [row["steps"] for row in told["on_the_way"]] == [9]
    assert told["exported"]["steps"] == 9


def test_a_full_disk_loses_the_best_checkpoint_and_not_the_run(takes, toy, tmp_path, monkeypatch, every_step_is_judged):
    write_sounds(tmp_path / "heldout")
    save = Checkpoint.save

    def full(checkpoint, path):
        if path.name == "best.pt":
            raise OSError("No space is left.")
        save(checkpoint, path)

    monkeypatch.setattr(Checkpoint, "save", full)
    assert train(takes, "--from", toy, "--heldout", tmp_path / "heldout", *TOO_FAST) == 0
    assert open_bundle(takes.parent / "run" / "bundle").training["steps"] == 8
