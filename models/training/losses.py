"""Reconstruction losses: phase-aware companded MDCT, multi-scale log-mel, loudness, modulation, the waveform, and frame lock.

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

from lamina.models.training.hearing import LoudnessDistance, ModulationDistance
from lamina.models.training.spectra import PowerSpectrum, windows_times
from lamina.models.transform import mdct_basis

MEL_SCALES = ((128, 16), (256, 32), (512, 64), (1024, 96), (2048, 128))
"""FFT size and mel bands of each resolution."""

LEAST_FIDELITY, MOST_LAYERS = 0.3, 24
"""Weight of the fidelity term with no layer, and the number of layers at which it counts in full."""

LEVEL_BANDS, LEVEL_FLOOR = 24, 1e-4
"""Mel bands of the level term, and the power (of a 512-sample frame) below which levels don't matter: about −72 dBFS of noise."""

ENVELOPE_BINS = 17
"""Coefficients over which the frame-lock term takes its local envelope: 640 Hz at 24 kHz."""

NOT_SPEECH = 0.2
"""Weight of the loudness and modulation terms for music and noise: there the waveform tells more of what is heard."""
MORE_FOR_OTHERS = 1.5
"""Weight of the mel and transform terms there, so that an example of music has as much to say as one of speech."""
USUAL_RMS, QUIETEST_RMS = 0.1, 0.002
"""Level at which the transform and waveform terms count as they stand, and the one below which they are raised no further."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms; `mel_scales_per_step` resolutions are drawn at random each step.

    `transform` grows by `transform_per_layer` with every active layer: at few layers a codec must choose which errors to make, and
    the models of hearing say which; at many the waveform itself is within reach.
    `frame_lock` is computed in a share of the steps only, with as much more weight: it changes slowly and costs much.
    """

    transform: float = 12.0
    transform_per_layer: float = 1.0
    mel: float = 1.0
    loudness: float = 0.3
    modulation: float = 0.5
    level: float = 0.7
    fidelity: float = 0.8
    waveform: float = 2.0
    frame_lock: float = 1.0
    commitment: float = 1.5
    mel_scales_per_step: int = 2
    frame_lock_share: float = 0.3


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
    """Weighted sum of the terms for signals `[B, samples]`; both must start at a frame of the codec.

    `overlap` is that of the codec's own filterbank, through which frame lock is seen.
    """

    basis: Tensor

    def __init__(self, weights: LossWeights, sample_rate: int, frame: int, overlap: int) -> None:
        super().__init__()
        self.weights, self.frame = weights, frame
        self.mel = nn.ModuleList(LogMelDistance(n_fft, bands, sample_rate) for n_fft, bands in MEL_SCALES)
        self.loudness = LoudnessDistance(sample_rate)
        self.modulation = ModulationDistance(sample_rate)
        self.level = LevelDistance(sample_rate)
        self.frame_lock = FrameLock(frame, overlap)
        self.register_buffer("basis", mdct_basis(frame, frame).t().contiguous())

    def forward(self, target: Tensor, output: Tensor, layers: Tensor, speech: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its detached parts.

        `layers [B]` are the active ones; `speech [B]` (1 or 0) tells for whom the models of hearing words and voices count in full.
        """
        listening = speech + NOT_SPEECH * (1 - speech)
        looking = speech + MORE_FOR_OTHERS * (1 - speech)
        # Quiet crops count like loud ones; the other terms see to that by themselves.
        raised = USUAL_RMS / (target.square().mean(-1).sqrt() + QUIETEST_RMS)
        w = self.weights
        scales = torch.randperm(len(MEL_SCALES))[: w.mel_scales_per_step].tolist()
        # A random grid, so that the codec's own frame grid is not favoured.
        offset = int(torch.randint(self.frame, ()))
        transform = (self._companded(target, offset) - self._companded(output, offset)).abs().mean((1, 2))
        exactness = (1 + w.transform_per_layer / w.transform * layers.to(transform)) * raised.sqrt() * looking
        parts = {
            "mel": (torch.stack([self.mel[scale](target, output) for scale in scales]) * looking).mean(),
            "transform": (transform * exactness).mean(),
            "loudness": (self.loudness(target, output) * listening).mean(),
            "modulation": (self.modulation(target, output) * listening).mean(),
            "level": (self.level(target, output) * looking).mean(),
            "fidelity": (_log_error(target, output) * (LEAST_FIDELITY + (1 - LEAST_FIDELITY) / MOST_LAYERS * layers.to(target))).mean(),
            "waveform": ((target - output).abs().mean(-1) * raised).mean(),
        }
        total = sum((getattr(w, name) * part for name, part in parts.items()), torch.zeros((), device=target.device))
        if float(torch.rand(())) < w.frame_lock_share:
            parts["frame_lock"] = self.frame_lock(target, output)
            total = total + w.frame_lock / w.frame_lock_share * parts["frame_lock"]
        return total, {name: part.detach() for name, part in parts.items()}

    def _companded(self, x: Tensor, offset: int) -> Tensor:
        whole = (x.shape[1] - offset) // self.frame * self.frame
        return compand(windows_times(x[:, offset : offset + whole].unfold(-1, 2 * self.frame, self.frame), self.basis))


class LogMelDistance(nn.Module):
    """Mean absolute difference of log-mel spectra (natural log) at one resolution, for signals `[B, samples]` → `[B]`."""

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


def _log_error(target: Tensor, output: Tensor) -> Tensor:
    """ln of the error's share of the energy, `[B, samples]` → `[B]`: −0.23 for each dB of signal-to-noise ratio."""
    error, energy = (target - output).square().mean(-1), target.square().mean(-1)
    return torch.log((error + QUIETEST_RMS**4) / (energy + QUIETEST_RMS**4))


class LevelDistance(nn.Module):
    """How far the level of each band is off over an eighth of a second, for signals `[B, samples]` → `[B]` (mean of |ln power ratio|).

    Where phases are unknown, terms that compare coefficient by coefficient are smallest for too little energy, and the sound
    gets duller than it is. Over a patch of time and frequency chance evens out, and the right level is the best one.
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
        return torch.log(nn.functional.avg_pool1d(power.transpose(1, 2), min(self.frames, power.shape[1])) + LEVEL_FLOOR)


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
        c = windows_times(nn.functional.pad(x, (self.overlap, 0)).unfold(-1, self.frame + self.overlap, self.frame), self.basis)
        power = c.detach().square()
        envelope = nn.functional.avg_pool1d(power, ENVELOPE_BINS, 1, ENVELOPE_BINS // 2) + 1e-10
        audible = (power.mean(-1, keepdim=True) > 1e-8).to(c.dtype)
        return (c / envelope.sqrt()).clamp(-3, 3) * audible


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Mean outer product over batch and frames: `[B, T, K]` twice → `[K, K]`."""
    return a.flatten(0, 1).t() @ b.flatten(0, 1) / (a.shape[0] * a.shape[1])
