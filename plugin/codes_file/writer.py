"""Writing `.lamina` files as codes come.

A file's head tells how long it is, how many layers it has and which version it needs, and its checksum goes into every
block: it is known in the end only. So blocks are packed as they get full, wait in a nameless file, and are sealed when
all of them are there.
"""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lamina.plugin.codes_file.blocks import (
    BLOCK_FRAMES,
    ENTROPY_BLOCK_FRAMES,
    Block,
    block_counts,
    has_moves,
    pack_counts,
    pack_payload,
    payload_form,
    seal_block,
    unpack_block,
)
from lamina.plugin.codes_file.codes import Codes, join_codes
from lamina.plugin.codes_file.header import ContainerError, HeaderFields, fields_of, head_crc, pack_header
from lamina.plugin.codes_file.reader import SUFFIX
from lamina.plugin.files.atomic import NotWrittenError, atomic_file


class CodesTargetError(ContainerError, NotWrittenError):
    """A `.lamina` file can't be written; the message says which and why."""


_WAITING = struct.Struct("<HBBI")
"""Before a payload that waits: frames, mode, layers it was packed for, bytes."""


class CodesWriter:
    """A file in the making. Made by `codes_writer`.

    Args:
        waiting: an empty file for the blocks that are full.
        entropy: as for `pack`.
    """

    def __init__(self, waiting: BinaryIO, entropy: bool) -> None:
        self._waiting, self._entropy = waiting, entropy
        self._size = ENTROPY_BLOCK_FRAMES if entropy else BLOCK_FRAMES
        self._first: Codes | None = None
        """What all codes of the piece say of themselves."""
        self._bits: tuple[int, ...] = ()
        self._held: list[Codes] = []
        """Frames that don't fill a block yet."""
        self._n_held = self._n_packed = self._n_samples = 0

    def write(self, codes: Codes) -> None:
        """The next codes of the piece; raises ValueError if they don't belong to it."""
        if self._first is None:
            self._first = codes[:0]
        self._first.check_same_piece(codes)
        if codes.n_samples:
            self._n_samples = codes.start_of(self._n_packed + self._n_held) + codes.n_samples
        if not codes.n_frames:
            return  # it has layers that nothing was sent of
        self._bits = max(self._bits, codes.code_bits, key=len)
        self._held.append(codes)
        self._n_held += codes.n_frames
        if self._n_held >= self._size:
            self._pack_held(self._n_held // self._size * self._size)

    def finish(self, file: BinaryIO) -> None:
        """Write all of it; raises ContainerError for what no file can hold."""
        if self._first is None:
            raise ContainerError("No codes were written, so there is nothing to make a file of.")
        if self._n_held:
            self._pack_held(self._n_held)
        bits = self._bits or self._first.code_bits
        header = replace(
            fields_of(self._first),
            frames=self._n_packed,
            n_samples=self._n_samples,
            layers=len(bits),
            code_bits=bits,
        )
        header = replace(header, moves=any(self._will_have_moves(header, *waiting) for waiting in self._blocks()))
        head = pack_header(header)
        seed = head_crc(head)
        file.write(head)
        for layers, block in self._blocks():
            file.write(seal_block(block.first, block.n_frames, *self._as_in(header, layers, block), seed))

    def _pack_held(self, n_frames: int) -> None:
        """Pack the first `n_frames` that are held, block by block."""
        held = join_codes(self._held)
        for start in range(0, n_frames, self._size):
            part = slice(start, min(start + self._size, n_frames))
            mode, payload = pack_payload(held.codes[:, part], held.counts[:, part], held.code_bits, self._entropy)
            n = part.stop - part.start
            self._waiting.write(_WAITING.pack(n, mode, len(held.code_bits), len(payload)) + payload)
        self._n_packed += n_frames
        self._n_held -= n_frames
        self._held = [held[n_frames:]] if self._n_held else []

    def _blocks(self) -> Iterator[tuple[int, Block]]:
        """The blocks that wait, and how many layers each was packed for."""
        self._waiting.seek(0)
        first = 0
        while fields := self._waiting.read(_WAITING.size):
            n_frames, mode, layers, n_bytes = _WAITING.unpack(fields)
            yield layers, Block(first, n_frames, mode, self._waiting.read(n_bytes), 0, 0)
            first += n_frames

    def _will_have_moves(self, header: HeaderFields, layers: int, block: Block) -> bool:
        """Whether `_as_in` will give a payload that counts layers as moves. Where it does already it goes on doing so:
        with more layers other forms only get longer.
        """
        as_packed = self._as_packed(header, layers)
        if has_moves(block.payload) or payload_form(as_packed.code_bits) == payload_form(header.code_bits):
            return has_moves(block.payload)
        return has_moves(pack_counts(block_counts(block, as_packed), header.layers))

    def _as_in(self, header: HeaderFields, layers: int, block: Block) -> tuple[int, bytes]:
        """A block's mode and payload, packed anew if it was packed for fewer layers and that makes a difference."""
        as_packed = self._as_packed(header, layers)
        if payload_form(as_packed.code_bits) == payload_form(header.code_bits):
            return block.mode, block.payload
        codes, counts = unpack_block(block, as_packed)
        codes = np.pad(codes, ((0, 0), (0, 0), (0, header.layers - layers)))
        return pack_payload(codes, counts, header.code_bits, self._entropy)

    @staticmethod
    def _as_packed(header: HeaderFields, layers: int) -> HeaderFields:
        """The header that a block was packed for when the piece had no more than so many layers."""
        return replace(header, layers=layers, code_bits=header.code_bits[:layers])


@contextlib.contextmanager
def codes_writer(path: str | Path, entropy: bool = False) -> Iterator[CodesWriter]:
    """A `.lamina` file that is written as codes come, and appears when the block ends without an error.

        with codes_writer("song.lamina") as file:
            file.write(codes)
            file.write(more)

    However they are cut, it is the file that `write_codes` makes of all of them. Raises ContainerError if the path
    can't be used or writing fails, and leaves nothing then.
    """
    path = check_codes_target(path)
    try:
        with atomic_file(path) as partial, tempfile.TemporaryFile(dir=path.parent) as waiting:
            writer = CodesWriter(waiting, entropy)
            yield writer
            with partial.open("wb") as file:
                writer.finish(file)
    except OSError as error:
        raise CodesTargetError(f"{path} can't be written: {error.strerror or error}.") from error


def check_codes_target(path: str | Path) -> Path:
    """The path if a `.lamina` file can be written there; raises ContainerError."""
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise CodesTargetError(
            f"{path} {f'ends in {path.suffix!r}' if path.suffix else 'has no suffix'}; name a file that ends in "
            f"{SUFFIX}."
        )
    if path.is_dir():
        raise CodesTargetError(f"{path} is a folder; name a file.")
    if not path.parent.is_dir():
        raise CodesTargetError(f"The folder {path.parent} does not exist. Make it first.")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise CodesTargetError(f"{path} can't be written: permission denied.")
    return path
