"""What training minimises at the codec's output: the terms, their weights, and for whom each counts.

The companded MDCT carries the phase (without it networks learn envelopes and no waveform), log-mel spectra the envelope
at several resolutions (SoundStream section III-D), loudness and modulation what is heard and understood, band levels
keep what is filled in at random from being too dull, fidelity is the signal-to-noise ratio, the waveform term keeps
silence silent and free of DC, and frame lock hears a buzz that none of the others can.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lamina.models.network.transform import mdct_basis
from lamina.models.training.losses.frame_lock import FrameLock
from lamina.models.training.losses.hearing import LoudnessDistance, ModulationDistance
from lamina.models.training.losses.mel import LevelDistance, LogMelDistance
from lamina.models.training.losses.spectra import windows_times

MEL_SCALES = ((128, 16), (256, 32), (512, 64), (1024, 96), (2048, 128))
"""FFT size and mel bands of each resolution."""

LEAST_FIDELITY, MOST_LAYERS = 0.3, 24
"""Weight of the fidelity term with no layer, and the number of layers at which it counts in full."""

NOT_SPEECH = 0.2
"""Weight of the loudness and modulation terms for music and noise: there the waveform tells more of what is heard."""
MORE_FOR_OTHERS = 1.5
"""Weight of the mel and transform terms there, so that an example of music has as much to say as one of speech."""
EVEN_SHARE = 0.3
"""Weight of the absolute error beside the squared one in the sketch: small errors in quiet bands count too."""
USUAL_RMS, QUIETEST_RMS = 0.1, 0.002
"""Level at which the transform and waveform terms count as they stand, and the one below which they are raised no
further.
"""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms; `mel_scales_per_step` resolutions are drawn at random each step.

    `transform` grows by `transform_per_layer` with every active layer: at few layers a codec must choose which errors
    to make, and the models of hearing say which; at many the waveform itself is within reach.
    `surprise` and `sketch` are what a memory's networks learn from (`lamina.models.network.network.Coded`).
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
    surprise: float = 1.5
    sketch: float = 20.0
    mel_scales_per_step: int = 2
    frame_lock_share: float = 0.3


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

    def forward(
        self, target: Tensor, output: Tensor, layers: Tensor, speech: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its detached parts.

        `layers [B]` are the active ones; `speech [B]` (1 or 0) tells for whom the models of hearing words and voices
        count in full.
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
            "fidelity": (
                _log_error(target, output) * (LEAST_FIDELITY + (1 - LEAST_FIDELITY) / MOST_LAYERS * layers.to(target))
            ).mean(),
            "waveform": ((target - output).abs().mean(-1) * raised).mean(),
        }
        total = sum((getattr(w, name) * part for name, part in parts.items()), torch.zeros((), device=target.device))
        if float(torch.rand(())) < w.frame_lock_share:
            parts["frame_lock"] = self.frame_lock(target, output)
            total = total + w.frame_lock / w.frame_lock_share * parts["frame_lock"]
        return total, {name: part.detach() for name, part in parts.items()}

    def _companded(self, x: Tensor, offset: int) -> Tensor:
        return companded_spectrum(x, offset, self.frame, self.basis)


class SketchDistance(nn.Module):
    """How far the sketch's sound is from the original.

    Companded MDCT coefficients, squared, so that what can't be known stays silent.
    """

    basis: Tensor

    def __init__(self, frame: int) -> None:
        super().__init__()
        self.frame = frame
        self.register_buffer("basis", mdct_basis(frame, frame).t().contiguous())

    def forward(self, target: Tensor, sketch: Tensor) -> Tensor:
        """Signals `[B, samples]` → a number."""
        offset = int(torch.randint(self.frame, ()))
        error = companded_spectrum(target, offset, self.frame, self.basis) - companded_spectrum(
            sketch, offset, self.frame, self.basis
        )
        return error.square().mean() + EVEN_SHARE * error.abs().mean()


def companded_spectrum(x: Tensor, offset: int, frame: int, basis: Tensor) -> Tensor:
    """`[B, samples]` → companded MDCT coefficients from the sample `offset` on, `[B, frames, frame]`."""
    whole = (x.shape[1] - offset) // frame * frame
    return compand(windows_times(x[:, offset : offset + whole].unfold(-1, 2 * frame, frame), basis))


def _log_error(target: Tensor, output: Tensor) -> Tensor:
    """ln of the error's share of the energy, `[B, samples]` → `[B]`: −0.23 for each dB of signal-to-noise ratio."""
    error, energy = (target - output).square().mean(-1), target.square().mean(-1)
    return torch.log((error + QUIETEST_RMS**4) / (energy + QUIETEST_RMS**4))
