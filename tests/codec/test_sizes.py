"""Sizes by name: what they cost, what ships, and what is said of those that don't."""

from pathlib import Path

import pytest

from lamina.cli.main import main
from lamina.models.bundles.bundle import BundleError, find_bundle, weights_folder
from lamina.models.sizes import SIZES, describe_size, shipped_bundle_of
from lamina.plugin import NeuralCodec


def test_standard_is_the_shipped_model():
    assert find_bundle("standard") == weights_folder() / "lamina-24k"
    assert NeuralCodec(model="standard").bundle.digest == NeuralCodec().bundle.digest


def test_the_shipped_bundle_has_the_standard_shape():
    assert NeuralCodec(model="standard").bundle.config == SIZES["standard"]


@pytest.mark.parametrize("size", ["eco", "hq"])
def test_a_size_that_does_not_ship_says_how_to_train_it(size, capsys):
    assert shipped_bundle_of(size) is None
    with pytest.raises(BundleError, match=f"{size!r} comes with Lamina yet.*lamina train --size {size}"):
        NeuralCodec(model=size)
    assert main(["info", "--model", size]) == 2
    error = capsys.readouterr().err
    assert "lamina train --size" in error and len(error.strip().splitlines()) == 1


def parameter_count(config):
    """Trained weights, counted on the network; codebooks and the fixed filterbank are not among them."""
    import torch

    from lamina.models.network.network import CodecNetwork

    with torch.device("meta"):
        network = CodecNetwork(config)
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


@pytest.mark.slow
def test_sizes_differ_in_cost_as_they_say():
    pytest.importorskip("torch", reason="counting weights needs the extra [train]")
    weights = {name: parameter_count(config) for name, config in SIZES.items()}
    assert 0.28 < weights["eco"] / weights["standard"] < 0.4
    assert 2.4 < weights["hq"] / weights["standard"] < 3.5
    assert "a third" in describe_size("eco") and "three times" in describe_size("hq")


def test_every_size_fits_the_same_stream_of_codes():
    """What is sent does not depend on the size: frames, layers and codebooks are the same."""
    shapes = {(config.sample_rate, config.frame, config.layers, config.codebook_size) for config in SIZES.values()}
    assert len(shapes) == 1


@pytest.mark.slow
def test_the_docs_table_says_what_is_counted():
    pytest.importorskip("torch", reason="counting weights needs the extra [train]")
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    for name, config in SIZES.items():
        assert f"| {name} | {parameter_count(config) / 1e6:.1f} million | {describe_size(name)} |" in page
