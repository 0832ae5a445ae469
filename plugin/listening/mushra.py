"""MUSHRA: how good several versions of a sound are beside it (ITU-R BS.1534-3).

Among what is rated from 0 to 100, on one page for each sound, are the reference itself, hidden, and two anchors: the
reference through low-pass filters at 3.5 and 7 kHz.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.listening.hidden import HiddenError, StateError, chance_or, check_kind, field_of
from lamina.plugin.listening.sounds import Condition

REFERENCE, LOW_ANCHOR, MID_ANCHOR = "reference", "anchor-3.5k", "anchor-7k"
ANCHORS = {LOW_ANCHOR: 3500.0, MID_ANCHOR: 7000.0}
"""What each lets pass, in Hz."""
MOST_CONDITIONS = 8
"""With the hidden reference and two anchors eleven are rated; the standard advises against more than twelve."""
MOST_ITEMS = 50
SCALE = ("Bad", "Poor", "Fair", "Good", "Excellent")
"""The words beside the scale; each stands for 20 points (BS.1534-3, 5.4)."""
TRANSITION = 1 / 7
"""Of an anchor's edge: from 3.5 kHz to 4 kHz the filter goes down by more than 50 dB."""
STOP_BAND_DB = 60.0
KAISER_BETA = 0.1102 * (STOP_BAND_DB - 8.7)


class MushraTest:
    """A MUSHRA test: a page for each item, and on it a slot for each sound in an order that only the player knows.

    Args:
        orders: for each item, in the order of the pages: its name and what lies in its slots.
        ratings: for each page and slot, 0 to 100, or None where nothing was rated yet.
        page: the page that is looked at.

    Raises StateError for anything else.
    """

    kind = "mushra"

    def __init__(
        self,
        orders: Sequence[tuple[str, Sequence[str]]],
        ratings: Sequence[Sequence[int | None]] | None = None,
        page: int = 0,
    ) -> None:
        if not 1 <= len(orders) <= MOST_ITEMS:
            raise StateError(f"{len(orders)} sounds were given; a MUSHRA test has 1 to {MOST_ITEMS}.")
        names = [item for item, _ in orders]
        if len(set(names)) < len(names):
            raise StateError("Two sounds of the test have one name.")
        sounds = set(orders[0][1])
        if any(len(order) != len(sounds) or set(order) != sounds for _, order in orders):
            raise StateError("Every sound of a MUSHRA test needs the same versions, each once.")
        if REFERENCE not in sounds:
            raise StateError("The hidden reference is missing.")
        given: list[list[int | None]] = (
            [[None] * len(sounds) for _ in orders] if ratings is None else [list(row) for row in ratings]
        )
        if len(given) != len(orders) or any(len(row) != len(sounds) for row in given):
            raise StateError("There must be a place for one rating to each version of each sound.")
        if any(value is not None and not _is_rating(value) for row in given for value in row):
            raise StateError("Ratings are whole numbers from 0 to 100.")
        if not 0 <= page < len(orders):
            raise StateError(f"There is no page {page}; there are {len(orders)}, from 0.")
        self._orders = [(item, list(order)) for item, order in orders]
        self._ratings = given
        self.page = page

    @classmethod
    def plan(
        cls,
        items: Sequence[str],
        conditions: Sequence[str],
        anchors: Sequence[str] = tuple(ANCHORS),
        chance: random.Random | None = None,
    ) -> MushraTest:
        """A new test, with the sounds in a random order and, for each anew, its versions too.

        Args:
            items: names of the sounds.
            conditions: up to 8 keys of versions, beside the hidden reference and the anchors.
            anchors: keys of the anchors that can be made.
            chance: draws the orders; the operating system's unless given.
        """
        if not 1 <= len(conditions) <= MOST_CONDITIONS:
            raise StateError(f"{len(conditions)} versions were given; a MUSHRA test has 1 to {MOST_CONDITIONS}.")
        drawn = chance_or(chance)
        sounds = [REFERENCE, *anchors, *conditions]
        if len(set(sounds)) < len(sounds):
            raise StateError(f"Two versions have one name, or that of the reference or an anchor: {sounds}.")
        pages = [(item, drawn.sample(sounds, len(sounds))) for item in drawn.sample(list(items), len(items))]
        return cls(pages)

    @property
    def n_pages(self) -> int:
        """How many there are: one for each sound."""
        return len(self._orders)

    @property
    def n_slots(self) -> int:
        """How many are rated on each page."""
        return len(self._orders[0][1])

    @property
    def item(self) -> str:
        """The sound of this page."""
        return self.item_of(self.page)

    def item_of(self, page: int) -> str:
        """The sound of a page, from 0; raises StateError where there is none."""
        if not 0 <= page < self.n_pages:
            raise StateError(f"There is no page {page}; there are {self.n_pages}, from 0.")
        return self._orders[page][0]

    def sound_of(self, slot: int) -> str:
        """What is to be played for a slot of this page, from 0: a key. For the player alone, not to be shown."""
        if not 0 <= slot < self.n_slots:
            raise StateError(f"There is no slot {slot}; there are {self.n_slots}, from 0.")
        return self._orders[self.page][1][slot]

    def rating(self, slot: int) -> int | None:
        """What was given to a slot of this page so far."""
        self.sound_of(slot)
        return self._ratings[self.page][slot]

    def rate(self, slot: int, score: int) -> None:
        """Give a slot of this page 0 (bad) to 100 (excellent); it may be changed. Raises StateError."""
        self.sound_of(slot)
        if not _is_rating(score):
            raise StateError(f"The rating was {score!r}; it is a whole number from 0 to 100.")
        self._ratings[self.page][slot] = int(score)

    @property
    def is_rated(self) -> bool:
        """Whether every slot of this page has its rating."""
        return None not in self._ratings[self.page]

    def turn(self, by: int) -> None:
        """Go to another page: +1 on, −1 back. Raises StateError where there is none, or while ratings are missing."""
        if by > 0 and not self.is_rated:
            raise StateError("Rate every sound of this page first.")
        if not 0 <= self.page + by < self.n_pages:
            raise StateError("There is no page there.")
        self.page += by

    @property
    def is_over(self) -> bool:
        """Whether every slot of every page has its rating."""
        return all(None not in row for row in self._ratings)

    def outcome(self) -> dict[str, dict[str, int]]:
        """The rating of each version of each sound: `[item][key]`. Raises HiddenError before the end."""
        if not self.is_over:
            raise HiddenError("The ratings' names are hidden until everything is rated.")
        return {
            item: {key: int(value or 0) for key, value in zip(order, row, strict=True)}
            for (item, order), row in zip(self._orders, self._ratings, strict=True)
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it; not for the listener's eyes."""
        return {
            "kind": self.kind,
            "orders": [[item, list(order)] for item, order in self._orders],
            "ratings": [list(row) for row in self._ratings],
            "page": self.page,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> MushraTest:
        """Go on where `to_dict` was. Raises StateError if that can't be."""
        check_kind(state, cls.kind)
        orders, ratings = field_of(state, "orders", list), field_of(state, "ratings", list)
        for pair in orders:
            if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
                raise StateError("This is no state of a listening test that can go on: 'orders' is damaged.")
            if not (isinstance(pair[1], list) and all(isinstance(key, str) for key in pair[1])):
                raise StateError("This is no state of a listening test that can go on: 'orders' is damaged.")
        if not all(isinstance(row, list) for row in ratings):
            raise StateError("This is no state of a listening test that can go on: 'ratings' is damaged.")
        return cls([(item, order) for item, order in orders], ratings, field_of(state, "page", int))


def anchors_at(sample_rate: int) -> tuple[str, ...]:
    """Keys of the anchors whose filter takes something away from a sound at this rate (Hz)."""
    return tuple(key for key, edge in ANCHORS.items() if edge * (1 + TRANSITION) < sample_rate / 2)


def word_of(score: float) -> str:
    """The scale's word for a rating of 0 to 100; 20, 40, 60 and 80 belong to the better one."""
    return SCALE[min(len(SCALE) - 1, int(score // 20))]


def make_anchors(reference: Condition) -> dict[str, Condition]:
    """The low and the middle anchor of a sound, by their keys: as long as it, and not a sample late.

    The filters are linear in phase. The lower one keeps BS.1534-3, 5.1.2: within ±0.1 dB up to 3.5 kHz, 25 dB down at
    4 kHz and 50 dB at 4.5 kHz; the other is the same an octave higher. An anchor that the sound's rate leaves nothing
    to take away from is left out.
    """
    made = {}
    for key in anchors_at(reference.sample_rate):
        edge = ANCHORS[key]
        samples = _low_passed(reference.samples, edge, reference.sample_rate)
        how = {"low_pass_hz": edge, "of": dict(reference.how)}
        made[key] = replace(reference, label=f"Anchor {edge / 1000:g} kHz", how=how, samples=samples)
    return made


def _low_passed(samples: FloatArray, edge: float, sample_rate: int) -> FloatArray:
    """Zero-phase FIR by a Kaiser window (Oppenheim and Schafer, Discrete-Time Signal Processing, 7.5.3)."""
    width = edge * TRANSITION / sample_rate  # of the transition, in cycles per sample
    half = int(np.ceil((STOP_BAND_DB - 8.0) / (2.285 * 2 * np.pi * width) / 2))
    middle = edge / sample_rate + width / 2
    at = np.arange(-half, half + 1)
    kernel = 2 * middle * np.sinc(2 * middle * at) * np.kaiser(2 * half + 1, KAISER_BETA)
    kernel /= kernel.sum()
    size = 1 << (samples.shape[1] + 2 * half).bit_length()
    whole = np.fft.irfft(np.fft.rfft(samples.astype(np.float64), size) * np.fft.rfft(kernel, size), size)
    return whole[:, half : half + samples.shape[1]].astype(np.float32)


def _is_rating(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100
