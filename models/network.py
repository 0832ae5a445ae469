"""The codec as one torch module: encoder → residual quantizer → FiLM → decoder.

Only training and export import this; what plays audio is `lamina.models.runtime`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lamina.models.config import CodecConfig
from lamina.models.film import FiLM
from lamina.models.layers import Chain, State, StateShape, StreamingModule
from lamina.models.quantizer import ResidualVectorQuantizer
from lamina.models.soundstream import SoundStreamDecoder, SoundStreamEncoder
from lamina.models.transform import TransformDecoder, TransformEncoder


class ConditionedDecoder(StreamingModule):
    """FiLM at the bottleneck, then the design's decoder."""

    def __init__(self, film: FiLM, decoder: StreamingModule) -> None:
        super().__init__()
        self.film, self.decoder = film, decoder

    def state_shapes(self) -> list[StateShape]:
        return self.decoder.state_shapes()

    def forward(self, z: Tensor, denoise: Tensor, state: State) -> tuple[Tensor, State]:
        """`z [B, T, latent]`, `denoise [B, T, 1]` in 0 … 1 → samples `[B, T · frame, 1]` and the new state."""
        return self.decoder(self.film(z, denoise), state)


class CodecNetwork(nn.Module):
    """Encoder, quantizer and conditioned decoder of one config."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        encoder: StreamingModule
        decoder: StreamingModule
        if config.design == "transform":
            encoder, decoder = TransformEncoder(config), TransformDecoder(config)
        else:
            encoder, decoder = SoundStreamEncoder(config), SoundStreamDecoder(config)
        self.encoder = encoder
        self.quantizer = ResidualVectorQuantizer(config.latent, config.layers, config.codebook_size, config.code_width)
        self.decoder = ConditionedDecoder(FiLM(config.latent), decoder)

    def forward(
        self,
        x: Tensor,
        active: Tensor,
        denoise: Tensor | None = None,
        damage: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Samples `[B, T · frame]` through the codec from a fresh state.

        `active [B]` is the number of layers of each example; `denoise [B, T, 1]` defaults to 0; `damage` stands for what
        happens to the quantized latents `[B, T, latent]` on their way; it is given these, their codes `[B, T, layers]` and `active`.
        Returns samples `[B, T · frame]`, delayed by `config.delay_samples`, and the commitment loss.
        """
        z, _ = self.encoder(x[..., None], self.encoder.initial_state(len(x)))
        quantized, commitment, codes = self.quantizer.quantize(z, active)
        if damage is not None:
            quantized = damage(quantized, codes, active)
        amount = torch.zeros_like(z[..., :1]) if denoise is None else denoise
        y, _ = self.decoder(quantized, amount, self.decoder.initial_state(len(x)))
        return y[..., 0], commitment

    def use_half_precision(self, on: bool) -> None:
        """Run the frame-rate networks' matrix products in bfloat16, for training. Filterbank and quantizer stay in full precision."""
        for module in self.modules():
            if isinstance(module, Chain):
                module.half_precision = on

    def compile_stacks(self) -> None:
        """Compile the frame-rate networks for training; slow at first, faster afterwards on GPUs."""
        for module in self.modules():
            if isinstance(module, Chain):
                module.compile()
