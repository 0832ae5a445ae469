"""The paper's encoder and decoder (SoundStream, arXiv 2107.03312, section III-A and III-B, figure 3).

Causal convolutions, ELU, no normalisation. An encoder block is three residual units (kernel 7, dilations
1, 3, 9) and a strided convolution of kernel 2 · stride that doubles the channels; the decoder mirrors it.
"""

from __future__ import annotations

from torch import Tensor, nn

from lamina.models.config import CodecConfig
from lamina.models.network.layers import (
    CausalConv,
    Chain,
    OverlapAddConv,
    State,
    StateShape,
    StreamingModule,
    StridedConv,
)

RESIDUAL_DILATIONS = (1, 3, 9)


class ResidualUnit(StreamingModule):
    """x + W₂ elu(causal conv₇(elu(x)))."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = CausalConv(channels, channels, kernel=7, dilation=dilation)
        self.project = nn.Linear(channels, channels)

    def state_shapes(self) -> list[StateShape]:
        return self.conv.state_shapes()

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, state = self.conv(nn.functional.elu(x), state)
        return x + self.project(nn.functional.elu(hidden)), state


class SoundStreamEncoder(StreamingModule):
    """Samples `[B, T · frame, 1]` → latents `[B, T, latent]`."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        channels = config.soundstream.channels
        modules: list[nn.Module] = [CausalConv(1, channels, kernel=7)]
        for stride in config.soundstream.strides:
            modules += [ResidualUnit(channels, dilation) for dilation in RESIDUAL_DILATIONS]
            modules += [nn.ELU(), StridedConv(channels, 2 * channels, stride, overlap=stride)]
            channels *= 2
        modules += [nn.ELU(), CausalConv(channels, config.latent, kernel=3)]
        self.chain = Chain(modules)

    def state_shapes(self) -> list[StateShape]:
        return self.chain.state_shapes()

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.chain(x, state)


class SoundStreamDecoder(StreamingModule):
    """Latents `[B, T, latent]` → samples `[B, T · frame, 1]`."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        channels = config.soundstream.channels << len(config.soundstream.strides)
        modules: list[nn.Module] = [CausalConv(config.latent, channels, kernel=7)]
        for stride in reversed(config.soundstream.strides):
            modules += [nn.ELU(), OverlapAddConv(channels, channels // 2, stride, overlap=stride)]
            channels //= 2
            modules += [ResidualUnit(channels, dilation) for dilation in RESIDUAL_DILATIONS]
        modules += [nn.ELU(), CausalConv(channels, 1, kernel=7, bias=False)]
        self.chain = Chain(modules)

    def state_shapes(self) -> list[StateShape]:
        return self.chain.state_shapes()

    def forward(self, z: Tensor, state: State) -> tuple[Tensor, State]:
        return self.chain(z, state)
