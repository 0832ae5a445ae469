"""Weights in bytes stand for the weights, and what must stay exact is not stored in them."""

import numpy as np
import pytest

from lamina.models.bundles import byte_weights
from lamina.models.bundles.bundle import DECODER, ENCODER, MEMORY, open_bundle


def weights(rows=5, columns=70, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


@pytest.mark.parametrize("columns", [1, 31, 32, 33, 641])
def test_bytes_stand_for_the_weights_to_half_a_step(columns):
    original = weights(columns=columns)
    codes, scales = byte_weights.to_bytes(original)
    back = byte_weights.from_bytes(codes, scales.reshape(-1), columns)
    steps = np.repeat(scales, byte_weights.BLOCK, axis=1)[:, :columns]
    assert back.shape == original.shape
    assert (np.abs(back - original) <= 0.5001 * steps).all()
    assert codes.min() >= 1  # symmetric around 128


def test_zeros_stay_zeros_and_rounding_twice_changes_nothing():
    original = weights()
    original[2] = 0
    once = byte_weights.rounded(original)
    assert not once[2].any()
    assert np.allclose(byte_weights.rounded(once), once, rtol=1e-6, atol=0)


def test_the_shipped_networks_multiply_bytes_but_for_filterbank_and_linear_path():
    onnx = pytest.importorskip("onnx", reason="reading graphs needs the extra [train]")
    bundle = open_bundle()
    exact = {
        ENCODER: ("analysis.linear.weight", "linear_path.weight.half"),
        DECODER: ("decoder.synthesis.linear.weight", "decoder.linear_path.weight.half"),
    }
    for graph, (filterbank, linear_path) in exact.items():
        stored = {item.name: item.data_type for item in onnx.load(bundle.path / graph).graph.initializer}
        assert stored[filterbank] == onnx.TensorProto.FLOAT
        assert stored[linear_path] == onnx.TensorProto.FLOAT16
        matrices = {name for name in stored if name.endswith(("linear.weight", "path.weight.half", "project.weight"))}
        assert matrices == {filterbank, linear_path}
        assert sum(name.endswith(byte_weights.CODES) for name in stored) >= 12


def test_a_memory_multiplies_nothing_but_bytes():
    """What it foresees wrongly is coded anyway."""
    onnx = pytest.importorskip("onnx", reason="reading graphs needs the extra [train]")
    stored = {item.name: item for item in onnx.load(open_bundle().path / MEMORY).graph.initializer}
    matrices = [
        name for name, item in stored.items() if len(item.dims) > 1 and item.data_type != onnx.TensorProto.INT64
    ]
    assert all(name.endswith(byte_weights.CODES) for name in matrices) and len(matrices) >= 12
