"""Choosing from the training data what fits into a few compact files, for machines to which little can be brought.

Clips are cut into pieces of up to 15 s, so that many voices fit. Every file holds the kinds in the proportion in which
they are drawn, and of each kind pieces at random, narrow-band speech as seldom as it is drawn.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lamina.models.training.data.compact import compact, expand
from lamina.models.training.data.pack import CLIP_ENTRY_BYTES, check_target, drop_parts_from
from lamina.models.training.data.packed import (
    BLOB_LENGTH,
    COMPACT_VERSION,
    MAGIC,
    PREAMBLE,
    PackedClip,
    PackedSet,
    dump_index,
    part_path,
)
from lamina.models.training.data.weighting import KIND_WEIGHTS, clip_weight
from lamina.models.training.sounds.fingerprint import WORDS_PER_SECOND

PIECE_SECONDS = 15.0


@dataclass(frozen=True)
class _Piece:
    """A stretch of a clip: what was known of the clip, and its own samples and fingerprint."""

    clip: PackedClip
    samples: npt.NDArray[np.int16]
    words: npt.NDArray[np.uint32]


@dataclass
class _Part:
    """A file in the making."""

    clips: list[PackedClip] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)
    words: list[npt.NDArray[np.uint32]] = field(default_factory=list)
    n_samples: int = 0
    n_words: int = 0

    @property
    def n_bytes(self) -> int:
        blobs = sum(len(blob) + BLOB_LENGTH.size for blob in self.blobs)
        return PREAMBLE.size + blobs + 4 * self.n_words + (len(self.clips) + 1) * CLIP_ENTRY_BYTES

    def bytes_with(self, piece: _Piece, blob: bytes) -> int:
        """The file's size, at most, if this comes too."""
        return self.n_bytes + len(blob) + BLOB_LENGTH.size + 4 * len(piece.words) + CLIP_ENTRY_BYTES

    def add(self, piece: _Piece, blob: bytes) -> None:
        length = len(piece.samples)
        checksum = zlib.crc32(expand(blob, length).tobytes())
        here = replace(
            piece.clip, start=self.n_samples, length=length, word_start=self.n_words, n_words=len(piece.words)
        )
        self.clips.append(replace(here, checksum=checksum))
        self.blobs.append(blob)
        self.words.append(piece.words)
        self.n_samples += length
        self.n_words += len(piece.words)

    def write(self, path: Path, sample_rate: int, number: int, parts: int, identity: bytes) -> None:
        payload = b"".join(BLOB_LENGTH.pack(len(blob)) + blob for blob in self.blobs)
        words = b"".join(words.astype("<u4", copy=False).tobytes() for words in self.words)
        index = dump_index(sample_rate, self.n_samples, self.clips, [])
        position = PREAMBLE.size + len(payload) + len(words)
        preamble = PREAMBLE.pack(
            MAGIC, COMPACT_VERSION, number, parts, zlib.crc32(index), position, len(index), identity
        )
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(preamble + payload + words + index)
        partial.replace(path)


def pack_compactly(
    sets: list[PackedSet],
    target: Path,
    part_bytes: int,
    n_parts: int = 1,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> list[Path]:
    """Write `target.part1` … of at most `part_bytes` each, `n_parts` of them if there is so much; returns the files.

    Args:
        sets: what to choose from, all of one sample rate.
        seed: of the choice.
        progress: called with the share done, 0 … 1.

    No two parts share a sound. Raises ValueError if `target` can't be written to, or a part has no room for a single
    piece.
    """
    check_target(target, part_bytes)
    parts, done = [_Part()], dict.fromkeys(KIND_WEIGHTS, 0.0)
    waiting = _shuffled(sets, seed)
    while waiting:
        kind = min(waiting, key=lambda kind: done[kind] / KIND_WEIGHTS[kind])
        piece = waiting[kind].pop()
        if not waiting[kind]:
            del waiting[kind]
        blob = compact(piece.samples)
        if parts[-1].bytes_with(piece, blob) > part_bytes:
            if not parts[-1].clips:
                raise ValueError(f"Parts of {part_bytes / 1e6:g} MB are too small for {PIECE_SECONDS:g} s of sound.")
            if len(parts) == n_parts:
                break
            parts.append(_Part())
        parts[-1].add(piece, blob)
        done[kind] += len(piece.samples)
        if progress is not None:
            progress(min(1.0, (len(parts) - 1 + parts[-1].n_bytes / part_bytes) / n_parts))
    identity, written = secrets.token_bytes(16), []
    for number, part in enumerate(parts, 1):
        written.append(part_path(target, number))
        part.write(written[-1], sets[0].sample_rate, number, len(parts), identity)
    drop_parts_from(target, len(parts) + 1)
    return written


def _shuffled(sets: list[PackedSet], seed: int) -> dict[str, list[_Piece]]:
    """All pieces of each kind, the next one last; a piece of twice the weight comes sooner in two of three cases."""
    random = np.random.default_rng(seed)
    pieces: dict[str, list[tuple[float, _Piece]]] = {kind: [] for kind in KIND_WEIGHTS}
    for packed in sets:
        for piece in _pieces(packed):
            # Efraimidis and Spirakis 2006, "Weighted random sampling with a reservoir", algorithm A.
            key = random.random() ** (1 / clip_weight(piece.clip.kind, piece.clip.band_edge_hz))
            pieces[piece.clip.kind].append((key, piece))
    ordered = {kind: sorted(of_kind, key=lambda one: one[0]) for kind, of_kind in pieces.items() if of_kind}
    return {kind: [piece for _, piece in of_kind] for kind, of_kind in ordered.items()}


def _pieces(packed: PackedSet) -> list[_Piece]:
    """The set's clips, cut into equal pieces of whole fingerprint words."""
    word = packed.sample_rate // WORDS_PER_SECOND
    pieces = []
    for clip, samples, words in zip(packed.clips, packed.samples, packed.fingerprints, strict=True):
        count = -(-clip.length // round(PIECE_SECONDS * packed.sample_rate))
        length = -(-clip.length // (count * word)) * word
        for start in range(0, clip.length, length):
            place = start // word
            pieces.append(_Piece(clip, samples[start : start + length], words[place : place + length // word]))
    return pieces
