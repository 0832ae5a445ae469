"""Left and right as middle and side, and back, without a click when the one becomes the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.delay import DelayLine
from lamina.dsp.ramp import Ramp

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
        self._latency = latency_samples
        # What comes out before the first sample is silence, however it is turned.
        self._angles, self._sides = DelayLine(1, latency_samples), DelayLine(1, latency_samples)
        self._angles.push(np.full((1, latency_samples), QUARTER * is_turned, np.float32))
        self._sides.push(np.full((1, latency_samples), float(has_side), np.float32))
        self._n_still = latency_samples
        self._undone, self._is_settled = _Matrix(self._angle.factor(1), self._side.factor(1)), True

    def set(self, is_turned: bool, has_side: bool) -> None:
        """Begin to turn to middle and side, or back; let the side through, or not."""
        self._angle.set(QUARTER * is_turned)
        self._side.set(float(has_side))

    def encode(self, x: FloatArray) -> FloatArray:
        """`[2, n]` left and right → `[2, n]` as it is coded."""
        n_samples = x.shape[1]
        is_still = self._angle.is_at_rest and self._side.is_at_rest
        if is_still and self._is_settled:
            return self._undone.apply(x)
        self._is_settled = False
        if is_still:
            matrix = _Matrix(self._angle.factor(n_samples), self._side.factor(n_samples))
            self._n_still += n_samples
        else:
            matrix = _Matrix(self._angle.take(n_samples), self._side.take(n_samples))
            self._n_still = 0
        if self._n_still >= self._latency + n_samples:
            # Nothing has moved since before what comes out now went in, and the delay lines hold just that.
            self._undone, self._is_settled = matrix, True
        else:
            angles, sides = (
                np.broadcast_to(np.float32(values), (1, n_samples)) for values in (matrix.angle, matrix.side)
            )
            self._undone = _Matrix(self._angles.push(angles)[0], self._sides.push(sides)[0])
        return matrix.apply(x)

    @property
    def inverse(self) -> Callable[[FloatArray], FloatArray]:
        """`decode` as it is for the last `encode`'s block, to be used when others have been encoded since."""
        return self._undone.undo

    def decode(self, y: FloatArray) -> FloatArray:
        """The way back for what comes out while the last `encode`'s block goes in, `[2, n]`."""
        return self._undone.undo(y)


class _Matrix:
    """A rotation by `angle` with the side times `side`, each one number or one for each sample."""

    def __init__(self, angle: FloatArray | np.float32, side: FloatArray | np.float32) -> None:
        self.angle, self.side = angle, side
        self._is_nothing = not np.any(angle) and bool(np.all(side == 1))
        self._is_whole = bool(np.all(angle == TURNED))

    def apply(self, x: FloatArray) -> FloatArray:
        if self._is_nothing:
            return x
        # In double precision and rounded once: a last bit that hung on how a stream is cut would decide over codes.
        left, right = x.astype(np.float64)
        if self._is_whole:
            return np.stack([0.5 * (left + right), 0.5 * (right - left) * self.side]).astype(np.float32)
        cosine, sine, scale = self._turn()
        turned = np.stack([(cosine * left + sine * right) * scale, (cosine * right - sine * left) * scale * self.side])
        return turned.astype(np.float32)

    def undo(self, y: FloatArray) -> FloatArray:
        if self._is_nothing:
            return y
        middle, aside = y[0], y[1] * self.side
        if self._is_whole:
            return np.stack([middle - aside, middle + aside])
        cosine, sine, scale = self._turn()
        return np.stack([(cosine * middle - sine * aside) / scale, (sine * middle + cosine * aside) / scale]).astype(
            np.float32
        )

    def _turn(self) -> tuple[Any, Any, Any]:
        """Cosine, sine, and a scale by which middle and side are half of sum and difference.

        The scale is 1 at 0 and 1/√2 at a quarter.
        """
        share = np.asarray(self.angle, np.float64) / float(TURNED)
        angle = share * (math.pi / 4)
        return np.cos(angle), np.sin(angle), 1 - (1 - math.sqrt(0.5)) * share
