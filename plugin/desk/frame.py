"""One coded frame on its way through the desk."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lamina.plugin.layouts import FloatArray

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
    """

    codes: CodeArray
    layers: int
    rms: float
    peak: float
    level: float = 1.0

    def thinned(self, layers: int, level: float = 1.0) -> CodedFrame:
        """The first `layers` of it, with its level times `level`."""
        codes = self.codes
        if layers < self.layers:
            codes = codes.copy()
            codes[:, layers:] = ABSENT
        return replace(self, codes=codes, layers=min(layers, self.layers), level=self.level * level)


def coded_frames(
    codes: npt.NDArray[np.uint16], counts: npt.NDArray[np.uint8], n_layers: int, rms: FloatArray, peak: FloatArray
) -> list[CodedFrame]:
    """Codes `[channels, frames, n]`, of which `counts [channels, frames]` were sent, as frames of `n_layers` (≥ n) layers.

    `rms` and `peak` are those of the input, `[frames]`.
    """
    n_channels, n_frames, n_sent = codes.shape
    filled = np.full((n_channels, n_frames, n_layers), ABSENT, np.int16)
    filled[:, :, :n_sent] = codes
    most = counts.max(0).tolist()
    if counts.min(initial=n_sent) < n_sent:
        filled[np.arange(n_layers) >= counts[..., None]] = ABSENT
    levels = zip(rms.tolist(), peak.tolist(), strict=True)
    return [CodedFrame(filled[:, index], most[index], *level) for index, level in enumerate(levels)]


def to_and_fro(place: int, length: int) -> int:
    """0, 1 … length − 1, length − 2 … 1, 0 … for place = 0, 1 …"""
    if length < 2:
        return 0
    turn = place % (2 * length - 2)
    return min(turn, 2 * length - 2 - turn)
