"""What the benchmarks measure: how close a coded sound is to the original, by measures that see different things.

The measures are those of `lamina.plugin.metrics`; here they are taken together, of float32 mono at 24 kHz, of equal
length and aligned. Run as a script, it compares two sound files.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from lamina.plugin.metrics import METRICS
from lamina.plugin.metrics.waveform import frame_lock

Samples = npt.NDArray[np.float32]

SAMPLE_RATE = 24_000

SPEECH_MEASURES = frozenset({"visqol", "pesq", "estoi", "si_sdr", "log_mel", "frame_lock"})
MUSIC_MEASURES = SPEECH_MEASURES - {"pesq", "estoi"}
NOISY_MEASURES = frozenset({"visqol", "pesq", "estoi", "si_sdr", "log_mel", "dnsmos"})


@dataclass(frozen=True)
class Scores:
    """One comparison; a measure that doesn't apply, or wasn't taken, is NaN.

    PESQ and ESTOI hear speech only, and refuse silence.
    """

    visqol: float
    """ViSQOL v3, audio mode at 48 kHz: predicted opinion, 1 (bad) to about 4.73 (the same)."""
    pesq: float
    """PESQ wideband (P.862.2) at 16 kHz: predicted opinion, 1.02 to 4.64; speech."""
    estoi: float
    """Extended short-time objective intelligibility, 0 to 1; speech."""
    si_sdr: float
    """Scale-invariant signal-to-distortion ratio in dB: the waveform."""
    log_mel: float
    """Log-mel distance in dB: the spectrum's shape; lower is better."""
    frame_lock: float
    """Buzz at the frame rate, 0 to 1; lower is better.

    The share of fine structure above 2 kHz that is the same in every frame of Lamina's grid; natural sound has about 1
    / number of frames. The other measures don't hear it.
    """
    dnsmos: float
    """DNSMOS P.835 overall at 16 kHz.

    Predicted opinion of noisy speech without knowing the original, 1 to about 4.2.
    """


def scores(reference: Samples, coded: Samples, measures: frozenset[str] = SPEECH_MEASURES) -> Scores:
    """`measures` (names of fields of `Scores`) of `coded` against `reference`, float32 `[n]` at 24 kHz.

    The others are NaN.

    Raises ValueError if the lengths differ.
    """
    if reference.shape != coded.shape or reference.ndim != 1:
        raise ValueError(
            f"The sounds have shapes {reference.shape} and {coded.shape}; give two mono sounds of equal length."
        )
    taken: dict[str, Callable[[], float]] = {"frame_lock": lambda: frame_lock(coded)}
    for key in measures - taken.keys():
        taken[key] = partial(METRICS[key].compute, reference, coded, SAMPLE_RATE)
    return Scores(
        **{
            name: taken[name]() if name in measures else float("nan")
            for name in (field.name for field in fields(Scores))
        }
    )


def mean_scores(many: list[Scores]) -> Scores:
    """The mean of each measure, leaving out where it doesn't apply."""
    means = {}
    for field in fields(Scores):
        values = np.array([getattr(one, field.name) for one in many])
        values = values[np.isfinite(values)]
        means[field.name] = float(values.mean()) if values.size else float("nan")
    return Scores(**means)


def main() -> int:
    """Print the scores of one sound file against another."""
    import soundfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path, help="the original")
    parser.add_argument("coded", type=Path, help="what to judge; cut to the shorter of the two")
    parser.add_argument(
        "--speech", action="store_true", help="also the measures that hear speech only (PESQ, ESTOI, DNSMOS)"
    )
    options = parser.parse_args()
    sounds = []
    for path in (options.reference, options.coded):
        loaded, rate = soundfile.read(path, dtype="float32", always_2d=True)
        sounds.append(np.asarray(soxr.resample(loaded.mean(axis=1), rate, SAMPLE_RATE), dtype=np.float32))
    n_samples = min(sound.size for sound in sounds)
    measures = SPEECH_MEASURES | {"dnsmos"} if options.speech else MUSIC_MEASURES
    found = scores(sounds[0][:n_samples], sounds[1][:n_samples], measures)
    for field in fields(Scores):
        if field.name in measures:
            print(f"{field.name:<11}{getattr(found, field.name):8.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
