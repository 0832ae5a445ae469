"""A rival on blocks: any length and rate in, the same out, later by a constant that is known beforehand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.bridge import FrameBridge
from lamina.plugin.call.arrays import check_float_array
from lamina.plugin.rivals.coding.coder import Coder


class RivalStream:
    """One live stream. Made by `StreamedRival.stream`.

    Args:
        make: makes the coders with fresh state: one for all channels, or one for each.
        sample_rate: of the blocks, Hz.
        n_channels: of the blocks.
        block: the host's constant block length, for the least latency; None if blocks vary.
    """

    def __init__(
        self, make: Callable[[], list[Coder]], sample_rate: int, n_channels: int, block: int | None = None
    ) -> None:
        self.sample_rate, self.n_channels = sample_rate, n_channels
        self._make, self._block = make, block
        self.reset()

    def reset(self) -> None:
        """Back to the state before the first sample."""
        self._coders = self._make()
        one = self._coders[0]
        self._bridge = FrameBridge(self.n_channels, self.sample_rate, one.rate, one.frame, one.delay, self._block)

    @property
    def latency_samples(self) -> int:
        """Samples by which output lags input."""
        return self._bridge.latency_samples

    @property
    def n_bits(self) -> int:
        """Bits made so far, of all channels."""
        return sum(coder.n_bits for coder in self._coders)

    @property
    def kbps(self) -> float:
        """Bits really made per second, in thousands, of all channels."""
        return sum(coder.kbps for coder in self._coders)

    def push(self, block: FloatArray, sidechain: FloatArray | None = None) -> FloatArray:
        """Float32 (or float64) `[channels, n]` in, float32 `[channels, n]` out; there is no use for a side-chain.

        NaN and infinity in a live input count as silence. Raises TypeError or ValueError for another type or shape,
        before any state has changed.
        """
        block = check_float_array(block).astype(np.float32, copy=False)
        if block.ndim != 2 or len(block) != self.n_channels:
            raise ValueError(f"The block has the shape {block.shape}; this stream takes [{self.n_channels}, samples].")
        if not np.isfinite(block).all():
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        frames = self._bridge.take(block)
        if frames.shape[1]:
            together = self.n_channels // len(self._coders)
            coded = [
                coder.push(frames[first : first + together])
                for first, coder in zip(range(0, self.n_channels, together), self._coders, strict=True)
            ]
            frames = np.concatenate(coded)
        return self._bridge.give(frames, block.shape[1])
