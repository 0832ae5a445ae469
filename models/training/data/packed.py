"""Packed training data: many sound files as one file of int16 samples with an index.

Memory-mapped, or in a smaller form for a journey.

Layout, all integers little-endian::

    64 bytes   magic, version, part, number of parts, CRC-32, position and length of the index, set's identity
    payload    int16 mono samples, clip after clip
    words      uint32 fingerprints
    index      JSON: sample rate, clips, files that were left out

In a compact file (`lamina.models.training.data.compact`) the payload is, for each clip, the number of its bytes
(uint32) and these bytes; the words are those of the clips in their order.

A large set may be written as `NAME.part1`, `NAME.part2` …; each part is a complete file of its own, and opening NAME or
any part's name opens what belongs to it. Nothing of a file is executed, and no size in it is believed before it is
checked.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lamina.models.training.data.compact import expand
from lamina.models.training.sounds.audio_files import HIGHEST_RATE, KINDS, LOWEST_RATE, PLAIN_KIND

MAGIC = b"laminapk"
VERSION, COMPACT_VERSION = 1, 2
PREAMBLE = struct.Struct("<8sIIIIQQ16s8x")
BLOB_LENGTH = struct.Struct("<I")
SUFFIX = ".lpack"
LARGEST_INDEX = 1 << 30

Entry = TypeVar("Entry", "PackedClip", "LeftOut")


@dataclass(frozen=True)
class PackedClip:
    """One sound file, or the piece of it that one part holds.

    Args:
        path: `folder/path/inside` as it was when packed.
        kind: "speech", "music", "noise" or "all".
        start, length: samples in the payload.
        native_rate: the file's own rate in Hz.
        band_edge_hz, peak, clipped, silent, dc: see `ClipMeasures`.
        checksum: CRC-32 of the samples.
        word_start, n_words: the fingerprint's place among the words.
        source, licence: from the folder's manifest, or empty.
    """

    path: str
    kind: str
    start: int
    length: int
    native_rate: int
    band_edge_hz: float
    peak: float
    clipped: float
    silent: float
    dc: float
    checksum: int
    word_start: int
    n_words: int
    source: str = ""
    licence: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A file that could not be packed, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class PackedSet:
    """An opened packed file, or all parts of one.

    Args:
        path: as it was asked for.
        sample_rate: of all samples, in Hz.
        clips: every clip.
        samples: per clip, its int16 samples; views that are not read from disk before they are used, unless the file is
            a compact one.
        fingerprints: per clip, a view of its uint32 words.
        left_out: files that could not be packed.
    """

    path: Path
    sample_rate: int
    clips: list[PackedClip]
    samples: list[npt.NDArray[np.int16]]
    fingerprints: list[npt.NDArray[np.uint32]]
    left_out: list[LeftOut]

    @property
    def seconds(self) -> float:
        """Seconds of sound."""
        return sum(clip.length for clip in self.clips) / self.sample_rate

    def damaged_clips(self) -> list[PackedClip]:
        """The clips whose samples are not those that were packed. Reads the whole payload."""
        return [
            clip
            for clip, samples in zip(self.clips, self.samples, strict=True)
            if zlib.crc32(samples.tobytes()) != clip.checksum
        ]


def part_path(path: Path, part: int) -> Path:
    """Where part 1, 2, … of a set named `path` lies."""
    return path.with_name(f"{path.name}.part{part}")


def is_packed(path: Path) -> bool:
    """Whether `path` names a file, or a set of which the first part lies there."""
    return path.is_file() or part_path(path, 1).is_file()


def open_packed(path: Path) -> PackedSet:
    """Open a packed file, the set of parts named `path`, or a single part of one (`NAME.part2`).

    Raises ValueError if it is missing, no packed file, damaged, cut short, or if a part of the set is missing.
    """
    if path.is_file() and part_path(path, 1).is_file():
        raise ValueError(f"{path} and {part_path(path, 1)} both exist; delete the one that is out of date.")
    if path.is_file():
        single = _open_one(path)
        # One part of several may be used alone, when it is asked for by its own name.
        if single.parts > 1 and not re.search(r"\.part\d+$", path.name):
            raise ValueError(
                f"{path} is part {single.part} of {single.parts}; keep the name NAME.part{single.part} and open NAME."
            )
        return PackedSet(path, single.sample_rate, single.clips, single.samples, single.fingerprints, single.left_out)
    if not part_path(path, 1).is_file():
        raise ValueError(f"There is no packed file {path}. Make one with: lamina data pack FOLDER --out {path}")
    parts = [_open_one(part_path(path, 1))]
    for number in range(2, parts[0].parts + 1):
        place = part_path(path, number)
        if not place.is_file():
            raise ValueError(
                f"{place} is missing; the set has {parts[0].parts} parts. Copy it there, or pack the folder again."
            )
        parts.append(_open_one(place))
        if parts[-1].identity != parts[0].identity or parts[-1].part != number:
            raise ValueError(f"{place} belongs to another set than {part_path(path, 1)}. Pack the folder again.")
    return PackedSet(
        path,
        parts[0].sample_rate,
        [clip for part in parts for clip in part.clips],
        [samples for part in parts for samples in part.samples],
        [words for part in parts for words in part.fingerprints],
        [entry for part in parts for entry in part.left_out],
    )


@dataclass(frozen=True)
class _Part:
    part: int
    parts: int
    identity: bytes
    sample_rate: int
    clips: list[PackedClip]
    samples: list[npt.NDArray[np.int16]]
    fingerprints: list[npt.NDArray[np.uint32]]
    left_out: list[LeftOut]


def _open_one(path: Path) -> _Part:
    size = path.stat().st_size
    with path.open("rb") as file:
        preamble = file.read(PREAMBLE.size)
        if preamble[: len(MAGIC)] != MAGIC:
            raise ValueError(
                f"{path} is not packed training data. Give a folder of sound files, or a file that `lamina data pack` "
                "wrote."
            )
        if len(preamble) < PREAMBLE.size:
            raise _damaged(path, "it is cut short")
        _, version, part, parts, checksum, position, length, identity = PREAMBLE.unpack(preamble)
        if version not in (VERSION, COMPACT_VERSION):
            raise ValueError(
                f"{path} has version {version} of the packed format; this Lamina reads up to {COMPACT_VERSION}. Pack "
                "the folder again."
            )
        if position + length != size:
            raise _damaged(path, f"it has {size} bytes instead of {position + length}")
        if position < PREAMBLE.size or length > LARGEST_INDEX or not 1 <= part <= parts:
            raise _damaged(path, "its first 64 bytes make no sense")
        file.seek(position)
        index = file.read(length)
    if zlib.crc32(index) != checksum:
        raise _damaged(path, "its index has changed since it was written")
    try:
        rate, n_samples, clips, left_out = _parse_index(json.loads(index))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, "its index makes no sense") from error
    try:
        samples, words_at = (
            _map_samples(path, n_samples, clips) if version == VERSION else _expand_samples(path, position, clips)
        )
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    if words_at > position or (position - words_at) % 4:
        raise _damaged(path, "its index does not fit its size")
    n_words = (position - words_at) // 4
    if any(clip.word_start + clip.n_words > n_words for clip in clips):
        raise _damaged(path, "its index names fingerprints that are not there")
    words = np.asarray(np.memmap(path, "<u4", "r", words_at, (n_words,))) if n_words else np.zeros(0, np.uint32)
    fingerprints = [words[clip.word_start : clip.word_start + clip.n_words] for clip in clips]
    return _Part(part, parts, identity, rate, clips, samples, fingerprints, left_out)


def _map_samples(path: Path, n_samples: int, clips: list[PackedClip]) -> tuple[list[npt.NDArray[np.int16]], int]:
    """The clips' samples as views of the file, and where they end in it. Raises ValueError if they aren't all there."""
    end = PREAMBLE.size + 2 * n_samples
    if end > path.stat().st_size or any(clip.start + clip.length > n_samples for clip in clips):
        raise ValueError("its index names samples that are not there")
    payload = (
        np.asarray(np.memmap(path, "<i2", "r", PREAMBLE.size, (n_samples,))) if n_samples else np.zeros(0, np.int16)
    )
    return [payload[clip.start : clip.start + clip.length] for clip in clips], end


def _expand_samples(path: Path, stop: int, clips: list[PackedClip]) -> tuple[list[npt.NDArray[np.int16]], int]:
    """The clips' samples from the compact file's bytes before `stop`, and where these end.

    Raises ValueError if they are damaged.
    """
    blobs = []
    with path.open("rb") as file:
        file.seek(PREAMBLE.size)
        for _ in clips:
            head = file.read(BLOB_LENGTH.size)
            n_bytes = BLOB_LENGTH.unpack(head)[0] if len(head) == BLOB_LENGTH.size else stop
            if file.tell() + n_bytes > stop:
                raise ValueError("its index names samples that are not there")
            blobs.append(file.read(n_bytes))
        end = file.tell()
    with ThreadPoolExecutor() as pool:
        return list(pool.map(expand, blobs, [clip.length for clip in clips])), end


def _damaged(path: Path, how: str) -> ValueError:
    return ValueError(f"{path} is damaged: {how}. Copy it again, or pack the folder again.")


def dump_index(sample_rate: int, n_samples: int, clips: list[PackedClip], left_out: list[LeftOut]) -> bytes:
    """The index as it is written."""
    index = {
        "sample_rate": sample_rate,
        "n_samples": n_samples,
        "clips": [asdict(clip) for clip in clips],
        "left_out": [asdict(entry) for entry in left_out],
    }
    return json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _parse_index(index: dict[str, Any]) -> tuple[int, int, list[PackedClip], list[LeftOut]]:
    rate, n_samples = index["sample_rate"], index["n_samples"]
    if type(rate) is not int or not LOWEST_RATE <= rate <= HIGHEST_RATE or type(n_samples) is not int or n_samples < 0:
        raise ValueError("sample_rate or n_samples")
    clips = [_checked(PackedClip, entry) for entry in index["clips"]]
    if not all(clip.kind in (*KINDS, PLAIN_KIND) for clip in clips):
        raise ValueError("kind")
    return rate, n_samples, clips, [_checked(LeftOut, entry) for entry in index["left_out"]]


def _checked(kind: type[Entry], entry: dict[str, Any]) -> Entry:
    """Make the dataclass of a JSON object.

    Raises ValueError, KeyError or TypeError where a field is missing, unknown or of a wrong type.
    """
    for field in fields(kind):
        value = entry[field.name]
        allowed = {"str": (str,), "int": (int,), "float": (int, float)}[str(field.type)]
        if (
            type(value) not in allowed
            or (type(value) is int and value < 0)
            or (type(value) is float and not math.isfinite(value))
        ):
            raise ValueError(field.name)
    return kind(**entry)
