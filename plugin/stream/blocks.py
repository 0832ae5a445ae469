"""One live stream through the codec: blocks of any length in, the same length out, later by a constant.

    input ─ gain ┬─ stereo ─ frame bridge ─ encoder ─ quantizer ─ desk ─ decoder ─ stereo ─ limiter ┬─ mix ─ gain ─┬─
    bypass ─ output
                 └─ delay ──────────────────────────────────────────────────────────────────────────┘              │
    input ─ delay ─────────────────────────────────────────────────────────────────────────────────────────────────┘

Settings are read once per block, and where something moves by itself once per frame. Gains, mix, bypass, stereo and
what is listened to ramp; everything about codes and denoise changes at a frame's edge and touches no state of the
networks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lamina.dsp.bridge import FrameBridge
from lamina.dsp.delay import DelayLine
from lamina.dsp.ramp import Ramp
from lamina.dsp.resample import StreamingResampler
from lamina.dsp.stereo import MidSide
from lamina.models.runtime import CodecRuntime
from lamina.plugin.call.arrays import FloatArray, check_float_array
from lamina.plugin.parameters.control_track import ControlTrack, Piece
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.frames import FrameCodec
from lamina.plugin.stream.reports import FrameReport

RAMP_SECONDS = 0.02
KEPT_REPORTS = 8192
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
            self.n_channels,
            self.sample_rate,
            config.sample_rate,
            config.frame,
            config.delay_samples * settings.passes,
            self._block,
        )
        latency = self.latency_samples
        self._track = ControlTrack(settings, self.sample_rate, config.sample_rate, config.frame, latency)
        settings = self._track.at_start()
        self._frames = FrameCodec(self._runtime, self.n_channels, settings)
        self._dry = DelayLine(self.n_channels, latency)
        self._untouched = DelayLine(self.n_channels, latency)
        ramp = max(1, round(self.sample_rate * RAMP_SECONDS))
        self._input_gain = Ramp(_linear(settings.input_gain_db), ramp)
        self._output_gain = Ramp(_linear(settings.output_gain_db), ramp)
        self._wet_share, self._dry_share = (Ramp(share, ramp) for share in _shares(settings))
        self._bypass = Ramp(float(settings.bypass), ramp)
        self._stereo: MidSide | None = None
        if self.n_channels == 2:
            self._stereo = MidSide(latency, ramp, settings.stereo != "linked", settings.stereo != "mono")
        self._beside_stereo = (
            MidSide(0, ramp, settings.stereo != "linked", settings.stereo != "mono") if self.n_channels == 2 else None
        )
        self._beside_in: StreamingResampler | None = None
        self._beside = np.zeros((self.n_channels, 0), np.float32)
        self.reports.clear()

    def push(self, block: FloatArray, sidechain: FloatArray | None = None) -> FloatArray:
        """Float32 (or float64) `[channels, n]` in, float32 `[channels, n]` out. NaN and infinity in a live input count
        as silence.

        `sidechain`, of the same shape, is the sound whose codes `cross_layers` lets in.

        Raises TypeError or ValueError for another type or shape, before any state has changed.
        """
        block = self._checked(block, "The block")
        if sidechain is not None:
            sidechain = self._checked(sidechain, "The side-chain")
            if sidechain.shape != block.shape:
                raise ValueError(
                    f"The side-chain has the shape {sidechain.shape}, the block {block.shape}; they must be equally "
                    "long."
                )
        pieces = self._track.take_in(block, self._settings())
        driven = np.empty_like(block)
        for start, stop, settings in pieces:
            self._input_gain.set(_linear(settings.input_gain_db))
            driven[:, start:stop] = block[:, start:stop] * self._input_gain.factor(stop - start)
        self._take_beside(sidechain, pieces)
        wet = limited(self._through_codec(driven, pieces))
        return self._mixed(wet, self._dry.push(driven), self._untouched.push(block))

    def _through_codec(self, driven: FloatArray, pieces: list[Piece]) -> FloatArray:
        if self._stereo is None:
            return self._in_frames(driven)
        coded, inverses = _encoded(self._stereo, driven, pieces)
        wet = self._in_frames(coded)
        if len(pieces) == 1:
            return inverses[0](wet)
        back = [undo(wet[:, start:stop]) for undo, (start, stop, _) in zip(inverses, pieces, strict=True)]
        return np.concatenate(back, 1) if back else wet

    def _mixed(self, wet: FloatArray, dry: FloatArray, untouched: FloatArray) -> FloatArray:
        out = np.empty_like(wet)
        for start, stop, settings in self._track.give_out(wet.shape[1]):
            for ramp, share in zip((self._wet_share, self._dry_share), _shares(settings), strict=True):
                ramp.set(share)
            self._output_gain.set(_linear(settings.output_gain_db))
            self._bypass.set(float(settings.bypass))
            n_samples = stop - start
            # Both sums are written so that an end of the range gives back that signal's own samples, bit for bit.
            mixed = dry[:, start:stop] * self._dry_share.factor(n_samples) + wet[
                :, start:stop
            ] * self._wet_share.factor(n_samples)
            mixed *= self._output_gain.factor(n_samples)
            bypass = self._bypass.factor(n_samples)
            out[:, start:stop] = untouched[:, start:stop] * bypass + mixed * (1 - bypass)
        return out

    def _checked(self, block: FloatArray, what: str) -> FloatArray:
        block = check_float_array(block).astype(np.float32, copy=False)
        if block.ndim != 2 or block.shape[0] != self.n_channels:
            raise ValueError(f"{what} has the shape {block.shape}; this stream takes [{self.n_channels}, samples].")
        return block if np.isfinite(block).all() else np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)

    def _take_beside(self, sidechain: FloatArray | None, pieces: list[Piece]) -> None:
        """Bring the side-chain to the codec's rate. Once there was one, there always is: silence, where none is
        given.
        """
        if sidechain is None and self._beside_in is None:
            return
        n_samples = pieces[-1][1] if pieces else 0
        if self._beside_in is None:
            config = self._runtime.config
            self._beside_in = StreamingResampler(self.n_channels, self.sample_rate, config.sample_rate)
            # As late as earlier generations make the sound, and silent until now.
            late = np.zeros((self.n_channels, config.delay_samples * self._frames.n_earlier), np.float32)
            before = self._beside_in.push(np.zeros((self.n_channels, self._track.position - n_samples), np.float32))
            self._beside = np.concatenate([late, before], 1)[:, self._frames.n_frames * config.frame :]
        given = np.zeros((self.n_channels, n_samples), np.float32) if sidechain is None else sidechain
        if self._beside_stereo is not None:
            given, _ = _encoded(self._beside_stereo, given, pieces)
        self._beside = np.concatenate([self._beside, self._beside_in.push(given)], 1)

    def _in_frames(self, coded: FloatArray) -> FloatArray:
        """A block at the host's rate through the codec, frame by frame as they get complete."""
        frames, n_samples = self._bridge.take(coded), coded.shape[1]
        if frames.shape[1]:
            frames = self._process_frames(frames, self._track.position - n_samples)
        return self._bridge.give(frames, n_samples)

    def _process_frames(self, x: FloatArray, began: int) -> FloatArray:
        """Whole frames `[channels, k · frame]` at the codec's rate, through the codec; the block that brought them
        `began` there.
        """
        beside, n_samples = None, x.shape[1]
        if self._beside_in is not None:
            beside, self._beside = self._beside[:, :n_samples], self._beside[:, n_samples:].copy()
        y, reports = self._frames.process(x, beside, self._track.at)
        # Listeners are called here, on the caller's thread, where they may use the effect they listen to.
        for report in reports:
            if self._track.base.moves:
                report = replace(report, moved=self._track.told(report.index, began))
            self.reports.append(report)
            if self._on_report is not None:
                self._on_report(report)
        return y


def _encoded(
    matrix: MidSide, x: FloatArray, pieces: list[Piece]
) -> tuple[FloatArray, list[Callable[[FloatArray], FloatArray]]]:
    """`x` through the matrix as each piece's settings say, and the ways back for what comes out meanwhile."""
    coded, inverses = [], []
    for start, stop, settings in pieces:
        matrix.set(settings.stereo != "linked", settings.stereo != "mono")
        coded.append(matrix.encode(x[:, start:stop]))
        inverses.append(matrix.inverse)
    return (coded[0] if len(coded) == 1 else np.concatenate([x[:, :0], *coded], 1)), inverses


def _linear(gain_db: float) -> float:
    return float(10 ** (gain_db / 20))


def _shares(settings: Settings) -> tuple[float, float]:
    """What wet and dry sound count in what is listened to."""
    if settings.listen == "wet":
        return settings.mix, 1 - settings.mix
    return {"dry": (0.0, 1.0), "difference": (-1.0, 1.0)}.get(settings.listen, (1.0, 0.0))


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
