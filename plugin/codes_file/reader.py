"""Reading `.lamina` files: whole, or a few seconds of codes at a time.

What is damaged or cut off is left out and named; the rest is read exactly as it was written.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from lamina.plugin.codes_file.blocks import (
    ENTROPY_BLOCK_FRAMES,
    LEAST_BLOCK_BYTES,
    Block,
    Bytes,
    find_blocks,
    unpack_block,
)
from lamina.plugin.codes_file.codes import Codes, first_sample
from lamina.plugin.codes_file.damage import Damage, DamageTally
from lamina.plugin.codes_file.header import MAX_JSON_BYTES, ContainerError, HeaderFields, head_crc, unpack_header

SUFFIX = ".lamina"
SECONDS_OF_ANY_FILE, SAMPLES_OF_ANY_FILE = 600, 600 * 48_000 * 2
"""What a file's head may promise without having the blocks for it, of which each takes some bytes: a damaged or hostile
file of a few bytes must not take memory and time for hours of many channels. Samples are those of all channels."""
PART_FRAMES = 600
"""Frames of a part, at least, except for the last one: decoders are slower with fewer."""
WINDOW_BYTES = 1 << 20
MOST_PIPED_BYTES = 80_000_000
LONGEST_HEAD_BYTES = MAX_JSON_BYTES + 64

Found = tuple[Block, npt.NDArray[np.uint16], npt.NDArray[np.uint8]]


class CodesReader:
    """An open file, to be read once from its beginning to its end; made by `open_codes`.

    Iterating gives `Codes`, part by part, which together (`+`) are those of `read_codes`.

    Args:
        data: the bytes of a file; raises ContainerError if their head can't be read.
    """

    def __init__(self, data: Bytes) -> None:
        self.header, self._position, self._seed = open_container(data)
        self._data = data
        self._tally = DamageTally(self.header, len(data) - self._position)

    @property
    def damage(self) -> Damage:
        """What could not be used, once everything was read."""
        return self._tally.damage()

    def __iter__(self) -> Iterator[Codes]:
        header = self.header
        held: list[tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]] = []
        first = n_held = 0
        for codes, counts in self._stretches():
            held.append((codes, counts))
            n_held += counts.shape[1]
            if n_held >= PART_FRAMES:
                yield self._part(first, held)
                first, n_held, held = first + n_held, 0, []
        if held or not header.frames:
            yield self._part(first, held)

    def blocks(self) -> Iterator[Found]:
        """The blocks that can be used, with their codes and counts."""
        for block in find_blocks(self._data, self._position, self.header, self._seed):
            try:
                codes, counts = unpack_block(block, self.header)
            except ContainerError:
                continue
            self._tally.use(block)
            yield block, codes, counts

    def codes_of(self, codes: npt.NDArray[np.uint16], counts: npt.NDArray[np.uint8], n_samples: int) -> Codes:
        """Arrays with all that the head says of them."""
        header = self.header
        return Codes(
            codes,
            counts,
            header.sample_rate,
            n_samples,
            header.n_channels,
            header.model,
            header.digest,
            header.stereo,
            float(header.denoise),
            header.lag_from,
            header.frame_rate,
            header.code_bits,
        )

    def _stretches(self) -> Iterator[tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]]:
        """All frames, those that are missing too."""
        position = 0
        for block, codes, counts in self.blocks():
            yield from self._nothing(block.first - position)
            yield codes, counts
            position = block.first + block.n_frames
        yield from self._nothing(self.header.frames - position)

    def _nothing(self, n_frames: int) -> Iterator[tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]]:
        n_coded = self.header.n_coded
        for first in range(0, n_frames, ENTROPY_BLOCK_FRAMES):
            n = min(ENTROPY_BLOCK_FRAMES, n_frames - first)
            yield np.zeros((n_coded, n, self.header.layers), np.uint16), np.zeros((n_coded, n), np.uint8)

    def _part(self, first: int, held: list[tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]]) -> Codes:
        header = self.header
        none = np.zeros((header.n_coded, 0, header.layers), np.uint16), np.zeros((header.n_coded, 0), np.uint8)
        codes = np.concatenate([none[0], *(codes for codes, _ in held)], 1)
        counts = np.concatenate([none[1], *(counts for _, counts in held)], 1)
        stop = first + counts.shape[1]
        rates = header.sample_rate, header.frame_rate
        end = header.n_samples if stop == header.frames else min(first_sample(stop, *rates), header.n_samples)
        return self.codes_of(codes, counts, max(0, end - first_sample(first, *rates)))


@contextlib.contextmanager
def open_codes(path: str | Path) -> Iterator[CodesReader]:
    """A `.lamina` file of any length, for reading it part by part.

        with open_codes("song.lamina") as file:
            for codes in file:
                …
            print(file.damage)

    Raises ContainerError, which names the file, if there is none or its head can't be read.
    """
    with container_bytes(path) as data:
        yield CodesReader(data)


class FileBytes:
    """The bytes of an open file, of which only what is looked at is in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._n_bytes = file, file.seek(0, 2)
        self._start, self._held = 0, b""

    def __len__(self) -> int:
        return self._n_bytes

    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(self._n_bytes)
        self._look_at(start, stop - start)
        return self._held[start - self._start : stop - self._start]

    def find(self, what: bytes, start: int, /) -> int:
        """As `bytes.find`."""
        while start + len(what) <= self._n_bytes:
            self._look_at(start, len(what))
            found = self._held.find(what, start - self._start)
            if found >= 0:
                return self._start + found
            next_start = self._start + len(self._held) - len(what) + 1
            if next_start <= start:
                return -1  # the file has got shorter
            start = next_start
        return -1

    def _look_at(self, start: int, n_bytes: int) -> None:
        if start < self._start or start + n_bytes > self._start + len(self._held):
            self._file.seek(start)
            self._start, self._held = start, self._file.read(max(n_bytes, WINDOW_BYTES))


@contextlib.contextmanager
def container_bytes(path: str | Path) -> Iterator[FileBytes]:
    """The bytes of a file; a ContainerError within the block, or from reading, names the file."""
    path = Path(path)
    try:
        if path.is_dir():
            raise ContainerError(f"{path} is a folder; name a {SUFFIX} file.")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise ContainerError(f"There is no file {path}.") from error
    except PermissionError as error:
        raise ContainerError(f"{path} may not be read: permission denied.") from error
    except OSError as error:
        raise ContainerError(f"{path} can't be read: {error.strerror or error}.") from error
    with file:
        try:
            yield FileBytes(file if file.seekable() else _all_of(file))
        except ContainerError as error:
            raise ContainerError(f"{path}: {error}") from error


def _all_of(pipe: BinaryIO) -> BinaryIO:
    """What comes through a pipe, in memory."""
    data = pipe.read(MOST_PIPED_BYTES + 1)
    if len(data) > MOST_PIPED_BYTES:
        raise ContainerError(
            f"More than {MOST_PIPED_BYTES // 1_000_000} MB come through this pipe. Write a file first."
        )
    return io.BytesIO(data)


def open_container(data: Bytes) -> tuple[HeaderFields, int, int]:
    """The header, where the blocks begin, and what their CRCs start with; raises ContainerError."""
    head = data[:LONGEST_HEAD_BYTES]
    header, position = unpack_header(head)
    least_bytes = -(-header.frames // ENTROPY_BLOCK_FRAMES) * LEAST_BLOCK_BYTES
    n_samples = header.n_samples * header.n_channels
    is_much = header.frames > SECONDS_OF_ANY_FILE * header.frame_rate or n_samples > SAMPLES_OF_ANY_FILE
    if is_much and len(data) - position < least_bytes:
        seconds = header.frames / header.frame_rate
        what = "1 channel" if header.n_channels == 1 else f"{header.n_channels} channels"
        raise ContainerError(
            f"The file's {len(data)} bytes can't hold the {seconds:.0f} s of {what} at {header.sample_rate} Hz that "
            "its header promises. Copy it again."
        )
    return header, position, head_crc(head[:position])
