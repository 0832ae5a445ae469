"""A damaged or foreign bundle is named, not heard."""

import json
import shutil

import numpy as np
import pytest

from lamina.models.bundles.bundle import BundleError, list_bundles, open_bundle, weights_folder
from lamina.models.runtime import CodecRuntime
from lamina.plugin import NeuralCodec


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "bundle")


def test_the_shipped_bundle_opens_and_reproduces_its_snapshot():
    assert "lamina-24k" in list_bundles()
    runtime = CodecRuntime(open_bundle())
    # Layers 1 to 24, and two more for frames without a lag.
    assert runtime.entries.shape == (26, 1024, runtime.config.latent)
    assert not runtime.entries[0].any()


def test_the_shipped_bundle_is_small_enough_for_git():
    files = [path for path in (weights_folder() / "lamina-24k").iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 16e6


@pytest.mark.parametrize(
    "graph", ["encoder.onnx", "quantizer-2.onnx", "decoder.onnx", "memory.onnx", "lags.onnx", "coarse.onnx"]
)
def test_one_flipped_bit_is_named(copy, graph):
    data = bytearray((copy / graph).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / graph).write_bytes(data)
    with pytest.raises(BundleError, match=graph):
        open_bundle(copy)
    with pytest.raises(BundleError, match="damaged"):
        NeuralCodec(model=str(copy))


def test_a_missing_file_is_named(copy):
    (copy / "decoder.onnx").unlink()
    with pytest.raises(BundleError, match=r"decoder\.onnx"):
        open_bundle(copy)


@pytest.mark.parametrize(
    "change", [{"format": 99}, {"config": {"design": "other"}}, {"config": {"colour": 1}}, {"files": {}}]
)
def test_a_foreign_manifest_is_refused(copy, change):
    manifest = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(manifest | change))
    with pytest.raises(ValueError, match=r"format|design|colour|lists no"):
        open_bundle(copy)


def test_a_truncated_manifest_is_refused(copy):
    (copy / "model.json").write_text((copy / "model.json").read_text()[:50])
    with pytest.raises(BundleError, match=r"model\.json"):
        open_bundle(copy)


def test_a_runtime_that_computes_something_else_is_refused(copy, monkeypatch):
    decode = CodecRuntime.decode

    def wrong(self, z, state, denoise=0.0):
        y, after = decode(self, z, state, denoise)
        return y * np.float32(1.1), after

    monkeypatch.setattr(CodecRuntime, "decode", wrong)
    with pytest.raises(BundleError, match="decoder"):
        CodecRuntime(open_bundle(copy))


def test_a_memory_that_foresees_something_else_is_refused(copy, monkeypatch):
    loop = CodecRuntime.loop

    def wrong(self, n_channels):
        made = loop(self, n_channels)
        check = made.check
        made.check = lambda foreseen, codes: check(foreseen, codes) * np.float32(1.1)
        return made

    monkeypatch.setattr(CodecRuntime, "loop", wrong)
    with pytest.raises(BundleError, match="memory"):
        CodecRuntime(open_bundle(copy))


def test_an_unknown_name_lists_the_known():
    with pytest.raises(BundleError, match="lamina-24k"):
        NeuralCodec(model="lamina-48k")
