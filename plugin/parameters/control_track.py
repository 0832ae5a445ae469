"""The settings of every frame: as they stand, or as motion and automation move them.

Time is counted in steps of one codec frame from the stream's first sample, so what moves does so at the same samples however
the stream is cut. Without motion there are no steps: settings hold from the block in which they are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from lamina.plugin.call.arrays import FloatArray
from lamina.plugin.parameters.motion import FLOOR_DB, Motion, moved
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import find_parameter

Piece = tuple[int, int, Settings]
"""Samples start … stop of a block, and the settings that hold there."""


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
        self._energy, self._n_measured = 0.0, 0
        self._envelopes: dict[tuple[int, Motion], float] = {}

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
            return [(0, block.shape[1], base)]
        for step in [step for step in self._steps if step < self._step_of(start - self._latency)]:
            del self._steps[step]
        pieces = []
        for first, last, step in self._cut(start, stop):
            if step not in self._steps:
                self._steps[step] = self._moved(step)
            piece = block[:, first - start : last - start]
            self._energy += float(np.square(piece, dtype=np.float64).mean(0).sum())
            self._n_measured += last - first
            pieces.append((first - start, last - start, self._steps[step]))
        return pieces

    def give_out(self, n_samples: int) -> list[Piece]:
        """The pieces of the output that leaves together with the block taken in last: its content is older by the latency."""
        if not self.base.moves:
            return [(0, n_samples, self.base)]
        start = self.position - self._latency - n_samples
        return [(first - start, last - start, self.at(step)) for first, last, step in self._cut(start, start + n_samples)]

    def envelope(self, motion: Motion) -> float:
        """How far the follower of a motion is, 0 … 1."""
        return next((value for (_, followed), value in self._envelopes.items() if followed == motion), 0.0)

    def at(self, step: int) -> Settings:
        """What holds in a step, which is also the codec's frame of that number."""
        return self._steps.get(max(0, step), self.base) if self.base.moves else self.base

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

    def _moved(self, step: int) -> Settings:
        settings, seconds = self.base, step * self._frame / self._core_rate
        for curve in settings.automation:
            settings = settings.moved_to(curve.target, curve.at(seconds, find_parameter(curve.target)))
        level = self._measured_level()
        for index, motion in enumerate(settings.motions):
            envelope = self._follow(index, motion, level) if motion.source == "envelope" else 0.0
            source = motion.value(seconds, settings.tempo, envelope)
            parameter, value = find_parameter(motion.target), settings.value(motion.target)
            to = moved(parameter, value, motion.depth * source)
            if to != value:
                settings = settings.moved_to(motion.target, to)
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
