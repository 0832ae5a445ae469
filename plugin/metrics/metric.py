"""What is known of a measure beside its number: unit, direction, which sounds it is for, and what it can't hear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal

import numpy as np
import numpy.typing as npt

from lamina.plugin.extras import missing_extra

Samples = npt.NDArray[np.float32]

SPEECH, MUSIC = "speech", "music"
ANY_SOUND = frozenset({SPEECH, MUSIC})
SPEECH_ONLY = frozenset({SPEECH})


@dataclass(frozen=True)
class Metric:
    """A measure of how a sound differs from its original.

    Args:
        key: by which scripts and the command line call it.
        title: by which people call it.
        unit: of its number; empty for a bare one.
        better: whether more ("higher") or less ("lower") of it is better.
        span: the numbers it gives, in words.
        what_it_is: one sentence.
        what_it_cannot_hear: one sentence; belongs beside every number.
        for_kinds: the kinds of sound it was made for, of "speech" and "music".
        compute: its number for mono reference and test, float32 `[n]`, at a sample rate in Hz; NaN where it has none.
        least_seconds: of sound that it needs.
        decimals: that mean something.
        packages: distributions that it needs beyond the base, by the module that each brings.
        revision: of the code here; raised whenever its numbers change.
    """

    key: str
    title: str
    unit: str
    better: Literal["higher", "lower"]
    span: str
    what_it_is: str
    what_it_cannot_hear: str
    for_kinds: frozenset[str]
    compute: Callable[[Samples, Samples, int], float]
    least_seconds: float
    decimals: int = 2
    packages: tuple[tuple[str, str], ...] = ()
    revision: int = 1

    def missing(self) -> str | None:
        """What it lacks here and how to get it, in one sentence; None if it can be taken."""
        absent = [package for module, package in self.packages if find_spec(module) is None]
        if not absent:
            return None
        return missing_extra(self.title, "compare", ModuleNotFoundError(f"No package {', '.join(absent)}"))

    @property
    def version(self) -> str:
        """What its numbers depend on: two measurements of one version may be taken for one another."""
        programs = ("numpy", *(package for _, package in self.packages))
        return f"{self.key} {self.revision} " + " ".join(f"{name}={_version(name)}" for name in programs)

    def text(self, value: float) -> str:
        """A number of it with the decimals that mean something; "–" for NaN."""
        return f"{value:.{self.decimals}f}" if np.isfinite(value) else "–"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
