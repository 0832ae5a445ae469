"""Tones to train on: sines, harmonic tones, struck bars and bells, and chords, drawn at random.

Recorded corpora hold hardly any lone partial between 2 and 10 kHz, and what a network hasn't heard it leaves out.

Partials that only decay are complex exponentials e^(st). With t = b·i + j, e^(st) is e^(sbi) · e^(sj), so that a sum of
any number of partials is one matrix product and costs two short rows of exponentials for each. Tones that glide share
one phasor z, and their harmonics are a polynomial in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

DoubleArray = npt.NDArray[np.float64]

HIGHEST_SHARE = 0.458
"""No partial lies above this share of the sample rate: 11 kHz at 24 kHz."""

LEVEL_DBFS = (-40.0, -12.0)
LARGEST_PEAK = 0.98
"""Leaves room for the noise floor below 0.99."""

FLOOR_SHARE = 0.3
FLOOR_DBFS = (-90.0, -60.0)

MOST_HARMONICS = 25
MOST_NOTE_PARTIALS = 12
BLOCK = 128
DECAY_60_DB = float(np.log(1000))
"""An exponential with this decay per second falls by 60 dB in a second."""

BAR_RATIOS = (1.0, 2.756, 5.404, 8.933, 13.344)
"""Bending modes of a free uniform bar (Fletcher and Rossing, The Physics of Musical Instruments, 2.7)."""

BELL_RATIOS = (0.5, 1.0, 1.2, 1.5, 2.0, 2.5, 2.61, 3.0, 4.0)
"""Hum, prime, minor third, fifth, octave and above (Fletcher and Rossing, 21)."""

DRAWBARS = (0.5, 1.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
CHORD_STEPS = (0, 3, 4, 5, 7, 9, 10, 12, 16, 19)
"""Semitones above the root that a chord's other notes are drawn from."""


@dataclass(frozen=True)
class Partials:
    """Sines that begin together.

    Args:
        hertz: float64 `[n]`, the frequencies in Hz.
        decay: float64 `[n]`, by how much ln(amplitude) falls per second; 0 for a steady sine.
        amplitude: float64 `[n]`, at the beginning.
    """

    hertz: DoubleArray
    decay: DoubleArray
    amplitude: DoubleArray


def draw_tones(random: np.random.Generator, n_samples: int, sample_rate: int) -> FloatArray:
    """Random tones of one kind of `TONES`; the same generator state gives the same tones.

    Args:
        random: where everything is drawn from.
        n_samples: how long, at least 1.
        sample_rate: in Hz; no partial lies above 0.458 of it.

    Returns float32 `[n_samples]`: peak below 0.99, RMS between −40 and −12 dBFS (less where the peak would be too
    high), in some of them with white noise of −90 to −60 dBFS below.
    """
    names = list(TONES)
    name = names[int(random.choice(len(names), p=[TONES[name].share for name in names]))]
    sound = TONES[name].draw(random, n_samples, sample_rate)
    rms, peak = float(np.sqrt(np.mean(np.square(sound)))), float(np.abs(sound).max())
    level = 10 ** (random.uniform(*LEVEL_DBFS) / 20)
    sound *= np.float32(min(level / max(rms, 1e-9), LARGEST_PEAK / max(peak, 1e-9)))
    if random.random() < FLOOR_SHARE:
        sound += random.standard_normal(n_samples, np.float32) * np.float32(10 ** (random.uniform(*FLOOR_DBFS) / 20))
    return sound


def draw_sines(random: np.random.Generator, n_samples: int, sample_rate: int) -> FloatArray:
    """One to three sines from 80 Hz up, at least half of them above 2 kHz.

    They are steady, swell, or begin or end inside.
    """
    result = np.zeros(n_samples, np.float32)
    for _ in range(int(random.integers(1, 4))):
        lowest = 2000.0 if random.random() < 0.5 else 80.0
        hertz = _log_uniform(random, lowest, HIGHEST_SHARE * sample_rate)
        sine = _sum(
            Partials(*np.array([[hertz], [0.0], [10 ** (random.uniform(-15, 0) / 20)]])), random, n_samples, sample_rate
        )
        if random.random() < 0.4:
            sine *= _swell(random, n_samples, sample_rate)
        if random.random() < 0.25:
            sine *= _fade(random, n_samples, sample_rate)
        result += sine
    return result


def draw_harmonics(random: np.random.Generator, n_samples: int, sample_rate: int) -> FloatArray:
    """A harmonic tone of 50 to 1500 Hz: any slope, odd or even harmonics stressed; steady, with vibrato, or gliding."""
    pitch = _log_uniform(random, 50, 1500) * _pitch_course(random, n_samples, sample_rate)
    pitch *= min(1.0, HIGHEST_SHARE * sample_rate / float(pitch.max()))
    n_harmonics = min(MOST_HARMONICS, int(HIGHEST_SHARE * sample_rate / float(pitch.max())))
    phase = np.cumsum(pitch) / sample_rate
    phasor = np.exp(2j * np.pi * (phase % 1.0)).astype(np.complex64)
    order = np.arange(1, n_harmonics + 1)
    amplitude = order ** -random.uniform(0, 1.8) * 10 ** (random.uniform(-6, 0, n_harmonics) / 20)
    if random.random() < 0.4:
        amplitude[int(random.integers(0, 2)) :: 2] *= random.uniform(0, 0.5)
    coefficients = (amplitude * np.exp(2j * np.pi * random.random(n_harmonics))).astype(np.complex64)
    result = np.zeros(n_samples, np.complex64)
    for coefficient in coefficients[::-1]:
        result += coefficient
        result *= phasor
    sound: FloatArray = result.imag.copy()
    if random.random() < 0.3:
        sound *= _swell(random, n_samples, sample_rate)
    if random.random() < 0.2:
        sound *= _fade(random, n_samples, sample_rate)
    return sound


def draw_struck(random: np.random.Generator, n_samples: int, sample_rate: int) -> FloatArray:
    """One to six strikes on bars or bells of 200 to 3500 Hz, half of them above 900 Hz at least, with one mallet.

    The first strike may still ring from before.
    """
    lowest = 900.0 if random.random() < 0.5 else 200.0
    ratios, doublets = (
        (np.array(BAR_RATIOS), False) if random.random() < 0.6 else (np.array(BELL_RATIOS), random.random() < 0.7)
    )
    hard = random.random() < 0.5
    result = np.zeros(n_samples, np.float32)
    for strike in range(int(random.integers(1, 7))):
        hertz = _log_uniform(random, lowest, 3500) * ratios * (1 + random.uniform(-0.01, 0.01, len(ratios)))
        decay = DECAY_60_DB / _log_uniform(random, 0.3, 4) * np.maximum(ratios, 0.5) ** random.uniform(0.3, 1.2)
        # A soft mallet rests longer, and short waves under it cancel.
        corner = _log_uniform(random, 4000, 16_000) if hard else _log_uniform(random, 700, 3000)
        amplitude = 10 ** (random.uniform(-10, 0, len(ratios)) / 20) / (1 + (hertz / corner) ** 2)
        if doublets:
            hertz = np.concatenate((hertz, hertz + random.uniform(0.3, 6, len(hertz))))
            decay, amplitude = (
                np.tile(decay, 2),
                np.concatenate((amplitude, amplitude * random.uniform(0.2, 1, len(amplitude)))),
            )
        attack = random.uniform(0.001, 0.002) if hard else random.uniform(0.004, 0.015)
        start = _start(random, n_samples, sample_rate, first=strike == 0)
        tone = Partials(hertz, decay, amplitude * 10 ** (random.uniform(-12, 0) / 20))
        _add(result, tone, start, attack, random, sample_rate)
    return result


def draw_chord(random: np.random.Generator, n_samples: int, sample_rate: int) -> FloatArray:
    """Two to five notes of an organ, a flute or plucked strings, in equal temperament.

    They are sustained or begin inside.
    """
    timbre = (_organ_note, _flute_note, _plucked_note)[int(random.integers(3))]
    plucked, together = timbre is _plucked_note, random.random() < 0.5
    root = _log_uniform(random, 80, 1600)
    steps = (0, *random.choice(CHORD_STEPS[1:], int(random.integers(1, 5)), replace=False))
    result = np.zeros(n_samples, np.float32)
    for number, step in enumerate(steps):
        first = number == 0
        start = _start(random, n_samples, sample_rate, first) if plucked or not together else -n_samples
        attack = random.uniform(0.0015, 0.006) if plucked else random.uniform(0.01, 0.06)
        _add(result, timbre(random, root * 2 ** (int(step) / 12)), start, attack, random, sample_rate)
    return result


@dataclass(frozen=True)
class ToneKind:
    """A kind of tones.

    Args:
        draw: called with generator, number of samples and sample rate in Hz; gives float32 `[n_samples]` of any level.
        share: of all tones, 0 to 1.
    """

    draw: Callable[[np.random.Generator, int, int], FloatArray]
    share: float


TONES = {
    "sines": ToneKind(draw_sines, 0.4),
    "harmonics": ToneKind(draw_harmonics, 0.2),
    "struck": ToneKind(draw_struck, 0.22),
    "chord": ToneKind(draw_chord, 0.18),
}


def _organ_note(random: np.random.Generator, hertz: float) -> Partials:
    bars = np.array(DRAWBARS)
    return Partials(hertz * bars, np.zeros(len(bars)), random.uniform(0, 1, len(bars)) ** 2 + 0.01)


def _flute_note(random: np.random.Generator, hertz: float) -> Partials:
    order = np.arange(1.0, 5.0)
    return Partials(hertz * order, np.zeros(4), 10 ** (-random.uniform(8, 20) * (order - 1) / 20))


def _plucked_note(random: np.random.Generator, hertz: float) -> Partials:
    """Harmonics missing where the string was plucked, stretched by its stiffness, the higher ones gone sooner."""
    order = np.arange(1.0, MOST_NOTE_PARTIALS + 1)
    stretched = order * np.sqrt(1 + 10 ** random.uniform(-5, -3.3) * order**2)
    amplitude = np.abs(np.sin(np.pi * order * random.uniform(0.08, 0.5))) / order ** random.uniform(0.5, 1.5)
    return Partials(
        hertz * stretched,
        DECAY_60_DB / _log_uniform(random, 0.5, 4) * order ** random.uniform(0.3, 1.0),
        amplitude + 1e-4,
    )


def _start(random: np.random.Generator, n_samples: int, sample_rate: int, first: bool) -> int:
    """When a note begins, in samples.

    The first one up to 0.3 s before the crop or in its first third, others anywhere inside.
    """
    if not first:
        return int(random.uniform(0, 0.9) * n_samples)
    return (
        round(-random.uniform(0, 0.3) * sample_rate)
        if random.random() < 0.5
        else int(random.uniform(0, 0.33) * n_samples)
    )


def _add(
    into: FloatArray, tone: Partials, start: int, attack: float, random: np.random.Generator, sample_rate: int
) -> None:
    """Add a tone that begins at `start`, before the crop if negative, and takes `attack` seconds to come in."""
    place, before = max(0, start), max(0, -start)
    sound = _sum(tone, random, len(into) - place, sample_rate, before)
    ramp = max(2, round(attack * sample_rate))
    rising = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, ramp + 1) / (ramp + 1)))[before : before + len(sound)]
    sound[: len(rising)] *= rising.astype(np.float32)
    into[place:] += sound


def _sum(tone: Partials, random: np.random.Generator, n_samples: int, sample_rate: int, first: int = 0) -> FloatArray:
    """Samples `first` to `first + n_samples` of a tone's partials, each with a random phase.

    Those that would alias are left out.
    """
    phase = random.random(len(tone.hertz))
    stays = tone.hertz <= HIGHEST_SHARE * sample_rate
    rates = ((-tone.decay + 2j * np.pi * tone.hertz) / sample_rate)[stays]
    starts = (tone.amplitude * np.exp(2j * np.pi * phase))[stays] * np.exp(rates * first)
    blocks = np.exp(rates[None, :] * (np.arange(0, n_samples, BLOCK)[:, None])) * starts
    inside = np.exp(rates[:, None] * np.arange(BLOCK)[None, :])
    # Real and imaginary parts side by side: Im(b·i) is one real product.
    left = np.concatenate((blocks.real, blocks.imag), 1).astype(np.float32)
    right = np.concatenate((inside.imag, inside.real), 0).astype(np.float32)
    result: FloatArray = (left @ right).reshape(-1)[:n_samples]
    return result


def _pitch_course(random: np.random.Generator, n_samples: int, sample_rate: int) -> DoubleArray:
    """Pitch over time as a factor, float64 `[n_samples]`: a glide of up to an octave, a vibrato, both, or neither."""
    time = np.arange(n_samples, dtype=np.float32) / np.float32(sample_rate)
    octaves = np.zeros(n_samples, np.float32)
    if random.random() < 0.35:
        middle, length = random.uniform(0, 1) * n_samples / sample_rate, random.uniform(0.03, 0.5)
        octaves += np.float32(random.uniform(-1, 1)) * np.clip(
            (time - np.float32(middle)) / np.float32(length) + 0.5, 0, 1
        )
    if random.random() < 0.4:
        depth, speed = random.uniform(10, 80) / 1200, random.uniform(4, 7)
        octaves += np.float32(depth) * np.sin(
            np.float32(2 * np.pi * speed) * time + np.float32(random.uniform(0, 2 * np.pi))
        )
    return np.exp2(octaves).astype(np.float64)


def _swell(random: np.random.Generator, n_samples: int, sample_rate: int) -> FloatArray:
    """A slow change of level, float32 `[n_samples]`: a tremolo of 0.5 to 6 Hz."""
    time = np.arange(n_samples, dtype=np.float32) / np.float32(sample_rate)
    depth, speed, phase = random.uniform(0.1, 0.8), random.uniform(0.5, 6), random.uniform(0, 2 * np.pi)
    result: FloatArray = 1 - np.float32(depth) * (
        0.5 + 0.5 * np.sin(np.float32(2 * np.pi * speed) * time + np.float32(phase))
    )
    return result


def _fade(random: np.random.Generator, n_samples: int, sample_rate: int) -> FloatArray:
    """A beginning or an end inside the crop, float32 `[n_samples]`: a fade of 5 to 60 ms."""
    length, moment = random.uniform(0.005, 0.06) * sample_rate, random.uniform(0.15, 0.85) * n_samples
    ramp = np.clip((np.arange(n_samples, dtype=np.float32) - np.float32(moment)) / np.float32(length) + 0.5, 0, 1)
    stays: FloatArray = 0.5 - 0.5 * np.cos(np.float32(np.pi) * (ramp if random.random() < 0.5 else 1 - ramp))
    return stays


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))
