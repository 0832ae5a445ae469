"""The training loop: a wall-clock budget, one cosine of the learning rate, averaged weights, checkpoints that resume.

The run ends when its minutes are spent, or at SIGTERM or Ctrl-C, always with a checkpoint. The same loop runs on a CPU,
on a GPU, and in several processes.
"""

from __future__ import annotations

import json
import logging
import math
import signal
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn

from lamina.models.config import CodecConfig
from lamina.models.network.network import CodecNetwork, Coded
from lamina.models.training.adversary import Adversary
from lamina.models.training.checkpoint import Checkpoint, first_difference, load_state
from lamina.models.training.damage import Damage
from lamina.models.training.data.corpus import Corpus
from lamina.models.training.data.examples import Examples, draw_examples
from lamina.models.training.denoising import freeze_all_but
from lamina.models.training.initialise import fit_linear_path, fit_memory, fit_quantizer
from lamina.models.training.losses.denoising import DenoisingLoss, DenoisingWeights
from lamina.models.training.losses.losses import ReconstructionLoss, SketchDistance
from lamina.models.training.monitor import Monitor
from lamina.models.training.parallel import Workers
from lamina.models.training.plan import TrainingPlan
from lamina.models.training.precision import fast_products

log = logging.getLogger(__name__)

WARM_UP_STEPS = 50
CLIP_NORM = 3.0
MEMORY = "memory."
"""What the names of a memory's weights begin with. Their gradient is clipped by itself, so that neither drowns the
other.
"""
NEW_MEMORY_STEPS = 300
REPORT_SECONDS = 30
SKIPS_IN_A_ROW = 10
"""After so many steps without a finite gradient the run goes back to its averaged weights."""
MOST_RECOVERIES = 3
SHOWN_EXAMPLES = 3
STEPS_TO_AGREE = 10
"""Processes revive dead codes from their own examples; so often they take over the leader's codebooks."""


class DivergedError(RuntimeError):
    """Training gives no finite gradients any more, even from the averaged weights."""


class Trainer:
    """Trains one network on a corpus; `checkpoint.pt`, `plan.json`, `log.jsonl` and `tensorboard/` appear in `folder`.

    Args:
        network: initialised by `prepare` or from a checkpoint.
        resume: the checkpoint to go on from, optimizer and clock included.
        workers: the processes and the device; one process on the CPU if None.

    `on_step`, if set, is called with the trainer after every step, `on_checkpoint` with each checkpoint that was kept
    on the way (in the leading process; an OSError of it is logged). `share_done`, and `audio_seconds` drawn by all
    processes, say how far it is; `stopped_by` is the signal that ended it early, or None. Raises ValueError that names
    what differs if `resume` is of another network.
    """

    def __init__(
        self,
        network: CodecNetwork,
        corpus: Corpus,
        plan: TrainingPlan,
        folder: Path,
        resume: Checkpoint | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.workers = workers or Workers("cpu")
        self.network, self.corpus, self.plan, self.folder = network.to(self.workers.device), corpus, plan, folder
        config = network.config
        for quantizer in network.quantizers:
            quantizer.total = self.workers.sum
        self.damage = Damage(network.quantizer, plan.damaged, plan.lossy if network.memory is not None else 0.0)
        self.noisy = plan.noisy if corpus.can_denoise else 0.0
        self.loss = ReconstructionLoss(plan.losses, config.sample_rate, config.frame, config.transform.overlap).to(
            self.workers.device
        )
        self.denoising = None
        if plan.only_denoiser:
            overlap = config.transform.overlap
            loss = DenoisingLoss(DenoisingWeights(), config.sample_rate, config.frame, overlap)
            self.denoising = loss.to(self.workers.device)
        self.adversary = Adversary(plan.adversary, self.workers) if plan.adversary.start < 1 else None
        self.sketch_distance = SketchDistance(config.frame).to(self.workers.device)
        if plan.only_denoiser:
            if not corpus.can_denoise:
                raise ValueError("Training to denoise needs noise (a folder noise) beside speech or music.")
            freeze_all_but(network.decoder.denoiser, network)
        self.trained = {name: p for name, p in network.named_parameters() if p.requires_grad}
        remembering = [p for name, p in self.trained.items() if name.startswith(MEMORY)]
        coding = [p for name, p in self.trained.items() if not name.startswith(MEMORY)]
        self.clipped = [part for part in (coding, remembering) if part]
        self.optimizer = self._new_optimizer()
        self.average = {name: p.detach().clone() for name, p in self.trained.items()}
        self.steps, self.seconds, self.audio_seconds, self.refits = 0, 0.0, 0.0, 0
        self.skipped, self.skipped_in_a_row, self.recoveries = 0, 0, 0
        self.stop_requested = False
        self.stopped_by: int | None = None
        self.on_step: Callable[[Trainer], None] | None = None
        self.on_checkpoint: Callable[[Checkpoint], None] | None = None
        if resume is not None:
            self._restore(resume)
        else:
            self.workers.share([value for value in network.state_dict().values() if value.is_floating_point()])
            self.average = {name: p.detach().clone() for name, p in self.trained.items()}

    def run(self) -> Checkpoint:
        """Train until the budget is spent; returns the last checkpoint (already on disk).

        Raises DivergedError if gradients stay infinite, OSError if the last checkpoint can't be written.
        """
        plan, config = self.plan, self.network.config
        torch.set_num_threads(plan.threads)
        monitor = self._open_folder() if self.workers.leads else None
        # Where only the denoiser learns, codebooks must not.
        self.network.train(not plan.only_denoiser)
        self.network.use_half_precision(plan.half_precision)
        if plan.compile:
            self.network.compile_stacks()
        last = time.monotonic()
        next_checkpoint, next_report = self.seconds + plan.checkpoint_minutes * 60, self.seconds
        running: dict[str, float] = {}
        try:
            with _StopSignals(self), fast_products(self.workers.device, plan.half_precision):
                while self._goes_on():
                    if self._refit_is_due():
                        self._refit()
                    parts = self._step(config)
                    now = time.monotonic()
                    self.seconds, last = self.workers.agree(self.seconds + now - last), now
                    if self.on_step is not None:
                        self.on_step(self)
                    _follow(running, parts)
                    if self.seconds >= next_report:
                        next_report = self.seconds + REPORT_SECONDS
                        self._tell(monitor, running)
                    if self.seconds >= next_checkpoint:
                        next_checkpoint = self.seconds + plan.checkpoint_minutes * 60
                        self._keep(self.checkpoint(), monitor)
            final = self.checkpoint()
            if monitor is not None:
                final.save(self.folder / "checkpoint.pt")
            self._tell(monitor, running, with_examples=True)
        finally:
            self.network.use_half_precision(False)
            if monitor is not None:
                monitor.close()
        return final

    @property
    def share_done(self) -> float:
        """How much of the budget is spent, 0 … 1: of the time, or of the steps if they end sooner."""
        of_steps = self.steps / self.plan.max_steps if self.plan.max_steps else 0.0
        return min(1.0, max(self.seconds / (self.plan.minutes * 60), of_steps))

    def checkpoint(self) -> Checkpoint:
        """The run's complete state. Every process must call it."""
        random = {"torch": torch.get_rng_state(), "corpus": json.dumps(self.corpus.random.bit_generator.state)}
        if self.workers.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.workers.device)
        return Checkpoint(
            self.network.config,
            {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()},
            {name: value.cpu().clone() for name, value in self.average.items()},
            self.optimizer.state_dict(),
            self.adversary.state() if self.adversary else {},
            {
                "steps": self.steps,
                "seconds": self.seconds,
                "audio_seconds": self.audio_seconds,
                "skipped": self.skipped,
                "refits": self.refits,
            },
            self.workers.gather(random),
        )

    def _goes_on(self) -> bool:
        wanted = (
            self.seconds < self.plan.minutes * 60
            and not self.stop_requested
            and (self.plan.max_steps is None or self.steps < self.plan.max_steps)
        )
        return bool(self.workers.agree(float(wanted)))

    def _restore(self, checkpoint: Checkpoint) -> None:
        difference = first_difference(checkpoint.config, self.network.config)
        if difference is not None:
            raise ValueError(f"The checkpoint is of another network: {difference}.")
        if set(checkpoint.average) != set(self.average):
            raise ValueError("The checkpoint is of a run that trained other parts. Give the options it began with.")
        load_state(self.network, checkpoint.network)
        self.average = {name: value.to(self.workers.device, copy=True) for name, value in checkpoint.average.items()}
        self.optimizer.load_state_dict(checkpoint.optimizer)
        if self.adversary is not None and checkpoint.adversary:
            self.adversary.restore(checkpoint.adversary)
        progress = checkpoint.progress
        self.steps, self.seconds, self.audio_seconds = (
            int(progress["steps"]),
            progress["seconds"],
            progress["audio_seconds"],
        )
        self.skipped, self.refits = int(progress["skipped"]), int(progress["refits"])
        if self.workers.rank < len(checkpoint.random):
            mine = checkpoint.random[self.workers.rank]
            torch.set_rng_state(mine["torch"])
            self.corpus.random.bit_generator.state = json.loads(mine["corpus"])
            if "cuda" in mine and self.workers.device.type == "cuda":
                torch.cuda.set_rng_state(mine["cuda"], self.workers.device)

    def _open_folder(self) -> Monitor:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "plan.json").write_text(json.dumps(asdict(self.plan), indent=1))
        state = self.corpus.random.bit_generator.state
        examples = self.corpus.batch(SHOWN_EXAMPLES, self.plan.crop_frames * self.network.config.frame)
        self.corpus.random.bit_generator.state = state
        return Monitor(self.folder, examples)

    def _new_optimizer(self) -> torch.optim.Optimizer:
        """Weights decay, vectors don't; a memory learns at a pace of its own."""
        groups = []
        for part, pace in zip(self.clipped, (1.0, self.plan.memory_pace), strict=False):
            for params, decay in (
                ([p for p in part if p.ndim > 1], self.plan.weight_decay),
                ([p for p in part if p.ndim <= 1], 0.0),
            ):
                groups.append({"params": params, "weight_decay": decay, "pace": pace})
        return torch.optim.AdamW(groups, lr=self.plan.learning_rate, betas=(0.8, 0.99))

    def _step(self, config: CodecConfig) -> dict[str, Tensor]:
        examples = draw_examples(self.corpus, self.plan.batch, self.plan.crop_frames, config.frame, self.noisy).to(
            self.workers.device
        )
        layers = self._draw_layers(self.plan.batch)
        coded = self.network(examples.input, layers, examples.denoise, self.damage)
        gradient, parts = self._gradient_at_output(examples, layers, coded.output.detach())
        inside = self._inside(examples.input, coded)
        self.optimizer.zero_grad()
        (
            (coded.output * gradient).sum()
            + sum(getattr(self.plan.losses, name) * part for name, part in inside.items())
        ).backward()
        self.workers.average([p.grad for p in self.trained.values() if p.grad is not None])
        norm = torch.stack([nn.utils.clip_grad_norm_(part, CLIP_NORM) for part in self.clipped]).max()
        self._set_learning_rate()
        if bool(torch.isfinite(norm)):
            self.skipped_in_a_row = 0
            self.optimizer.step()
            decay = min(self.plan.average_decay, self.steps / (self.steps + 10))
            torch._foreach_lerp_(list(self.average.values()), [p.detach() for p in self.trained.values()], 1 - decay)
        else:
            self._skip()
        self.steps += 1
        self.audio_seconds += self.plan.batch * self.workers.count * self.plan.crop_frames / config.frame_rate
        if self.steps % STEPS_TO_AGREE == 0:
            self._share_codebooks()
        return {**parts, **{name: part.detach() for name, part in inside.items()}, "gradient": norm.detach()}

    def _inside(self, x: Tensor, coded: Coded) -> dict[str, Tensor]:
        """The terms that are not about the output, by the names of their weights."""
        terms = {"commitment": coded.commitment}
        if coded.surprise is not None and coded.sketch is not None:
            delay = self.network.config.delay_samples
            terms["surprise"] = coded.surprise
            terms["sketch"] = self.sketch_distance(x[:, : x.shape[1] - delay], coded.sketch[:, delay:])
        return terms

    def _gradient_at_output(self, examples: Examples, layers: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What the losses want changed in the samples `y [B, T · frame]`, and the losses.

        The adversary's share is scaled to the plan's fraction of the reconstruction's, whatever its own size.
        """
        delay = self.network.config.delay_samples
        target = examples.target[:, : y.shape[1] - delay]
        output = y[:, delay:].clone().requires_grad_()
        if self.denoising is not None:
            loss, parts = self.denoising(target, output, examples.input[:, : target.shape[1]])
        else:
            loss, parts = self.loss(target, output, layers, examples.speech)
        (gradient,) = torch.autograd.grad(loss, output)
        if self.adversary is not None and self.share_done >= self.plan.adversary.start:
            judged = self.adversary.choose(len(output)).to(output.device)
            parts["discriminators"] = self.adversary.learn(target[judged], output[judged])
            if self.adversary.teaches:
                lesson = self.adversary.lesson(target[judged], output[judged])
                (taught,) = torch.autograd.grad(lesson, output)
                scale = self.plan.adversary.strength * gradient[judged].norm() / taught.norm().clamp(min=1e-9)
                gradient = gradient + scale * taught
                parts["lesson"] = lesson.detach()
        return nn.functional.pad(gradient, (delay, 0)), parts

    def _skip(self) -> None:
        """Leave a step out; after many in a row go back to the averaged weights with a fresh optimizer."""
        self.skipped += 1
        self.skipped_in_a_row += 1
        if self.skipped_in_a_row < SKIPS_IN_A_ROW:
            return
        self.recoveries += 1
        if self.recoveries > MOST_RECOVERIES:
            raise DivergedError(
                f"No finite gradients at step {self.steps}, even from the averaged weights. Try a lower "
                "--learning-rate; "
                "the last checkpoint is unharmed."
            )
        log.warning("no finite gradients for %d steps: going back to the averaged weights", self.skipped_in_a_row)
        self.skipped_in_a_row = 0
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(self.average[name])
        self.optimizer = self._new_optimizer()

    def _refit_is_due(self) -> bool:
        passed = sum(share <= self.share_done for share in self.plan.refits)
        return self.refits < passed and self.steps >= self.plan.refit_steps * (self.refits + 1)

    def _refit(self) -> None:
        """Fit once for all shares that were passed since the last time."""
        self.refits = sum(share <= self.share_done for share in self.plan.refits)
        fit_quantizer(self.network, self.corpus, self.plan.refit_frames)
        self._share_codebooks()
        log.info("bases and codebooks fitted anew")

    def _share_codebooks(self) -> None:
        for quantizer in self.network.quantizers:
            self.workers.share(list(quantizer.state_dict().values()))

    def _draw_layers(self, size: int) -> Tensor:
        layers = self.network.config.layers
        draw = torch.rand(size)
        few = torch.randint(1, min(8, layers) + 1, (size,))
        even = torch.randint(1, layers + 1, (size,))
        plan = self.plan
        return torch.where(
            draw < plan.all_layers, layers, torch.where(draw < plan.all_layers + plan.few_layers, few, even)
        )

    def _set_learning_rate(self) -> None:
        warm = min(1.0, (self.steps + 1) / WARM_UP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = (
                group["pace"] * self.plan.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.share_done)) + 1e-6
            )

    def _tell(self, monitor: Monitor | None, running: dict[str, float], with_examples: bool = False) -> None:
        """Report to people. A full disk must not end a run that could do without being told of."""
        if monitor is None:
            return
        row = {"steps": self.steps, "seconds": round(self.seconds), "skipped": self.skipped}
        try:
            monitor.report({**row, **{name: round(value, 5) for name, value in running.items()}})
            if with_examples:
                monitor.show(self.network, self.steps)
        except OSError as error:
            log.warning("the log can't be written: %s", error)

    def _keep(self, checkpoint: Checkpoint, monitor: Monitor | None) -> None:
        """Save a checkpoint on the way. A full disk now may have space again later: training goes on."""
        if monitor is None:
            return
        try:
            checkpoint.save(self.folder / "checkpoint.pt")
            monitor.show(self.network, self.steps)
            if self.on_checkpoint is not None:
                self.on_checkpoint(checkpoint)
        except OSError as error:
            log.warning("%s", error)


def _follow(running: dict[str, float], parts: dict[str, Tensor]) -> None:
    """Moving averages of the losses; a step that is left out because something isn't finite leaves them alone too."""
    for name, part in parts.items():
        value = float(part)
        if math.isfinite(value):
            running[name] = running.get(name, value) * 0.98 + value * 0.02


def prepare(config: CodecConfig, corpus: Corpus, seed: int = 0) -> CodecNetwork:
    """A network ready to train: data-driven where the design allows it, codebooks fitted by k-means."""
    torch.manual_seed(seed)
    network = CodecNetwork(config)
    if config.design == "transform":
        kept = fit_linear_path(network, corpus)
        log.info("linear path keeps %.1f %% of the companded variance", kept * 100)
    if network.memory is not None:
        fit_memory(network, corpus, NEW_MEMORY_STEPS)
    else:
        fit_quantizer(network, corpus)
    return network


class _StopSignals:
    """Turns SIGTERM and SIGINT into a request to stop after the step; also SIGHUP, with which a terminal goes, unless
    it is ignored (nohup).
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def __enter__(self) -> None:
        def stop(number: int, frame: FrameType | None) -> None:
            self.trainer.stop_requested, self.trainer.stopped_by = True, number

        numbers = [signal.SIGTERM, signal.SIGINT]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self.before = {number: signal.signal(number, stop) for number in numbers}

    def __exit__(self, *error: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
