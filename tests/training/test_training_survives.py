"""A full disk and gradients that aren't finite don't end a run that could go on.

They never leave anything half written.
"""

import errno
import json
import math

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from toy_training import TOY, toy_corpus, toy_plan  # noqa: E402

from lamina.models.network.network import CodecNetwork  # noqa: E402
from lamina.models.training import trainer as trainer_module  # noqa: E402
from lamina.models.training.checkpoint import Checkpoint  # noqa: E402
from lamina.models.training.monitor import Monitor  # noqa: E402
from lamina.models.training.precision import fast_products, is_bfloat16_fast  # noqa: E402
from lamina.models.training.trainer import MOST_RECOVERIES, SKIPS_IN_A_ROW, DivergedError, Trainer  # noqa: E402


def toy_trainer(folder, **changes):
    torch.manual_seed(0)
    return Trainer(CodecNetwork(TOY), toy_corpus(), toy_plan(**changes), folder)


def write_half_and_fail(monkeypatch):
    def save(item, path, *more):
        path.write_bytes(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file: no space left on device")

    monkeypatch.setattr(torch, "save", save)


def test_a_disk_that_is_full_for_a_while_costs_one_checkpoint_not_the_run(tmp_path, monkeypatch, caplog):
    toy_trainer(tmp_path, max_steps=2).run()
    saved = tmp_path / "checkpoint.pt"
    before = saved.read_bytes()
    trainer = toy_trainer(tmp_path, max_steps=6, checkpoint_minutes=0.0)
    seen = []

    def look(trainer):
        seen.append(saved.read_bytes() == before)
        assert not list(tmp_path.glob("*.partial"))
        if trainer.steps == 1:
            write_half_and_fail(monkeypatch)
        if trainer.steps == 3:
            monkeypatch.undo()

    # After step 1 and 2 nothing can be written; from step 3 on it can again.
    trainer.on_step = look
    trainer.run()
    assert seen == [True, True, True, False, False, False]
    assert "Free some space" in caplog.text
    assert Checkpoint.load(saved).progress["steps"] == 6


def test_a_full_disk_at_the_end_is_an_error_and_the_old_checkpoint_stays(tmp_path, monkeypatch):
    toy_trainer(tmp_path, max_steps=2).run()
    write_half_and_fail(monkeypatch)
    with pytest.raises(OSError, match=r"checkpoint.pt can't be written .*the one before it is unharmed"):
        toy_trainer(tmp_path, max_steps=3).run()
    assert Checkpoint.load(tmp_path / "checkpoint.pt").progress["steps"] == 2
    assert not list(tmp_path.glob("*.partial"))


def test_a_log_that_can_not_be_written_does_not_end_the_run(tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Monitor, "report", full)
    assert toy_trainer(tmp_path, max_steps=2).run().progress["steps"] == 2
    assert "No space left" in caplog.text


def poison(trainer, steps):
    """The loss is not a number in these steps."""
    loss = trainer.loss.forward

    def forward(*arguments):
        total, parts = loss(*arguments)
        if trainer.steps in steps:
            return total * math.nan, {name: part * math.nan for name, part in parts.items()}
        return total, parts

    trainer.loss.forward = forward


def test_steps_without_finite_gradients_change_no_weight_and_leave_the_log_readable(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=4)
    poison(trainer, {1, 2})
    seen = []
    trainer.on_step = lambda trainer: seen.append(trainer.network.decoder.decoder.linear_path.weight.detach().clone())
    final = trainer.run()
    assert torch.equal(seen[0], seen[1]) and torch.equal(seen[1], seen[2]) and not torch.equal(seen[2], seen[3])
    assert final.progress["skipped"] == 2
    last = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert all(math.isfinite(value) for value in last.values())


def test_latents_that_are_not_finite_do_not_reach_the_codebooks(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=4)
    weight = trainer.network.encoder.linear_path.weight

    def spoil(trainer):
        with torch.no_grad():
            weight[0] = {1: math.nan, 2: math.inf}.get(trainer.steps, 0.0)

    trainer.on_step = spoil
    final = trainer.run()
    assert final.progress["skipped"] == 2
    for name in ("codebooks", "use", "sums"):
        assert final.network[f"quantizer.{name}"].isfinite().all(), name
    assert all(value.isfinite().all() for value in final.average.values())


def test_after_ten_such_steps_in_a_row_the_averaged_weights_come_back(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=2 + SKIPS_IN_A_ROW + 1)
    poison(trainer, set(range(2, 2 + SKIPS_IN_A_ROW)))
    weights, averages = {}, {}

    def look(trainer):
        name = "decoder.decoder.linear_path.weight"
        weights[trainer.steps] = trainer.trained[name].detach().clone()
        averages[trainer.steps] = trainer.average[name].clone()

    trainer.on_step = look
    final = trainer.run()
    last_bad = 2 + SKIPS_IN_A_ROW
    assert not torch.equal(weights[2], averages[2])
    assert torch.equal(weights[last_bad - 1], weights[2])
    assert torch.equal(weights[last_bad], averages[2])
    assert not torch.equal(weights[last_bad + 1], weights[last_bad])
    assert (trainer.recoveries, final.progress["skipped"]) == (1, SKIPS_IN_A_ROW)


def test_a_run_that_can_not_be_saved_ends_with_a_sentence_and_keeps_its_checkpoint(tmp_path):
    toy_trainer(tmp_path, max_steps=2).run()
    before = (tmp_path / "checkpoint.pt").read_bytes()
    trainer = toy_trainer(tmp_path, max_steps=1000)
    poison(trainer, set(range(1000)))
    with pytest.raises(DivergedError, match="--learning-rate"):
        trainer.run()
    assert trainer.steps == SKIPS_IN_A_ROW * (MOST_RECOVERIES + 1) - 1
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_refits_that_are_due_together_are_one(tmp_path, monkeypatch):
    fitted = []
    monkeypatch.setattr(
        trainer_module, "fit_quantizer", lambda network, corpus, frames: fitted.append((trainer.steps, frames))
    )
    trainer = toy_trainer(tmp_path, max_steps=10, refits=(0.11, 0.15, 0.4, 0.9))
    trainer.run()
    assert fitted == [(2, 200), (4, 200), (9, 200)]
    fitted.clear()
    trainer = toy_trainer(tmp_path, max_steps=10, refits=(0.1, 0.15, 0.4), refit_steps=5)
    trainer.run()
    assert fitted == [(5, 200)]


def test_the_learning_rate_falls_with_the_share_of_the_run_that_is_done(tmp_path):
    rates = {}
    trainer = toy_trainer(tmp_path, max_steps=100)
    trainer.steps = 49
    for step in (49, 75, 99):
        trainer.steps = step
        trainer._set_learning_rate()
        rates[step] = trainer.optimizer.param_groups[0]["lr"]
    assert rates[49] == pytest.approx(3e-4, rel=0.05) and rates[75] < 1e-4 and rates[99] < 1e-5


def test_the_callers_number_format_comes_back(tmp_path):
    torch.set_float32_matmul_precision("highest")
    toy_trainer(tmp_path, max_steps=1).run()
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize(
    ("device", "half", "capabilities", "inside"),
    [
        ("cpu", True, {}, "medium"),
        ("cpu", False, {"avx512_bf16": True}, "medium"),
        ("cpu", True, {"amx_bf16": True}, "highest"),
        ("cuda", True, {}, "medium"),
        ("cuda", False, {}, "highest"),
    ],
)
def test_products_are_only_rounded_where_half_precision_is_asked_for(monkeypatch, device, half, capabilities, inside):
    """On CPUs "medium" only chooses a faster library, unless they have matrix units for bfloat16."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    torch.set_float32_matmul_precision("highest")
    with fast_products(torch.device(device), half):
        assert torch.get_float32_matmul_precision() == inside
    assert is_bfloat16_fast(torch.device(device)) == (device == "cuda" or bool(capabilities))
