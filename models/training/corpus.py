"""Audio for training: folders of sound files, decoded once into memory-mapped int16 arrays, and random crops of them.

A folder may hold the subfolders `speech`, `music` and `noise`; then each kind is drawn with its own
weight. Any other folder is one kind. Decoding happens once; later runs find the packed arrays in the cache.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

log = logging.getLogger(__name__)

AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff"}
KIND_WEIGHTS = {"speech": 0.62, "music": 0.30, "noise": 0.08}
SILENCE_RMS = 1e-3


@dataclass(frozen=True)
class Augmentation:
    """Random changes to each crop.

    Args:
        gain_db: range of the random gain; a crop is never driven above full scale.
        keep_silent: share of near-silent crops (RMS < −60 dBFS) that stay.
        mix: probability that a second crop is added, 6 to 20 dB below the first.
    """

    gain_db: tuple[float, float] = (-20.0, 3.0)
    keep_silent: float = 0.1
    mix: float = 0.12


class Corpus:
    """Random training crops from packed arrays.

    Args:
        parts: int16 arrays with their weights.
        seed: seed of the crops' random stream.
    """

    def __init__(self, parts: list[tuple[npt.NDArray[np.int16], float]], seed: int = 0, augmentation: Augmentation | None = None) -> None:
        if not parts:
            raise ValueError("There is no audio to train on.")
        self.parts = [array for array, _ in parts]
        weights = np.array([weight for _, weight in parts])
        self.probabilities = weights / weights.sum()
        self.random = np.random.default_rng(seed)
        self.augmentation = augmentation or Augmentation()

    @property
    def n_samples(self) -> int:
        return sum(len(part) for part in self.parts)

    def batch(self, size: int, n_samples: int) -> Tensor:
        """`[size, n_samples]` float32 crops, augmented."""
        return torch.from_numpy(np.stack([self._example(n_samples) for _ in range(size)]))

    def _crop(self, n_samples: int) -> npt.NDArray[np.float32]:
        part = self.parts[self.random.choice(len(self.parts), p=self.probabilities)]
        start = int(self.random.integers(0, len(part) - n_samples))
        return part[start : start + n_samples].astype(np.float32) / np.float32(32768)

    def _example(self, n_samples: int) -> npt.NDArray[np.float32]:
        change = self.augmentation
        while True:
            crop = self._crop(n_samples)
            if np.sqrt(np.mean(crop * crop)) >= SILENCE_RMS or self.random.random() < change.keep_silent:
                break
        if self.random.random() < change.mix:
            crop = crop + self._crop(n_samples) * 10 ** (self.random.uniform(-20, -6) / 20)
        gain = 10 ** (self.random.uniform(*change.gain_db) / 20)
        gain = min(gain, 0.99 / max(1e-3, float(np.abs(crop).max())))
        sign = 1.0 if self.random.random() < 0.5 else -1.0
        return (crop * (gain * sign)).astype(np.float32)


def load_corpus(folders: list[Path], cache: Path, sample_rate: int, crop_samples: int, seed: int = 0) -> Corpus:
    """Pack the folders (once) and open them.

    Raises ValueError if a folder is missing or holds too little audio for one crop.
    """
    parts = []
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder; give a folder of sound files ({', '.join(sorted(AUDIO_SUFFIXES))}).")
        kinds = {name: folder / name for name in KIND_WEIGHTS if (folder / name).is_dir()} or {"all": folder}
        for kind, place in kinds.items():
            packed = _pack(place, cache, sample_rate)
            if len(packed) <= crop_samples:
                raise ValueError(
                    f"{place} holds {len(packed) / sample_rate:.1f} s of audio; more than {crop_samples / sample_rate:.1f} s are needed."
                )
            parts.append((packed, KIND_WEIGHTS.get(kind, 1.0)))
    return Corpus(parts, seed)


def _pack(folder: Path, cache: Path, sample_rate: int) -> npt.NDArray[np.int16]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    key = hashlib.sha256(f"{sample_rate}".encode())
    for path in files:
        info = path.stat()
        key.update(f"{path.relative_to(folder)}:{info.st_size}:{info.st_mtime_ns}".encode())
    target = cache / f"{folder.name}-{key.hexdigest()[:16]}.npy"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        decoded = [audio for path in files if (audio := _decode(path, sample_rate)) is not None]
        whole = np.concatenate(decoded) if decoded else np.zeros(0, np.int16)
        partial = target.with_suffix(".partial.npy")
        np.save(partial, whole)
        partial.replace(target)
        log.info("packed %s: %d files, %.2f h", folder, len(decoded), len(whole) / sample_rate / 3600)
    packed: npt.NDArray[np.int16] = np.load(target, mmap_mode="r")
    return packed


def _decode(path: Path, sample_rate: int) -> npt.NDArray[np.int16] | None:
    """Mono int16 at `sample_rate`, or None (with a warning) if the file can't be read."""
    import soundfile
    import soxr

    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        log.warning("skipped %s: %s", path, error)
        return None
    mono = audio.mean(1)
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate)
    pcm: npt.NDArray[np.int16] = (np.clip(mono, -1, 1) * 32767).astype(np.int16)
    return pcm
