"""How the codebooks are used: which codes each layer has been sending."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lamina.plugin import FrameReport

MEMORY_SECONDS = 4.0


@dataclass
class CodebookUsage:
    """Counts of codes per layer, fading with time.

    n_layers, codebook_size: of the bundle.
    frames_per_second: how fast reports come.
    active_layers: of the newest report; 0 before the first.
    counts: `[layers, codes]`, each report adds 1 per channel and fades what was there, so the sum stays bounded.
    seen: `[layers, codes]`, codes sent at all since the last `clear`.
    """

    n_layers: int = 24
    codebook_size: int = 1024
    frames_per_second: float = 75.0
    active_layers: int = 0
    n_frames: int = 0
    counts: NDArray[np.float32] = field(init=False)
    seen: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((self.n_layers, self.codebook_size), np.float32)
        self.seen = np.zeros((self.n_layers, self.codebook_size), np.bool_)

    def push(self, report: FrameReport) -> None:
        """Adds one frame's codes, `report.codes` `[channels, layers]`."""
        self.counts *= np.float32(np.exp(-1.0 / (MEMORY_SECONDS * self.frames_per_second)))
        self.active_layers = int(report.layers)
        self.n_frames += 1
        rows = np.arange(min(report.codes.shape[1], self.n_layers))
        for codes in report.codes:
            chosen = codes[: len(rows)].astype(np.intp)
            self.counts[rows, chosen] += 1.0
            self.seen[rows, chosen] = True

    def clear(self) -> None:
        """Forgets everything, as for a new clip."""
        self.counts[:] = 0.0
        self.seen[:] = False
        self.active_layers = 0
        self.n_frames = 0

    def used(self) -> NDArray[np.int64]:
        """Different codes each layer has sent since the last `clear`, `[layers]`."""
        return self.seen.sum(axis=1)

    def perplexity(self) -> NDArray[np.float64]:
        """How many equally frequent codes would be as varied as the recent ones, `[layers]`, 0 where there are none.

        2 to the power of the entropy in bits of the fading counts.
        """
        totals = self.counts.sum(axis=1, keepdims=True, dtype=np.float64)
        share = self.counts / np.maximum(totals, 1e-9)
        entropy = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=1)
        return np.where(totals[:, 0] > 1e-3, np.exp(entropy), 0.0)

    def strips(self, n_cells: int) -> NDArray[np.float32]:
        """The counts folded to `n_cells` neighbouring groups of codes and scaled to 0–1, `[layers, n_cells]`.

        The scale is a fixed number of recent uses, so a strip also shows how busy its layer is; the square root keeps a
        code used once visible beside one used all the time.
        """
        edges = np.linspace(0, self.codebook_size, n_cells, endpoint=False).astype(np.int64)
        folded = np.add.reduceat(self.counts, edges, axis=1)
        busy = MEMORY_SECONDS * self.frames_per_second * 4.0 / n_cells
        return np.sqrt(np.clip(folded / busy, 0.0, 1.0))
