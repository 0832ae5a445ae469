"""The measures there are, and taking them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lamina.plugin.call.arrays import channels_first, check_sample_rate
from lamina.plugin.metrics import predicted, waveform
from lamina.plugin.metrics.metric import ANY_SOUND, SPEECH, SPEECH_ONLY, Metric, Samples
from lamina.plugin.metrics.remembered import ScoreStore

_SOXR, _SCIPY = ("soxr", "soxr"), ("scipy", "scipy")
_VISQOL = (("visqol", "visqol-python"), ("numba", "numba"), _SOXR, _SCIPY)

_ALL = (
    Metric(
        key="visqol",
        title="ViSQOL",
        unit="MOS-LQO",
        better="higher",
        span="1 (bad) to 4.73 (the same)",
        what_it_is="Predicted opinion of any sound up to full bandwidth (ViSQOL v3, audio mode).",
        what_it_cannot_hear="It compares the spectrum's shape and forgives fine structure, so noise with the right "
        "envelope gets a good grade, and differences between good codecs hardly move it.",
        for_kinds=ANY_SOUND,
        compute=predicted.visqol,
        least_seconds=1.0,
        packages=_VISQOL,
    ),
    Metric(
        key="visqol_speech",
        title="ViSQOL speech",
        unit="MOS-LQO",
        better="higher",
        span="1 (bad) to about 4.7 (the same)",
        what_it_is="Predicted opinion of speech (ViSQOL v3, speech mode).",
        what_it_cannot_hear="It hears nothing above 8 kHz, was fitted to telephone speech, and is no guide to music.",
        for_kinds=SPEECH_ONLY,
        compute=predicted.visqol_speech,
        least_seconds=1.0,
        packages=(*_VISQOL, ("ai_edge_litert", "ai-edge-litert")),
    ),
    Metric(
        key="pesq",
        title="PESQ-wb",
        unit="MOS-LQO",
        better="higher",
        span="1.02 (bad) to 4.64 (the same)",
        what_it_is="Predicted opinion of speech (ITU-T P.862.2).",
        what_it_cannot_hear="It hears nothing above 8 kHz and was made for codecs that keep the waveform: what makes "
        "speech anew is graded worse than people would, and music means nothing to it.",
        for_kinds=SPEECH_ONLY,
        compute=predicted.pesq,
        least_seconds=0.3,
        packages=(("pesq", "pesq"), _SOXR),
    ),
    Metric(
        key="estoi",
        title="ESTOI",
        unit="",
        better="higher",
        span="0 to 1 (the same)",
        what_it_is="How well speech can be understood.",
        what_it_cannot_hear="It asks whether words can be made out, not how they sound: timbre, hiss that leaves words "
        "clear, and everything above 5 kHz are nothing to it.",
        for_kinds=SPEECH_ONLY,
        compute=predicted.estoi,
        least_seconds=0.5,
        decimals=3,
        packages=(("pystoi", "pystoi"), _SCIPY),
    ),
    Metric(
        key="si_sdr",
        title="SI-SDR",
        unit="dB",
        better="higher",
        span="0 dB: as much distortion as sound; 20 dB and more: the waveform",
        what_it_is="How much of the waveform arrived.",
        what_it_cannot_hear="It compares waveforms, not sounds: a shift of phase that no ear notices costs as much as "
        "loud noise, so codecs that make sound anew look worse than they are.",
        for_kinds=ANY_SOUND,
        compute=lambda reference, test, _: waveform.si_sdr(reference, test),
        least_seconds=0.01,
        decimals=1,
    ),
    Metric(
        key="log_mel",
        title="Log-mel distance",
        unit="dB",
        better="lower",
        span="0 dB (the same) upwards",
        what_it_is="How far the spectrum's shape is off.",
        what_it_cannot_hear="It hears neither phase nor anything above 12 kHz, and soft moments, which nobody "
        "notices, weigh as much as loud ones.",
        for_kinds=ANY_SOUND,
        compute=waveform.log_mel_distance,
        least_seconds=0.05,
    ),
    Metric(
        key="dnsmos",
        title="DNSMOS",
        unit="MOS",
        better="higher",
        span="1 (bad) to about 4.2",
        what_it_is="Predicted opinion of noisy speech, taken without the original (P.835, overall).",
        what_it_cannot_hear="It never hears the original: another voice, or other words, would please it as much, and "
        "music only confuses it.",
        for_kinds=SPEECH_ONLY,
        compute=lambda _, test, sample_rate: predicted.dnsmos(test, sample_rate),
        least_seconds=0.5,
        packages=(("speechmos", "speechmos"), ("librosa", "librosa"), ("requests", "requests"), _SOXR),
    ),
)

METRICS: dict[str, Metric] = {metric.key: metric for metric in _ALL}
"""By key, in the order of tables."""

GROUPS = {
    "any": tuple(metric.key for metric in _ALL if metric.for_kinds == ANY_SOUND),
    "speech": tuple(metric.key for metric in _ALL if SPEECH in metric.for_kinds),
}
"""Keys by what the sounds are: those that hear every sound, and these with those that hear speech only."""


def chosen_metrics(names: Iterable[str]) -> list[Metric]:
    """The measures with these keys, or of these groups ("any", "speech"), in the order of tables, each once.

    Raises ValueError for an unknown name, listing those there are, and for one that was named but can't be taken here.
    Of a group those are left out that can't be taken (`Metric.missing`).
    """
    wanted: set[str] = set()
    for name in names:
        if name in GROUPS:
            wanted |= {key for key in GROUPS[name] if METRICS[key].missing() is None}
            continue
        if name not in METRICS:
            raise ValueError(f"There is no measure {name!r}; there are {', '.join((*METRICS, *GROUPS))}.")
        if lacking := METRICS[name].missing():
            raise ValueError(lacking)
        wanted.add(name)
    return [metric for metric in _ALL if metric.key in wanted]


def measure(
    reference: np.ndarray,
    test: np.ndarray,
    sample_rate: float,
    keys: Sequence[str] = GROUPS["any"],
    store: ScoreStore | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, float]:
    """What the measures say of a sound beside its original; several channels are mixed to one first.

    Args:
        reference, test: float32 of equal shape, `[samples]` or `[channels, samples]`, aligned to the sample.
        sample_rate: Hz.
        keys: of `METRICS`, or groups as in `chosen_metrics`.
        store: where what was measured is looked up and remembered.
        cancelled: asked before each measure; after True the rest is left out.

    Returns numbers by key: NaN where a measure has none, because the sound is silent, too short for it, or holds
    nothing that it was made for. Raises ValueError for sounds that don't fit each other and as `chosen_metrics` does.
    """
    rate = check_sample_rate(sample_rate)
    metrics = chosen_metrics(keys)
    wanted, heard = (channels_first(sound)[0] for sound in (reference, test))
    if wanted.shape != heard.shape:
        raise ValueError(
            f"The sounds have the shapes {reference.shape} and {test.shape}; give two of equal length and channels."
        )
    original, coded = _mono(wanted), _mono(heard)
    sounds = _identity(original, coded, rate) if store is not None else ""
    found: dict[str, float] = {}
    for metric in metrics:
        if cancelled is not None and cancelled():
            break
        key = f"{sounds} {metric.version}"
        value = store.get(key) if store is not None else None
        if value is None:
            value = _taken(metric, original, coded, rate)
            if store is not None:
                store.put(key, value)
        found[metric.key] = value
    return found


def _taken(metric: Metric, reference: Samples, test: Samples, sample_rate: int) -> float:
    # Beside silence some measures give their best grade: what has nothing to compare has no number.
    if reference.size < metric.least_seconds * sample_rate or not reference.any():
        return float("nan")
    return metric.compute(reference, test, sample_rate)


def _mono(sound: Samples) -> Samples:
    return np.asarray(sound.mean(axis=0) if len(sound) > 1 else sound[0], np.float32)


def _identity(reference: Samples, test: Samples, sample_rate: int) -> str:
    digest = hashlib.sha256(f"{sample_rate} {reference.size}".encode())
    digest.update(reference.tobytes())
    digest.update(test.tobytes())
    return digest.hexdigest()
