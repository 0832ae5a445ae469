"""The torch-free codec: a bundle's graphs in ONNX Runtime, one thread, with state that the caller owns.

Live frames and whole files run the same sessions; only the number of frames per call differs. Each frame's
numbers do not depend on that number (see `lamina.models.layers`). That holds for the matrix products of the
processors seen so far and is tried out when a bundle is loaded; where it did not hold, frames would be encoded
one by one, because a last bit is enough to choose another code.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.models.bundle import (
    DECODER,
    ENCODER,
    LAYERS_PER_GRAPH,
    SNAPSHOT,
    Bundle,
    BundleError,
    bundle_version,
    open_bundle,
    quantizer_graphs,
)
from lamina.models.likeness import Likeness
from lamina.models.search import CodeSearch

FloatArray = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint16]
State = list[FloatArray]

FEW_ROWS = 4
"""Frames of all channels up to which a call gathers every layer's entries at once."""
SNAPSHOT_TOLERANCE = 0.01
"""Largest difference from the snapshot, relative to its largest value: processors round sums and bytes a little differently."""


class CodecRuntime:
    """Encoder, quantizer and decoder of one bundle.

    All arrays are float32 `[channels, …]`; every channel is a stream of its own with its own state. Methods
    may be called from several threads.
    """

    def __init__(self, bundle: Bundle, tolerance: float = SNAPSHOT_TOLERANCE) -> None:
        self.bundle = bundle
        self.config = bundle.config
        self._encoder, self._decoder = _session(bundle, ENCODER), _session(bundle, DECODER)
        self._quantizers = [_session(bundle, graph) for graph in quantizer_graphs(bundle.config)]
        self._encoder_state = _state_names(self._encoder)
        self._decoder_state = _state_names(self._decoder)
        probe = np.zeros((1, self.config.latent), np.float32)
        parts = [graph.run(["codebooks", "bases"], {"latent": probe}) for graph in self._quantizers]
        self.codebooks: FloatArray = np.concatenate([books for books, _ in parts])
        """Every layer's codebook in the layer's own directions, `[layers, codebook_size, code_width]`."""
        self.bases: FloatArray = np.concatenate([bases for _, bases in parts])
        """Those directions: orthonormal columns, `[layers, latent, code_width]`."""
        self.entries: FloatArray = _exact_product(self.codebooks, self.bases.transpose(0, 2, 1))
        """What each code adds to the latent, `[layers, codebook_size, latent]`."""
        self.energies: FloatArray = np.einsum("lkd,lkd->lk", self.entries, self.entries)
        """Squared length of each entry, `[layers, codebook_size]`."""
        for array in (self.codebooks, self.bases, self.entries, self.energies):
            array.setflags(write=False)
        self.encodes_long_calls = True
        """Whether several frames per call give the same latents and codes as one by one, bit for bit."""
        self._check_snapshot(tolerance)

    @cached_property
    def search(self) -> CodeSearch:
        """The wider search for codes."""
        return CodeSearch(self.codebooks, self.bases, self.entries, self.energies)

    @cached_property
    def likeness(self) -> Likeness:
        """Which codes are like each other."""
        return Likeness(self.codebooks)

    def encoder_state(self, n_channels: int) -> State:
        """The encoder's state before the first sample."""
        return [np.zeros((n_channels, *shape), np.float32) for shape in self._encoder_state.values()]

    def decoder_state(self, n_channels: int) -> State:
        """The decoder's state before the first frame."""
        return [np.zeros((n_channels, *shape), np.float32) for shape in self._decoder_state.values()]

    def encode(self, x: FloatArray, state: State) -> tuple[FloatArray, State]:
        """Samples `[channels, frames · frame]` → latents `[channels, frames, latent]` and the new state."""
        if self.encodes_long_calls:
            return self._encode(x, state)
        latents = []
        for start in range(0, x.shape[1], self.config.frame):
            z, state = self._encode(x[:, start : start + self.config.frame], state)
            latents.append(z)
        return np.concatenate(latents, 1), state

    def quantize(self, z: FloatArray, layers: int) -> Codes:
        """Latents `[channels, frames, latent]` → codes `[channels, frames, layers]`, 1 ≤ layers ≤ `config.layers`."""
        if self.encodes_long_calls:
            return self._quantize(z, layers)
        return np.concatenate([self._quantize(z[:, frame : frame + 1], layers) for frame in range(z.shape[1])], 1)

    def _encode(self, x: FloatArray, state: State) -> tuple[FloatArray, State]:
        z, *after = self._encoder.run(None, {"audio": x[..., None], **dict(zip(self._encoder_state, state, strict=True))})
        return z, after

    def _quantize(self, z: FloatArray, layers: int) -> Codes:
        codes: list[npt.NDArray[np.int64]] = []
        residual = z.reshape(-1, z.shape[-1])
        for graph, first in zip(self._quantizers, range(0, layers, LAYERS_PER_GRAPH), strict=False):
            names = [f"codes{layer}" for layer in range(min(LAYERS_PER_GRAPH, layers - first))]
            *group, residual = graph.run([*names, "residual"], {"latent": residual})
            codes += group
        return np.stack(codes, -1).astype(np.uint16).reshape(*z.shape[:2], layers)

    def dequantize(self, codes: Codes) -> FloatArray:
        """Codes `[channels, frames, n]` → the sum of their entries `[channels, frames, latent]`, layers 1 … n."""
        n_channels, n_frames, n_layers = codes.shape
        if n_channels * n_frames <= FEW_ROWS:
            # All entries at once, added up in the same order as below.
            found: FloatArray = np.add.reduce(self.entries[np.arange(n_layers), codes], 2)
            return found
        z = np.zeros((n_channels, n_frames, self.config.latent), np.float32)
        for layer in range(n_layers):
            z += self.entries[layer][codes[..., layer]]
        return z

    def decode(self, z: FloatArray, state: State, denoise: float | FloatArray = 0.0) -> tuple[FloatArray, State]:
        """Latents `[channels, frames, latent]` → samples `[channels, frames · frame]` and the new state.

        `denoise` (0 … 1) conditions every frame of the call, or each its own: `[frames]`. The samples lag the encoder's input by
        `config.delay_samples`.
        """
        amount = np.empty((*z.shape[:2], 1), np.float32)
        amount[..., 0] = denoise
        feeds = {"latent": z, "denoise": amount, **dict(zip(self._decoder_state, state, strict=True))}
        y, *after = self._decoder.run(None, feeds)
        return y[..., 0], after

    def _try_long_calls(self, audio: FloatArray) -> bool:
        """Whether this processor gives `audio` the same latents and codes in one call and frame by frame."""
        layers, frame = self.config.layers, self.config.frame
        whole, _ = self._encode(audio, self.encoder_state(1))
        codes = self._quantize(whole, layers)
        state = self.encoder_state(1)
        for index in range(whole.shape[1]):
            one, state = self._encode(audio[:, index * frame : (index + 1) * frame], state)
            if not np.array_equal(one[:, 0], whole[:, index]) or not np.array_equal(self._quantize(one, layers)[:, 0], codes[:, index]):
                return False
        return True

    def snapshot(self, audio: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """What this runtime makes of `audio [1, frames · frame]`: its latents, codes of all layers, and the output for those."""
        z, _ = self.encode(audio, self.encoder_state(1))
        codes = self.quantize(z, self.config.layers)
        y, _ = self.decode(self.dequantize(codes), self.decoder_state(1))
        return {"audio": audio, "latent": z, "codes": codes, "output": y}

    def _check_snapshot(self, tolerance: float) -> None:
        """Compute the bundle's stored example and compare: another runtime or a broken build must not pass for the codec."""
        with np.load(self.bundle.path / SNAPSHOT) as snapshot:
            self.encodes_long_calls = self._try_long_calls(snapshot["audio"])
            z, _ = self.encode(snapshot["audio"], self.encoder_state(1))
            y, _ = self.decode(self.dequantize(snapshot["codes"]), self.decoder_state(1))
            agreement = float(np.mean(self.quantize(snapshot["latent"], snapshot["codes"].shape[2]) == snapshot["codes"]))
            for what, got, expected in (("encoder", z, snapshot["latent"]), ("decoder", y, snapshot["output"])):
                error = float(np.max(np.abs(got - expected)))
                if not error <= tolerance * float(np.max(np.abs(expected))):
                    raise BundleError(
                        f"The {what} of bundle {self.bundle.path} computes something else here than where it was made "
                        f"(difference {error:.2g}). Install the bundle and onnxruntime again."
                    )
        if agreement < 0.98:
            raise BundleError(
                f"The quantizer of bundle {self.bundle.path} chooses other codes than where it was made. Install the bundle again."
            )


def load_runtime(name_or_path: str) -> CodecRuntime:
    """The runtime of a bundle, opened once per process (anew if it was replaced) and shared: it holds no stream's state."""
    return _runtime(*bundle_version(name_or_path))


@lru_cache(maxsize=4)
def _runtime(folder: str, written_ns: int) -> CodecRuntime:
    return CodecRuntime(open_bundle(folder))


def _session(bundle: Bundle, graph: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Not `set_denormal_as_zero`: it would change the floating-point mode of the caller's own thread for good. The
    # networks hear a fifth of a second back at most, so nothing decays into denormals for long.
    try:
        return onnxruntime.InferenceSession(str(bundle.path / graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BundleError(f"ONNX Runtime can't open {bundle.path / graph}: {error}") from error


def _exact_product(a: FloatArray, b: FloatArray) -> FloatArray:
    """a · b of stacked matrices, the same to the last bit in every process, as the decoder rounds to bytes what it makes of it.

    Bundles store both in half precision, so double precision holds every sum of products exactly. In single precision a
    product depends on the order of its sums, and that on how many threads OpenBLAS finds.
    """
    product: FloatArray = np.stack([(x.astype(np.float64) @ y.astype(np.float64)).astype(np.float32) for x, y in zip(a, b, strict=True)])
    return product


def _state_names(session: Any) -> dict[str, tuple[int, int]]:
    """The state inputs of a graph with their `(time, channels)`."""
    return {item.name: (item.shape[1], item.shape[2]) for item in session.get_inputs() if item.name.startswith("state")}
