"""What a training run does, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from lamina.models.training.adversary import AdversaryPlan
from lamina.models.training.losses.losses import LossWeights


@dataclass(frozen=True)
class TrainingPlan:
    """Args:
    minutes: wall-clock budget of the whole run, over all resumptions.
    max_steps: stop after so many steps even if time is left (None: no limit).
    batch: examples per step, in each process.
    crop_frames: frames per example.
    learning_rate: the cosine's peak.
    all_layers, few_layers: shares of the batch at all layers and at 1–8 layers; the rest draws 1–all evenly.
    noisy: share of the batch that is sound in noise; most of it is to be cleaned. Without noise in the data it is 0.
    damaged: share of the batch whose codes are altered on their way.
    lossy: with a memory, share of the batch that loses frames in the receiver's loop; a third of it is heard so.
    memory_pace: learning rate of a memory's networks, as a multiple of the others'.
    refits: shares of the run at which bases and codebooks are fitted anew: the latent moves on from the directions it
    began with. refit_frames: frames to which they are fitted.
    refit_steps: least steps before the first refit and between refits, so that very short runs have none.
    half_precision: run the frame-rate networks in bfloat16.
    compile: compile them first (pays off on GPUs).
    average_decay: decay per step of the weights' moving average.
    checkpoint_minutes: time between checkpoints.
    seed: seed of everything random.
    threads: CPU threads.
    losses, adversary: what is minimised.
    only_denoiser: train how noise is taken away and nothing else; the network must have a denoiser
        (`lamina.models.training.denoising`).
    """

    minutes: float
    max_steps: int | None = None
    batch: int = 16
    crop_frames: int = 48
    learning_rate: float = 6e-4
    weight_decay: float = 1e-2
    all_layers: float = 0.25
    few_layers: float = 0.4
    noisy: float = 0.2
    damaged: float = 0.06
    lossy: float = 0.3
    memory_pace: float = 1.5
    refits: tuple[float, ...] = (0.03, 0.1, 0.2, 0.35, 0.55)
    refit_frames: int = 50_000
    refit_steps: int = 100
    half_precision: bool = True
    compile: bool = False
    average_decay: float = 0.999
    checkpoint_minutes: float = 5.0
    seed: int = 0
    threads: int = 1
    losses: LossWeights = field(default_factory=LossWeights)
    adversary: AdversaryPlan = field(default_factory=AdversaryPlan)
    only_denoiser: bool = False
