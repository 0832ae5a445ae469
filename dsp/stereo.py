"""Left and right as middle and side, and back, without a click when the one becomes the other."""

from __future__ import annotations

import math

import numpy as np

from lamina.dsp.delay import DelayLine
from lamina.dsp.ramp import Ramp
from lamina.dsp.resample import FloatArray

QUARTER = math.pi / 4
TURNED = np.float32(QUARTER)


class MidSide:
    """A matrix before something that takes `latency_samples`, and its inverse behind it.

    The way between left/right and middle/side is a rotation, which can be undone at every angle; the inverse turns
    by what the matrix turned when the sound that now comes back went in. Middle is (L + R) / 2, side (R − L) / 2.

    Args:
        latency_samples: between `encode` and `decode`.
        ramp_samples: samples that a change takes.
        is_turned: whether it begins with middle and side.
        has_side: whether the side is let through.
    """

    def __init__(self, latency_samples: int, ramp_samples: int, is_turned: bool, has_side: bool) -> None:
        self._angle, self._side = Ramp(QUARTER * is_turned, ramp_samples), Ramp(float(has_side), ramp_samples)
        self._angles, self._sides = DelayLine(1, latency_samples), DelayLine(1, latency_samples)
        # What comes out before the first sample is silence, however it is turned.
        self._angles.push(np.full((1, latency_samples), QUARTER * is_turned, np.float32))
        self._sides.push(np.full((1, latency_samples), float(has_side), np.float32))
        self._turning = np.zeros(0, np.float32), np.zeros(0, np.float32)

    def set(self, is_turned: bool, has_side: bool) -> None:
        """Begin to turn to middle and side, or back; let the side through, or not."""
        self._angle.set(QUARTER * is_turned)
        self._side.set(float(has_side))

    def encode(self, x: FloatArray) -> FloatArray:
        """`[2, n]` left and right → `[2, n]` as it is coded."""
        n_samples = x.shape[1]
        angle, side = self._angle.take(n_samples), self._side.take(n_samples)
        self._turning = self._angles.push(angle[None])[0], self._sides.push(side[None])[0]
        if not angle.any() and (side == 1).all():
            return x
        left, right = x
        if (angle == TURNED).all():
            return np.stack([0.5 * (left + right), 0.5 * (right - left) * side])
        cosine, sine, scale = _turn(angle)
        return np.stack([(cosine * left + sine * right) * scale, (cosine * right - sine * left) * scale * side])

    def decode(self, y: FloatArray) -> FloatArray:
        """The way back for what comes out while the last `encode`'s block goes in, `[2, n]`."""
        angle, side = self._turning
        if not angle.any() and (side == 1).all():
            return y
        middle, aside = y[0], y[1] * side
        if (angle == TURNED).all():
            return np.stack([middle - aside, middle + aside])
        cosine, sine, scale = _turn(angle)
        return np.stack([(cosine * middle - sine * aside) / scale, (sine * middle + cosine * aside) / scale])


def _turn(angle: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cosine and sine, and a scale by which middle and side are half of sum and difference: 1 at 0, 1/√2 at a quarter."""
    scale = 1 - (1 - math.sqrt(0.5)) * angle / QUARTER
    return np.cos(angle), np.sin(angle), scale.astype(np.float32)
