"""Losses that listen the way hearing models do: loudness per critical band, and speech envelopes.

They pull where spectra and waveforms say little: at few layers a codec must choose which errors to make, and these say
which ones are heard (loudness) and which ones cost words (modulation).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lamina.models.training.losses.spectra import PowerSpectrum

LISTENING_LEVEL = 79.0
"""dB SPL to which the target is scaled, as in ITU-T P.862."""
QUIETEST_RMS = 1e-3
"""Signals below this RMS are not raised to the listening level all the way: nobody turns silence up that far."""
BARK_WIDTH = 0.5
TOP_OF_LOUDNESS = 8000.0
ZWICKER_EXPONENT = 0.23
MASKED_SHARE = 0.25
"""Loudness differences below this share of the quieter of the two are masked (P.862)."""
ASYMMETRY_EXPONENT, ASYMMETRY_OFFSET, ASYMMETRY_RANGE = 1.2, 50.0, (3.0, 12.0)
ASYMMETRY_WEIGHT = 0.309
"""Weight of added against all disturbance (P.862: 0.0309 against 0.1)."""

LOWEST_OCTAVE_BAND, OCTAVE_BANDS = 150.0, 15
SEGMENT_FRAMES = 30


def bark(hz: Tensor) -> Tensor:
    """Critical-band rate in Bark (Traunmüller 1990)."""
    return 26.81 * hz / (1960 + hz) - 0.53


def hearing_threshold(hz: Tensor) -> Tensor:
    """Threshold in quiet, dB SPL (Terhardt 1979)."""
    khz = hz.clamp(min=20) / 1000
    return 3.64 * khz**-0.8 - 6.5 * torch.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4


class LoudnessDistance(nn.Module):
    """How much louder or softer the output is than the target in each critical band, after masking.

    The perceptual model of ITU-T P.862: power per half Bark, Zwicker's law of loudness above the threshold in quiet,
    small differences masked, and what was added counted more than what is missing. Differences are averaged over bands
    and frames by their absolute value rather than by high norms, which keeps gradients even.
    For signals `[B, samples]` → `[B]`; both are scaled by what brings the target to the listening level.
    """

    bands: Tensor
    threshold: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        window = sample_rate * 32 // 1000
        frequencies = torch.arange(window // 2 + 1) * sample_rate / window
        used = int((frequencies <= TOP_OF_LOUDNESS).sum())
        self.spectrum = PowerSpectrum(window, window // 2, bins=used)
        band = (bark(frequencies[1:used]).clamp(min=0) / BARK_WIDTH).floor().long()
        band = torch.unique(band, return_inverse=True)[1]
        bands = torch.zeros(used, int(band.max()) + 1)
        bands[torch.arange(1, used), band] = 1
        centre = (frequencies[:used] @ bands) / bands.sum(0)
        # Parseval: with this factor the powers of all bins add up to the mean square.
        self.power_scale = 2 / (window * float(self.spectrum.hann.square().sum()))
        self.register_buffer("bands", bands)
        self.register_buffer("threshold", 10 ** (hearing_threshold(centre) / 10))

    def forward(self, target: Tensor, output: Tensor) -> Tensor:
        mean_square = target.square().mean(-1, keepdim=True)
        gain = 10 ** (LISTENING_LEVEL / 10) / (mean_square + QUIETEST_RMS**2)
        wanted = self._band_power(target) * gain[..., None]
        got = self._band_power(output) * gain[..., None]
        loud, heard = self._loudness(wanted), self._loudness(got)
        difference = heard - loud
        beyond = (difference.abs() - MASKED_SHARE * torch.minimum(heard, loud)).clamp(min=0)
        ratio = (
            (got.detach() + ASYMMETRY_OFFSET * self.threshold) / (wanted + ASYMMETRY_OFFSET * self.threshold)
        ) ** ASYMMETRY_EXPONENT
        low, high = ASYMMETRY_RANGE
        added = torch.where(ratio < low, 0.0, ratio.clamp(max=high)) * beyond
        # The square root's slope must stay finite, and its value 0, where nothing differs.
        symmetric: Tensor = ((beyond.square().mean(-1) + 1e-6).sqrt() - 1e-3).mean(-1)
        return symmetric + ASYMMETRY_WEIGHT * added.mean((-1, -2))

    def _band_power(self, x: Tensor) -> Tensor:
        power: Tensor = self.spectrum(x) @ self.bands * self.power_scale
        return power

    def _loudness(self, power: Tensor) -> Tensor:
        """Sone-like loudness per band; 0 at the threshold in quiet."""
        above = (0.5 + 0.5 * power / self.threshold) ** ZWICKER_EXPONENT - 1
        return (self.threshold**ZWICKER_EXPONENT * above).clamp(min=0)


class ModulationDistance(nn.Module):
    """1 − the mean correlation of short-time spectral envelopes, 0 … 2: the model of speech intelligibility ESTOI.

    Third-octave envelopes from 150 Hz to 4.3 kHz (25.6 ms windows) in segments of 384 ms, normalised over time and then
    over bands (Jensen and Taal 2016). For signals `[B, samples]` → `[B]`; shorter ones than a segment are one segment.
    """

    bands: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        window = round(sample_rate * 0.0256)
        n_fft = 2 ** math.ceil(math.log2(window))
        centres = LOWEST_OCTAVE_BAND * 2 ** (torch.arange(OCTAVE_BANDS) / 3)
        edge = 2 ** (1 / 6)
        used = math.ceil(float(centres[-1]) * edge * n_fft / sample_rate) + 1
        frequencies = torch.arange(used)[:, None] * sample_rate / n_fft
        self.spectrum = PowerSpectrum(window, window // 2, n_fft, used)
        self.register_buffer("bands", ((frequencies >= centres / edge) & (frequencies < centres * edge)).float())

    def forward(self, target: Tensor, output: Tensor) -> Tensor:
        wanted, got = self._segments(target), self._segments(output)
        # Segments 40 dB below the loudest of their example say nothing about words.
        energy = wanted.square().sum((-1, -2))
        audible = (energy > 1e-4 * energy.amax(-1, keepdim=True)) & (energy > 1e-6)
        correlation = (_normalised(wanted) * _normalised(got)).sum((-1, -2)) / wanted.shape[-1]
        return ((1 - correlation) * audible).sum(-1) / audible.sum(-1).clamp(min=1)

    def _segments(self, x: Tensor) -> Tensor:
        """`[B, samples]` → `[B, segments, bands, SEGMENT_FRAMES]`, every other segment."""
        envelope: Tensor = (self.spectrum(x) @ self.bands + 1e-7).sqrt()
        return envelope.unfold(1, min(SEGMENT_FRAMES, envelope.shape[1]), 2)


def _normalised(segments: Tensor) -> Tensor:
    for axis in (-1, -2):
        segments = segments - segments.mean(axis, keepdim=True)
        segments = segments / (segments.square().sum(axis, keepdim=True) + 1e-6).sqrt()
    return segments
