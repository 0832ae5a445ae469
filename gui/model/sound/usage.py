"""How the codebooks are used: which codes each layer has been sending."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lamina.plugin import FrameReport

MEMORY_SECONDS = 4.0
BRIGHTEST = 5.0


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
        self.push_codes(report.codes, int(report.layers))

    def push_codes(self, all_codes: NDArray[np.uint16], n_layers: int) -> None:
        """Adds one frame's codes, `[channels, layers]`, of which so many layers are active."""
        self.counts *= np.float32(np.exp(-1.0 / (MEMORY_SECONDS * self.frames_per_second)))
        self.active_layers = n_layers
        self.n_frames += 1
        rows = np.arange(min(all_codes.shape[1], self.n_layers))
        if all_codes.max(initial=0) >= self.codebook_size:
            return  # one of the last frames of a model that was heard before, with larger codebooks
        for codes in all_codes:
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

        A cell's brightness is its share of the layer's recent codes: 1 at BRIGHTEST times an even share and above. A
        layer with fewer recent codes than the memory holds is darker, so that one falls dark after it was switched off.
        """
        edges = np.linspace(0, self.codebook_size, n_cells, endpoint=False).astype(np.int64)
        folded = np.add.reduceat(self.counts, edges, axis=1)
        full = self.counts.sum(axis=1, keepdims=True).max(initial=MEMORY_SECONDS * self.frames_per_second / 4)
        # The root keeps a group used once visible beside one used all the time.
        return np.asarray(np.clip(folded * (n_cells / full / BRIGHTEST), 0.0, 1.0) ** 0.7, np.float32)
