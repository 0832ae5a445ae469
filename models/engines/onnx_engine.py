"""A bundle's graphs in ONNX Runtime, one thread: the reference, and what computes where the core wasn't built.

Live frames and whole files run the same sessions; only the number of frames per call differs. Each frame's
numbers do not depend on that number (see `lamina.models.network.layers`). That holds for the matrix products of the
processors seen so far and is tried out when a bundle is loaded; where it did not hold, frames would be encoded
one by one, because a last bit is enough to choose another code.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.bundles.bundle import (
    COARSE,
    DECODER,
    ENCODER,
    LAGS,
    MEMORY,
    Bundle,
    BundleError,
    quantizer_graphs,
    quantizer_groups,
)
from lamina.models.bundles.graph_work import check_work
from lamina.models.bundles.onnx_weights import check_graph
from lamina.models.coding.search import CodeSearch
from lamina.models.config import MemoryConfig
from lamina.models.engines.exact import exact_product
from lamina.models.engines.loop import LoopState, OnnxLoop
from lamina.models.engines.pieces import CHANNELS, FRAMES, ROWS, State, joined, pieces, streamed
from lamina.models.engines.postfilter import Postfilter

if TYPE_CHECKING:
    from lamina.models.runtime import CodecRuntime

CodeArray = npt.NDArray[np.uint16]


class OnnxEngine:
    """Sessions of one bundle; see `lamina.models.engines.engine.Engine` for what its methods promise."""

    name = "ONNX Runtime"

    def __init__(self, bundle: Bundle) -> None:
        config = self._config = bundle.config
        self._encoder, self._decoder = _session(bundle, ENCODER), _session(bundle, DECODER)
        self._quantizers = [_session(bundle, graph) for graph in quantizer_graphs(config)]
        self._encoder_state = _state_names(self._encoder)
        self._decoder_state = _state_names(self._decoder)
        self._groups = quantizer_groups(config)
        self._first_names = self._names(0)
        tables = list(self._quantizers)
        if config.memory is not None:
            self._lags, self._memory, self._coarse = (_session(bundle, graph) for graph in (LAGS, MEMORY, COARSE))
            self._lag_state = {item.name: item.shape[1:] for item in self._lags.get_inputs() if item.name != "audio"}
            tables.append(self._coarse)
            memory = config.memory
            self._n_lags, self._trust, self._guarded = (
                memory.n_lags,
                np.float32(memory.trust),
                np.float32(memory.guarded),
            )
            self._extensions = extension_table(memory, config.frame + config.transform.overlap)
        probe = np.zeros((1, config.latent), np.float32)
        parts = [graph.run(["codebooks", "bases"], {"latent": probe}) for graph in tables]
        self.codebooks: FloatArray = np.concatenate([books for books, _ in parts])
        self.bases: FloatArray = np.concatenate([bases for _, bases in parts])
        self._encodes_long_calls = True

    def learn(self, example: FloatArray) -> None:
        """Find out, with `example [1, samples]`, whether long calls compute what short ones do on this processor."""
        self._encodes_long_calls = self._try_long_calls(example)

    def encoder_state(self, n_channels: int) -> State:
        return [np.zeros((n_channels, *shape), np.float32) for shape in self._encoder_state.values()]

    def decoder_state(self, n_channels: int) -> State:
        return [np.zeros((n_channels, *shape), np.float32) for shape in self._decoder_state.values()]

    def encode(self, x: FloatArray, state: State) -> tuple[FloatArray, State]:
        if self._encodes_long_calls:
            return self._encode(x, state)
        latents = []
        for start in range(0, x.shape[1], self._config.frame):
            z, state = self._encode(x[:, start : start + self._config.frame], state)
            latents.append(z)
        return np.concatenate(latents, 1), state

    def decode(
        self, z: FloatArray, denoise: FloatArray, layers: npt.NDArray[np.int64], state: State
    ) -> tuple[FloatArray, State]:
        if not z.shape[1]:
            return np.zeros((len(z), 0), np.float32), state

        def run(channels: slice, frames: slice, state: State) -> tuple[FloatArray, State]:
            feeds: dict[str, npt.NDArray[Any]] = dict(zip(self._decoder_state, state, strict=True))
            feeds |= {"latent": z[channels, frames], "denoise": denoise[channels, frames, None]}
            if self._config.transform.informed:
                feeds["layers"] = layers[channels, frames]
            y, *after = self._decoder.run(None, feeds)
            return y[..., 0], after

        return streamed(run, len(z), z.shape[1], state)

    def loop(self, runtime: CodecRuntime, n_channels: int) -> OnnxLoop:
        return OnnxLoop(runtime, self, n_channels)

    def postfilter(self, n_channels: int) -> Postfilter:
        return Postfilter(n_channels)

    def quantize(self, rows: FloatArray, counts: npt.NDArray[np.integer], width: int, coarse: bool) -> CodeArray:
        if width > 1 and coarse:
            return self._coarse_search(rows, counts, width)
        if width > 1:
            return self._searched(rows, counts, width)
        most = int(counts.max(initial=0))
        if not most or not len(rows):
            return np.zeros((len(rows), most), np.uint16)
        if coarse:
            return self.quantize_coarse(rows)[:, :most]
        if self._encodes_long_calls:
            return self._quantize_groups(rows, most, 0)
        return np.concatenate([self._quantize_groups(row[None], most, 0) for row in rows])

    def try_sizes(self) -> None:
        """Call every graph with every size of piece that any call is cut into."""
        config = self._config
        for n_channels in CHANNELS:
            for n_frames in FRAMES:
                silence = np.zeros((n_channels, n_frames * config.frame), np.float32)
                z, _ = self._encode(silence, self.encoder_state(n_channels))
                layers = np.full(z.shape[:2], config.layers)
                self.decode(z, np.zeros(z.shape[:2], np.float32), layers, self.decoder_state(n_channels))
            if config.memory is not None:
                self.find_lag(silence[:, : config.frame], self.lag_state(n_channels))
                nothing = np.zeros(n_channels, np.int64)
                self.foresee(nothing, nothing > 0, self.loop_state(n_channels))
        for n_rows in ROWS:
            rows = np.zeros((n_rows, config.latent), np.float32)
            self._quantize_groups(rows, config.residual_layers, 0)
            self.quantize_first(rows)
            if config.memory is not None:
                self.quantize_coarse(rows)

    # What the loop is made of.

    def loop_state(self, n_channels: int) -> LoopState:
        """A loop's state before the first frame."""
        shapes = {item.name: item.shape[1:] for item in self._memory.get_inputs()}
        latents, tail, past = (
            np.zeros((n_channels, *shapes[name]), np.float32) for name in ("latents", "tail", "past")
        )
        return LoopState(latents, tail, past, np.zeros(n_channels, np.int64))

    def lag_state(self, n_channels: int) -> list[State]:
        """The state of each channel's search for lags before the first sample."""
        return [[np.zeros((1, *shape), np.float32) for shape in self._lag_state.values()] for _ in range(n_channels)]

    def find_lag(self, x: FloatArray, states: list[State]) -> npt.NDArray[np.int64]:
        """The lag code `[channels]` of one frame's samples `[channels, frame]`.

        `states` are replaced by the new ones.
        """
        lags = np.empty(len(x), np.int64)
        for channel, state in enumerate(states):
            found, *after = self._lags.run(
                None, {"audio": x[channel : channel + 1], **dict(zip(self._lag_state, state, strict=True))}
            )
            lags[channel], states[channel] = found[0], after
        return lags

    def foresee(
        self, lag: npt.NDArray[np.int64], has_lag: npt.NDArray[np.bool_], state: LoopState
    ) -> tuple[FloatArray, LoopState]:
        """One frame's prediction `[channels, latent]`, and the state after it.

        `lag [channels]` are the lag codes; `has_lag [channels]` says whether they count.
        """
        counts = has_lag.astype(np.float32)[:, None]
        share = np.where(has_lag & (lag >= self._n_lags), self._guarded, self._trust)[:, None]
        feeds: dict[str, npt.NDArray[Any]] = {
            "index": self._extensions[lag % self._n_lags],
            "has_lag": counts,
            "share": share,
        }
        feeds |= {"latents": state.latents, "tail": state.tail, "past": state.past}
        parts = [
            self._memory.run(None, {name: values[channels] for name, values in feeds.items()})
            for channels in pieces(len(lag), CHANNELS)
        ]
        prediction, tail, past = (joined(list(arrays)) for arrays in zip(*parts, strict=True))
        return prediction, LoopState(state.latents, tail, past, lag)

    def quantize_first(self, residual: FloatArray) -> tuple[CodeArray, FloatArray]:
        """Quantize what a prediction left over, `[n, latent]`, in the residual layers that the loop hears.

        Returns their codes, and what these leave over.
        """
        parts = [
            self._quantizers[0].run(self._first_names, {"latent": residual[rows]})
            for rows in pieces(len(residual), ROWS)
        ]
        *codes, left = (joined(list(arrays)) for arrays in zip(*parts, strict=True))
        return np.array(codes).T, left

    def quantize_further(self, left: FloatArray, layers: int) -> CodeArray:
        """What `quantize_first` left over → codes of so many further layers, `[n, layers]`."""
        if self._encodes_long_calls:
            return self._quantize_groups(left, layers, 1)
        return np.concatenate([self._quantize_groups(row[None], layers, 1) for row in left])

    def quantize_coarse(self, residual: FloatArray) -> CodeArray:
        """What a prediction without a lag left over, `[n, latent]` → codes of the coarse layers, `[n, layers]`."""
        names = [f"codes{layer}" for layer in range(self._config.coarse_layers)]
        parts = [
            np.stack(self._coarse.run(names, {"latent": residual[rows]}), -1) for rows in pieces(len(residual), ROWS)
        ]
        return joined(parts).astype(np.uint16)

    def _encode(self, x: FloatArray, state: State) -> tuple[FloatArray, State]:
        frame = self._config.frame
        if x.shape[1] < frame:
            return np.zeros((len(x), 0, self._config.latent), np.float32), state

        def run(channels: slice, frames: slice, state: State) -> tuple[FloatArray, State]:
            audio = x[channels, frames.start * frame : frames.stop * frame, None]
            z, *after = self._encoder.run(None, {"audio": audio, **dict(zip(self._encoder_state, state, strict=True))})
            return z, after

        return streamed(run, len(x), x.shape[1] // frame, state)

    def _quantize_groups(self, residual: FloatArray, layers: int, first_group: int) -> CodeArray:
        """Rows `[n, latent]` → codes of `layers` layers `[n, layers]`, from those of a group on."""
        parts = [self._quantize_piece(residual[rows], layers, first_group) for rows in pieces(len(residual), ROWS)]
        return joined(parts) if parts else np.zeros((0, layers), np.uint16)

    def _quantize_piece(self, residual: FloatArray, layers: int, first_group: int) -> CodeArray:
        codes: list[npt.NDArray[np.int64]] = []
        for group in range(first_group, len(self._quantizers)):
            if len(codes) == layers:
                break
            *found, residual = self._quantizers[group].run(
                self._names(group, layers - len(codes)), {"latent": residual}
            )
            codes += found
        return np.stack(codes, -1).astype(np.uint16)

    def _names(self, group: int, most: int | None = None) -> list[str]:
        size = self._groups[group].stop - self._groups[group].start
        return [*(f"codes{layer}" for layer in range(size if most is None else min(size, most))), "residual"]

    def _searched(self, rows: FloatArray, counts: npt.NDArray[np.integer], width: int) -> CodeArray:
        """Choose the codes of the layers that the loop hears before the others: streams of more layers share them."""
        n_heard = self._n_heard
        first = self._search(rows, np.minimum(counts, n_heard), width)
        deeper = counts > n_heard
        if not deeper.any():
            return first
        codes = np.zeros((len(rows), int(counts.max())), np.uint16)
        codes[:, : first.shape[1]] = first
        left = rows[deeper].copy()
        for layer in range(n_heard):
            left -= self._search.entries[layer, first[deeper, layer]]
        further = self._further_search(left, counts[deeper] - n_heard, width)
        codes[deeper, n_heard : n_heard + further.shape[1]] = further
        return codes

    @property
    def _n_heard(self) -> int:
        """Residual layers that the loop hears; all without a memory."""
        memory = self._config.memory
        return self._config.residual_layers if memory is None else memory.loop_layers - 1

    @cached_property
    def _search(self) -> CodeSearch:
        return self._search_in(slice(0, self._n_heard))

    @cached_property
    def _further_search(self) -> CodeSearch:
        return self._search_in(slice(self._n_heard, self._config.residual_layers))

    @cached_property
    def _coarse_search(self) -> CodeSearch:
        return self._search_in(slice(self._config.residual_layers, None))

    def _search_in(self, rows: slice) -> CodeSearch:
        entries = exact_product(self.codebooks[rows], self.bases[rows].transpose(0, 2, 1))
        return CodeSearch(self.codebooks[rows], self.bases[rows], entries, np.einsum("lkd,lkd->lk", entries, entries))

    def _try_long_calls(self, audio: FloatArray) -> bool:
        """Whether this processor gives the same latents in one call as frame by frame.

        Where long calls choose codes, these must be the same too.
        """
        frame = self._config.frame
        whole, _ = self._encode(audio, self.encoder_state(1))
        first_group = 0 if self._config.memory is None else 1
        n_layers = sum(group.stop - group.start for group in self._groups[first_group:])
        codes = self._quantize_groups(whole[0], n_layers, first_group) if n_layers else None
        state = self.encoder_state(1)
        for index in range(whole.shape[1]):
            one, state = self._encode(audio[:, index * frame : (index + 1) * frame], state)
            if not np.array_equal(one[:, 0], whole[:, index]):
                return False
            if codes is not None and not np.array_equal(
                self._quantize_groups(one[0], n_layers, first_group)[0], codes[index]
            ):
                return False
        return True


def extension_table(memory: MemoryConfig, length: int) -> npt.NDArray[np.int64]:
    """Where in the past each sample of the extension by each lag lies, `[n_lags, length]`.

    A lag shorter than the extension repeats its period.
    """
    first = memory.shortest_lag + memory.fine_lags
    lags = np.concatenate([np.arange(memory.shortest_lag, first), first + 2 * np.arange(memory.coarse_lags)])[:, None]
    table: npt.NDArray[np.int64] = memory.past - lags + np.arange(length) % lags
    return table


def silent_onnxruntime() -> Any:
    """Import ONNX Runtime with its telemetry off.

    Otherwise it leaves an id of the device in the user's cache folder and posts what it knows of the machine.
    """
    # It reads this once, when it is loaded.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def _session(bundle: Bundle, graph: str) -> Any:
    onnxruntime = silent_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Not `set_denormal_as_zero`: it would change the floating-point mode of the caller's own thread for good. The
    # networks hear a fifth of a second back at most, so nothing decays into denormals for long.
    try:
        check_graph(bundle.path / graph, bundle.hashes)
        check_work(bundle.path / graph)
    except (ValueError, OSError) as error:
        raise BundleError(f"The bundle {bundle.path} can't be used: {error}.") from error
    try:
        return onnxruntime.InferenceSession(str(bundle.path / graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BundleError(f"ONNX Runtime can't open {bundle.path / graph}: {error}") from error


def _state_names(session: Any) -> dict[str, tuple[int, int]]:
    """The state inputs of a graph with their `(time, channels)`."""
    return {item.name: (item.shape[1], item.shape[2]) for item in session.get_inputs() if item.name.startswith("state")}
