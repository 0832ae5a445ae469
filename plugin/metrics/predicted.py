"""Measures that predict what listeners would say, by the packages that their makers or others keep.

Each brings the sounds to the rate that its standard asks for.
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.models.engines.onnx_engine import silent_onnxruntime
from lamina.plugin.metrics.metric import Samples

_DNSMOS_RATE, _DNSMOS_SAMPLES = 16_000, 144_160  # 9.01 s, what its network takes
_SPEECH_RATE = 16_000
_AUDIO_RATE = 48_000


def visqol(reference: Samples, test: Samples, sample_rate: int) -> float:
    """ViSQOL v3 (Chinen et al. 2020) in audio mode, both sounds brought to 48 kHz; NaN for a silent test."""
    return _visqol("audio", reference, test, sample_rate, _AUDIO_RATE)


def visqol_speech(reference: Samples, test: Samples, sample_rate: int) -> float:
    """ViSQOL v3 in speech mode, both sounds brought to 16 kHz, with the mapping to opinions that its makers prefer.

    NaN for a silent test.
    """
    return _visqol("speech", reference, test, sample_rate, _SPEECH_RATE)


def pesq(reference: Samples, test: Samples, sample_rate: int) -> float:
    """PESQ wideband (ITU-T P.862.2) at 16 kHz; NaN where it finds no utterance."""
    import pesq as package

    at_16k = [_resampled(sound, sample_rate, _SPEECH_RATE) for sound in (reference, test)]
    if not at_16k[1].any():
        return float("nan")  # the package divides by its level
    try:
        return float(package.pesq(_SPEECH_RATE, *at_16k, "wb"))
    except package.PesqError:
        return float("nan")


def estoi(reference: Samples, test: Samples, sample_rate: int) -> float:
    """Extended short-time objective intelligibility (Jensen and Taal 2016).

    NaN where too little speech is left once silence is taken out.
    """
    import pystoi

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(reference, test, sample_rate, extended=True))
        except RuntimeWarning:
            return float("nan")


def dnsmos(test: Samples, sample_rate: int) -> float:
    """DNSMOS P.835 (Reddy et al. 2022), overall, of one sound at 16 kHz.

    Its network hears 9.01 s: shorter sounds are repeated, of longer ones the mean over such parts is given, of which
    the last ends where the sound does.
    """
    at_16k = np.clip(np.asarray(_resampled(test, sample_rate, _DNSMOS_RATE), dtype=np.float32), -1, 1)
    if at_16k.size <= _DNSMOS_SAMPLES:
        parts = [np.resize(at_16k, _DNSMOS_SAMPLES)]
    else:
        last = at_16k.size - _DNSMOS_SAMPLES
        parts = [at_16k[start : start + _DNSMOS_SAMPLES] for start in (*range(0, last, _DNSMOS_SAMPLES), last)]
    return float(np.mean([_overall_opinion(part) for part in parts]))


def _visqol(mode: str, reference: Samples, test: Samples, sample_rate: int, own_rate: int) -> float:
    if not test.any():
        return float("nan")  # the package divides by its level
    sounds = [_resampled(sound.astype(np.float64), sample_rate, own_rate) for sound in (reference, test)]
    return float(_visqol_api(mode).measure_from_arrays(*sounds, own_rate).moslqo)


def _overall_opinion(part: Samples) -> float:
    package, network = _dnsmos_network()
    raw = network.run(None, {network.get_inputs()[0].name: part[None]})[0][0]
    # The package's own mapping from the network's raw numbers (speech, background, overall) to opinions.
    return float(package.DNSMOS.get_polyfit_val(None, *raw, False)[2])


def _resampled(
    samples: npt.NDArray[np.floating[Any]], source_rate: int, target_rate: int
) -> npt.NDArray[np.floating[Any]]:
    import soxr

    return np.asarray(soxr.resample(samples, source_rate, target_rate))


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
def _visqol_api(mode: str) -> Any:
    from visqol import VisqolApi

    api = VisqolApi()
    # In speech mode the package would quietly take another mapping, with other numbers, if the better one were missing.
    api.create(mode=mode, use_lattice_model=True if mode == "speech" else None)
    return api
