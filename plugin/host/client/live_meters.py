"""What the engine's telemetry says in figures: levels, loudness, computing time, and what was late."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.dsp.levels import LevelMeter
from lamina.dsp.loudness import LoudnessMeter
from lamina.plugin.host.wire.telemetry import Heard

WINDOW_SECONDS = 10.0
PROCESSOR_SECONDS = 2.0


@dataclass(frozen=True)
class Figures:
    """Args:
    block_ms: what a block lasts.
    p50_ms, p99_ms, worst_ms: what it took to compute, over the last seconds; 0 while nothing runs.
    load: share of the time that was computed, 0 … 1 and above.
    processor: share of one processor core that the engine's process uses.
    n_late, late_seconds: stretches that came late since the engine began, and their length together.
    n_device_misses: how often the sound driver itself lost input or had no output.
    margin_ms: sound kept ready beside the device's buffer.
    latency_ms: from input to output, as far as it is known: device, buffer, margin and board.
    """

    block_ms: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    load: float
    processor: float
    n_late: int
    late_seconds: float
    n_device_misses: int
    margin_ms: float
    latency_ms: float


class LiveMeters:
    """Fed with what `TelemetryReader.take` brings.

    `input_level`, `output_level`, `input_loudness` and `output_loudness` are meters of the sound before and after the
    board, None before the first block; `captured_level` is that of what the device alone captured, in two channels.
    """

    def __init__(self) -> None:
        self.input_level: LevelMeter | None = None
        self.output_level: LevelMeter | None = None
        self.captured_level: LevelMeter | None = None
        self.input_loudness: LoudnessMeter | None = None
        self.output_loudness: LoudnessMeter | None = None
        self._blocks: deque[tuple[float, float]] = deque()  # (seconds computed, seconds of sound)
        self._sound_seconds = 0.0
        self._processor: deque[tuple[float, float]] = deque()

    def push(self, heard: Heard) -> bool:
        """Take in what was heard; True if rate or channels changed and the meters are new."""
        n_channels = heard.output.shape[0]
        is_new = False
        if heard.output.shape[1]:
            level = self.output_level
            if level is None or (level.sample_rate, level.n_channels) != (heard.sample_rate, n_channels):
                self.input_level, self.output_level = (LevelMeter(heard.sample_rate, n_channels) for _ in range(2))
                self.captured_level = LevelMeter(heard.sample_rate, len(heard.captured))
                self.input_loudness, self.output_loudness = (
                    LoudnessMeter(heard.sample_rate, n_channels) for _ in range(2)
                )
                is_new = True
            for meter, samples in (
                (self.input_level, heard.input),
                (self.output_level, heard.output),
                (self.captured_level, heard.captured),
                (self.input_loudness, heard.input),
                (self.output_loudness, heard.output),
            ):
                assert meter is not None
                meter.push(samples)
        for seconds, n_samples in zip(heard.block_seconds, heard.block_samples, strict=True):
            self._blocks.append((float(seconds), n_samples / heard.sample_rate))
            self._sound_seconds += n_samples / heard.sample_rate
        while self._blocks and self._sound_seconds > WINDOW_SECONDS:
            self._sound_seconds -= self._blocks.popleft()[1]
        return is_new

    def rest(self, seconds: float) -> None:
        """Let silence pass: what the meters show while nothing plays."""
        levels = (self.input_level, self.output_level, self.captured_level)
        for meter in (*levels, self.input_loudness, self.output_loudness):
            if meter is not None:
                meter.rest(seconds)

    def figures(self, state: Any) -> Figures:
        """Everything in figures; `state` is `TelemetryReader.state()`."""
        rate = max(1, int(state["sample_rate"]))
        computed = np.array([seconds for seconds, _ in self._blocks]) * 1000
        p50, p99, worst = (
            (float(value) for value in np.percentile(computed, (50, 99, 100))) if len(computed) else (0.0, 0.0, 0.0)
        )
        margin, buffer = int(state["margin_samples"]) / rate, int(state["buffer_samples"]) / rate
        device = float(state["input_seconds"]) + float(state["output_seconds"])
        return Figures(
            1000 * int(state["block"]) / rate,
            p50,
            p99,
            worst,
            float(computed.sum()) / 1000 / self._sound_seconds if self._sound_seconds > 0 else 0.0,
            self._processor_share(float(state["processor_seconds"])),
            int(state["n_late"]),
            int(state["n_late_samples"]) / rate,
            int(state["n_device_misses"]),
            1000 * margin,
            1000 * (device + buffer + margin + int(state["board_samples"]) / rate),
        )

    def _processor_share(self, seconds: float) -> float:
        now = time.monotonic()
        if self._processor and seconds < self._processor[-1][1]:
            self._processor.clear()  # another process counts from zero
        self._processor.append((now, seconds))
        while now - self._processor[0][0] > PROCESSOR_SECONDS:
            self._processor.popleft()
        first = self._processor[0]
        return (seconds - first[1]) / (now - first[0]) if now - first[0] > 0.2 else 0.0
