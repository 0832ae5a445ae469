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


class Briefing(nn.Module):
    """Tells a decoder's hidden channels how many layers are active, and how much is denoised.

    h · (1 + s[n] + d · γ) + b[n] + d · β, with n active layers and the denoising amount d.

    Latents of few layers are rougher than they look, and those of many more exact; told which they are, the networks
    fill in or leave alone. It starts as the identity.
    """

    def __init__(self, layers: int, channels: int) -> None:
        super().__init__()
        self.layer_scale = nn.Parameter(torch.zeros(layers + 1, channels))
        self.layer_shift = nn.Parameter(torch.zeros(layers + 1, channels))
        self.denoise_scale = nn.Parameter(torch.zeros(channels))
        self.denoise_shift = nn.Parameter(torch.zeros(channels))

    def forward(self, hidden: Tensor, amount: Tensor, layers: Tensor) -> Tensor:
        """`hidden [B, T, channels]`, `amount [B, T, 1]` in 0 … 1, `layers [B, T]` in 0 … all → `[B, T, channels]`."""
        scale = 1 + self.layer_scale[layers] + amount * self.denoise_scale
        return hidden * scale + self.layer_shift[layers] + amount * self.denoise_shift
