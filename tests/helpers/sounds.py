"""Sounds and measurements that several tests share."""

from __future__ import annotations

import numpy as np
from pedalboard.io import AudioFile

from lamina.dsp.arrays import FloatArray
from lamina.plugin.demo_items.items import demo_items


def demo(index: int, sample_rate: int, seconds: float, start: float = 1.0) -> FloatArray:
    """Part of a demo item (0 music, 1 voice, 2 noisy voice) at a rate, `[channels, samples]`."""
    with AudioFile(str(demo_items()[index].path)).resampled_to(sample_rate) as file:
        file.seek(int(start * sample_rate))
        return file.read(int(seconds * sample_rate))


def noise(n_channels: int, n_samples: int, seed: int = 0, level: float = 0.1) -> FloatArray:
    """White noise with a standard deviation of `level`."""
    return (np.random.default_rng(seed).standard_normal((n_channels, n_samples)) * level).astype(np.float32)


def push_in_blocks(stream, audio: FloatArray, sizes: list[int]) -> FloatArray:
    """Push audio through a stream in blocks whose lengths go round `sizes`."""
    out, position, turn = [], 0, 0
    while position < audio.shape[1]:
        size = sizes[turn % len(sizes)]
        out.append(stream.push(audio[:, position : position + size]))
        position, turn = position + size, turn + 1
    return np.concatenate(out, 1)


def lag_samples(reference: FloatArray, delayed: FloatArray) -> int:
    """The lag (1-D signals) at which `delayed` correlates best with `reference`."""
    size = 1 << int(np.ceil(np.log2(len(reference) + len(delayed))))
    spectrum = np.fft.rfft(reference, size).conj() * np.fft.rfft(delayed, size)
    lag = int(np.argmax(np.fft.irfft(spectrum, size)))
    return lag if lag < size // 2 else lag - size


def dbfs(audio: FloatArray) -> float:
    """RMS level in dBFS."""
    return float(20 * np.log10(np.sqrt(np.mean(np.square(audio, dtype=np.float64))) + 1e-12))
