"""Frames at the codec's own rate: a sender with encoder and quantizer, a receiver with desk and decoder.

Each has the state of one stream.

The two share nothing but what is sent, so they may be at work at once (a receiver on one thread while the sender
encodes what follows), or far apart: what they make of a stream is the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.dsp.offset import OffsetRemover
from lamina.models.runtime import CodeArray, CodecRuntime
from lamina.plugin.desk.desk import Counts, Desk, Sent, sum_up
from lamina.plugin.desk.guard import Guard
from lamina.plugin.parameters.motion import FLOOR_DB
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.coder import Coder
from lamina.plugin.stream.reports import FrameReport
from lamina.plugin.stream.two_pass import FollowedPlan, LayerPlan, Survey
from lamina.plugin.stream.variable_rate import VariableRate, runs
from lamina.plugin.stream.voices import Decoding, ToDecode

LONG_CALL_FRAMES = 100
"""Frames above which a call is cut into stretches."""
GUARDED_FRAMES = 40
"""For so long after the last chance of a loss frames are guarded."""
VOICE_RAMP_SECONDS = 0.02
SIDE_FADES_FRAMES = 3
"""For so long after the change to mono the side is still sent, because it fades out."""


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A stretch of frames on its way from sender to receiver.

    Args:
        sent: the codes.
        settings: of each frame.
        unquantized: latents before quantization, `[channels, frames, latent]`, for who listens where the sender is;
            None elsewhere.
    """

    sent: Sent
    settings: Sequence[Settings]
    unquantized: FloatArray | None = None

    @property
    def n_frames(self) -> int:
        """Frames of each channel."""
        return int(self.sent.codes.shape[1])


@dataclass(frozen=True, kw_only=True)
class Encoded(Coded):
    """The same with what is known where it was encoded.

    Args:
        input_rms: `[channels, frames]`.
        n_sent: channels that are sent of each frame.
        seconds: that it took.
    """

    input_rms: FloatArray
    n_sent: Sequence[int]
    seconds: float

    def after(self, n_frames: int, n_left_out: int) -> Encoded:
        """Without its first frames, and counted without those that are left out of the stream."""
        rest = slice(n_frames, self.n_frames)
        sent = self.sent.part(rest)
        return replace(
            self,
            sent=replace(sent, first=sent.first - n_left_out),
            settings=self.settings[rest],
            unquantized=None if self.unquantized is None else self.unquantized[:, rest],
            input_rms=self.input_rms[:, rest],
            n_sent=self.n_sent[rest],
        )


class FrameSender:
    """Samples at the codec's rate → what is sent of them.

    Args:
        runtime: the codec, shared.
        n_channels: channels of every call.
        settings: as they stand before the first frame; `passes` stays so.
        forget_at: a frame before which the last generation's memory forgets everything: where a receiver begins to
            hear.
        plan: that says how many layers frames send, whatever a variable bitrate would.
        survey: told of every frame, for such a plan.
    """

    def __init__(
        self,
        runtime: CodecRuntime,
        n_channels: int,
        settings: Settings,
        forget_at: int | None = None,
        plan: LayerPlan | None = None,
        survey: Survey | None = None,
    ) -> None:
        config = runtime.config
        self.runtime, self.n_channels = runtime, n_channels
        self.n_frames = 0
        """Frames encoded so far."""
        self._coder = Coder(runtime, n_channels, forget_at)
        self._beside: Coder | None = None
        # Of a constant the decoder makes a hum at the frame rate.
        self._offset, self._offset_beside = (
            OffsetRemover(n_channels, config.sample_rate, config.frame) for _ in range(2)
        )
        self._n_mono = SIDE_FADES_FRAMES if settings.stereo == "mono" else 0
        self._earlier = [
            (Coder(runtime, n_channels), runtime.decoder_state(n_channels)) for _ in range(settings.passes - 1)
        ]
        self._n_since_losses = GUARDED_FRAMES
        self._variable: VariableRate | None = None
        self._plan, self._survey = None if plan is None else FollowedPlan(plan), survey

    @property
    def n_earlier(self) -> int:
        """Generations before the last one."""
        return len(self._earlier)

    def encode(
        self, x: FloatArray, beside: FloatArray | None, settings_at: Callable[[int], Settings]
    ) -> Iterator[Encoded]:
        """Whole frames `[channels, k · frame]`, and the side-chain's if there is one → what is sent of them.

        A long call comes stretch by stretch, and the encoder is ahead of what is done with the last one.
        """
        size = LONG_CALL_FRAMES * self.runtime.config.frame
        x, beside = self._without_offset(x, beside)
        if x.shape[1] <= size:
            if x.shape[1]:
                yield self._encode(x, beside, settings_at)
            return
        parts = [slice(start, start + size) for start in range(0, x.shape[1], size)]
        with ThreadPoolExecutor(1) as encoder:
            ahead = [None if self._earlier else encoder.submit(self._coder.hear, x[:, part]) for part in parts]
            try:
                for part, latents in zip(parts, ahead, strict=True):
                    with_it = None if beside is None else beside[:, part]
                    heard = None if latents is None else latents.result()
                    yield self._encode(x[:, part], with_it, settings_at, heard)
            finally:
                # Who stops listening does not wait for the rest.
                encoder.shutdown(cancel_futures=True)

    def _without_offset(self, x: FloatArray, beside: FloatArray | None) -> tuple[FloatArray, FloatArray | None]:
        return self._offset.push(x), None if beside is None else self._offset_beside.push(beside)

    def _encode(
        self,
        x: FloatArray,
        beside: FloatArray | None,
        settings_at: Callable[[int], Settings],
        latents: FloatArray | None = None,
    ) -> Encoded:
        """A stretch without an offset; `latents` are its own if the encoder has already heard it."""
        started = time.perf_counter()
        n_frames = x.shape[1] // self.runtime.config.frame
        settings = [settings_at(self.n_frames + frame) for frame in range(n_frames)]
        rms, peak = frame_levels(x, n_frames)
        loudest = rms.max(0)
        counts = np.empty((self.n_channels, n_frames), np.uint8)
        for frame, (s, level) in enumerate(zip(settings, loudest.tolist(), strict=True)):
            counts[:, frame] = _layers(s, level)
            if self.n_channels == 2 and s.stereo == "mid-side":
                counts[1, frame] = s.side_layers
        widths = np.array([s.search for s in settings])
        guarded = self._guarded(settings)
        for index, (coder, decoder) in enumerate(self._earlier):
            codes, predictions = coder.encode(x, coder.hear(x), counts, widths, guarded)
            summed = sum_up(self.runtime, Sent(codes, counts, loudest, loudest, self.n_frames, predictions))
            x, decoder = self.runtime.decode(summed, decoder, 0.0, counts)
            self._earlier[index] = coder, decoder
        z = self._coder.hear(x) if latents is None else latents
        counts = self._shared_out(x, z, counts, guarded, settings)
        codes, predictions = self._coder.encode(x, z, counts, widths, guarded)
        if self._survey is not None:
            self._survey.note(x, z, predictions, counts)
        crossed = None
        if beside is not None:
            crossed = np.array([s.cross_layers < codes.shape[2] for s in settings])
            codes, predictions = self._crossed(codes, predictions, beside, counts, widths, guarded, settings)
        n_sent = [self._n_sent(s) for s in settings]
        first, self.n_frames = self.n_frames, self.n_frames + n_frames
        sent = Sent(codes, counts, loudest, peak.max(0), first, predictions, crossed)
        return Encoded(
            sent=sent,
            settings=settings,
            unquantized=z,
            input_rms=rms,
            n_sent=n_sent,
            seconds=time.perf_counter() - started,
        )

    def _guarded(self, settings: Sequence[Settings]) -> npt.NDArray[np.bool_]:
        """Frames in which the memory leans less on what came before, `[frames]`.

        While some get lost, and until that is forgotten.
        """
        guarded = np.zeros(len(settings), bool)
        for index, s in enumerate(settings):
            self._n_since_losses = 0 if s.frame_loss > 0 or s.layer_loss > 0 else self._n_since_losses + 1
            guarded[index] = self._n_since_losses < GUARDED_FRAMES
        return guarded

    def _shared_out(
        self,
        x: FloatArray,
        z: FloatArray,
        counts: Counts,
        guarded: npt.NDArray[np.bool_],
        settings: Sequence[Settings],
    ) -> Counts:
        """The last generation's counts, with those of frames at a variable bitrate as hard as the frames are."""
        if self._plan is not None:
            return self._plan.counts(counts)
        if not any(s.variable_rate for s in settings):
            self._variable = None
            return counts
        shared = counts.copy()
        for is_variable, part in runs([s.variable_rate for s in settings]):
            if not is_variable:
                self._variable = None
                continue
            if self._variable is None:
                self._variable = VariableRate(self.runtime, self.n_channels)
            frame = self.runtime.config.frame
            samples = x[:, part.start * frame : part.stop * frame]
            shared[:, part] = self._variable.counts(samples, z[:, part], counts[:, part], guarded[part])
        return shared

    def _n_sent(self, settings: Settings) -> int:
        """Channels that are really sent.

        In mono the side is silence, which the receiver's decoder is given without being told.
        """
        self._n_mono = self._n_mono + 1 if settings.stereo == "mono" else 0
        return 1 if self.n_channels == 2 and self._n_mono > SIDE_FADES_FRAMES else self.n_channels

    def _crossed(
        self,
        codes: CodeArray,
        predictions: FloatArray | None,
        beside: FloatArray,
        counts: Counts,
        widths: npt.NDArray[np.int64],
        guarded: npt.NDArray[np.bool_],
        settings: Sequence[Settings],
    ) -> tuple[CodeArray, FloatArray | None]:
        """Codes with the side-chain's in the layers that are not the sound's own; what was foreseen goes with layer 1.

        Each sound's memory goes on from what was coded of itself.
        """
        if self._beside is None:
            self._beside = Coder(self.runtime, self.n_channels)
        others, foreseen = self._beside.encode(beside, self._beside.hear(beside), counts, widths, guarded)
        own = np.array([s.cross_layers for s in settings])
        codes = np.where(np.arange(codes.shape[2]) < own[:, None], codes, others)
        if predictions is not None and foreseen is not None:
            predictions = np.where((own > 0)[:, None], predictions, foreseen)
        return codes, predictions


class FrameReceiver:
    """What was sent → samples at the codec's rate, by way of the desk.

    Args:
        runtime: the codec, shared.
        n_channels: channels of every call.
        settings: as they stand before the first frame.
    """

    def __init__(self, runtime: CodecRuntime, n_channels: int, settings: Settings) -> None:
        self.runtime, self.n_channels = runtime, n_channels
        self._desk, self._guard = Desk(runtime), Guard()
        ramp = round(runtime.config.sample_rate * VOICE_RAMP_SECONDS)
        self._decoding = Decoding(runtime, n_channels, ramp, _voice(settings))

    def decode(self, coded: Coded) -> FloatArray:
        """Samples `[channels, k · frame]`."""
        sent, settings = coded.sent, coded.settings
        played = self._desk.play(sent, settings)
        denoise = np.array([s.denoise for s in settings], np.float32)
        postfilter = np.array([s.postfilter for s in settings], np.float32)
        parts, start = [], 0
        for (voice, layer), group in groupby(settings, lambda s: (_voice(s), s.listen_layer)):
            stop = start + sum(1 for _ in group)
            part = slice(start, stop)
            heard = sent.part(part)
            parts.append(
                self._decoding.decode(
                    ToDecode(
                        played.latents[:, part],
                        played.layers[:, part],
                        denoise[part],
                        postfilter[part],
                        voice,
                        lambda n_layers, heard=heard: sum_up(self.runtime, heard, n_layers),  # type: ignore[misc]
                        heard.counts,
                        layer,
                        None if coded.unquantized is None else coded.unquantized[:, part],
                    )
                )
            )
            start = stop
        y = parts[0] if len(parts) == 1 else np.concatenate(parts, 1)
        turned = [self.n_channels == 2 and s.stereo != "linked" for s in settings]
        return self._guard.pass_on(y, played.peaks, played.levels, played.altered, turned)


def frame_levels(x: FloatArray, n_frames: int) -> tuple[FloatArray, FloatArray]:
    """RMS and peak of each frame, `[channels, frames]`."""
    frames = x.reshape(len(x), n_frames, -1)
    return _rms(frames), np.abs(frames).max(-1)


def _rms(frames: FloatArray) -> FloatArray:
    rms: FloatArray = np.sqrt(np.einsum("cfn,cfn->cf", frames, frames) / np.float32(frames.shape[2]))
    return rms


def reports_of(runtime: CodecRuntime, encoded: Encoded, y: FloatArray, decode_seconds: float) -> list[FrameReport]:
    """One report for each frame of a stretch and its decoded samples."""
    sent = encoded.sent
    n_frames = sent.codes.shape[1]
    output_rms = _rms(y.reshape(len(y), n_frames, -1))
    each = np.arange(sent.codes.shape[2])
    first = runtime.first_rows(sent.counts)
    rows = each if not first.any() else np.minimum(first[..., None] + each, len(runtime.energies) - 1)
    energy = runtime.energies[rows, sent.codes]
    if sent.predictions is not None:
        # What a lag adds is what it lets the codec foresee.
        foreseen = np.einsum("cfd,cfd->cf", sent.predictions, sent.predictions)
        energy[..., 0] = foreseen if rows is each else np.where(first == 0, foreseen, energy[..., 0])
    if sent.counts.min() < len(each):
        energy *= each < sent.counts[..., None]
    seconds = (encoded.seconds + decode_seconds) / n_frames
    bits = runtime.summed_bits.tolist()
    reports = []
    for frame, counts in enumerate(sent.counts.T.tolist()):
        layers, of_sent = max(counts), counts[: encoded.n_sent[frame]]
        reports.append(
            FrameReport(
                sent.first + frame,
                layers,
                sent.codes[:, frame, :layers],
                energy[:, frame, :layers],
                encoded.input_rms[:, frame],
                output_rms[:, frame],
                seconds,
                sum(bits[count] for count in of_sent),
                counts=tuple(of_sent),
            )
        )
    return reports


def _layers(settings: Settings, rms: float) -> int:
    """How many layers a frame of that level sends."""
    follow = settings.loudness_layers
    if not follow:
        return settings.layers
    loud = min(max(1 - 20 * math.log10(rms + 1e-9) / FLOOR_DB, 0.0), 1.0)
    taken = follow * (1 - loud) if follow > 0 else -follow * loud
    return max(1, round(1 + (settings.layers - 1) * (1 - taken)))


def _voice(settings: Settings) -> str:
    """What is listened to instead of the sound itself, for the decoder."""
    if settings.listen in ("layer", "latent"):
        return settings.listen
    return "noise" if settings.noise_only else ""
