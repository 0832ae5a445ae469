"""From a trained network to a bundle: ONNX graphs with explicit state, a snapshot, hashes, and the model card.

Weight matrices are stored in half precision and widened when the runtime loads them; the filterbank stays
in single precision, where rounding would be heard as noise at −70 dB. `load_network` is the way back, so
that training can go on from any bundle.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lamina.models.bundle import (
    BUNDLE_FORMAT,
    DECODER,
    ENCODER,
    LAYERS_PER_GRAPH,
    MODEL_CARD,
    SNAPSHOT,
    Bundle,
    file_hash,
    open_bundle,
    quantizer_graphs,
    required_files,
)
from lamina.models.layers import StreamingModule
from lamina.models.network import CodecNetwork

OPSET = 20
LARGEST_IR = 10
HALF_PRECISION_SIZE = 4096
"""Matrices with at least this many weights are stored in half precision."""
FILTERBANK = ("analysis.linear.weight", "synthesis.linear.weight")
SNAPSHOT_FRAMES = 24


class _QuantizerGraph(nn.Module):
    """Latents → codes of a group of layers, what they leave over, and their codebooks."""

    codebooks: Tensor
    half_norms: Tensor

    def __init__(self, codebooks: Tensor) -> None:
        super().__init__()
        self.register_buffer("codebooks", codebooks)
        self.register_buffer("half_norms", codebooks.square().sum(-1) / 2)

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:
        residual = z
        codes = []
        for layer in range(len(self.codebooks)):
            book = self.codebooks[layer]
            index = (residual @ book.t() - self.half_norms[layer]).argmax(-1)
            residual = residual - book[index]
            codes.append(index.to(torch.int32))
        return (*codes, residual, self.codebooks + 0)


def export_bundle(
    network: CodecNetwork, target: Path, name: str, training: dict[str, Any], model_card: str, conditioned: bool = False
) -> Bundle:
    """Write `network` as the bundle `target` (replaced only when the new one is complete and computes what torch does).

    Args:
        network: trained; it is put into evaluation mode and its large weights are rounded to half precision.
        name: the bundle's name.
        training: plain JSON about steps, hours and data.
        model_card: Markdown.
        conditioned: whether denoise was trained.
    """
    from lamina.models.runtime import CodecRuntime

    network.eval()
    _round_to_half(network)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        fresh = Path(folder) / target.name
        fresh.mkdir()
        _export_streaming(network.encoder, fresh / ENCODER, ["audio"], "latent", network.config.frame, 1)
        for index, graph in enumerate(quantizer_graphs(network.config)):
            group = slice(index * LAYERS_PER_GRAPH, (index + 1) * LAYERS_PER_GRAPH)
            _export_quantizer(network.quantizer.codebooks[group], fresh / graph)
        _export_streaming(network.decoder, fresh / DECODER, ["latent", "denoise"], "audio", 1, network.config.latent)
        np.savez(fresh / SNAPSHOT, **_snapshot(network))
        (fresh / MODEL_CARD).write_text(model_card, encoding="utf-8")
        manifest = {
            "format": BUNDLE_FORMAT,
            "name": name,
            "config": network.config.to_json(),
            "conditioned": conditioned,
            "training": training,
            "files": {file: file_hash(fresh / file) for file in required_files(network.config)},
        }
        (fresh / "model.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        CodecRuntime(open_bundle(fresh))
        old = Path(folder) / "old"
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    return open_bundle(target)


def load_network(bundle: Bundle) -> CodecNetwork:
    """The network of a bundle, with the weights its graphs hold. Moving averages of the quantizer start anew."""
    import onnx
    from onnx import numpy_helper

    from lamina.models.runtime import CodecRuntime

    network = CodecNetwork(bundle.config)
    state = network.state_dict()
    for graph, part in ((ENCODER, "encoder."), (DECODER, "decoder.")):
        for initializer in onnx.load(bundle.path / graph).graph.initializer:
            key = part + initializer.name.removesuffix(_HALF_SUFFIX)
            if key in state:
                state[key] = torch.from_numpy(numpy_helper.to_array(initializer).astype(np.float32)).reshape(state[key].shape)
    state["quantizer.codebooks"] = torch.from_numpy(CodecRuntime(bundle).codebooks.copy())
    state["quantizer.sums"] = state["quantizer.codebooks"] * state["quantizer.use"][..., None]
    network.load_state_dict(state)
    return network


_HALF_SUFFIX = ".half"


def _round_to_half(network: CodecNetwork) -> None:
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if _stored_in_half(name, value.numel()):
                value.copy_(value.half().float())


def _stored_in_half(name: str, size: int) -> bool:
    return size >= HALF_PRECISION_SIZE and not name.endswith(FILTERBANK) and not name.endswith(("use", "sums", "half_norms"))


def _export_streaming(module: StreamingModule, path: Path, inputs: list[str], output: str, time: int, channels: int) -> None:
    """Export `(x, …, state) → (y, state)` with dynamic batch and time; states are inputs `state0…` and outputs `next0…`."""
    state = module.initial_state(1)
    names = [f"state{index}" for index in range(len(state))]
    examples = [torch.zeros(1, 3 * time, channels)] + [torch.zeros(1, 3, 1) for _ in inputs[1:]]

    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *args: Tensor) -> tuple[Tensor, ...]:
            y, after = self.module(*args[: len(inputs)], list(args[len(inputs) :]))
            return (y, *after)

    axes = {name: {0: "channels", 1: "time"} for name in [*inputs, "y"]} | {name: {0: "channels"} for name in names}
    axes |= {f"next{index}": {0: "channels"} for index in range(len(state))}
    outputs = ["y", *(f"next{index}" for index in range(len(state)))]
    _export(Flat(), (*examples, *state), path, [*inputs, *names], outputs, axes)


def _export_quantizer(codebooks: Tensor, path: Path) -> None:
    outputs = [*(f"codes{layer}" for layer in range(len(codebooks))), "residual", "entries"]
    axes = {name: {0: "channels", 1: "time"} for name in ["latent", *outputs[:-1]]}
    _export(_QuantizerGraph(codebooks.clone()), (torch.zeros(1, 3, codebooks.shape[-1]),), path, ["latent"], outputs, axes)


def _export(
    module: nn.Module, examples: tuple[Tensor, ...], path: Path, inputs: list[str], outputs: list[str], axes: dict[str, dict[int, str]]
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
    _store_in_half(model)
    onnx.save(model, path)


def _store_in_half(model: Any) -> None:
    """Replace large weights by half-precision ones and a cast, which the runtime folds away at load."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    casts = []
    for initializer in graph.initializer:
        initializer_name = initializer.name.removeprefix("module.")
        values = numpy_helper.to_array(initializer)
        if values.dtype != np.float32 or not _stored_in_half(initializer_name, values.size):
            _rename_initializer(graph, initializer, initializer_name)
            continue
        _rename_initializer(graph, initializer, initializer_name)
        initializer.CopyFrom(numpy_helper.from_array(values.astype(np.float16), initializer_name + _HALF_SUFFIX))
        casts.append(helper.make_node("Cast", [initializer_name + _HALF_SUFFIX], [initializer_name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)


def _rename_initializer(graph: Any, initializer: Any, name: str) -> None:
    before, initializer.name = initializer.name, name
    for node in graph.node:
        for index, item in enumerate(node.input):
            if item == before:
                node.input[index] = name


@torch.no_grad()
def _snapshot(network: CodecNetwork) -> dict[str, Any]:
    """An example through torch: audio, latents, codes of all layers, and the output for those codes."""
    config = network.config
    generator = torch.Generator().manual_seed(0)
    n_samples = SNAPSHOT_FRAMES * config.frame
    seconds = torch.arange(n_samples) / config.sample_rate
    audio = 0.3 * torch.sin(2 * torch.pi * 220 * seconds * (1 + seconds)) + 0.02 * torch.randn(n_samples, generator=generator)
    z, _ = network.encoder(audio[None, :, None], network.encoder.initial_state(1))
    codes = network.quantizer.encode(z)
    y, _ = network.decoder(network.quantizer.decode(codes), torch.zeros_like(z[..., :1]), network.decoder.initial_state(1))
    return {
        "audio": audio[None].numpy(),
        "latent": z.numpy(),
        "codes": codes.numpy().astype(np.uint16),
        "output": y[..., 0].numpy(),
    }
