"""`.lamina` files: codes on disk. A head (`header`), then blocks (`blocks`); see docs/container.md.

What is damaged or cut off is left out and named; the rest is read exactly as it was written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lamina.plugin.codes_file.blocks import (
    BLOCK_FRAMES,
    ENTROPY_BLOCK_FRAMES,
    LEAST_BLOCK_BYTES,
    find_blocks,
    pack_block,
    unpack_block,
)
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.codes_file.damage import Damage, damage_of
from lamina.plugin.codes_file.header import (
    ContainerError,
    HeaderFields,
    fields_of,
    head_crc,
    pack_header,
    unpack_header,
)
from lamina.plugin.files.atomic import atomic_file

SUFFIX = ".lamina"
MAX_BYTES = 80_000_000
"""More than an hour of eight channels in all layers."""
SECONDS_OF_ANY_FILE, SAMPLES_OF_ANY_FILE = 600, 600 * 48_000 * 2
"""What a file's head may promise without having the blocks for it, of which each takes some bytes: a damaged or hostile
file of a few bytes must not take memory and time for hours of many channels. Samples are those of all channels."""

__all__ = ["ContainerError", "Damage", "ReadResult", "pack", "read_codes", "unpack", "write_codes"]


@dataclass(frozen=True)
class ReadResult:
    """What a file holds.

    Args:
        codes: frames that could not be read count 0 layers.
        damage: which those are; false if the file is whole.
    """

    codes: Codes
    damage: Damage


def pack(codes: Codes, entropy: bool = False) -> bytes:
    """The bytes of a `.lamina` file.

    Args:
        codes: at most an hour. Entries beyond a frame's count are not sent.
        entropy: make it shorter by entropy coding, in blocks of ten seconds instead of one; costs time.

    Raises ContainerError for codes that no file can hold.
    """
    head = pack_header(fields_of(codes))
    seed = head_crc(head)
    size = ENTROPY_BLOCK_FRAMES if entropy else BLOCK_FRAMES
    parts = [head]
    for first in range(0, codes.n_frames, size):
        part = slice(first, first + size)
        parts.append(pack_block(first, codes.codes[:, part], codes.counts[:, part], codes.code_bits, entropy, seed))
    return b"".join(parts)


def unpack(data: bytes) -> ReadResult:
    """What the bytes of a `.lamina` file hold; raises ContainerError if their head can't be read."""
    header, position, seed = open_container(data)
    codes = np.zeros((header.n_coded, header.frames, header.layers), np.uint16)
    counts = np.zeros((header.n_coded, header.frames), np.uint8)
    used = []
    for block in find_blocks(data, position, header, seed):
        try:
            read, sent = unpack_block(block, header)
        except ContainerError:
            continue
        part = slice(block.first, block.first + block.n_frames)
        codes[:, part], counts[:, part] = read, sent
        used.append(block)
    value = Codes(
        codes,
        counts,
        header.sample_rate,
        header.n_samples,
        header.n_channels,
        header.model,
        header.digest,
        header.stereo,
        float(header.denoise),
        header.lag_from,
        header.frame_rate,
        header.code_bits,
    )
    return ReadResult(value, damage_of(used, header, len(data) - position))


def write_codes(path: str | Path, codes: Codes, entropy: bool = False) -> int:
    """Write a `.lamina` file, complete or not at all; returns its length in bytes.

    Raises ContainerError before anything is written if the codes can't be held (see `pack`) or the path can't be used,
    and without a trace if writing fails.
    """
    path = check_codes_target(path)
    data = pack(codes, entropy)
    try:
        with atomic_file(path) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise ContainerError(f"{path} can't be written: {error.strerror or error}.") from error
    return len(data)


def read_codes(path: str | Path) -> ReadResult:
    """Read a `.lamina` file; raises ContainerError if there is none or its head can't be read."""
    with container_bytes(path) as data:
        return unpack(data)


def check_codes_target(path: str | Path) -> Path:
    """The path if a `.lamina` file can be written there; raises ContainerError."""
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise ContainerError(
            f"{path} {f'ends in {path.suffix!r}' if path.suffix else 'has no suffix'}; name a file that ends in "
            f"{SUFFIX}."
        )
    if path.is_dir():
        raise ContainerError(f"{path} is a folder; name a file.")
    if not path.parent.is_dir():
        raise ContainerError(f"The folder {path.parent} does not exist. Make it first.")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise ContainerError(f"{path} can't be written: permission denied.")
    return path


@contextlib.contextmanager
def container_bytes(path: str | Path) -> Iterator[bytes]:
    """All bytes of a file; a ContainerError within the block, or from reading, names the file."""
    path = Path(path)
    try:
        if path.is_dir():
            raise ContainerError(f"{path} is a folder; name a {SUFFIX} file.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ContainerError(f"There is no file {path}.") from error
    except PermissionError as error:
        raise ContainerError(f"{path} may not be read: permission denied.") from error
    except OSError as error:
        raise ContainerError(f"{path} can't be read: {error.strerror or error}.") from error
    try:
        if len(data) > MAX_BYTES:
            raise ContainerError(
                f"The file has more than {MAX_BYTES // 1_000_000} MB, which no hour of codes takes: it is no {SUFFIX} "
                "file."
            )
        yield data
    except ContainerError as error:
        raise ContainerError(f"{path}: {error}") from error


def open_container(data: bytes) -> tuple[HeaderFields, int, int]:
    """The header, where the blocks begin, and what their CRCs start with; raises ContainerError."""
    header, position = unpack_header(data)
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
    return header, position, head_crc(data[:position])
