"""`.lamina` files: codes on disk. A head (`header`), then blocks (`blocks`); see docs/container.md.

What is damaged or cut off is left out and named; the rest is read exactly as it was written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lamina.plugin.codes_file.blocks import (
    BLOCK_FRAMES,
    ENTROPY_BLOCK_FRAMES,
    Bytes,
    has_moves,
    pack_payload,
    seal_block,
)
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.codes_file.damage import Damage
from lamina.plugin.codes_file.header import ContainerError, fields_of, head_crc, pack_header
from lamina.plugin.codes_file.reader import SUFFIX, CodesReader, container_bytes, open_codes
from lamina.plugin.codes_file.writer import check_codes_target, codes_writer

MOST_VALUES = 140_000_000
"""Codes that are read into memory at once: more than an hour of eight channels in 64 layers."""

__all__ = [
    "SUFFIX",
    "ContainerError",
    "Damage",
    "ReadResult",
    "check_codes_target",
    "codes_writer",
    "open_codes",
    "pack",
    "read_codes",
    "unpack",
    "write_codes",
]


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
        codes: at most a week. Entries beyond a frame's count are not sent.
        entropy: make it shorter by entropy coding, in blocks of ten seconds instead of one; costs time.

    Raises ContainerError for codes that no file can hold.
    """
    header = fields_of(codes)
    size = ENTROPY_BLOCK_FRAMES if entropy else BLOCK_FRAMES
    parts = [slice(first, min(first + size, codes.n_frames)) for first in range(0, codes.n_frames, size)]
    payloads = [pack_payload(codes.codes[:, part], codes.counts[:, part], codes.code_bits, entropy) for part in parts]
    head = pack_header(replace(header, moves=any(has_moves(payload) for _, payload in payloads)))
    seed = head_crc(head)
    sealed = [
        seal_block(part.start, part.stop - part.start, mode, payload, seed)
        for part, (mode, payload) in zip(parts, payloads, strict=True)
    ]
    return b"".join([head, *sealed])


def unpack(data: bytes) -> ReadResult:
    """What the bytes of a `.lamina` file hold; raises ContainerError if their head can't be read."""
    return _unpack(data)


def _unpack(data: Bytes) -> ReadResult:
    reader = CodesReader(data)
    header = reader.header
    if header.n_coded * header.frames * header.layers > MOST_VALUES:
        raise ContainerError(
            f"It holds {header.frames / header.frame_rate / 3600:.1f} hours, too much to be read at once. Read it part "
            "by part, with `open_codes`."
        )
    codes = np.zeros((header.n_coded, header.frames, header.layers), np.uint16)
    counts = np.zeros((header.n_coded, header.frames), np.uint8)
    for block, read, sent in reader.blocks():
        part = slice(block.first, block.first + block.n_frames)
        codes[:, part], counts[:, part] = read, sent
    return ReadResult(reader.codes_of(codes, counts, header.n_samples), reader.damage)


def write_codes(path: str | Path, codes: Codes, entropy: bool = False) -> int:
    """Write a `.lamina` file, complete or not at all; returns its length in bytes.

    Raises ContainerError before anything is written if the codes can't be held (see `pack`) or the path can't be used,
    and without a trace if writing fails.
    """
    path = check_codes_target(path)
    fields_of(codes)
    with codes_writer(path, entropy) as writer:
        writer.write(codes)
    return path.stat().st_size


def read_codes(path: str | Path) -> ReadResult:
    """Read a `.lamina` file into memory.

    Raises ContainerError if there is none, if its head can't be read, or if it holds too much for that.
    """
    with container_bytes(path) as data:
        return _unpack(data)
