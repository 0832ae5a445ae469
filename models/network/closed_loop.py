"""The loop through a codec's memory, in training.

It runs frame after frame for what the decoder knows, and then over all frames at once for the gradient.

A frame's prediction hangs on the quantized frames before it, so the loop can't be run in parallel; but what it finds,
the extension's coefficients and the remembered latents of every frame, can be taken as given. Predictions made of these
in one go are the loop's own and carry a gradient to the predictor.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lamina.models.network.memory import Memory, MemoryState
from lamina.models.network.quantizer import ResidualVectorQuantizer


@dataclass(frozen=True)
class Loop:
    """What a run through the loop found, of `B` examples and `T` frames.

    Args:
        coefficients: of each frame's extension, `[B, T, frame]`.
        latents: remembered before each frame, and after the last, `[B, T + 1, history · latent]`.
        entries: what came from codes in what the loop heard, `[B, T, latent]`.
    """

    coefficients: Tensor
    latents: Tensor
    entries: Tensor

    def of(self, examples: Tensor) -> Loop:
        """That of some examples."""
        return Loop(*(part[examples] for part in (self.coefficients, self.latents, self.entries)))


@dataclass(frozen=True)
class Depths:
    """How many layers each example of a batch sends, most first; the last ones may have no lag.

    Args:
        active: layers of each example, `[B]`, on the CPU, falling.
        from_layers: least layers of an example with a lag.
    """

    active: Tensor
    from_layers: int

    @property
    def n_lagged(self) -> int:
        """Examples with a lag; they come first."""
        return int((self.active >= self.from_layers).sum())

    def has_lag(self, device: torch.device) -> Tensor:
        """`[B, 1]`, 1 or 0."""
        return (self.active >= self.from_layers).float()[:, None].to(device)

    def residual_counts(self, layers: int) -> list[int]:
        """How many of the examples with a lag use each of the first residual layers."""
        sent = self.active[: self.n_lagged] - 1
        return [int((sent > layer).sum()) for layer in range(layers)]

    def coarse_counts(self, layers: int) -> list[int]:
        """How many of those without one use each of the coarse layers."""
        sent = self.active[self.n_lagged :]
        return [int((sent > layer).sum()) for layer in range(layers)]


@torch.no_grad()
def run_loop(
    memory: Memory,
    quantizer: ResidualVectorQuantizer,
    coarse: ResidualVectorQuantizer,
    z: Tensor,
    lags: Tensor,
    depths: Depths,
) -> Loop:
    """Latents `z [B, T, latent]` and lag codes `[B, T]` through the sender's loop from its beginning."""
    n_lagged, has_lag = depths.n_lagged, depths.has_lag(z.device)
    fine, few = depths.residual_counts(memory.config.loop_layers - 1), depths.coarse_counts(coarse.layers)
    state = memory.initial_state(len(z))
    coefficients, latents, entries = [], [state.latents], []
    for frame in range(z.shape[1]):
        prediction, c, state = memory.step(lags[:, frame], has_lag, state)
        residual = torch.nan_to_num(z[:, frame] - prediction, 0.0, 0.0, 0.0)
        left = residual.clone()
        quantizer.take_away(left[:n_lagged, None], fine)
        coarse.take_away(left[n_lagged:, None], few)
        state = state.remember(prediction + residual - left)
        coefficients.append(c)
        latents.append(state.latents)
        entries.append(residual - left)
    return Loop(*(torch.stack(parts, 1) for parts in (coefficients, latents, entries)))


@torch.no_grad()
def run_lossy_loop(memory: Memory, loop: Loop, lags: Tensor, has_lag: Tensor, lost: Tensor) -> Loop:
    """The receiver's loop for what the sender's `loop` sent, without the frames that are `lost [B, T]`.

    A lost frame is taken for what was predicted of it with the last lag that came.
    """
    state: MemoryState = memory.initial_state(len(lags))
    lag = lags[:, 0]
    coefficients, latents, entries = [], [state.latents], []
    for frame in range(lags.shape[1]):
        gone = lost[:, frame]
        lag = torch.where(gone, lag, lags[:, frame])
        prediction, c, state = memory.step(lag, has_lag, state)
        arrived = loop.entries[:, frame] * (~gone)[:, None]
        state = state.remember(prediction + arrived)
        coefficients.append(c)
        latents.append(state.latents)
        entries.append(arrived)
    return Loop(*(torch.stack(parts, 1) for parts in (coefficients, latents, entries)))


def replay_predictions(memory: Memory, loop: Loop, lags: Tensor, has_lag: Tensor) -> Tensor:
    """The loop's predictions once more, all at once and with a gradient to the predictor, `[B, T, latent]`.

    `lags [B, T]` and `has_lag [B, 1]` as they were given to the loop.
    """
    return memory.predicted(loop.coefficients, has_lag, loop.latents[:, :-1]) * memory.shares(lags, has_lag)


def replay_sketch(memory: Memory, loop: Loop) -> Tensor:
    """The sound that the loop hears, all at once and with a gradient to the sketch, `[B, T · frame]`."""
    wide = memory.sketched(loop.latents[:, 1:]) @ memory.synthesis
    tails = torch.nn.functional.pad(wide[:, :-1, memory.frame :], (0, 0, 1, 0))
    head = torch.cat([wide[..., : memory.overlap] + tails, wide[..., memory.overlap : memory.frame]], -1)
    return head.flatten(1)
