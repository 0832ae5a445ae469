"""The training data as a stream of random crops.

A crop lies inside one clip; clips shorter than a crop follow one another with short silences between until it is full.
A folder may hold the subfolders `speech`, `music` and `noise`; then each kind is drawn with its own weight. Any other
folder is one kind. A small share of the crops is synthesised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lamina.dsp.arrays import FloatArray
from lamina.models.training.data.augment import (
    Augmentation,
    SpectralChange,
    apply_spectral_change,
    draw_silence,
    draw_spectral_change,
    samples_needed,
    start_or_stop,
)
from lamina.models.training.data.packed import PackedSet
from lamina.models.training.data.synthesis import draw_tones
from lamina.models.training.data.weighting import KIND_WEIGHTS, clip_weight
from lamina.models.training.sounds.audio_files import PLAIN_KIND

SILENCE_RMS = 1e-3
MOST_REDRAWS = 50
LARGEST_PEAK = 0.99
GAP_SECONDS = (0.02, 0.2)
CLIP_FADE = 48

CLEAN_SHARE = 0.3
MUSIC_SHARE = 0.15
TONE_KIND = "music"
"""What synthesised tones count as."""

QUIETEST_REFERENCE_RMS = 10 ** (-45 / 20)
"""A signal-to-noise ratio refers to the crop's own RMS, but in a pause to at least this: noise does not pause with the
speaker.
"""


@dataclass(frozen=True)
class Clip:
    """A sound of the corpus.

    Args:
        audio: int16 `[n]`, often a view of a memory-mapped file.
        kind: "speech", "music", "noise" or "all".
        band_edge_hz: where its band ends; infinite means that it does not end below half the sample rate.
    """

    audio: npt.NDArray[np.int16]
    kind: str = PLAIN_KIND
    band_edge_hz: float = np.inf


@dataclass(frozen=True)
class Batch:
    """Random crops.

    Args:
        audio: float32 `[size, n_samples]`.
        band_edge_hz: float32 `[size]`: above it an example's spectrum says nothing (a narrow-band source, a low-pass, a
            slower speed), and a loss may leave it out. Silence counts as full-band: it is meant to be silent
            everywhere.
        kind: per example, the kind of its first clip; "music" for synthesised tones.
    """

    audio: Tensor
    band_edge_hz: Tensor
    kind: tuple[str, ...]


class _KindOfClips:
    """The clips of one kind, drawn in proportion to length and weight."""

    def __init__(self, clips: list[Clip]) -> None:
        self.clips = clips
        weights = np.array([len(clip.audio) * clip_weight(clip.kind, clip.band_edge_hz) for clip in clips], np.float64)
        self.cumulative = weights.cumsum() / weights.sum()

    def draw(self, random: np.random.Generator) -> Clip:
        return self.clips[
            min(int(np.searchsorted(self.cumulative, random.random(), side="right")), len(self.clips) - 1)
        ]


class Corpus:
    """Random training crops.

    Args:
        clips: what to draw from; empty ones are passed over.
        seed: seed of `random`, the one stream behind everything that is drawn: its state is all that a resumed run
            needs.
        augmentation: changes to the crops; the usual ones if None.
        sample_rate: of the clips, in Hz.

    Raises ValueError if there is no audio.
    """

    def __init__(
        self, clips: Sequence[Clip], seed: int = 0, augmentation: Augmentation | None = None, sample_rate: int = 24_000
    ) -> None:
        self.clips = [clip for clip in clips if len(clip.audio)]
        if not self.clips:
            raise ValueError("There is no audio to train on.")
        kinds = sorted({clip.kind for clip in self.clips}, key=list(KIND_WEIGHTS).index)
        self._kinds = {kind: _KindOfClips([clip for clip in self.clips if clip.kind == kind]) for kind in kinds}
        weights = np.array([KIND_WEIGHTS[kind] for kind in kinds])
        self._kind_probabilities = weights / weights.sum()
        self.random = np.random.default_rng(seed)
        self.augmentation = augmentation or Augmentation()
        self.sample_rate = sample_rate

    @property
    def n_samples(self) -> int:
        """Samples of all clips together."""
        return sum(len(clip.audio) for clip in self.clips)

    @property
    def can_denoise(self) -> bool:
        """Whether there is noise, and something else, to mix."""
        return "noise" in self._kinds and len(self._kinds) > 1

    def batch(self, size: int, n_samples: int) -> Tensor:
        """`[size, n_samples]` float32 crops, augmented."""
        return self.draw(size, n_samples).audio

    def draw(self, size: int, n_samples: int) -> Batch:
        """Augmented crops, with what is known of them."""
        audio, edges, kinds = np.empty((size, n_samples), np.float32), [], []
        for row in audio:
            row[:], edge, kind = self._example(n_samples)
            edges.append(edge)
            kinds.append(kind)
        return Batch(torch.from_numpy(audio), torch.tensor(edges, dtype=torch.float32), tuple(kinds))

    def noisy(self, size: int, n_samples: int, snr_db: tuple[float, float] = (-5.0, 20.0)) -> tuple[Tensor, Tensor]:
        """Pairs to learn denoising from: `(mixture, clean)`, both float32 `[size, n_samples]`.

        85 % are speech and 15 % music (plain clips stand in for what is missing); a noise clip is added at a
        signal-to-noise ratio drawn from `snr_db`, except to 30 %, which stay clean. Neither signal clips.

        Raises ValueError if the corpus has no noise, or nothing but noise.
        """
        if not self.can_denoise:
            missing = "noise clips (a folder `noise`)" if "noise" not in self._kinds else "clips of speech or music"
            raise ValueError(f"Training to denoise needs {missing}; the data has none.")
        mixtures, cleans = np.empty((size, n_samples), np.float32), np.empty((size, n_samples), np.float32)
        for mixture, clean in zip(mixtures, cleans, strict=True):
            mixture[:], clean[:] = self._noisy_example(n_samples, snr_db)
        return torch.from_numpy(mixtures), torch.from_numpy(cleans)

    def _example(self, n_samples: int) -> tuple[FloatArray, float, str]:
        change, random = self.augmentation, self.random
        if random.random() < change.tones:
            crop, edge, kind = draw_tones(random, n_samples, self.sample_rate), self.sample_rate / 2, TONE_KIND
        else:
            crop, edge, kind = self._mixed_crop(n_samples)
        if random.random() < change.gain:
            crop = crop * np.float32(10 ** (random.uniform(*change.gain_db) / 20))
        crop = crop * np.float32(min(1.0, LARGEST_PEAK / max(1e-9, float(np.abs(crop).max()))))
        # Silence comes after the gain: its level is absolute.
        if random.random() < change.silence:
            return draw_silence(change, random, n_samples), self.sample_rate / 2, kind
        if random.random() < change.start_stop:
            crop = start_or_stop(crop, change, random, self.sample_rate)
        if random.random() < change.polarity:
            crop = -crop
        return crop, edge, kind

    def _mixed_crop(self, n_samples: int) -> tuple[FloatArray, float, str]:
        """A crop of a clip, sometimes with a second one or with tones added."""
        change, random = self.augmentation, self.random
        kind = self._draw_kind()
        crop, edge = self._changed_crop(kind, n_samples)
        if random.random() < change.mix:
            other, other_edge = self._changed_crop(self._draw_kind(), n_samples)
            crop, edge = crop + other * np.float32(10 ** (random.uniform(*change.mix_db) / 20)), max(edge, other_edge)
        if random.random() < change.tones_mixed:
            tones = draw_tones(random, n_samples, self.sample_rate)
            crop, edge = crop + tones * np.float32(10 ** (random.uniform(*change.mix_db) / 20)), self.sample_rate / 2
        return crop, edge, kind

    def _noisy_example(self, n_samples: int, snr_db: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
        random = self.random
        sounds: list[str] = [kind for kind in self._kinds if kind in ("music", "speech")] or [PLAIN_KIND]
        clean, _ = self._changed_crop(sounds[-1] if random.random() < MUSIC_SHARE else sounds[0], n_samples)
        mixture = clean
        if random.random() >= CLEAN_SHARE:
            noise, _ = self._changed_crop("noise", n_samples)
            level = max(_rms(clean), QUIETEST_REFERENCE_RMS) * 10 ** (-random.uniform(*snr_db) / 20)
            mixture = clean + noise * np.float32(level / max(_rms(noise), 1e-6))
        gain = 1.0
        if random.random() < self.augmentation.gain:
            gain = 10 ** (random.uniform(*self.augmentation.gain_db) / 20)
        if random.random() < self.augmentation.polarity:
            gain = -gain
        peak = max(1e-9, float(np.abs(mixture).max()), float(np.abs(clean).max()))
        scale = np.float32(np.copysign(min(abs(gain), LARGEST_PEAK / peak), gain))
        return mixture * scale, clean * scale

    def _draw_kind(self) -> str:
        place = int(np.searchsorted(self._kind_probabilities.cumsum(), self.random.random(), side="right"))
        return list(self._kinds)[min(place, len(self._kinds) - 1)]

    def _changed_crop(self, kind: str, n_samples: int) -> tuple[FloatArray, float]:
        """An audible crop with random equaliser and speed, and its band edge in Hz."""
        change = draw_spectral_change(self.augmentation, self.random, self.sample_rate)
        length = samples_needed(n_samples, change)
        for _ in range(MOST_REDRAWS):
            crop, edge = self._crop(kind, length)
            if _rms(crop) >= SILENCE_RMS or self.random.random() < self.augmentation.keep_silent:
                break
        return apply_spectral_change(crop, n_samples, change, self.sample_rate), self._edge_after(edge, change)

    def _edge_after(self, edge: float, change: SpectralChange) -> float:
        return min(min(edge, change.low_pass_hz, self.sample_rate / 2) * change.speed, self.sample_rate / 2)

    def _crop(self, kind: str, n_samples: int) -> tuple[FloatArray, float]:
        clip = self._kinds[kind].draw(self.random)
        spare = len(clip.audio) - n_samples
        if spare >= 0:
            start = int(self.random.integers(0, spare + 1))
            return _to_float(clip.audio[start : start + n_samples]), clip.band_edge_hz
        return self._joined(kind, clip, n_samples)

    def _joined(self, kind: str, clip: Clip, n_samples: int) -> tuple[FloatArray, float]:
        """Short clips one after the other, starting somewhere inside the first, or in the silence before it."""
        low, high = (round(seconds * self.sample_rate) for seconds in GAP_SECONDS)
        result, edge = np.zeros(n_samples, np.float32), 0.0
        position = int(self.random.integers(-(len(clip.audio) // 2), high + 1))
        while position < n_samples:
            piece = _faded(_to_float(clip.audio[max(0, -position) : n_samples - position]))
            place = max(0, position)
            result[place : place + len(piece)] = piece
            edge = max(edge, clip.band_edge_hz)
            position = place + len(piece) + int(self.random.integers(low, high + 1))
            clip = self._kinds[kind].draw(self.random)
        return result, edge


def corpus_of(sets: list[PackedSet], crop_samples: int, seed: int = 0) -> Corpus:
    """A corpus of everything in the sets. Raises ValueError if it is too little for one crop."""
    clips, sample_rate = clips_of(sets), sets[0].sample_rate
    n_samples = sum(len(clip.audio) for clip in clips)
    if n_samples <= crop_samples:
        names = ", ".join(str(packed.path.name) for packed in sets)
        raise ValueError(
            f"{names}: {n_samples / sample_rate:.1f} s of audio; more than {crop_samples / sample_rate:.1f} s are "
            "needed."
        )
    return Corpus(clips, seed, sample_rate=sample_rate)


def clips_of(sets: list[PackedSet]) -> list[Clip]:
    """Everything in the sets, as clips."""
    return [
        Clip(samples, clip.kind, clip.band_edge_hz)
        for packed in sets
        for clip, samples in zip(packed.clips, packed.samples, strict=True)
    ]


def _to_float(samples: npt.NDArray[np.int16]) -> FloatArray:
    return samples.astype(np.float32) * np.float32(1 / 32768)


def _rms(samples: FloatArray) -> float:
    return float(np.sqrt(np.dot(samples, samples) / len(samples)))


def _faded(piece: FloatArray) -> FloatArray:
    """Fade both ends over 2 ms.

    A word cut out of its room tone must not click, nor the few samples left at a crop's end.
    """
    to_start = np.arange(len(piece), dtype=np.float32)
    piece *= np.minimum(np.minimum(to_start, to_start[::-1]) / np.float32(CLIP_FADE), np.float32(1))
    return piece
