"""Finding the same recording in two places by fingerprints.

Words whose leading or trailing bits agree propose alignments; an alignment is a match where most bits agree over two
seconds. Re-encoding and a shift turn up to 20 % of the bits, another recording half of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lamina.models.training.sounds.fingerprint import SILENT_WORD, WORDS_PER_SECOND, Fingerprint

WINDOW_WORDS = 2 * WORDS_PER_SECOND
SHORTEST_WORDS = WORDS_PER_SECOND
"""Clips with less than a second of sound match nothing: by chance, too much would match them."""

LARGEST_ERROR = 0.25
HEARD_SHARE = 0.6
MOST_ALIGNMENTS = 24
COMMONEST = 400
"""Keys that occur more often than this say nothing about where."""


@dataclass(frozen=True)
class Match:
    """A query's sound that a clip of the index has too.

    Args:
        clip: the clip's number in the index.
        query_seconds, clip_seconds: where the match begins in both.
        seconds: how much of the sound matches.
        error: share of differing bits there, 0 … 0.25.
    """

    clip: int
    query_seconds: float
    clip_seconds: float
    seconds: float
    error: float


class FingerprintIndex:
    """Fingerprints of many clips, to be searched.

    Args:
        fingerprints: one per clip.
    """

    def __init__(self, fingerprints: list[Fingerprint]) -> None:
        lengths = np.array([len(words) for words in fingerprints], np.int64)
        self._starts = np.concatenate(([0], lengths.cumsum()))
        self._words = np.concatenate([*fingerprints, np.zeros(0, np.uint32)])
        self._bits = 16 if len(self._words) < 1 << 20 else 20 if len(self._words) < 1 << 24 else 24
        heard = np.flatnonzero(self._words != SILENT_WORD)
        self._tables = []
        for shift in (0, 32 - self._bits):
            keys = self._keys(self._words[heard], shift)
            order = np.argsort(keys, kind="stable")
            self._tables.append((shift, keys[order], heard[order]))

    def matches(self, query: Fingerprint, apart_from: int | None = None) -> list[Match]:
        """The clips that share sound with the query, longest match first, one match per clip.

        Args:
            query: uint32 `[n]`.
            apart_from: number of a clip that is passed over: the query itself.
        """
        found: dict[int, Match] = {}
        for alignment in self._alignments(query, apart_from):
            match = self._compare(query, alignment)
            if match is not None and (match.clip not in found or match.seconds > found[match.clip].seconds):
                found[match.clip] = match
        return sorted(found.values(), key=lambda match: -match.seconds)

    def _keys(self, words: Fingerprint, shift: int) -> npt.NDArray[np.uint32]:
        return (words >> np.uint32(shift)) & np.uint32((1 << self._bits) - 1)

    def _alignments(self, query: Fingerprint, apart_from: int | None) -> list[tuple[int, int]]:
        """Likely `(clip, place)`: where in the clip (it may be before its start) the query's first word would lie."""
        heard = np.flatnonzero(query != SILENT_WORD)
        clips, places = [], []
        for shift, keys, positions in self._tables:
            wanted = self._keys(query[heard], shift)
            first = np.searchsorted(keys, wanted, side="left")
            counts = np.searchsorted(keys, wanted, side="right") - first
            counts[counts > COMMONEST] = 0
            # Every place in the index that has a query word's key, next to that word's place in the query.
            offsets = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
            hits = positions[np.repeat(first, counts) + offsets]
            clip = np.searchsorted(self._starts, hits, side="right") - 1
            clips.append(clip)
            places.append(hits - self._starts[clip] - np.repeat(heard, counts))
        clip, place = np.concatenate(clips), np.concatenate(places)
        if apart_from is not None:
            clip, place = clip[clip != apart_from], place[clip != apart_from]
        if len(clip) == 0:
            return []
        # A copy's frames lie between the original's, so that its votes fall on two neighbouring places.
        codes, votes = np.unique(clip * (1 << 32) + (place + (1 << 31)), return_counts=True)
        neighbours = np.zeros(len(codes), np.int64)
        adjacent = np.diff(codes) == 1
        neighbours[:-1][adjacent] += votes[1:][adjacent]
        neighbours[1:][adjacent] += votes[:-1][adjacent]
        best = np.argsort(-(2 * votes + neighbours), kind="stable")[:MOST_ALIGNMENTS]
        return [(int(code >> 32), int(code & ((1 << 32) - 1)) - (1 << 31)) for code in codes[best]]

    def _compare(self, query: Fingerprint, alignment: tuple[int, int]) -> Match | None:
        clip, place = alignment
        words = self._words[self._starts[clip] : self._starts[clip + 1]]
        begin, end = max(0, -place), min(len(query), len(words) - place)
        length = end - begin
        if length < SHORTEST_WORDS:
            return None
        ours, theirs = query[begin:end], words[begin + place : end + place]
        heard = (ours != SILENT_WORD) & (theirs != SILENT_WORD)
        wrong = np.bitwise_count(ours ^ theirs) * heard
        window = min(WINDOW_WORDS, length)
        sums = np.concatenate(([0], wrong.cumsum())), np.concatenate(([0], heard.cumsum()))
        n_wrong, n_heard = (values[window:] - values[:-window] for values in sums)
        good = (n_heard >= HEARD_SHARE * window) & (n_wrong <= LARGEST_ERROR * 32 * n_heard)
        if not good.any():
            return None
        inside = np.zeros(length + 1, np.int64)
        np.add.at(inside, np.flatnonzero(good), 1)
        np.add.at(inside, np.flatnonzero(good) + window, -1)
        covered = inside.cumsum()[:-1] > 0
        first = int(covered.argmax())
        error = float(wrong[covered].sum() / max(1, 32 * heard[covered].sum()))
        if error > LARGEST_ERROR:
            return None
        return Match(
            clip=clip,
            query_seconds=(begin + first) / WORDS_PER_SECOND,
            clip_seconds=(begin + first + place) / WORDS_PER_SECOND,
            seconds=int(covered.sum()) / WORDS_PER_SECOND,
            error=error,
        )
