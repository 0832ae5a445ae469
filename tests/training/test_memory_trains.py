"""Memory in training.

It learns from its own surprise, travels in bundles and checkpoints, and finds lags as the shipped codec does.
"""

import copy
import dataclasses

import numpy as np
import pytest
from sounds import demo

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from toy_training import toy_corpus, toy_plan  # noqa: E402

from lamina.models.config import CodecConfig, MemoryConfig, SoundStreamConfig, TransformConfig  # noqa: E402
from lamina.models.network.memory import GAIN, Blocks, LagSearch, lag_table  # noqa: E402
from lamina.models.network.network import CodecNetwork  # noqa: E402
from lamina.models.training.checkpoint import Checkpoint  # noqa: E402
from lamina.models.training.damage import Damage  # noqa: E402
from lamina.models.training.initialise import fit_linear_path, fit_memory, fit_quantizer, learn_memory  # noqa: E402
from lamina.models.training.trainer import Trainer  # noqa: E402

RATE, FRAME = 24_000, 320
SMALL = MemoryConfig(
    past=960,
    fine_lags=16,
    coarse_lags=16,
    history=2,
    loop_layers=4,
    from_layers=3,
    width=16,
    predictor_blocks=1,
    sketch_blocks=1,
)
REMEMBERING = CodecConfig(
    latent=12,
    code_width=4,
    layers=6,
    codebook_size=64,
    transform=TransformConfig(width=16, encoder_blocks=1, decoder_blocks=1),
    memory=SMALL,
)


@pytest.fixture(autouse=True)
def seed():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def network(seed=3, config=REMEMBERING):
    """One that has something to foresee with: fitted to chords, weights that start at zero moved a little."""
    torch.manual_seed(seed)
    made = CodecNetwork(config)
    corpus = toy_corpus(seed)
    fit_linear_path(made, corpus, crops=40)
    with torch.no_grad():
        predictor = made.memory.predictor
        for layer in (predictor.gate, predictor.correction, predictor.confidence, made.memory.sketch.output):
            layer.weight.normal_(0, 0.02)
        made.memory.scale.fill_(2.0)
    fit_quantizer(made, corpus, n_frames=200, crop_frames=12, iterations=2)
    return made


def batch(size=4, frames=12):
    return toy_corpus(9).batch(size, frames * FRAME)


# Steps.


def test_training_steps_tell_surprise_and_sketch_and_move_both_networks(tmp_path):
    trainer = Trainer(network(), toy_corpus(), toy_plan(max_steps=4, batch=4, damaged=0.5, lossy=0.8), tmp_path)
    before = {name: value.detach().clone() for name, value in trainer.trained.items()}
    seen = []
    step = trainer._step
    trainer._step = lambda config: seen.append(step(config)) or seen[-1]
    trainer.run()
    assert trainer.skipped == 0 and len(seen) == 4
    for parts in seen:
        assert all(
            np.isfinite(float(parts[name])) and float(parts[name]) > 0 for name in ("surprise", "sketch", "commitment")
        )
    moved = {name for name, value in trainer.trained.items() if not torch.equal(value, before[name])}
    assert moved >= {name for name in before if name.startswith("memory.")}
    assert all(any(name.startswith(part) for name in moved) for part in ("encoder.", "decoder."))


def reached(loss, of):
    """The parts of a network that a loss teaches."""
    trained = {name: p for name, p in of.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
    taught = {
        name for name, gradient in zip(trained, gradients, strict=True) if gradient is not None and gradient.any()
    }
    parts = ("encoder", "decoder", "memory.predictor", "memory.sketch")
    return {part for part in parts if any(name.startswith(part) for name in taught)}


@pytest.mark.parametrize("lossy", [0.0, 1.0])
def test_each_loss_teaches_its_own_part_and_no_other(lossy):
    made = network().train()
    active = torch.tensor([6, 4, 2, 1])

    def coded():
        return made(batch(), active, None, Damage(made.quantizer, 0.0, lossy))

    assert reached(coded().surprise, made) == {"memory.predictor"}
    assert reached(coded().sketch.square().mean(), made) == {"memory.sketch"}
    assert reached(coded().commitment, made) == {"encoder"}
    assert reached(coded().output.square().mean(), made) == {"encoder", "decoder"}


def test_a_memory_learns_to_foresee():
    made, corpus = network(), toy_corpus(4)
    fixed, active = toy_corpus(11).batch(8, 20 * FRAME), torch.full((8,), 6)

    def surprise():
        with torch.no_grad():
            return float(made.recall(fixed, active)[0])

    before = surprise()
    learn_memory(made, corpus, 60, batch=4, crop_frames=16, learning_rate=3e-3)
    assert surprise() < 0.9 * before


def test_a_new_memory_is_fitted_to_a_network_that_has_none(tmp_path, monkeypatch):
    from lamina.models.training import initialise

    monkeypatch.setattr(initialise, "FIRST_FRAMES", 400)
    made = CodecNetwork(REMEMBERING)
    fit_linear_path(made, toy_corpus(), crops=40)
    fit_memory(made, toy_corpus(), 3)
    latents, _ = made.encoder(batch(60, 20)[..., None], made.encoder.initial_state(60))
    # Of other crops, without the first frames, which still hear the beginning.
    assert torch.allclose(made.memory.scale, latents[:, 2:].flatten(0, 1).std(0), rtol=0.3, atol=0.1)
    assert torch.equal(made.memory.companding.mean_log_gain, made.encoder.companding.mean_log_gain)
    with pytest.raises(TypeError, match="no memory"):
        fit_memory(CodecNetwork(dataclasses.replace(REMEMBERING, memory=None)), toy_corpus(), 3)


def test_the_order_of_a_batch_means_nothing():
    made = network().eval()
    x, active, turn = batch(), torch.tensor([1, 6, 2, 4]), torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        one, other = made(x, active), made(x[turn], active[turn])
    # Products of differently many rows add up in another order.
    assert torch.allclose(one.output[turn], other.output, atol=1e-4)
    assert torch.allclose(one.sketch[turn], other.sketch, atol=1e-4)
    assert one.surprise == pytest.approx(float(other.surprise), rel=1e-3)


def test_an_interrupted_run_with_a_memory_goes_on_exactly(tmp_path):
    plan = toy_plan(max_steps=6, refits=(0.3,), damaged=0.5, lossy=0.8)
    straight = Trainer(network(), toy_corpus(), plan, tmp_path / "a").run()
    interrupted = Trainer(network(), toy_corpus(), plan, tmp_path / "b")
    interrupted.on_step = lambda trainer: setattr(trainer, "stop_requested", trainer.steps == 3)
    assert interrupted.run().progress["steps"] == 3
    torch.manual_seed(99)
    saved = Checkpoint.load(tmp_path / "b" / "checkpoint.pt")
    assert saved.config == REMEMBERING
    resumed = Trainer(network(8), toy_corpus(77), plan, tmp_path / "b", saved).run()
    for state in ("network", "average"):
        one, other = getattr(resumed, state), getattr(straight, state)
        assert one.keys() == other.keys() and any(name.startswith("memory.") for name in one)
        assert all(torch.equal(value, other[name]) for name, value in one.items()), state


# Bundles.


def test_a_bundle_foresees_what_torch_does_and_gives_the_weights_back(tmp_path):
    pytest.importorskip("onnx", reason="export needs the extra [train]")
    from lamina.models.export import GRAPH_TOLERANCE, export_bundle, load_network
    from lamina.models.runtime import CodecRuntime

    made = network().eval()
    original = copy.deepcopy(made)
    bundle = export_bundle(made, tmp_path / "remembering", "remembering", {}, "card")
    assert {"lags.onnx", "memory.onnx", "coarse.onnx"} <= {file.name for file in bundle.path.iterdir()}
    runtime = CodecRuntime(bundle)
    assert runtime.config == REMEMBERING
    # Row 0 is the lag's, then five residual layers, then two of frames without a lag.
    assert runtime.entries.shape == (8, 64, 12)

    x = torch.from_numpy(demo(0, RATE, 1.0)[:1, : 60 * FRAME])
    with torch.no_grad():
        z, _ = original.encoder(x[..., None], original.encoder.initial_state())
        codes, foreseen, _ = original.encode(x, z)
        lags = original.find_lags(x)
    assert foreseen.abs().max() > 0.1
    # The receiver's loop, fed with torch's codes, foresees what torch's sender did, but for bytes; frame by frame it
    # may add up a little.
    heard = runtime.loop(1).decode(codes.numpy().astype(np.uint16), np.full((1, 60), 6))
    assert np.abs(heard - foreseen.numpy()).max() < 2 * GRAPH_TOLERANCE * float(foreseen.abs().max())
    found = runtime.code(x.numpy())[0][0, :, 0]
    # Two lags may fit equally well.
    assert (found % REMEMBERING.memory.n_lags == lags[0].numpy()).mean() > 0.95

    again = load_network(bundle)
    assert again.config == REMEMBERING
    # What was exported, its weights rounded to what is stored, constants no longer folded into them; taking them out
    # rounds the last bit.
    for module in made.modules():
        if isinstance(module, Blocks):
            module.set_gain(GAIN)
    made.memory.fold(False)
    state, compared = again.state_dict(), ("memory.", "coarse_quantizer.", "quantizer.")
    for name, value in made.state_dict().items():
        if name.startswith(compared) and not name.endswith(("use", "sums")):
            assert torch.allclose(state[name], value, rtol=1e-5, atol=1e-6), name
    # It goes on from where it was: the same is foreseen, before one code is chosen otherwise.
    with torch.no_grad():
        _, after, _ = again.eval().encode(x, again.encoder(x[..., None], again.encoder.initial_state())[0])
    assert torch.allclose(after[:, :4], foreseen[:, :4], atol=GRAPH_TOLERANCE * float(foreseen.abs().max()))


# Lags.


SHIPPED = CodecConfig(memory=MemoryConfig())


def test_lags_of_a_whole_sound_are_those_found_frame_by_frame():
    search = LagSearch(SHIPPED)
    x = torch.from_numpy(np.concatenate([demo(index, RATE, 1.0)[:1, : 60 * FRAME] for index in range(3)]))
    whole = search.whole(x)
    assert whole.shape == (3, 60)
    for channel in range(3):
        state, found = search.initial_state(), []
        for frame in range(60):
            lag, state = search(x[channel : channel + 1, frame * FRAME : (frame + 1) * FRAME], state)
            found.append(int(lag))
        # Sums in another order decide another way where two lags fit equally well, in silence for one.
        assert np.mean(np.array(found) == whole[channel].numpy()) > 0.95


@pytest.mark.parametrize("period", [60, 97, 143, 200, 288])
def test_the_lag_of_a_periodic_sound_is_a_multiple_of_its_period(period):
    one = np.random.default_rng(period).standard_normal(period).astype(np.float32)
    # Low-passed, as nothing above 2.5 kHz is looked at before the last step.
    one = np.fft.irfft(np.fft.rfft(one) * (np.arange(period // 2 + 1) < 2000 * period / RATE), period).astype(
        np.float32
    )
    x = torch.from_numpy(np.resize(one, 40 * FRAME))[None]
    lags = lag_table(MemoryConfig())[LagSearch(SHIPPED).whole(x)][0, 8:].numpy()
    off = (lags + period // 2) % period - period // 2
    # Long lags come in steps of two samples.
    assert np.abs(off).max() <= 1


def test_a_lag_says_nothing_of_what_is_yet_to_come():
    search = LagSearch(SHIPPED)
    x = torch.from_numpy(demo(1, RATE, 1.0)[:1, : 60 * FRAME])
    changed = x.clone()
    changed[:, 40 * FRAME :] = 0.1 * torch.randn(20 * FRAME)
    one, other = search.whole(x)[0], search.whole(changed)[0]
    assert torch.equal(one[:40], other[:40])
    assert not torch.equal(one[40:], other[40:])


def test_the_table_of_lags_rises_and_ends_where_the_config_says():
    for memory in (MemoryConfig(), SMALL, MemoryConfig(coarse_lags=0)):
        lags = lag_table(memory)
        assert len(lags) == memory.n_lags
        assert (lags.diff() > 0).all()
        assert (int(lags[0]), int(lags[-1])) == (memory.shortest_lag, memory.longest_lag)


# Numbers.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"memory": MemoryConfig(from_layers=1)}, r"at least 2.*must not fall"),
        ({"memory": MemoryConfig(from_layers=9)}, "must not fall"),
        ({"memory": MemoryConfig(loop_layers=25)}, "must not fall"),
        ({"layers": 4, "memory": MemoryConfig()}, "must not fall"),
        ({"memory": MemoryConfig(fine_lags=800, coarse_lags=0, past=2000)}, "800 lags"),
        ({"memory": MemoryConfig(past=500)}, "its past has 500"),
        ({"memory": MemoryConfig(shortest_lag=0)}, "lags"),
        (
            {"design": "soundstream", "soundstream": SoundStreamConfig(channels=8), "memory": MemoryConfig()},
            "'soundstream' has no memory",
        ),
    ],
)
def test_a_memory_that_cannot_work_is_refused_with_a_sentence(change, words):
    with pytest.raises(ValueError, match=words) as refused:
        CodecConfig(**change)
    assert str(refused.value).endswith(".")


def test_a_memory_travels_in_json_and_its_absence_leaves_no_trace():
    assert CodecConfig.from_json(REMEMBERING.to_json()) == REMEMBERING
    assert "memory" not in CodecConfig().to_json()
    assert CodecConfig.from_json(CodecConfig().to_json()).memory is None
