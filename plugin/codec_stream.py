"""One live stream through the codec: blocks of any length in, the same length out, later by a constant.

    input ─ gain ┬─ frame bridge ─ encoder ─ quantizer ─ decoder ─ limiter ┬─ mix ─ gain ─┬─ bypass ─ output
                 └─ delay ─────────────────────────────────────────────────┘              │
    input ─ delay ────────────────────────────────────────────────────────────────────────┘

Settings are read once per block (and with it once per frame). Gains, mix, bypass and noise only ramp; the number of
layers and denoise change at a frame's edge and touch no state.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np

from lamina.dsp.bridge import FrameBridge
from lamina.dsp.delay import DelayLine
from lamina.dsp.ramp import Ramp
from lamina.models.runtime import CodecRuntime, Codes
from lamina.plugin.decoding import Decoding
from lamina.plugin.layouts import FloatArray, check_float_array
from lamina.plugin.reports import FrameReport
from lamina.plugin.settings import Settings

RAMP_SECONDS = 0.02
KEPT_REPORTS = 8192
LONG_CALL_FRAMES = 100
"""Frames above which a call is cut into stretches that two threads share."""
LIMITER_KNEE = 0.95
"""Level above which the codec's output bends towards 1.0: a full-scale sine may come back 10 % larger."""

ReportListener = Callable[[FrameReport], None]


class CodecStream:
    """State of one stream. Made by `NeuralCodec.stream`.

    Args:
        runtime: the codec, shared.
        settings: called once per block for the current settings.
        sample_rate: Hz of the host.
        n_channels: channels of every block.
        block: the host's constant block length, for the least latency; None if blocks vary.
        on_report: called for every frame, on the thread that pushes.
    """

    def __init__(
        self,
        runtime: CodecRuntime,
        settings: Callable[[], Settings],
        sample_rate: int,
        n_channels: int,
        block: int | None = None,
        on_report: ReportListener | None = None,
    ) -> None:
        self.sample_rate, self.n_channels = sample_rate, n_channels
        self.reports: deque[FrameReport] = deque(maxlen=KEPT_REPORTS)
        self._runtime, self._settings, self._block, self._on_report = runtime, settings, block, on_report
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Samples by which output lags input, wet and dry alike."""
        return self._bridge.latency_samples

    def reset(self) -> None:
        """Back to the state before the first sample."""
        config, settings = self._runtime.config, self._settings()
        self._bridge = FrameBridge(
            self.n_channels, self.sample_rate, config.sample_rate, config.frame, config.delay_samples, self._process_frames, self._block
        )
        self._encoder_state = self._runtime.encoder_state(self.n_channels)
        self._decoding = Decoding(self._runtime, self.n_channels, round(config.sample_rate * RAMP_SECONDS), settings.noise_only)
        self._dry = DelayLine(self.n_channels, self.latency_samples)
        self._untouched = DelayLine(self.n_channels, self.latency_samples)
        ramp = max(1, round(self.sample_rate * RAMP_SECONDS))
        self._input_gain = Ramp(_linear(settings.input_gain_db), ramp)
        self._output_gain = Ramp(_linear(settings.output_gain_db), ramp)
        self._mix = Ramp(settings.mix, ramp)
        self._bypass = Ramp(float(settings.bypass), ramp)
        self._current = settings
        self._n_frames = 0
        self.reports.clear()

    def push(self, block: FloatArray) -> FloatArray:
        """Float32 (or float64) `[channels, n]` in, float32 `[channels, n]` out. NaN and infinity in a live input count as silence.

        Raises TypeError or ValueError for another type or shape, before any state has changed.
        """
        block = check_float_array(block).astype(np.float32, copy=False)
        if block.ndim != 2 or block.shape[0] != self.n_channels:
            raise ValueError(f"The block has the shape {block.shape}; this stream takes [{self.n_channels}, samples].")
        settings = self._current = self._settings()
        self._input_gain.set(_linear(settings.input_gain_db))
        self._output_gain.set(_linear(settings.output_gain_db))
        self._mix.set(settings.mix)
        self._bypass.set(float(settings.bypass))
        n_samples = block.shape[1]
        if not np.isfinite(block).all():
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        driven = block * self._input_gain.take(n_samples)
        wet = _limit(self._bridge.push(driven))
        dry = self._dry.push(driven)
        mix = self._mix.take(n_samples)
        # Both sums are written so that an end of the range gives back that signal's own samples, bit for bit.
        mixed: FloatArray = (dry * (1 - mix) + wet * mix) * self._output_gain.take(n_samples)
        bypass = self._bypass.take(n_samples)
        out: FloatArray = self._untouched.push(block) * bypass + mixed * (1 - bypass)
        return out

    def _process_frames(self, x: FloatArray) -> FloatArray:
        """Whole frames `[channels, k · frame]` at the codec's rate, through the codec."""
        size = LONG_CALL_FRAMES * self._runtime.config.frame
        if x.shape[1] <= size:
            codes, encode_seconds = self._encode(x)
            y, decode_seconds = self._decode(codes)
            self._report(x, y, codes, encode_seconds + decode_seconds)
            return y
        # Whole files: one thread decodes a stretch while this one encodes the next. Each side's state has one owner.
        parts = [x[:, start : start + size] for start in range(0, x.shape[1], size)]
        with ThreadPoolExecutor(1) as decoder:
            coded = [self._encode_and_submit(part, decoder) for part in parts]
            decoded = [future.result() for _, _, future in coded]
        # Listeners are called here, on the caller's thread, where they may use the effect they listen to.
        for part, (codes, encode_seconds, _), (y, decode_seconds) in zip(parts, coded, decoded, strict=True):
            self._report(part, y, codes, encode_seconds + decode_seconds)
        return np.concatenate([y for y, _ in decoded], 1)

    def _encode_and_submit(self, x: FloatArray, decoder: Executor) -> tuple[Codes, float, Future[tuple[FloatArray, float]]]:
        codes, seconds = self._encode(x)
        return codes, seconds, decoder.submit(self._decode, codes)

    def _encode(self, x: FloatArray) -> tuple[Codes, float]:
        """Samples → codes, and the seconds it took."""
        started = time.perf_counter()
        z, self._encoder_state = self._runtime.encode(x, self._encoder_state)
        return self._runtime.quantize(z, self._current.layers), time.perf_counter() - started

    def _decode(self, codes: Codes) -> tuple[FloatArray, float]:
        """Codes → samples, and the seconds it took."""
        started = time.perf_counter()
        z = self._runtime.dequantize(codes)
        y = self._decoding.decode(z, self._current.denoise, self._current.noise_only)
        return y, time.perf_counter() - started

    def _report(self, x: FloatArray, y: FloatArray, codes: Codes, seconds: float) -> None:
        n_channels, n_frames, layers = codes.shape
        shape = (n_channels, n_frames, -1)
        input_rms = np.sqrt(np.square(x.reshape(shape)).mean(-1))
        output_rms = np.sqrt(np.square(y.reshape(shape)).mean(-1))
        energy = self._runtime.energies[np.arange(layers), codes]
        for frame in range(n_frames):
            report = FrameReport(
                self._n_frames + frame,
                layers,
                codes[:, frame],
                energy[:, frame],
                input_rms[:, frame],
                output_rms[:, frame],
                seconds / n_frames,
            )
            self.reports.append(report)
            if self._on_report is not None:
                self._on_report(report)
        self._n_frames += n_frames


def _linear(gain_db: float) -> float:
    return float(10 ** (gain_db / 20))


def _limit(y: FloatArray) -> FloatArray:
    """Samples up to the knee pass unchanged; above it they bend smoothly towards 1."""
    over = np.abs(y) > LIMITER_KNEE
    if not over.any():
        return y
    room = 1 - LIMITER_KNEE
    bent = LIMITER_KNEE + room * np.tanh((np.abs(y[over]) - LIMITER_KNEE) / room)
    limited = y.copy()
    limited[over] = np.copysign(bent, y[over])
    return limited
