"""What forgets its past at every call is never streamed.

It gets the whole piece where that is known, and is refused by its name elsewhere.
"""

import copy
import itertools
import pickle

import numpy as np
import pedalboard
import pytest
from gui_parts import write_sound
from live_boards import live
from pedalboard import Chain, Chorus, Delay, Gain, GSMFullRateCompressor, Mix, Pedalboard, PitchShift, Reverb
from sounds import demo, noise

from lamina import read_audio
from lamina.plugin import Board, NeuralCodec
from lamina.plugin.call.native_chain import forgetful_effects
from lamina.plugin.documents.boards import build_board, describe_board
from lamina.plugin.documents.native import native_effects
from lamina.plugin.files import render
from lamina.plugin.files.render import RenderCancelled, render_file
from lamina.plugin.files.sound import AudioFileError

RATE = 44_100
FROM_24_BITS = 2**-22


def in_blocks(effect, audio, size):
    """What comes out of `audio` in blocks of `size`, and of silence behind it, cut to its length."""
    padded = np.pad(audio, ((0, 0), (0, 2 * RATE // size * size)))
    starts = range(0, padded.shape[1], size)
    out = [effect.process(padded[:, start : start + size], RATE, reset=False) for start in starts]
    return np.concatenate(out, 1)[:, : audio.shape[1]]


def native(name):
    """A built-in effect; a room of noise for the one that needs one."""
    if name == "Convolution":
        return pedalboard.Convolution(noise(1, 2000), 0.5, RATE)
    return native_effects()[name]()


@pytest.mark.parametrize("size", [512, 20_000])
@pytest.mark.parametrize("name", native_effects())
def test_every_built_in_effect_streams_what_one_call_gives_or_is_refused(name, size):
    if forgetful_effects(native(name)):
        with pytest.raises(ValueError, match=name):
            Board([native(name)]).process(noise(2, size), RATE, reset=False)
        return
    audio = noise(2, RATE + 100)
    assert np.abs(in_blocks(Board([native(name)]), audio, size) - native(name)(audio, RATE)).max() < 1e-5


@pytest.mark.parametrize("sizes", [[2 * RATE], [1, 2, 3, 4000], [300, 10, 8000], [100, 900]])
@pytest.mark.parametrize("make", [pedalboard.MP3Compressor, lambda: Chain([Delay(0.01), pedalboard.Resample(8000)])])
def test_what_resamples_or_hands_on_packets_keeps_its_place_in_blocks_of_any_lengths(make, sizes):
    """The sound came early by as much as the first short blocks held, and MP3Compressor lost more on its way."""
    audio, board, parts = noise(2, 3 * RATE), Board([make()]), []
    whole, starts = make()(audio, RATE), np.cumsum([0, *(sizes * (len(audio[0]) // sum(sizes) + 1))])
    for start, stop in itertools.pairwise(starts):
        parts.append(board.process(audio[:, start:stop], RATE, reset=False))
    streamed = np.concatenate(parts, 1)
    assert 0 < audio.shape[1] - streamed.shape[1] < 4000, "latency is swallowed once"
    assert parts[-1].shape[1] == audio[:, starts[-2] :].shape[1], "each block comes back at its length"
    assert np.array_equal(streamed, whole[:, : streamed.shape[1]])


@pytest.mark.parametrize(
    "put",
    [
        lambda plugin: plugin,
        lambda plugin: Pedalboard([Gain(), plugin]),
        lambda plugin: Chain([Gain(), Mix([Gain(), plugin])]),
        lambda plugin: Board([NeuralCodec(), Board([Pedalboard([plugin])])]),
    ],
)
@pytest.mark.parametrize("kind", [PitchShift, GSMFullRateCompressor])
def test_a_stream_through_one_is_refused_before_anything_has_changed(kind, put):
    audio = noise(2, 8192)
    board, untouched = (Board([Delay(0.05), NeuralCodec()]) for _ in range(2))
    for each in (board, untouched):
        each.process(audio, RATE, reset=False)
    board.append(put(kind()))
    with pytest.raises(ValueError, match=rf"^{kind.__name__} can't be streamed: .*\(reset=True\)"):
        board.process(audio, RATE, reset=False)
    with pytest.raises(ValueError, match=rf"^{kind.__name__} can't be streamed"):
        board.stream(RATE, 2)
    board.pop()
    again, expected = (each.process(audio, RATE, reset=False) for each in (board, untouched))
    assert np.array_equal(again, expected)


def test_in_one_call_it_sounds_as_in_pedalboard():
    audio = demo(1, RATE, 1.0)
    assert np.array_equal(Board([PitchShift(3)])(audio, RATE), Pedalboard([PitchShift(3)])(audio, RATE))


def test_live_one_is_left_out_even_where_others_are_heard_beside_it():
    """Half of a Mix still sounds, so its level doesn't tell that the other half has fallen silent."""
    board = live(Mix([Gain(), PitchShift(3)]))
    assert "loses its sound" in board.slots[0].failure


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda: Board([NeuralCodec(layers=4), PitchShift(3)]),
        lambda: Board(
            [Gain(-3), Board([PitchShift(-2), NeuralCodec(layers=2)]), Pedalboard([GSMFullRateCompressor()])]
        ),
    ],
)
def test_a_file_is_rendered_as_in_one_call(tmp_path, make):
    """Every second block of two seconds was silent."""
    source = write_sound(tmp_path / "in.wav", RATE, demo(1, RATE, 5.0)[:1].repeat(2, 0))
    seen = []
    render_file(make(), source, tmp_path / "out.wav", seen.append)
    clip = read_audio(source)
    expected = np.clip(make()(clip.samples, clip.sample_rate), -1, 1)
    assert np.abs(read_audio(tmp_path / "out.wav").samples - expected).max() < FROM_24_BITS
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 4


@pytest.mark.slow
def test_a_side_chain_reaches_every_codec_of_a_file_in_one_piece(tmp_path):
    def make():
        return Board([NeuralCodec(layers=4, cross_layers=2), PitchShift(1), NeuralCodec(layers=3, cross_layers=1)])

    source = write_sound(tmp_path / "in.wav", RATE, demo(0, RATE, 2.5))
    beside = write_sound(tmp_path / "beside.wav", RATE, demo(1, RATE, 2.5)[:1].repeat(2, 0))
    render_file(make(), source, tmp_path / "out.wav", sidechain=beside)
    audio, sidechain = (read_audio(path).samples for path in (source, beside))
    expected = np.clip(make()(audio, RATE, sidechain=sidechain), -1, 1)
    assert np.abs(read_audio(tmp_path / "out.wav").samples - expected).max() < FROM_24_BITS


@pytest.mark.parametrize("n_calls", [1, 3, 5, 6])
def test_rendering_one_piece_can_be_cancelled_and_leaves_nothing(tmp_path, n_calls):
    source = write_sound(tmp_path / "in.wav", 8000, noise(1, 3 * 8000))
    calls = []

    def cancelled():
        calls.append(1)
        return len(calls) >= n_calls

    board = Board([NeuralCodec(layers=1), PitchShift(1), NeuralCodec(layers=1)])
    with pytest.raises(RenderCancelled):
        render_file(board, source, tmp_path / "out.wav", cancelled=cancelled)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_a_file_too_long_for_one_piece_is_refused_with_a_sentence(tmp_path, monkeypatch):
    source = write_sound(tmp_path / "in.wav", 8000, noise(2, 3 * 8000))
    monkeypatch.setattr(render, "MOST_WHOLE_VALUES", 2 * 3 * 8000)
    render_file(Board([PitchShift(1)]), source, tmp_path / "fits.wav")
    monkeypatch.setattr(render, "MOST_WHOLE_VALUES", 2 * 3 * 8000 - 1)
    with pytest.raises(AudioFileError, match=r"in\.wav is 0 minutes long, too long for PitchShift.*\.$"):
        render_file(Board([PitchShift(1)]), source, tmp_path / "out.wav")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fits.wav", "in.wav"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Board([Delay(0.05), Reverb()]),
        lambda: Board([NeuralCodec(layers=2), Board([Delay(0.05), Chorus()])]),
        lambda: Board([NeuralCodec(layers=2)]),
    ],
)
def test_after_a_whole_piece_a_stream_begins_anew(make):
    """Native effects went on from the whole piece's end."""
    board, audio = make(), noise(2, 9000)
    board.process(noise(2, 5000, seed=1), RATE, reset=False)
    board(noise(2, 7000, seed=2), RATE)
    assert np.array_equal(board.process(audio, RATE, reset=False), make().process(audio, RATE, reset=False))


@pytest.mark.parametrize("copied", [copy.deepcopy, pickle.dumps])
def test_copying_native_effects_says_what_to_do_instead(copied):
    """pybind's own words were "cannot pickle 'pedalboard_native.Gain' object"."""
    board = Board([NeuralCodec(layers=3), Gain(-6), Board([Reverb()])])
    with pytest.raises(TypeError, match=r"pedalboard's effects \(Gain\).*build_board\(describe_board\(board\)\)"):
        copied(board)
    audio = noise(2, 9000)
    assert np.array_equal(build_board(describe_board(board))(audio, RATE), board(audio, RATE))


def test_a_board_of_laminas_own_effects_is_copied_deeply():
    board = Board([NeuralCodec(layers=3), Board([NeuralCodec(mix=0.5)])])
    for twin in (copy.deepcopy(board), pickle.loads(pickle.dumps(board))):
        assert twin[0].layers == 3 and twin[1][0].mix == 0.5
        assert twin[0] is not board[0] and twin[1][0] is not board[1][0]
