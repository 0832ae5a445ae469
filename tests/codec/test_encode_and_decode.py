"""Codes as values: what is sent can be kept, and decoding it is what the effect plays."""

import numpy as np
import pytest
from desk_sounds import FRAME, RATE, difference, music, render, voice
from sounds import demo, lag_samples, noise

from lamina.plugin import Board, Codes, Motion, NeuralCodec


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize(
    "settings",
    [
        {"layers": 1},
        {"layers": 24, "input_gain_db": -6.0, "output_gain_db": 3.0, "denoise": 0.4},
        {"layers": 12, "stereo": "mid-side", "side_layers": 3},
        {"layers": 12, "stereo": "mono"},
        {"layers": 9, "loudness_layers": 0.7},
        {"layers": 8, "variable_rate": True},
    ],
)
def test_decoding_what_was_encoded_is_what_the_effect_plays(rate, settings):
    """Bit for bit: the same frames at the same places, and the same resampling of them."""
    audio = demo(0, rate, 1.0)
    codec = NeuralCodec(**settings)
    assert np.array_equal(codec.decode(codec.encode(audio, rate)), codec(audio, rate))


@pytest.mark.slow
def test_the_codes_are_those_that_the_reports_tell():
    codec = NeuralCodec(layers=10, loudness_layers=-0.5)
    codes = codec.encode(music(), RATE)
    codec(music(), RATE)
    reports = codec.last_reports
    assert codes.n_frames <= len(reports)
    for frame in range(codes.n_frames - 3):
        assert codes.counts[0, frame] == reports[frame].layers
        assert np.array_equal(codes.codes[:, frame, : reports[frame].layers], reports[frame].codes)
    assert codes.bits == 10 * int(codes.counts.sum())


@pytest.mark.slow
def test_the_desk_behind_the_codes_does_to_them_what_it_does_to_sound():
    codes = NeuralCodec(layers=12).encode(music(), RATE)
    for desk in (
        {"muted_layers": [2]},
        {"bend": "shuffle", "bend_from": 4},
        {"freeze": True},
        {"frame_loss": 0.3},
        {"listen": "layer"},
    ):
        played = NeuralCodec(layers=12, **desk)
        # Whoever sends over a channel with losses guards frames against them.
        sent = played.encode(music(), RATE) if "frame_loss" in desk else codes
        assert difference(played.decode(sent), played(music(), RATE)) < 0.02, desk
        assert difference(played.decode(sent), NeuralCodec(layers=12).decode(sent)) > 0.05, desk


@pytest.mark.slow
def test_motion_moves_what_is_behind_the_codes():
    codes = NeuralCodec(layers=12).encode(music(), RATE)
    moving = {"motions": [Motion("output_gain_db", depth=-0.5, hz=1.0), Motion("layer_gains.1", depth=-0.3, hz=2.0)]}
    codec = NeuralCodec(layers=12, **moving)
    assert difference(codec.decode(codes), codec(music(), RATE)) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("passes", [2, 4, 8])
def test_generations_are_encoded_in_place(passes):
    codec = NeuralCodec(layers=24, passes=passes)
    codes = codec.encode(voice(), RATE)
    assert lag_samples(voice()[0], codec.decode(codes)[0]) == 0
    # Each generation's own frames fall elsewhere than in a stream, so the losses differ in detail and not in size.
    once, here, streamed = (
        difference(y, voice())
        for y in (render(voice(), layers=24, search=4), codec.decode(codes), codec(voice(), RATE))
    )
    assert here > 1.05 * once
    assert here == pytest.approx(streamed, rel=0.3)


def test_codes_can_be_decoded_at_another_rate():
    codec = NeuralCodec(layers=16)
    codes = codec.encode(voice(), RATE)
    slow = codec.decode(codes, 24_000)
    assert slow.shape == (1, voice().shape[1] // 2)
    assert np.abs(slow[0] - codec.decode(codes)[0, ::2]).max() < 0.02


def test_codes_that_a_script_made_are_played():
    """Codes are plain numbers: the beginning twice, and then the end backwards."""
    codec = NeuralCodec(layers=12)
    codes = codec.encode(music()[:1], RATE)
    order = np.concatenate([np.arange(80), np.arange(80), np.arange(200, 160, -1)])
    mixed = Codes(codes.codes[:, order], codes.counts[:, order], RATE, 200 * FRAME, 1, codes.model, codes.digest)
    heard, plain = codec.decode(mixed), codec.decode(codes)
    assert heard.shape == (1, 200 * FRAME)
    assert difference(heard[:, : 78 * FRAME], plain[:, : 78 * FRAME]) < 1e-5

    def again(first, stop):
        return difference(heard[:, (80 + first) * FRAME : (80 + stop) * FRAME], plain[:, first * FRAME : stop * FRAME])

    # Memory and decoder go on from what came before, so the second time begins differently; after a second they have
    # forgotten it.
    assert again(0, 10) > again(30, 40) > again(70, 78)
    assert again(70, 78) < 0.15
    assert np.abs(heard).max() < 4 * np.abs(plain).max()


@pytest.mark.parametrize("n_samples", [0, 1, 100, 640, 48_000])
def test_any_length_comes_back_at_its_length(n_samples):
    audio = noise(2, 48_000)[:, :n_samples]
    codec = NeuralCodec(layers=2)
    assert codec.decode(codec.encode(audio, RATE)).shape == (2, n_samples)


def test_codes_of_another_model_and_other_things_are_refused():
    codec = NeuralCodec()
    codes = codec.encode(voice(), RATE)
    stranger = Codes(codes.codes, codes.counts, RATE, codes.n_samples, 1, "a\x1b[2Jname", "0" * 64)
    with pytest.raises(ValueError, match="another model") as refused:
        codec.decode(stranger)
    assert "\x1b" not in str(refused.value)
    with pytest.raises(TypeError, match="give what `encode` returns"):
        codec.decode(codes.codes)
    with pytest.raises(ValueError, match="needs the sound before it was coded"):
        NeuralCodec(listen="difference").decode(codes)
    with pytest.raises(ValueError, match="one stereo mode"):
        NeuralCodec(motions=[Motion("stereo")]).encode(music(), RATE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"codes": np.zeros((1, 3, 8), np.int64)}, "uint16"),
        ({"codes": np.full((1, 3, 8), 1024, np.uint16)}, "0 to 1023"),
        ({"counts": np.full((1, 3), 9, np.uint8)}, "9 layers"),
        ({"counts": np.zeros((1, 4), np.uint8)}, "uint8"),
        ({"stereo": "mono"}, "can't stand for"),
        ({"stereo": "wide"}, "linked, mid-side, mono"),
        ({"n_channels": 2}, "can't stand for"),
    ],
)
def test_codes_that_do_not_fit_together_are_refused(change, words):
    whole = {
        "codes": np.zeros((1, 3, 8), np.uint16), "counts": np.full((1, 3), 8, np.uint8), "sample_rate": RATE,
        "n_samples": 1500,
        "n_channels": 1, "model": "m", "digest": "d", "stereo": "linked",
    }  # fmt: skip
    assert Codes(**whole).kbps == 6.0
    with pytest.raises((ValueError, TypeError), match=words):
        Codes(**{**whole, **change})


# Side-chains through boards.


@pytest.mark.slow
def test_a_board_aligns_the_side_chain_with_what_arrives_at_the_codec():
    """A codec before it delays the sound; the side-chain, compensated, stands beside the same moment."""
    a, b = voice(), music()[:1]
    first, second = NeuralCodec(layers=24), NeuralCodec(layers=12, cross_layers=0)
    whole = Board([first, second])(a, RATE, sidechain=b)
    # With no layers of its own the sound's only share is its length: what is heard is the side-chain, coded.
    assert np.array_equal(whole, NeuralCodec(layers=12)(b, RATE))
    board = Board([first, second])
    parts = [
        board.process(a[:, k : k + 4801], RATE, reset=False, sidechain=b[:, k : k + 4801])
        for k in range(0, a.shape[1], 4801)
    ]
    streamed = np.concatenate(parts, 1)
    assert streamed.shape[1] > a.shape[1] - 4000
    assert np.abs(streamed - whole[:, : streamed.shape[1]]).max() < 1e-4


@pytest.mark.slow
def test_a_board_without_codecs_has_no_use_for_a_side_chain_and_a_nested_one_passes_it_on():
    a, b = voice(), music()[:1]
    assert np.array_equal(Board([])(a, RATE, sidechain=b), a)
    nested = Board([Board([NeuralCodec(layers=12, cross_layers=3)])])
    assert np.array_equal(nested(a, RATE, sidechain=b), NeuralCodec(layers=12, cross_layers=3)(a, RATE, sidechain=b))
    with pytest.raises(ValueError, match="side-chain has the shape"):
        nested(a, RATE, sidechain=b[:, 1:])
