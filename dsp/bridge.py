"""The frame bridge: between a host's blocks of any length and rate and a codec's frames.

In go `n` samples at the host's rate, out come `n` samples, later by a constant that is known beforehand:
input is resampled to the core rate, cut into frames, processed, and resampled back to exactly the host's
sample positions. The constant is the smallest that never starves, found by integer arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from lamina.dsp.resample import FloatArray, StreamingResampler, half_taps

FrameProcessor = Callable[[FloatArray], FloatArray]
"""`[channels, k · frame]` at the core rate → the same shape; it may lag by a constant (`core_delay`)."""

LONGEST_PERIOD = 400_000
"""Samples after which the search for the worst moment stops, for pairs of rates that hardly ever meet."""


@lru_cache(maxsize=128)
def bridge_latency(host_rate: int, core_rate: int, frame: int, core_delay: int, block: int | None = None) -> int:
    """Samples at `host_rate` by which a `FrameBridge` delays, `core_delay` (core samples) included.

    With `block`, the latency for a host that always hands over that many samples; without, for any cutting.
    At equal rates it is `core_delay + frame − gcd(block, frame)`, or `core_delay + frame − 1` for any cutting.
    """
    into, back = half_taps(host_rate, core_rate), half_taps(core_rate, host_rate)
    return _latency(host_rate, core_rate, frame, core_delay, block or 1, into, back)


def bridge_parts(host_rate: int, core_rate: int, frame: int, core_delay: int, block: int | None = None) -> list[tuple[str, int]]:
    """What `bridge_latency` is made of, in samples at `host_rate`: waiting for whole frames, the core's own delay, the resampler."""
    total = bridge_latency(host_rate, core_rate, frame, core_delay, block)
    without_kernels = _latency(host_rate, core_rate, frame, core_delay, block or 1, 0, 0)
    core = min(without_kernels, round(core_delay * host_rate / core_rate))
    return [("frame bridge", without_kernels - core), ("codec", core), ("resampler", total - without_kernels)]


def _latency(host_rate: int, core_rate: int, frame: int, core_delay: int, grid: int, into: int, back: int) -> int:
    divisor = math.gcd(host_rate, core_rate)
    step, denominator = core_rate // divisor, host_rate // divisor
    period = min(math.lcm(frame * denominator, grid), max(LONGEST_PERIOD, grid))
    n = np.arange(grid, period + into * 2 + grid, grid, dtype=np.int64)
    # Core samples known after n host samples, and the processed samples of the whole frames among them.
    known = n if host_rate == core_rate else np.maximum(0, ((n - into) * step - 1) // denominator + 1)
    processed = known // frame * frame
    # Output n − 1 needs the processed stream up to its own position (n − 1 − latency) · step / denominator + core_delay,
    # plus `back` samples of kernel.
    reach = (processed - back - core_delay) * denominator
    return int(np.max(n - 1 + (-reach // step) + 1)) if host_rate != core_rate else int(np.max(n - processed)) + core_delay


class FrameBridge:
    """Runs `process` on whole frames of a host's stream.

    Args:
        n_channels: channels of every block.
        host_rate, core_rate: Hz.
        frame: core samples that `process` takes a whole number of.
        core_delay: core samples by which the output of `process` lags its input.
        process: called with `[n_channels, k · frame]`, k ≥ 1.
        block: the host's constant block length if it has one; otherwise any lengths may be pushed.
    """

    def __init__(
        self,
        n_channels: int,
        host_rate: int,
        core_rate: int,
        frame: int,
        core_delay: int,
        process: FrameProcessor,
        block: int | None = None,
    ) -> None:
        self.latency_samples = bridge_latency(host_rate, core_rate, frame, core_delay, block)
        self._frame, self._process = frame, process
        self._waiting = np.zeros((n_channels, 0), np.float32)
        self._ready = np.zeros((n_channels, 0), np.float32)
        self._down: StreamingResampler | None = None
        self._up: StreamingResampler | None = None
        if host_rate == core_rate:
            self._ready = np.zeros((n_channels, self.latency_samples - core_delay), np.float32)
        else:
            offset = core_delay * host_rate - self.latency_samples * core_rate
            self._down = StreamingResampler(n_channels, host_rate, core_rate)
            self._up = StreamingResampler(n_channels, core_rate, host_rate, offset)
            # What stands before the first processed sample is silence and ready at once.
            self._ready = self._up.push(self._ready)

    def push(self, block: FloatArray) -> FloatArray:
        """`[channels, n]` in, `[channels, n]` out, `latency_samples` later."""
        n_samples = block.shape[1]
        core = self._down.push(block) if self._down else block
        self._waiting = np.concatenate([self._waiting, core], 1)
        whole = self._waiting.shape[1] // self._frame * self._frame
        if whole:
            processed = self._process(self._waiting[:, :whole])
            self._waiting = self._waiting[:, whole:].copy()
            ready = self._up.push(processed) if self._up else processed
            self._ready = np.concatenate([self._ready, ready], 1)
        out, self._ready = self._ready[:, :n_samples], self._ready[:, n_samples:]
        return out
