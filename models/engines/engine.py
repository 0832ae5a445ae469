"""What computes a bundle's networks: the compiled core where there is one, ONNX Runtime otherwise.

Both do the same within rounding, and each is the same for any cutting of a stream. Only the core is also the same on
every processor. A stream is best coded and decoded by one of them: what the other foresees differs in the last bits.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, Protocol, cast, get_args

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.bundles.bundle import Bundle, BundleError
from lamina.models.engines.loop import Loop

if TYPE_CHECKING:
    from lamina.models.runtime import CodecRuntime

EngineName = Literal["core", "onnx"]
VARIABLE = "LAMINA_ENGINE"
"""Environment variable that asks for an engine by its name."""

CodeArray = npt.NDArray[np.uint16]
State = list[FloatArray]


class AnyPostfilter(Protocol):
    """One stream's postfilter, whichever computes it."""

    def pass_on(self, audio: FloatArray, strengths: FloatArray, kbps: FloatArray) -> FloatArray:
        """As `lamina.models.engines.postfilter.Postfilter.pass_on`."""


class Engine(Protocol):
    """Encoder, quantizer, memory and decoder of one bundle.

    All arrays are float32 `[channels, …]`; every channel is a stream of its own. Methods may be called from several
    threads; states are never changed in place.
    """

    codebooks: FloatArray
    """Of the residual layers, and then of those of frames without a lag: `[rows, codebook_size, code_width]`."""
    bases: FloatArray
    """Their directions, `[rows, latent, code_width]`."""

    @property
    def name(self) -> str:
        """What computes, for people."""

    def learn(self, example: FloatArray) -> None:
        """Get to know this processor with `example [1, frames · frame]`."""

    def encoder_state(self, n_channels: int) -> State:
        """Before the first sample."""

    def decoder_state(self, n_channels: int) -> State:
        """Before the first frame."""

    def encode(self, x: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Samples `[channels, frames · frame]` → latents `[channels, frames, latent]` and the new state."""

    def decode(
        self, z: FloatArray, denoise: FloatArray, layers: npt.NDArray[np.int64], state: State
    ) -> tuple[FloatArray, State]:
        """Decode latents `[channels, frames, latent]`; returns samples `[channels, frames · frame]` and the new state.

        `denoise` and `layers` are `[channels, frames]`.
        """

    def quantize(self, rows: FloatArray, counts: npt.NDArray[np.integer], width: int, coarse: bool) -> CodeArray:
        """As `CodecRuntime.quantize`."""

    def loop(self, runtime: CodecRuntime, n_channels: int) -> Loop:
        """A new loop through the memory that the bundle must have."""

    def postfilter(self, n_channels: int) -> AnyPostfilter:
        """A new postfilter for sound that it fits (`lamina.models.engines.postfilter.fits`)."""


def open_engine(bundle: Bundle, name: EngineName | None = None, tries: bool = False) -> Engine:
    """The engine called `name`, or the one that `LAMINA_ENGINE` names, or the best that can compute the bundle here.

    With `tries`, graphs that ONNX Runtime is to compute, which may hold anything, are tried elsewhere first
    (`lamina.models.engines.trial`).

    Raises BundleError if the one that was asked for can't, ValueError if there is no such engine.
    """
    wanted = name or os.environ.get(VARIABLE) or None
    if wanted is not None and wanted not in get_args(EngineName):
        raise ValueError(f"{VARIABLE} is {wanted!r}; choose one of {', '.join(get_args(EngineName))}.")
    if wanted != "onnx":
        from lamina.models.engines import core

        problem = core.why_not(bundle.config)
        if not problem:
            from lamina.models.engines.core_engine import CoreEngine

            try:
                return cast(Engine, CoreEngine(bundle))
            except ValueError as error:  # a BundleError, or graphs that the core's reader can't read
                problem = str(error)
        if wanted == "core":
            raise BundleError(problem)
    if tries:
        from lamina.models.engines.trial import check_it_ends

        check_it_ends(bundle)
    from lamina.models.engines.onnx_engine import OnnxEngine

    return cast(Engine, OnnxEngine(bundle))
