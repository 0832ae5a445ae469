"""The first of two passes over a sound file: its layers are planned, block by block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from lamina.plugin.call.arrays import MAX_CHANNELS
from lamina.plugin.call.effect import Effect
from lamina.plugin.files.blocks import file_blocks
from lamina.plugin.files.sound import open_for_reading
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.stream.two_pass import LayerPlan

Progress = Callable[[float], None]


def halves(progress: Progress | None) -> tuple[Progress | None, Progress | None]:
    """What the first and the second of two passes tell their progress to."""
    if progress is None:
        return None, None
    return lambda share: progress(share / 2), lambda share: progress((1 + share) / 2)


@contextlib.contextmanager
def planned(
    effect: Effect, source: str | Path, progress: Progress | None = None, go_on: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """While this lasts a codec follows a plan for the file; arguments and errors as those of `plan_file`.

    Then it has the plan that it had before. Raises ValueError for an effect that isn't a `NeuralCodec`.
    """
    codec = codec_by_itself(effect)
    before = codec.layer_plan
    codec.layer_plan = plan_file(codec, source, progress, go_on)
    try:
        yield
    finally:
        codec.layer_plan = before


def codec_by_itself(effect: Effect) -> NeuralCodec:
    """The effect, if two passes can be had of it; raises ValueError otherwise."""
    if not isinstance(effect, NeuralCodec):
        raise ValueError("Two passes are for a codec by itself: on a board it hears another sound than the file's.")
    return effect


def plan_file(
    codec: NeuralCodec,
    source: str | Path,
    progress: Progress | None = None,
    go_on: Callable[[], None] = lambda: None,
) -> LayerPlan:
    """What `codec.plan` gives of a whole sound file, of any length.

    Args:
        codec: whose model and settings are used.
        source: the file.
        progress: called with the share done, 0 … 1.
        go_on: called between blocks; what it raises ends it.

    Raises AudioFileError for a file that can't be read, and ValueError as `NeuralCodec.plan` does.
    """
    with open_for_reading(source, MAX_CHANNELS) as file:
        planner, n_read = codec.planner(int(file.samplerate), int(file.num_channels)), 0
        go_on()
        for block in file_blocks(file, source):
            planner.push(block)
            n_read += block.shape[1]
            if progress is not None:
                progress(n_read / int(file.frames))
            go_on()
    return planner.flush()
