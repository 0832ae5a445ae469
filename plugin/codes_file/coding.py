"""Sound files to `.lamina` files and back: in blocks, with progress, cancellable, never half written, of any length."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lamina.plugin.codes_file.codes import MAX_CODE_CHANNELS
from lamina.plugin.codes_file.header import ContainerError
from lamina.plugin.codes_file.reader import CodesReader, open_codes
from lamina.plugin.codes_file.writer import check_codes_target, codes_writer
from lamina.plugin.files.blocks import file_blocks
from lamina.plugin.files.planning import halves, planned
from lamina.plugin.files.render import RenderCancelled, RenderResult
from lamina.plugin.files.sound import (
    atomic_writer,
    check_target,
    open_for_reading,
)
from lamina.plugin.stream.decoder import check_layers_are_sent

if TYPE_CHECKING:
    from lamina.plugin.neural_codec import NeuralCodec

Progress = Callable[[float], None]


def encode_file(
    codec: NeuralCodec,
    source: str | Path,
    target: str | Path,
    entropy: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    two_pass: bool = False,
) -> RenderResult:
    """Encode a sound file as a `.lamina` file, with the settings as they stand.

    It is the file that `write_codes` makes of what `codec.encode` gives of the whole sound.

    Args:
        codec: whose model and settings are used.
        source, target: files; the target's name ends in .lamina.
        entropy: make it a few percent shorter, in blocks of ten seconds.
        progress: called with the share done, 0 … 1.
        cancelled: asked before each block; if it says True, RenderCancelled is raised.
        two_pass: hear the file once before, and give its hard frames more layers than its easy ones.

    Raises AudioFileError or ContainerError before anything is touched if source or target can't be used, and at any
    time without leaving a trace.
    """
    started = time.perf_counter()
    goal = check_codes_target(target)
    first_pass: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
    if two_pass:
        before, progress = halves(progress)
        first_pass = planned(codec, source, before, lambda: _stop_if(cancelled, f"Encoding {goal}"))
    with first_pass, open_for_reading(source, MAX_CODE_CHANNELS) as file:
        rate, total = int(file.samplerate), int(file.frames)
        encoder = codec.encoder(rate, int(file.num_channels))
        n_read = 0
        with codes_writer(goal, entropy) as writer:
            for block in file_blocks(file, source):
                _stop_if(cancelled, f"Encoding {goal}")
                writer.write(encoder.push(block))
                n_read += block.shape[1]
                if progress is not None:
                    progress(n_read / total)
            writer.write(encoder.flush())
        trouble = file.trouble
    return RenderResult(goal, total / rate, time.perf_counter() - started, trouble, encoder.n_channels)


def decode_file(
    codec: NeuralCodec,
    source: str | Path | CodesReader,
    target: str | Path,
    sample_rate: int | None = None,
    layers: int | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> RenderResult:
    """Decode a `.lamina` file to a sound file, with the settings as they stand: what `codec.decode` gives of all of it.

    Args:
        codec: of the model that the file was made with.
        source: a file, or one that `open_codes` has opened and nobody has read yet.
        target: its suffix chooses the format.
        sample_rate: of the result, Hz; None for that of the sound that was encoded.
        layers: how many layers of each frame are played; None for all.
        progress: called with the share done, 0 … 1.
        cancelled: asked before each stretch; if it says True, RenderCancelled is raised.

    The result's `trouble` tells what of the file could not be read. Raises AudioFileError, ContainerError or ValueError
    before anything is touched if something can't be used, and at any time without leaving a trace.
    """
    started = time.perf_counter()
    goal = check_target(target, None if isinstance(source, CodesReader) else source)
    with contextlib.nullcontext(source) if isinstance(source, CodesReader) else open_codes(source) as file:
        header = file.header
        if layers is not None:
            check_layers_are_sent(layers, header.layers)
        decoder = codec.decoder(sample_rate or header.sample_rate, layers)
        rate = decoder.sample_rate or header.sample_rate
        n_samples = round(header.n_samples * rate / header.sample_rate)
        if not n_samples:
            raise ContainerError("It holds no sound: there is nothing to write.")
        done = 0
        parts = iter(file)
        # Codes of another model are refused before anything is written.
        first = decoder.push(next(parts))
        with atomic_writer(goal, rate, header.n_channels) as writer:
            writer.write(first)
            for codes in parts:
                _stop_if(cancelled, f"Decoding {goal}")
                writer.write(decoder.push(codes))
                done += codes.n_frames
                if progress is not None:
                    progress(done / header.frames)
            writer.write(decoder.flush())
            if progress is not None:
                progress(1.0)
        trouble = str(file.damage)
    elapsed = time.perf_counter() - started
    return RenderResult(goal, n_samples / rate, elapsed, trouble, header.n_channels, writer.clipping)


def _stop_if(cancelled: Callable[[], bool] | None, what: str) -> None:
    if cancelled is not None and cancelled():
        raise RenderCancelled(f"{what} was cancelled; nothing was written.")
