"""Random changes to training crops: what users will do to a codec's input.

They also keep it from learning one recording chain.

Equaliser, low-pass and speed are one pass through the spectrum, so that they cost two transforms together.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from lamina.dsp.arrays import FloatArray

MARGIN = 512
"""Samples on both sides of a crop that take up what wraps around in the spectrum."""

CURVE_POINTS = 96
LOWEST_HZ = 30.0
FADE_SECONDS = (0.001, 0.02)
SHORTEST_PART = 0.15
"""A crop that starts or stops inside keeps at least this share of its sound."""


@dataclass(frozen=True)
class Augmentation:
    """Random changes to each crop; every probability is drawn on its own.

    Args:
        gain: probability of a gain from `gain_db`, in dB; a crop is never driven above 0.99 of full scale.
        silence: probability that the crop becomes silence: digital zero or, as often, white noise at `silence_dbfs`.
        start_stop: probability that the sound starts or stops inside the crop, with silence as above on the other side.
        keep_silent: share of near-silent crops (RMS below −60 dBFS) that stay; others are drawn again.
        mix: probability that a second crop is added, lowered by `mix_db`.
        filter: probability of a random equaliser: a tilt of up to `tilt_db` per octave around 1 kHz, or a shelf of up
            to `shelf_db`.
        low_pass: probability of a low-pass between the frequencies of `low_pass_hz`.
        speed: probability of another speed from `speed_range`, pitch included.
        polarity: probability of a reversed sign.
        tones: probability that the crop is synthesised (`draw_tones`) and no clip is heard.
        tones_mixed: probability that synthesised tones, lowered by `mix_db`, are added to a clip's crop.

    Raises ValueError for probabilities outside 0 … 1 and ranges that are upside down.
    """

    gain: float = 1.0
    gain_db: tuple[float, float] = (-30.0, 0.0)
    silence: float = 0.02
    silence_dbfs: tuple[float, float] = (-90.0, -70.0)
    start_stop: float = 0.05
    keep_silent: float = 0.1
    mix: float = 0.12
    mix_db: tuple[float, float] = (-20.0, -6.0)
    filter: float = 0.3
    tilt_db: float = 3.0
    shelf_db: float = 9.0
    low_pass: float = 0.03
    low_pass_hz: tuple[float, float] = (2_500.0, 9_000.0)
    speed: float = 0.15
    speed_range: tuple[float, float] = (0.85, 1.15)
    polarity: float = 0.5
    tones: float = 0.1
    tones_mixed: float = 0.03

    def __post_init__(self) -> None:
        probabilities = "gain silence start_stop keep_silent mix filter low_pass speed polarity tones tones_mixed"
        for name in probabilities.split():
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"The augmentation's {name} is {getattr(self, name)}; it is a probability, 0 to 1.")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple) and not value[0] <= value[1]:
                raise ValueError(f"The augmentation's {field.name} is {value}; the lower value comes first.")
        if not 0.25 <= self.speed_range[0] or not self.speed_range[1] <= 4:
            raise ValueError(f"The augmentation's speed_range is {self.speed_range}; 0.25 to 4 is possible.")


NONE = Augmentation(
    gain=0,
    silence=0,
    start_stop=0,
    keep_silent=1,
    mix=0,
    filter=0,
    low_pass=0,
    speed=0,
    polarity=0,
    tones=0,
    tones_mixed=0,
)
"""Crops as they are."""


@dataclass(frozen=True)
class SpectralChange:
    """What one pass through the spectrum does.

    Args:
        speed: how much faster, 1 is unchanged; frequencies rise with it.
        gains: amplitude factors at `curve_frequencies(sample_rate)`, before the change of speed; None: flat.
        low_pass_hz: where a low-pass's response has fallen by 3 dB; infinite if there is none.
    """

    speed: float = 1.0
    gains: FloatArray | None = None
    low_pass_hz: float = np.inf

    @property
    def is_none(self) -> bool:
        return self.speed == 1 and self.gains is None


@lru_cache
def curve_frequencies(sample_rate: int) -> FloatArray:
    """The frequencies in Hz, evenly spaced in octaves, at which filters are described."""
    return np.geomspace(LOWEST_HZ, sample_rate / 2, CURVE_POINTS).astype(np.float32)


def draw_spectral_change(augmentation: Augmentation, random: np.random.Generator, sample_rate: int) -> SpectralChange:
    """A random pass as the augmentation's `filter`, `low_pass` and `speed` say."""
    filtered, limited, faster = random.random(3) < (augmentation.filter, augmentation.low_pass, augmentation.speed)
    frequencies = curve_frequencies(sample_rate)
    gains_db = np.zeros(CURVE_POINTS, np.float32)
    if filtered and random.random() < 0.5:
        slope = random.uniform(-augmentation.tilt_db, augmentation.tilt_db)
        gains_db += np.clip(slope * np.log2(frequencies / 1000), -4 * augmentation.tilt_db, 4 * augmentation.tilt_db)
    elif filtered:
        corner = np.exp(random.uniform(np.log(100), np.log(6000)))
        side = 2.0 if random.random() < 0.5 else -2.0
        gains_db += random.uniform(-augmentation.shelf_db, augmentation.shelf_db) / (1 + (frequencies / corner) ** side)
    corner = np.inf
    if limited:
        corner = float(np.exp(random.uniform(*np.log(augmentation.low_pass_hz))))
        order = random.uniform(4, 16)
        gains_db -= (10 * np.log10(1 + (frequencies / corner) ** (2 * order))).astype(np.float32)
    speed = float(random.uniform(*augmentation.speed_range)) if faster else 1.0
    gains = (10 ** (gains_db / 20)).astype(np.float32) if filtered or limited else None
    return SpectralChange(speed, gains, corner)


def samples_needed(n_samples: int, change: SpectralChange) -> int:
    """How long a crop must be so that `apply_spectral_change` gives `n_samples`."""
    return n_samples if change.is_none else _lengths(n_samples, change.speed)[0]


def apply_spectral_change(samples: FloatArray, n_samples: int, change: SpectralChange, sample_rate: int) -> FloatArray:
    """float32 `[samples_needed(n_samples, change)]` → float32 `[n_samples]`; linear phase.

    The speed is rounded so that both lengths suit the transform (by less than 1 %).
    """
    import scipy.fft

    if change.is_none:
        return samples
    length, new_length = _lengths(n_samples, change.speed)
    spectrum = scipy.fft.rfft(samples)
    if change.gains is not None:
        bins = np.arange(len(spectrum), dtype=np.float32) * np.float32(sample_rate / length)
        spectrum *= np.interp(bins, curve_frequencies(sample_rate), change.gains).astype(np.float32)
    shared = min(len(spectrum), new_length // 2 + 1)
    changed = scipy.fft.irfft(spectrum[:shared], new_length) * np.float32(new_length / length)
    result: FloatArray = changed[MARGIN : MARGIN + n_samples]
    return result


def _lengths(n_samples: int, speed: float) -> tuple[int, int]:
    """Transform lengths before and after, both cheap."""
    import scipy.fft

    new_length = scipy.fft.next_fast_len(n_samples + 2 * MARGIN, real=True)
    return scipy.fft.next_fast_len(round(new_length * speed)), new_length


def draw_silence(augmentation: Augmentation, random: np.random.Generator, n_samples: int) -> FloatArray:
    """float32 `[n_samples]`: digital zero, or as often white noise at a level from `silence_dbfs`."""
    if random.random() < 0.5:
        return np.zeros(n_samples, np.float32)
    level = np.float32(10 ** (random.uniform(*augmentation.silence_dbfs) / 20))
    return random.standard_normal(n_samples, np.float32) * level


def start_or_stop(
    samples: FloatArray, augmentation: Augmentation, random: np.random.Generator, sample_rate: int
) -> FloatArray:
    """The crop with silence up to, or from, a random moment inside; the edge is a fade of 1 to 20 ms."""
    n = len(samples)
    fade = max(1, min(n, round(random.uniform(*FADE_SECONDS) * sample_rate)))
    moment = random.uniform(SHORTEST_PART, 1 - SHORTEST_PART) * n
    stays = np.clip((np.arange(n, dtype=np.float32) - np.float32(moment)) / np.float32(fade) + 0.5, 0, 1)
    if random.random() < 0.5:
        stays = 1 - stays
    result: FloatArray = samples * stays + draw_silence(augmentation, random, n) * (1 - stays)
    return result
