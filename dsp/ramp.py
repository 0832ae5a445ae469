"""Smoothed controls: a value that walks to its target in a straight line, so that no step is heard."""

from __future__ import annotations

import numpy as np

from lamina.dsp.arrays import FloatArray


class Ramp:
    """A control value per sample.

    Args:
        value: where it starts, without a ramp.
        ramp_samples: samples a change takes, ≥ 1.
    """

    def __init__(self, value: float, ramp_samples: int) -> None:
        self._value = self._target = float(value)
        self._length = max(1, ramp_samples)
        self._left = 0
        self._slope = 0.0

    def set(self, target: float) -> None:
        """Start walking to `target` from wherever the value is; setting the same target again changes nothing."""
        if target != self._target:
            self._target, self._left = float(target), self._length
            self._slope = (self._target - self._value) / self._length

    @property
    def is_at_rest(self) -> bool:
        """Whether the value has arrived at its target."""
        return self._left == 0

    @property
    def is_off(self) -> bool:
        """Whether the value is 0 and stays so."""
        return self._left == 0 and self._target == 0

    def factor(self, n_samples: int) -> FloatArray | np.float32:
        """What `take` gives, as a single number while the value is at rest: to multiply with."""
        return self.take(n_samples) if self._left else np.float32(self._target)

    def take(self, n_samples: int) -> FloatArray:
        """The next `n_samples` values, float32 `[n_samples]`."""
        values = np.full(n_samples, self._target)
        walking = min(n_samples, self._left)
        if walking:
            # Counted back from the target, so that the path does not depend on how it is cut.
            steps = self._left - np.arange(1, walking + 1)
            values[:walking] = self._target - self._slope * steps
            self._left -= walking
            self._value = self._target - self._slope * self._left
        return values.astype(np.float32)
