"""Encoder, quantizer and memory of one generation of a stream, with their state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.runtime import CodeArray, CodecRuntime
from lamina.plugin.desk.desk import Counts


class Coder:
    """Encoder, quantizer and, where the codec has one, memory of one generation of a stream.

    Args:
        runtime: the codec, shared.
        n_channels: channels of every call.
        forget_at: a frame before which the memory forgets everything.
    """

    def __init__(self, runtime: CodecRuntime, n_channels: int, forget_at: int | None = None) -> None:
        self._runtime, self._forget_at = runtime, forget_at
        self._state = runtime.encoder_state(n_channels)
        self._loop = runtime.loop(n_channels)
        self._n_frames = 0

    def hear(self, x: FloatArray) -> FloatArray:
        """Encode samples `[channels, frames · frame]` to latents.

        Stretches are heard one after the other, and may be before others are coded.
        """
        z, self._state = self._runtime.encode(x, self._state)
        return z

    def encode(
        self,
        x: FloatArray,
        z: FloatArray,
        counts: Counts,
        widths: npt.NDArray[np.int64],
        guarded: npt.NDArray[np.bool_],
    ) -> tuple[CodeArray, FloatArray | None]:
        """Code latents, with the samples `[channels, frames · frame]` that they are of.

        Gives codes of as many layers as any frame sends, and what memory foresaw.

        `counts [channels, frames]` are the layers that each frame sends, `widths [frames]` the candidates followed
        while codes are chosen, `guarded [frames]` whether frames get lost on the way, so that the memory leans less on
        what came before.
        """
        if self._loop is None:
            return self._codes(z, counts, widths), None
        forget = None if self._forget_at is None else self._forget_at - self._n_frames
        self._n_frames += z.shape[1]
        return self._loop.encode(x, z, counts, widths, guarded, forget)

    def _codes(self, z: FloatArray, counts: Counts, widths: npt.NDArray[np.int64]) -> CodeArray:
        most = max(1, int(counts.max(initial=1)))
        codes = np.zeros((*counts.shape, most), np.uint16)
        for width in np.unique(widths).tolist():
            chosen = widths == width
            rows, sent = z[:, chosen].reshape(-1, z.shape[2]), counts[:, chosen].reshape(-1)
            found = self._runtime.quantize(rows, sent, width)
            codes[:, chosen, : found.shape[1]] = found.reshape(len(codes), -1, found.shape[1])
        return codes
