"""The quantizer's layers, each in its own directions."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")


from lamina.models.network.quantizer import (  # noqa: E402
    ResidualVectorQuantizer,
    fit_codebooks,
    kmeans,
    nearest,
    strongest_directions,
)

CHANNELS, LAYERS, SIZE, WIDTH = 12, 4, 32, 3


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def random_quantizer():
    quantizer = ResidualVectorQuantizer(CHANNELS, LAYERS, SIZE, WIDTH)
    for layer in range(LAYERS):
        quantizer.bases[layer] = torch.linalg.qr(torch.randn(CHANNELS, WIDTH))[0]
    return quantizer


def anisotropic(rows):
    """Latents with most of their energy in a few directions, none of them along an axis."""
    turn = torch.linalg.qr(torch.randn(CHANNELS, CHANNELS, generator=torch.Generator().manual_seed(1)))[0]
    return torch.randn(rows, CHANNELS) * (2.0 ** -torch.arange(CHANNELS)) @ turn


def test_encoding_decoding_and_training_agree():
    quantizer = random_quantizer().eval()
    z = torch.randn(3, 10, CHANNELS)
    for layers in range(1, LAYERS + 1):
        codes = quantizer.encode(z, layers)
        decoded = quantizer.decode(codes)
        straight, commitment, same_codes = quantizer.quantize(z, torch.full((3,), layers))
        assert torch.equal(same_codes[..., :layers], codes) and (same_codes[..., layers:] == -1).all()
        assert torch.allclose(straight, decoded, atol=1e-5)
        assert float(commitment) == pytest.approx(float((z - decoded).square().mean()), rel=1e-4)
        added = [entries[codes[..., layer]] for layer, entries in enumerate(quantizer.entries()[:layers])]
        assert torch.allclose(sum(added), decoded, atol=1e-5)
    assert torch.equal(quantizer(z, torch.full((3,), LAYERS))[0], straight)


def test_a_layer_changes_the_latent_in_its_own_directions_only():
    quantizer = random_quantizer().eval()
    z = torch.randn(2, 10, CHANNELS)
    codes = quantizer.encode(z)
    for layer in range(LAYERS):
        change = quantizer.decode(codes[..., : layer + 1]) - (quantizer.decode(codes[..., :layer]) if layer else 0)
        basis = quantizer.bases[layer]
        assert torch.allclose(change @ basis @ basis.t(), change, atol=1e-5)
        assert torch.linalg.matrix_rank(change.flatten(0, 1), atol=1e-4) <= WIDTH


def test_examples_with_different_layers_do_not_disturb_each_other():
    quantizer = random_quantizer().eval()
    z, active = torch.randn(6, 8, CHANNELS), torch.tensor([2, 4, 1, 4, 3, 2])
    mixed, _, codes = quantizer.quantize(z, active)
    order = torch.randperm(6)
    shuffled, _, shuffled_codes = quantizer.quantize(z[order], active[order])
    assert torch.allclose(shuffled, mixed[order], atol=1e-6) and torch.equal(shuffled_codes, codes[order])
    for index in range(6):
        alone, _, own_codes = quantizer.quantize(z[index : index + 1], active[index : index + 1])
        assert torch.allclose(alone[0], mixed[index], atol=1e-6) and torch.equal(own_codes[0], codes[index])


def test_a_layer_learns_from_the_examples_that_use_it_only():
    quantizer = random_quantizer().train()
    before = quantizer.sums.clone()
    quantizer(torch.randn(4, 8, CHANNELS), torch.tensor([1, 2, 2, 1]))
    decay = quantizer.decay
    assert float(quantizer.use[0].sum()) == pytest.approx(SIZE * decay + 32 * (1 - decay), rel=1e-4)
    assert float(quantizer.use[1].sum()) == pytest.approx(SIZE * decay + 16 * (1 - decay), rel=1e-4)
    assert torch.allclose(quantizer.sums[2:], before[2:] * decay)
    assert not torch.allclose(quantizer.sums[1], before[1] * decay)


def test_fitted_bases_beat_random_ones_on_latents_with_a_direction():
    latents, held_out = anisotropic(4000), anisotropic(1000)
    fitted, random = random_quantizer(), random_quantizer()
    left = fit_codebooks(fitted, latents, iterations=4)
    for layer in range(LAYERS):
        basis = fitted.bases[layer]
        assert torch.allclose(basis.t() @ basis, torch.eye(WIDTH), atol=1e-5)
    # The same fit, but in the directions it was given.
    residual = latents.clone()
    for layer in range(LAYERS):
        basis = random.bases[layer]
        book = kmeans(residual @ basis, SIZE, 4)[0]
        random.codebooks[layer] = book
        residual -= book[nearest(residual @ basis, book)] @ basis.t()

    def error(quantizer):
        return float((held_out - quantizer.decode(quantizer.encode(held_out[None]))[0]).square().mean())

    assert error(fitted) < 0.5 * error(random)
    assert float(left.square().mean()) == pytest.approx(error(fitted), rel=0.25)
    # The averages behind the entries agree with them, or the first step would move them.
    assert torch.allclose(fitted.sums / fitted.use[..., None], fitted.codebooks, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 5, CHANNELS])
def test_the_strongest_directions_are_the_principal_components(count):
    x = anisotropic(2000)
    directions = strongest_directions(x, count)
    assert directions.shape == (CHANNELS, count)
    assert torch.allclose(directions.t() @ directions, torch.eye(count), atol=1e-4)
    energies = (x @ directions).square().sum(0)
    assert (energies[1:] <= energies[:-1]).all()
    assert torch.allclose(energies, torch.linalg.eigvalsh(x.t() @ x).flip(0)[:count], rtol=1e-3, atol=1e-3)
