"""The training loop: a wall-clock budget, one cosine of the learning rate, averaged weights, checkpoints that resume.

The run ends when its minutes are spent, or at SIGTERM or Ctrl-C, always with a checkpoint.
"""

from __future__ import annotations

import json
import logging
import math
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn

from lamina.models.config import CodecConfig
from lamina.models.network import CodecNetwork
from lamina.models.training.checkpoint import Checkpoint
from lamina.models.training.corpus import Corpus
from lamina.models.training.initialise import fit_linear_path, fit_quantizer
from lamina.models.training.losses import LossWeights, ReconstructionLoss

log = logging.getLogger(__name__)

WARM_UP_STEPS = 50
CLIP_NORM = 3.0


@dataclass(frozen=True)
class TrainingPlan:
    """What a run does.

    Args:
        minutes: wall-clock budget of the whole run, over all resumptions.
        max_steps: stop after so many steps even if time is left (None: no limit).
        batch: examples per step.
        crop_frames: frames per example.
        learning_rate: the cosine's peak.
        all_layers, few_layers: shares of the batch at all layers and at 1–8 layers; the rest draws 1–all evenly.
        average_decay: decay per step of the weights' moving average.
        checkpoint_minutes: time between checkpoints.
        seed: seed of everything random.
        threads: CPU threads.
    """

    minutes: float
    max_steps: int | None = None
    batch: int = 8
    crop_frames: int = 48
    learning_rate: float = 6e-4
    weight_decay: float = 1e-2
    all_layers: float = 0.25
    few_layers: float = 0.375
    average_decay: float = 0.999
    checkpoint_minutes: float = 5.0
    seed: int = 0
    threads: int = 1
    losses: LossWeights = field(default_factory=LossWeights)


class Trainer:
    """Trains one network on a corpus; `checkpoint.pt` and `log.jsonl` appear in `folder`.

    Args:
        network: initialised by `prepare` or from a checkpoint.
        resume: the checkpoint to go on from, optimizer and clock included.

    `on_step`, if set, is called with the trainer after every step; `share_done` and `audio_seconds` say how far it is.
    """

    def __init__(self, network: CodecNetwork, corpus: Corpus, plan: TrainingPlan, folder: Path, resume: Checkpoint | None = None) -> None:
        self.network, self.corpus, self.plan, self.folder = network, corpus, plan, folder
        config = network.config
        self.loss = ReconstructionLoss(plan.losses, config.sample_rate, config.frame, config.transform.overlap)
        self.trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
        matrices = [p for p in self.trained.values() if p.ndim > 1]
        vectors = [p for p in self.trained.values() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": plan.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=plan.learning_rate,
            betas=(0.8, 0.99),
        )
        self.average = {name: p.detach().clone() for name, p in self.trained.items()}
        self.steps, self.seconds, self.skipped = 0, 0.0, 0
        self.stop_requested = False
        self.on_step: Callable[[Trainer], None] | None = None
        if resume is not None:
            self._restore(resume)

    def run(self) -> Checkpoint:
        """Train until the budget is spent; returns the last checkpoint (already on disk)."""
        plan, config = self.plan, self.network.config
        torch.set_num_threads(plan.threads)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "plan.json").write_text(json.dumps(asdict(plan), indent=1))
        self.network.train()
        last, next_checkpoint, next_report = time.monotonic(), self.seconds + plan.checkpoint_minutes * 60, self.seconds
        running: dict[str, float] = {}
        with _StopSignals(self):
            while self.seconds < plan.minutes * 60 and not self.stop_requested and self.steps != plan.max_steps:
                parts = self._step(config)
                now = time.monotonic()
                self.seconds, last = self.seconds + now - last, now
                if self.on_step is not None:
                    self.on_step(self)
                for name, value in parts.items():
                    running[name] = running.get(name, float(value)) * 0.98 + float(value) * 0.02
                if self.seconds >= next_report:
                    next_report = self.seconds + 30
                    self._report(running)
                if self.seconds >= next_checkpoint:
                    next_checkpoint = self.seconds + plan.checkpoint_minutes * 60
                    self.checkpoint().save(self.folder / "checkpoint.pt")
        self._report(running)
        final = self.checkpoint()
        final.save(self.folder / "checkpoint.pt")
        return final

    @property
    def share_done(self) -> float:
        """How much of the budget is spent, 0 … 1: of the time, or of the steps if they end sooner."""
        of_steps = self.steps / self.plan.max_steps if self.plan.max_steps else 0.0
        return min(1.0, max(self.seconds / (self.plan.minutes * 60), of_steps))

    @property
    def audio_seconds(self) -> float:
        """Seconds of sound drawn so far."""
        return self.steps * self.plan.batch * self.plan.crop_frames / self.network.config.frame_rate

    def checkpoint(self) -> Checkpoint:
        """The run's complete state."""
        return Checkpoint(
            self.network.config,
            {name: value.clone() for name, value in self.network.state_dict().items()},
            {name: value.clone() for name, value in self.average.items()},
            self.optimizer.state_dict(),
            {"steps": self.steps, "seconds": self.seconds, "audio_seconds": self.audio_seconds, "skipped": self.skipped},
            {"torch": torch.get_rng_state(), "corpus": json.dumps(self.corpus.random.bit_generator.state)},
        )

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.network.load_state_dict(checkpoint.network)
        self.average = {name: value.clone() for name, value in checkpoint.average.items()}
        self.optimizer.load_state_dict(checkpoint.optimizer)
        self.steps, self.seconds = int(checkpoint.progress["steps"]), checkpoint.progress["seconds"]
        self.skipped = int(checkpoint.progress["skipped"])
        torch.set_rng_state(checkpoint.random["torch"])
        self.corpus.random.bit_generator.state = json.loads(checkpoint.random["corpus"])

    def _step(self, config: CodecConfig) -> dict[str, Tensor]:
        x = self.corpus.batch(self.plan.batch, self.plan.crop_frames * config.frame)
        y, commitment = self.network(x, self._draw_layers(len(x)))
        delay = config.delay_samples
        loss, parts = self.loss(x[:, : x.shape[1] - delay], y[:, delay:])
        loss = loss + self.plan.losses.commitment * commitment
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(list(self.trained.values()), CLIP_NORM)
        self._set_learning_rate()
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
        else:
            self.skipped += 1
        self.steps += 1
        decay = min(self.plan.average_decay, self.steps / (self.steps + 10))
        torch._foreach_lerp_(list(self.average.values()), [p.detach() for p in self.trained.values()], 1 - decay)
        return {**parts, "commitment": commitment.detach(), "gradient": norm.detach()}

    def _draw_layers(self, size: int) -> Tensor:
        layers = self.network.config.layers
        draw = torch.rand(size)
        few = torch.randint(1, min(8, layers) + 1, (size,))
        even = torch.randint(1, layers + 1, (size,))
        plan = self.plan
        return torch.where(draw < plan.all_layers, layers, torch.where(draw < plan.all_layers + plan.few_layers, few, even))

    def _set_learning_rate(self) -> None:
        progress = min(1.0, self.seconds / max(1.0, self.plan.minutes * 60))
        warm = min(1.0, (self.steps + 1) / WARM_UP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * progress)) + 1e-6

    def _report(self, running: dict[str, float]) -> None:
        row = {"steps": self.steps, "seconds": round(self.seconds), "skipped": self.skipped}
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps({**row, **{name: round(value, 5) for name, value in running.items()}}) + "\n")
        log.info("step %d, %.1f min, %s", self.steps, self.seconds / 60, ", ".join(f"{k} {v:.4f}" for k, v in running.items()))


def prepare(config: CodecConfig, corpus: Corpus, seed: int = 0) -> CodecNetwork:
    """A network ready to train: data-driven where the design allows it, codebooks fitted by k-means."""
    torch.manual_seed(seed)
    network = CodecNetwork(config)
    if config.design == "transform":
        kept = fit_linear_path(network, corpus)
        log.info("linear path keeps %.1f %% of the companded variance", kept * 100)
    fit_quantizer(network, corpus)
    return network


class _StopSignals:
    """Turns SIGTERM and SIGINT into a request to stop after the step."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def __enter__(self) -> None:
        def stop(number: int, frame: FrameType | None) -> None:
            self.trainer.stop_requested = True

        self.before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
