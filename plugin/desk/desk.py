"""The whole desk: what the encoder sent goes in, latents for the decoder come out.

Frames whose codes nobody alters take a short way, whole stretches at a time, and give the same numbers as without a
desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.runtime import CodeArray, CodecRuntime
from lamina.plugin.desk.chain import CHAIN
from lamina.plugin.desk.effect import CodeEffect
from lamina.plugin.desk.frame import CodedFrame, coded_frames
from lamina.plugin.parameters.settings import Settings

Counts = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sent:
    """What the encoder sent of a stretch of frames.

    Args:
        codes: uint16 `[channels, frames, layers]`.
        counts: uint8 `[channels, frames]`: how many layers of each frame were sent.
        rms, peak: of each frame's input, loudest channel, `[frames]`.
        first: number of the first frame.
        predictions: what the codec's memory foresaw, `[channels, frames, latent]`; codes add to that. None without a
            memory.
        crossed: frames whose layers come from two sounds: no receiver's loop could foresee them, `[frames]`. None if
            there are none.
    """

    codes: CodeArray
    counts: Counts
    rms: npt.NDArray[np.float32]
    peak: npt.NDArray[np.float32]
    first: int
    predictions: FloatArray | None = None
    crossed: npt.NDArray[np.bool_] | None = None

    def part(self, frames: slice) -> Sent:
        """Some of the frames."""
        if frames.start == 0 and frames.stop == self.codes.shape[1]:
            return self
        predictions = None if self.predictions is None else self.predictions[:, frames]
        codes, counts = self.codes[:, frames], self.counts[:, frames]
        crossed = None if self.crossed is None else self.crossed[frames]
        return Sent(codes, counts, self.rms[frames], self.peak[frames], self.first + frames.start, predictions, crossed)


@dataclass(frozen=True)
class Played:
    """What the decoder is to play.

    Args:
        latents: `[channels, frames, latent]`.
        layers: how many each is made of, `[channels, frames]`.
        peaks, levels, altered: of each frame, for the guard.
    """

    latents: FloatArray
    layers: Counts
    peaks: list[float]
    levels: list[float]
    altered: list[bool]


class Desk:
    """One stream's desk, with the memory of all its effects."""

    def __init__(self, runtime: CodecRuntime) -> None:
        self._runtime = runtime
        self._n_layers = runtime.config.layers
        self._effects = [effect(runtime) for effect in CHAIN]
        # Each frame asks these; the others never have anything that goes on.
        self._lasting = [effect for effect in self._effects if type(effect).is_at_rest is not CodeEffect.is_at_rest]

    def play(self, sent: Sent, settings: Sequence[Settings]) -> Played:
        """Frames through the desk, each with its own settings."""
        n_frames = sent.codes.shape[1]
        first = None if sent.predictions is None else self._runtime.first_rows(sent.counts)
        frames = coded_frames(sent.codes, sent.counts, self._n_layers, sent.rms, sent.peak, sent.predictions, first)
        if sent.crossed is not None:
            frames = [
                replace(frame, crossed=bool(crossed)) for frame, crossed in zip(frames, sent.crossed, strict=True)
            ]
        latents = np.empty((len(sent.codes), n_frames, self._runtime.config.latent), np.float32)
        layers = sent.counts.copy()
        peaks, levels, altered = [frame.peak for frame in frames], [1.0] * n_frames, [False] * n_frames
        start = 0
        while start < n_frames:
            stop = start
            while stop < n_frames and self._leaves_alone(frames[stop], settings[stop]):
                self._note(frames[stop])
                stop += 1
            if stop > start:
                latents[:, start:stop] = sum_up(self._runtime, sent.part(slice(start, stop)))
                start = stop
                continue
            latents[:, start], layers[:, start], peaks[start], levels[start] = self._step(
                frames[start], settings[start], sent.first + start
            )
            altered[start] = True
            start += 1
        return Played(latents, layers, peaks, levels, altered)

    def _leaves_alone(self, frame: CodedFrame, settings: Settings) -> bool:
        if settings.alters_codes or frame.layers == 0:
            return False
        return all(effect.is_at_rest for effect in self._lasting)

    def _note(self, frame: CodedFrame) -> None:
        for effect in self._effects:
            effect.note(frame)

    def _step(self, frame: CodedFrame, settings: Settings, index: int) -> tuple[FloatArray, Counts, float, float]:
        """Take one frame through everything.

        Returns its latent `[channels, latent]`, how many layers it has, its input's peak, and its level.
        """
        for effect in self._effects:
            frame = effect.step(frame, settings, index)
        return self._latent(frame, settings.heard_gains), frame.n_present, frame.peak, frame.level

    def _latent(self, frame: CodedFrame, gains: FloatArray | None) -> FloatArray:
        if frame.other is None:
            return self._summed(frame, gains)
        share = np.float32(frame.other_share)
        mixed: FloatArray = (1 - share) * self._summed(frame, gains) + share * self._latent(frame.other, gains)
        return mixed

    def _summed(self, frame: CodedFrame, gains: FloatArray | None) -> FloatArray:
        table = self._runtime.entries
        # An absent code, −1, finds the last entry, which then counts nothing.
        entries = table[np.minimum(frame.rows, len(table) - 1), frame.codes]
        weights = (frame.codes >= 0).astype(np.float32)
        if gains is not None:
            weights *= gains
        entries *= weights[..., None]
        total: FloatArray = np.add.reduce(entries, 1)
        if frame.prediction is not None:
            # Where layer 1 is a lag, what it adds is the prediction; elsewhere that comes with any code.
            heard = np.where(frame.foreseen_by_lag, weights[:, 0], (frame.codes >= 0).any(1))
            total = total + frame.prediction * heard.astype(np.float32)[:, None]
        nothing = ~weights.any(1)
        if nothing.any():
            total[nothing] = self._runtime.silence
        return total


def sum_up(runtime: CodecRuntime, sent: Sent, layers: int | None = None) -> FloatArray:
    """Quantized latents of frames as they were sent (of their first `layers` at most), `[channels, frames, latent]`."""
    if sent.predictions is None:
        latents = runtime.dequantize(sent.codes, sent.counts if layers is None else np.minimum(sent.counts, layers))
    else:
        latents = sent.predictions + runtime.dequantize(sent.codes, sent.counts, layers)
    if not sent.counts.all():
        # A channel that is sent nothing plays nothing, whatever was foreseen of it.
        latents[sent.counts == 0] = runtime.silence
    return latents
