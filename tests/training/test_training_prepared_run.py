"""A run on a machine that is there for a quarter of an hour, rehearsed on a CPU.

What is carried there, what comes back, how it ends.
"""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")
pytest.importorskip("onnx", reason="training needs the extra [train]")
soundfile = pytest.importorskip("soundfile", reason="training needs the extra [train]")

from toy_training import TOY_WITH_MEMORY, toy_corpus, toy_plan  # noqa: E402

from lamina.cli.main import main  # noqa: E402
from lamina.cli.training.pause import Pause  # noqa: E402
from lamina.models.bundles.bundle import open_bundle  # noqa: E402
from lamina.models.network.network import CodecNetwork  # noqa: E402
from lamina.models.runtime import CodecRuntime  # noqa: E402
from lamina.models.training.adversary import AdversaryPlan  # noqa: E402
from lamina.models.training.checkpoint import Checkpoint  # noqa: E402
from lamina.models.training.data.examples import draw_examples  # noqa: E402
from lamina.models.training.data.helped_corpus import HelpedCorpus, count_helpers  # noqa: E402
from lamina.models.training.data.packed import part_path  # noqa: E402
from lamina.models.training.initialise import fit_linear_path, fit_quantizer  # noqa: E402
from lamina.models.training.parallel import Workers  # noqa: E402
from lamina.models.training.recipes import RECIPES  # noqa: E402
from lamina.models.training.trainer import Trainer  # noqa: E402
from lamina.models.training.travel import load_travelling, save_travelling  # noqa: E402

COMES_BACK = 16 << 20
"""Bytes of a file that may come back from such a machine."""
NOT_THERE = ("soundfile", "soxr", "pedalboard", "platformdirs", "PyQt6", "sounddevice", "rtmixer")
STEPS = 7


def train_toy(folder, **plan):
    torch.manual_seed(0)
    network = CodecNetwork(TOY_WITH_MEMORY)
    corpus = toy_corpus()
    fit_linear_path(network, corpus, crops=40)
    network.memory.scale.fill_(2.0)
    fit_quantizer(network, corpus, n_frames=200, crop_frames=12, iterations=2)
    return Trainer(network, corpus, toy_plan(**{"max_steps": 2, **plan}), folder).run()


@pytest.fixture(scope="module")
def travelled(tmp_path_factory):
    """Eighteen seconds of three kinds, as they are carried, and a toy's checkpoint."""
    tmp_path = tmp_path_factory.mktemp("home")
    random = np.random.default_rng(4)
    seconds = np.arange(24_000 * 6) / 24_000
    for kind in ("speech", "music", "noise"):
        (tmp_path / "takes" / kind).mkdir(parents=True)
        sound = random.standard_normal(len(seconds)) * 0.05 * (1 + np.sin(2 * np.pi * 3 * seconds)) + 0.1 * np.sin(
            9000 * seconds**1.1
        )
        soundfile.write(tmp_path / "takes" / kind / "a.wav", sound, 24_000)
    train_toy(tmp_path / "toy")
    data = tmp_path / "travel.lpack"
    command = [
        "data",
        "compact",
        str(tmp_path / "takes"),
        "--out",
        str(data),
        "--part-size",
        "2",
        "--cache",
        str(tmp_path / "cache"),
    ]
    assert main(command) == 0
    return data, tmp_path / "toy" / "checkpoint.pt"


@pytest.mark.long
def test_a_run_travels_there_and_back_and_ends_as_a_model(travelled, tmp_path, capsys):
    data, start = travelled
    usual = [
        "--data",
        str(data),
        "--recipe",
        "gpu-quarter",
        "--batch",
        "3",
        "--max-steps",
        str(STEPS),
        "--device",
        "cpu",
    ]
    first, second = tmp_path / "first" / "run.pt", tmp_path / "second" / "run.pt"

    there = tmp_path / "there"
    call = [
        "train",
        *usual,
        "--from",
        str(start),
        "--out",
        str(there),
        "--pause-after",
        "0.0001",
        "--travel",
        str(first),
    ]
    assert main(call) == 0
    assert "14% of the run is done (1 steps)" in capsys.readouterr().out
    assert not (there / "bundle").exists()
    plan = json.loads((there / "plan.json").read_text())
    assert (plan["minutes"], plan["crop_frames"], plan["batch"]) == (11.0, 32, 3)
    assert plan["adversary"]["start"] == RECIPES["gpu-quarter"].adversary["start"]
    shutil.rmtree(there)

    # Another machine, which has nothing that decodes or plays sound.
    call = ["train", *usual, "--from", str(first), "--resume", "--out", str(there), "--travel", str(second)]
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({NOT_THERE!r}))\nfrom lamina.cli.main import "
        f"main\nsys.exit(main({call!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert f"100% of the run is done ({STEPS} steps)" in done.stdout
    for path in (*first.parent.iterdir(), *second.parent.iterdir()):
        assert path.stat().st_size <= COMES_BACK
    judged = load_travelling(second)
    # They join in after two thirds of the seven steps: in the sixth and seventh.
    assert judged.adversary["steps"] == 2

    home = tmp_path / "home"
    assert main(["train", *usual, "--from", str(second), "--resume", "--out", str(home)]) == 0
    assert json.loads((home / "bundle" / "model.json").read_text())["training"]["steps"] == STEPS
    runtime = CodecRuntime(open_bundle(home / "bundle"))
    assert runtime.config == TOY_WITH_MEMORY
    # Another run must not be taken for the one that ended there.
    assert main(["train", *usual, "--from", str(first), "--resume", "--out", str(home)]) == 2
    assert "is over and has its bundle. Give another --out" in capsys.readouterr().err


def test_the_files_are_written_on_the_way_too(tmp_path):
    """In case the machine is taken away before the call ends."""
    seen = []

    class Looking(Pause):
        def write(self, checkpoint):
            seen.append(checkpoint.progress["steps"])
            return super().write(checkpoint)

    pause = Looking(None, tmp_path / "run.pt", every_seconds=1e-9)
    trainer = Trainer(CodecNetwork(TOY_WITH_MEMORY), toy_corpus(), toy_plan(max_steps=4), tmp_path)
    trainer.on_step = pause.after_step
    trainer.run()
    assert seen == [1, 2, 3, 4]
    assert load_travelling(tmp_path / "run.pt").progress["steps"] == 4


def test_what_travels_is_nearly_the_run(tmp_path):
    run = train_toy(tmp_path / "run", max_steps=6, adversary=AdversaryPlan(start=0.2, channels=4))
    written = save_travelling(run, tmp_path / "run.pt", part_bytes=50_000)
    assert len(written) > 1 and max(path.stat().st_size for path in written) <= 50_000
    back = load_travelling(tmp_path / "run.pt")
    assert back.config == run.config and back.progress == run.progress
    assert back.adversary["steps"] == run.adversary["steps"]
    for name, value in {**run.network, **run.average}.items():
        # Half precision has eleven bits.
        assert torch.allclose(back.network[name], value, rtol=2**-10, atol=1e-6), name
    for index, of_one in run.optimizer["state"].items():
        squares, found = of_one["exp_avg_sq"], back.optimizer["state"][index]["exp_avg_sq"]
        assert found.shape == squares.shape
        # Sums of a few hundred numbers in single precision.
        assert torch.allclose(found.sum(0), squares.sum(0), rtol=1e-4, atol=1e-20)
    trainer = Trainer(
        CodecNetwork(TOY_WITH_MEMORY),
        toy_corpus(),
        toy_plan(max_steps=8, adversary=AdversaryPlan(0.2, channels=4)),
        tmp_path,
        back,
    )
    assert trainer.run().progress["steps"] == 8


def test_a_smaller_run_of_the_same_name_leaves_nothing_of_the_larger(tmp_path):
    run = train_toy(tmp_path / "run")
    save_travelling(run, tmp_path / "run.pt", part_bytes=20_000)
    save_travelling(run, tmp_path / "run.pt")
    assert [path.name for path in tmp_path.glob("run.pt*")] == ["run.pt.part1"]
    load_travelling(tmp_path / "run.pt")


def test_a_run_that_lacks_a_part_is_refused(tmp_path):
    written = save_travelling(train_toy(tmp_path / "run"), tmp_path / "run.pt", part_bytes=50_000)
    written[-1].unlink()
    with pytest.raises(ValueError, match=r"run\.pt\.part1 to .* Copy them again"):
        load_travelling(tmp_path / "run.pt")
    part_path(tmp_path / "run.pt", 1).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="Copy them again"):
        load_travelling(tmp_path / "run.pt")


def test_a_pause_ends_the_call_and_the_same_command_goes_on(travelled, tmp_path, capsys):
    data, start = travelled
    command = [
        "train",
        "--data",
        str(data),
        "--from",
        str(start),
        "--batch",
        "2",
        "--max-steps",
        "3",
        "--out",
        str(tmp_path / "run"),
    ]
    assert main([*command, "--pause-after", "0.0001"]) == 0
    assert "33% of the run is done (1 steps); the same command goes on" in capsys.readouterr().out
    assert main(command) == 0
    assert Checkpoint.load(tmp_path / "run" / "checkpoint.pt").progress["steps"] == 3
    assert (tmp_path / "run" / "bundle" / "model.json").exists()


def test_a_step_stays_on_its_device_and_asks_only_whether_gradients_are_finite(tmp_path, monkeypatch):
    """The meta device stands in for a GPU: nothing on it can be read, and what lies elsewhere does not mix with it."""
    workers = Workers("cpu")
    workers.device = torch.device("meta")
    adversary = AdversaryPlan(start=0.0, warm_up_steps=0, channels=4)
    plan = toy_plan(batch=8, noisy=0.3, damaged=1.0, lossy=0.7, adversary=adversary)
    trainer = Trainer(CodecNetwork(TOY_WITH_MEMORY), toy_corpus(0, ("speech", "noise")), plan, tmp_path, None, workers)
    trainer.network.train()
    asked = []
    monkeypatch.setattr(torch, "isfinite", lambda x: asked.append(x) or torch.tensor(True))
    for _ in range(2):
        parts = trainer._step(TOY_WITH_MEMORY)
        assert {part.device.type for part in parts.values()} == {"meta"}
    assert len(asked) == 2 * 2  # the codec's and the discriminators'


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--resume"], "--resume goes on with a run that lies elsewhere"),
        (["--resume", "--from", "lamina-24k"], "lamina-24k is a finished model, not a run"),
        (["--travel", "x.pt", "--name", "mine"], "leave --name out"),
        (["--pause-after", "0"], "--pause-after is 0"),
        (["--from", "nothing-there.pt"], "There is no model"),
    ],
)
def test_impossible_journeys_are_refused(travelled, tmp_path, capsys, more, words):
    before = sorted(tmp_path.rglob("*"))
    out = [] if "--name" in more else ["--out", str(tmp_path / "run")]
    assert main(["train", "--data", str(travelled[0]), *out, *more]) == 2
    assert words in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(sys.platform != "linux", reason="helpers are forked")
def test_helpers_draw_what_the_corpus_would():
    corpus = HelpedCorpus(toy_corpus(3, ("speech", "noise")), helpers=2, pinned=False)
    drawn = [draw_examples(corpus, 8, 12, 320, 0.5) for _ in range(5)]
    for examples in drawn:
        assert examples.input.shape == examples.target.shape == (8, 12 * 320)
        assert examples.input.abs().max() <= 1 and examples.input.std() > 0
    sounds = torch.cat([examples.input for examples in drawn])
    # Nothing is drawn twice, by one helper or by both; crops that became silent look alike.
    audible = sounds[sounds.std(1) > 1e-3]
    assert torch.pdist(audible).min() > 0.1
    corpus.close()


def test_helpers_leave_room_for_the_rest():
    assert count_helpers(1 << 60) == 0
    assert 0 <= count_helpers(1) <= 12
