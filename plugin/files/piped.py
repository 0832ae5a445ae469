"""Sound that comes through a pipe and goes into one: WAV whose length nobody knows yet, or bare samples.

Nothing is held but what is being computed, so a pipe may run for as long as it likes.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, get_args

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.wav_header import EXTENSIBLE, FLOAT, PCM, UNKNOWN_SIZES
from lamina.plugin.call.arrays import (
    HIGHEST_RATE,
    LOWEST_RATE,
    MAX_CHANNELS,
    check_channels,
    check_sample_rate,
    refuse_non_finite,
)
from lamina.plugin.call.effect import Effect
from lamina.plugin.files.blocks import BLOCK_SECONDS
from lamina.plugin.files.render import (
    BUFFER_SIZE,
    LONGEST_LATENCY_SECONDS,
    RenderCancelled,
    RenderResult,
    beside,
)
from lamina.plugin.files.sound import (
    AudioFileError,
    atomic_writer,
    check_encoding,
    check_samples,
    check_target,
    open_for_reading,
)

SampleFormat = Literal["s16", "s24", "s32", "f32"]
SAMPLE_FORMATS: tuple[SampleFormat, ...] = get_args(SampleFormat)
BYTES_AT_ONCE = 1 << 16
"""A pipe gives no more at a time on Linux; what is there is computed at once, so that it can be heard."""
LARGEST_CHUNK = 1 << 24
"""What may stand before the sound in a header, pictures included."""
STDIN, STDOUT = "Standard input", "Standard output"


@dataclass(frozen=True)
class RawSound:
    """How bare samples are stored: little-endian, a sample of every channel after the other.

    Args:
        sample_rate: Hz, 8000 … 192000.
        n_channels: 1 … 8.
        format: s16, s24 and s32 are integers of so many bits, f32 are floats.
    """

    sample_rate: int
    n_channels: int
    format: SampleFormat = "f32"


class Blocks(Protocol):
    """Sound that is read in blocks; `trouble` tells afterwards what was missing."""

    sample_rate: int
    n_channels: int
    trouble: str

    def __iter__(self) -> Iterator[FloatArray]:
        """Blocks of float32 `[channels, n]`."""


class Sink(Protocol):
    """What takes blocks of float32 `[channels, n]`."""

    def write(self, block: FloatArray) -> None:
        """Append a block."""


class PipeReader:
    """Sound out of a pipe, in blocks as they come.

    Args:
        pipe: a stream of bytes, of which nothing has been read.
        raw: how samples are stored if there is no header; None for WAV.

    Raises AudioFileError if it is no WAV, or one of a kind that can't be read.
    """

    def __init__(self, pipe: BinaryIO, raw: RawSound | None = None) -> None:
        self._pipe = pipe
        self._left: int | None = None
        self.trouble = ""
        if raw is not None:
            self.sample_rate, self.n_channels = check_sample_rate(raw.sample_rate), check_channels(raw.n_channels)
            self._format: str = raw.format
        else:
            self._read_header()
        self._frame_bytes = _BYTES[self._format] * self.n_channels

    def __iter__(self) -> Iterator[FloatArray]:
        rest, n_read = b"", 0
        while self._left is None or self._left > 0:
            # read1: what is there now, instead of waiting until so much has come.
            data = _read1(self._pipe, BYTES_AT_ONCE if self._left is None else min(BYTES_AT_ONCE, self._left))
            if not data:
                break
            if self._left is not None:
                self._left -= len(data)
            rest += data
            n_bytes = len(rest) - len(rest) % self._frame_bytes
            if not n_bytes:
                continue
            samples = _floats(rest[:n_bytes], self._format).reshape(-1, self.n_channels).T
            rest = rest[n_bytes:]
            try:
                refuse_non_finite(samples, n_read)
            except ValueError as error:
                raise AudioFileError(f"{STDIN}: {error}") from error
            n_read += samples.shape[1]
            yield np.ascontiguousarray(samples)
        if n_read == 0:
            raise AudioFileError(f"{STDIN} holds no sound.")
        if self._left:
            missing = self._left / self._frame_bytes / self.sample_rate
            self.trouble = f"The sound was cut off: its last {missing:.2f} s did not come."

    def _read_header(self) -> None:
        head = _read_all(self._pipe, 12)
        if not head:
            raise AudioFileError(f"{STDIN} is empty.")
        if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            raise AudioFileError(
                f"{STDIN} is no WAV. Send WAV (ffmpeg -f wav -), or say how bare samples are stored: --rate, "
                "--channels, --format."
            )
        form, size_64 = b"", 0
        while True:
            chunk = _read_all(self._pipe, 8)
            if len(chunk) < 8:
                raise AudioFileError(f"{STDIN} is a WAV that ends before its sound begins.")
            name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
            if name == b"data":
                break
            if size > LARGEST_CHUNK:
                raise AudioFileError(f"{STDIN} is a WAV with a header of more than {LARGEST_CHUNK >> 20} MB.")
            content = _read_all(self._pipe, size + size % 2)
            if name == b"fmt ":
                form = content
            elif name == b"ds64":
                size_64 = int.from_bytes(content[8:16], "little")
        self._take_form(form)
        if size == 0xFFFF_FFFF and size_64:
            size = size_64
            self._left = size
        else:
            # What writes to a pipe can't know its length; programs differ in what they say instead.
            self._left = None if size == 0 or size >= UNKNOWN_SIZES else size

    def _take_form(self, form: bytes) -> None:
        if len(form) < 16:
            raise AudioFileError(f"{STDIN} is a WAV that doesn't say how its sound is stored.")
        tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", form[:16])
        if tag == EXTENSIBLE and len(form) >= 26:
            tag = int.from_bytes(form[24:26], "little")
        found = _OF_WAV.get((tag, bits))
        if found is None:
            raise AudioFileError(
                f"{STDIN} is a WAV of {bits} bits (kind {tag}); PCM of 8, 16, 24 and 32 bits and floats of 32 and 64 "
                "are read from a pipe."
            )
        if not 1 <= channels <= MAX_CHANNELS or not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise AudioFileError(
                f"{STDIN} has {channels} channels at {rate} Hz; 1 to {MAX_CHANNELS} channels at {LOWEST_RATE} to "
                f"{HIGHEST_RATE} Hz are supported."
            )
        self.sample_rate, self.n_channels, self._format = rate, channels, found


class PipeWriter:
    """Sound into a pipe: WAV that says that its length is unknown, or bare samples.

    Args:
        pipe: where bytes go.
        sample_rate, n_channels: of the sound.
        format: how samples are stored; integers are clipped at full scale.
        is_raw: whether to leave the header out.
    """

    def __init__(
        self, pipe: BinaryIO, sample_rate: int, n_channels: int, format: SampleFormat = "s24", is_raw: bool = False
    ) -> None:
        self._pipe, self._format = pipe, format
        if not is_raw:
            pipe.write(_wav_header(sample_rate, n_channels, format))

    def write(self, block: FloatArray) -> None:
        """Append a block, and send it."""
        self._pipe.write(_bytes(block, self._format))
        self._pipe.flush()


class FileReader:
    """A sound file in blocks."""

    def __init__(self, file: Any, path: Path, progress: Callable[[float], None] | None) -> None:
        self._file, self._path, self._progress = file, path, progress
        self.sample_rate, self.n_channels = int(file.samplerate), int(file.num_channels)
        self.trouble = ""

    def __iter__(self) -> Iterator[FloatArray]:
        file, position = self._file, 0
        size = max(1, int(self.sample_rate * BLOCK_SECONDS))
        while (block := file.read(size)).shape[1]:
            check_samples(block, self._path, position)
            position += block.shape[1]
            if self._progress is not None:
                self._progress(min(1.0, position / file.frames))
            yield block
        if position < file.frames:
            raise AudioFileError(
                f"{self._path} ends at {position / self.sample_rate:.1f} s, earlier than its header promises: it is "
                "damaged."
            )
        self.trouble = file.trouble


def render_piped(
    effect: Effect,
    source: Path | BinaryIO,
    target: Path | BinaryIO,
    raw: RawSound | None = None,
    format: SampleFormat | None = None,
    is_raw: bool = False,
    sidechain: Path | None = None,
    progress: Callable[[float], None] | None = None,
    sample_format: str | None = None,
    quality: str | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> RenderResult:
    """Run sound through an effect where source, target or both are pipes; see `render_file` for two files.

    Args:
        effect: is reset before and after.
        source, target: a file's path, or a stream of bytes.
        raw: how samples of a source without a header are stored.
        format: how samples go into a pipe; None for 24 bits with a header, floats without.
        is_raw: whether a target that is a pipe gets no header.
        sidechain: as in `render_file`.
        progress: called with the share done, 0 … 1, of a source that is a file.
        sample_format, quality: of a target that is a file, as in `render_file`.
        cancelled: asked before each block; if it says True, RenderCancelled is raised.

    Raises AudioFileError as `render_file` does, BrokenPipeError if nobody reads the target any more.
    """
    started = time.perf_counter()
    if isinstance(source, Path):
        goal = check_target(target, source) if isinstance(target, Path) else target
        if isinstance(goal, Path):
            check_encoding(goal, sample_format, quality)
        with open_for_reading(source, MAX_CHANNELS) as file:
            reader: Blocks = FileReader(file, source, progress)
            n_samples = _into(effect, reader, goal, format, is_raw, sidechain, sample_format, quality, cancelled)
    else:
        reader = PipeReader(source, raw)
        goal = check_target(target) if isinstance(target, Path) else target
        n_samples = _into(effect, reader, goal, format, is_raw, sidechain, sample_format, quality, cancelled)
    where = goal if isinstance(goal, Path) else Path("-")
    seconds = n_samples / reader.sample_rate
    return RenderResult(where, seconds, time.perf_counter() - started, reader.trouble, reader.n_channels)


def _into(
    effect: Effect,
    reader: Blocks,
    target: Path | BinaryIO,
    format: SampleFormat | None,
    is_raw: bool,
    sidechain: Path | None,
    sample_format: str | None,
    quality: str | None,
    cancelled: Callable[[], bool] | None,
) -> int:
    rate, n_channels = reader.sample_rate, reader.n_channels
    if isinstance(target, Path):
        with atomic_writer(target, rate, n_channels, sample_format, quality) as writer:
            return _through(effect, reader, writer, sidechain, cancelled)
    pipe = PipeWriter(target, rate, n_channels, format or ("f32" if is_raw else "s24"), is_raw)
    return _through(effect, reader, pipe, sidechain, cancelled)


def _through(
    effect: Effect, reader: Blocks, sink: Sink, sidechain: Path | None, cancelled: Callable[[], bool] | None
) -> int:
    """The sound through the effect at its own length, whatever that is; returns its samples."""
    rate = reader.sample_rate
    n_read = n_written = 0
    effect.reset()
    try:
        with beside(sidechain, rate, reader.n_channels) as read_beside:
            for block in reader:
                if cancelled is not None and cancelled():
                    raise RenderCancelled("Rendering was cancelled.")
                n_read += block.shape[1]
                out = effect.process_channels(block, rate, BUFFER_SIZE, False, **read_beside(block.shape[1]))
                n_written += out.shape[1]
                sink.write(out)
            # What the effect still holds comes out while silence goes in.
            for _ in range(1 + int(LONGEST_LATENCY_SECONDS / BLOCK_SECONDS)):
                if n_written == n_read:
                    return n_read
                silence = np.zeros((reader.n_channels, int(rate * BLOCK_SECONDS)), np.float32)
                out = effect.process_channels(silence, rate, BUFFER_SIZE, False, **read_beside(silence.shape[1]))
                out = out[:, : n_read - n_written]
                n_written += out.shape[1]
                sink.write(out)
    finally:
        effect.reset()
    raise AudioFileError(f"The sound does not come out of the effects within {LONGEST_LATENCY_SECONDS:g} s.")


_BYTES = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8}
_OF_WAV = {
    (PCM, 8): "u8",
    (PCM, 16): "s16",
    (PCM, 24): "s24",
    (PCM, 32): "s32",
    (FLOAT, 32): "f32",
    (FLOAT, 64): "f64",
}
_TAIL_OF_GUID = bytes.fromhex("00001000800000aa00389b71")
"""Of the WAVE_FORMAT_EXTENSIBLE formats that have a plain tag."""


def _floats(data: bytes, format: str) -> FloatArray:
    """Samples as floats, as they come out of files: the largest integer is 1."""
    if format in ("f32", "f64"):
        return np.frombuffer(data, f"<f{_BYTES[format]}").astype(np.float32)
    values: np.ndarray
    if format == "u8":
        values = np.frombuffer(data, np.uint8).astype(np.int32) - 128
    elif format == "s24":
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        values = padded.view("<i4").reshape(-1) >> 8
    else:
        values = np.frombuffer(data, f"<i{_BYTES[format]}")
    return values.astype(np.float32) * np.float32(1 / _largest(format))


def _bytes(block: FloatArray, format: SampleFormat) -> bytes:
    interleaved = block.T
    if format == "f32":
        return interleaved.astype("<f4").tobytes()
    largest = _largest(format)
    values = np.clip(np.rint(interleaved.astype(np.float64) * largest), -largest, largest).astype("<i4")
    if format == "s24":
        return np.ascontiguousarray(values).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return values.astype(f"<i{_BYTES[format]}").tobytes()


def _largest(format: str) -> int:
    return int(2 ** (8 * _BYTES[format] - 1)) - 1


def _wav_header(rate: int, n_channels: int, format: SampleFormat) -> bytes:
    tag, size = (FLOAT if format == "f32" else PCM), _BYTES[format]
    frame = size * n_channels
    plain = struct.pack("<HHIIHH", tag, n_channels, rate, rate * frame, frame, 8 * size)
    if n_channels > 2:
        extension = struct.pack("<HHIHH", 22, 8 * size, 0, tag, 0) + _TAIL_OF_GUID
        plain = struct.pack("<H", EXTENSIBLE) + plain[2:] + extension
    # The largest sizes are what programs write, and read, where the length isn't known.
    unknown = b"\xff\xff\xff\xff"
    return b"RIFF" + unknown + b"WAVEfmt " + struct.pack("<I", len(plain)) + plain + b"data" + unknown


def _read1(pipe: BinaryIO, n_bytes: int) -> bytes:
    read: Callable[[int], bytes] = getattr(pipe, "read1", pipe.read)
    return read(n_bytes)


def _read_all(pipe: BinaryIO, n_bytes: int) -> bytes:
    """So many bytes, or fewer at the end."""
    data = b""
    while len(data) < n_bytes and (more := pipe.read(n_bytes - len(data))):
        data += more
    return data
