"""The frame bridge: between a host's blocks of any length and rate and a codec's frames.

In go `n` samples at the host's rate, out come `n` samples, later by a constant that is known beforehand:
input is resampled to the core rate, cut into frames, processed, and resampled back to exactly the host's
sample positions. The constant is the smallest that never starves, found by integer arithmetic.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.resample import StreamingResampler, half_taps

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


def bridge_parts(
    host_rate: int, core_rate: int, frame: int, core_delay: int, block: int | None = None
) -> list[tuple[str, int]]:
    """What `bridge_latency` is made of, in samples at `host_rate`.

    Three parts: waiting for whole frames, the core's own delay, and the resamplers.
    """
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
    # Output n − 1 needs the processed stream up to its own position (n − 1 − latency) · step / denominator +
    # core_delay, plus `back` samples of kernel.
    reach = (processed - back - core_delay) * denominator
    return (
        int(np.max(n - 1 + (-reach // step) + 1)) if host_rate != core_rate else int(np.max(n - processed)) + core_delay
    )


class IntoFrames:
    """The way in: a host's blocks → the whole frames in them, at the core's rate.

    Args:
        n_channels: channels of every block.
        host_rate, core_rate: Hz.
        frame: core samples of a frame.
        n_lead: core samples of silence before the first sample.
    """

    def __init__(self, n_channels: int, host_rate: int, core_rate: int, frame: int, n_lead: int = 0) -> None:
        self._frame = frame
        self._waiting = np.zeros((n_channels, n_lead), np.float32)
        self._down = StreamingResampler(n_channels, host_rate, core_rate) if host_rate != core_rate else None

    def push(self, block: FloatArray) -> FloatArray:
        """Give the core's frames that a block completes.

        `[channels, n]` at the host's rate → `[channels, k · frame]` at the core's, k ≥ 0.
        """
        core = self._down.push(block) if self._down else block
        self._waiting = np.concatenate([self._waiting, core], 1)
        whole = self._waiting.shape[1] // self._frame * self._frame
        frames, self._waiting = self._waiting[:, :whole], self._waiting[:, whole:].copy()
        return frames


class FromFrames:
    """The way out: what became of frames → samples at the host's rate.

    Args:
        n_channels: channels of every stretch of frames.
        core_rate, host_rate: Hz.
        offset: where the first sample that is given stands among those that come, in units of 1/host_rate of a core
            sample; what stands before the first one that comes is silence.
    """

    def __init__(self, n_channels: int, core_rate: int, host_rate: int, offset: int) -> None:
        self._up: StreamingResampler | None = None
        self._n_skipped = 0
        self._ready = np.zeros((n_channels, 0), np.float32)
        if host_rate == core_rate:
            start = offset // host_rate
            self._ready = np.zeros((n_channels, max(0, -start)), np.float32)
            self._n_skipped = max(0, start)
        else:
            self._up = StreamingResampler(n_channels, core_rate, host_rate, offset)
            # What stands before the first sample that comes is silence and ready at once.
            self._ready = self._up.push(self._ready)

    @property
    def n_ready(self) -> int:
        """Samples that can be taken."""
        return self._ready.shape[1]

    def push(self, processed: FloatArray) -> None:
        """What became of some frames, `[channels, n]` at the core's rate."""
        if not processed.shape[1]:
            return
        if self._up is not None:
            ready = self._up.push(processed)
        else:
            skipped = min(self._n_skipped, processed.shape[1])
            self._n_skipped -= skipped
            ready = processed[:, skipped:]
        self._ready = np.concatenate([self._ready, ready], 1)

    def take(self, n_samples: int) -> FloatArray:
        """The next `n_samples` (or as many as are ready), `[channels, n]` at the host's rate."""
        out, self._ready = self._ready[:, :n_samples], self._ready[:, n_samples:]
        return out


class FrameBridge:
    """Takes a host's blocks, hands out the whole frames in them, and gives blocks for the frames that come back.

        frames = bridge.take(block)
        out = bridge.give(processed(frames), block.shape[1])

    Args:
        n_channels: channels of every block.
        host_rate, core_rate: Hz.
        frame: core samples of a frame.
        core_delay: core samples by which what comes back lags what was handed out.
        block: the host's constant block length if it has one; otherwise any lengths may come.
    """

    def __init__(
        self,
        n_channels: int,
        host_rate: int,
        core_rate: int,
        frame: int,
        core_delay: int,
        block: int | None = None,
    ) -> None:
        self.latency_samples = bridge_latency(host_rate, core_rate, frame, core_delay, block)
        self._into = IntoFrames(n_channels, host_rate, core_rate, frame)
        offset = core_delay * host_rate - self.latency_samples * core_rate
        self._from = FromFrames(n_channels, core_rate, host_rate, offset)

    def take(self, block: FloatArray) -> FloatArray:
        """Take a block `[channels, n]` at the host's rate and return the frames that it completes.

        Frames are at the core's rate, `[channels, k · frame]` with k ≥ 0.
        """
        return self._into.push(block)

    def give(self, processed: FloatArray, n_samples: int) -> FloatArray:
        """Return as many samples as the block taken last had.

        `frames [channels, k · frame]` are what became of the frames that `take` returned; the samples are
        `latency_samples` late.
        """
        self._from.push(processed)
        return self._from.take(n_samples)
