"""From a trained network to a bundle: ONNX graphs with explicit state, a snapshot, hashes, and the model card.

The networks' weight matrices are stored and multiplied in bytes (`lamina.models.bundles.byte_weights`); the linear path
and the codebooks are stored in half precision and widened when the runtime loads them; the filterbank stays in single
precision, where rounding would be heard as noise at −70 dB. `load_network` is the way back, so that training can go on
from any bundle.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lamina.models.bundles import byte_weights
from lamina.models.bundles.bundle import (
    BUNDLE_FORMAT,
    COARSE,
    DECODER,
    ENCODER,
    LAGS,
    MEMORY,
    MODEL_CARD,
    SNAPSHOT,
    Bundle,
    file_hash,
    open_bundle,
    quantizer_graphs,
    quantizer_groups,
    required_files,
)
from lamina.models.config import CodecConfig
from lamina.models.network.layers import ResidualBlock, StreamingModule
from lamina.models.network.memory import GAIN, Blocks, LagSearch, LagState, Memory, MemoryState
from lamina.models.network.network import CodecNetwork, ConditionedDecoder

OPSET = 20
LARGEST_IR = 10
LARGE = 4096
"""Matrices with at least this many weights are stored in bytes or in half precision."""
FILTERBANK = ("analysis.linear.weight", "synthesis.linear.weight")
LINEAR_PATH = ("linear_path.weight",)
MEMORY_PART = ("memory.", "sketch.", "predictor.")
"""What the names of a memory's weights begin with.

All its matrices are in bytes, as what it foresees wrongly is coded anyway.
"""
QUANTIZER = ("codebooks", "bases")
GRAPH_TOLERANCE = 0.05
"""Largest difference of the graphs from torch, relative to the largest value.

The runtime rounds activations to bytes.
"""
GRAPH_LOSS = 1.05
"""Largest error of the graphs' codes against that of torch's: the graphs compare entries in bytes."""
SNAPSHOT_FRAMES = 24


class _QuantizerGraph(nn.Module):
    """Latents `[rows, latent]` → codes of a group of layers, what they leave over, and their codebooks and bases.

    Entries are compared in bytes, which reads a quarter of the memory and now and then takes an entry that is hardly
    worse; what is taken away from the latent is the entry itself. Frames of all channels are rows of one matrix.
    """

    codebooks: Tensor
    bases: Tensor
    offsets: Tensor

    def __init__(self, codebooks: Tensor, bases: Tensor) -> None:
        super().__init__()
        self.register_buffer("codebooks", codebooks)
        self.register_buffer("bases", bases)
        self.register_buffer("offsets", -codebooks.square().sum(-1) / 2)
        self.compared = nn.ModuleList(nn.Linear(codebooks.shape[2], codebooks.shape[1], bias=False) for _ in codebooks)
        for layer, book in zip(self.compared, codebooks, strict=True):
            layer.weight = nn.Parameter(book.clone(), requires_grad=False)

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:
        residual = z
        codes = []
        for layer, compared in enumerate(self.compared):
            basis = self.bases[layer]
            index = (compared(residual @ basis) + self.offsets[layer]).argmax(-1)
            residual = torch.addmm(residual, self.codebooks[layer][index], -basis.t())
            codes.append(index)
        return (*codes, residual, self.codebooks + 0, self.bases + 0)


def export_bundle(
    network: CodecNetwork, target: Path, name: str, training: dict[str, Any], model_card: str, conditioned: bool = False
) -> Bundle:
    """Write `network` as the bundle `target` (replaced only when the new one is complete and computes what torch does).

    Args:
        network: trained; it is put into evaluation mode, gains are folded, and large weights are rounded to what is
            stored. Don't train it on: `load_network` gives a network to go on from.
        name: the bundle's name.
        training: plain JSON about steps, hours and data.
        model_card: Markdown.
        conditioned: whether denoise was trained.
    """
    from lamina.models.runtime import CodecRuntime

    network.eval()
    _fold_gains(network)
    _round_weights(network)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        fresh = Path(folder) / target.name
        fresh.mkdir()
        _export_encoder(network.encoder, fresh / ENCODER, network.config)
        for group, graph in zip(quantizer_groups(network.config), quantizer_graphs(network.config), strict=True):
            _export_quantizer(network.quantizer.codebooks[group], network.quantizer.bases[group], fresh / graph)
        if network.memory is not None:
            _export_lags(network.lag_search, fresh / LAGS)
            _export_memory(network.memory, fresh / MEMORY)
            _export_quantizer(network.coarse_quantizer.codebooks, network.coarse_quantizer.bases, fresh / COARSE)
        _export_decoder(network.decoder, fresh / DECODER, network.config)
        (fresh / MODEL_CARD).write_text(model_card, encoding="utf-8")
        manifest = {
            "format": BUNDLE_FORMAT,
            "name": name,
            "config": network.config.to_json(),
            "conditioned": conditioned,
            "training": training,
        }
        # First what torch computes, to see that the graphs do the same; what is kept is what the graphs compute.
        torch_says = _snapshot(network)
        runtime = CodecRuntime(_write_snapshot(fresh, manifest, torch_says), GRAPH_TOLERANCE, GRAPH_LOSS, engine="onnx")
        CodecRuntime(_write_snapshot(fresh, manifest, runtime.snapshot(torch_says["audio"])))
        old = Path(folder) / "old"
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    return open_bundle(target)


def _write_snapshot(folder: Path, manifest: dict[str, Any], snapshot: dict[str, Any]) -> Bundle:
    """Write the snapshot and the manifest with all hashes; returns the bundle."""
    np.savez(folder / SNAPSHOT, **snapshot)
    config = CodecConfig.from_json(manifest["config"])
    hashes = {file: file_hash(folder / file) for file in required_files(config)}
    (folder / "model.json").write_text(json.dumps({**manifest, "files": hashes}, indent=1) + "\n", encoding="utf-8")
    return open_bundle(folder)


def load_network(bundle: Bundle) -> CodecNetwork:
    """The network of a bundle, with the weights its graphs hold. Moving averages of the quantizer start anew."""
    import onnx
    from onnx import numpy_helper

    from lamina.models.runtime import CodecRuntime

    network = CodecNetwork(bundle.config)
    _fold_gains(network)
    state = network.state_dict()
    graphs = [(ENCODER, "encoder."), (DECODER, "decoder.")] + (
        [(MEMORY, "memory.")] if network.memory is not None else []
    )
    for graph, part in graphs:
        stored = {item.name: numpy_helper.to_array(item) for item in onnx.load(bundle.path / graph).graph.initializer}
        for name in state:
            if not name.startswith(part):
                continue
            key = name.removeprefix(part)
            values: npt.NDArray[Any] | None
            if key + byte_weights.CODES in stored:
                codes, scales = stored[key + byte_weights.CODES], stored[key + byte_weights.SCALES]
                values = byte_weights.from_bytes(codes, scales, state[name].shape[1])
            else:
                values = stored.get(key, stored.get(key + _HALF_SUFFIX))
            if values is not None:
                state[name] = torch.from_numpy(values.astype(np.float32)).reshape(state[name].shape)
    runtime = CodecRuntime(bundle, tries=True)
    residual, coarse = bundle.config.residual_layers, bundle.config.coarse_layers
    parts = [("quantizer", slice(bundle.config.layers - residual, bundle.config.layers))]
    if coarse:
        parts.append(("coarse_quantizer", slice(-coarse, None)))
    for name, rows in parts:
        state[f"{name}.codebooks"] = torch.from_numpy(runtime.codebooks[rows].copy())
        state[f"{name}.bases"] = torch.from_numpy(runtime.bases[rows].copy())
        state[f"{name}.sums"] = state[f"{name}.codebooks"] * state[f"{name}.use"][..., None]
    network.load_state_dict(state)
    for block in network.modules():
        if isinstance(block, ResidualBlock):
            block.unfold_gain()
        elif isinstance(block, Blocks):
            block.set_gain(GAIN)
    if network.memory is not None:
        network.memory.fold(False)
    return network


def _fold_gains(network: CodecNetwork) -> None:
    for block in network.modules():
        if isinstance(block, ResidualBlock):
            block.fold_gain()
        elif isinstance(block, Blocks):
            block.set_gain(1.0)
    if network.memory is not None:
        network.memory.fold(True)


_HALF_SUFFIX = ".half"


def _round_weights(network: CodecNetwork) -> None:
    """Round every weight to what the bundle will hold of it."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if _stored_in_bytes(name, value):
                value.copy_(torch.from_numpy(byte_weights.rounded(value.numpy())))
            elif _stored_in_half(name, value):
                value.copy_(value.half().float())


def _stored_in_half(name: str, value: Tensor) -> bool:
    return value.numel() >= LARGE and (
        name.endswith(QUANTIZER) or (name.endswith(LINEAR_PATH) and not name.startswith(MEMORY_PART))
    )


def _stored_in_bytes(name: str, value: Tensor) -> bool:
    is_matrix = value.ndim == 2 and value.numel() >= LARGE and name.endswith("weight")
    return (
        is_matrix and not name.endswith(FILTERBANK) and (name.startswith(MEMORY_PART) or not name.endswith(LINEAR_PATH))
    )


class _EncoderGraph(nn.Module):
    """An encoder, its state as tensors."""

    def __init__(self, encoder: StreamingModule) -> None:
        super().__init__()
        self.module = encoder

    def forward(self, audio: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        z, after = self.module(audio, list(state))
        return (z, *after)


class _DecoderGraph(nn.Module):
    """A decoder, its state as tensors; one that is informed takes the layers too."""

    def __init__(self, decoder: ConditionedDecoder) -> None:
        super().__init__()
        self.module = decoder

    def forward(self, latent: Tensor, denoise: Tensor, *told: Tensor) -> tuple[Tensor, ...]:
        if self.module.informed:
            y, after = self.module(latent, denoise, list(told[1:]), told[0])
        else:
            y, after = self.module(latent, denoise, list(told))
        return (y, *after)


def _export_encoder(encoder: StreamingModule, path: Path, config: CodecConfig) -> None:
    _export_streaming(
        _EncoderGraph(encoder), {"audio": torch.zeros(1, 3 * config.frame, 1)}, encoder.initial_state(1), path
    )


def _export_decoder(decoder: ConditionedDecoder, path: Path, config: CodecConfig) -> None:
    inputs = {"latent": torch.zeros(1, 3, config.latent), "denoise": torch.zeros(1, 3, 1)}
    if decoder.informed:
        inputs["layers"] = torch.zeros(1, 3, dtype=torch.int64)
    _export_streaming(_DecoderGraph(decoder), inputs, decoder.initial_state(1), path)


def _export_streaming(graph: nn.Module, inputs: dict[str, Tensor], state: list[Tensor], path: Path) -> None:
    """Export a module `(inputs …, state …) → (y, state …)` with dynamic batch and time.

    States are the inputs `state0…` and the outputs `next0…`.
    """
    before, after = ([f"{name}{index}" for index in range(len(state))] for name in ("state", "next"))
    axes = {name: {0: "channels", 1: "time"} for name in [*inputs, "y"]} | {
        name: {0: "channels"} for name in [*before, *after]
    }
    _export(graph, (*inputs.values(), *state), path, [*inputs, *before], ["y", *after], axes)


class _MemoryGraph(nn.Module):
    """One frame of `Memory.foresee`, its state as tensors."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.module = memory

    def forward(
        self, index: Tensor, has_lag: Tensor, share: Tensor, latents: Tensor, tail: Tensor, past: Tensor
    ) -> tuple[Tensor, ...]:
        prediction, _, state = self.module.foresee(index, has_lag, share, MemoryState(latents, tail, past))
        return prediction, state.tail, state.past


class _LagGraph(nn.Module):
    """One frame of `LagSearch` in one channel, its state as tensors."""

    def __init__(self, search: LagSearch) -> None:
        super().__init__()
        self.module = search

    def forward(self, audio: Tensor, tail: Tensor, sharp: Tensor, slow: Tensor) -> tuple[Tensor, ...]:
        lag, state = self.module(audio, LagState(tail, sharp, slow))
        return lag, state.tail, state.sharp, state.slow


def _export_lags(search: LagSearch, path: Path) -> None:
    state = search.initial_state(1)
    inputs, outputs = ["audio", "tail", "sharp", "slow"], ["lag", "next_tail", "next_sharp", "next_slow"]
    _export(
        _LagGraph(search),
        (torch.zeros(1, search.frame), state.tail, state.sharp, state.slow),
        path,
        inputs,
        outputs,
        {},
    )


def _export_memory(memory: Memory, path: Path) -> None:
    state = memory.initial_state(2)
    inputs, outputs = ["index", "has_lag", "share", "latents", "tail", "past"], ["prediction", "next_tail", "next_past"]
    index = torch.zeros(2, memory.frame + memory.overlap, dtype=torch.int64)
    examples = (index, torch.ones(2, 1), torch.ones(2, 1), state.latents, state.tail, state.past)
    _export(
        _MemoryGraph(memory), examples, path, inputs, outputs, {name: {0: "channels"} for name in [*inputs, *outputs]}
    )


def _export_quantizer(codebooks: Tensor, bases: Tensor, path: Path) -> None:
    outputs = [*(f"codes{layer}" for layer in range(len(codebooks))), "residual", "codebooks", "bases"]
    axes = {name: {0: "rows"} for name in ["latent", *outputs[:-2]]}
    _export(
        _QuantizerGraph(codebooks.clone(), bases.clone()),
        (torch.zeros(3, bases.shape[1]),),
        path,
        ["latent"],
        outputs,
        axes,
    )


def _export(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    axes: dict[str, dict[int, str]],
) -> None:
    import onnx

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Without folding, weights keep their names in the graph, which is what `load_network` reads.
        torch.onnx.export(
            module.eval(),
            examples,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
            do_constant_folding=False,
        )
    model = onnx.load(path)
    model.ir_version = min(model.ir_version, LARGEST_IR)
    _store_small(model)
    onnx.save(model, path)


def _store_small(model: Any) -> None:
    """Replace large weights by bytes or by half precision and a cast, which the runtime folds away at load."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    casts, in_bytes = [], set()
    for initializer in graph.initializer:
        name = initializer.name.removeprefix("module.")
        _rename_initializer(graph, initializer, name)
        values = torch.from_numpy(numpy_helper.to_array(initializer).copy())
        if _stored_in_bytes(name, values):
            in_bytes.add(name)
        elif _stored_in_half(name, values):
            initializer.CopyFrom(numpy_helper.from_array(values.half().numpy(), name + _HALF_SUFFIX))
            casts.append(helper.make_node("Cast", [name + _HALF_SUFFIX], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    byte_weights.store_in_bytes(model, in_bytes)


def _rename_initializer(graph: Any, initializer: Any, name: str) -> None:
    before, initializer.name = initializer.name, name
    for node in graph.node:
        for index, item in enumerate(node.input):
            if item == before:
                node.input[index] = name


@torch.no_grad()
def _snapshot(network: CodecNetwork) -> dict[str, Any]:
    """An example computed by torch, to be stored with the bundle.

    Audio, latents, codes of all layers, the output for these codes, and with a memory the predictions.
    """
    config = network.config
    generator = torch.Generator().manual_seed(0)
    n_samples = SNAPSHOT_FRAMES * config.frame
    seconds = torch.arange(n_samples) / config.sample_rate
    audio = 0.3 * torch.sin(2 * torch.pi * 220 * seconds * (1 + seconds)) + 0.02 * torch.randn(
        n_samples, generator=generator
    )
    z, _ = network.encoder(audio[None, :, None], network.encoder.initial_state(1))
    codes, foreseen, entries = network.encode(audio[None], z)
    layers = torch.full(z.shape[:2], config.layers) if network.decoder.informed else None
    y, _ = network.decoder(foreseen + entries, torch.zeros_like(z[..., :1]), network.decoder.initial_state(1), layers)
    return {
        "audio": audio[None].numpy(),
        "latent": z.numpy(),
        "codes": codes.numpy().astype(np.uint16),
        "output": y[..., 0].numpy(),
        **({} if config.memory is None else {"foreseen": foreseen.numpy()}),
    }
