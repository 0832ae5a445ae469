"""Where the packets of MPEG audio lie: found by their headers, which say how long each is.

That takes a third of the time that FFmpeg's parser takes, and loses none at the beginning of layer I. Files in which
something else lies between packets are left to it.
"""

from __future__ import annotations

import io
from array import array
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

READ_BYTES = 1 << 18
FEWEST_PACKETS = 3
"""Fewer in a row may be there by chance."""
MOST_TAGS = 8
MOST_KNOWN = 4096
"""Headers whose meaning is kept: a file has few."""
_RATES = (44_100, 48_000, 32_000)
_KBPS = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""By version (1, or 2 for 2 and 2.5) and layer, ISO/IEC 11172-3 and 13818-3; layer III of version 2 is as II."""
_SAME_STREAM = 0xFFFE_0C00
"""Bits of a header that don't change within a stream: its kind and its rate."""


@dataclass(frozen=True)
class Packets:
    """Where packets lie.

    Args:
        codec: FFmpeg's name of their decoder.
        sample_rate: as their headers say; a decoder may make more of it (HE-AAC).
        places, sizes: in bytes.
        n_samples: of each, at `sample_rate`.
        is_cut: whether another packet begins at the end, of which only a part is there.
    """

    codec: str
    sample_rate: int
    places: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    n_samples: npt.NDArray[np.int64]
    is_cut: bool = False


@dataclass(frozen=True)
class _Header:
    codec: str
    sample_rate: int
    size: int
    n_samples: int
    tag: int
    """Where an encoder writes down its delay, if it does: behind the side information of layer III."""


def find_packets(file: BinaryIO) -> Packets | None:
    """The packets (layers I to III) of a file that holds nothing but them and tags; None for any other."""
    n_bytes = file.seek(0, io.SEEK_END)
    place = _behind_tags(file)
    file.seek(place)
    held, start = file.read(READ_BYTES), place
    first: tuple[int, _Header] | None = None
    known: dict[int, _Header | None] = {}
    places, sizes, lengths = array("q"), array("q"), array("q")
    is_cut = False
    while place < n_bytes:
        if place - start + 4 > len(held) and start + len(held) < n_bytes:
            file.seek(place)
            held, start = file.read(READ_BYTES), place
        word = int.from_bytes(held[place - start : place - start + 4], "big")
        header = known[word] if word in known else _header(word)
        if len(known) < MOST_KNOWN:
            known[word] = header
        if header is None or (first is not None and (first[0] ^ word) & _SAME_STREAM):
            if first is None or not _is_a_tag(held[place - start :][:32], n_bytes - place):
                return None
            break
        if first is None:
            first = word, header
            if _is_told(held[: header.size], header):
                place += header.size
                continue
        if header.size > n_bytes - place:
            is_cut = True
            break
        places.append(place)
        sizes.append(header.size)
        lengths.append(header.n_samples)
        place += header.size
    if first is None or len(places) < FEWEST_PACKETS:
        return None
    found, n_bytes_of, n_samples = (np.array(row, np.int64) for row in (places, sizes, lengths))
    return Packets(first[1].codec, first[1].sample_rate, found, n_bytes_of, n_samples, is_cut)


def said_size(head: bytes) -> int:
    """Bytes of a packet whose first six are given, as they say; 0 if they don't (AAC: ISO 14496-3, 1.A.3.2)."""
    if len(head) == 6 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    header = _header(int.from_bytes(head[:4], "big"))
    return header.size if header is not None else 0


def _behind_tags(file: BinaryIO) -> int:
    place = 0
    for _ in range(MOST_TAGS):
        file.seek(place)
        head = file.read(10)
        if head[:3] != b"ID3" or len(head) < 10:
            break
        size = sum((byte & 0x7F) << 7 * number for number, byte in enumerate(reversed(head[6:10])))
        place += 10 + size + (10 if head[5] & 0x10 else 0)
    return place


def _is_a_tag(content: bytes, n_left: int) -> bool:
    """Whether what follows the packets is a tag: ID3v1, APE, Lyrics3, or nothing at all."""
    is_id3 = content[:3] == b"TAG" and n_left == 128
    return is_id3 or content.startswith((b"APETAGEX", b"LYRICSBEGIN", b"TAG+")) or not content.strip(b"\0")


def _is_told(packet: bytes, header: _Header) -> bool:
    """Whether a packet holds no sound, but what an encoder says of the file."""
    return packet[header.tag : header.tag + 4] in (b"Xing", b"Info") or packet[36:40] == b"VBRI"


def _header(top: int) -> _Header | None:
    """What 32 bits say; None if they are no header of a packet whose length is known."""
    version, layer = {3: 1, 2: 2, 0: 3}.get(top >> 19 & 3), 4 - (top >> 17 & 3)
    rate, number = top >> 10 & 3, top >> 12 & 15
    if top >> 21 != 0x7FF or version is None or layer == 4 or rate == 3 or number in (0, 15):
        return None
    kbps = _KBPS[min(version, 2), 2 if version > 1 and layer == 3 else layer][number]
    sample_rate, padding = _RATES[rate] >> version - 1, top >> 9 & 1
    if layer == 1:
        size, n_samples = (12_000 * kbps // sample_rate + padding) * 4, 384
    else:
        n_samples = 576 if version > 1 and layer == 3 else 1152
        size = n_samples * 125 * kbps // sample_rate + padding
    is_mono = top >> 6 & 3 == 3
    side = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}[version == 1, is_mono]
    return _Header(f"mp{layer}float", sample_rate, size, n_samples, 4 + side)
