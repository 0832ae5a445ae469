"""The loop with masks, as it is recorded for GPUs, finds what the loop finds. The recording itself needs a GPU."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from toy_training import TOY_WITH_MEMORY, toy_corpus  # noqa: E402

from lamina.models.network.closed_loop import Depths, run_loop, run_lossy_loop  # noqa: E402
from lamina.models.network.network import CodecNetwork  # noqa: E402
from lamina.models.training.initialise import fit_linear_path, fit_quantizer  # noqa: E402
from lamina.models.training.recorded_loop import RecordedLoops, masks, run_masked_loop  # noqa: E402

FRAMES = 12
ACTIVE = torch.tensor([6, 6, 5, 4, 3, 2, 2, 1])


@pytest.fixture
def coded():
    torch.manual_seed(1)
    network = CodecNetwork(TOY_WITH_MEMORY)
    corpus = toy_corpus(1)
    fit_linear_path(network, corpus, crops=40)
    network.memory.scale.fill_(2.0)
    fit_quantizer(network, corpus, n_frames=400, crop_frames=12, iterations=2)
    network.eval()
    x = corpus.batch(len(ACTIVE), FRAMES * TOY_WITH_MEMORY.frame)
    with torch.no_grad():
        z = network.encoder(x[..., None], network.encoder.initial_state(len(x)))[0]
    return network, z, network.find_lags(x), Depths(ACTIVE, TOY_WITH_MEMORY.memory.from_layers)


def same(one, other):
    # The order of sums differs; a tie between two entries would differ by far more.
    pairs = ((getattr(one, name), getattr(other, name)) for name in ("coefficients", "latents", "entries"))
    return all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in pairs)


def test_masks_say_what_depths_say(coded):
    network, z, lags, depths = coded
    arguments = (network.memory, network.quantizer, network.coarse_quantizer, z, lags)
    masked = run_masked_loop(
        *arguments, depths.has_lag(z.device), *masks(network.memory, network.coarse_quantizer, depths)
    )
    assert same(masked, run_loop(*arguments, depths))


def test_nothing_is_fetched_from_elsewhere_or_read_while_recording(coded):
    """The meta device stands in for a GPU: neither can be recorded."""
    network, z, lags, depths = coded
    sent = [mask.to("meta") for mask in masks(network.memory, network.coarse_quantizer, depths)]
    has_lag, z, lags = depths.has_lag("meta"), z.to("meta"), lags.to("meta")
    network.to("meta")
    loop = run_masked_loop(network.memory, network.quantizer, network.coarse_quantizer, z, lags, has_lag, *sent)
    lossy = run_lossy_loop(
        network.memory, loop, lags, has_lag, torch.zeros(len(z), FRAMES, dtype=torch.bool, device="meta")
    )
    assert loop.entries.device.type == lossy.latents.device.type == "meta"


def test_without_a_gpu_nothing_is_recorded(coded):
    network, z, lags, depths = coded
    loops = RecordedLoops(len(z), FRAMES)
    arguments = (network.memory, network.quantizer, network.coarse_quantizer, z, lags, depths)
    loop = loops.run_loop(*arguments)
    assert same(loop, run_loop(*arguments))
    lost = torch.zeros(len(z), FRAMES, dtype=torch.bool)
    lost[:, 4:6] = True
    arguments = (network.memory, loop, lags, depths.has_lag(z.device), lost)
    assert same(loops.run_lossy_loop(*arguments), run_lossy_loop(*arguments))
