"""Rendering a file through an effect: in blocks, with progress, cancellable, and never half written."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lamina.dsp.soundfiles.sound_reader import ResampledReader, SoundReader
from lamina.plugin.call.arrays import MAX_CHANNELS, FloatArray
from lamina.plugin.call.effect import Effect
from lamina.plugin.files.sound import (
    AudioFileError,
    atomic_writer,
    check_encoding,
    check_samples,
    check_target,
    open_for_reading,
)

BLOCK_SECONDS = 2.0
BUFFER_SIZE = 8192
"""What native plugins get at a time."""
LONGEST_LATENCY_SECONDS = 30.0


class RenderCancelled(Exception):  # noqa: N818 - a request that was granted, not an error
    """The caller cancelled; nothing was written."""


@dataclass(frozen=True)
class RenderResult:
    """`seconds` of sound written to `target` in `elapsed` seconds; `trouble` says what was cut off the source, and
    `clipping` how much was clipped, if something was.
    """

    target: Path
    seconds: float
    elapsed: float
    trouble: str = ""
    clipping: str = ""


def render_file(
    effect: Effect,
    source: str | Path,
    target: str | Path,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    sidechain: str | Path | None = None,
    sample_format: str | None = None,
    quality: str | None = None,
) -> RenderResult:
    """Run `source` through `effect` (a `NeuralCodec` or a `Board`) into `target`, at the source's rate, length and
    channels.

    Args:
        effect: is reset before and after.
        source, target: files; the target's suffix chooses its format.
        progress: called with the share done, 0 … 1.
        cancelled: asked before each block; if it says True, RenderCancelled is raised.
        sidechain: a file whose codes `cross_layers` lets in; it is resampled to the source's rate, and silence follows
            its end.
        sample_format: of a lossless target: "16" (with dither), "24" (unless said), or "float" (wav only).
        quality: of an mp3 or ogg target: kbps as a number, or V0 (best) to V9 for mp3.

    Raises AudioFileError before anything is touched if source or target can't be used, and at any time without
    leaving a trace if writing fails.
    """
    started = time.perf_counter()
    goal = check_target(target, source)
    check_encoding(goal, sample_format, quality)
    with open_for_reading(source, MAX_CHANNELS) as file, _beside(sidechain, file) as read_beside:
        rate, channels, total = int(file.samplerate), int(file.num_channels), int(file.frames)
        effect.reset()
        try:
            with atomic_writer(goal, rate, channels, sample_format, quality) as writer:
                for block in _blocks(file, source):
                    if cancelled is not None and cancelled():
                        raise RenderCancelled(f"Rendering {goal} was cancelled; nothing was written.")
                    processed = effect.process_channels(block, rate, BUFFER_SIZE, False, **read_beside(block.shape[1]))
                    writer.write(processed[:, : total - writer.n_written])
                    if progress is not None:
                        progress(min(1.0, writer.n_written / total))
                    if writer.n_written == total:
                        break
                else:
                    raise AudioFileError(
                        f"{source} does not come out of the effects: their latency is beyond "
                        f"{LONGEST_LATENCY_SECONDS:g} s."
                    )
        finally:
            effect.reset()
        trouble = file.trouble
    return RenderResult(goal, total / rate, time.perf_counter() - started, trouble, writer.clipping)


@contextlib.contextmanager
def _beside(path: str | Path | None, main: SoundReader) -> Iterator[Callable[[int], dict[str, Any]]]:
    """A function that reads on in a side-chain, as what an effect is called with: nothing if there is no side-chain."""
    if path is None:
        yield lambda n_samples: {}
        return
    with open_for_reading(path, MAX_CHANNELS) as file:
        stream, n_channels = ResampledReader(file, main.samplerate), main.num_channels

        def read(n_samples: int) -> dict[str, Any]:
            block = stream.read(n_samples)
            check_samples(block, path)
            if len(block) != n_channels:
                block = np.repeat(block.mean(0, keepdims=True, dtype=np.float32), n_channels, 0)
            return {"sidechain": np.pad(block, ((0, 0), (0, n_samples - block.shape[1])))}

        yield read


def _blocks(file: SoundReader, source: str | Path) -> Iterator[FloatArray]:
    """The file in blocks, then silence for as long as any sensible latency lasts."""
    rate, total = int(file.samplerate), int(file.frames)
    size = max(1, int(rate * BLOCK_SECONDS))
    while file.tell() < total:
        position = file.tell()
        block = file.read(min(size, total - position))
        if block.shape[1] == 0:
            raise AudioFileError(
                f"{source} ends at {position / rate:.1f} s, but its header promises {total / rate:.1f} s: it is "
                "damaged."
            )
        check_samples(block, source, position)
        yield block
    for _ in range(1 + int(LONGEST_LATENCY_SECONDS / BLOCK_SECONDS)):
        yield np.zeros((file.num_channels, size), np.float32)
