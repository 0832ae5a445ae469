"""Slots made comparable: as loud as the original where that is wanted, in files for the engine, and as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.loudness import FLOOR_LUFS
from lamina.dsp.spectrum import SpectrumColumns, mel_edges
from lamina.gui.model.sound.spectrogram import (
    COLUMNS_PER_SECOND,
    LOUDEST_DB,
    MAXIMUM_HZ,
    MINIMUM_HZ,
    N_BANDS,
    QUIETEST_DB,
)
from lamina.plugin.listening.sounds import Condition, match_loudness

FloatArray = NDArray[np.float32]
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Arranged:
    """What of the slots is heard and seen, in their order.

    Args:
        conditions: their sounds, with the gains they have got; the first is the original.
        files: the same in numpy's files.
        remark: what is to be known of the gains, in a sentence, or nothing.
    """

    conditions: tuple[Condition, ...]
    files: tuple[Path, ...]
    remark: str = ""

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.conditions[0].sample_rate


def arrange(sounds: Sequence[Condition], is_matched: bool, folder: Path, name: str) -> Arranged:
    """Match the sounds' loudness if that is wanted, and write them to files of this name in `folder`.

    What is silent stays as it is. Raises OSError if that can't be written.
    """
    matched, remark = _matched(sounds) if is_matched else (tuple(sounds), _clipping(sounds))
    files = []
    for place, condition in enumerate(matched):
        file = folder / f"{name}-{place}.npy"
        np.save(file, condition.samples, allow_pickle=False)
        files.append(file)
    return Arranged(matched, tuple(files), remark)


@dataclass(frozen=True)
class Pictures:
    """The spectrogram of a slot and that of the original without it, as brightness `[bands, columns]`."""

    sound: Picture
    difference: Picture

    @classmethod
    def of(cls, arranged: Arranged, place: int) -> Pictures:
        """Draw them, which takes some hundredths of the sound's length."""
        original, sound = arranged.conditions[0].samples, arranged.conditions[place].samples
        return cls(picture_of(sound, arranged.sample_rate), picture_of(original - sound, arranged.sample_rate))


def picture_of(sound: FloatArray, sample_rate: int) -> Picture:
    """A spectrogram as brightness `[bands, columns]`, low bands last, in the scale of the app's other ones."""
    columns = SpectrumColumns(
        sample_rate, len(sound), mel_edges(N_BANDS, MINIMUM_HZ, MAXIMUM_HZ), COLUMNS_PER_SECOND, QUIETEST_DB - 6.0
    ).push(sound)
    brightness = np.clip((columns - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB), 0.0, 1.0) * 255.0
    return np.ascontiguousarray(np.rint(brightness.T[::-1]).astype(np.uint8))


def _matched(sounds: Sequence[Condition]) -> tuple[tuple[Condition, ...], str]:
    audible = [place for place, sound in enumerate(sounds) if sound.lufs > FLOOR_LUFS]
    if 0 not in audible:
        return tuple(sounds), "The original is silent here, so that there is no loudness to match."
    matched = dict(zip(audible, match_loudness([sounds[place] for place in audible]), strict=True))
    less = matched[0].gain_db
    remark = ""
    if less < -0.05:
        remark = f"All of them are {-less:.1f} dB lower, so that none clips when it is as loud as the original."
    return tuple(matched.get(place, sound) for place, sound in enumerate(sounds)), remark


def _clipping(sounds: Sequence[Condition]) -> str:
    n_clipping = sum(sound.peak > 1.0 for sound in sounds)
    return f"{n_clipping} of the sounds go beyond full scale and clip." if n_clipping else ""
