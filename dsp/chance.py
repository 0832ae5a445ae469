"""Chance that can be repeated: numbers that depend on a seed and on where they are drawn, not on what was drawn before.

So a frame's luck is the same live, offline, and however a stream is cut; and a control that moves doesn't shift
everybody else's. The mixing function is SplitMix64's finaliser (Steele, Lea, Flood: "Fast splittable pseudorandom
number generators", 2014).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MASK = (1 << 64) - 1
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def uniform(*where: int) -> float:
    """A number in [0, 1) for a place given as whole numbers."""
    return (_hash(where) >> 11) * 2.0**-53


def uniforms(count: int, *where: int) -> npt.NDArray[np.float64]:
    """`count` numbers in [0, 1) for a place, `[count]`."""
    with np.errstate(over="ignore"):
        x = np.uint64(_hash(where)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(_FIRST)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(_SECOND)
        x ^= x >> np.uint64(31)
    drawn: npt.NDArray[np.float64] = (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return drawn


def _hash(where: tuple[int, ...]) -> int:
    x = 0
    for part in where:
        x = (x ^ (part & _MASK)) + _GOLDEN & _MASK
        x = (x ^ (x >> 30)) * _FIRST & _MASK
        x = (x ^ (x >> 27)) * _SECOND & _MASK
        x ^= x >> 31
    return x
