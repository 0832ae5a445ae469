"""Both designs train, export, and stream the same in torch and in the shipped runtime."""

import dataclasses

import numpy as np
import pytest
from sounds import demo, noise

torch = pytest.importorskip("torch", reason="training needs the extra [train]")
pytest.importorskip("onnx", reason="export needs the extra [train]")

from lamina.models.config import CodecConfig, SoundStreamConfig, TransformConfig  # noqa: E402
from lamina.models.engines.core import library as core_library  # noqa: E402
from lamina.models.export import GRAPH_TOLERANCE, export_bundle, load_network  # noqa: E402
from lamina.models.network.denoiser import Denoiser  # noqa: E402
from lamina.models.network.layers import CausalConv, OverlapAddConv, StridedConv  # noqa: E402
from lamina.models.network.network import CodecNetwork  # noqa: E402
from lamina.models.network.quantizer import ResidualVectorQuantizer  # noqa: E402
from lamina.models.network.transform import mdct_basis  # noqa: E402
from lamina.models.runtime import CodecRuntime  # noqa: E402
from lamina.models.training.data.corpus import Augmentation, Clip, Corpus  # noqa: E402
from lamina.models.training.initialise import fit_linear_path, fit_quantizer  # noqa: E402
from lamina.models.training.plan import TrainingPlan  # noqa: E402
from lamina.models.training.trainer import Trainer  # noqa: E402

SMALL = CodecConfig(
    latent=24,
    code_width=12,
    layers=6,
    codebook_size=64,
    transform=TransformConfig(width=32, encoder_blocks=2, decoder_blocks=2),
)
CONFIGS = {
    "transform": SMALL,
    "informed": dataclasses.replace(SMALL, transform=dataclasses.replace(SMALL.transform, informed=True)),
    "denoiser": dataclasses.replace(
        SMALL, transform=dataclasses.replace(SMALL.transform, denoiser_blocks=3, denoiser_width=32)
    ),
    **{
        # The paper's own widths.
        f"soundstream-{channels}": dataclasses.replace(
            SMALL, design="soundstream", soundstream=SoundStreamConfig(channels=channels)
        )
        for channels in (8, 16, 32)
    },
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def corpus(seed=0):
    sound = np.concatenate([demo(index, 24_000, 8.0)[:1] for index in range(3)], 1)[0]
    return Corpus([Clip((sound * 32767).astype(np.int16))], seed, Augmentation(keep_silent=1.0))


@pytest.mark.parametrize("chunk", [1, 2, 5])
@pytest.mark.parametrize(
    ("layer", "unit"),
    [
        (CausalConv(3, 5, kernel=3, dilation=4), 1),
        (CausalConv(3, 5, kernel=1), 1),
        (StridedConv(3, 5, stride=4, overlap=4), 4),
        (StridedConv(3, 5, stride=8, overlap=2), 8),
        (OverlapAddConv(3, 5, stride=4, overlap=4), 1),
        (OverlapAddConv(3, 5, stride=8, overlap=3), 1),
    ],
)
def test_a_layer_in_chunks_equals_the_layer_at_once(layer, unit, chunk):
    x = torch.randn(2, 30 * unit, 3)
    expected, _ = layer(x, layer.initial_state(2))
    state, parts = layer.initial_state(2), []
    for part in torch.split(x, chunk * unit, 1):
        y, state = layer(part, state)
        parts.append(y)
    assert torch.allclose(torch.cat(parts, 1), expected, atol=1e-6)


def test_a_layer_hears_nothing_of_the_future():
    layer = CausalConv(2, 2, kernel=3, dilation=2)
    x = torch.randn(1, 20, 2)
    changed = x.clone()
    changed[:, 11:] += 1
    assert torch.equal(layer(x, layer.initial_state())[0][:, :11], layer(changed, layer.initial_state())[0][:, :11])


@pytest.mark.parametrize("overlap", [40, 80, 320])
def test_the_filterbank_reconstructs_perfectly(overlap):
    basis = mdct_basis(320, overlap)
    analysis, synthesis = (
        StridedConv(1, 320, 320, overlap, bias=False),
        OverlapAddConv(320, 1, 320, overlap, bias=False),
    )
    analysis.linear.weight.data, synthesis.linear.weight.data = basis, basis.t().contiguous()
    x = torch.from_numpy(noise(1, 320 * 12))[..., None]
    c, _ = analysis(x, analysis.initial_state())
    y, _ = synthesis(c, synthesis.initial_state())
    assert (y[:, overlap:] - x[:, : x.shape[1] - overlap]).abs().max() < 1e-5


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long) if name in ("soundstream-16", "soundstream-32") else name
        for name in CONFIGS
    ],
)
def test_the_exported_bundle_computes_what_torch_does_for_any_cutting(name, tmp_path):
    network = CodecNetwork(CONFIGS[name])
    fit_quantizer(network, corpus(), n_frames=400, crop_frames=12, iterations=2)
    learn_conditions(network)
    runtime = CodecRuntime(export_bundle(network, tmp_path / name, name, {}, "card"))
    x = demo(1, 24_000, 0.8)[:1, : 320 * 40]
    with torch.no_grad():
        z, _ = network.encoder(torch.from_numpy(x)[..., None], network.encoder.initial_state())
        sent = torch.arange(40)[None] % 7
        y, _ = network.decoder(z, torch.full((1, 40, 1), 0.7), network.decoder.initial_state(), sent)
    layers = sent.numpy()
    encoder, decoder, latents, outputs = runtime.encoder_state(1), runtime.decoder_state(1), [], []
    for start, stop in ((0, 1), (1, 2), (2, 9), (9, 40)):
        latent, encoder = runtime.encode(x[:, start * 320 : stop * 320], encoder)
        output, decoder = runtime.decode(z[:, start:stop].numpy(), decoder, 0.7, layers[:, start:stop])
        latents.append(latent)
        outputs.append(output)
    latents, outputs = np.concatenate(latents, 1), np.concatenate(outputs, 1)
    assert np.abs(latents - z.numpy()).max() < GRAPH_TOLERANCE * z.abs().max()
    assert np.abs(outputs - y[..., 0].numpy()).max() < GRAPH_TOLERANCE * y.abs().max()
    # Bytes round, but the same way for every cutting.
    assert np.array_equal(latents, runtime.encode(x, runtime.encoder_state(1))[0])
    assert np.array_equal(outputs, runtime.decode(z.numpy(), runtime.decoder_state(1), 0.7, layers)[0])
    codes = runtime.quantize(z[0].numpy(), np.full(40, 4))[None]
    assert (codes == network.quantizer.encode(z, 4).numpy()).mean() > 0.98
    assert torch.allclose(
        torch.from_numpy(runtime.dequantize(codes)),
        network.quantizer.decode(torch.from_numpy(codes.astype(np.int64))),
        atol=1e-5,
    )


def learn_conditions(network):
    """Random weights in place of those that training would give to what the decoder is told."""
    with torch.no_grad():
        for name, weights in network.decoder.named_parameters():
            if "film" in name or "briefing" in name or "denoiser.output" in name:
                weights.uniform_(-0.5, 0.5)


def test_an_informed_decoder_plays_the_same_latents_otherwise_for_other_layers(tmp_path):
    network = CodecNetwork(CONFIGS["informed"])
    with torch.no_grad():
        network.decoder.decoder.output.weight.normal_(0, 0.1)
    learn_conditions(network)
    bundle = export_bundle(network, tmp_path / "informed", "informed", {}, "card")
    z = 0.5 * noise(12, 24)[None]
    for engine in ("onnx", "core") if core_library() else ("onnx",):
        runtime = CodecRuntime(bundle, engine=engine)

        def played(layers, runtime=runtime):
            return runtime.decode(z, runtime.decoder_state(1), layers=layers)[0]

        assert np.array_equal(played(None), played(6)), engine
        assert np.abs(played(1) - played(6)).max() > 0.01 * np.abs(played(6)).max(), engine


@pytest.mark.parametrize("engine", ["onnx", "core"])
def test_a_denoiser_does_nothing_at_0_and_does_not_look_at_what_it_is_not_to_change(tmp_path, engine):
    if engine == "core" and not core_library():
        pytest.skip("the core was not built here")
    torch.manual_seed(1)
    with_one = CodecNetwork(CONFIGS["denoiser"])
    learn_conditions(with_one)
    without = CodecNetwork(CONFIGS["transform"])
    without.load_state_dict({name: with_one.state_dict()[name] for name in without.state_dict()})
    one, none = (
        CodecRuntime(export_bundle(network, tmp_path / name, name, {}, "card"), engine=engine)
        for name, network in (("one", with_one), ("none", without))
    )
    n = 60
    z = 0.5 * noise(n, 24)[None]

    def played(runtime, amount, z=z):
        return runtime.decode(z, runtime.decoder_state(1), np.asarray(amount, np.float32)[None])[0]

    assert np.array_equal(played(one, np.zeros(n)), played(none, np.zeros(n)))
    late = np.where(np.arange(n) < n // 2, 0.0, 1.0)
    # The film alone, in both; the denoiser as if the stream began with the first frame that it is to change.
    assert not np.array_equal(played(one, late), played(none, late))
    other = z.copy()
    other[:, : n // 2 - 10] += 1
    after = (n // 2 + 1) * 320
    assert np.array_equal(played(one, late, other)[:, after:], played(one, late)[:, after:])
    # And what it heard a second ago is forgotten.
    gone = np.where(np.arange(n) < 5, 1.0, late)
    assert np.array_equal(played(one, gone)[:, after + 10 * 320 :], played(one, late)[:, after + 10 * 320 :])


def test_half_of_denoise_takes_away_half_the_decibels():
    denoiser = Denoiser(CONFIGS["denoiser"])
    torch.nn.init.normal_(denoiser.output.weight, 0, 0.5)
    torch.nn.init.zeros_(denoiser.output.bias)
    c, z = torch.from_numpy(noise(1, 20 * 320).reshape(1, 20, 320)), torch.from_numpy(noise(20, 24)[None])
    with torch.no_grad():
        whole, half = (
            denoiser(c, z, torch.full((1, 20, 1), amount), denoiser.initial_state())[0] / c for amount in (1.0, 0.5)
        )
    assert 0 < float(whole.min()) < 0.5 < float(whole.max()) < 1
    assert torch.allclose(half.square(), whole, atol=1e-4)


@pytest.mark.parametrize("name", ["transform", "informed", "denoiser"])
def test_training_can_go_on_from_a_bundle(name, tmp_path):
    network = CodecNetwork(CONFIGS[name])
    learn_conditions(network)
    bundle = export_bundle(network, tmp_path / "bundle", "small", {}, "card")
    again = load_network(bundle).state_dict()
    for name, value in network.state_dict().items():
        if not name.endswith(("use", "sums")):
            assert torch.equal(again[name], value), name


def test_the_fitted_start_is_already_a_codec():
    network = CodecNetwork(SMALL)
    assert fit_linear_path(network, corpus(), crops=60) > 0.5
    fit_quantizer(network, corpus(), n_frames=3000, iterations=3)
    network.eval()
    x = torch.from_numpy(demo(0, 24_000, 3.0)[:1, : 320 * 200])
    ratios = []
    for layers in (1, 3, 6):
        with torch.no_grad():
            y = network(x, torch.tensor([layers])).output
        error = y[:, 80:] - x[:, :-80]
        ratios.append(float(10 * torch.log10(x.square().sum() / error.square().sum())))
    assert ratios[0] < ratios[1] < ratios[2]
    assert ratios[2] > 2.0


@pytest.mark.parametrize("name", ["transform", pytest.param("soundstream-8", marks=pytest.mark.long)])
def test_training_lowers_the_loss(name, tmp_path):
    network = CodecNetwork(CONFIGS[name])
    if name == "transform":
        fit_linear_path(network, corpus(), crops=60)
    fit_quantizer(network, corpus(), n_frames=400, crop_frames=12, iterations=2)
    plan = TrainingPlan(minutes=60, max_steps=60, batch=2, crop_frames=16, learning_rate=3e-3, refits=())
    trainer = Trainer(network, corpus(), plan, tmp_path)
    fixed = corpus(7).batch(16, 24 * 320)

    def loss():
        network.eval()
        torch.manual_seed(1)
        with torch.no_grad():
            y = network(fixed, torch.full((16,), 6)).output
            delay = network.config.delay_samples
            value = float(
                trainer.loss(fixed[:, : fixed.shape[1] - delay], y[:, delay:], torch.full((16,), 6), torch.ones(16))[0]
            )
        network.train()
        return value

    before = loss()
    trainer.run()
    assert loss() < before * 0.98
    assert (tmp_path / "checkpoint.pt").exists() and (tmp_path / "log.jsonl").exists()


def test_frame_lock_hears_a_buzz_that_spectra_do_not_show():
    from lamina.models.training.losses.frame_lock import FrameLock

    lock = FrameLock(320, 80)
    sound = torch.from_numpy(noise(4, 320 * 48, seed=1))
    other = torch.from_numpy(noise(4, 320 * 48, seed=2))
    basis = mdct_basis(320, 80)
    signs = torch.where(torch.rand(320, generator=torch.Generator().manual_seed(0)) < 0.5, -1.0, 1.0)
    synthesis = OverlapAddConv(320, 1, 320, 80, bias=False)
    synthesis.linear.weight.data = basis.t().contiguous()
    with torch.no_grad():
        buzz = synthesis((0.1 * signs).expand(4, 49, 320).contiguous(), synthesis.initial_state(4))[0][:, 80:-240, 0]
    assert float(lock(sound, sound)) < 0.03
    assert float(lock(sound, other)) < 0.05
    assert float(lock(sound, buzz)) > 1.0


def test_dead_codes_come_back_to_life():
    quantizer = ResidualVectorQuantizer(4, layers=1, size=16, decay=0.8)
    quantizer.codebooks[0, 1:] = 1e3
    quantizer.sums.copy_(quantizer.codebooks)
    quantizer.train()
    for _ in range(60):
        quantizer(torch.randn(4, 32, 4), torch.ones(4, dtype=torch.long))
    used = quantizer.encode(torch.randn(1, 512, 4)).unique()
    assert len(used) > 10


def test_gradients_reach_the_encoder_through_the_quantizer():
    network = CodecNetwork(SMALL)
    coded = network(torch.from_numpy(noise(2, 320 * 8)), torch.tensor([1, 6]))
    (coded.output.square().mean() + coded.commitment).backward()
    assert coded.surprise is None and coded.sketch is None  # without a memory there is nothing to foresee
    assert network.encoder.linear_path.weight.grad.abs().sum() > 0
    assert not any(name.startswith("quantizer") for name, _ in network.named_parameters())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"design": "wavenet"}, "design"),
        ({"latent": 0}, "latent"),
        ({"codebook_size": 2048}, "10 bits"),
        ({"frame": 321, "design": "soundstream"}, "strides"),
    ],
)
def test_impossible_networks_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        CodecConfig(**fields)
