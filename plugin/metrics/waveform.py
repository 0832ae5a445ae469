"""Measures that need nothing but arithmetic: the waveform, the spectrum's shape, and buzz at the frame rate."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from lamina.dsp.resample import StreamingResampler, half_taps
from lamina.dsp.spectrum import mel_edges
from lamina.plugin.metrics.metric import Samples

MEL_RATE = 24_000
_MEL_FFT = 1024
_MEL_HOP = 256
_MEL_BANDS = 80
_MEL_FLOOR_DB = 80.0
_LOCK_FRAME, _LOCK_OVERLAP = 320, 80
_LOCK_ENVELOPE = 17
_LOCK_FIRST_BIN, _LOCK_LAST_BIN = 60, 280
"""2.25 to 10.5 kHz: below, codes carry the signs; above, resampling filters begin."""


def si_sdr(reference: Samples, test: Samples) -> float:
    """How much of the waveform arrived: scale-invariant signal-to-distortion ratio in dB, without removing the mean.

    Le Roux et al. 2019, "SDR – half-baked or well done?", eq. 3. NaN if one of the two is silent.
    """
    wanted = reference.astype(np.float64)
    heard = test.astype(np.float64)
    if not wanted.any() or not heard.any():
        return float("nan")
    target = wanted * float(heard @ wanted) / max(float(wanted @ wanted), 1e-12)
    distortion = heard - target
    return float(10 * np.log10(max(float(target @ target), 1e-12) / max(float(distortion @ distortion), 1e-12)))


def log_mel_distance(reference: Samples, test: Samples, sample_rate: int = MEL_RATE) -> float:
    """How far the spectrum's shape is off: mean absolute difference of 80-band mel spectra (43 ms windows) in dB.

    Both are taken at 24 kHz, as the codec hears them, and floored 80 dB below the reference's loudest band.
    """
    wanted, heard = (_mel_power(_at_24k(sound, sample_rate)) for sound in (reference, test))
    floor = wanted.max() * 10 ** (-_MEL_FLOOR_DB / 10) + 1e-12
    difference = 10 * np.log10(np.maximum(wanted, floor)) - 10 * np.log10(np.maximum(heard, floor))
    return float(np.mean(np.abs(difference)))


def frame_lock(test: Samples) -> float:
    """Measure buzz at Lamina's frame rate, which other measures don't hear.

    Of a sound at 24 kHz whose first sample begins a frame.

    The share of fine structure above 2 kHz that is the same in every frame, 0 to 1; natural sound has about 1 / number
    of frames. It is the squared mean over frames of MDCT coefficients on the codec's grid over their local envelope.
    """
    padded = np.pad(test.astype(np.float64), (_LOCK_OVERLAP, 0))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _LOCK_FRAME + _LOCK_OVERLAP)[::_LOCK_FRAME]
    coefficients = frames @ _lock_basis()
    power = coefficients**2
    around = np.ones(_LOCK_ENVELOPE) / _LOCK_ENVELOPE
    envelope = np.apply_along_axis(np.convolve, 1, power, around, "same") + 1e-10
    audible = power.mean(1) > 1e-8
    if not audible.any():
        return float("nan")
    fine = np.clip(coefficients / np.sqrt(envelope), -3, 3)[audible]
    return float((fine.mean(0) ** 2)[_LOCK_FIRST_BIN:_LOCK_LAST_BIN].mean())


@cache
def _lock_basis() -> npt.NDArray[np.float64]:
    """The low-overlap MDCT's basis `[frame + overlap, frame]` (its window is flat between two sine slopes)."""
    n = np.arange(_LOCK_FRAME + _LOCK_OVERLAP) + (_LOCK_FRAME - _LOCK_OVERLAP) / 2
    slope = np.sin(np.pi / 2 * (np.arange(_LOCK_OVERLAP) + 0.5) / _LOCK_OVERLAP)
    window = np.concatenate([slope, np.ones(_LOCK_FRAME - _LOCK_OVERLAP), slope[::-1]])
    phase = np.pi / _LOCK_FRAME * (n[:, None] + 0.5 + _LOCK_FRAME / 2) * (np.arange(_LOCK_FRAME) + 0.5)
    return np.asarray(window[:, None] * np.cos(phase) * np.sqrt(2 / _LOCK_FRAME))


def _at_24k(samples: Samples, sample_rate: int) -> Samples:
    if sample_rate == MEL_RATE:
        return samples
    n_wanted = max(1, round(samples.size * MEL_RATE / sample_rate))
    # What the resampler holds back until it knows the future comes out with as much silence behind the sound.
    tail = np.zeros(2 * half_taps(sample_rate, MEL_RATE) + sample_rate // 100, np.float32)
    made = StreamingResampler(1, sample_rate, MEL_RATE).push(np.concatenate([samples, tail])[None])
    return np.asarray(made[0, :n_wanted])


def _mel_power(samples: Samples) -> npt.NDArray[np.float64]:
    padded = np.pad(samples.astype(np.float64), (_MEL_FFT // 2, _MEL_FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _MEL_FFT)[::_MEL_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_MEL_FFT), axis=-1)) ** 2
    return np.asarray(power @ _mel_bands())


@cache
def _mel_bands() -> npt.NDArray[np.float64]:
    """Triangular mel bands that overlap by half, `[bins, bands]`; each sums to 1."""
    edges_hz = mel_edges(_MEL_BANDS + 1, 0, MEL_RATE / 2)
    # The lowest bands are narrower than a bin: widened to it, so that none is empty.
    bin_hz = MEL_RATE / _MEL_FFT
    hz = np.fft.rfftfreq(_MEL_FFT, 1 / MEL_RATE)[:, None]
    centre = edges_hz[1:-1]
    rising = (hz - centre) / np.maximum(centre - edges_hz[:-2], bin_hz)
    falling = (centre - hz) / np.maximum(edges_hz[2:] - centre, bin_hz)
    triangles = np.maximum(0, 1 + np.minimum(rising, falling))
    return np.asarray(triangles / triangles.sum(axis=0))
