"""One coded frame on its way through the desk."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

CodeArray = npt.NDArray[np.int16]

ABSENT = -1
"""Stands for a code that was not sent, or got lost."""


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """Args:
    codes: int16 `[channels, layers]`, ABSENT where there is none. Never changed in place: frames are shared.
    layers: layers of the channel that has most.
    rms, peak: of the input that was coded, loudest channel.
    level: gain that the decoded frame gets.
    prediction: what the codec's memory foresaw of it, `[channels, latent]`; codes add to that. None without a memory.
    first: the row of the codec's entries in which layer 1 of each channel is (`CodecRuntime.first_rows`), `[channels]`.
    crossed: whether its layers come from two sounds.
    other: a second frame that is heard with it, if there is one: the vectors for the decoder are mixed.
    other_share: how much of that one, 0 … 1.
    """

    codes: CodeArray
    layers: int
    rms: float
    peak: float
    level: float = 1.0
    prediction: FloatArray | None = None
    first: npt.NDArray[np.int64] | None = None
    crossed: bool = False
    other: CodedFrame | None = None
    other_share: float = 0.0

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of the codec's entries that each code points into, `[channels, layers]`."""
        each = np.arange(self.codes.shape[1])
        return np.broadcast_to(each, self.codes.shape) if self.first is None else self.first[:, None] + each

    @property
    def n_present(self) -> npt.NDArray[np.uint8]:
        """Layers of which a code is there, `[channels]`; of the louder one while two frames are mixed."""
        if self.other is not None and self.other_share > 0.5:
            return self.other.n_present
        present: npt.NDArray[np.uint8] = (self.codes >= 0).sum(1, dtype=np.uint8)
        return present

    @property
    def foreseen_by_lag(self) -> npt.NDArray[np.bool_]:
        """Channels whose layer 1 is a lag: what it adds is the prediction, `[channels]`."""
        if self.first is None:
            return np.zeros(len(self.codes), bool)
        by_lag: npt.NDArray[np.bool_] = self.first == 0
        return by_lag

    def mixed(self, other: CodedFrame, share: float) -> CodedFrame:
        """This frame and a `share` of another one at once.

        For the last effect of the chain only: what follows reads the codes of one alone.
        """
        if share >= 1:
            return other
        level = (1 - share) * self.level + share * other.level
        return replace(self, peak=max(self.peak, other.peak), level=level, other=other, other_share=share)

    def thinned(self, layers: int, level: float = 1.0) -> CodedFrame:
        """The first `layers` of it, with its level times `level`."""
        codes = self.codes
        if layers < self.layers:
            codes = codes.copy()
            codes[:, layers:] = ABSENT
        return replace(self, codes=codes, layers=min(layers, self.layers), level=self.level * level)


def coded_frames(
    codes: npt.NDArray[np.uint16],
    counts: npt.NDArray[np.uint8],
    n_layers: int,
    rms: FloatArray,
    peak: FloatArray,
    predictions: FloatArray | None = None,
    first: npt.NDArray[np.int64] | None = None,
) -> list[CodedFrame]:
    """Codes `[channels, frames, n]` as frames of `n_layers` (≥ n) layers.

    `counts [channels, frames]` of them were sent.

    `rms` and `peak` are those of the input, `[frames]`; with a memory, `predictions` are `[channels, frames, latent]`
    and `first` `[channels, frames]`.
    """
    n_channels, n_frames, n_sent = codes.shape
    filled = np.full((n_channels, n_frames, n_layers), ABSENT, np.int16)
    filled[:, :, :n_sent] = codes
    most = counts.max(0).tolist()
    if counts.min(initial=n_sent) < n_sent:
        filled[np.arange(n_layers) >= counts[..., None]] = ABSENT
    levels = zip(rms.tolist(), peak.tolist(), strict=True)
    if predictions is None or first is None:
        return [CodedFrame(filled[:, index], most[index], *level) for index, level in enumerate(levels)]
    return [
        CodedFrame(filled[:, index], most[index], *level, 1.0, predictions[:, index], first[:, index])
        for index, level in enumerate(levels)
    ]


def to_and_fro(place: int, length: int) -> int:
    """0, 1 … length − 1, length − 2 … 1, 0 … for place = 0, 1 …"""
    if length < 2:
        return 0
    turn = place % (2 * length - 2)
    return min(turn, 2 * length - 2 - turn)
