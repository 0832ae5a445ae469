"""Rendering a file through an effect: in blocks, with progress, cancellable, and never half written."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.sound_reader import ResampledReader, SoundReader
from lamina.dsp.soundfiles.tags import Tags, read_tags
from lamina.plugin.board import in_stages, unstreamable
from lamina.plugin.call.arrays import MAX_CHANNELS
from lamina.plugin.call.effect import Effect, SideChainEffect
from lamina.plugin.files.blocks import BLOCK_SECONDS, file_blocks
from lamina.plugin.files.planning import codec_by_itself, halves, planned
from lamina.plugin.files.sound import (
    AudioFileError,
    atomic_writer,
    check_encoding,
    check_samples,
    check_target,
    open_for_reading,
)

BUFFER_SIZE = 8192
"""What native plugins get at a time."""
LONGEST_LATENCY_SECONDS = 30.0
MOST_WHOLE_VALUES = 30 * 60 * 48_000 * 2
"""Half an hour of stereo at 48 kHz, which native effects hold about four times: 2.8 GB."""


class RenderCancelled(Exception):  # noqa: N818 - a request that was granted, not an error
    """The caller cancelled; nothing was written."""


@dataclass(frozen=True)
class RenderResult:
    """What rendering a file came to.

    `seconds` of sound in `n_channels` written to `target` in `elapsed` seconds; `trouble` says what was cut off the
    source, and `clipping` how much was clipped, if something was.
    """

    target: Path
    seconds: float
    elapsed: float
    trouble: str = ""
    n_channels: int = 1
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
    keep_tags: bool = True,
    two_pass: bool = False,
) -> RenderResult:
    """Run `source` through `effect` into `target`, at the source's rate, length and channels.

    The effect is a `NeuralCodec` or a `Board`.

    A board with an effect of pedalboard's that can't be streamed (PitchShift, GSMFullRateCompressor) gets the file in
    one piece, which may be half an hour of stereo at 48 kHz long.

    Args:
        effect: is reset before and after.
        source, target: files; the target's suffix chooses its format.
        progress: called with the share done, 0 … 1.
        cancelled: asked before each block, and before an effect that gets everything in one piece; if it says True,
            RenderCancelled is raised.
        sidechain: a file whose codes `cross_layers` lets in; it is resampled to the source's rate, and silence follows
            its end.
        sample_format: of a lossless target: "16" (with dither), "24" (unless said), or "float" (wav only).
        quality: of an mp3, ogg or opus target: kbps as a number, or V0 (best) to V9 for mp3.
        keep_tags: whether the source's tags (title, artist, date …) are kept, and from WAV to WAV its `bext`, `iXML`,
            `cue` and other chunks.
        two_pass: hear the file once before, and give its hard frames more layers than its easy ones
            (`NeuralCodec.plan`); the effect is a `NeuralCodec`.

    Raises AudioFileError before anything is touched if source or target can't be used, and at any time without
    leaving a trace if writing fails; ValueError if there is nothing to be planned.
    """
    started = time.perf_counter()
    goal = check_target(target, source)
    check_encoding(goal, sample_format, quality)
    if two_pass:
        codec_by_itself(effect)
    tags = read_tags(Path(source)) if keep_tags else None
    if unstreamable(effect):
        return _render_whole(effect, source, goal, progress, cancelled, sidechain, sample_format, quality, tags)

    def go_on() -> None:
        if cancelled is not None and cancelled():
            raise RenderCancelled(f"Rendering {goal} was cancelled; nothing was written.")

    first_pass: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
    if two_pass:
        before, progress = halves(progress)
        first_pass = planned(effect, source, before, go_on)
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(open_for_reading(source, MAX_CHANNELS))
        rate, channels, total = int(file.samplerate), int(file.num_channels), int(file.frames)
        read_beside = opened.enter_context(beside(sidechain, rate, channels))
        opened.enter_context(first_pass)
        effect.reset()
        try:
            with atomic_writer(goal, rate, channels, sample_format, quality, tags) as writer:
                for block in _blocks(file, source):
                    go_on()
                    processed = effect.process_channels(block, rate, BUFFER_SIZE, False, **read_beside(block.shape[1]))
                    writer.write(processed[:, : total - writer.n_written])
                    if progress is not None:
                        progress(min(1.0, writer.n_written / total))
                    if writer.n_written == total:
                        break
                else:
                    raise _comes_too_late(source)
        finally:
            effect.reset()
        trouble = file.trouble
    return RenderResult(goal, total / rate, time.perf_counter() - started, trouble, channels, writer.clipping)


def _render_whole(
    effect: Effect,
    source: str | Path,
    goal: Path,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
    sidechain: str | Path | None,
    sample_format: str | None,
    quality: str | None,
    tags: Tags | None,
) -> RenderResult:
    """As `render_file`, in memory and stage by stage.

    Each stage hears the whole piece; those that can be streamed get it in blocks.
    """
    started = time.perf_counter()
    stages = in_stages(effect)

    def go_on(n_done: int, share: float) -> None:
        """Before each step: so many of reading and the stages are done, and a share of the next."""
        if cancelled is not None and cancelled():
            raise RenderCancelled(f"Rendering {goal} was cancelled; nothing was written.")
        if progress is not None and n_done + share:
            progress((n_done + share) / (len(stages) + 1))

    with contextlib.ExitStack() as opened:
        file = opened.enter_context(open_for_reading(source, MAX_CHANNELS))
        rate, channels, total = int(file.samplerate), int(file.num_channels), int(file.frames)
        read_beside = opened.enter_context(beside(sidechain, rate, channels))
        if total * channels > MOST_WHOLE_VALUES:
            raise AudioFileError(
                f"{source} is {total / rate / 60:.0f} minutes long, too long for {' and '.join(unstreamable(effect))}, "
                f"which can't be streamed: at most {MOST_WHOLE_VALUES / channels / rate / 60:.0f} minutes fit in one "
                "piece. Cut it, or take the effect off the board."
            )
        effect.reset()
        try:
            with atomic_writer(goal, rate, channels, sample_format, quality, tags) as writer:
                sound = np.zeros((channels, total), np.float32)
                n_read = 0
                for block in file_blocks(file, source):
                    go_on(0, n_read / total)
                    sound[:, n_read : n_read + block.shape[1]] = block
                    n_read += block.shape[1]
                with_it = read_beside(total)
                for index, stage in enumerate(stages, 1):
                    given = with_it if isinstance(stage, SideChainEffect) else {}
                    if unstreamable(stage):
                        go_on(index, 0.0)
                        sound = stage.process_channels(sound, rate, BUFFER_SIZE, True, **given)
                    else:
                        sound = _in_blocks(stage, sound, rate, given, partial(go_on, index), source)
                writer.write(sound)
                if progress is not None:
                    progress(1.0)
        finally:
            effect.reset()
        trouble = file.trouble
    return RenderResult(goal, total / rate, time.perf_counter() - started, trouble, channels, writer.clipping)


def _in_blocks(
    stage: Effect,
    sound: FloatArray,
    rate: int,
    beside: dict[str, FloatArray],
    go_on: Callable[[float], None],
    source: str | Path,
) -> FloatArray:
    """A whole piece, compensated, through a stage that can be streamed; `go_on` is told the share before each block."""
    result, n_done, total = np.empty_like(sound), 0, sound.shape[1]
    size = max(1, int(rate * BLOCK_SECONDS))
    stage.reset()
    for start in range(0, total + int(LONGEST_LATENCY_SECONDS * rate), size):
        go_on(n_done / total)
        block, *others = (_block(whole, start, size) for whole in (sound, *beside.values()))
        out = stage.process_channels(block, rate, BUFFER_SIZE, False, **dict(zip(beside, others, strict=True)))
        out = out[:, : total - n_done]
        result[:, n_done : n_done + out.shape[1]] = out
        n_done += out.shape[1]
        if n_done == total:
            stage.reset()
            return result
    raise _comes_too_late(source)


def _block(whole: FloatArray, start: int, size: int) -> FloatArray:
    """`size` samples from `start` on, silence behind the end."""
    block = whole[:, start : start + size]
    return np.pad(block, ((0, 0), (0, size - block.shape[1])))


def _comes_too_late(source: str | Path) -> AudioFileError:
    return AudioFileError(
        f"{source} does not come out of the effects: their latency is beyond {LONGEST_LATENCY_SECONDS:g} s."
    )


@contextlib.contextmanager
def beside(path: str | Path | None, sample_rate: int, n_channels: int) -> Iterator[Callable[[int], dict[str, Any]]]:
    """A function that reads on in a side-chain, as what an effect is called with: nothing if there is no side-chain.

    What it reads has the rate and channels of the sound that it goes with.
    """
    if path is None:
        yield lambda n_samples: {}
        return
    with open_for_reading(path, MAX_CHANNELS) as file:
        stream = ResampledReader(file, sample_rate)

        def read(n_samples: int) -> dict[str, Any]:
            block = stream.read(n_samples)
            check_samples(block, path)
            if len(block) != n_channels:
                block = np.repeat(block.mean(0, keepdims=True, dtype=np.float32), n_channels, 0)
            return {"sidechain": np.pad(block, ((0, 0), (0, n_samples - block.shape[1])))}

        yield read


def _blocks(file: SoundReader, source: str | Path) -> Iterator[FloatArray]:
    """The file in blocks, then silence for as long as any sensible latency lasts."""
    yield from file_blocks(file, source)
    size = max(1, int(file.samplerate * BLOCK_SECONDS))
    for _ in range(1 + int(LONGEST_LATENCY_SECONDS / BLOCK_SECONDS)):
        yield np.zeros((file.num_channels, size), np.float32)
