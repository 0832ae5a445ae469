"""Sounds and measurements for tests of the code desk."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from sounds import FloatArray, demo

from lamina.plugin import NeuralCodec

RATE = 48_000
FRAME = 640
"""Samples of a codec frame at that rate."""


@lru_cache
def music(seconds: float = 3.0) -> FloatArray:
    sound = demo(0, RATE, seconds, 2.0)
    sound.setflags(write=False)
    return sound


@lru_cache
def voice(seconds: float = 3.0) -> FloatArray:
    sound = demo(1, RATE, seconds, 2.0)[:1]
    sound.setflags(write=False)
    return sound


def _codec(settings) -> NeuralCodec:
    """Choosing codes with the least care, and without the postfilter, unless said: what the desk does is the same."""
    return NeuralCodec(**{"search": 1, "postfilter": 0.0, **settings})


def render(audio: FloatArray, **settings) -> FloatArray:
    return _codec(settings)(audio, RATE)


def stream(audio: FloatArray, moves, block: int = FRAME, **settings) -> FloatArray:
    """Block by block, with `moves(codec, index)` before each."""
    codec = _codec(settings)
    opened = codec.stream(RATE, len(audio))
    out = []
    for index, start in enumerate(range(0, audio.shape[1], block)):
        moves(codec, index)
        out.append(opened.push(audio[:, start : start + block]))
    return np.concatenate(out, 1)[:, opened.latency_samples :]


def rms(audio: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def difference(a: FloatArray, b: FloatArray) -> float:
    """RMS of the difference as a share of the second one's."""
    n_samples = min(a.shape[1], b.shape[1])
    return rms(a[:, :n_samples] - b[:, :n_samples]) / rms(b[:, :n_samples])


def frame_rms(audio: FloatArray) -> FloatArray:
    """RMS of each frame's length, `[frames]`."""
    n_frames = audio.shape[1] // FRAME
    return np.sqrt(np.square(audio[:, : n_frames * FRAME].reshape(len(audio), n_frames, FRAME)).mean((0, 2)))


def largest_step(audio: FloatArray) -> float:
    return float(np.abs(np.diff(audio, axis=1)).max())
