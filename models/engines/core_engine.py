"""The engine of the compiled core (`lamina.models.engines.core`).

States are plain rows of floats, one channel after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.bundles.bundle import Bundle
from lamina.models.engines.core import Core, read_codebooks

if TYPE_CHECKING:
    from lamina.models.runtime import CodecRuntime

CodeArray = npt.NDArray[np.uint16]
AnyCodes = npt.NDArray[np.integer]
Counts = npt.NDArray[np.integer]
State = list[FloatArray]


class CoreEngine:
    """See `lamina.models.engines.engine.Engine`.

    Args:
        bundle: whose networks are computed.
        instructions: the instruction set, as for `Core`.
    """

    def __init__(self, bundle: Bundle, instructions: str | None = None) -> None:
        self._config = bundle.config
        self.codebooks, self.bases = read_codebooks(bundle)
        self._core = Core(bundle, self.codebooks, self.bases, instructions)
        self.name = f"core ({self._core.instructions})"

    def learn(self, example: FloatArray) -> None:
        """The core computes the same everywhere and for any cutting."""

    def encoder_state(self, n_channels: int) -> State:
        return [np.zeros((n_channels, self._core.sizes.encoder), np.float32)]

    def decoder_state(self, n_channels: int) -> State:
        return [np.zeros((n_channels, self._core.sizes.decoder), np.float32)]

    def encode(self, x: FloatArray, state: State) -> tuple[FloatArray, State]:
        x, after = np.ascontiguousarray(x, np.float32), state[0].copy()
        z = np.empty((len(x), x.shape[1] // self._config.frame, self._config.latent), np.float32)
        for channel in range(len(x)):
            self._core.encode(x[channel], after[channel], z[channel])
        return z, [after]

    def decode(
        self, z: FloatArray, denoise: FloatArray, layers: npt.NDArray[np.int64], state: State
    ) -> tuple[FloatArray, State]:
        z, denoise, after = (
            np.ascontiguousarray(z, np.float32),
            np.ascontiguousarray(denoise, np.float32),
            state[0].copy(),
        )
        told = np.ascontiguousarray(layers, np.int32)
        y = np.empty((len(z), z.shape[1] * self._config.frame), np.float32)
        for channel in range(len(z)):
            self._core.decode(z[channel], denoise[channel], told[channel], after[channel], y[channel])
        return y, [after]

    def quantize(self, rows: FloatArray, counts: Counts, width: int, coarse: bool) -> CodeArray:
        codes = np.zeros((len(rows), int(counts.max(initial=0))), np.int32)
        self._core.quantize(
            np.ascontiguousarray(rows, np.float32), np.ascontiguousarray(counts, np.int32), width, coarse, codes
        )
        return codes.astype(np.uint16)

    def loop(self, runtime: CodecRuntime, n_channels: int) -> CoreLoop:
        if self._config.memory is None:
            raise ValueError("This codec has no memory.")
        return CoreLoop(self._core, n_channels, self._config.latent, self._config.frame)

    def postfilter(self, n_channels: int) -> CorePostfilter:
        return CorePostfilter(self._core, n_channels)


class CorePostfilter:
    """One stream's postfilter; see `lamina.models.engines.postfilter.Postfilter`."""

    def __init__(self, core: Core, n_channels: int) -> None:
        self._core = core
        self._state = np.zeros((n_channels, core.sizes.postfilter), np.float32)

    def pass_on(self, audio: FloatArray, strengths: FloatArray, kbps: FloatArray) -> FloatArray:
        filtered = audio.astype(np.float32, order="C", copy=True)
        done = np.ascontiguousarray(strengths, np.float32)
        sent = np.ascontiguousarray(kbps, np.float32)
        for channel in range(len(filtered)):
            self._core.postfilter(done, sent[channel], self._state[channel], filtered[channel])
        return filtered


class CoreLoop:
    """One side's loop of one stream; see `lamina.models.engines.loop.Loop`."""

    def __init__(self, core: Core, n_channels: int, n_latent: int, frame: int) -> None:
        self._core, self._n_latent, self._frame = core, n_latent, frame
        self._lags = np.zeros((n_channels, core.sizes.lags), np.float32)
        self._state = np.zeros((n_channels, core.sizes.loop), np.float32)

    def reset(self) -> None:
        self._state = np.zeros_like(self._state)

    def encode(
        self,
        x: FloatArray,
        z: FloatArray,
        counts: Counts,
        widths: npt.NDArray[np.integer],
        guarded: npt.NDArray[np.bool_] | None = None,
        forget_at: int | None = None,
    ) -> tuple[CodeArray, FloatArray]:
        n_channels, n_frames, _ = z.shape
        if x.shape != (n_channels, n_frames * self._frame):
            raise ValueError(f"Samples {x.shape} don't fit {n_frames} frames of {n_channels} channels.")
        x, z = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(z, np.float32)
        sent, followed = np.ascontiguousarray(counts, np.int32), np.ascontiguousarray(widths, np.int32)
        careful = np.zeros(n_frames, np.int32) if guarded is None else np.ascontiguousarray(guarded, np.int32)
        codes = np.zeros((n_channels, n_frames, int(counts.max(initial=1))), np.int32)
        predictions = np.empty_like(z)
        edges = [0, n_frames] if forget_at is None or not 0 <= forget_at < n_frames else [0, forget_at, n_frames]
        for start, stop in zip(edges, edges[1:], strict=False):
            if start == forget_at:
                self.reset()
            part = slice(start, stop)
            for channel in range(n_channels):
                self._core.send(
                    x[channel, start * self._frame : stop * self._frame],
                    z[channel, part],
                    sent[channel, part],
                    followed[part],
                    careful[part],
                    self._lags[channel],
                    self._state[channel],
                    codes[channel, part],
                    predictions[channel, part],
                )
        return codes.astype(np.uint16), predictions

    def decode(self, codes: AnyCodes, counts: Counts) -> FloatArray:
        return self._receive(codes, counts, None, conceal=True)

    def receive(self, codes: AnyCodes, count: Counts) -> FloatArray:
        return self._receive(codes[:, None], count[:, None], None, conceal=True)[:, 0]

    def catch_up(self, predictions: FloatArray, codes: AnyCodes, counts: Counts) -> None:
        self.reset()
        self._receive(codes, counts, predictions, conceal=False)

    def check(self, foreseen: FloatArray, codes: AnyCodes) -> FloatArray:
        return self._receive(codes, np.full(codes.shape[:2], codes.shape[2]), foreseen, conceal=False)

    def _receive(self, codes: AnyCodes, counts: Counts, given: FloatArray | None, conceal: bool) -> FloatArray:
        came, sent = np.ascontiguousarray(codes, np.int32), np.ascontiguousarray(counts, np.int32)
        remembered = None if given is None else np.ascontiguousarray(given, np.float32)
        predictions = np.empty((*sent.shape, self._n_latent), np.float32)
        for channel in range(len(came)):
            self._core.receive(
                came[channel],
                sent[channel],
                None if remembered is None else remembered[channel],
                conceal,
                self._state[channel],
                predictions[channel],
            )
        return predictions
