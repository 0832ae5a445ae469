"""Bending: other codes for those that came."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lamina.dsp.chance import uniforms
from lamina.models.coding.likeness import MOST_NEIGHBOURS, Likeness
from lamina.models.runtime import CodecRuntime
from lamina.plugin.desk.effect import CodeEffect
from lamina.plugin.desk.frame import ABSENT, CodedFrame
from lamina.plugin.parameters.declare import ParameterGroup, choice, parameter
from lamina.plugin.parameters.kinds import MAX_LAYERS

if TYPE_CHECKING:
    from lamina.plugin.parameters.settings import Settings

BEND_CODE, SHUFFLE_LAYER = 4, 5
FORGET = 0.997
"""How much a use of a code counts after each further frame: half after three seconds."""
LARGEST_WEIGHT = 1e12
ROWS_PER_FRAME = 3
"""Rows of entries (layers) whose palette is chosen anew in each frame; all of them in an eighth of a second."""


class Bend(CodeEffect):
    """Its memory: the palette of the codes that are used most."""

    class Parameters(ParameterGroup, group="codes", tab="Bend", section="Bend", page="bend"):
        bend: str = choice(
            "Bend", ("off", "offset", "shuffle", "nearest", "common"), default="off",
            help="Other codes for those that came: some entries further on, drawn lots, near neighbours, or the most "
            "used ones only.",
        )  # fmt: skip
        bend_amount: float = parameter(
            "Bend amount", 0.0, 1.0, default=1.0, unit="%", refines="bend", help="Share of the codes that are bent.",
        )  # fmt: skip
        bend_from: int = parameter(
            "From layer", 1, MAX_LAYERS, default=1, of_layers=True, beside=True, refines="bend", help="First layer "
            "that is bent.",
        )  # fmt: skip
        bend_to: int = parameter(
            "To layer", 1, MAX_LAYERS, default=MAX_LAYERS, of_layers=True, beside=True, refines="bend",
            help="Last layer that is bent.",
        )  # fmt: skip
        bend_offset: int = parameter(
            "Offset", -512, 512, default=32, refines="bend", suits=("offset",),
            help="Entries by which Bend: offset moves; entries stand in order of likeness.",
        )  # fmt: skip
        bend_nearest: int = parameter(
            "Neighbour", 1, MOST_NEIGHBOURS, default=4, beside=True, refines="bend", suits=("nearest",),
            help="Bend: nearest takes the entry that is so many places away in likeness.",
        )  # fmt: skip
        bend_common: int = parameter(
            "Palette", 1, 512, default=16, beside=True, refines="bend", suits=("common",),
            help="Bend: common keeps so many entries of each layer, those used most lately.",
        )  # fmt: skip

    def __init__(self, runtime: CodecRuntime) -> None:
        super().__init__(runtime)
        self._palette: Palette | None = None

    @staticmethod
    def is_active(settings: Settings) -> bool:
        return settings.bend != "off" and settings.bend_amount > 0

    @staticmethod
    def prepare(runtime: CodecRuntime, settings: Settings) -> None:
        """What bending needs to know of the codebooks may take most of a second the first time."""
        if settings.bend == "offset":
            _ = runtime.likeness.place
        elif settings.bend == "nearest":
            _ = runtime.likeness.neighbours
        elif settings.bend == "shuffle":
            _shuffles(settings.seed, *runtime.codebooks.shape[:2])

    def step(self, frame: CodedFrame, settings: Settings, index: int) -> CodedFrame:
        """The frame number `index` with bent codes."""
        if frame.layers == 0 or not self.is_active(settings):
            return frame
        codes = frame.codes
        came, rows = codes.clip(0).astype(np.int64), np.minimum(frame.rows, len(self._runtime.likeness.codebooks) - 1)
        bent = self._bent(came, codes != ABSENT, rows, settings)
        hit = codes != ABSENT
        # A lag is no sound: where to look stays as it was sent.
        hit[frame.foreseen_by_lag, 0] = False
        hit[:, : settings.bend_from - 1] = False
        hit[:, settings.bend_to :] = False
        if settings.bend_amount < 1:
            hit &= uniforms(codes.size, settings.seed, BEND_CODE, index).reshape(codes.shape) < settings.bend_amount
        return replace(frame, codes=np.where(hit, bent, codes).astype(np.int16))

    def _bent(
        self, came: npt.NDArray[np.int64], sent: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64], settings: Settings
    ) -> npt.NDArray[np.int64]:
        likeness = self._runtime.likeness
        n_rows, size, _ = likeness.codebooks.shape
        if settings.bend == "offset":
            place: npt.NDArray[np.int64] = (likeness.place[rows, came] + settings.bend_offset) % size
            further: npt.NDArray[np.int64] = likeness.order[rows, place]
            return further
        if settings.bend == "shuffle":
            return _shuffles(settings.seed, n_rows, size)[rows, came]
        if settings.bend == "nearest":
            nearest = min(settings.bend_nearest, likeness.neighbours.shape[2])
            near: npt.NDArray[np.int64] = likeness.neighbours[rows, came, nearest - 1]
            return near
        if self._palette is None:
            self._palette = Palette(likeness)
        return self._palette.nearest(came, sent, rows, settings.bend_common)

    def note(self, frame: CodedFrame) -> None:
        """Codes are counted only while the palette is in use."""


class Palette:
    """The codes of each layer that were used most lately."""

    def __init__(self, likeness: Likeness) -> None:
        self._likeness = likeness
        self._n_rows, self._size, width = likeness.codebooks.shape
        self._uses = np.zeros((self._n_rows, self._size))
        self._weight = 1.0
        self._next_row = 0
        self._palette_size = 0
        self._palettes = np.zeros((self._n_rows, 0), np.int64)
        self._is_full = np.zeros(self._n_rows, bool)
        self._entries = np.zeros((self._n_rows, 0, width), np.float32)

    def nearest(
        self, came: npt.NDArray[np.int64], sent: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64], size: int
    ) -> npt.NDArray[np.int64]:
        """Codes replaced by the nearest of the `size` commonest ones, `[channels, layers]`.

        `counts` of them were sent.
        """
        self._count(came, sent, rows, size)
        entries = self._likeness.codebooks[rows, came]
        # |p|² − 2 p · e orders the palette's entries p like their distance from e does.
        products = np.matmul(self._entries[rows], entries[..., None])[..., 0]
        energies = np.take_along_axis(self._likeness.energies, self._palettes, 1)[rows]
        nearest = (energies - 2 * products).argmin(-1)
        return np.where(self._is_full[rows], self._palettes[rows, nearest], came)

    def _count(
        self, came: npt.NDArray[np.int64], sent: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64], size: int
    ) -> None:
        """Note the codes that came, and choose some rows' palettes anew."""
        self._weight /= FORGET
        if self._weight > LARGEST_WEIGHT:
            self._uses /= self._weight
            self._weight = 1.0
        for channel, of_rows, is_sent in zip(came, rows, sent, strict=True):
            np.add.at(self._uses, (of_rows[is_sent], channel[is_sent]), self._weight)
        if size != self._palette_size:
            self._palette_size = size
            self._palettes = np.zeros((self._n_rows, size), np.int64)
            self._entries = np.zeros((self._n_rows, size, self._entries.shape[2]), np.float32)
            self._is_full[:] = False
            chosen = range(self._n_rows)
        else:
            chosen = range(self._next_row, min(self._next_row + ROWS_PER_FRAME, self._n_rows))
            self._next_row = (self._next_row + ROWS_PER_FRAME) % self._n_rows
        for row in chosen:
            uses = self._uses[row]
            if np.count_nonzero(uses) < size:
                continue
            palette = np.argpartition(uses, self._size - size)[self._size - size :]
            self._palettes[row], self._entries[row] = palette, self._likeness.codebooks[row, palette]
            self._is_full[row] = True


@lru_cache(maxsize=4)
def _shuffles(seed: int, n_rows: int, size: int) -> npt.NDArray[np.int64]:
    """A permutation of the codes of each row of entries, `[n_rows, size]`."""
    return np.stack([np.argsort(uniforms(size, seed, SHUFFLE_LAYER, row), kind="stable") for row in range(n_rows)])
