"""The region of the open file that is compared: where it is, and what a recipe makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lamina.gui.model.files.document import Document
from lamina.gui.model.listening.recipe import FloatArray, Made, Progress, Recipe
from lamina.gui.model.session import Session

LEAST_SECONDS, MOST_SECONDS = 0.5, 60.0
USUAL_SECONDS = 20.0
"""Of a region where no loop is marked."""
SETTLING_SECONDS = 1.0
"""Of sound before the region that whatever is compared hears too, so that none begins from silence in the middle."""


@dataclass(frozen=True)
class Region:
    """A part of a document, in samples."""

    start: int
    stop: int

    @property
    def n_samples(self) -> int:
        """How long it is."""
        return self.stop - self.start


def looped_region(session: Session) -> Region:
    """What is looped now; where nothing is, the whole file or some seconds from the present place on.

    Raises ValueError, with a sentence for the user, if no file is open or that is too long or too short to compare.
    """
    document = session.document
    if document is None:
        raise ValueError("There is nothing to compare yet: open a sound file first.")
    start, stop = _looped(session, document)
    if stop - start > MOST_SECONDS + 1e-6:
        raise ValueError(f"The loop lasts {stop - start:.0f} s; up to {MOST_SECONDS:.0f} s can be compared. Mark less.")
    if stop - start < LEAST_SECONDS:
        raise ValueError(f"The loop lasts {stop - start:.2f} s; at least {LEAST_SECONDS:g} s are needed. Mark more.")
    rate = document.clip.sample_rate
    return Region(round(start * rate), min(round(stop * rate), document.n_samples))


def _looped(session: Session, document: Document) -> tuple[float, float]:
    loop = session.loop_seconds
    if loop is not None:
        return loop
    if document.seconds <= 1.5 * USUAL_SECONDS:
        return 0.0, document.seconds
    start = min(session.player.position_seconds, document.seconds - USUAL_SECONDS)
    return start, start + USUAL_SECONDS


def make_region(
    recipe: Recipe, document: Document, region: Region, progress: Progress, cancelled: Callable[[], bool]
) -> Made:
    """What a recipe makes of a region, with what came before it heard too; raises what `Recipe.make` raises."""
    rate, samples = document.clip.sample_rate, document.clip.samples
    before = min(region.start, round(SETTLING_SECONDS * rate))
    sound: FloatArray = np.ascontiguousarray(samples[:, region.start - before : region.stop], np.float32)
    made = recipe.make(sound, rate, progress, cancelled)
    return Made(np.ascontiguousarray(made.samples[:, before:]), made.kbps, made.digest)
