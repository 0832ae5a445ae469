"""Taking noise away: how much of each band is kept, from what was decoded so far.

A suppression rule like those of every noise reducer since Boll (1979), learnt: from the bands' energies in the decoded
coefficients and from the latents, a causal network says which share of each band belongs to what one wants to hear.
Bands are as wide as those of hearing, which takes a fraction of what must be learnt for single coefficients (Valin
2018). It stands behind the decoder's networks and in front of the synthesis, outside the memory's loop, so what is sent
and foreseen doesn't depend on it, and with denoise at 0 it changes nothing.
"""

from __future__ import annotations

from itertools import cycle, islice
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from lamina.models.config import CodecConfig
from lamina.models.network.layers import ResidualBlock, State, StateShape, StreamingModule

BANDS = 64
POWER_FLOOR = 1e-7
DILATIONS = (1, 2, 4, 8, 16)
"""Of the blocks, in frames: five of them look back 0.8 s, over which noise can be told from a voice."""
KEEPS_AT_FIRST = 3.0
"""Logit of the share that is kept before training: 95 %."""
LARGEST_LOGIT = 12.0


class Denoiser(StreamingModule):
    """Coefficients, the latents they came from, and the amount of denoising → the coefficients that are left.

    c · σ(h)^d, with the network's output h, one for each band and between their centres in a straight line, and the
    amount d, 0 … 1: half the amount takes away half the decibels.

    Frames whose amount is 0 are not looked at: later ones take them for silence, as if the stream began behind them.
    So nothing must be computed while nothing is denoised.
    """

    bands: Tensor
    spread: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        width, blocks = config.transform.denoiser_width, config.transform.denoiser_blocks
        self.input = nn.Linear(BANDS + config.latent, width)
        self.stack = nn.ModuleList(
            ResidualBlock(width, dilation, blocks) for dilation in islice(cycle(DILATIONS), blocks)
        )
        self.output = nn.Linear(width, BANDS)
        self.register_buffer("spread", band_shapes(BANDS, config.frame, config.sample_rate))
        self.register_buffer("bands", averages_of(self.spread))
        self.begin()

    @torch.no_grad()
    def begin(self, usual_size: Tensor | None = None) -> None:
        """The weights before training: it keeps nearly everything, whatever it hears.

        `usual_size [latent]` is that of the latents, by which they are divided.
        """
        for layer in (self.input, *(part for block in self._blocks for part in (block.conv.linear, block.project))):
            layer.reset_parameters()
        nn.init.zeros_(self.output.weight)
        nn.init.constant_(self.output.bias, KEEPS_AT_FIRST)
        if usual_size is not None:
            self.input.weight[:, -len(usual_size) :] /= usual_size

    def state_shapes(self) -> list[StateShape]:
        return [shape for block in self._blocks for shape in block.state_shapes()]

    def forward(self, c: Tensor, z: Tensor, amount: Tensor, state: State) -> tuple[Tensor, State]:
        """`c [B, T, frame]`, `z [B, T, latent]`, `amount [B, T, 1]` → `[B, T, frame]` and the new state."""
        loudness = torch.log((c * c) @ self.bands + POWER_FLOOR) * 0.2 + 2
        looks = (amount > 0).to(c.dtype)
        hidden = self.input(torch.cat([loudness, z], -1)) * looks
        after: State = []
        for block, before in zip(self._blocks, state, strict=True):
            hidden, new = block(hidden, [before])
            hidden = hidden * looks
            after += new
        logit = self.output(nn.functional.gelu(hidden, approximate="tanh")) @ self.spread
        kept = logit.clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
        return c * torch.exp(-amount * torch.log(1 + torch.exp(-kept))), after

    @property
    def _blocks(self) -> list[ResidualBlock]:
        return cast(list[ResidualBlock], list(self.stack))


def band_shapes(bands: int, frame: int, sample_rate: int) -> Tensor:
    """Triangles over a frame's coefficients, `[bands, frame]`, that add up to 1 everywhere.

    Their centres are evenly spaced on the scale of equivalent rectangular bandwidths (Glasberg and Moore 1990), but at
    least one coefficient apart.
    """
    places, shapes = np.arange(frame), np.eye(bands)
    centres = band_centres(bands, frame, sample_rate)
    return torch.from_numpy(np.stack([np.interp(places, centres, shape) for shape in shapes]).astype(np.float32))


def averages_of(shapes: Tensor) -> Tensor:
    """What gives each band's weighted mean of values `[…, frame]`, as a product, `[frame, bands]`."""
    return (shapes / shapes.sum(1, keepdim=True)).t().contiguous()


def band_centres(bands: int, frame: int, sample_rate: int) -> list[float]:
    """The bands' centres in coefficients, rising from 0."""
    hz_per_place = sample_rate / 2 / frame

    def to_scale(place: float) -> float:
        return 21.4 * float(np.log10(1 + 0.00437 * (place + 0.5) * hz_per_place))

    def from_scale(value: float) -> float:
        return float((10 ** (value / 21.4) - 1) / 0.00437 / hz_per_place - 0.5)

    centres, top = [0.0], to_scale(frame - 1)
    for left in range(bands - 1, 0, -1):
        here = to_scale(centres[-1])
        centres.append(max(centres[-1] + 1, from_scale(here + (top - here) / left)))
    return centres
