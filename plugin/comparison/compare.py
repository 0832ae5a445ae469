"""One sound through every contender: what came out, equally loud and aligned, with its bitrate and its figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.loudness import FLOOR_LUFS
from lamina.plugin.comparison.contenders import Contender
from lamina.plugin.files.sound import AudioFileError, read_audio
from lamina.plugin.listening.sounds import SHORTEST_SECONDS, Condition, delay_samples, match_loudness, with_gain
from lamina.plugin.metrics import Metric, ScoreStore, measure

ORIGINAL_LABEL = "Original"
LEAST_DELAY_SECONDS = 0.001
"""Least correlation from which a delay counts as one.

Codecs are aligned to the sample by what they are, and correlation places what they do to phase some samples off.
"""


@dataclass(frozen=True)
class Row:
    """What became of a sound in one codec.

    Args:
        asked: the text that asked for the codec.
        label: what people read.
        kbps: bits really made per second, in thousands; NaN for the original and after a failure.
        sound: what came out, as it is played; None after a failure.
        scores: by the measures' keys, taken before any change of loudness.
        lufs: integrated loudness as it came out of the codec.
        moved_samples: by how much it was moved to lie on the original.
        failure: why there is no sound, in a sentence.
        is_absent: whether that is because the codec lacks something here.
    """

    asked: str
    label: str
    kbps: float = math.nan
    sound: Condition | None = None
    scores: dict[str, float] = field(default_factory=dict)
    lufs: float = math.nan
    moved_samples: int = 0
    failure: str = ""
    is_absent: bool = False

    @property
    def gain_db(self) -> float:
        """What loudness matching did to it."""
        return self.sound.gain_db if self.sound is not None else math.nan


@dataclass(frozen=True)
class Item:
    """One sound with a row of the original and one of each codec."""

    path: Path
    start_seconds: float
    sample_rate: int
    rows: tuple[Row, ...]
    trouble: str = ""

    @property
    def original(self) -> Condition:
        """The sound as it is played."""
        sound = self.rows[0].sound
        assert sound is not None
        return sound

    @property
    def has_failures(self) -> bool:
        """Whether a codec failed."""
        return any(row.failure for row in self.rows)


def read_part(path: Path, start_seconds: float, seconds: float | None) -> tuple[FloatArray, int, str]:
    """Part of a sound file as float32 `[channels, samples]`, its rate, and what was missing of the file.

    Raises AudioFileError where there is no such part, or nothing in it that could be compared.
    """
    clip = read_audio(path)
    first = round(start_seconds * clip.sample_rate)
    last = clip.samples.shape[1] if seconds is None else first + round(seconds * clip.sample_rate)
    part = np.ascontiguousarray(clip.samples[:, first:last])
    length = part.shape[1] / clip.sample_rate
    if not part.shape[1]:
        total = clip.samples.shape[1] / clip.sample_rate
        raise AudioFileError(f"{path} lasts {total:.2f} s; nothing of it lies behind --start {start_seconds:g}.")
    if length < SHORTEST_SECONDS:
        raise AudioFileError(
            f"{path}: {length:.2f} s are too short to be compared; give {SHORTEST_SECONDS:g} s or more."
        )
    if Condition(path.name, {}, part, clip.sample_rate).lufs <= FLOOR_LUFS:
        raise AudioFileError(f"{path} is silent there: there is nothing to compare.")
    return part, clip.sample_rate, clip.trouble


def compare_sound(
    path: Path,
    codecs: Sequence[Contender],
    metrics: Sequence[Metric],
    start_seconds: float = 0.0,
    seconds: float | None = None,
    is_matched: bool = True,
    store: ScoreStore | None = None,
    progress: Callable[[float], None] | None = None,
) -> Item:
    """A sound file, or a part of it, through every codec.

    Args:
        path: of the file, mono or stereo.
        codecs: who takes part beside the original.
        metrics: the measures to take.
        start_seconds, seconds: the part; None to the end.
        is_matched: whether all are made as loud as the original.
        store: where measured figures are looked up and remembered.
        progress: called with the share done, 0 … 1.

    A codec that fails, or lacks something here, has a row that says why. Raises AudioFileError as `read_part` does.
    """
    samples, rate, trouble = read_part(path, start_seconds, seconds)
    original = Condition(ORIGINAL_LABEL, {"codec": "original"}, samples, rate)
    rows = [Row("original", ORIGINAL_LABEL, sound=original, lufs=original.lufs)]
    n_steps, n_done = len(codecs) * (1 + len(metrics)), 0

    def advance(steps: int) -> None:
        nonlocal n_done
        n_done += steps
        if progress is not None:
            progress(n_done / n_steps)

    for codec in codecs:
        row = (
            Row(codec.asked, codec.label, failure=codec.lacks, is_absent=True)
            if codec.lacks
            else _coded(codec, original)
        )
        advance(1)
        if row.sound is None:
            advance(len(metrics))
        else:
            for metric in metrics:
                row.scores.update(measure(samples, row.sound.samples, rate, [metric.key], store))
                advance(1)
        rows.append(row)
    return Item(path, start_seconds, rate, tuple(_as_played(rows, is_matched)), trouble)


def _coded(codec: Contender, original: Condition) -> Row:
    if codec.lacks:
        return Row(codec.asked, codec.label, failure=codec.lacks, is_absent=True)
    try:
        effect = codec.make()
        out = effect.process_channels(original.samples.copy(), original.sample_rate, 8192, True)
        if out.shape != original.samples.shape:
            raise ValueError(f"{out.shape[-1]} samples came out where {original.n_samples} went in")
        kbps = float(effect.counted_kbps)
        how: dict[str, Any] = {"codec": codec.asked, "counted_kbps": kbps if math.isfinite(kbps) else None}
        if (bundle := getattr(effect, "bundle", None)) is not None:
            how["model"] = bundle.digest
        sound = Condition(codec.label, how, out, original.sample_rate)
        delay = delay_samples(original, sound) or 0
        if abs(delay) < LEAST_DELAY_SECONDS * original.sample_rate:
            delay = 0
        if delay:
            sound = Condition(codec.label, how, _moved(out, -delay), original.sample_rate)
        return Row(codec.asked, codec.label, kbps, sound, {}, sound.lufs, -delay)
    except Exception as error:  # whatever a foreign codec dies of, the others go on
        reason = " ".join(str(error).split()) or type(error).__name__
        return Row(codec.asked, codec.label, failure=f"{codec.label} failed: {reason.rstrip('.')}.")


def _moved(samples: FloatArray, n_samples: int) -> FloatArray:
    """Later by so many samples, or earlier below 0, with silence where nothing is."""
    moved = np.zeros_like(samples)
    if n_samples >= 0:
        moved[:, n_samples:] = samples[:, : samples.shape[1] - n_samples]
    else:
        moved[:, :n_samples] = samples[:, -n_samples:]
    return moved


def _as_played(rows: Sequence[Row], is_matched: bool) -> list[Row]:
    """With the gains that make them equally loud, or at least keep them from clipping."""
    sounds = [row.sound for row in rows if row.sound is not None]
    audible = [sound for sound in sounds if sound.lufs > FLOOR_LUFS]
    if is_matched:
        played = dict(zip(map(id, audible), match_loudness(audible), strict=True))
    else:
        highest = max(sound.peak for sound in sounds)
        less = max(0.0, 20.0 * math.log10(highest) + 1e-5)
        played = {id(sound): with_gain(sound, -less) for sound in sounds}
    return [_replaced(row, played.get(id(row.sound), row.sound)) for row in rows]


def _replaced(row: Row, sound: Condition | None) -> Row:
    return replace(row, sound=sound)
