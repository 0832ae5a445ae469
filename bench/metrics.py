"""What the benchmarks measure: how close a coded sound is to the original, by measures that see different things.

All take float32 mono at 24 kHz, of equal length and aligned. Run as a script, it compares two sound files.
"""

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from lamina.models.engines.onnx_engine import silent_onnxruntime

Samples = npt.NDArray[np.float32]

SAMPLE_RATE = 24_000
_MEL_FFT = 1024
_MEL_HOP = 256
_MEL_BANDS = 80
_MEL_FLOOR_DB = 80.0
_LOCK_FRAME, _LOCK_OVERLAP = 320, 80
_LOCK_ENVELOPE = 17
_DNSMOS_RATE, _DNSMOS_SAMPLES = 16_000, 144_160  # 9.01 s, what its network takes

SPEECH_MEASURES = frozenset({"visqol", "pesq", "estoi", "si_sdr", "log_mel", "frame_lock"})
MUSIC_MEASURES = SPEECH_MEASURES - {"pesq", "estoi"}
NOISY_MEASURES = frozenset({"visqol", "pesq", "estoi", "si_sdr", "log_mel", "dnsmos"})
_LOCK_FIRST_BIN, _LOCK_LAST_BIN = (
    60,
    280,
)  # 2.25 to 10.5 kHz: below, codes carry the signs; above, resampling filters begin


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
    """Buzz at the frame rate: the share of fine structure above 2 kHz that is the same in every frame of Lamina's grid,
    0 to 1; natural sound has about 1 / number of frames. The other measures don't hear it; lower is better."""
    dnsmos: float
    """DNSMOS P.835 overall at 16 kHz: predicted opinion of noisy speech without knowing the original, 1 to about
    4.2.
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
    taken: dict[str, Callable[[], float]] = {
        "visqol": lambda: visqol(reference, coded),
        "pesq": lambda: pesq(reference, coded),
        "estoi": lambda: estoi(reference, coded),
        "si_sdr": lambda: si_sdr(reference, coded),
        "log_mel": lambda: log_mel_distance(reference, coded),
        "frame_lock": lambda: frame_lock(coded),
        "dnsmos": lambda: dnsmos(coded),
    }
    return Scores(**{name: measure() if name in measures else float("nan") for name, measure in taken.items()})


def mean_scores(many: list[Scores]) -> Scores:
    """The mean of each measure, leaving out where it doesn't apply."""
    means = {}
    for field in fields(Scores):
        values = np.array([getattr(one, field.name) for one in many])
        values = values[np.isfinite(values)]
        means[field.name] = float(values.mean()) if values.size else float("nan")
    return Scores(**means)


def visqol(reference: Samples, coded: Samples) -> float:
    """ViSQOL in audio mode, both sounds brought to 48 kHz."""
    at_48k = [np.asarray(soxr.resample(sound.astype(np.float64), SAMPLE_RATE, 48_000)) for sound in (reference, coded)]
    return float(_visqol_audio().measure_from_arrays(*at_48k, 48_000).moslqo)


def pesq(reference: Samples, coded: Samples) -> float:
    """PESQ wideband at 16 kHz; NaN where it finds no utterance."""
    import pesq as package

    at_16k = [np.asarray(soxr.resample(sound, SAMPLE_RATE, 16_000)) for sound in (reference, coded)]
    try:
        return float(package.pesq(16_000, *at_16k, "wb"))
    except package.PesqError:
        return float("nan")


def estoi(reference: Samples, coded: Samples) -> float:
    """ESTOI; NaN where too little speech is left once silence is taken out."""
    import pystoi

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(reference, coded, SAMPLE_RATE, extended=True))
        except RuntimeWarning:
            return float("nan")


def dnsmos(samples: Samples) -> float:
    """DNSMOS P.835 overall of one sound; shorter ones are repeated, and of longer ones the beginning is heard."""
    package, network = _dnsmos_network()
    at_16k = np.clip(np.asarray(soxr.resample(samples, SAMPLE_RATE, _DNSMOS_RATE), dtype=np.float32), -1, 1)
    filled = np.resize(at_16k, _DNSMOS_SAMPLES)
    raw = network.run(None, {network.get_inputs()[0].name: filled[None]})[0][0]
    # The package's own mapping from the network's raw numbers (speech, background, overall) to opinions.
    return float(package.DNSMOS.get_polyfit_val(None, *raw, False)[2])


def si_sdr(reference: Samples, coded: Samples) -> float:
    """Scale-invariant SDR in dB, without removing the mean.

    Le Roux et al. 2019, "SDR – half-baked or well done?", eq. 3.
    """
    wanted = reference.astype(np.float64)
    heard = coded.astype(np.float64)
    target = wanted * float(heard @ wanted) / max(float(wanted @ wanted), 1e-12)
    distortion = heard - target
    return float(10 * np.log10(max(float(target @ target), 1e-12) / max(float(distortion @ distortion), 1e-12)))


def log_mel_distance(reference: Samples, coded: Samples) -> float:
    """Mean absolute difference of 80-band mel spectra (43 ms windows) in dB.

    They are floored 80 dB below the reference's loudest band.
    """
    wanted, heard = _mel_power(reference), _mel_power(coded)
    floor = wanted.max() * 10 ** (-_MEL_FLOOR_DB / 10) + 1e-12
    difference = 10 * np.log10(np.maximum(wanted, floor)) - 10 * np.log10(np.maximum(heard, floor))
    return float(np.mean(np.abs(difference)))


def frame_lock(coded: Samples) -> float:
    """Buzz at the frame rate, see `Scores.frame_lock`.

    MDCT coefficients on the codec's grid over their local envelope, squared mean over frames.
    """
    padded = np.pad(coded.astype(np.float64), (_LOCK_OVERLAP, 0))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _LOCK_FRAME + _LOCK_OVERLAP)[::_LOCK_FRAME]
    coefficients = frames @ _lock_basis()
    power = coefficients**2
    around = np.ones(_LOCK_ENVELOPE) / _LOCK_ENVELOPE
    envelope = np.apply_along_axis(np.convolve, 1, power, around, "same") + 1e-10
    audible = power.mean(1) > 1e-8
    if not audible.any():
        return float("nan")
    fine = np.clip(coefficients / np.sqrt(envelope), -3, 3)[audible]
    return float((fine.mean(0) ** 2)[_LOCK_FIRST_BIN:_LOCK_LAST_BIN].mean())


@cache
def _lock_basis() -> npt.NDArray[np.float64]:
    """The low-overlap MDCT's basis `[frame + overlap, frame]` (its window is flat between two sine slopes)."""
    n = np.arange(_LOCK_FRAME + _LOCK_OVERLAP) + (_LOCK_FRAME - _LOCK_OVERLAP) / 2
    slope = np.sin(np.pi / 2 * (np.arange(_LOCK_OVERLAP) + 0.5) / _LOCK_OVERLAP)
    window = np.concatenate([slope, np.ones(_LOCK_FRAME - _LOCK_OVERLAP), slope[::-1]])
    phase = np.pi / _LOCK_FRAME * (n[:, None] + 0.5 + _LOCK_FRAME / 2) * (np.arange(_LOCK_FRAME) + 0.5)
    return np.asarray(window[:, None] * np.cos(phase) * np.sqrt(2 / _LOCK_FRAME))


def _mel_power(samples: Samples) -> npt.NDArray[np.float64]:
    padded = np.pad(samples.astype(np.float64), (_MEL_FFT // 2, _MEL_FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _MEL_FFT)[::_MEL_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_MEL_FFT), axis=-1)) ** 2
    return np.asarray(power @ _mel_bands())


@cache
def _mel_bands() -> npt.NDArray[np.float64]:
    """Triangular mel bands that overlap by half, `[bins, bands]`; each sums to 1.

    Evenly spaced on the mel scale 2595·log10(1 + f/700).
    """
    edges_mel = np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), _MEL_BANDS + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    # The lowest bands are narrower than a bin: widened to it, so that none is empty.
    bin_hz = SAMPLE_RATE / _MEL_FFT
    hz = np.fft.rfftfreq(_MEL_FFT, 1 / SAMPLE_RATE)[:, None]
    centre = edges_hz[1:-1]
    rising = (hz - centre) / np.maximum(centre - edges_hz[:-2], bin_hz)
    falling = (centre - hz) / np.maximum(edges_hz[2:] - centre, bin_hz)
    triangles = np.maximum(0, 1 + np.minimum(rising, falling))
    return np.asarray(triangles / triangles.sum(axis=0))


@cache
def _dnsmos_network() -> tuple[Any, Any]:
    """The package speechmos' module and its network, on one thread (the package itself would take every core)."""
    onnxruntime = silent_onnxruntime()
    from speechmos import dnsmos as package

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = Path(package.__file__).parent / "dnsmos_models" / "sig_bak_ovr.onnx"
    return package, onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@cache
def _visqol_audio() -> Any:
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")
    return api


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
