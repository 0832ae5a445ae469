"""How much each layer's codes really say: their entropy in bits, beside the bits that they are sent in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lamina.plugin import FrameReport

MEMORY_SECONDS = 20.0
LEAST_FRAMES = 375
"""Five seconds: before that little can be said of how often a code comes."""
FORGOTTEN = 0.05
"""A code whose fading count is below that is one that doesn't come."""

UNSEEN = 0.1
"""What a code that never came counts for: it is rare, not impossible."""


@dataclass
class CodeEntropy:
    """Counts codes of the last seconds, fading with time, per layer.

    n_layers, codebook_size: of the bundle.
    frames_per_second: how fast reports come.
    """

    n_layers: int = 24
    codebook_size: int = 1024
    frames_per_second: float = 75.0
    senders: NDArray[np.int64] = field(init=False)
    """How many channels send each layer now, `[layers]`."""

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets everything, as for a new clip."""
        self.senders = np.zeros(self.n_layers, np.int64)
        self._counts = np.zeros((self.n_layers, self.codebook_size))
        self._squares = np.zeros(self.n_layers)  # of the weights, which tell how many codes the counts are worth
        self._n_frames = np.zeros(self.n_layers, np.int64)

    def push(self, report: FrameReport) -> None:
        """Adds one frame."""
        n_layers = min(report.codes.shape[1], self.n_layers)
        codes = report.codes[:, :n_layers].astype(np.intp)
        if codes.max(initial=0) >= self.codebook_size:
            return  # one of the last frames of a model that was heard before, with larger codebooks
        kept = float(np.exp(-1.0 / (MEMORY_SECONDS * self.frames_per_second)))
        self._counts *= kept
        self._squares *= kept * kept
        self.senders[:] = 0
        for channel, of_channel in enumerate(codes):
            n_sent = min(report.counts[channel], n_layers) if channel < len(report.counts) else n_layers
            sent = np.arange(n_sent)
            self._counts[sent, of_channel[:n_sent]] += 1.0
            self._squares[:n_sent] += 1.0
            self.senders[:n_sent] += 1
        self._n_frames += self.senders > 0

    def surprise(self, all_codes: NDArray[np.uint16]) -> NDArray[np.float64]:
        """Bits by which a frame's codes, `[channels, layers]`, are rare beside those before it: `[layers]`, the mean of
        all channels. Ask before `push`.
        """
        rows = np.arange(min(all_codes.shape[1], self.n_layers))
        codes = all_codes[:, : len(rows)].astype(np.intp)
        if codes.max(initial=0) >= self.codebook_size:
            return np.zeros(len(rows))
        counted = self._counts[rows, codes] + UNSEEN
        totals = self._counts[: len(rows)].sum(axis=1) + UNSEEN * self.codebook_size
        return np.asarray(np.log2(totals / counted).mean(axis=0))

    def bits(self) -> NDArray[np.float64]:
        """Entropy in bits of a code of each layer, `[layers]`; NaN for one that isn't sent, or hasn't been for long.

        Few codes look less varied than what they come from is; how much less is added as Miller and Madow have it
        (Note on the bias of information estimates, 1955).
        """
        totals = np.maximum(self._counts.sum(axis=1), 1e-9)
        shares = self._counts / totals[:, None]
        plain = -(shares * np.log2(np.maximum(shares, 1e-12))).sum(axis=1)
        worth = np.maximum(totals**2 / np.maximum(self._squares, 1e-9), 1.0)
        n_used = (self._counts > FORGOTTEN).sum(axis=1)
        bits = plain + np.maximum(n_used - 1, 0) / (2 * np.log(2) * worth)
        is_known = (self.senders > 0) & (self._n_frames >= LEAST_FRAMES)
        return np.where(is_known, np.minimum(bits, np.log2(self.codebook_size)), np.nan)

    @property
    def code_bits(self) -> float:
        """Bits that a code of a layer is sent in."""
        return float(np.log2(self.codebook_size))

    def words(self) -> str:
        """The entropy of all that is sent, beside the rate it is sent at; nothing where it isn't known."""
        bits = self.frame_bits()
        if bits is None:
            return ""
        sent = self.code_bits * int(self.senders.sum())
        of_bits = self.frames_per_second / 1000
        return f"entropy {bits * of_bits:.1f} of {sent * of_bits:.1f} kbps sent"

    def frame_bits(self) -> float | None:
        """Entropy in bits of a frame of all channels together; None where that of a layer isn't known."""
        is_sent = self.senders > 0
        bits = self.bits()[is_sent]
        return float((bits * self.senders[is_sent]).sum()) if is_sent.any() and not np.isnan(bits).any() else None
