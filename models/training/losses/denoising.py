"""What a denoiser alone is trained for: the waveform, what is heard of it, and how much of each band is kept.

All of it is computed on the codec's own grid of coefficients, whose transform is orthonormal: errors there are errors
of the waveform, at a fraction of the cost of spectra.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lamina.models.network.denoiser import BANDS, averages_of, band_shapes
from lamina.models.network.transform import mdct_basis
from lamina.models.training.losses.spectra import windows_times

SILENCE = 1e-9
INAUDIBLE, MOST_WEIGHT = 1e-4, 4.0
"""Energy of a band against the example's mean below which its share hardly counts, and the weight that loud bands end
at (the base-10 logarithm of energy over that).
"""
COMPANDING_FLOOR = 1e-2


@dataclass(frozen=True)
class DenoisingWeights:
    """Weights of the terms; taking away too much counts `loss_of_voice` times what leaving too much counts."""

    fidelity: float = 1.0
    companded: float = 4.0
    shares: float = 4.0
    loss_of_voice: float = 2.0


class DenoisingLoss(nn.Module):
    """For signals `[B, samples]` that start at a frame: the clean target, the output, and the mixture as it came."""

    basis: Tensor
    bands: Tensor

    def __init__(self, weights: DenoisingWeights, sample_rate: int, frame: int, overlap: int) -> None:
        super().__init__()
        self.weights, self.frame, self.overlap = weights, frame, overlap
        self.register_buffer("basis", mdct_basis(frame, overlap).t().contiguous())
        self.register_buffer("bands", averages_of(band_shapes(BANDS, frame, sample_rate)))

    def forward(self, target: Tensor, output: Tensor, mixture: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its detached parts."""
        wanted, got, came = (self._coefficients(x) for x in (target, output, mixture))
        size = (wanted.square().mean((1, 2), keepdim=True) + SILENCE).sqrt()
        energy, error = wanted.square().sum((1, 2)), (got - wanted).square().sum((1, 2))
        # Silence has no signal-to-noise ratio.
        audible = (energy > wanted[0].numel() * 1e-7).to(energy)
        shares = self._share(got, came) - self._share(wanted, came)
        loud = torch.log10(1 + self._energies(came) / (size.square() * INAUDIBLE)).clamp(max=MOST_WEIGHT)
        parts = {
            "fidelity": (torch.log((error + 1e-5 * energy + SILENCE) / (energy + SILENCE)) * audible).mean(),
            "companded": ((_compand(got / size) - _compand(wanted / size)).abs().mean((1, 2)) * audible).mean(),
            "shares": (torch.where(shares < 0, self.weights.loss_of_voice, 1.0) * shares.square() * loud).mean(),
        }
        total = sum((getattr(self.weights, name) * part for name, part in parts.items()), torch.zeros_like(energy[0]))
        return total, {name: part.detach() for name, part in parts.items()}

    def _coefficients(self, x: Tensor) -> Tensor:
        # A frame of the codec begins with the overlap before its own samples.
        x = x[:, self.frame - self.overlap :]
        return windows_times(x.unfold(-1, self.frame + self.overlap, self.frame), self.basis)

    def _energies(self, c: Tensor) -> Tensor:
        return c.square() @ self.bands

    def _share(self, c: Tensor, came: Tensor) -> Tensor:
        """Square root of the amplitude's share in each band, 0 … 1."""
        return ((self._energies(c) + SILENCE) / (self._energies(came) + SILENCE)).clamp(max=1) ** 0.25


def _compand(c: Tensor) -> Tensor:
    return c / (c.abs() + COMPANDING_FLOOR).sqrt()
