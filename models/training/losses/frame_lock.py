"""Frame lock: a buzz at the frame rate that spectra don't show.

Where the codes don't tell a coefficient's sign, one and the same sign pattern in every frame satisfies all other
losses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lamina.models.network.transform import mdct_basis
from lamina.models.training.losses.spectra import windows_times

ENVELOPE_BINS = 17
"""Coefficients over which the frame-lock term takes its local envelope: 640 Hz at 24 kHz."""


class FrameLock(nn.Module):
    """How much the frames of an output resemble each other in sign where those of the target don't.

    Coefficients on the codec's own frame grid are divided by their local envelope; what is left is sign and fine
    structure. For natural sound it has no mean over frames, and neighbouring bins and frames are uncorrelated in it.
    The loss is the squared mean per bin and example, plus the squared differences from the target's correlations
    between bins, within a frame and from one frame to the next.
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
        c = windows_times(
            nn.functional.pad(x, (self.overlap, 0)).unfold(-1, self.frame + self.overlap, self.frame), self.basis
        )
        power = c.detach().square()
        envelope = nn.functional.avg_pool1d(power, ENVELOPE_BINS, 1, ENVELOPE_BINS // 2) + 1e-10
        audible = (power.mean(-1, keepdim=True) > 1e-8).to(c.dtype)
        return (c / envelope.sqrt()).clamp(-3, 3) * audible


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Mean outer product over batch and frames: `[B, T, K]` twice → `[K, K]`."""
    return a.flatten(0, 1).t() @ b.flatten(0, 1) / (a.shape[0] * a.shape[1])
