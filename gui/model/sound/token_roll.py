"""The codes as they come, in step with the spectrograms: a row for each layer, a column for each frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lamina.gui.model.sound.spectrogram import COLUMNS_PER_SECOND, SECONDS
from lamina.models.bundles.bundle import Bundle
from lamina.models.coding.likeness import principal_ranks
from lamina.models.engines.core import read_codebooks
from lamina.plugin import FrameReport

NONE = -1
MOST_BITS = 14.0
"""Of surprise at which a place is brightest: of a code that didn't come within the memory of `CodeEntropy`."""
SLACK = 8
"""Columns by which codes may be early or late: they are told block by block."""


class TokenRoll:
    """A ring of columns, as a `SpectrogramRing` is.

    Args:
        n_layers, codebook_size: of the bundle.
        frames_per_second: how fast reports come.
        ranks: as `ranks_of` gives them; None for codes in the order of their numbers.

    `codes` `[layers, columns]` are those of the first channel, NONE where none was sent. `by_code` and `by_surprise`
    are what is looked up in a table of 256 colours, 0 for NONE.
    """

    def __init__(
        self,
        n_layers: int = 24,
        codebook_size: int = 1024,
        frames_per_second: float = 75.0,
        ranks: NDArray[np.int64] | None = None,
    ) -> None:
        self.n_layers, self.codebook_size, self.frames_per_second = n_layers, codebook_size, frames_per_second
        self.width = round(SECONDS * frames_per_second)
        self._ranks = np.tile(np.arange(codebook_size), (n_layers, 1)) if ranks is None else ranks
        self.n_columns = 0
        self.codes: NDArray[np.int32] = np.full((n_layers, self.width), NONE, np.int32)
        self.surprise: NDArray[np.float32] = np.zeros((n_layers, self.width), np.float32)
        self.by_code: NDArray[np.uint8] = np.zeros((n_layers, self.width), np.uint8)
        self.by_surprise: NDArray[np.uint8] = np.zeros((n_layers, self.width), np.uint8)
        self._ahead: float | None = None

    @property
    def write_place(self) -> int:
        """Where the next column goes: right of the newest, on the oldest."""
        return self.n_columns % self.width

    def push(self, report: FrameReport, surprise: NDArray[np.float64]) -> None:
        """Adds a frame; `surprise` `[layers]` are the bits by which its codes were rare."""
        n_sent = min(report.counts[0] if report.counts else int(report.layers), self.n_layers, len(surprise))
        codes = report.codes[0, :n_sent].astype(np.int32)
        if codes.max(initial=0) >= self.codebook_size:
            return  # one of the last frames of a model that was heard before, with larger codebooks
        place = self._blank()
        self.codes[:n_sent, place] = codes
        self.surprise[:n_sent, place] = surprise[:n_sent]
        # Frames of few layers have entries of their own, which follow the others.
        first = self.n_layers if n_sent <= len(self._ranks) - self.n_layers else 0
        ranks = self._ranks[first + np.arange(n_sent), codes]
        self.by_code[:n_sent, place] = 1 + ranks * 255 // self.codebook_size
        self.by_surprise[:n_sent, place] = 1 + np.rint(np.clip(surprise[:n_sent] / MOST_BITS, 0.0, 1.0) ** 2 * 254)

    def keep_step(self, n_columns: int) -> None:
        """Leaves a gap where the spectrogram, of which so many columns came, rolled on without codes."""
        due = n_columns * self.frames_per_second / COLUMNS_PER_SECOND
        if self._ahead is None:
            self._ahead = self.n_columns - due
        late = round(due + self._ahead) - self.n_columns
        if late < -SLACK:
            self._ahead -= late
        elif late > SLACK:
            self.n_columns += max(0, late - self.width)
            for _ in range(min(late, self.width)):
                self._blank()

    def clear(self) -> None:
        """Empties the picture, and counts on so that views notice."""
        for _ in range(self.width):
            self._blank()
        self._ahead = None

    def words_at(self, layer: int, share: float) -> str:
        """What was sent there: a layer from 0, and a place in time from 0, the oldest, to 1."""
        column = min(self.width - 1, max(0, int(share * self.width)))
        place = (self.write_place + column) % self.width
        age = f"{(self.width - 1 - column) / self.frames_per_second:.1f} s ago"
        code = int(self.codes[layer, place])
        if code == NONE:
            return f"layer {layer + 1}   {age}   nothing was sent"
        return f"layer {layer + 1}   {age}   code {code}   {self.surprise[layer, place]:.1f} bits of surprise"

    def _blank(self) -> int:
        place = self.write_place
        self.codes[:, place] = NONE
        self.surprise[:, place] = 0.0
        self.by_code[:, place] = self.by_surprise[:, place] = 0
        self.n_columns += 1
        return place


def ranks_of(bundle: Bundle) -> NDArray[np.int64] | None:
    """Each layer's codes in an order in which neighbours sound alike, from 0 to the codebook's size.

    `[rows, codebook_size]`: a row for each layer, and then those of the codebooks for frames of few layers, if there
    are any. A first layer that tells how far the codec looks back is in order of that. None where the model's files
    can't be read any more.
    """
    config = bundle.config
    try:
        of_entries = principal_ranks(read_codebooks(bundle)[0])
    except (OSError, ValueError):
        return None
    if config.memory is None:
        return of_entries
    n_lags, size = config.memory.n_lags, config.codebook_size
    lags = np.arange(size) % n_lags * (size // n_lags)
    return np.concatenate([lags[None], of_entries])
