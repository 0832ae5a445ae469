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
    COARSE,
    DECODER,
    ENCODER,
    LAGS,
    MEMORY,
    SNAPSHOT,
    Bundle,
    BundleError,
    bundle_version,
    open_bundle,
    quantizer_graphs,
    quantizer_groups,
)
from lamina.models.config import MemoryConfig
from lamina.models.likeness import Likeness
from lamina.models.loop import Loop, LoopState
from lamina.models.search import CodeSearch

FloatArray = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint16]
State = list[FloatArray]

FEW_ROWS = 4
"""Frames of all channels up to which a call gathers every layer's entries at once."""
SNAPSHOT_TOLERANCE = 0.01
"""Largest difference from the snapshot, relative to its largest value: processors round sums and bytes a little differently."""
SNAPSHOT_LOSS = 1.02
"""Largest error that codes chosen here leave, against that of the snapshot's: a last bit now and then decides for another code."""


class CodecRuntime:
    """Encoder, quantizer and decoder of one bundle.

    All arrays are float32 `[channels, …]`; every channel is a stream of its own with its own state. Methods
    may be called from several threads.
    """

    def __init__(self, bundle: Bundle, tolerance: float = SNAPSHOT_TOLERANCE, loss: float = SNAPSHOT_LOSS) -> None:
        self.bundle = bundle
        self.config = bundle.config
        self._encoder, self._decoder = _session(bundle, ENCODER), _session(bundle, DECODER)
        self._quantizers = [_session(bundle, graph) for graph in quantizer_graphs(bundle.config)]
        self._encoder_state = _state_names(self._encoder)
        self._decoder_state = _state_names(self._decoder)
        self._groups = quantizer_groups(bundle.config)
        self._first_names = self._names(0)
        tables = list(self._quantizers)
        if self.config.memory is not None:
            self._lags, self._memory, self._coarse = (_session(bundle, graph) for graph in (LAGS, MEMORY, COARSE))
            self._lag_state = {item.name: item.shape[1:] for item in self._lags.get_inputs() if item.name != "audio"}
            tables.append(self._coarse)
            memory = self.config.memory
            self._n_lags, self._trust, self._guarded = memory.n_lags, np.float32(memory.trust), np.float32(memory.guarded)
            self._extensions = extension_table(memory, self.config.frame + self.config.transform.overlap)
        probe = np.zeros((1, self.config.latent), np.float32)
        parts = [graph.run(["codebooks", "bases"], {"latent": probe}) for graph in tables]
        codebooks: list[FloatArray] = [books for books, _ in parts]
        bases: list[FloatArray] = [base for _, base in parts]
        if self.config.memory is not None:
            # A lag says where to look; by itself it adds nothing.
            codebooks.insert(0, np.zeros_like(codebooks[0][:1]))
            bases.insert(0, bases[0][:1])
        self.codebooks: FloatArray = np.concatenate(codebooks)
        """Every row's codebook in its own directions, `[rows, codebook_size, code_width]`. Row k is layer k + 1; with a memory, the first
        row is the lag's, of zeros, and the last ones are the layers of frames without a lag."""
        self.bases: FloatArray = np.concatenate(bases)
        """Those directions: orthonormal columns, `[rows, latent, code_width]`."""
        self.entries: FloatArray = _exact_product(self.codebooks, self.bases.transpose(0, 2, 1))
        """What each code adds to the latent, `[rows, codebook_size, latent]`."""
        self.energies: FloatArray = np.einsum("lkd,lkd->lk", self.entries, self.entries)
        """Squared length of each entry, `[rows, codebook_size]`."""
        for array in (self.codebooks, self.bases, self.entries, self.energies):
            array.setflags(write=False)
        self.loop_frames = 0 if self.config.memory is None else memory.history + -(-memory.past // self.config.frame) + 1
        """Frames in which everything lies that a loop remembers; 0 without a memory."""
        self.encodes_long_calls = True
        """Whether several frames per call give the same latents and codes as one by one, bit for bit."""
        self._check_snapshot(tolerance, loss)

    @cached_property
    def search(self) -> CodeSearch:
        """The wider search for codes of the residual layers."""
        first = self.config.layers - self.config.residual_layers
        return self._search(slice(first, self.config.layers))

    @cached_property
    def coarse_search(self) -> CodeSearch:
        """The wider search for codes of frames without a lag, with a memory."""
        return self._search(slice(self.config.layers, None))

    def _search(self, rows: slice) -> CodeSearch:
        return CodeSearch(self.codebooks[rows], self.bases[rows], self.entries[rows], self.energies[rows])

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

    def first_rows(self, counts: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """The row of `entries` in which the first layer of frames of `counts` layers is; those of their further layers follow."""
        memory = self.config.memory
        if memory is None:
            return np.zeros(counts.shape, np.int64)
        return np.where(counts >= memory.from_layers, 0, self.config.layers)

    def loop(self, n_channels: int) -> Loop | None:
        """A new loop through the memory; None if the codec has none."""
        return None if self.config.memory is None else Loop(self, n_channels)

    def loop_state(self, n_channels: int) -> LoopState:
        """A loop's state before the first frame."""
        shapes = {item.name: item.shape[1:] for item in self._memory.get_inputs()}
        latents, tail, past = (np.zeros((n_channels, *shapes[name]), np.float32) for name in ("latents", "tail", "past"))
        return LoopState(latents, tail, past, np.zeros(n_channels, np.int64))

    def lag_state(self, n_channels: int) -> list[State]:
        """The state of each channel's search for lags before the first sample."""
        return [[np.zeros((1, *shape), np.float32) for shape in self._lag_state.values()] for _ in range(n_channels)]

    def find_lag(self, x: FloatArray, states: list[State]) -> npt.NDArray[np.int64]:
        """One frame's samples `[channels, frame]` → its lag code `[channels]`; `states` are replaced by the new ones."""
        lags = np.empty(len(x), np.int64)
        for channel, state in enumerate(states):
            found, *after = self._lags.run(None, {"audio": x[channel : channel + 1], **dict(zip(self._lag_state, state, strict=True))})
            lags[channel], states[channel] = found[0], after
        return lags

    def foresee(self, lag: npt.NDArray[np.int64], has_lag: npt.NDArray[np.bool_], state: LoopState) -> tuple[FloatArray, LoopState]:
        """One frame's lag codes `[channels]` and whether they count → its prediction `[channels, latent]`, and the state after it."""
        counts = has_lag.astype(np.float32)[:, None]
        share = np.where(has_lag & (lag >= self._n_lags), self._guarded, self._trust)[:, None]
        feeds = {"index": self._extensions[lag % self._n_lags], "has_lag": counts, "share": share}
        prediction, tail, past = self._memory.run(None, {**feeds, "latents": state.latents, "tail": state.tail, "past": state.past})
        return prediction, LoopState(state.latents, tail, past, lag)

    def quantize_first(self, residual: FloatArray) -> tuple[Codes, FloatArray]:
        """What a prediction left over, `[n, latent]` → codes of the loop's residual layers, and what these leave over."""
        *codes, left = self._quantizers[0].run(self._first_names, {"latent": residual})
        return np.array(codes).T, left

    def quantize_further(self, left: FloatArray, layers: int) -> Codes:
        """What `quantize_first` left over → codes of so many further layers, `[n, layers]`."""
        if self.encodes_long_calls:
            return self._quantize_groups(left, layers, 1)
        return np.concatenate([self._quantize_groups(row[None], layers, 1) for row in left])

    def quantize_coarse(self, residual: FloatArray) -> Codes:
        """What a prediction without a lag left over, `[n, latent]` → codes of the coarse layers, `[n, layers]`."""
        names = [f"codes{layer}" for layer in range(self.config.coarse_layers)]
        return np.stack(self._coarse.run(names, {"latent": residual}), -1).astype(np.uint16)

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
        """Latents `[channels, frames, latent]` → codes `[channels, frames, layers]`, 1 ≤ layers ≤ `config.layers`; without a memory."""
        if self.encodes_long_calls:
            return self._quantize(z, layers)
        return np.concatenate([self._quantize(z[:, frame : frame + 1], layers) for frame in range(z.shape[1])], 1)

    def _encode(self, x: FloatArray, state: State) -> tuple[FloatArray, State]:
        z, *after = self._encoder.run(None, {"audio": x[..., None], **dict(zip(self._encoder_state, state, strict=True))})
        return z, after

    def _quantize(self, z: FloatArray, layers: int) -> Codes:
        return self._quantize_groups(z.reshape(-1, z.shape[-1]), layers, 0).reshape(*z.shape[:2], layers)

    def _quantize_groups(self, residual: FloatArray, layers: int, first_group: int) -> Codes:
        """Rows `[n, latent]` → codes of `layers` layers `[n, layers]`, from those of a group on."""
        codes: list[npt.NDArray[np.int64]] = []
        for group in range(first_group, len(self._quantizers)):
            if len(codes) == layers:
                break
            *found, residual = self._quantizers[group].run(self._names(group, layers - len(codes)), {"latent": residual})
            codes += found
        return np.stack(codes, -1).astype(np.uint16)

    def _names(self, group: int, most: int | None = None) -> list[str]:
        size = self._groups[group].stop - self._groups[group].start
        return [*(f"codes{layer}" for layer in range(size if most is None else min(size, most))), "residual"]

    def dequantize(self, codes: Codes, counts: npt.NDArray[np.integer] | None = None, most: int | None = None) -> FloatArray:
        """Codes `[channels, frames, n]` → the sum of their entries `[channels, frames, latent]`.

        Of all layers 1 … n, or of only as many as `counts [channels, frames]` says, and of the first `most` at most. With a memory the
        prediction is still to be added.
        """
        n_channels, n_frames, n_layers = codes.shape
        sent = np.full((n_channels, n_frames), n_layers) if counts is None else counts
        least, deepest = int(sent.min(initial=n_layers)), int(sent.max(initial=0))
        summed = deepest if most is None else min(most, deepest)
        if least != deepest:
            return self._sum_unequal(codes, sent, summed)
        first = int(self.first_rows(sent).flat[0]) if sent.size else 0
        if 0 < n_channels * n_frames <= FEW_ROWS:
            # All entries at once, added up in the same order as below.
            found: FloatArray = np.add.reduce(self.entries[first + np.arange(summed), codes[:, :, :summed]], 2)
            return found
        z = np.zeros((n_channels, n_frames, self.config.latent), np.float32)
        for layer in range(summed):
            z += self.entries[first + layer][codes[..., layer]]
        return z

    def _sum_unequal(self, codes: Codes, counts: npt.NDArray[np.integer], most: int) -> FloatArray:
        z = np.zeros((*counts.shape, self.config.latent), np.float32)
        first = self.first_rows(counts)
        for layer in range(most):
            rows = np.minimum(first + layer, len(self.entries) - 1)
            z += self.entries[rows, codes[..., layer]] * (counts > layer)[..., None]
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
        """Whether this processor gives the same latents, and codes where long calls choose them, in one call and frame by frame."""
        frame = self.config.frame
        whole, _ = self._encode(audio, self.encoder_state(1))
        first_group = 0 if self.config.memory is None else 1
        n_layers = sum(group.stop - group.start for group in self._groups[first_group:])
        codes = self._quantize_groups(whole[0], n_layers, first_group) if n_layers else None
        state = self.encoder_state(1)
        for index in range(whole.shape[1]):
            one, state = self._encode(audio[:, index * frame : (index + 1) * frame], state)
            if not np.array_equal(one[:, 0], whole[:, index]):
                return False
            if codes is not None and not np.array_equal(self._quantize_groups(one[0], n_layers, first_group)[0], codes[index]):
                return False
        return True

    def code(self, audio: FloatArray, layers: int | None = None, width: int = 1) -> tuple[Codes, FloatArray]:
        """Samples `[channels, frames · frame]` from a stream's beginning → codes, and what was foreseen (0 without a memory).

        Args:
            layers: that are sent; all if None.
            width: candidates followed while codes are chosen.
        """
        layers = layers or self.config.layers
        z, _ = self.encode(audio, self.encoder_state(len(audio)))
        loop = self.loop(len(audio))
        if loop is not None:
            return loop.encode(audio, z, np.full(z.shape[:2], layers, np.uint8), np.full(z.shape[1], width))
        if width == 1:
            return self.quantize(z, layers), np.zeros_like(z)
        found = self.search(z.reshape(-1, z.shape[2]), np.full(z.shape[0] * z.shape[1], layers), width)
        return found.reshape(*z.shape[:2], layers), np.zeros_like(z)

    def quantized(self, audio: FloatArray, layers: int | None = None, width: int = 1) -> FloatArray:
        """Samples from a stream's beginning → quantized latents `[channels, frames, latent]`; arguments as for `code`."""
        codes, foreseen = self.code(audio, layers, width)
        return foreseen + self.dequantize(codes)

    def snapshot(self, audio: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """What this runtime makes of `audio [1, frames · frame]`: its latents, codes of all layers, what was foreseen, and the output."""
        z, _ = self.encode(audio, self.encoder_state(1))
        codes, foreseen = self.code(audio)
        y, _ = self.decode(foreseen + self.dequantize(codes), self.decoder_state(1))
        remembering = {} if self.config.memory is None else {"foreseen": foreseen}
        return {"audio": audio, "latent": z, "codes": codes, "output": y, **remembering}

    def _check_snapshot(self, tolerance: float, most_loss: float) -> None:
        """Compute the bundle's stored example and compare: another runtime or a broken build must not pass for the codec."""
        with np.load(self.bundle.path / SNAPSHOT) as snapshot:
            self.encodes_long_calls = self._try_long_calls(snapshot["audio"])
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
                f"The quantizer of bundle {self.bundle.path} chooses other codes than where it was made. Install the bundle again."
            )

    def _residual_codes(self, residual: FloatArray) -> Codes:
        """Codes of all residual layers of what was left over, `[channels, frames, latent]`."""
        rows = residual.reshape(-1, residual.shape[-1])
        return self._quantize_groups(rows, self.config.residual_layers, 0).reshape(*residual.shape[:2], -1)


def extension_table(memory: MemoryConfig, length: int) -> npt.NDArray[np.int64]:
    """Where in the past each sample of the extension by each lag lies, `[n_lags, length]`; a short lag repeats its period."""
    first = memory.shortest_lag + memory.fine_lags
    lags = np.concatenate([np.arange(memory.shortest_lag, first), first + 2 * np.arange(memory.coarse_lags)])[:, None]
    table: npt.NDArray[np.int64] = memory.past - lags + np.arange(length) % lags
    return table


def _energy(x: FloatArray) -> float:
    return float(np.sum(x * x, dtype=np.float64))


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
