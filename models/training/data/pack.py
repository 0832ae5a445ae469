"""Packing folders of sound files into a packed file: decoded, mixed to mono, resampled and measured, once.

Files that can't be read are left out and listed. The result appears complete or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import secrets
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from lamina.models.training.data.packed import (
    MAGIC,
    PREAMBLE,
    SUFFIX,
    VERSION,
    LeftOut,
    PackedClip,
    dump_index,
    part_path,
)
from lamina.models.training.sounds.audio_files import (
    AUDIO_SUFFIXES,
    FoundFile,
    UnreadableError,
    find_audio,
    open_mono,
    to_int16,
)
from lamina.models.training.sounds.clip_meter import ClipMeasures, ClipMeter

log = logging.getLogger(__name__)

MANIFEST = "manifest.csv"
SMALLEST_PART = 1_000_000
CLIP_ENTRY_BYTES = 2_000
"""Allowance for a clip's entry in the index when the size of a part is watched."""

Progress = Callable[[float], None]


def pack_folders(
    folders: list[Path],
    target: Path,
    sample_rate: int = 24_000,
    part_bytes: int | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Pack every sound file of the folders into `target`; returns the files written.

    Args:
        folders: each with subfolders `speech`, `music`, `noise`, or plain. A `manifest.csv` in a folder or beside it
            (columns path, source, licence) gives clips their source and licence.
        target: the packed file; replaced if it exists.
        sample_rate: of the packed samples, in Hz.
        part_bytes: if given, no file is larger and they are `target.part1`, `target.part2` …
        progress: called with the share done, 0 … 1.

    Raises ValueError, before anything is written, if a folder is missing or holds no sound file, or `target` can't be
    written to.
    """
    check_target(target, part_bytes)
    files: list[FoundFile] = []
    left_out: list[FoundFile] = []
    sources: dict[Path, tuple[str, str]] = {}
    for folder in folders:
        used, unused = find_audio(folder)
        if not used:
            raise ValueError(f"{folder} holds no sound files ({', '.join(sorted(AUDIO_SUFFIXES))}).")
        files += used
        left_out += unused
        sources |= _read_manifest(folder.resolve())
    total, done = sum(file.path.stat().st_size for file in files) or 1, 0
    with _PackWriter(target, sample_rate, part_bytes) as writer:
        for unused_file in left_out:
            writer.leave_out(unused_file.name, "lies outside the folders speech, music and noise")
        for file in files:
            size = file.path.stat().st_size
            writer.source, writer.licence = sources.get(file.path, ("", ""))
            for share in _pack_file(writer, file, sample_rate):
                if progress is not None:
                    progress(min(1.0, (done + share * size) / total))
            done += size
        return writer.finish()


def cached_pack(folder: Path, cache: Path, sample_rate: int = 24_000, progress: Progress | None = None) -> Path:
    """The folder's packed file in the cache, packed anew if a file of the folder was added, removed or changed.

    Raises ValueError as `pack_folders` does.
    """
    used, left_out = find_audio(folder)
    folder = folder.resolve()
    key = hashlib.sha256(f"{VERSION}:{sample_rate}".encode())
    for path in (*(file.path for file in (*used, *left_out)), *_manifests(folder)):
        info = path.stat()
        key.update(f"{path.relative_to(folder.parent)}:{info.st_size}:{info.st_mtime_ns}\n".encode("utf-8", "replace"))
    place = hashlib.sha256(str(folder).encode("utf-8", "replace")).hexdigest()[:8]
    stem = f"{folder.name[:40]}-{place}"
    target = cache / f"{stem}-{key.hexdigest()[:16]}{SUFFIX}"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        pack_folders([folder], target, sample_rate, progress=progress)
        for older in cache.glob(f"{stem}-*{SUFFIX}"):
            if older != target:
                with suppress(OSError):
                    older.unlink()
    return target


def check_target(target: Path, part_bytes: int | None) -> None:
    """Raises ValueError if `target`, or with `part_bytes` its parts, can't be written there."""
    if part_bytes is not None and part_bytes < SMALLEST_PART:
        raise ValueError(f"Parts of {part_bytes / 1e6:g} MB are too small; give at least {SMALLEST_PART / 1e6:g} MB.")
    if target.is_dir():
        raise ValueError(f"{target} is a folder; name a file.")
    if not target.parent.is_dir():
        raise ValueError(f"The folder {target.parent} does not exist. Make it first.")
    other = target if part_bytes is not None else part_path(target, 1)
    if other.exists():
        raise ValueError(
            f"{other} exists and would be taken for the new data. Delete it first, or choose another name."
        )


def drop_parts_from(target: Path, number: int) -> None:
    """Delete the parts that an earlier, larger set of this name left behind."""
    while part_path(target, number).is_file():
        part_path(target, number).unlink()
        number += 1


def _pack_file(writer: _PackWriter, file: FoundFile, sample_rate: int) -> Iterator[float]:
    """Add one file, and yield the share done.

    A file that proves unreadable leaves nothing but an entry among those left out.
    """
    writer.begin_file(file)
    try:
        with open_mono(file.path, sample_rate) as reader:
            writer.native_rate = reader.native_rate
            meter = ClipMeter(sample_rate)
            for native, mono, share in reader.blocks():
                if writer.is_full_with(len(mono)):
                    writer.end_clip(meter.result())
                    writer.next_part()
                    meter = ClipMeter(sample_rate)
                meter.add(native, mono)
                writer.add(to_int16(mono))
                yield share
            writer.end_clip(meter.result())
            if writer.file_is_empty:
                raise UnreadableError("holds no sound")
    except UnreadableError as error:
        writer.drop_file()
        writer.leave_out(file.name, str(error))
        log.warning("left out %s: %s", file.path, error)
        yield 1.0


def _manifests(folder: Path) -> list[Path]:
    return [place / MANIFEST for place in (folder, folder.parent) if (place / MANIFEST).is_file()]


def _read_manifest(folder: Path) -> dict[Path, tuple[str, str]]:
    """File → source and licence."""
    for path in _manifests(folder):
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except (OSError, ValueError, csv.Error) as error:
            log.warning("%s is ignored: %s", path, error)
            continue
        if rows and "path" in rows[0]:
            return {
                path.parent / row["path"]: (row.get("source") or "", row.get("licence") or row.get("license") or "")
                for row in rows
            }
    return {}


@dataclass
class _PartFile:
    path: Path
    clips: list[PackedClip] = field(default_factory=list)
    words: list[npt.NDArray[np.uint32]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    n_samples: int = 0
    n_words: int = 0

    @property
    def n_bytes(self) -> int:
        entries = (len(self.clips) + len(self.left_out)) * CLIP_ENTRY_BYTES
        return PREAMBLE.size + 2 * self.n_samples + 4 * self.n_words + entries


class _PackWriter:
    """Writes parts under temporary names; `finish` completes them and moves them to their place."""

    source = licence = ""
    native_rate = 0

    def __init__(self, target: Path, sample_rate: int, part_bytes: int | None) -> None:
        self.target, self.sample_rate, self.part_bytes = target, sample_rate, part_bytes
        self._token = secrets.token_bytes(16)
        self._handle: BinaryIO
        self._parts: list[_PartFile] = []
        self._file_clips: list[tuple[_PartFile, PackedClip]] = []

    def __enter__(self) -> _PackWriter:
        self.next_part()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.close()
        for part in self._parts:
            part.path.unlink(missing_ok=True)

    @property
    def _part(self) -> _PartFile:
        return self._parts[-1]

    def next_part(self) -> None:
        if self._parts:
            self._handle.close()
        number = len(self._parts) + 1
        path = self.target.with_name(f".{self.target.stem[:40]}-{self._token.hex()[:8]}.partial{number}")
        self._parts.append(_PartFile(path))
        self._handle = path.open("x+b")
        self._handle.write(bytes(PREAMBLE.size))
        self._clip_start = self._checksum = 0

    def is_full_with(self, n_samples: int) -> bool:
        """Whether so many more samples would make the part too large."""
        if self.part_bytes is None or self._part.n_samples == 0:
            return False
        words = 4 * ((self._part.n_samples - self._clip_start) * 25 // self.sample_rate + 200)
        return self._part.n_bytes + words + 2 * n_samples + 2 * CLIP_ENTRY_BYTES > self.part_bytes

    def begin_file(self, file: FoundFile) -> None:
        self._file = file
        self._file_clips = []
        self._clip_start, self._checksum = self._part.n_samples, 0

    def add(self, samples: npt.NDArray[np.int16]) -> None:
        data = samples.astype("<i2", copy=False).tobytes()
        self._checksum = zlib.crc32(data, self._checksum)
        self._handle.write(data)
        self._part.n_samples += len(samples)

    def end_clip(self, measures: ClipMeasures) -> None:
        length = self._part.n_samples - self._clip_start
        if length == 0:
            return
        clip = PackedClip(
            path=self._file.name,
            kind=self._file.kind,
            start=self._clip_start,
            length=length,
            native_rate=self.native_rate,
            band_edge_hz=round(measures.band_edge_hz),
            peak=round(measures.peak, 5),
            clipped=round(measures.clipped, 7),
            silent=round(measures.silent, 4),
            dc=round(measures.dc, 6),
            checksum=self._checksum,
            word_start=self._part.n_words,
            n_words=len(measures.fingerprint),
            source=self.source,
            licence=self.licence,
        )
        self._part.clips.append(clip)
        self._part.words.append(measures.fingerprint)
        self._part.n_words += len(measures.fingerprint)
        self._file_clips.append((self._part, clip))
        self._clip_start, self._checksum = self._part.n_samples, 0

    @property
    def file_is_empty(self) -> bool:
        return not self._file_clips

    def drop_file(self) -> None:
        """Forget the file that was begun; what it left in earlier parts is no longer named by their index."""
        for part, clip in self._file_clips:
            part.clips.remove(clip)
        self._file_clips = []
        if self._part.n_samples > self._clip_start:
            self._part.n_samples = self._clip_start
            self._handle.seek(PREAMBLE.size + 2 * self._clip_start)
            self._handle.truncate()

    def leave_out(self, path: str, reason: str) -> None:
        self._part.left_out.append(LeftOut(path, reason))

    def finish(self) -> list[Path]:
        self._handle.close()
        if not any(part.clips for part in self._parts):
            reasons = "; ".join(f"{entry.path}: {entry.reason}" for part in self._parts for entry in part.left_out[:3])
            raise ValueError(f"None of the sound files could be used ({reasons}).")
        for number, part in enumerate(self._parts, 1):
            index = dump_index(self.sample_rate, part.n_samples, part.clips, part.left_out)
            position = PREAMBLE.size + 2 * part.n_samples + 4 * part.n_words
            preamble = PREAMBLE.pack(
                MAGIC, VERSION, number, len(self._parts), zlib.crc32(index), position, len(index), self._token
            )
            with part.path.open("r+b") as file:
                file.write(preamble)
                file.seek(PREAMBLE.size + 2 * part.n_samples)
                for words in part.words:
                    file.write(words.astype("<u4", copy=False).tobytes())
                file.write(index)
        places = (
            [self.target]
            if self.part_bytes is None
            else [part_path(self.target, n + 1) for n in range(len(self._parts))]
        )
        for part, place in zip(self._parts, places, strict=True):
            part.path.replace(place)
        if self.part_bytes is not None:
            drop_parts_from(self.target, len(places) + 1)
        return places
