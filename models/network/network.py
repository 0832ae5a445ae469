"""The codec as one torch module: encoder → residual quantizer → FiLM → decoder.

Only training and export import this; what plays audio is `lamina.models.runtime`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from lamina.models.config import CodecConfig
from lamina.models.network.closed_loop import Depths, Loop, replay_predictions, replay_sketch, run_loop, run_lossy_loop
from lamina.models.network.denoiser import Denoiser
from lamina.models.network.film import Briefing, FiLM
from lamina.models.network.layers import Chain, State, StateShape, StreamingModule
from lamina.models.network.memory import LagSearch, Memory
from lamina.models.network.quantizer import ResidualVectorQuantizer
from lamina.models.network.soundstream import SoundStreamDecoder, SoundStreamEncoder
from lamina.models.network.transform import TransformDecoder, TransformEncoder


class ConditionedDecoder(StreamingModule):
    """FiLM at the bottleneck, then the design's decoder."""

    def __init__(self, film: FiLM, decoder: StreamingModule) -> None:
        super().__init__()
        self.film, self.decoder = film, decoder

    def state_shapes(self) -> list[StateShape]:
        return self.decoder.state_shapes()

    def forward(self, z: Tensor, denoise: Tensor, state: State, layers: Tensor | None = None) -> tuple[Tensor, State]:
        """`z [B, T, latent]`, `denoise [B, T, 1]` in 0 … 1 → samples `[B, T · frame, 1]` and the new state.

        `layers [B, T]` are the active ones, for a decoder that is informed of them.
        """
        shaped = self.film(z, denoise)
        if not isinstance(self.decoder, TransformDecoder):
            return self.decoder(shaped, state)
        if self.informed and layers is None:
            raise ValueError("An informed decoder must be told the layers.")
        return self.decoder(shaped, state, denoise, layers)

    @property
    def informed(self) -> bool:
        """Whether `layers` must be given."""
        return self._briefing is not None

    @property
    def denoising(self) -> list[nn.Parameter]:
        """The weights that say what denoising does to the latents and the decoder."""
        told = [] if self._briefing is None else [self._briefing.denoise_scale, self._briefing.denoise_shift]
        return [self.film.scale, self.film.shift, *told]

    @property
    def denoiser(self) -> Denoiser | None:
        """The network that takes noise away behind the decoder's, if there is one."""
        return self.decoder.denoiser if isinstance(self.decoder, TransformDecoder) else None

    @property
    def _briefing(self) -> Briefing | None:
        return self.decoder.briefing if isinstance(self.decoder, TransformDecoder) else None


SETTLED_FRAMES = 2
"""Frames at the beginning of a crop that the codebooks don't learn from: the loop is still silent."""


LOSSES_COUNT = 1.7
"""How much more an error of the receiver's loop after losses counts than the sender's surprise.

What got lost must be forgotten.
"""
GUARDED, GUARDED_IN_LOSS = 0.1, 0.85
"""Shares of the examples whose frames are guarded, without losses and with."""
LOSSES_PER_HEARD = 3
"""Of so many examples with losses one is decoded as the receiver would; the others teach the memory only."""


@dataclass(frozen=True)
class Coded:
    """Samples after their way through the codec, and what training wants to know besides.

    Args:
        output: `[B, T · frame]`, delayed by `config.delay_samples`.
        commitment: mean square distance of the latents from their quantization; gradient to the encoder only.
        surprise: with a memory, the mean square of what its predictions left over; gradient to the predictor only.
        sketch: with a memory, the sound that its loop hears, delayed like the output; gradient to the sketch only.
    """

    output: Tensor
    commitment: Tensor
    surprise: Tensor | None = None
    sketch: Tensor | None = None


class Way(Protocol):
    """What may happen to codes between encoder and decoder."""

    def alter(self, z: Tensor, codes: Tensor, active: Tensor) -> Tensor:
        """Alter quantized latents on their way to the decoder.

        `[B, T, latent]`, and their codes `[B, T, layers]`, of which the first `active [B]` count → what arrives.
        """

    def draw_losses(self, size: int, frames: int) -> Tensor | None:
        """Frames that get lost, bool `[size, frames]` on the CPU; None if none does."""


@dataclass(frozen=True)
class _Foreseen:
    """A batch after the loop, its examples in the `order` of `depths`; `back` restores their own."""

    memory: Memory
    order: Tensor
    depths: Depths
    back: Tensor
    z: Tensor
    lags: Tensor
    has_lag: Tensor
    loop: Loop
    predicted: Tensor

    @property
    def residual(self) -> Tensor:
        """What is left to be coded, `[B, T, latent]`.

        Values that aren't finite are kept from the codebooks; their gradient tells the trainer.
        """
        return torch.nan_to_num((self.z - self.predicted).detach(), 0.0, 0.0, 0.0)


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
        self.quantizer = ResidualVectorQuantizer(
            config.latent, config.residual_layers, config.codebook_size, config.code_width
        )
        self.decoder = ConditionedDecoder(FiLM(config.latent), decoder)
        self.memory: Memory | None = None
        if config.memory is not None:
            self.memory, self.lag_search = Memory(config), LagSearch(config)
            self.coarse_quantizer = ResidualVectorQuantizer(
                config.latent, config.coarse_layers, config.codebook_size, config.code_width
            )

    @property
    def quantizers(self) -> list[ResidualVectorQuantizer]:
        """All of them: with a memory, a second one codes frames that have no lag."""
        return [self.quantizer] if self.memory is None else [self.quantizer, self.coarse_quantizer]

    def forward(self, x: Tensor, active: Tensor, denoise: Tensor | None = None, way: Way | None = None) -> Coded:
        """Samples `[B, T · frame]` through the codec from a fresh state.

        `active [B]` (on the CPU) is the number of layers of each example; `denoise [B, T, 1]` defaults to 0; `way`
        stands for what happens to what is sent.
        """
        z, _ = self.encoder(x[..., None], self.encoder.initial_state(len(x)))
        amount = torch.zeros_like(z[..., :1]) if denoise is None else denoise
        if self.memory is not None:
            return self._with_memory(self.memory, x, z, active, amount, way)
        quantized, commitment, codes = self.quantizer.quantize(z, active)
        if way is not None:
            quantized = way.alter(quantized, codes, active)
        y, _ = self.decoder(quantized, amount, self.decoder.initial_state(len(x)), self._told(active, z))
        return Coded(y[..., 0], commitment)

    @torch.no_grad()
    def encode(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Code samples `[B, T · frame]` and their latents in all layers.

        Returns the codes, the predictions, and what the codes add to these.
        """
        if self.memory is None:
            codes = self.quantizer.encode(z)
            return codes, torch.zeros_like(z), self.quantizer.decode(codes)
        run = self._foresee(x, z, torch.full((len(x),), self.config.layers))
        entries, codes = self._code_residuals(run)
        return torch.cat([run.lags[..., None], codes], -1), run.predicted, entries

    def find_lags(self, x: Tensor) -> Tensor:
        """Samples `[B, T · frame]` → lag codes `[B, T]`."""
        return self.lag_search.whole(x)

    def _with_memory(
        self, memory: Memory, x: Tensor, z: Tensor, active: Tensor, amount: Tensor, way: Way | None
    ) -> Coded:
        lost = None if way is None else way.draw_losses(*z.shape[:2])
        run = self._foresee(x, z, active, lost)
        z, predicted, depths = run.z, run.predicted, run.depths
        entries, codes = self._code_residuals(run)
        commitment = (z - (predicted.detach() + entries)).square().mean()
        arrived, surprise = predicted.detach() + entries, z.detach() - predicted
        if way is not None:
            if lost is not None:
                lost = lost[run.order]
                hit, lost = torch.nonzero(lost.any(1)).flatten().to(z.device), lost.to(z.device)
                lossy = run_lossy_loop(memory, run.loop.of(hit), run.lags[hit], run.has_lag[hit], lost[hit])
                found = (
                    replay_predictions(memory, lossy, run.lags[hit], run.has_lag[hit])
                    + entries[hit] * (~lost[hit])[..., None]
                )
                surprise = surprise.index_copy(0, hit, LOSSES_COUNT * (z.detach()[hit] - found))
                heard = slice(0, -(-len(hit) // LOSSES_PER_HEARD))
                arrived = arrived.index_copy(0, hit[heard], found.detach()[heard])
            if depths.n_lagged:
                altered = way.alter(arrived[: depths.n_lagged], codes, depths.active[: depths.n_lagged] - 1)
                arrived = torch.cat([altered, arrived[depths.n_lagged :]])
        quantized = (z + (arrived - z).detach())[run.back]
        y, _ = self.decoder(quantized, amount, self.decoder.initial_state(len(x)), self._told(active, z))
        return Coded(y[..., 0], commitment, surprise.square().mean(), replay_sketch(memory, run.loop)[run.back])

    def recall(self, x: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """The surprise and the sketch (as in `Coded`), without running encoder and decoder.

        A memory that is trained alone needs no more.
        """
        run = self._foresee(x, self._latents(x), active)
        if self.quantizer.training:
            self._code_residuals(run)
        return (run.z - run.predicted).square().mean(), replay_sketch(run.memory, run.loop)[run.back]

    @torch.no_grad()
    def residuals(self, x: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """What a memory's predictions leave to be coded of samples `[B, T · frame]`.

        `[n, T, latent]` of the examples with a lag, and of the others.
        """
        run = self._foresee(x, self._latents(x), active)
        return run.residual[: run.depths.n_lagged], run.residual[run.depths.n_lagged :]

    @torch.no_grad()
    def _latents(self, x: Tensor) -> Tensor:
        z: Tensor = self.encoder(x[..., None], self.encoder.initial_state(len(x)))[0]
        return z

    def _foresee(self, x: Tensor, z: Tensor, active: Tensor, lost: Tensor | None = None) -> _Foreseen:
        """Run samples `[B, T · frame]` and their latents through the loop.

        Most examples that lose frames (`lost [B, T]`) are guarded.
        """
        if self.memory is None:
            raise ValueError("This codec has no memory.")
        # Examples in the order of their layers, so that each layer works on the first few of them only.
        order = torch.argsort(active, descending=True, stable=True)
        there, depths = order.to(z.device), Depths(active[order], self.memory.config.from_layers)
        z, lags, has_lag = z[there], self.find_lags(x)[there], depths.has_lag(z.device)
        if self.training:
            guarded = torch.rand(len(x)) < (
                GUARDED if lost is None else torch.where(lost.any(1), GUARDED_IN_LOSS, GUARDED)
            )
            lags = lags + self.memory.config.n_lags * guarded[order].to(z.device)[:, None]
        loop = run_loop(self.memory, self.quantizer, self.coarse_quantizer, z.detach(), lags, depths)
        predicted = replay_predictions(self.memory, loop, lags, has_lag)
        return _Foreseen(
            self.memory, order, depths, torch.argsort(order).to(z.device), z, lags, has_lag, loop, predicted
        )

    def _code_residuals(self, run: _Foreseen) -> tuple[Tensor, Tensor]:
        """Quantize in all active layers: their entries `[B, T, latent]`, and the codes of the examples with a lag.

        In training mode the codebooks learn.
        """
        residual, depths = run.residual, run.depths
        left = residual.clone()
        n_lagged = depths.n_lagged
        codes = self.quantizer.take_away(left[:n_lagged], depths.residual_counts(self.quantizer.layers), SETTLED_FRAMES)
        self.coarse_quantizer.take_away(
            left[n_lagged:], depths.coarse_counts(self.coarse_quantizer.layers), SETTLED_FRAMES
        )
        return residual - left, codes

    def _told(self, active: Tensor, z: Tensor) -> Tensor | None:
        """Each example's layers, `active [B]`, spread over the frames of `z [B, T, latent]`.

        None if the decoder isn't told.
        """
        return active.to(z.device)[:, None].expand(-1, z.shape[1]) if self.decoder.informed else None

    def use_half_precision(self, on: bool) -> None:
        """Run the frame-rate networks' matrix products in bfloat16, for training.

        Filterbank and quantizer stay in full precision.
        """
        for module in self.modules():
            if isinstance(module, Chain):
                module.half_precision = on

    def compile_stacks(self) -> None:
        """Compile the frame-rate networks for training; slow at first, faster afterwards on GPUs."""
        for module in self.modules():
            if isinstance(module, Chain):
                module.compile()
