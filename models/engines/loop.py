"""A stream's memory at work: the loop that encoder and decoder both run, frame by frame.

`lamina.models.network.memory` tells why there is one.

The sender looks for a lag, foresees the frame, codes what is left, and remembers the sum as the loop's layers say it.
The receiver does the same with codes that came. Both remember nothing but what was sent, so they foresee the same,
whatever happens to a frame on its way to the ears.

Frames are always taken one by one, by both sides and for whole files too: a last bit may decide over a code, and codes
over what follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

if TYPE_CHECKING:
    from lamina.models.engines.onnx_engine import OnnxEngine
    from lamina.models.runtime import CodecRuntime

CodeArray = npt.NDArray[np.uint16]
AnyCodes = npt.NDArray[np.integer]
Counts = npt.NDArray[np.integer]
Lags = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LoopState:
    """What a loop remembers; arrays are never changed in place.

    Args:
        latents: as the loop heard them, the newest last, one after the other: `[channels, history · latent]`.
        tail, past: of its sound (`lamina.models.network.memory.MemoryState`).
        lag: the last lag code that came, `[channels]`.
    """

    latents: FloatArray
    tail: FloatArray
    past: FloatArray
    lag: Lags

    def remember(self, heard: FloatArray) -> LoopState:
        """The state after the loop has heard `[channels, latent]`."""
        return LoopState(np.concatenate((self.latents[:, heard.shape[1] :], heard), 1), self.tail, self.past, self.lag)


@dataclass(frozen=True, slots=True)
class _Depths:
    """What the layers of a stretch of frames mean to the loop, worked out at once.

    Args:
        lagged: whether layer 1 is a lag, bool `[channels, frames]`.
        first: row of the codec's entries in which layer 1 is, `[channels, frames]`.
        heard: how many layers the loop hears, `[channels, frames]`.
    """

    lagged: npt.NDArray[np.bool_]
    first: npt.NDArray[np.int64]
    heard: Counts


class Loop(Protocol):
    """One side's loop of one stream, each channel with a memory of its own."""

    def reset(self) -> None:
        """Forget what was heard; the search for lags goes on."""

    def encode(
        self,
        x: FloatArray,
        z: FloatArray,
        counts: Counts,
        widths: npt.NDArray[np.integer],
        guarded: npt.NDArray[np.bool_] | None = None,
        forget_at: int | None = None,
    ) -> tuple[CodeArray, FloatArray]:
        """Samples `[channels, frames · frame]`, their latents `[channels, frames, latent]` → codes and predictions.

        Args:
            counts: layers that are sent, `[channels, frames]`; 0 where a channel is sent nothing.
            widths: candidates followed while codes are chosen, `[frames]` (1: none but the best).
            guarded: frames that are guarded, because some get lost, `[frames]`; none if None.
            forget_at: a frame before which the loop forgets everything.

        Returns codes `[channels, frames, most layers]`, of which a frame's count is meant, and predictions `[channels,
        frames, latent]`.
        """

    def decode(self, codes: AnyCodes, counts: Counts) -> FloatArray:
        """Predictions for codes that were received, as `encode` gives them.

        Codes are `[channels, frames, layers]`; `counts [channels, frames]` of each came, 0 where the frame was lost.
        """

    def receive(self, codes: AnyCodes, count: Counts) -> FloatArray:
        """The prediction `[channels, latent]` for one frame's codes.

        Codes are `[channels, layers]`; `count [channels]` of them came.

        A negative code got lost by itself. A lost frame (count 0) is foreseen with the last lag that came, and
        remembered as foreseen.
        """

    def catch_up(self, predictions: FloatArray, codes: AnyCodes, counts: Counts) -> None:
        """Take over the memory of a loop that heard these frames last: `[channels, frames, …]` as for `decode`.

        What a loop remembers lies in its last `CodecRuntime.loop_frames` latents; earlier ones are forgotten.
        """

    def check(self, foreseen: FloatArray, codes: AnyCodes) -> FloatArray:
        """What this loop would predict for all-layer frames, had the frames before been as given.

        `foreseen [channels, frames, latent]` are the predictions of those frames.
        """


class OnnxLoop:
    """The loop frame by frame through ONNX Runtime's sessions; see `Loop`."""

    def __init__(self, runtime: CodecRuntime, engine: OnnxEngine, n_channels: int) -> None:
        memory = runtime.config.memory
        if memory is None:
            raise ValueError("This codec has no memory.")
        self._runtime, self._engine, self._memory = runtime, engine, memory
        self._each = np.arange(memory.loop_layers)
        self._last_row = len(runtime.entries) - 1
        self._lag_states = engine.lag_state(n_channels)
        self.state = engine.loop_state(n_channels)

    def reset(self) -> None:
        self.state = self._engine.loop_state(len(self.state.lag))

    def encode(
        self,
        x: FloatArray,
        z: FloatArray,
        counts: Counts,
        widths: npt.NDArray[np.integer],
        guarded: npt.NDArray[np.bool_] | None = None,
        forget_at: int | None = None,
    ) -> tuple[CodeArray, FloatArray]:
        engine, frame, loop_layers = self._engine, self._runtime.config.frame, self._memory.loop_layers
        n_channels, n_frames, _ = z.shape
        depths = self._depths(counts)
        most = int(counts.max(initial=1))
        codes = np.zeros((n_channels, n_frames, max(most, loop_layers)), np.uint16)
        predictions, left = np.empty_like(z), np.empty_like(z)
        for index in range(n_frames):
            if index == forget_at:
                self.reset()
            lag = engine.find_lag(x[:, index * frame : (index + 1) * frame], self._lag_states)
            if guarded is not None and guarded[index]:
                lag += self._memory.n_lags
            # Who is sent nothing takes it for lost; so does the sender.
            nothing = counts[:, index] == 0
            # What is remembered is the last lag that was sent, as the receiver knows it.
            lag = np.where(depths.lagged[:, index], lag, self.state.lag)
            prediction, self.state = engine.foresee(lag, depths.lagged[:, index] | nothing, self.state)
            residual = z[:, index] - prediction
            width = int(widths[index])
            if width > 1:
                self._search(residual, counts[:, index], depths.lagged[:, index], width, codes[:, index])
            else:
                left[:, index] = self._quantize(residual, depths.lagged[:, index], codes[:, index])
            codes[:, index, 0] = np.where(depths.lagged[:, index], lag, codes[:, index, 0])
            predictions[:, index] = prediction
            self._hear(prediction, codes[:, index], depths, index)
        greedy = (counts > loop_layers) & (widths == 1)
        if greedy.any():
            codes[greedy, loop_layers:] = engine.quantize_further(left[greedy], most - loop_layers)
        return codes[:, :, :most], predictions

    def decode(self, codes: AnyCodes, counts: Counts) -> FloatArray:
        predictions = np.empty((*counts.shape, self._runtime.config.latent), np.float32)
        for index in range(codes.shape[1]):
            predictions[:, index] = self.receive(codes[:, index], counts[:, index])
        return predictions

    def receive(self, codes: AnyCodes, count: Counts) -> FloatArray:
        depths = self._depths(count[:, None])
        lag = self._lag_of(codes, depths.lagged[:, 0])
        prediction, self.state = self._engine.foresee(lag, depths.lagged[:, 0] | (count == 0), self.state)
        self._hear(prediction, codes, depths, 0)
        return prediction

    def catch_up(self, predictions: FloatArray, codes: AnyCodes, counts: Counts) -> None:
        self.reset()
        depths = self._depths(counts)
        for index in range(codes.shape[1]):
            lag = self._lag_of(codes[:, index], depths.lagged[:, index])
            _, self.state = self._engine.foresee(lag, depths.lagged[:, index], self.state)
            self._hear(predictions[:, index], codes[:, index], depths, index)

    def check(self, foreseen: FloatArray, codes: AnyCodes) -> FloatArray:
        depths = self._depths(np.full(codes.shape[:2], codes.shape[2]))
        found = np.empty_like(foreseen)
        for index in range(codes.shape[1]):
            lag = self._lag_of(codes[:, index], depths.lagged[:, index])
            found[:, index], self.state = self._engine.foresee(lag, depths.lagged[:, index], self.state)
            self._hear(foreseen[:, index], codes[:, index], depths, index)
        return found

    def _depths(self, counts: Counts) -> _Depths:
        heard = np.minimum(counts, self._memory.loop_layers)
        return _Depths(counts >= self._memory.from_layers, self._runtime.first_rows(counts), heard)

    def _lag_of(self, codes: AnyCodes, lagged: npt.NDArray[np.bool_]) -> Lags:
        """A frame's lag codes, or the last ones that came."""
        came = lagged & (codes[:, 0] >= 0)
        return np.where(came, np.minimum(codes[:, 0], 2 * self._memory.n_lags - 1), self.state.lag).astype(np.int64)

    def _hear(self, prediction: FloatArray, codes: AnyCodes, depths: _Depths, index: int) -> None:
        """Remember a frame's quantized latent as the loop's layers say it; the same sum on both sides."""
        sent = codes[:, : self._memory.loop_layers]
        each = self._each[: sent.shape[1]]
        rows = np.minimum(depths.first[:, index, None] + each, self._last_row)
        entries = self._runtime.entries[rows, sent]
        entries *= ((sent >= 0) & (each < depths.heard[:, index, None]))[..., None]
        self.state = self.state.remember(prediction + np.add.reduce(entries, 1))

    def _quantize(self, residual: FloatArray, lagged: npt.NDArray[np.bool_], codes: CodeArray) -> FloatArray:
        """Put the codes of the loop's layers into `codes [channels, layers]`; returns what they leave over."""
        fine, left = self._engine.quantize_first(residual)
        codes[:, 1 : 1 + fine.shape[1]] = fine
        if not lagged.all():
            coarse = self._engine.quantize_coarse(residual[~lagged])
            codes[~lagged] = 0
            codes[~lagged, : coarse.shape[1]] = coarse
        return left

    def _search(
        self, residual: FloatArray, count: Counts, lagged: npt.NDArray[np.bool_], width: int, codes: CodeArray
    ) -> None:
        """Put the codes of all layers into `codes [channels, layers]` by the wider search."""
        if lagged.any():
            found = self._engine.quantize(residual[lagged], count[lagged].astype(np.int64) - 1, width, coarse=False)
            codes[lagged, 1 : 1 + found.shape[1]] = found
        if not lagged.all():
            found = self._engine.quantize(residual[~lagged], count[~lagged].astype(np.int64), width, coarse=True)
            codes[~lagged, : found.shape[1]] = found
