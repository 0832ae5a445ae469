"""The shipped encoder and decoder: an MDCT pair, a fitted linear path, and networks that improve on it.

Analysis and synthesis are a strided convolution and its transpose that start as a low-overlap MDCT with
perfect reconstruction (the window follows Edler's edge shape; Princen and Bradley's time-domain aliasing
cancels in the overlap). A frame's 320 coefficients are companded and projected by PCA to `latent − 1`
dimensions; the frame's log-gain is the last dimension. The networks add to that linear path on both sides
and start at zero, so an untrained codec is already a working transform codec.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lamina.models.config import CodecConfig
from lamina.models.network.denoiser import Denoiser
from lamina.models.network.film import Briefing
from lamina.models.network.layers import (
    CausalConv,
    Chain,
    OverlapAddConv,
    ResidualBlock,
    State,
    StateShape,
    StreamingModule,
    StridedConv,
)

LANES = 16
"""Width to which per-frame scalars are spread before log and exp.

So the runtime's vector code always sees whole vectors and rounds every frame the same way.
"""

POWER_FLOOR = 1e-7
COMPANDING_FLOOR = 1e-3
LOG_GAIN_RANGE = (-8.1, 1.0)
LOG_GATE_RANGE = (-4.0, 3.0)
DILATIONS = (1, 2, 4)


def mdct_basis(frame: int, overlap: int) -> Tensor:
    """The MDCT's basis on the support of a low-overlap sine-slope window, `[frame, frame + overlap]`, orthonormal.

    Coefficient k of a frame is √(2/N) Σ w(n) cos(π/N (n + ½ + N/2)(k + ½)) x(n), N = frame
    (Princen, Johnson, Bradley 1987), restricted to the samples where w is not zero.
    """
    support = frame + overlap
    start = (frame - overlap) // 2
    n = torch.arange(start, start + support, dtype=torch.float64)
    k = torch.arange(frame, dtype=torch.float64)
    window = torch.ones(support, dtype=torch.float64)
    slope = torch.sin(math.pi / 2 * (torch.arange(overlap, dtype=torch.float64) + 0.5) / overlap)
    window[:overlap] = slope
    window[support - overlap :] = slope.flip(0)
    cosines = torch.cos(math.pi / frame * (n[None] + 0.5 + frame / 2) * (k[:, None] + 0.5))
    return (cosines * window * math.sqrt(2 / frame)).float()


def residual_stack(channels: int, depth: int) -> Chain:
    """`depth` residual blocks whose dilations cycle through 1, 2, 4 frames."""
    return Chain(ResidualBlock(channels, DILATIONS[index % len(DILATIONS)], depth) for index in range(depth))


class Companding(nn.Module):
    """Pre-emphasis, removal of part of the frame's gain, and sign(c)·|c|^p; and the way back."""

    weight: Tensor
    mean_log_gain: Tensor
    mean_of: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        t = config.transform
        self.p, self.gain_exponent, self.gain_scale = t.companding, t.gain_exponent, t.gain_scale
        self.register_buffer("weight", 1 + torch.arange(config.frame) / config.frame * t.tilt)
        self.register_buffer("mean_log_gain", torch.tensor(-4.0))
        self.register_buffer("mean_of", torch.full((config.frame, LANES), 1 / config.frame), persistent=False)

    def compress(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """Coefficients `[B, T, frame]` → companded `[B, T, frame]`, log-gain (natural log of RMS) `[B, T, 1]`."""
        c = c * self.weight
        log_gain = 0.5 * torch.log((c * c) @ self.mean_of + POWER_FLOOR)
        c = c * torch.exp(-self.gain_exponent * log_gain)[..., :1]
        return c / (c.abs() + COMPANDING_FLOOR) ** (1 - self.p), log_gain[..., :1]

    def expand(self, v: Tensor, log_gain: Tensor) -> Tensor:
        """Inverse of `compress` up to its floors."""
        gain = torch.exp(self.gain_exponent * log_gain.clamp(*LOG_GAIN_RANGE).expand(-1, -1, LANES))[..., :1]
        return v * (v * v + 1e-6) ** (0.5 / self.p - 0.5) * gain / self.weight

    def gain_to_latent(self, log_gain: Tensor) -> Tensor:
        return (log_gain - self.mean_log_gain) * self.gain_scale

    def latent_to_gain(self, z: Tensor) -> Tensor:
        return z / self.gain_scale + self.mean_log_gain


class TransformEncoder(StreamingModule):
    """Samples `[B, T · frame, 1]` → latents `[B, T, latent]`."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        t = config.transform
        self.analysis = StridedConv(1, config.frame, config.frame, t.overlap, bias=False)
        self.analysis.linear.weight = nn.Parameter(mdct_basis(config.frame, t.overlap), requires_grad=False)
        self.companding = Companding(config)
        self.linear_path = nn.Linear(config.frame, config.latent - 1, bias=False)
        self.input = nn.Linear(2 * config.frame + 1, t.width)
        self.stack = residual_stack(t.width, t.encoder_blocks)
        self.output = nn.Linear(t.width, config.latent)
        self.gate = nn.Linear(t.width, config.frame)
        for layer in (self.output, self.gate):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def state_shapes(self) -> list[StateShape]:
        return self.analysis.state_shapes() + self.stack.state_shapes()

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        c, analysis_state = self.analysis(x, state[:1])
        u, log_gain = self.companding.compress(c)
        features = torch.cat([u * 2, torch.log(c * c + POWER_FLOOR) * 0.2 + 2, log_gain * 0.5 + 2], -1)
        hidden, stack_state = self.stack(self.input(features), state[1:])
        # The gate says, coefficient by coefficient, how much precision this frame's sound deserves; the decoder's mask
        # is its counterpart.
        weighted = u * torch.exp(self.gate(hidden).clamp(*LOG_GATE_RANGE))
        linear = torch.cat([self.linear_path(weighted), self.companding.gain_to_latent(log_gain)], -1)
        return linear + self.output(hidden), analysis_state + stack_state


class TransformDecoder(StreamingModule):
    """Latents `[B, T, latent]` → samples `[B, T · frame, 1]`, delayed by the overlap."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        t = config.transform
        self.frame = config.frame
        self.input = CausalConv(config.latent, t.width, kernel=3)
        self.briefing = Briefing(config.layers, t.width) if t.informed else None
        self.stack = residual_stack(t.width, t.decoder_blocks)
        self.output = nn.Linear(t.width, 2 * config.frame)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.linear_path = nn.Linear(config.latent - 1, config.frame, bias=False)
        self.companding = Companding(config)
        self.denoiser = Denoiser(config) if t.denoiser_blocks else None
        self.synthesis = OverlapAddConv(config.frame, 1, config.frame, t.overlap, bias=False)
        self.synthesis.linear.weight = nn.Parameter(
            mdct_basis(config.frame, t.overlap).t().contiguous(), requires_grad=False
        )

    def state_shapes(self) -> list[StateShape]:
        denoising = [] if self.denoiser is None else self.denoiser.state_shapes()
        return self.input.state_shapes() + self.stack.state_shapes() + denoising + self.synthesis.state_shapes()

    def forward(
        self, z: Tensor, state: State, amount: Tensor | None = None, layers: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Synthesize samples.

        `layers [B, T]` inform a decoder that wants to know (`lamina.models.network.film.Briefing`), `amount [B, T, 1]`
        also one with a denoiser.
        """
        n_stack = len(self.stack.state_shapes())
        hidden, input_state = self.input(z, state[:1])
        if self.briefing is not None and amount is not None and layers is not None:
            hidden = self.briefing(hidden, amount, layers)
        hidden, stack_state = self.stack(hidden, state[1 : 1 + n_stack])
        raw = self.output(nn.functional.gelu(hidden, approximate="tanh"))
        correction, log_mask = raw[..., : self.frame], raw[..., self.frame :]
        v = (correction * 0.3 + self.linear_path(z[..., :-1])) * torch.exp(log_mask.clamp(*LOG_GATE_RANGE))
        c = self.companding.expand(v, self.companding.latent_to_gain(z[..., -1:]))
        denoiser_state: State = []
        if self.denoiser is not None and amount is not None:
            c, denoiser_state = self.denoiser(c, z, amount, state[1 + n_stack : -1])
        y, synthesis_state = self.synthesis(c, state[-1:])
        return y, input_state + stack_state + denoiser_state + synthesis_state
