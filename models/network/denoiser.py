"""Taking noise away: how much of each coefficient is kept, from what was decoded so far.

A suppression rule like those of every noise reducer since Boll (1979), learnt: from the log-power of the decoded
coefficients and the latents, a causal network says for each of the frame's coefficients which share of it belongs to
what one wants to hear. It stands behind the decoder's networks and in front of the synthesis, outside the memory's
loop, so what is sent and foreseen doesn't depend on it, and with denoise at 0 it changes nothing.
"""

from __future__ import annotations

from itertools import cycle, islice
from typing import cast

import torch
from torch import Tensor, nn

from lamina.models.config import CodecConfig
from lamina.models.network.layers import ResidualBlock, State, StateShape, StreamingModule

POWER_FLOOR = 1e-7
DILATIONS = (1, 2, 4, 8, 16)
"""Of the blocks, in frames: five of them look back 0.8 s, over which noise can be told from a voice."""
KEEPS_AT_FIRST = 3.0
"""Logit of the share that is kept before training: 95 %."""
LARGEST_LOGIT = 12.0


class Denoiser(StreamingModule):
    """Coefficients, the latents they came from, and the amount of denoising → the coefficients that are left.

    c · σ(h)^d, with the network's output h and the amount d, 0 … 1: half the amount takes away half the decibels.

    Frames whose amount is 0 are not looked at: later ones take them for silence, as if the stream began behind them.
    So nothing must be computed while nothing is denoised.
    """

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        width, blocks = config.transform.width, config.transform.denoiser_blocks
        self.input = nn.Linear(config.frame + config.latent, width)
        self.stack = nn.ModuleList(
            ResidualBlock(width, dilation, blocks) for dilation in islice(cycle(DILATIONS), blocks)
        )
        self.output = nn.Linear(width, config.frame)
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
        log_power = torch.log(c * c + POWER_FLOOR) * 0.2 + 2
        looks = (amount > 0).to(c.dtype)
        hidden = self.input(torch.cat([log_power, z], -1)) * looks
        after: State = []
        for block, before in zip(self._blocks, state, strict=True):
            hidden, new = block(hidden, [before])
            hidden = hidden * looks
            after += new
        logit = self.output(nn.functional.gelu(hidden, approximate="tanh")).clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
        return c * torch.exp(-amount * torch.log(1 + torch.exp(-logit))), after

    @property
    def _blocks(self) -> list[ResidualBlock]:
        return cast(list[ResidualBlock], list(self.stack))
