"""Feature-wise linear modulation of the latent (FiLM, Perez et al. 2018; SoundStream section III-E)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FiLM(nn.Module):
    """z · (1 + d · γ) + d · β, with d the conditioning amount, 0 … 1, per frame.

    At d = 0 it is the identity whatever was trained, and it starts as the identity for every d.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, z: Tensor, amount: Tensor) -> Tensor:
        """`z [B, T, channels]`, `amount [B, T, 1]` → `[B, T, channels]`."""
        return z * (1 + amount * self.scale) + amount * self.shift
