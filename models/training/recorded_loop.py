"""The memory's loop as one launch.

Its thousands of small products are recorded once as a CUDA graph, which a GPU runs through by itself.

Recorded work has fixed shapes. So every example goes through all layers of the loop, and a mask says which of them
count.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from lamina.models.network.closed_loop import Depths, Loop, run_loop, run_lossy_loop
from lamina.models.network.memory import Memory
from lamina.models.network.quantizer import ResidualVectorQuantizer

log = logging.getLogger(__name__)

WARM_UPS = 2
"""Runs before the recording, in which libraries get their workspaces."""


class RecordedLoops:
    """`run_loop` and `run_lossy_loop` of one network, recorded for batches of one shape at their first call.

    Other shapes, smaller batches of lossy ones excepted, and other devices are run as ever; so is everything if
    recording fails.

    Args:
        batch, frames: of the examples in training.
    """

    def __init__(self, batch: int, frames: int) -> None:
        self.batch, self.frames = batch, frames
        self._whole: _Recording | None = None
        self._lossy: _Recording | None = None
        self._works = True

    def run_loop(
        self,
        memory: Memory,
        quantizer: ResidualVectorQuantizer,
        coarse: ResidualVectorQuantizer,
        z: Tensor,
        lags: Tensor,
        depths: Depths,
    ) -> Loop:
        """As `run_loop`."""
        if not self._fits(z) or len(z) != self.batch:
            return run_loop(memory, quantizer, coarse, z, lags, depths)
        sent, sent_coarse = (mask.to(z.device, non_blocking=True) for mask in masks(memory, coarse, depths))
        inputs = (z, lags, depths.has_lag(z.device), sent, sent_coarse)
        if self._whole is None:
            self._whole = self._record(lambda *given: run_masked_loop(memory, quantizer, coarse, *given), inputs)
        return run_loop(memory, quantizer, coarse, z, lags, depths) if self._whole is None else self._whole.run(inputs)

    def run_lossy_loop(self, memory: Memory, loop: Loop, lags: Tensor, has_lag: Tensor, lost: Tensor) -> Loop:
        """As `run_lossy_loop`; fewer examples than a batch are filled up."""
        if not self._fits(lags) or len(lags) > self.batch:
            return run_lossy_loop(memory, loop, lags, has_lag, lost)
        inputs = (loop.entries, lags, has_lag, lost)
        if self._lossy is None:
            self._lossy = self._record(
                lambda entries, *given: run_lossy_loop(memory, Loop(entries, entries, entries), *given), inputs
            )
        return run_lossy_loop(memory, loop, lags, has_lag, lost) if self._lossy is None else self._lossy.run(inputs)

    def _fits(self, x: Tensor) -> bool:
        return self._works and x.device.type == "cuda" and x.shape[1] == self.frames

    def _record(self, work: Callable[..., Loop], inputs: tuple[Tensor, ...]) -> _Recording | None:
        try:
            return _Recording(work, inputs, self.batch)
        except RuntimeError as error:
            log.warning("the loop can't be recorded, so steps take longer: %s", error)
            self._works = False
            return None


class _Recording:
    """A CUDA graph with its inputs and outputs."""

    def __init__(self, work: Callable[..., Loop], inputs: tuple[Tensor, ...], batch: int) -> None:
        self._inputs = tuple(
            torch.zeros(batch, *part.shape[1:], dtype=part.dtype, device=part.device) for part in inputs
        )
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(here)
        with torch.no_grad(), torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                work(*self._inputs)
        here.wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        # Other threads may pin memory meanwhile.
        with torch.no_grad(), torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._found = work(*self._inputs)

    def run(self, inputs: tuple[Tensor, ...]) -> Loop:
        """What `work` gives for these; the next call leaves it alone."""
        size = len(inputs[0])
        for place, part in zip(self._inputs, inputs, strict=True):
            place[:size].copy_(part)
        self._graph.replay()
        found = self._found
        return Loop(*(part[:size].clone() for part in (found.coefficients, found.latents, found.entries)))


def masks(memory: Memory, coarse: ResidualVectorQuantizer, depths: Depths) -> tuple[Tensor, Tensor]:
    """Masks of the layers that examples send.

    `[B, loop_layers − 1]` of those that the loop hears, or `[B, coarse layers]`; 1 where a layer is sent, otherwise 0.
    """
    sent = depths.active[:, None] - 1
    lagged = (depths.active >= depths.from_layers)[:, None]
    fine, few = torch.arange(memory.config.loop_layers - 1), torch.arange(coarse.layers)
    return ((sent > fine) & lagged).float(), ((depths.active[:, None] > few) & ~lagged).float()


@torch.no_grad()
def run_masked_loop(
    memory: Memory,
    quantizer: ResidualVectorQuantizer,
    coarse: ResidualVectorQuantizer,
    z: Tensor,
    lags: Tensor,
    has_lag: Tensor,
    sent: Tensor,
    sent_coarse: Tensor,
) -> Loop:
    """What `run_loop` finds, with `has_lag [B, 1]` and `masks` instead of depths."""
    layers = [(*_scores(quantizer, layer), sent[:, layer : layer + 1]) for layer in range(sent.shape[1])]
    layers += [(*_scores(coarse, layer), sent_coarse[:, layer : layer + 1]) for layer in range(sent_coarse.shape[1])]
    state = memory.initial_state(len(z))
    coefficients, latents, entries = [], [state.latents], []
    for frame in range(z.shape[1]):
        prediction, c, state = memory.step(lags[:, frame], has_lag, state)
        residual = torch.nan_to_num(z[:, frame] - prediction, 0.0, 0.0, 0.0)
        left = residual
        for scores, offsets, book, mask in layers:
            left = torch.addcmul(left, book[torch.addmm(offsets, left, scores).argmax(-1)], mask, value=-1)
        state = state.remember(prediction + residual - left)
        coefficients.append(c)
        latents.append(state.latents)
        entries.append(residual - left)
    return Loop(*(torch.stack(parts, 1) for parts in (coefficients, latents, entries)))


def _scores(quantizer: ResidualVectorQuantizer, layer: int) -> tuple[Tensor, Tensor, Tensor]:
    """A layer's matrix and offsets by which a latent finds its nearest entry, and what the entries add to it."""
    basis, book = quantizer.bases[layer], quantizer.codebooks[layer]
    return basis @ book.t(), -book.square().sum(-1) / 2, book @ basis.t()
