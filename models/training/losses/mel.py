"""Distances of mel spectra: fine ones at one resolution, and levels of bands over longer time."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lamina.models.training.losses.spectra import PowerSpectrum

LEVEL_BANDS, LEVEL_FLOOR = 24, 1e-4
"""Mel bands of the level term, and the power (of a 512-sample frame) below which levels don't matter: about −72 dBFS of
noise.
"""


def mel_filters(n_fft: int, bands: int, sample_rate: int) -> Tensor:
    """Triangular mel filters (HTK scale) `[n_fft/2 + 1, bands]`; every band holds at least one bin."""
    mel = torch.linspace(0, 2595 * math.log10(1 + sample_rate / 1400), bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    filters = torch.minimum(rising, falling).clamp(min=0)
    for band in torch.nonzero(filters.sum(1) == 0).flatten().tolist():
        filters[band, int(torch.argmin((bins - edges[band + 1]).abs()))] = 1
    return filters.t().contiguous()


class LogMelDistance(nn.Module):
    """Mean absolute difference of log-mel spectra (natural log) at one resolution.

    Signals are `[B, samples]`, results `[B]`.
    """

    filters: Tensor

    def __init__(self, n_fft: int, bands: int, sample_rate: int) -> None:
        super().__init__()
        self.floor = 1e-3 * math.sqrt(n_fft / 1024)
        self.spectrum = PowerSpectrum(n_fft, hop=n_fft // 4 if n_fft <= 512 else n_fft // 2)
        self.register_buffer("filters", mel_filters(n_fft, bands, sample_rate))

    def forward(self, target: Tensor, output: Tensor) -> Tensor:
        return (self._log_mel(target) - self._log_mel(output)).abs().mean((1, 2))

    def _log_mel(self, x: Tensor) -> Tensor:
        return torch.log((self.spectrum(x) + 1e-9).sqrt() @ self.filters + self.floor)


class LevelDistance(nn.Module):
    """How far each band's level is off over an eighth of a second: the mean of |ln power ratio|.

    Signals are `[B, samples]`, results `[B]`.

    Where phases are unknown, terms that compare coefficient by coefficient are smallest for too little energy, and the
    sound gets duller than it is. Over a patch of time and frequency chance evens out, and the right level is the best
    one.
    """

    bands: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        window = 512
        self.spectrum = PowerSpectrum(window, window // 2)
        self.frames = max(1, round(sample_rate / 8 / (window // 2)))
        self.register_buffer("bands", mel_filters(window, LEVEL_BANDS, sample_rate))

    def forward(self, target: Tensor, output: Tensor) -> Tensor:
        return (self._levels(target) - self._levels(output)).abs().mean((1, 2))

    def _levels(self, x: Tensor) -> Tensor:
        power = self.spectrum(x) @ self.bands
        return torch.log(
            nn.functional.avg_pool1d(power.transpose(1, 2), min(self.frames, power.shape[1])) + LEVEL_FLOOR
        )
