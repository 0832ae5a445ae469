"""What the quality benchmark listens to: windows of held-out speech and music, and the same speech with held-out noise.

The held-out folder holds speech/ and music/, and noise/ for noisy speech. Every mixture is the same in every run: which
noise, and which part of it, follows from the clip's name.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from metrics import SAMPLE_RATE, Samples

SPEECH, MUSIC, NOISY = "speech", "music", "noisy"
KINDS = (SPEECH, MUSIC, NOISY)
NOISE_FOLDER = "noise"
SUFFIXES = frozenset({".flac", ".wav", ".ogg", ".opus"})
_AUDIBLE_RMS = 1e-3
_TRIES = 50


@dataclass(frozen=True)
class Window:
    """A part of a held-out clip, the `index`-th.

    Args:
        clip: the file's name without suffix.
        index: which window of the clip.
        kind: "speech", "music" or "noisy".
        reference: the clean sound, float32 `[n]` at 24 kHz.
        heard: what codecs are given; `reference`, with noise if the kind is "noisy".
        snr_db: the speech's power over the noise's within the window; None without noise.
    """

    clip: str
    index: int
    kind: str
    reference: Samples
    heard: Samples
    snr_db: float | None = None


def sound_files(folder: Path) -> list[Path]:
    """The sound files of a folder and of the folders in it, by name; none if there is no such folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def read_mono(path: Path) -> Samples:
    """A sound file as float32 mono `[n]` at 24 kHz."""
    loaded, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(loaded.mean(axis=1), rate, SAMPLE_RATE), dtype=np.float32)


def read_windows(
    heldout: Path,
    kinds: Sequence[str],
    clips: int | None,
    window_seconds: float,
    most_seconds: float,
    snrs_db: Sequence[float],
) -> Iterator[Window]:
    """Windows of `window_seconds` from the first `clips` clips of each kind, at most `most_seconds` of each clip.

    Clips are taken evenly over the alphabet, so that few clips still come from many sources. Shorter clips are left
    out. Noisy speech comes from the same windows as speech, once for each of `snrs_db`.
    """
    noises = [read_mono(path) for path in sound_files(heldout / NOISE_FOLDER)] if NOISY in kinds else []
    for folder in (SPEECH, MUSIC):
        for clip, index, samples in _cut(
            heldout / folder, clips, round(window_seconds * SAMPLE_RATE), most_seconds / window_seconds
        ):
            if folder in kinds:
                yield Window(clip, index, folder, samples, samples)
            if folder == SPEECH and noises:
                for snr_db in snrs_db:
                    reference, heard = with_noise(samples, noises, snr_db, f"{clip}:{index}")
                    yield Window(clip, index, NOISY, reference, heard, snr_db)


def with_noise(speech: Samples, noises: Sequence[Samples], snr_db: float, name: str) -> tuple[Samples, Samples]:
    """The clean speech and its mixture with one of `noises` at `snr_db`; `name` decides which part of which noise.

    A mixture beyond full scale is turned down together with its clean speech.
    """
    random = np.random.default_rng(zlib.crc32(name.encode()))
    noise = noises[int(random.integers(len(noises)))]
    looped = np.tile(noise, -(-speech.size // noise.size) + 1)
    for _ in range(_TRIES):  # a pause between two noises is no noise
        start = int(random.integers(looped.size - speech.size + 1))
        part = looped[start : start + speech.size].astype(np.float64)
        if np.sqrt(np.mean(part**2)) >= _AUDIBLE_RMS:
            break
    gain = np.sqrt(np.mean(speech.astype(np.float64) ** 2) / max(float(np.mean(part**2)), 1e-12) / 10 ** (snr_db / 10))
    mixture = speech + gain * part
    level = min(1.0, 0.99 / max(float(np.abs(mixture).max()), 1e-9))
    return np.asarray(speech * np.float32(level), dtype=np.float32), np.asarray(mixture * level, dtype=np.float32)


def _cut(folder: Path, clips: int | None, n_window: int, most_windows: float) -> Iterator[tuple[str, int, Samples]]:
    paths = sound_files(folder)
    if clips is not None and clips < len(paths):
        paths = [paths[round(index * (len(paths) - 1) / max(clips - 1, 1))] for index in range(clips)]
    for path in paths:
        mono = read_mono(path)
        n_windows = min(mono.size // n_window, max(int(most_windows), 1))
        spacing = (mono.size - n_window) // max(n_windows - 1, 1)  # spread over the clip
        for index in range(n_windows):
            start = index * spacing if n_windows > 1 else (mono.size - n_window) // 2
            yield path.stem, index, mono[start : start + n_window]
