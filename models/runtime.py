"""The codec without torch: tables, the states of streams, and what is made of a bundle's networks.

Either engine can compute these.

The state of a stream is its owner's. Each frame's numbers do not depend on how many frames a call brings, so that a
stream is coded the same for any cutting, bit for bit.
"""

from __future__ import annotations

import zipfile
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.bundles.bundle import SNAPSHOT, Bundle, BundleError, bundle_version, open_bundle
from lamina.models.coding.likeness import Likeness
from lamina.models.engines.engine import AnyPostfilter, EngineName, State, open_engine
from lamina.models.engines.exact import exact_product
from lamina.models.engines.loop import Loop
from lamina.models.engines.postfilter import fits as postfilter_fits

CodeArray = npt.NDArray[np.uint16]
Counts = npt.NDArray[np.integer]

FEW_ROWS = 4
"""Frames of all channels up to which a call gathers every layer's entries at once."""
SETTLING_FRAMES = 60
"""After so many frames of silence an encoder has forgotten what was before."""
SNAPSHOT_TOLERANCE = 0.01
"""Largest difference from the snapshot, relative to its largest value.

Processors round sums and bytes a little differently.
"""
SNAPSHOT_LOSS = 1.02
"""Largest error that codes chosen here leave, against that of the snapshot's.

A last bit now and then decides for another code.
"""


LARGEST_SNAPSHOT, LONGEST_EXAMPLE_SECONDS = 64 << 20, 10
"""Bytes that the example may unpack to, and how long it may be: a second is usual."""


class CodecRuntime:
    """Encoder, quantizer and decoder of one bundle.

    All arrays are float32 `[channels, …]`; every channel is a stream of its own with its own state. Methods
    may be called from several threads.

    Args:
        bundle: verified.
        tolerance, loss: how far the example may differ, see `SNAPSHOT_TOLERANCE` and `SNAPSHOT_LOSS`.
        engine: what computes; None for the best that can.
        tries: whether graphs of unknown make are tried in a process of their own first: they may never end.
    """

    def __init__(
        self,
        bundle: Bundle,
        tolerance: float = SNAPSHOT_TOLERANCE,
        loss: float = SNAPSHOT_LOSS,
        engine: EngineName | None = None,
        tries: bool = False,
    ) -> None:
        self.bundle = bundle
        self.config = bundle.config
        self._engine = open_engine(bundle, engine, tries)
        codebooks, bases = self._engine.codebooks, self._engine.bases
        if self.config.memory is not None:
            # A lag says where to look; by itself it adds nothing.
            codebooks, bases = (
                np.concatenate([np.zeros_like(codebooks[:1]), codebooks]),
                np.concatenate([bases[:1], bases]),
            )
        self.codebooks: FloatArray = codebooks
        """Every row's codebook in its own directions, `[rows, codebook_size, code_width]`.

        Row k is layer k + 1; with a memory, the first row is the lag's, of zeros, and the last ones are the layers of
        frames without a lag.
        """
        self.bases: FloatArray = bases
        """Those directions: orthonormal columns, `[rows, latent, code_width]`."""
        self.entries: FloatArray = exact_product(self.codebooks, self.bases.transpose(0, 2, 1))
        """What each code adds to the latent, `[rows, codebook_size, latent]`."""
        self.energies: FloatArray = np.einsum("lkd,lkd->lk", self.entries, self.entries)
        """Squared length of each entry, `[rows, codebook_size]`."""
        for array in (self.codebooks, self.bases, self.entries, self.energies):
            array.setflags(write=False)
        self.summed_bits: npt.NDArray[np.int64] = np.array([0, *accumulate(self.config.code_bits)])
        """Bits of a channel's frame of 0, 1 … all layers."""
        memory = self.config.memory
        self.loop_frames = 0 if memory is None else memory.history + -(-memory.past // self.config.frame) + 1
        """Frames in which everything lies that a loop remembers; 0 without a memory."""
        try:
            self._check_snapshot(tolerance, loss)
        except BundleError:
            raise
        except Exception as error:
            # Whatever numpy, a zip file or a network makes of an example that is none.
            raise BundleError(
                f"The example of bundle {bundle.path} is damaged ({error!r}). Install the bundle again."
            ) from error

    @property
    def engine(self) -> str:
        """What computes the networks, in words: "core (avx2)" or "ONNX Runtime"."""
        return self._engine.name

    @cached_property
    def likeness(self) -> Likeness:
        """Which codes are like each other."""
        return Likeness(self.codebooks)

    @cached_property
    def silence(self) -> FloatArray:
        """The latent of silence, `[latent]`, which stands where nothing is sent.

        A latent of zeros would be a sound of middling level.
        """
        zeros = np.zeros((1, SETTLING_FRAMES * self.config.frame), np.float32)
        latent: FloatArray = self.encode(zeros, self.encoder_state(1))[0][0, -1].copy()
        latent.setflags(write=False)
        return latent

    def encoder_state(self, n_channels: int) -> State:
        """The encoder's state before the first sample."""
        return self._engine.encoder_state(n_channels)

    def decoder_state(self, n_channels: int) -> State:
        """The decoder's state before the first frame."""
        return self._engine.decoder_state(n_channels)

    def first_rows(self, counts: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """The row of `entries` for the first layer of frames of `counts` layers; their further layers follow it."""
        memory = self.config.memory
        if memory is None:
            return np.zeros(counts.shape, np.int64)
        return np.int64(self.config.layers) * (counts < memory.from_layers)

    def _first_row(self, count: int) -> int:
        """The same for one frame."""
        memory = self.config.memory
        return self.config.layers if memory is not None and count < memory.from_layers else 0

    def loop(self, n_channels: int) -> Loop | None:
        """A new loop through the memory; None if the codec has none."""
        return None if self.config.memory is None else self._engine.loop(self, n_channels)

    def postfilter(self, n_channels: int) -> AnyPostfilter | None:
        """A new postfilter for what is decoded; None if there is none for sound of this model's rate."""
        return self._engine.postfilter(n_channels) if postfilter_fits(self.config) else None

    def encode(self, x: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Samples `[channels, frames · frame]` → latents `[channels, frames, latent]` and the new state."""
        return self._engine.encode(x, state)

    def quantize(self, rows: FloatArray, counts: Counts, width: int = 1, coarse: bool = False) -> CodeArray:
        """Quantize latents, or what a prediction left of them, `[n, latent]`, to codes `[n, most]`.

        Beyond a row's count, codes mean nothing.

        Args:
            counts: residual layers that are coded, `[n]`.
            width: candidates followed from layer to layer (`lamina.models.coding.search`); 1 takes the nearest entry.
            coarse: with the layers of frames without a lag.
        """
        return self._engine.quantize(rows, counts, width, coarse)

    def dequantize(
        self, codes: CodeArray, counts: npt.NDArray[np.integer] | None = None, most: int | None = None
    ) -> FloatArray:
        """Codes `[channels, frames, n]` → the sum of their entries `[channels, frames, latent]`.

        Of all layers 1 … n, or of only as many as `counts [channels, frames]` says, and of the first `most` at most.
        With a memory the prediction is still to be added.
        """
        n_channels, n_frames, n_layers = codes.shape
        sent = np.full((n_channels, n_frames), n_layers) if counts is None else counts
        least, deepest = int(sent.min(initial=n_layers)), int(sent.max(initial=0))
        summed = deepest if most is None else min(most, deepest)
        if least != deepest:
            return self._sum_unequal(codes, sent, summed)
        first = self._first_row(deepest)
        if 0 < n_channels * n_frames <= FEW_ROWS:
            # All entries at once, added up in the same order as below.
            found: FloatArray = np.add.reduce(self.entries[first + np.arange(summed), codes[:, :, :summed]], 2)
            return found
        z = np.zeros((n_channels, n_frames, self.config.latent), np.float32)
        for layer in range(summed):
            z += self.entries[first + layer][codes[..., layer]]
        return z

    def _sum_unequal(self, codes: CodeArray, counts: npt.NDArray[np.integer], most: int) -> FloatArray:
        z = np.zeros((*counts.shape, self.config.latent), np.float32)
        first = self.first_rows(counts)
        for layer in range(most):
            rows = np.minimum(first + layer, len(self.entries) - 1)
            z += self.entries[rows, codes[..., layer]] * (counts > layer)[..., None]
        return z

    def decode(
        self, z: FloatArray, state: State, denoise: float | FloatArray = 0.0, layers: int | Counts | None = None
    ) -> tuple[FloatArray, State]:
        """Latents `[channels, frames, latent]` → samples `[channels, frames · frame]` and the new state.

        The samples lag the encoder's input by `config.delay_samples`.

        Args:
            denoise: 0 … 1, of every frame of the call, or of each its own: `[frames]`.
            layers: how many made up the latents, 0 … all, of every frame or `[channels, frames]`; all if None. Decoders
                that are informed of it fill in what few layers leave out.
        """
        amount, told = np.empty(z.shape[:2], np.float32), np.empty(z.shape[:2], np.int64)
        amount[...], told[...] = denoise, self.config.layers if layers is None else layers
        return self._engine.decode(z, amount, told, state)

    def code(self, audio: FloatArray, layers: int | None = None, width: int = 1) -> tuple[CodeArray, FloatArray]:
        """Code samples `[channels, frames · frame]` from a stream's beginning.

        Returns the codes and the predictions (0 without a memory).

        Args:
            layers: that are sent; all if None.
            width: candidates followed while codes are chosen.
        """
        layers = layers or self.config.layers
        z, _ = self.encode(audio, self.encoder_state(len(audio)))
        loop = self.loop(len(audio))
        if loop is not None:
            return loop.encode(audio, z, np.full(z.shape[:2], layers, np.uint8), np.full(z.shape[1], width))
        rows = z.reshape(-1, z.shape[2])
        return self.quantize(rows, np.full(len(rows), layers), width).reshape(*z.shape[:2], layers), np.zeros_like(z)

    def quantized(self, audio: FloatArray, layers: int | None = None, width: int = 1) -> FloatArray:
        """Quantized latents `[channels, frames, latent]` of samples from a stream's beginning.

        Arguments as for `code`.
        """
        codes, foreseen = self.code(audio, layers, width)
        return foreseen + self.dequantize(codes)

    def snapshot(self, audio: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """What this runtime makes of `audio [1, frames · frame]`.

        Its latents, the codes of all layers, the predictions, and the output.
        """
        z, _ = self.encode(audio, self.encoder_state(1))
        codes, foreseen = self.code(audio)
        y, _ = self.decode(foreseen + self.dequantize(codes), self.decoder_state(1))
        remembering = {} if self.config.memory is None else {"foreseen": foreseen}
        return {"audio": audio, "latent": z, "codes": codes, "output": y, **remembering}

    def _check_snapshot(self, tolerance: float, most_loss: float) -> None:
        """Compute the example that is stored with the bundle, and compare.

        Another runtime or a broken build must not pass for the codec.
        """
        with zipfile.ZipFile(self.bundle.path / SNAPSHOT) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > LARGEST_SNAPSHOT:
            raise ValueError(f"it unpacks to {size >> 20} MB, {LARGEST_SNAPSHOT >> 20} are the most")
        with np.load(self.bundle.path / SNAPSHOT) as snapshot:
            if snapshot["audio"].size > LONGEST_EXAMPLE_SECONDS * self.config.sample_rate:
                raise ValueError(f"its sound is longer than {LONGEST_EXAMPLE_SECONDS} s")
            self._engine.learn(snapshot["audio"])
            z, _ = self.encode(snapshot["audio"], self.encoder_state(1))
            codes, latent = snapshot["codes"], snapshot["latent"]
            foreseen = snapshot["foreseen"] if self.config.memory is not None else np.zeros_like(latent)
            y, _ = self.decode(foreseen + self.dequantize(codes), self.decoder_state(1))
            error_there = _energy(latent - foreseen - self.dequantize(codes))
            again = codes.copy()
            again[..., -self.config.residual_layers :] = self._residual_codes(latent - foreseen)
            error_here = _energy(latent - foreseen - self.dequantize(again))
            compared = [("encoder", z, latent), ("decoder", y, snapshot["output"])]
            loop = self.loop(1)
            if loop is not None:
                compared.append(("memory", loop.check(foreseen, codes), foreseen))
            for what, got, expected in compared:
                error = float(np.max(np.abs(got - expected)))
                if not error <= tolerance * float(np.max(np.abs(expected))):
                    raise BundleError(
                        f"The {what} of bundle {self.bundle.path} computes something else here than where it was made "
                        f"(difference {error:.2g}). Install the bundle and onnxruntime again."
                    )
        if not error_here <= most_loss * error_there:
            raise BundleError(
                f"The quantizer of bundle {self.bundle.path} chooses other codes than where it was made. Install the "
                "bundle again."
            )

    def _residual_codes(self, residual: FloatArray) -> CodeArray:
        """Codes of all residual layers of what was left over, `[channels, frames, latent]`."""
        rows = residual.reshape(-1, residual.shape[-1])
        return self.quantize(rows, np.full(len(rows), self.config.residual_layers)).reshape(*residual.shape[:2], -1)


def _energy(x: FloatArray) -> float:
    return float(np.sum(x * x, dtype=np.float64))


def load_runtime(name_or_path: str) -> CodecRuntime:
    """The runtime of a bundle, opened once per process and shared: it holds no stream's state.

    A bundle that was replaced is opened anew.
    """
    return _runtime(*bundle_version(name_or_path))


@lru_cache(maxsize=4)
def _runtime(folder: str, written_ns: int) -> CodecRuntime:
    return CodecRuntime(open_bundle(folder), tries=True)
