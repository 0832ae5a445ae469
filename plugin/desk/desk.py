"""The whole desk: what the encoder sent goes in, latents for the decoder come out.

Frames whose codes nobody alters take a short way, whole stretches at a time, and give the same numbers as without a desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lamina.models.runtime import CodecRuntime, Codes
from lamina.plugin.desk.bend import Bend
from lamina.plugin.desk.channel import Channel
from lamina.plugin.desk.echo import Echo
from lamina.plugin.desk.frame import CodedFrame, coded_frames
from lamina.plugin.desk.freeze import Freeze
from lamina.plugin.desk.slices import Slices
from lamina.plugin.layouts import FloatArray
from lamina.plugin.settings import Settings

Counts = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sent:
    """What the encoder sent of a stretch of frames.

    Args:
        codes: uint16 `[channels, frames, layers]`.
        counts: uint8 `[channels, frames]`: how many layers of each frame were sent.
        rms, peak: of each frame's input, loudest channel, `[frames]`.
        first: number of the first frame.
    """

    codes: Codes
    counts: Counts
    rms: npt.NDArray[np.float32]
    peak: npt.NDArray[np.float32]
    first: int


@dataclass(frozen=True)
class Played:
    """What the decoder is to play.

    Args:
        latents: `[channels, frames, latent]`.
        peaks, levels, altered: of each frame, for the guard.
    """

    latents: FloatArray
    peaks: list[float]
    levels: list[float]
    altered: list[bool]


class Desk:
    """One stream's desk, with the memory of all its effects."""

    def __init__(self, runtime: CodecRuntime) -> None:
        self._runtime = runtime
        self._n_layers = runtime.config.layers
        self._rows = np.arange(self._n_layers)
        self.channel, self.slices, self.echo, self.freeze = Channel(), Slices(), Echo(), Freeze()
        # Likeness is worked out when it is first asked for.
        self._bend: Bend | None = None

    def play(self, sent: Sent, settings: Sequence[Settings]) -> Played:
        """Frames through the desk, each with its own settings."""
        n_frames = sent.codes.shape[1]
        frames = coded_frames(sent.codes, sent.counts, self._n_layers, sent.rms, sent.peak)
        latents = np.empty((len(sent.codes), n_frames, self._runtime.config.latent), np.float32)
        peaks, levels, altered = [frame.peak for frame in frames], [1.0] * n_frames, [False] * n_frames
        start = 0
        while start < n_frames:
            stop = start
            while stop < n_frames and self._leaves_alone(frames[stop], settings[stop]):
                self._note(frames[stop])
                stop += 1
            if stop > start:
                latents[:, start:stop] = self.sum_up(sent.codes[:, start:stop], sent.counts[:, start:stop])
                start = stop
                continue
            latents[:, start], peaks[start], levels[start] = self._step(frames[start], settings[start], sent.first + start)
            altered[start] = True
            start += 1
        return Played(latents, peaks, levels, altered)

    def sum_up(self, codes: Codes, counts: Counts, layers: int | None = None) -> FloatArray:
        """Sums of the entries of codes as they were sent (of the first `layers` at most), `[channels, frames, latent]`."""
        counts = counts if layers is None else np.minimum(counts, layers)
        least, most = int(counts.min(initial=self._n_layers)), int(counts.max(initial=0))
        if least == most and most > 0:
            return self._runtime.dequantize(codes[:, :, :most])
        z = np.zeros((*counts.shape, self._runtime.config.latent), np.float32)
        for layer in range(most):
            z += self._runtime.entries[layer][codes[..., layer]] * (counts > layer)[..., None]
        return z

    def _leaves_alone(self, frame: CodedFrame, settings: Settings) -> bool:
        return not settings.alters_codes and self.freeze.is_at_rest and frame.layers > 0

    def _note(self, frame: CodedFrame) -> None:
        for effect in (self.channel, self.slices, self.echo, self.freeze):
            effect.note(frame)

    def _step(self, frame: CodedFrame, settings: Settings, index: int) -> tuple[FloatArray, float, float]:
        """One frame through everything: its latent `[channels, latent]`, its input's peak, and its level."""
        frame = self.channel.step(frame, settings, index)
        if settings.bend != "off":
            if self._bend is None:
                self._bend = Bend(self._runtime.likeness)
            frame = self._bend.step(frame, settings, index)
        frame = self.echo.step(self.slices.step(frame, settings), settings)
        live, held, share = self.freeze.step(frame, settings)
        gains = settings.heard_gains
        if held is None:
            return self._latent(live, gains), live.peak, live.level
        if share == 1.0:
            return self._latent(held, gains), held.peak, held.level
        latent = (1 - np.float32(share)) * self._latent(live, gains) + np.float32(share) * self._latent(held, gains)
        return latent, max(live.peak, held.peak), (1 - share) * live.level + share * held.level

    def _latent(self, frame: CodedFrame, gains: FloatArray | None) -> FloatArray:
        entries = self._runtime.entries[self._rows, frame.codes]  # an absent code, −1, finds the last entry, which then counts nothing
        weights = (frame.codes >= 0).astype(np.float32)
        if gains is not None:
            weights *= gains
        entries *= weights[..., None]
        total: FloatArray = np.add.reduce(entries, 1)
        return total
