"""One live stream through the codec: blocks of any length in, the same length out, later by a constant.

    input ─ gain ┬─ sender ─ receiver ┬─ mix ─ gain ─┬─ bypass ─ output
                 └─ delay ────────────┘              │
    input ─ delay ───────────────────────────────────┘

Settings are read once per block, and where something moves by itself once per frame. Gains, mix, bypass, stereo and
what is listened to ramp; everything about codes and denoise changes at a frame's edge and touches no state of the
networks.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from threading import RLock

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.bridge import bridge_latency
from lamina.dsp.delay import DelayLine
from lamina.dsp.ramp import Ramp
from lamina.models.runtime import CodecRuntime
from lamina.plugin.call.arrays import check_beside, check_float_array
from lamina.plugin.parameters.control_track import ControlTrack
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.gain import RAMP_SECONDS, Gain, ramp_samples
from lamina.plugin.stream.receiver import LIMITER_KNEE, Receiver
from lamina.plugin.stream.reports import FrameReport
from lamina.plugin.stream.sender import Sender
from lamina.plugin.stream.two_pass import LayerPlan

__all__ = ["LIMITER_KNEE", "RAMP_SECONDS", "CodecStream", "ReportListener"]

KEPT_REPORTS = 8192

ReportListener = Callable[[FrameReport], None]

log = logging.getLogger(__name__)


class CodecStream:
    """State of one stream. Made by `NeuralCodec.stream`.

    Args:
        runtime: the codec, shared.
        settings: called once per block for the current settings.
        sample_rate: Hz of the host.
        n_channels: channels of every block.
        block: the host's constant block length, for the least latency; None if blocks vary.
        on_report: called for every frame, on the thread that pushes, when its block is done. What it raises is logged,
            once until the stream is reset, and harms nothing.
        plan: that says how many layers each frame from the beginning sends.

    `passes` is read when the stream begins or is reset: it decides the latency.
    """

    def __init__(
        self,
        runtime: CodecRuntime,
        settings: Callable[[], Settings],
        sample_rate: int,
        n_channels: int,
        block: int | None = None,
        on_report: ReportListener | None = None,
        plan: LayerPlan | None = None,
    ) -> None:
        self.sample_rate, self.n_channels = sample_rate, n_channels
        self.reports: deque[FrameReport] = deque(maxlen=KEPT_REPORTS)
        self._runtime, self._settings, self._block, self._on_report = runtime, settings, block, on_report
        self._plan = plan
        # Threads that push take turns. Re-entrant: a report's listener may ask and set.
        self._pushing = RLock()
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Samples by which output lags input, wet and dry alike."""
        return self._latency

    def reset(self) -> None:
        """Back to the state before the first sample."""
        with self._pushing:
            self._begin()

    def _begin(self) -> None:
        config, rate, settings = self._runtime.config, self.sample_rate, self._settings()
        delay = config.delay_samples * settings.passes
        self._latency = latency = bridge_latency(rate, config.sample_rate, config.frame, delay, self._block)
        self._track = ControlTrack(settings, rate, config.sample_rate, config.frame, latency)
        settings = self._track.at_start()
        self._sender = Sender(self._runtime, self.n_channels, rate, self._track, settings, latency, plan=self._plan)
        offset = delay * rate - latency * config.sample_rate
        self._receiver = Receiver(self._runtime, self.n_channels, rate, settings, offset)
        self._dry = DelayLine(self.n_channels, latency)
        self._untouched = DelayLine(self.n_channels, latency)
        ramp = ramp_samples(rate)
        self._output_gain = Gain("output_gain_db", settings, rate)
        self._wet_share, self._dry_share = (Ramp(share, ramp) for share in _shares(settings))
        self._bypass = Ramp(float(settings.bypass), ramp)
        self._listener_failed = False
        self.reports.clear()

    def push(self, block: FloatArray, sidechain: FloatArray | None = None) -> FloatArray:
        """Pass a block on, and give as many samples, late by the latency.

        Float32 (or float64) `[channels, n]` in, float32 `[channels, n]` out. NaN and infinity in a live input count as
        silence.

        `sidechain`, of the same shape, is the sound whose codes `cross_layers` lets in.

        Raises TypeError or ValueError for another type or shape, before any state has changed.
        """
        block = self._checked(block, "The block")
        if sidechain is not None:
            sidechain = self._checked(sidechain, "The side-chain")
            check_beside(sidechain, block)
        with self._pushing:
            began = self._track.position
            sending = self._sender.push(block, self._settings(), sidechain)
            reports = self._receiver.receive_beside(sending.stretches, sending.n_frames)
            wet = self._receiver.take(block.shape[1], sending.undo)
            out = self._mixed(wet, self._dry.push(sending.driven), self._untouched.push(block))
            # Listeners are called here, on the caller's thread and when all else is done: they may use the effect they
            # listen to, and nothing they do moves the sound.
            for report in reports:
                self._tell(report, began)
        return out

    def flush(self) -> FloatArray:
        """What the latency still holds back at the end, `[channels, latency_samples]`.

        Then a new stream begins, and `reports` still has those of this one.
        """
        with self._pushing:
            out = self.push(np.zeros((self.n_channels, self.latency_samples), np.float32))
            kept = list(self.reports)
            self._begin()
            self.reports.extend(kept)
        return out

    def _mixed(self, wet: FloatArray, dry: FloatArray, untouched: FloatArray) -> FloatArray:
        out = np.empty_like(wet)
        for start, stop, settings in self._track.give_out(wet.shape[1]):
            for ramp, share in zip((self._wet_share, self._dry_share), _shares(settings), strict=True):
                ramp.set(share)
            n_samples = stop - start
            # Both sums are written so that an end of the range gives back that signal's own samples, bit for bit.
            mixed = dry[:, start:stop] * self._dry_share.factor(n_samples)
            mixed += wet[:, start:stop] * self._wet_share.factor(n_samples)
            mixed *= self._output_gain.factor(settings, n_samples)
            self._bypass.set(float(settings.bypass))
            bypass = self._bypass.factor(n_samples)
            out[:, start:stop] = untouched[:, start:stop] * bypass + mixed * (1 - bypass)
        return out

    def _tell(self, report: FrameReport, began: int) -> None:
        if self._track.base.moves:
            report = replace(report, moved=self._track.told(report.index, began))
        self.reports.append(report)
        if self._on_report is None:
            return
        try:
            self._on_report(report)
        except Exception:
            if not self._listener_failed:
                self._listener_failed = True
                log.exception("A listener of frame reports raised; the sound goes on. This is told once.")

    def _checked(self, block: FloatArray, what: str) -> FloatArray:
        block = check_float_array(block).astype(np.float32, copy=False)
        if block.ndim != 2 or block.shape[0] != self.n_channels:
            raise ValueError(f"{what} has the shape {block.shape}; this stream takes [{self.n_channels}, samples].")
        return block if np.isfinite(block).all() else np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)


def _shares(settings: Settings) -> tuple[float, float]:
    """What wet and dry sound count in what is listened to."""
    if settings.listen == "wet":
        return settings.mix, 1 - settings.mix
    return {"dry": (0.0, 1.0), "difference": (-1.0, 1.0)}.get(settings.listen, (1.0, 0.0))
