"""Short-time power spectra for losses: as a matrix product where that beats a Fourier transform."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

LARGEST_PRODUCT = 800
"""Window lengths up to this one are transformed by a matrix product, which processors do far faster than many small
FFTs.
"""


class PowerSpectrum(nn.Module):
    """|STFT|² of `[B, samples]` with a Hann window: `[B, frames, bins]`, frames that lie inside the signal only.

    Args:
        window: its length in samples.
        hop: samples between frames.
        n_fft: transform length, ≥ window (default: the window).
        bins: how many bins, from 0 Hz up (default: all, n_fft/2 + 1).
    """

    hann: Tensor
    product: Tensor

    def __init__(self, window: int, hop: int, n_fft: int | None = None, bins: int | None = None) -> None:
        super().__init__()
        self.window, self.hop, self.n_fft = window, hop, n_fft or window
        self.bins = bins or self.n_fft // 2 + 1
        self.register_buffer("hann", torch.hann_window(window))
        if window <= LARGEST_PRODUCT:
            angles = (
                2 * math.pi / self.n_fft * torch.outer(torch.arange(window).double(), torch.arange(self.bins).double())
            )
            both = torch.cat([torch.cos(angles), torch.sin(angles)], 1) * self.hann.double()[:, None]
            self.register_buffer("product", both.float())

    def forward(self, x: Tensor) -> Tensor:
        frames = x.unfold(-1, self.window, self.hop)
        if self.window <= LARGEST_PRODUCT:
            parts = windows_times(frames, self.product).square()
            return parts[..., : self.bins] + parts[..., self.bins :]
        spectrum = torch.view_as_real(torch.fft.rfft(frames * self.hann, self.n_fft)[..., : self.bins])
        return spectrum.square().sum(-1)


def windows_times(windows: Tensor, matrix: Tensor) -> Tensor:
    """`[B, T, N]`, overlapping views of a signal, times `[N, K]`, as one product: torch would make one per example."""
    return (windows.reshape(-1, windows.shape[-1]) @ matrix).reshape(*windows.shape[:2], matrix.shape[1])
