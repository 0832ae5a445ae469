"""What a training step hears: sound in noise with its target, and damage on the way to the decoder."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from toy_training import toy_corpus  # noqa: E402

from lamina.models.network.quantizer import ResidualVectorQuantizer  # noqa: E402
from lamina.models.training import damage as damage_module  # noqa: E402
from lamina.models.training.damage import Damage  # noqa: E402
from lamina.models.training.data.examples import draw_examples  # noqa: E402

FRAMES, FRAME = 16, 320


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def draw(noisy, size=64, kinds=("speech", "noise")):
    """Examples, and the mixtures and clean sounds behind the noisy ones, which stand at the end."""
    corpus, seen = toy_corpus(0, kinds), []
    pairs = corpus.noisy

    def look(*arguments):
        seen.append(pairs(*arguments))
        return seen[-1]

    corpus.noisy = look
    return draw_examples(corpus, size, FRAMES, FRAME, noisy), (seen[0] if seen else None)


def test_the_target_is_what_denoise_asks_for_in_every_frame():
    examples, (mixture, clean) = draw(1.0)
    assert torch.equal(examples.input, mixture)
    frames = examples.denoise[..., 0].repeat_interleave(FRAME, 1)
    for amount, wanted in ((0.0, mixture), (1.0, clean)):
        at = frames == amount
        assert at.any()
        assert torch.allclose(examples.target[at], wanted[at], atol=1e-6)
    assert torch.allclose(examples.target, (1 - frames) * mixture + frames * clean, atol=1e-6)
    assert ((mixture - clean).abs().amax(1) > 0.01).sum() > 20  # there is something to clean
    between = (examples.denoise > 0) & (examples.denoise < 1)
    assert between.any()
    assert examples.denoise.min() == 0 and examples.denoise.max() == 1


def test_denoise_is_switched_inside_some_crops_once_on_a_frame():
    examples, _ = draw(1.0, size=200)
    changes = (examples.denoise[:, 1:, 0] != examples.denoise[:, :-1, 0]).sum(1)
    assert set(changes.tolist()) == {0, 1}
    assert 0.03 < (changes == 1).float().mean() < 0.3


def test_clean_sound_is_its_own_target_with_denoise_on_too():
    examples, _ = draw(0.25, size=200)
    clean = slice(0, 150)
    assert torch.equal(examples.input[clean], examples.target[clean])
    assert 0.05 < (examples.denoise[clean, 0, 0] == 1).float().mean() < 0.3


def test_without_noise_denoise_is_left_alone():
    """What a network has learnt of it must not be trained away on sound that has no noise in it."""
    examples, pairs = draw(0.0)
    assert pairs is None and not examples.denoise.any()
    assert torch.equal(examples.input, examples.target)


def test_small_batches_have_their_share_of_noise_on_the_average():
    sizes = [0 if pairs is None else len(pairs[0]) for _, pairs in (draw(0.25, size=2) for _ in range(80))]
    assert set(sizes) == {0, 1} and 0.3 < sum(sizes) / 80 < 0.7
    assert all(len(draw(0.25, size=16)[1][0]) == 4 for _ in range(5))


def test_speech_is_told_from_other_sound():
    examples, _ = draw(0.0, size=40, kinds=("speech", "music"))
    assert 0 < examples.speech.mean() < 1
    assert not draw(0.0, size=8, kinds=("all",))[0].speech.any()


# --- damage ---

LAYERS, WIDTH, CHANNELS, TIME = 5, 3, 12, 40


@pytest.fixture
def coded():
    """A quantizer whose layers look at different directions, latents through 1, 3 and 5 layers, and their codes."""
    quantizer = ResidualVectorQuantizer(CHANNELS, LAYERS, 16, WIDTH)
    for layer in range(LAYERS):
        quantizer.bases[layer] = torch.linalg.qr(torch.randn(CHANNELS, WIDTH))[0]
    quantizer.eval()
    active = torch.tensor([1, 3, 5])
    quantized, _, codes = quantizer.quantize(torch.randn(3, TIME, CHANNELS), active)
    return quantizer, quantized, codes, active


def test_nothing_is_damaged_without_a_share(coded):
    quantizer, z, codes, active = coded
    assert Damage(quantizer, 0.0).alter(z, codes, active) is z


def test_each_example_is_damaged_on_its_own_and_about_as_often_as_planned(coded):
    quantizer, z, codes, active = coded
    damage = Damage(quantizer, 0.3)
    hits = sum((damage.alter(z, codes, active) != z).flatten(1).any(1).float() for _ in range(300))
    # Now and then damage leaves things as they were: no frame got lost, or no code wrong.
    assert ((hits > 45) & (hits < 115)).all()


def test_lost_frames_are_held_or_silent_and_the_others_untouched(coded):
    quantizer, z, _, _ = coded
    held = silent = 0
    for _ in range(60):
        after = Damage(quantizer, 1.0).lose_frames(z[2])
        lost = torch.nonzero((after != z[2]).any(1)).flatten().tolist()
        if not lost:
            continue
        if all(not after[frame].any() for frame in lost):
            silent += 1
            continue
        held += 1
        for frame in lost:
            # The last frame that arrived: never one that was lost itself.
            before = max(other for other in range(frame) if other not in lost)
            assert torch.equal(after[frame], z[2][before])
    assert held > 10 and silent > 10


def test_bursts_are_short(coded, monkeypatch):
    quantizer, z, _, _ = coded
    monkeypatch.setattr(
        torch, "rand", lambda size: torch.tensor(0.0) if size == () else (torch.arange(size) != 7).float()
    )
    for _ in range(20):
        lost = torch.nonzero((Damage(quantizer, 1.0).lose_frames(z[2]) != z[2]).any(1)).flatten().tolist()
        assert lost == list(range(7, 7 + len(lost))) and 1 <= len(lost) <= damage_module.LONGEST_BURST


def test_wrong_codes_change_what_one_layer_adds_and_only_in_some_frames(coded):
    quantizer, z, codes, _ = coded
    layer = 2
    after = Damage(quantizer, 1.0).confuse_a_layer(z[2], codes[2, :, layer], layer)
    change = after - z[2]
    basis = quantizer.bases[layer]
    assert torch.allclose(change @ basis @ basis.t(), change, atol=1e-5)
    hit = (change.abs() > 1e-6).any(1)
    assert 0 < hit.float().mean() < 0.5
    # What arrives is what the receiver decodes from other codes: the layer's part is one of its entries.
    received = change @ basis + quantizer.codebooks[layer][codes[2, :, layer]]
    distance = torch.cdist(received, quantizer.codebooks[layer]).amin(1)
    assert distance.max() < 1e-4


def test_a_turned_layer_changes_what_that_layer_adds_by_one_gain(coded):
    quantizer, z, codes, _ = coded
    layer = 1
    part = quantizer.codebooks[layer][codes[2, :, layer]] @ quantizer.bases[layer].t()
    for _ in range(10):
        change = Damage(quantizer, 1.0).turn_a_layer(z[2], codes[2, :, layer], layer) - z[2]
        gain = float((change * part).sum() / part.square().sum()) + 1
        assert torch.allclose(change, (gain - 1) * part, atol=1e-5)
        assert damage_module.LAYER_GAINS[0] <= gain <= damage_module.LAYER_GAINS[1]


def test_only_active_layers_are_touched(coded):
    """An example with one layer only can only change in that layer's directions, or in whole frames."""
    quantizer, z, codes, active = coded
    damage = Damage(quantizer, 1.0)
    damage.lose_frames = lambda z: z
    basis = quantizer.bases[0]
    for _ in range(30):
        change = damage.alter(z, codes, active)[0] - z[0]
        assert torch.allclose(change @ basis @ basis.t(), change, atol=1e-5)


def test_gradients_pass_through_damage(coded):
    quantizer, z, codes, active = coded
    z = z.clone().requires_grad_()
    Damage(quantizer, 1.0).alter(z, codes, active).sum().backward()
    assert z.grad.abs().sum() > 0


def test_with_a_memory_frames_get_lost_in_the_receivers_loop_and_nowhere_else(coded, monkeypatch):
    quantizer, z, codes, active = coded
    damage = Damage(quantizer, 1.0, lossy=0.5)
    damage.lose_frames = lambda z: pytest.fail("frames get lost twice")
    for _ in range(30):
        damage.alter(z, codes, active)
    lost = damage.draw_losses(400, TIME)
    assert lost.shape == (400, TIME) and lost.dtype == torch.bool
    share = lost.any(1).float().mean()
    # Half of them are drawn; of these a few have no burst within so few frames: 0.96^40, a fifth.
    assert 0.3 < share < 0.5
    # Mean length 2.5 at the given share of beginnings, less what overlaps and what the end cuts off.
    assert 0.06 < lost[lost.any(1)].float().mean() < 0.16
    assert Damage(quantizer, 1.0).draw_losses(400, TIME) is None
    # A single burst is as short as elsewhere.

    def at_seven(*size):
        return (torch.arange(size[-1]) != 7).float().expand(*size) if size[-1] > 1 else torch.zeros(size)

    monkeypatch.setattr(torch, "rand", at_seven)
    for _ in range(20):
        (first,) = Damage(quantizer, 1.0, lossy=1.0).draw_losses(1, TIME)
        found = torch.nonzero(first).flatten().tolist()
        assert found == list(range(7, 7 + len(found))) and 1 <= len(found) <= damage_module.LONGEST_BURST
