"""Several processes train the same weights, and what they train is what one process would with all their examples."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from lamina.models.training.parallel import Workers  # noqa: E402

if not torch.distributed.is_available():
    pytest.skip("this torch has no distributed training", allow_module_level=True)

PROCESSES = 2
SECONDS = 200

RUN = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
from toy_training import TOY, toy_corpus, toy_plan
from lamina.models.network import quantizer
from lamina.models.network.network import CodecNetwork
from lamina.models.training.adversary import AdversaryPlan
from lamina.models.training.data.corpus import Batch
from lamina.models.training.losses.losses import LossWeights
from lamina.models.training.parallel import Workers
from lamina.models.training.trainer import Trainer

folder = Path(sys.argv[1])
workers = Workers("cpu")
quantizer.DEAD_SHARE = 0.0

def fixed_corpus(first, size):
    # Rows first ... first + size of batches of four, the same in every run.
    corpus = toy_corpus(3)
    draw = corpus.draw
    def part(_, n_samples):
        whole = draw(4, n_samples)
        rows = slice(first, first + size)
        return Batch(whole.audio[rows], whole.band_edge_hz[rows], whole.kind[rows])
    corpus.draw = part
    return corpus

# Without terms that draw random scales or grids, and with all layers always active, a step is a function of its
# examples.
losses = LossWeights(transform=1e-9, transform_per_layer=0.0, mel=0.0, frame_lock=0.0, frame_lock_share=0.0)
size = 4 // workers.count
quiet = dict(noisy=0.0, damaged=0.0, all_layers=1.0, few_layers=0.0, losses=losses, half_precision=False)
plan = toy_plan(max_steps=3, batch=size, learning_rate=0.02, **quiet)
torch.manual_seed(workers.rank)
network = CodecNetwork(TOY)
if workers.count == 1:
    network.load_state_dict(torch.load(folder / "first.pt"))
corpus = fixed_corpus(workers.rank * size, size)
trainer = Trainer(network, corpus, plan, folder / f"a{{workers.count}}", None, workers)
if workers.leads and workers.count > 1:
    torch.save(network.state_dict(), folder / "first.pt")
trainer.run()
torch.save(network.state_dict(), folder / f"same-{{workers.count}}-{{workers.rank}}.pt")

if workers.count > 1:
    # Everything random differs between the processes, as in a real run: ten steps, after the last of which the
    # codebooks are shared.
    torch.manual_seed(workers.rank)
    plan = toy_plan(max_steps=10, refits=(0.5,), adversary=AdversaryPlan(start=0.3, warm_up_steps=2, channels=4))
    trainer = Trainer(CodecNetwork(TOY), toy_corpus(workers.rank), plan, folder / "b", None, workers)
    final = trainer.run()
    state = {{**trainer.network.state_dict(), **trainer.adversary.judges.state_dict()}}
    torch.save((state, final.average, len(final.random), final.progress), folder / f"any-{{workers.rank}}.pt")
    assert (folder / "b" / "checkpoint.pt").exists() or not workers.leads
workers.close()
"""


def start(folder, rank, count, port):
    script = RUN.format(tests=str(Path(__file__).parents[1] / "helpers"))
    variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], env=environment, stderr=subprocess.PIPE, text=True
    )


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes, and then one, have written."""
    folder = tmp_path_factory.mktemp("parallel")
    for count in (PROCESSES, 1):
        port = free_port()
        processes = [start(folder, rank, count, port) for rank in range(count)]
        try:
            for process in processes:
                _, errors = process.communicate(timeout=SECONDS)
                assert process.returncode == 0, errors[-2000:]
        finally:
            for process in processes:
                if process.poll() is None:
                    os.kill(process.pid, signal.SIGTERM)
                    process.wait()
    return folder


def load(path):
    return torch.load(path, weights_only=True)


@pytest.mark.long
def test_two_processes_train_the_same_weights(folder):
    (one, one_average, one_random, progress), (other, other_average, *_) = (
        load(folder / f"any-{rank}.pt") for rank in range(PROCESSES)
    )
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    for name, value in one_average.items():
        assert torch.equal(value, other_average[name]), name
    assert one_random == PROCESSES
    assert progress["audio_seconds"] == pytest.approx(10 * 2 * 2 * 12 / 75)


@pytest.mark.long
def test_two_processes_train_what_one_does_with_all_their_examples(folder):
    """Codebooks too, whose counts are summed over the processes."""
    alone, first = load(folder / "same-1-0.pt"), load(folder / "first.pt")
    for rank in range(PROCESSES):
        together = load(folder / f"same-{PROCESSES}-{rank}.pt")
        for name, value in alone.items():
            # Rounding differs a little with the size of a batch.
            assert (together[name] - value).norm() <= 2e-3 * (value - first[name]).norm() + 1e-6, (rank, name)
    # … and not because nothing moves.
    for name in ("decoder.decoder.linear_path.weight", "encoder.linear_path.weight", "quantizer.codebooks"):
        assert (alone[name] - first[name]).norm() > 0.01, name


@pytest.mark.parametrize(
    ("device", "words"), [("banana", "is no device"), ("meta", "CPU and CUDA"), ("cuda:99", "no GPU 99")]
)
def test_devices_that_are_not_there_are_refused(device, words):
    with pytest.raises(ValueError, match=words):
        Workers(device)


def test_work_that_fails_in_one_process_fails_in_all(monkeypatch):
    """Each process' view of the same story, told without the others."""

    def workers(rank, others):
        group = Workers("cpu")
        group.rank, group.count = rank, 2
        answers = iter(others)
        monkeypatch.setattr(group, "gather", lambda mine: [*[mine][: 1 - rank], next(answers), *[mine][1 - rank :]])
        return group

    def fail():
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        workers(0, [None]).leader_first(fail)
    did = []
    with pytest.raises(ValueError, match="the disk is full"):
        workers(1, ["the disk is full"]).leader_first(lambda: did.append(1))
    assert not did  # the leader comes first
    with pytest.raises(ValueError, match="no room here"):
        workers(0, [None, "no room here"]).leader_first(lambda: did.append(2))
    assert workers(1, [None, None]).leader_first(lambda: 7) == 7
