"""What is compared in a listening test: sounds that begin at the same sample and are equally loud."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.loudness import FLOOR_LUFS, MOMENTARY_SECONDS, integrated_lufs
from lamina.plugin.call.arrays import HIGHEST_RATE, LOWEST_RATE, refuse_non_finite

SHORTEST_SECONDS = MOMENTARY_SECONDS
"""What loudness can be told of; nobody hears a codec in less."""
DELAY_SEARCH_SECONDS = 0.2
SAME_WAVE, SAME_SOUND = 0.997, 0.7
"""Least correlations of a sound with the reference from which its delay is known: to the sample, to a millisecond.

The delay is the place of the highest. Codecs move parts of the wave against each other by some samples (Opus at 24 kbps
by 2, with 0.995 for a voice), and that they come out aligned on the whole is proved by the tests of their latency.
"""
SMEARED_SECONDS = 0.001


@dataclass(frozen=True)
class Condition:
    """One of the sounds that are compared.

    Args:
        label: what a listener reads where the test isn't blind: "Lamina 6 kbps".
        how: how it was made, as JSON can hold it: codec, bitrate, settings, the model's digest.
        samples: float32 `[channels, n]`, mono or stereo; `[n]` is taken for mono.
        sample_rate: 8000 to 192000 Hz.
        gain_db: that `samples` have got from `match_loudness`.

    Raises ValueError for other shapes and rates, NaN and infinite samples, and what JSON can't hold.
    """

    label: str
    how: Mapping[str, Any]
    samples: FloatArray = field(repr=False)
    sample_rate: int
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        samples = np.atleast_2d(np.asarray(self.samples, np.float32))
        if samples.ndim != 2 or len(samples) not in (1, 2):
            raise ValueError(
                f"{self.label} has the shape {samples.shape}; [channels, samples] with 1 or 2 channels is expected."
            )
        if not LOWEST_RATE <= self.sample_rate <= HIGHEST_RATE:
            raise ValueError(
                f"{self.label} has {self.sample_rate} Hz; {LOWEST_RATE} to {HIGHEST_RATE} Hz are supported."
            )
        try:
            refuse_non_finite(samples)
        except ValueError as error:
            raise ValueError(f"{self.label}: {error}") from error
        try:
            json.dumps(dict(self.how), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"How {self.label} was made can't be written down as JSON: {error}.") from error
        object.__setattr__(self, "samples", samples)

    @property
    def n_samples(self) -> int:
        """Of each channel."""
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.n_samples / self.sample_rate

    @cached_property
    def sha256(self) -> str:
        """Of the samples as they are played (float32, little-endian, channel after channel) and what they are."""
        head = f"{self.sample_rate} Hz, {len(self.samples)} channels\n".encode()
        return hashlib.sha256(head + np.ascontiguousarray(self.samples, "<f4").tobytes()).hexdigest()

    @cached_property
    def lufs(self) -> float:
        """Integrated loudness; silence reads −70."""
        return integrated_lufs(self.samples, self.sample_rate)

    @property
    def peak(self) -> float:
        """The highest absolute sample, where full scale is 1."""
        return float(np.abs(self.samples).max(initial=0.0))

    def described(self) -> dict[str, Any]:
        """Everything about it but the samples, for files of results."""
        return {
            "label": self.label,
            "how": dict(self.how),
            "sha256": self.sha256,
            "sample_rate": self.sample_rate,
            "channels": len(self.samples),
            "n_samples": self.n_samples,
            "lufs": round(self.lufs, 3),
            "gain_db": round(self.gain_db, 3),
        }


def check_comparable(conditions: Sequence[Condition]) -> None:
    """Raise ValueError, in one sentence, if sounds can't be switched between at any sample.

    That is: fewer than two; different rates, channels or lengths; too short or silent; or one comes late or early.
    """
    if len(conditions) < 2:
        raise ValueError(f"{len(conditions)} sounds were given; a comparison needs at least 2.")
    first = conditions[0]
    for other in conditions[1:]:
        for what, mine, its in (
            ("Hz", first.sample_rate, other.sample_rate),
            ("channels", len(first.samples), len(other.samples)),
            ("samples", first.n_samples, other.n_samples),
        ):
            if mine != its:
                raise ValueError(
                    f"{first.label} has {mine} {what} and {other.label} has {its}; sounds that are compared need the "
                    "same."
                )
    if first.seconds < SHORTEST_SECONDS:
        raise ValueError(
            f"{first.label} lasts {first.seconds:.2f} s; sounds that are compared must last {SHORTEST_SECONDS:g} s."
        )
    for condition in conditions:
        if condition.lufs <= FLOOR_LUFS:
            raise ValueError(f"{condition.label} is silent: there is nothing to compare.")
    for other in conditions[1:]:
        delay = delay_samples(first, other)
        if delay:
            how = "late" if delay > 0 else "early"
            raise ValueError(
                f"{other.label} comes {abs(delay)} samples {how} against {first.label}; align it first, or the delay "
                "is what listeners hear."
            )


def delay_samples(reference: Condition, other: Condition) -> int | None:
    """How many samples `other` comes late (above 0) or early (below), or None where it can't be told for certain.

    It is where their cross-correlation is highest, within 0.2 s, if it is high there: a delay of less than a
    millisecond is told of sounds whose waves are nearly the same.
    """
    one = reference.samples.astype(np.float64).mean(axis=0)
    two = other.samples.astype(np.float64).mean(axis=0)
    n_samples = min(len(one), len(two))
    one, two = one[:n_samples] - one[:n_samples].mean(), two[:n_samples] - two[:n_samples].mean()
    power = float(np.sqrt(np.square(one).sum() * np.square(two).sum()))
    if power < 1e-12:
        return None
    reach = min(n_samples - 1, round(DELAY_SEARCH_SECONDS * reference.sample_rate))
    size = 1 << (n_samples + reach).bit_length()
    correlation = np.fft.irfft(np.conj(np.fft.rfft(one, size)) * np.fft.rfft(two, size), size) / power
    lags = np.arange(-reach, reach + 1)
    values = correlation[lags]
    best = int(np.argmax(values))
    is_far = abs(lags[best]) > SMEARED_SECONDS * reference.sample_rate
    return int(lags[best]) if values[best] >= (SAME_SOUND if is_far else SAME_WAVE) else None


def match_loudness(conditions: Sequence[Condition], to: int = 0) -> tuple[Condition, ...]:
    """The sounds with gains that make them as loud as one of them, by integrated LUFS.

    If a gain would bring a sample beyond full scale, all of them get that much less together, so that nothing clips and
    they stay equal. Each result's `gain_db` says what it has got in all.

    Args:
        conditions: sounds of any rates and lengths.
        to: which of them the others follow.

    Raises ValueError if one of them is silent or too short to measure.
    """
    for condition in conditions:
        if condition.lufs <= FLOOR_LUFS:
            raise ValueError(f"{condition.label} is silent: its loudness can't be matched.")
    target = conditions[to].lufs
    gains = [target - condition.lufs for condition in conditions]
    highest = max(condition.peak * 10.0 ** (gain / 20.0) for condition, gain in zip(conditions, gains, strict=True))
    # A hair below full scale, for what rounding to float32 adds.
    less = max(0.0, 20.0 * float(np.log10(highest)) + 1e-5)
    return tuple(with_gain(condition, gain - less) for condition, gain in zip(conditions, gains, strict=True))


def with_gain(condition: Condition, gain_db: float) -> Condition:
    """The sound with a gain, which its `gain_db` counts; with 0 dB the sound itself."""
    if gain_db == 0.0:
        return condition
    samples = (condition.samples * np.float64(10.0 ** (gain_db / 20.0))).astype(np.float32)
    return replace(condition, samples=samples, gain_db=condition.gain_db + gain_db)


def region(condition: Condition, start: int, stop: int) -> Condition:
    """A part of the sound, from sample `start` up to `stop`; raises ValueError if there is no such part."""
    if not 0 <= start < stop <= condition.n_samples:
        raise ValueError(
            f"The region {start} to {stop} does not lie within the {condition.n_samples} samples of {condition.label}."
        )
    return replace(condition, samples=np.ascontiguousarray(condition.samples[:, start:stop]))
