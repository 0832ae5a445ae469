"""An effect that swallows its latency as a stream that delays by it: blocks in, as long blocks out."""

from __future__ import annotations

import numpy as np

from lamina.plugin.call.arrays import FloatArray, check_float_array
from lamina.plugin.call.effect import SideChainEffect


class BlockStream:
    """A stream through an effect whose one state it uses: while it is played nobody else calls the effect.

    Args:
        effect: called with `reset=False`, it gives back fewer samples until its latency is swallowed.
        sample_rate: Hz.
        n_channels: channels of every block.
        block: samples of the longest block.
        latency_samples: most samples that the effect ever holds back.
    """

    def __init__(
        self, effect: SideChainEffect, sample_rate: int, n_channels: int, block: int, latency_samples: int
    ) -> None:
        self.sample_rate, self.n_channels, self.latency_samples = sample_rate, n_channels, latency_samples
        self._effect, self._block = effect, block
        self.reset()

    def reset(self) -> None:
        """Back to the state before the first sample."""
        self._effect.reset()
        # As many samples as are held back at most: then every block is whole, and its delay exact.
        self._held = np.zeros((self.n_channels, self.latency_samples), np.float32)

    def push(self, block: FloatArray, sidechain: FloatArray | None = None) -> FloatArray:
        """Float32 (or float64) `[channels, n]`, n at most as long as the longest block, → float32 `[channels, n]`,
        `latency_samples` later. NaN and infinity count as silence.

        Raises TypeError or ValueError for another type or shape, before any state has changed.
        """
        block = self._checked(block, "The block")
        beside = None
        if sidechain is not None:
            beside = self._checked(sidechain, "The side-chain")
            if beside.shape != block.shape:
                raise ValueError(
                    f"The side-chain has the shape {beside.shape}, the block {block.shape}; they must be equally long."
                )
        if not block.shape[1]:
            return block
        return self._pushed(block, beside)

    def flush(self) -> FloatArray:
        """The end: what the latency still holds back, `[channels, latency_samples]`. Then a new stream begins."""
        parts = [
            self._pushed(np.zeros((self.n_channels, min(self._block, self.latency_samples - start)), np.float32), None)
            for start in range(0, self.latency_samples, self._block)
        ]
        self.reset()
        return np.concatenate([np.zeros((self.n_channels, 0), np.float32), *parts], 1)

    def _pushed(self, block: FloatArray, beside: FloatArray | None) -> FloatArray:
        out = self._effect.process_channels(block, self.sample_rate, self._block, False, beside)
        held = np.concatenate([self._held, out], 1)
        n_samples = block.shape[1]
        if held.shape[1] < n_samples:
            raise ValueError(
                f"An effect holds back {n_samples - held.shape[1]} samples more than when its latency was measured."
            )
        result, self._held = held[:, :n_samples], held[:, n_samples:]
        return result

    def _checked(self, block: FloatArray, what: str) -> FloatArray:
        block = check_float_array(block).astype(np.float32, copy=False)
        if block.ndim != 2 or len(block) != self.n_channels or block.shape[1] > self._block:
            raise ValueError(
                f"{what} has the shape {block.shape}; this stream takes [{self.n_channels}, up to {self._block}]."
            )
        return np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
