"""The blocks of a `.lamina` file, each of which can be read without the others.

    4 bytes  F5 4C 62 A7, the marker to find the next block by after damage
    u32      first frame
    u16      frames, 1 … 75, or 1 … 750 if the file is entropy coded
    u8       mode: 0 codes of as many bits as their layers have, 1 entropy coded (`lamina.models.coding.entropy`)
    u32      length of the payload
    u32      CRC-32 of these fields (without the marker) and the payload, started with the CRC-32 that ends the head:
             a block of another file is none of this one
    payload  how many layers each frame sent, then the codes of those layers: by frame, channel, layer, highest bit
             first, and zero bits up to a whole byte

The number of layers, of channel 1 frame by frame, then of channel 2 …, comes in the shortest of four forms:

    00 c                   all are c
    01 n, n times (c, m)   n (u16) runs: c, m (u16) times
    02 …                   5 bits each (or as many as the number of layers needs), highest bit first, and zero bits up
    to a whole byte
    03 c …                 the first is c; each that follows is a bit 0 if it is as the one before, else a bit 1, a bit
    1 if it is less, one bit 1 fewer than they differ by, and a bit 0; then zero bits up to a whole byte. Only in files
    of version 4 and newer
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lamina.models.coding.entropy import decode_codes, encode_codes
from lamina.plugin.codes_file.header import ContainerError, HeaderFields

MARKER = b"\xf5Lb\xa7"
BLOCK_FRAMES = 75
ENTROPY_BLOCK_FRAMES = 750
"""Ten seconds: an adaptive model needs time to learn; a damaged block costs as much."""
PLAIN, ENTROPY = 0, 1

_FIELDS = struct.Struct("<IHBI")
_CRC = struct.Struct("<I")
_HEAD_BYTES = len(MARKER) + _FIELDS.size + _CRC.size
LEAST_BLOCK_BYTES = _HEAD_BYTES + 2
"""Of a block whose frames all sent nothing."""
_SAME, _RUNS, _EACH, _MOVES = 0, 1, 2, 3
_RUN = np.dtype([("count", "u1"), ("length", "<u2")])
_COUNT_BITS = 5
"""Enough for up to 31 layers."""
_MOST_CHECKED = 8
"""Bytes that are checked for each byte of the file: markers within a hostile file's markers must not take hours."""
_WORK_OF_ANY_BLOCK, _WORK_PER_BYTE = 200_000_000, 3_000_000
"""Sums over codes that entropy decoding makes: ten seconds of 64 layers with 4096 codes each take the first, less than
a second."""

CodeArray = npt.NDArray[np.uint16]
CountArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Block:
    """A block that was found and whose CRC fits: `n_frames` from `first` on; it takes bytes `start` … `end` of the
    file.
    """

    first: int
    n_frames: int
    mode: int
    payload: bytes
    start: int
    end: int


class Bytes(Protocol):
    """What blocks are found in: `bytes`, or a file of which little is in memory at a time."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> bytes: ...
    def find(self, what: bytes, start: int, /) -> int: ...


def pack_payload(codes: CodeArray, counts: CountArray, code_bits: tuple[int, ...], entropy: bool) -> tuple[int, bytes]:
    """The mode and the payload of a block of codes `[channels, frames, layers]` and counts `[channels, frames]`.

    With `entropy` the shorter of both modes is taken. Of `code_bits` only `payload_form` counts, and those of layers
    that are sent.
    """
    mode, body = PLAIN, _pack_codes(codes, counts, code_bits)
    if entropy:
        coded = encode_codes(codes, counts, _alphabet(code_bits))
        if len(coded) < len(body) and _is_worth_its_work(counts, code_bits, len(coded)):
            mode, body = ENTROPY, coded
    return mode, pack_counts(counts, len(code_bits)) + body


def pack_counts(counts: CountArray, n_layers: int) -> bytes:
    """What a payload begins with: the layers that each frame sent, in the shortest form; of several the simplest."""
    flat = counts.reshape(-1)
    edges = np.flatnonzero(np.diff(flat, prepend=np.uint8(255 - flat[0])))
    if len(edges) == 1:
        return bytes((_SAME, int(flat[0])))
    runs = np.empty(len(edges), _RUN)
    runs["count"], runs["length"] = flat[edges], np.diff(edges, append=len(flat))
    each = bytes((_EACH,)) + _pack_bits(flat.astype(np.uint16), _count_bits(n_layers))
    as_runs = bytes((_RUNS,)) + len(runs).to_bytes(2, "little") + runs.tobytes()
    return min(as_runs, each, bytes((_MOVES, int(flat[0]))) + _pack_moves(flat), key=len)


def has_moves(payload: bytes) -> bool:
    """Whether a payload counts layers in moves, which only files from version 4 on may do."""
    return payload[:1] == bytes((_MOVES,))


def payload_form(code_bits: tuple[int, ...]) -> tuple[int, int]:
    """What a payload takes from all layers of its file, also from those that its frames don't send."""
    return _count_bits(len(code_bits)), _alphabet(code_bits)


def seal_block(first: int, n_frames: int, mode: int, payload: bytes, seed: int) -> bytes:
    """A payload as a block of a file whose head ends in the CRC `seed`."""
    head = _FIELDS.pack(first, n_frames, mode, len(payload))
    return MARKER + head + _CRC.pack(zlib.crc32(payload, zlib.crc32(head, seed))) + payload


def find_blocks(data: Bytes, position: int, header: HeaderFields, seed: int) -> Iterator[Block]:
    """The blocks from byte `position` on, in the order of their frames; what is none is passed over."""
    next_frame, n_bytes = 0, len(data)
    to_check = _MOST_CHECKED * n_bytes
    while to_check > 0 and (position := data.find(MARKER, position)) >= 0 and position + _HEAD_BYTES <= n_bytes:
        start = position + _HEAD_BYTES
        head = data[position + len(MARKER) : start]
        if len(head) < start - position - len(MARKER):
            return  # a file that gets shorter while it is read
        first, n_frames, mode, n_payload = _FIELDS.unpack_from(head)
        end = start + n_payload
        if (
            first >= next_frame
            and 1 <= n_frames <= ENTROPY_BLOCK_FRAMES
            and first + n_frames <= header.frames
            and mode in (PLAIN, ENTROPY)
            and n_payload <= _most_payload(header, n_frames)
            and end <= n_bytes
        ):
            to_check -= n_payload
            payload = data[start:end]
            if zlib.crc32(payload, zlib.crc32(head[: _FIELDS.size], seed)) == _CRC.unpack_from(head, _FIELDS.size)[0]:
                yield Block(first, n_frames, mode, payload, position, end)
                next_frame, position = first + n_frames, end
                continue
        position += 1


def block_counts(block: Block, header: HeaderFields) -> CountArray:
    """Layers that each frame sent, uint8 `[channels, frames]`; raises ContainerError if the block holds nonsense."""
    return _unpack_counts(block, header)[0]


def unpack_block(block: Block, header: HeaderFields) -> tuple[CodeArray, CountArray]:
    """Codes `[channels, frames, layers]` and counts `[channels, frames]`; raises ContainerError if the block holds
    nonsense.
    """
    counts, used = _unpack_counts(block, header)
    body = block.payload[used:]
    if block.mode == ENTROPY:
        if not _is_worth_its_work(counts, header.code_bits, len(body)):
            raise ContainerError(f"A block's {len(body)} bytes ask for more work than any encoder's do.")
        codes = decode_codes(body, counts, header.layers, _alphabet(header.code_bits))
        if codes.size and (codes.max((0, 1)).astype(np.int64) >= 1 << np.array(header.code_bits)).any():
            raise ContainerError("A block has codes that its layers don't have.")
        return codes, counts
    return _unpack_codes(body, counts, header.code_bits), counts


def _is_worth_its_work(counts: CountArray, code_bits: tuple[int, ...], n_bytes: int) -> bool:
    """Whether so few bytes may take the time that decoding them takes: for each frame a sum over all codes that each
    layer may send.
    """
    work: int = counts.shape[1] * int(counts.max(initial=0)) * _alphabet(code_bits)
    return work <= max(_WORK_OF_ANY_BLOCK, _WORK_PER_BYTE * n_bytes)


def _sent(counts: CountArray, n_layers: int) -> npt.NDArray[np.bool_]:
    """Which codes are there, `[frames, channels, layers]`."""
    sent: npt.NDArray[np.bool_] = np.arange(n_layers) < counts.T[..., None]
    return sent


def _most_payload(header: HeaderFields, n_frames: int) -> int:
    """No block of so many frames is longer: writers take the shortest of all forms."""
    n = n_frames * header.n_coded
    return 1 + (n * _count_bits(header.layers) + 7) // 8 + (n * sum(header.code_bits) + 7) // 8 + 2


def _count_bits(layers: int) -> int:
    return max(_COUNT_BITS, layers.bit_length())


def _alphabet(code_bits: tuple[int, ...]) -> int:
    """Codes that the entropy coder tells apart in every layer."""
    return 1 << max(code_bits)


def _pack_codes(codes: CodeArray, counts: CountArray, code_bits: tuple[int, ...]) -> bytes:
    """All codes that are sent, frame by frame, channel by channel, layer by layer, each with its layer's bits."""
    sent = _sent(counts, codes.shape[2])
    values, widths = codes.transpose(1, 0, 2)[sent], np.broadcast_to(np.array(code_bits), sent.shape)[sent]
    if len(set(code_bits)) == 1:
        return _pack_bits(values, code_bits[0])
    places = np.arange(max(code_bits) - 1, -1, -1)
    bits = (values[:, None] >> places.astype(np.uint16)) & 1
    return np.packbits(bits[places < widths[:, None]].astype(np.uint8)).tobytes()


def _unpack_codes(data: bytes, counts: CountArray, code_bits: tuple[int, ...]) -> CodeArray:
    """What `_pack_codes` packed, `[channels, frames, layers]`; raises ContainerError if there are more or fewer
    bits.
    """
    sent = _sent(counts, len(code_bits))
    by_frame = np.zeros(sent.shape, np.uint16)
    if len(set(code_bits)) == 1:
        by_frame[sent] = _unpack_bits(data, int(sent.sum()), code_bits[0])
    else:
        widths = np.broadcast_to(np.array(code_bits), sent.shape)[sent]
        n_bits = int(widths.sum())
        if len(data) != (n_bits + 7) // 8:
            raise ContainerError(f"A block has {len(data)} bytes for {n_bits} bits.")
        places = np.arange(max(code_bits) - 1, -1, -1)
        bits = np.zeros((len(widths), len(places)), np.uint16)
        bits[places < widths[:, None]] = np.unpackbits(np.frombuffer(data, np.uint8), count=n_bits)
        by_frame[sent] = (bits << places.astype(np.uint16)).sum(1, dtype=np.uint16)
    return by_frame.transpose(1, 0, 2)


def _unpack_counts(block: Block, header: HeaderFields) -> tuple[CountArray, int]:
    """The counts and the bytes they take."""
    payload, n = block.payload, header.n_coded * block.n_frames
    if len(payload) < 2:
        raise ContainerError("A block is too short.")
    form = payload[0]
    if form == _SAME:
        used, flat = 2, np.full(n, payload[1], np.uint8)
    elif form == _RUNS:
        n_runs = int.from_bytes(payload[1:3], "little")
        used = 3 + n_runs * _RUN.itemsize
        if len(payload) < used:
            raise ContainerError("A block's runs are cut off.")
        runs = np.frombuffer(payload, _RUN, n_runs, 3)
        if int(runs["length"].sum(dtype=np.int64)) != n:
            raise ContainerError("A block's runs don't fill its frames.")
        flat = np.repeat(runs["count"], runs["length"])
    elif form == _EACH:
        n_bits = _count_bits(header.layers)
        used = 1 + (n * n_bits + 7) // 8
        flat = _unpack_bits(payload[1:used], n, n_bits).astype(np.uint8)
    elif form == _MOVES and header.moves:
        # Writers take moves where they are shorter than as many bits each, so no more bytes need a look.
        moves, n_bytes = _unpack_moves(payload[2 : 2 + (n * _count_bits(header.layers) + 7) // 8], n - 1)
        used, values = 2 + n_bytes, payload[1] + np.concatenate([[0], np.cumsum(moves)])
        if int(values.min()) < 0 or int(values.max()) > header.layers:
            raise ContainerError(f"A block's frames move beyond 0 to {header.layers} layers.")
        flat = values.astype(np.uint8)
    else:
        raise ContainerError(f"A block counts layers in the form {form}, which its file's version doesn't have.")
    if int(flat.max()) > header.layers:
        raise ContainerError(f"A block's frame sends {int(flat.max())} layers of {header.layers}.")
    return flat.reshape(header.n_coded, block.n_frames), used


def _pack_moves(flat: CountArray) -> bytes:
    """How each count but the first differs from the one before."""
    moves = np.diff(flat.astype(np.int16))
    moved = moves != 0
    ends = np.cumsum(np.where(moved, 2 + np.abs(moves), 1))
    bits = np.ones(ends[-1], np.uint8)
    bits[ends - 1] = 0  # of a value that stayed its only bit, of any other the one that ends it
    signs = ends[moved] - 1 - np.abs(moves[moved])
    bits[signs] = moves[moved] < 0
    return np.packbits(bits).tobytes()


def _unpack_moves(data: bytes, n_moves: int) -> tuple[npt.NDArray[np.int64], int]:
    """The first moves in `data`, and the bytes that they take; raises ContainerError if there are fewer."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    n_bits = len(bits)
    # The first zero from each bit on, and with it where a move that began there would end: one past all bits if never.
    places = np.arange(n_bits)
    zeros = np.full(n_bits + 2, n_bits)
    zeros[:n_bits] = np.minimum.accumulate(np.where(bits, n_bits, places)[::-1])[::-1]
    ends = np.append(np.where(bits, zeros[2:], places) + 1, [n_bits + 1, n_bits + 1]).tolist()
    begun, end = [0] * n_moves, 0
    for index in range(n_moves):
        begun[index], end = end, ends[end]
    if end > n_bits:
        raise ContainerError("A block's moves are cut off.")
    starts = np.array(begun, np.int64)
    lengths = np.diff(starts, append=end)
    signs = bits[np.minimum(starts + 1, n_bits - 1)]
    return np.where(lengths > 1, np.where(signs, 2 - lengths, lengths - 2), 0), (end + 7) // 8


def _pack_bits(values: CodeArray, n_bits: int) -> bytes:
    bits = values[:, None] >> np.arange(n_bits - 1, -1, -1, dtype=np.uint16) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def _unpack_bits(data: bytes, n_values: int, n_bits: int) -> CodeArray:
    if len(data) != (n_values * n_bits + 7) // 8:
        raise ContainerError(f"A block has {len(data)} bytes for {n_values} values of {n_bits} bits.")
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=n_values * n_bits).reshape(n_values, n_bits)
    weights = (1 << np.arange(n_bits - 1, -1, -1)).astype(np.uint16)
    values: CodeArray = (bits * weights).sum(1, dtype=np.uint16)
    return values
