"""What a model leaves of tones, which live in few narrow lines of the spectrum.

Lone sines, a melody on a glockenspiel, and bright music: bowed strings with cymbals.

A sine is looked for in the output by projecting it on that sine, so that noise at its place counts for nothing. Of what
is played the level in bands is compared. Everything is computed here, so that no sound file is needed, and it is the
same in every run.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache

# One thread is enough, and leaves the other cores alone; set before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from metrics import SAMPLE_RATE, Samples
from side_by_side import add_model_options, cell, named_models, print_markdown, write_json

from lamina.models.bundles.bundle import BundleError
from lamina.plugin import NeuralCodec

Codec = Callable[[Samples, float], Samples]

LAYERS = (8, 24)
"""6 and 18 kbps."""

SINES_HZ = (500, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000)
"""Frequencies of the sines, some of them multiples of the frame rate.

3, 6 and 9 kHz are multiples of its 75 Hz: every frame is the same, which is easier than the others, or harder.
"""
SINE_DBFS = -20.0
"""RMS."""
SINE_SECONDS, SETTLED_SECONDS = 1.5, 0.3
"""A codec's memory fills up within the first part, which isn't measured."""

BANDS_HZ = ((0, 2000), (2000, 4000), (4000, 8000))
BRIGHT_BANDS_HZ = (*BANDS_HZ, (8000, 10_500))
"""Music has something up to the top of what the codec keeps."""
MELODY = (
    (79, 0),
    (84, 1),
    (88, 2),
    (91, 3),
    (89, 4),
    (86, 4.5),
    (84, 5),
    (96, 6),
    (95, 7),
    (91, 7.5),
    (88, 8),
    (84, 9),
    (72, 9),
)
"""MIDI notes and the beats on which they are struck."""
BEAT_SECONDS, MELODY_BEATS = 0.4, 13
BAR = ((1.0, 1.0, 1.2), (2.756, 0.5, 0.5), (5.404, 0.25, 0.2), (8.933, 0.1, 0.1))
"""Partials of a struck bar: frequency ratio, amplitude, and seconds in which they fall to 1/e at 1 kHz."""
CHORDS = ((55, 62, 71, 74), (52, 64, 67, 76), (57, 64, 72, 81), (50, 66, 69, 78))
"""MIDI notes that are bowed together for two beats and a half each."""
CHORD_BEATS, BOW_SECONDS, VIBRATO_HZ, VIBRATO_CENTS = 2.5, 0.08, 5.5, 18.0
PARTIAL_FALL = 1.1
"""A partial's amplitude is its number to the power of minus this: brighter than a solo violin, as a section is."""
CYMBAL_BEATS = tuple(range(10))
CYMBAL_PARTIALS, CYMBAL_HZ, CYMBAL_SECONDS, CYMBAL_SHARE = 150, (2500.0, 11_000.0), 0.25, 0.3
"""A cymbal is many partials that belong to no scale; its share is of the strings' RMS."""
SEED = 1
HIGHEST_HZ = 11_000.0
MELODY_PEAK = 0.5
LOWEST_DB = -120.0


@dataclass(frozen=True)
class Sine:
    """What came out for one sine.

    Args:
        hertz: its frequency.
        level_db: the tone in the output against the tone in the input, in dB; 0 is all of it.
        share: of the output's energy, how much is the tone, 0 to 1.
    """

    hertz: float
    level_db: float
    share: float


@dataclass(frozen=True)
class Tones:
    """What one model at one rate makes of everything.

    Args:
        sines: in the order of `SINES_HZ`.
        melody_db: for each of `BANDS_HZ` the level out against the level in, in dB.
        bright_db: the same of bright music, for each of `BRIGHT_BANDS_HZ`.
    """

    sines: tuple[Sine, ...]
    melody_db: tuple[float, ...]
    bright_db: tuple[float, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_options(parser)
    parser.add_argument(
        "--layers", nargs="+", type=int, default=LAYERS, metavar="N", help="layer counts (default: 8 24)"
    )
    options = parser.parse_args(arguments)
    try:
        models = named_models(options.model, options.layers)
    except (BundleError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    found = {
        name: {layers: measure(NeuralCodec(layers=layers, model=folder)) for layers in options.layers}
        for name, folder in models.items()
    }
    columns = {
        f"{name}, {layers} layers": tones for name, by_layers in found.items() for layers, tones in by_layers.items()
    }
    print_sines(columns)
    print_bands("Glockenspiel", BANDS_HZ, {name: tones.melody_db for name, tones in columns.items()})
    print_bands("Bright music", BRIGHT_BANDS_HZ, {name: tones.bright_db for name, tones in columns.items()})
    write_json(
        options.json,
        {name: {layers: asdict(tones) for layers, tones in by_layers.items()} for name, by_layers in found.items()},
    )
    return 0


def measure(codec: Codec) -> Tones:
    """Everything through a codec, called with float32 `[n]` and 24000; what it returns is aligned with its input."""
    sines = tuple(measure_sine(codec, hertz) for hertz in SINES_HZ)
    played, bright = melody(), bright_music()
    return Tones(
        sines,
        band_levels_db(played, codec(played, SAMPLE_RATE)),
        band_levels_db(bright, codec(bright, SAMPLE_RATE), BRIGHT_BANDS_HZ),
    )


def measure_sine(codec: Codec, hertz: float) -> Sine:
    """One sine of −20 dBFS through a codec."""
    phase = 2 * np.pi * hertz / SAMPLE_RATE * np.arange(round(SINE_SECONDS * SAMPLE_RATE))
    sine = (np.sqrt(2) * 10 ** (SINE_DBFS / 20) * np.sin(phase)).astype(np.float32)
    coded = codec(sine, SAMPLE_RATE)
    settled = slice(round(SETTLED_SECONDS * SAMPLE_RATE), None)
    basis = np.stack([np.sin(phase[settled]), np.cos(phase[settled])])
    tone_in, tone_out = (_projected_energy(sound[settled], basis) for sound in (sine, coded))
    energy = float(np.sum(coded[settled].astype(np.float64) ** 2))
    return Sine(hertz, _ratio_db(tone_out, tone_in), tone_out / energy if energy > 0 else float("nan"))


def melody() -> Samples:
    """The glockenspiel, float32 `[n]` at 24 kHz, about 5 s."""
    n_samples = round(MELODY_BEATS * BEAT_SECONDS * SAMPLE_RATE)
    sound = np.zeros(n_samples)
    for note, beat in MELODY:
        start = round(beat * BEAT_SECONDS * SAMPLE_RATE)
        time = np.arange(n_samples - start) / SAMPLE_RATE
        pitch = 440 * 2 ** ((note - 69) / 12)
        for ratio, amplitude, seconds in BAR:
            if pitch * ratio < HIGHEST_HZ:
                fall = np.exp(-time / (seconds * 1000 / pitch)) * (1 - np.exp(-time / 0.0005))
                sound[start:] += amplitude * fall * np.sin(2 * np.pi * pitch * ratio * time)
    return np.asarray(sound * (MELODY_PEAK / np.abs(sound).max()), dtype=np.float32)


@cache
def bright_music() -> Samples:
    """Strings with vibrato and all their partials, and a cymbal on every beat, float32 `[n]` at 24 kHz, 4 s."""
    random = np.random.default_rng(SEED)
    n_samples = round(len(CHORDS) * CHORD_BEATS * BEAT_SECONDS * SAMPLE_RATE)
    strings, cymbals = np.zeros(n_samples), np.zeros(n_samples)
    size = n_samples // len(CHORDS)
    time = np.arange(size) / SAMPLE_RATE
    bowing = np.minimum(1, np.minimum(time, time[::-1]) / BOW_SECONDS)
    for index, notes in enumerate(CHORDS):
        for note in notes:
            start, sway = random.uniform(0, 2 * np.pi, 2)
            cents = VIBRATO_CENTS * np.sin(2 * np.pi * VIBRATO_HZ * time + sway)
            pitch = 440 * 2 ** ((note - 69 + cents / 100) / 12)
            turns = np.cumsum(pitch) / SAMPLE_RATE
            for partial in range(1, int(HIGHEST_HZ / pitch.max()) + 1):
                tone = np.sin(2 * np.pi * partial * turns + start * partial)
                strings[index * size : (index + 1) * size] += bowing * tone * partial**-PARTIAL_FALL
    for beat in CYMBAL_BEATS:
        begin = round(beat * BEAT_SECONDS * SAMPLE_RATE)
        after = np.arange(min(n_samples - begin, round(5 * CYMBAL_SECONDS * SAMPLE_RATE))) / SAMPLE_RATE
        ring = sum(
            np.sin(2 * np.pi * hertz * after + phase)
            for hertz, phase in zip(
                random.uniform(*CYMBAL_HZ, CYMBAL_PARTIALS),
                random.uniform(0, 2 * np.pi, CYMBAL_PARTIALS),
                strict=True,
            )
        )
        cymbals[begin : begin + after.size] += ring * np.exp(-after / CYMBAL_SECONDS) * (1 - np.exp(-after / 0.001))
    sound = strings + cymbals * (CYMBAL_SHARE * np.std(strings) / np.std(cymbals))
    return np.asarray(sound * (MELODY_PEAK / np.abs(sound).max()), dtype=np.float32)


def band_levels_db(original: Samples, coded: Samples, bands: Sequence[tuple[int, int]] = BANDS_HZ) -> tuple[float, ...]:
    """The level of each band (Hz) in the coded sound against the original, in dB."""
    hertz = np.fft.rfftfreq(original.size, 1 / SAMPLE_RATE)
    power_in, power_out = (np.abs(np.fft.rfft(sound.astype(np.float64))) ** 2 for sound in (original, coded))
    inside = [(low <= hertz) & (hertz < high) for low, high in bands]
    return tuple(_ratio_db(float(power_out[band].sum()), float(power_in[band].sum())) for band in inside)


def print_sines(columns: dict[str, Tones]) -> None:
    """The table of sines: a row for each frequency, two columns for each model and rate."""
    print(
        f"\nSines of {SINE_DBFS:g} dBFS: the tone's level out against in, and its share of the output's "
        "energy\n".replace("-", "−")
    )
    titles = ["sine", *(f"{name}: {what}" for name in columns for what in ("dB", "share"))]
    rows = []
    for index, hertz in enumerate(SINES_HZ):
        of_this = [tones.sines[index] for tones in columns.values()]
        cells = [text for sine in of_this for text in (cell(sine.level_db, 1), f"{cell(100 * sine.share, 0)} %")]
        rows.append([f"{hertz / 1000:g} kHz", *cells])
    print_markdown(titles, rows)


def print_bands(what: str, bands: Sequence[tuple[int, int]], columns: dict[str, tuple[float, ...]]) -> None:
    """The table of something that is played: a row for each band, a column for each model and rate."""
    print(f"\n{what}: level of each band out against in\n")
    rows = [
        [f"{low / 1000:g}–{high / 1000:g} kHz", *(cell(levels[index], 1) for levels in columns.values())]
        for index, (low, high) in enumerate(bands)
    ]
    print_markdown(["band", *(f"{name}: dB" for name in columns)], rows)


def _projected_energy(sound: Samples, basis: np.ndarray) -> float:
    """Energy of the part of `sound` that lies in the span of the rows of `basis`."""
    sound64 = sound.astype(np.float64)
    weights = np.linalg.lstsq(basis.T, sound64, rcond=None)[0]
    return float(np.sum((weights @ basis) ** 2))


def _ratio_db(out: float, given: float) -> float:
    return max(LOWEST_DB, 10 * float(np.log10(max(out, 1e-30) / given)))


if __name__ == "__main__":
    sys.exit(main())
