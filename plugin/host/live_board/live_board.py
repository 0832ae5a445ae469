"""A board as a live stream: blocks of a constant length in, the same length out.

They come later by exactly the sum of the effects' latencies.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.board import Board
from lamina.plugin.call.arrays import check_buffer_size, check_channels, check_sample_rate
from lamina.plugin.call.effect_list import effects_in, refuse_duplicates
from lamina.plugin.host.live_board.slot import Slot
from lamina.plugin.stream.reports import FrameReport

SHORTEST_BLOCK = 16
"""Shorter blocks might be taken for `[samples, channels]`."""


class LiveBoard:
    """Runs a board's effects one by one, so that one that fails is bypassed and the rest goes on.

    Args:
        board: its effects as they stand now. Nested boards and `pedalboard.Pedalboard`s are opened up, native `Chain`
            and `Mix` stay one effect. To add or take away effects, build another LiveBoard. Parameters of the effects
            may be set while they play.
        sample_rate: Hz.
        n_channels: 1 or 2.
        block: samples of every block, 16 or more.
        on_trouble: called with a sentence for the user when an effect fails, on the thread that pushes; it must be
            quick.
        stall_seconds: an effect that takes longer for one block has failed.

    `slots` are the effects in order, `latency_samples` is the sum of their latencies. An effect other than a codec has
    one state: the LiveBoard that was built or reset last plays it, and an older one that still runs goes over to its
    delayed input there.

    Raises TypeError or ValueError for arguments out of range and for an effect that stands on the board twice.
    """

    def __init__(
        self,
        board: Board,
        sample_rate: int,
        n_channels: int,
        block: int,
        on_trouble: Callable[[str], None] | None = None,
        stall_seconds: float = 0.15,
    ) -> None:
        self.sample_rate, self.n_channels, self.block = (
            check_sample_rate(sample_rate),
            check_channels(n_channels),
            check_buffer_size(block),
        )
        if self.n_channels > 2:
            raise ValueError(f"n_channels is {n_channels}; a live board has 1 or 2.")
        if self.block < SHORTEST_BLOCK:
            raise ValueError(f"block is {block}; choose at least {SHORTEST_BLOCK} samples.")
        effects = effects_in(board)
        refuse_duplicates(effects)
        self.slots = tuple(
            Slot(effect, self.sample_rate, self.n_channels, self.block, on_trouble, stall_seconds) for effect in effects
        )
        self.latency_samples = sum(slot.latency_samples for slot in self.slots)

    def push(self, block: FloatArray) -> FloatArray:
        """The next block through the board, `latency_samples` later.

        Float32 `[n_channels, block]` in and out; NaN and infinity in the input count as silence.

        Never raises what an effect raises, and never returns NaN or infinity. Raises ValueError for another shape.
        """
        if block.shape != (self.n_channels, self.block):
            raise ValueError(
                f"The block has the shape {block.shape}; this board takes {(self.n_channels, self.block)}."
            )
        out = _finite(block.astype(np.float32))
        for slot in self.slots:
            out = slot.push(out)
        return _finite(out)

    def take_reports(self) -> list[tuple[int, FrameReport]]:
        """The reports of every codec frame since the last call.

        As (index of the slot, report), slot by slot. Call it on the thread that pushes.
        """
        return [(index, report) for index, slot in enumerate(self.slots) for report in slot.take_reports()]

    def reset(self) -> None:
        """Back to the state before the first sample. Not while another thread pushes."""
        for slot in self.slots:
            slot.reset()


def _finite(samples: FloatArray) -> FloatArray:
    return samples if np.isfinite(samples).all() else np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
