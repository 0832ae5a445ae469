"""The receiving half of a stream: what was sent → sound at the host's rate.

    codes ─ desk ─ decoder ─ resampler ─ stereo ─ limiter ─ sound

Streams and whole pieces, live and of files, all decode with this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.bridge import FromFrames
from lamina.models.runtime import CodecRuntime
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.frames import Coded, Encoded, FrameReceiver, reports_of
from lamina.plugin.stream.reports import FrameReport

LIMITER_KNEE = 0.95
"""Level above which the codec's output bends towards 1.0: a full-scale sine may come back 10 % larger."""


class Receiver:
    """Its state.

    Args:
        runtime: the codec, shared.
        n_channels: coded channels.
        sample_rate: of the sound, Hz.
        settings: as they stand before the first frame.
        offset: where the first sample stands in the frames that come, in units of 1/sample_rate of a sample at the
            codec's rate; what stands before the first frame is silence.
    """

    def __init__(
        self, runtime: CodecRuntime, n_channels: int, sample_rate: int, settings: Settings, offset: int
    ) -> None:
        self._runtime, self._n_channels = runtime, n_channels
        self._frames = FrameReceiver(runtime, n_channels, settings)
        self._from = FromFrames(n_channels, runtime.config.sample_rate, sample_rate, offset)

    @property
    def n_ready(self) -> int:
        """Samples that can be taken."""
        return self._from.n_ready

    def receive(self, coded: Coded) -> FloatArray:
        """Frames that come; returns what is decoded of them at the codec's rate, `[channels, k · frame]`."""
        y = self._frames.decode(coded)
        self._from.push(y)
        return y

    def receive_beside(self, stretches: Iterator[Encoded], n_frames: int) -> list[FrameReport]:
        """Take all of `n_frames` frames of a sender in the same place, and return what is reported of them.

        Each stretch is decoded while the next one is encoded.
        """
        if not n_frames:
            return []
        first = next(stretches)
        if first.n_frames == n_frames:
            coded = [(first, self._timed(first))]
        else:
            with ThreadPoolExecutor(1) as decoder:
                ahead = [(first, decoder.submit(self._timed, first))]
                ahead += [(encoded, decoder.submit(self._timed, encoded)) for encoded in stretches]
                coded = [(encoded, future.result()) for encoded, future in ahead]
        return [report for encoded, (y, seconds) in coded for report in reports_of(self._runtime, encoded, y, seconds)]

    def run_out(self, n_core_samples: int) -> None:
        """Silence behind the last frame."""
        self._from.push(np.zeros((self._n_channels, n_core_samples), np.float32))

    def take(self, n_samples: int, undo: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """The next samples, limited; `undo` makes channels of the coded ones."""
        return limited(undo(self._from.take(n_samples)))

    def _timed(self, coded: Coded) -> tuple[FloatArray, float]:
        started = time.perf_counter()
        return self.receive(coded), time.perf_counter() - started


def limited(y: FloatArray) -> FloatArray:
    """Samples up to the knee pass unchanged; above it they bend smoothly towards 1."""
    over = np.abs(y) > LIMITER_KNEE
    if not over.any():
        return y
    room = 1 - LIMITER_KNEE
    bent = LIMITER_KNEE + room * np.tanh((np.abs(y[over]) - LIMITER_KNEE) / room)
    limited = y.copy()
    limited[over] = np.copysign(bent, y[over])
    return limited
