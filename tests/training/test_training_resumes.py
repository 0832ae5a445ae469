"""An interrupted run goes on as if it had not stopped, and refuses a checkpoint it can't go on from."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from toy_training import TOY, toy_corpus, toy_plan  # noqa: E402

from lamina.models.network.network import CodecNetwork  # noqa: E402
from lamina.models.training.adversary import AdversaryPlan  # noqa: E402
from lamina.models.training.checkpoint import Checkpoint, first_difference, load_state  # noqa: E402
from lamina.models.training.trainer import Trainer  # noqa: E402


def toy_network(seed=3):
    torch.manual_seed(seed)
    return CodecNetwork(TOY)


def stop_at(step):
    def look(trainer):
        trainer.stop_requested = trainer.steps == step

    return look


def assert_equal(one, other, place=""):
    """Nested dicts and lists with tensors, bit for bit."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), place
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_equal(one[name], other[name], f"{place}/{name}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_equal(a, b, f"{place}/{index}")
    else:
        assert one == other, place


def test_an_interrupted_run_goes_on_exactly(tmp_path):
    """A run with everything that has a state.

    Two refits (one on each side of the break), discriminators, noise, damage, half precision.
    """
    adversary = AdversaryPlan(start=0.2, warm_up_steps=2, channels=4, waveform=True)
    plan = toy_plan(refits=(0.3, 0.7), noisy=0.5, damaged=0.5, adversary=adversary)
    kinds = ("speech", "noise")
    straight = Trainer(toy_network(), toy_corpus(0, kinds), plan, tmp_path / "a").run()
    interrupted = Trainer(toy_network(), toy_corpus(0, kinds), plan, tmp_path / "b")
    interrupted.on_step = stop_at(5)
    assert interrupted.run().progress["steps"] == 5
    torch.manual_seed(99)
    saved = Checkpoint.load(tmp_path / "b" / "checkpoint.pt")
    resumed = Trainer(toy_network(8), toy_corpus(77, kinds), plan, tmp_path / "b", saved).run()
    for name in ("network", "average", "optimizer", "adversary", "random"):
        assert_equal(getattr(resumed, name), getattr(straight, name), name)
    assert straight.progress["refits"] == 2 and straight.adversary["steps"] == 8
    for name in ("steps", "audio_seconds", "refits", "skipped"):
        assert resumed.progress[name] == straight.progress[name]


def test_a_run_that_has_all_its_steps_makes_no_more(tmp_path):
    Trainer(toy_network(), toy_corpus(), toy_plan(max_steps=4), tmp_path).run()
    saved = Checkpoint.load(tmp_path / "checkpoint.pt")
    trainer = Trainer(toy_network(), toy_corpus(), toy_plan(max_steps=3), tmp_path, saved)
    trainer.on_step = lambda trainer: pytest.fail("one more step was made")
    assert trainer.run().progress["steps"] == 4


RUN = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
from toy_training import TOY, toy_corpus, toy_plan
from lamina.models.network.network import CodecNetwork
from lamina.models.training.checkpoint import Checkpoint
from lamina.models.training.trainer import Trainer

torch.manual_seed(0)
folder, steps = Path(sys.argv[1]), int(sys.argv[2])
saved = folder / "checkpoint.pt"
resume = Checkpoint.load(saved) if saved.exists() else None
trainer = Trainer(CodecNetwork(TOY), toy_corpus(), toy_plan(max_steps=steps), folder, resume)
print("begins at", trainer.steps, flush=True)
trainer.on_step = lambda trainer: print("step", trainer.steps, flush=True)
trainer.run()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
@pytest.mark.long
def test_sigterm_leaves_a_checkpoint_and_a_second_start_goes_on(tmp_path):
    script = RUN.format(tests=str(Path(__file__).parents[1] / "helpers"))
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen([*command, "1000000"], stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if line.strip() == "step 3":
                    process.send_signal(signal.SIGTERM)
                    break
            rest = process.stdout.read().split()
            assert process.wait(timeout=120) == 0
        finally:
            process.kill()
    steps = Checkpoint.load(tmp_path / "checkpoint.pt").progress["steps"]
    assert steps >= 3 and (not rest or int(rest[-1]) == steps)
    assert not list(tmp_path.glob("*.partial"))
    again = subprocess.run([*command, str(steps + 2)], stdout=subprocess.PIPE, text=True, check=True, timeout=240)
    assert again.stdout.splitlines() == [f"begins at {steps}", f"step {steps + 1}", f"step {steps + 2}"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"latent": 16}, r"latent \(12 and 16\)"),
        ({"transform": dataclasses.replace(TOY.transform, width=24)}, r"transform.width \(16 and 24\)"),
        ({"design": "soundstream"}, r"design \(transform and soundstream\)"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_by_the_field_that_differs(tmp_path, change, words):
    Trainer(toy_network(), toy_corpus(), toy_plan(max_steps=1), tmp_path).run()
    other = CodecNetwork(dataclasses.replace(TOY, **change))
    with pytest.raises(ValueError, match=words):
        Trainer(other, toy_corpus(), toy_plan(), tmp_path, Checkpoint.load(tmp_path / "checkpoint.pt"))


def test_equal_configs_have_no_difference():
    assert first_difference(TOY, dataclasses.replace(TOY)) is None


def test_weights_that_do_not_fit_are_named():
    network = toy_network()
    state = network.state_dict()
    with pytest.raises(ValueError, match=r"lacks decoder\.film\.scale"):
        load_state(network, {name: value for name, value in state.items() if name != "decoder.film.scale"})
    with pytest.raises(ValueError, match="has extra"):
        load_state(network, {**state, "extra": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"decoder.film.scale has the shape \(3,\) in the checkpoint and \(12,\)"):
        load_state(network, {**state, "decoder.film.scale": torch.zeros(3)})


def test_a_checkpoint_with_other_discriminators_is_refused(tmp_path):
    adversary = AdversaryPlan(start=0.0, channels=4)
    Trainer(toy_network(), toy_corpus(), toy_plan(max_steps=1, adversary=adversary), tmp_path).run()
    saved = Checkpoint.load(tmp_path / "checkpoint.pt")
    plan = toy_plan(adversary=dataclasses.replace(adversary, waveform=True))
    with pytest.raises(ValueError, match="--waveform-discriminators"):
        Trainer(toy_network(), toy_corpus(), plan, tmp_path, saved)


def test_foreign_and_incomplete_checkpoints_are_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="not a Lamina checkpoint"):
        Checkpoint.load(path)
    torch.save({"format": 1}, path)
    with pytest.raises(ValueError, match="of format 2"):
        Checkpoint.load(path)
    torch.save({"format": 2, "config": TOY.to_json()}, path)
    with pytest.raises(ValueError, match="lacks its field 'adversary'"):
        Checkpoint.load(path)
