"""Reconstruction losses: phase-aware companded MDCT, multi-scale log-mel, the waveform, and frame lock.

The frame-lock term looks at what the others can't see. Where the codes don't tell a coefficient's sign, one and
the same sign pattern in every frame satisfies all of them and is heard as a buzz at the frame rate.

The companded MDCT term carries the phase (without it networks learn envelopes and no waveform), the
log-mel term the spectral envelope at several resolutions (SoundStream section III-D), the waveform term
keeps silence silent and free of DC.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lamina.models.transform import mdct_basis

MEL_SCALES = ((128, 16), (256, 32), (512, 64), (1024, 96), (2048, 128))
"""FFT size and mel bands of each resolution."""

ENVELOPE_BINS = 17
"""Coefficients over which the frame-lock term takes its local envelope: 640 Hz at 24 kHz."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms; `mel_scales_per_step` resolutions are drawn at random each step."""

    transform: float = 12.0
    mel: float = 1.0
    waveform: float = 2.0
    frame_lock: float = 1.0
    commitment: float = 0.5
    mel_scales_per_step: int = 2


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


def compand(c: Tensor, floor: float = 1e-3) -> Tensor:
    """sign(c)·√|c|, linear below `floor`."""
    return c / (c.abs() + floor).sqrt()


class ReconstructionLoss(nn.Module):
    """Weighted sum of the four terms for signals `[B, samples]`; both must start at a frame of the codec.

    `overlap` is that of the codec's own filterbank, through which frame lock is seen.
    """

    basis: Tensor

    def __init__(self, weights: LossWeights, sample_rate: int, frame: int, overlap: int) -> None:
        super().__init__()
        self.weights, self.frame = weights, frame
        self.frame_lock = FrameLock(frame, overlap)
        self.register_buffer("basis", mdct_basis(frame, frame).t().contiguous())
        for index, (n_fft, bands) in enumerate(MEL_SCALES):
            self.register_buffer(f"window{index}", torch.hann_window(n_fft))
            self.register_buffer(f"mel{index}", mel_filters(n_fft, bands, sample_rate))

    def forward(self, target: Tensor, output: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its detached parts."""
        scales = torch.randperm(len(MEL_SCALES))[: self.weights.mel_scales_per_step].tolist()
        mel = sum((self.mel_distance(target, output, scale) for scale in scales), torch.zeros((), device=target.device)) / len(scales)
        # A random grid, so that the codec's own frame grid is not favoured.
        offset = int(torch.randint(self.frame, ()))
        transform = (self._companded(target, offset) - self._companded(output, offset)).abs().mean()
        waveform = (target - output).abs().mean()
        lock = self.frame_lock(target, output)
        w = self.weights
        total = w.transform * transform + w.mel * mel + w.waveform * waveform + w.frame_lock * lock
        parts = {"mel": mel, "transform": transform, "waveform": waveform, "frame_lock": lock}
        return total, {name: part.detach() for name, part in parts.items()}

    def mel_distance(self, target: Tensor, output: Tensor, scale: int) -> Tensor:
        """Mean absolute log-mel difference at one resolution (natural log)."""
        floor = 1e-3 * math.sqrt(MEL_SCALES[scale][0] / 1024)
        return (torch.log(self._mel(target, scale) + floor) - torch.log(self._mel(output, scale) + floor)).abs().mean()

    def _mel(self, x: Tensor, scale: int) -> Tensor:
        n_fft = MEL_SCALES[scale][0]
        spectrum = torch.stft(x, n_fft, n_fft // 4, window=getattr(self, f"window{scale}"), return_complex=True)
        magnitude = (torch.view_as_real(spectrum).square().sum(-1) + 1e-9).sqrt()
        filters: Tensor = getattr(self, f"mel{scale}")
        return magnitude.transpose(1, 2) @ filters

    def _companded(self, x: Tensor, offset: int) -> Tensor:
        whole = (x.shape[1] - offset) // self.frame * self.frame
        return compand(x[:, offset : offset + whole].unfold(-1, 2 * self.frame, self.frame) @ self.basis)


class FrameLock(nn.Module):
    """How much the frames of an output resemble each other in sign where those of the target don't.

    Coefficients on the codec's own frame grid are divided by their local envelope; what is left is sign and fine
    structure. For natural sound it has no mean over frames, and neighbouring bins and frames are uncorrelated in it.
    The loss is the squared mean per bin and example, plus the squared differences from the target's correlations between bins,
    within a frame and from one frame to the next.
    """

    basis: Tensor

    def __init__(self, frame: int, overlap: int) -> None:
        super().__init__()
        self.frame, self.overlap = frame, overlap
        self.register_buffer("basis", mdct_basis(frame, overlap).t().contiguous())

    def forward(self, target: Tensor, output: Tensor) -> Tensor:
        """Signals `[B, samples]` that start at a frame → one number, about 0 for a target against itself."""
        wanted, got = self.fine_structure(target), self.fine_structure(output)
        within = _correlation(got, got) - _correlation(wanted, wanted)
        across = _correlation(got[:, :-1], got[:, 1:]) - _correlation(wanted[:, :-1], wanted[:, 1:])
        within = within - torch.diag(torch.diagonal(within))
        # Per example, because the pattern depends on how many layers are active.
        return got.mean(1).square().mean() + within.square().mean() + across.square().mean()

    def fine_structure(self, x: Tensor) -> Tensor:
        """`[B, samples]` → coefficients over their local envelope `[B, frames, frame]`; 0 in near-silent frames."""
        c = nn.functional.pad(x, (self.overlap, 0)).unfold(-1, self.frame + self.overlap, self.frame) @ self.basis
        power = c.detach().square()
        envelope = nn.functional.avg_pool1d(power, ENVELOPE_BINS, 1, ENVELOPE_BINS // 2) + 1e-10
        audible = (power.mean(-1, keepdim=True) > 1e-8).to(c.dtype)
        return (c / envelope.sqrt()).clamp(-3, 3) * audible


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Mean outer product over batch and frames: `[B, T, K]` twice → `[K, K]`."""
    return torch.einsum("btk,btl->kl", a, b) / (a.shape[0] * a.shape[1])
