"""Effects on blocks that come back at their length, later by a constant.

One after the other, each with what it holds back made up for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.delay import DelayLine
from lamina.plugin.call.arrays import check_beside, check_float_array

LONGEST_LATENCY_SECONDS = 3.0
"""pedalboard's PitchShift takes more than one second."""
SETTLED_SECONDS, LATENT_SETTLED_SECONDS = 0.05, 0.5
"""An effect is believed to hold no more back after so long; one that holds back something may do so in packets."""


class Member(Protocol):
    """One effect's stream of blocks `[channels, n]`."""

    @property
    def latency_samples(self) -> int: ...
    def push(self, block: FloatArray, sidechain: FloatArray | None = None) -> FloatArray: ...
    def reset(self) -> None: ...


class CallStream:
    """An effect that swallows its latency: called without a reset, it gives back fewer samples until then.

    Args:
        call: the effect, on a block.
        reset: makes it forget, and ready for blocks of `block` samples.
        n_channels: channels of every block.
        block: samples of a block; of each one, if the effect holds any back.
        sample_rate: Hz.

    Raises ValueError for an effect that gives back fewer samples for ever.
    """

    def __init__(
        self,
        call: Callable[[FloatArray], FloatArray],
        reset: Callable[[], None],
        n_channels: int,
        block: int,
        sample_rate: int,
    ) -> None:
        self._call, self._reset, self._n_channels = call, reset, n_channels
        self._rate, self._block = sample_rate, block
        self._latency = self._measured()
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Samples by which output lags input."""
        return self._latency

    def reset(self) -> None:
        """Back to the state before the first sample."""
        self._reset()
        # As many samples as are held back at most: then every block is whole, and its delay exact.
        self._held = np.zeros((self._n_channels, self._latency), np.float32)

    def push(self, block: FloatArray, sidechain: FloatArray | None = None) -> FloatArray:
        """As many samples as the block has; there is no use for a side-chain."""
        held = np.concatenate([self._held, self._call(block)], 1)
        missing = block.shape[1] - held.shape[1]
        if missing > 0:
            raise ValueError(f"An effect holds back {missing} samples more than when its latency was measured.")
        out, self._held = held[:, : block.shape[1]], held[:, block.shape[1] :]
        return out

    def _measured(self) -> int:
        """Samples of silence that are missing when no more are missing."""
        self._reset()
        silence = np.zeros((self._n_channels, self._block), np.float32)
        n_missing = most = n_settled = n_pushed = 0
        while n_settled < (LATENT_SETTLED_SECONDS if most else SETTLED_SECONDS) * self._rate:
            n_missing += self._block - self._call(silence).shape[1]
            n_settled = n_settled + self._block if n_missing <= most else 0
            most = max(most, n_missing)
            n_pushed += self._block
            if n_pushed > LONGEST_LATENCY_SECONDS * self._rate + self._block:
                raise ValueError("An effect gives back fewer samples than it takes: its latency can't be told.")
        return most


class BlockStream:
    """Effects in series, on blocks. Made by `Board.stream`.

    Args:
        members: their streams, in order, and whether each needs all blocks to have the same length.
        sample_rate: Hz.
        n_channels: channels of every block.
        block: samples of the longest block, or of each, if one of the members needs that.
    """

    def __init__(self, members: Sequence[tuple[Member, bool]], sample_rate: int, n_channels: int, block: int) -> None:
        self.sample_rate, self.n_channels = sample_rate, n_channels
        self.is_constant = any(is_constant for _, is_constant in members)
        self._members, self._needs_whole_blocks = [m for m, _ in members], [constant for _, constant in members]
        self._block = block
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Samples by which output lags input."""
        return sum(member.latency_samples for member in self._members)

    def reset(self) -> None:
        """Back to the state before the first sample."""
        self._beside: list[DelayLine] = []
        self._n_before: list[int] = []
        before = 0
        for member, is_constant in zip(self._members, self._needs_whole_blocks, strict=True):
            member.reset()
            # A side-chain is as late as what arrives beside it.
            self._beside.append(DelayLine(self.n_channels, before))
            # A codec's frames begin with the sound, not with what the latency before puts in front of it.
            self._n_before.append(0 if is_constant else before)
            before += member.latency_samples
        self._has_sidechain = False

    def push(self, block: FloatArray, sidechain: FloatArray | None = None) -> FloatArray:
        """Pass a block on, and give as many samples, `latency_samples` later.

        Float32 (or float64) `[channels, n]`, n at most `block` (or just that, with native plugins that hold sound
        back), → float32 `[channels, n]`. NaN and infinity count as silence.

        `sidechain`, of the same shape, goes to every codec, aligned with what arrives there; when there is one, give it
        from the first block on. Raises TypeError or ValueError for another type or shape, before any state has changed.
        """
        block = self._checked(block, "The block")
        if sidechain is not None:
            sidechain = self._checked(sidechain, "The side-chain")
            check_beside(sidechain, block)
            self._has_sidechain = True
        if not block.shape[1]:
            return block
        given = np.zeros_like(block) if sidechain is None and self._has_sidechain else sidechain
        out = block
        for index, member in enumerate(self._members):
            beside = None if given is None else self._beside[index].push(given)
            n_silent = min(self._n_before[index], out.shape[1])
            if not n_silent:
                out = member.push(out, beside)
                continue
            self._n_before[index] -= n_silent
            rest = member.push(out[:, n_silent:], None if beside is None else beside[:, n_silent:])
            out = np.concatenate([np.zeros((self.n_channels, n_silent), np.float32), rest], 1)
        return out.copy() if out is block else out

    def flush(self) -> FloatArray:
        """The end: what the latency still holds back, `[channels, latency_samples]`. Then a new stream begins."""
        n_samples, silence = self.latency_samples, np.zeros((self.n_channels, self._block), np.float32)
        parts = [self.push(silence) for _ in range(0, n_samples, self._block)]
        self.reset()
        return np.concatenate([silence[:, :0], *parts], 1)[:, :n_samples]

    def _checked(self, block: FloatArray, what: str) -> FloatArray:
        block = check_float_array(block).astype(np.float32, copy=False)
        n_samples = block.shape[1] if block.ndim == 2 and len(block) == self.n_channels else -1
        if not (n_samples == self._block if self.is_constant else 0 <= n_samples <= self._block):
            allowed = f"{self._block}" if self.is_constant else f"up to {self._block}"
            raise ValueError(f"{what} has the shape {block.shape}; this stream takes [{self.n_channels}, {allowed}].")
        return np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
