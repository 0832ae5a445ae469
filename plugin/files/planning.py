"""The first of two passes over a sound file: its layers are planned, block by block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from lamina.plugin.call.arrays import MAX_CHANNELS
from lamina.plugin.call.effect import Effect
from lamina.plugin.files.sound import AudioFileError, check_samples, open_for_reading
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.stream.two_pass import LayerPlan

BLOCK_SECONDS = 2.0

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
        go_on: called before each block; what it raises ends it.

    Raises AudioFileError for a file that can't be read, and ValueError as `NeuralCodec.plan` does.
    """
    with open_for_reading(source, MAX_CHANNELS) as file:
        rate, total, position = int(file.samplerate), int(file.frames), 0
        planner = codec.planner(rate, int(file.num_channels))
        size = max(1, int(rate * BLOCK_SECONDS))
        while position < total:
            go_on()
            block = file.read(min(size, total - position))
            if block.shape[1] == 0:
                raise AudioFileError(
                    f"{source} ends at {position / rate:.1f} s, but its header promises {total / rate:.1f} s: it is "
                    "damaged."
                )
            check_samples(block, source, position)
            planner.push(block)
            position += block.shape[1]
            if progress is not None:
                progress(position / total)
    return planner.flush()
