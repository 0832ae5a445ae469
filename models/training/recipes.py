"""Training plans by name, for machines and budgets that are known beforehand: `lamina train --recipe`.

Needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Args:
    description: one line for help and docs.
    plan: fields of `TrainingPlan` that differ from the usual ones.
    adversary: fields of `AdversaryPlan`, likewise.
    """

    description: str
    plan: dict[str, Any]
    adversary: dict[str, Any]


RECIPES = {
    "gpu-quarter": Recipe(
        "one large GPU for a quarter of an hour, starting from a trained model",
        # Eleven minutes are left when start-up and the way there and back are taken off. A step's time hardly depends
        # on the batch.
        {
            "minutes": 11.0,
            "batch": 160,
            "crop_frames": 32,
            "learning_rate": 6e-4,
            "noisy": 0.15,
            "refits": (0.1, 0.3, 0.5),
            "refit_frames": 30_000,
            "checkpoint_minutes": 3.0,
        },
        {"start": 0.67, "warm_up_steps": 150},
    ),
}
