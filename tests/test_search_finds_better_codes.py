"""A wider search finds codes nearer to the latent with the same number of bits, for each frame's own number of layers."""

import numpy as np
import pytest
from desk_sounds import RATE, difference, music, voice
from sounds import push_in_blocks

from lamina.models.runtime import load_runtime
from lamina.plugin import NeuralCodec


@pytest.fixture(scope="module")
def runtime():
    return load_runtime("lamina-24k")


@pytest.fixture(scope="module")
def latents(runtime):
    audio = voice()[:, ::2][:, : 320 * 150].copy()
    return runtime.encode(audio, runtime.encoder_state(1))[0][0]


def error(runtime, z, codes, layers):
    return float(np.square(z - runtime.dequantize(codes[None, :, :layers])[0]).sum(-1).mean())


@pytest.mark.parametrize("layers", [2, 4, 8, 16, 24])
def test_the_wider_the_search_the_smaller_the_error(runtime, latents, layers):
    counts = np.full(len(latents), layers)
    errors = [error(runtime, latents, runtime.search(latents, counts, width), layers) for width in (1, 2, 4, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[3] < (0.98 if layers == 2 else 0.965) * errors[0]


def test_a_search_with_one_candidate_is_the_ordinary_quantizer(runtime, latents):
    codes = runtime.search(latents, np.full(len(latents), 12), 1)
    # Sums in another order may decide another way where two entries are equally near.
    assert (codes == runtime.quantize(latents[None], 12)[0]).mean() > 0.98


def test_no_single_path_is_better_for_two_layers(runtime, latents):
    """With two layers all pairs can be tried: the search may miss the best one, but hardly ever by much."""
    z = latents[40:44]
    found = runtime.search(z, np.full(4, 2), 8)
    for frame, codes in zip(z, found, strict=True):
        residual = frame - runtime.entries[0]
        best = min(float(np.square(r - runtime.entries[1]).sum(-1).min()) for r in residual)
        ours = float(np.square(frame - runtime.entries[0, codes[0]] - runtime.entries[1, codes[1]]).sum())
        assert best * (1 - 1e-4) <= ours <= 1.1 * best


def test_every_frame_is_searched_for_its_own_number_of_layers(runtime, latents):
    counts = np.arange(len(latents)) % 7
    codes = runtime.search(latents, counts, 4)
    for layers in range(1, 7):
        alone = runtime.search(latents[counts == layers], np.full(int((counts == layers).sum()), layers), 4)
        assert np.array_equal(codes[counts == layers, :layers], alone)
    assert not codes[np.arange(6) >= counts[:, None]].any()


def test_codes_do_not_depend_on_how_many_frames_a_call_brings(runtime, latents):
    counts = np.full(len(latents), 16)
    whole = runtime.search(latents, counts, 5)
    assert all(np.array_equal(runtime.search(latents[k : k + 1], counts[:1], 5)[0], whole[k]) for k in range(0, len(latents), 7))


@pytest.mark.parametrize("sizes", [[1, 977], [512]])
def test_streaming_equals_offline_while_the_search_moves(sizes):
    moves = [{"target": "search", "depth": -0.5, "hz": 3.0}]
    settings = {"layers": 10, "search": 4, "stereo": "mid-side", "side_layers": 3, "motions": moves}
    whole = NeuralCodec(**settings).stream(RATE, 2).push(music(1.0))
    cut = push_in_blocks(NeuralCodec(**settings).stream(RATE, 2), music(1.0), sizes)
    assert np.abs(cut - whole).max() <= 1e-5


@pytest.mark.parametrize("layers", [4, 12])
def test_what_is_heard_is_nearer_to_the_input_at_the_same_bitrate(layers):
    for audio in (music(), voice()):
        plain, searched = NeuralCodec(layers=layers), NeuralCodec(layers=layers, search=8)
        assert difference(searched(audio, RATE), audio) < difference(plain(audio, RATE), audio)
        assert sum(report.bits for report in searched.last_reports) == sum(report.bits for report in plain.last_reports)
