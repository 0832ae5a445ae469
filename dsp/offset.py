"""A constant offset, found and taken out; sound without one passes bit for bit."""

from __future__ import annotations

import math

import numpy as np

from lamina.dsp.arrays import FloatArray

FOUND, GONE = 0.008, 0.003
"""Slow means, of full scale, above which there is an offset (−42 dBFS), and below which it has ended.

A tone of 20 Hz that begins at 0.9 stays below, and so do loud bass drums.
"""
SLOW_SECONDS, FAST_SECONDS = 0.25, 0.1
"""Time constants of the means: of what finds an offset (three in a row), and of what is taken out (two in a row).

The latter costs a tone at 20 Hz 1 %.
"""
FADE_SECONDS = 0.1


class OffsetRemover:
    """Takes a constant out of one stream of whole frames, and touches nothing where there is none.

    Filters that block it always would change every sample of every sound. This one decides once per frame, so any
    cutting gives the same; it has no latency. Above 5 Hz it takes nothing out.

    Args:
        n_channels: channels of every block.
        sample_rate: Hz.
        frame: samples of a frame.
    """

    def __init__(self, n_channels: int, sample_rate: int, frame: int) -> None:
        self._frame = frame
        rise = (np.arange(frame) + 0.5) / frame
        # Over two frames a triangle, since a mean over one lets tones beside the frame rate pass for slow ones.
        self._weights = np.stack([rise, rise[::-1]])[:, None, None] / frame
        self._ramp = (np.arange(frame, dtype=np.float64) + 1) / frame
        seconds = frame / sample_rate
        self._slow, self._fast = (1 - math.exp(-seconds / constant) for constant in (SLOW_SECONDS, FAST_SECONDS))
        self._fade = min(1.0, seconds / FADE_SECONDS)
        self._channels = [_Channel() for _ in range(n_channels)]

    def push(self, x: FloatArray) -> FloatArray:
        """Float32 `[channels, k · frame]` → the same without its offset; `x` itself where there is none."""
        frames = x.reshape(len(x), -1, self._frame)
        rising, falling = (frames * self._weights).sum(-1).tolist()
        result = frames
        for index, channel in enumerate(self._channels):
            for frame in range(frames.shape[1]):
                before, now = self._next(channel, rising[index][frame], falling[index][frame])
                if before or now:
                    if result is frames:
                        result = frames.copy()
                    result[index, frame] -= (before + (now - before) * self._ramp).astype(np.float32)
        return x if result is frames else result.reshape(x.shape)

    def _next(self, channel: _Channel, rising: float, falling: float) -> tuple[float, float]:
        """What is taken out at the beginning and at the end of the channel's next frame."""
        mean, channel.rising = channel.rising + falling, rising
        first, second, third = channel.slow
        first += self._slow * (mean - first)
        second += self._slow * (first - second)
        third += self._slow * (second - third)
        channel.slow = first, second, third
        once, twice = channel.fast
        once += self._fast * (mean - once)
        twice += self._fast * (once - twice)
        channel.fast = once, twice
        channel.is_found = abs(third) > (GONE if channel.is_found else FOUND)
        channel.share = (
            min(1.0, channel.share + self._fade) if channel.is_found else max(0.0, channel.share - self._fade)
        )
        before, channel.taken = channel.taken, channel.share * twice
        return before, channel.taken


class _Channel:
    """What is known of a channel."""

    def __init__(self) -> None:
        self.rising = 0.0
        self.slow, self.fast = (0.0, 0.0, 0.0), (0.0, 0.0)
        self.is_found = False
        self.share = self.taken = 0.0
