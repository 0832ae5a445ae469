"""The settings of every frame: as they stand, or as motion and automation move them.

Time is counted in steps of one codec frame from the stream's first sample, so what moves does so at the same samples
however the stream is cut. Without motion there are no steps: settings hold from the block in which they are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.parameters.motion import FLOOR_DB, Motion, as_number, moved
from lamina.plugin.parameters.settings import Settings

Piece = tuple[int, int, Settings]
"""Samples start … stop of a block, and the settings that hold there."""


@dataclass(frozen=True)
class Moved:
    """What motions and automation made of a frame.

    Args:
        begins: samples at the host's rate from the beginning of the block that completed the frame to the frame's own;
            usually below 0. In what the live engine's telemetry tells, they are counted from the engine's start.
        values: of `moved_names`, as numbers (`as_number` in `lamina.plugin.parameters.motion`).
        cycles: cycles or steps of each motion since the stream began.
        heights: where each motion is, 0 … 1.
    """

    begins: int
    values: tuple[float, ...]
    cycles: tuple[float, ...]
    heights: tuple[float, ...]


def moved_names(settings: Settings) -> list[str]:
    """The parameters that motions and then automation move, in their order; what moves kbps moves layers."""
    targets = [*(motion.target for motion in settings.motions), *(curve.target for curve in settings.automation)]
    return [settings.parameter(target).view_of or target for target in targets]


class ControlTrack:
    """Where each step begins, and what holds in it.

    Args:
        base: the settings before the first block.
        sample_rate, core_rate: of host and codec, Hz.
        frame: core samples of a step.
        latency_samples: by which the output lags, at the host's rate.
    """

    def __init__(self, base: Settings, sample_rate: int, core_rate: int, frame: int, latency_samples: int) -> None:
        self.base = base
        self._rate, self._core_rate, self._frame, self._latency = sample_rate, core_rate, frame, latency_samples
        self.position = 0
        """Samples of input so far."""
        self._steps: dict[int, Settings] = {}
        self._heights: dict[int, tuple[float, ...]] = {}
        self._energy, self._n_measured = 0.0, 0
        self._envelopes: dict[tuple[int, Motion], float] = {}
        self._newest_heights: tuple[float, ...] = ()

    def at_start(self) -> Settings:
        """What holds before the first sample."""
        return self._moved(0) if self.base.moves else self.base

    def take_in(self, block: FloatArray, base: Settings) -> list[Piece]:
        """Read the settings for a block of input `[channels, n]`: its pieces, one for each step that lies in it."""
        self.base = base
        start, stop = self.position, self.position + block.shape[1]
        self.position = stop
        if not base.moves:
            self._steps.clear()
            self._heights.clear()
            return [(0, block.shape[1], base)]
        for step in [step for step in self._steps if step < self._step_of(start - self._latency)]:
            del self._steps[step], self._heights[step]
        pieces = []
        for first, last, step in self._cut(start, stop):
            if step not in self._steps:
                self._steps[step] = self._moved(step)
                self._heights[step] = self._newest_heights
            piece = block[:, first - start : last - start]
            self._energy += float(np.square(piece, dtype=np.float64).mean(0).sum())
            self._n_measured += last - first
            pieces.append((first - start, last - start, self._steps[step]))
        return pieces

    def give_out(self, n_samples: int) -> list[Piece]:
        """The pieces of the output that leaves together with the block taken in last.

        Its content is older by the latency.
        """
        if not self.base.moves:
            return [(0, n_samples, self.base)]
        start = self.position - self._latency - n_samples
        return [
            (first - start, last - start, self.at(step)) for first, last, step in self._cut(start, start + n_samples)
        ]

    def at(self, step: int) -> Settings:
        """What holds in a step, which is also the codec's frame of that number."""
        return self._steps.get(max(0, step), self.base) if self.base.moves else self.base

    @property
    def n_steps(self) -> int:
        """Steps that have begun."""
        return self._step_of(self.position - 1) + 1 if self.position else 0

    def whole_steps(self, n_samples: int) -> int:
        """Of the next `n_samples` of input those that fill steps up."""
        return max(0, self._start_of(self._step_of(self.position + max(0, n_samples))) - self.position)

    def told(self, step: int, began: int) -> Moved:
        """What is told of a step; `began` is the position from which samples are counted."""
        settings, seconds = self.at(step), self._seconds(step)
        return Moved(
            self._start_of(step) - began,
            tuple(as_number(settings.parameter(name), settings.value(name)) for name in moved_names(settings)),
            tuple(motion.cycles(seconds, settings.tempo) for motion in settings.motions),
            self._heights.get(step, ()),
        )

    def _cut(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """(first, last, step) of the stretches of samples start … stop."""
        while start < stop:
            step = self._step_of(start)
            end = min(stop, self._start_of(step + 1))
            yield start, end, step
            start = end

    def _start_of(self, step: int) -> int:
        return -(-step * self._frame * self._rate // self._core_rate)

    def _step_of(self, sample: int) -> int:
        return sample * self._core_rate // (self._frame * self._rate)

    def _seconds(self, step: int) -> float:
        return step * self._frame / self._core_rate

    def _moved(self, step: int) -> Settings:
        settings, seconds = self.base, self._seconds(step)
        for curve in settings.automation:
            settings = settings.moved_to(curve.target, curve.at(seconds, settings.parameter(curve.target)))
        level, heights = self._measured_level(), []
        for index, motion in enumerate(settings.motions):
            envelope = self._follow(index, motion, level) if motion.source == "envelope" else 0.0
            source = motion.value(seconds, settings.tempo, envelope)
            heights.append(source)
            parameter, value = settings.parameter(motion.target), settings.value(motion.target)
            to = moved(parameter, value, motion.depth * source)
            if to != value:
                settings = settings.moved_to(motion.target, to)
        self._newest_heights = tuple(heights)
        return settings

    def _measured_level(self) -> float:
        """Level of the input since the last step began, 0 at −60 dBFS and 1 at full scale."""
        mean = self._energy / self._n_measured if self._n_measured else 0.0
        self._energy, self._n_measured = 0.0, 0
        return min(max(1 - 10 * math.log10(mean + 1e-12) / FLOOR_DB, 0.0), 1.0)

    def _follow(self, index: int, motion: Motion, level: float) -> float:
        before = self._envelopes.get((index, motion), 0.0)
        milliseconds = motion.attack_ms if level > before else motion.release_ms
        kept = math.exp(-1000 * self._frame / self._core_rate / milliseconds)
        self._envelopes[index, motion] = after = level + (before - level) * kept
        return after
