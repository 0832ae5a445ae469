"""How much a graph in ONNX Runtime is given at once: only as much as was tried when its model was opened.

How long a graph takes may depend on how many frames and channels it is given, and in any way: one that takes a moment
for ten frames may take hours for eleven. So calls are cut into pieces of a few sizes, each of which can be tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

CHANNELS = (2, 1)
FRAMES = (64, 16, 4, 1)
ROWS = (64, 16, 4, 2, 1)
"""Sizes of pieces, of latents without an order: as many as there are frames and channels together."""

State = list[FloatArray]
Run = Callable[[slice, slice, State], tuple[FloatArray, State]]


def pieces(n: int, sizes: tuple[int, ...]) -> Iterator[slice]:
    """Cut 0 … n into the fewest pieces of these sizes, which descend to 1."""
    start = 0
    for size in sizes:
        while n - start >= size:
            yield slice(start, start + size)
            start += size


def streamed(run: Run, n_channels: int, n_frames: int, state: State) -> tuple[FloatArray, State]:
    """Run a graph with a state piece by piece, one after the other.

    Args:
        run: takes some of the channels, some of the frames and these channels' state, and gives what the graph makes of
            them, `[channels, …]`, and the state after it.
        n_channels, n_frames: of the call, at least one of each.
        state: of all channels.
    """
    parts, after = [], []
    for channels in pieces(n_channels, CHANNELS):
        left, came = [array[channels] for array in state], []
        for frames in pieces(n_frames, FRAMES):
            made, left = run(channels, frames, left)
            came.append(made)
        parts.append(joined(came, 1))
        after.append(left)
    return joined(parts), [joined(arrays) for arrays in map(list, zip(*after, strict=True))]


def joined(parts: list[npt.NDArray[Any]], axis: int = 0) -> npt.NDArray[Any]:
    """Pieces one after the other, of which there is at least one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)
