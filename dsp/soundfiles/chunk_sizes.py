"""How many bytes of sound Wave64 and CAF files promise, and how many are there: FFmpeg doesn't tell a cut one."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

MOST_CHUNKS = 10_000
W64_HEAD_BYTES = 40
"""Before the first chunk: two names of 16 bytes and the file's size."""
CAF_HEAD_BYTES = 8
UNKNOWN_BYTES = 1 << 62
"""From here on a size is what programs leave that don't know how long the sound will be; -1 in CAF files."""
_W64 = struct.Struct("<16sQ")
_CAF = struct.Struct(">4sq")


def sound_bytes(file: BinaryIO, kind: str) -> tuple[int, int] | None:
    """Bytes of sound that are there, and those that the header promises; None where it says nothing of it.

    Args:
        file: is left anywhere.
        kind: FFmpeg's name of the container; only "w64" and "caf" are known here.
    """
    if kind not in ("w64", "caf"):
        return None
    n_bytes = file.seek(0, io.SEEK_END)
    place = W64_HEAD_BYTES if kind == "w64" else CAF_HEAD_BYTES
    head = _W64 if kind == "w64" else _CAF
    for _ in range(MOST_CHUNKS):
        file.seek(place)
        found = file.read(head.size)
        if len(found) < head.size:
            return None
        name, size = head.unpack(found)
        if kind == "w64":  # sizes count their own head, and chunks begin at multiples of 8
            size -= head.size
        start = place + head.size
        if not 0 <= size < UNKNOWN_BYTES:
            return None
        if name[:4] == b"data":
            return min(size, n_bytes - start), size
        place = start + size + (-size % 8 if kind == "w64" else 0)
        if place >= n_bytes:
            return None
    return None
