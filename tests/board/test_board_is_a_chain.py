"""`Board`: a list and a callable; native plugins and Lamina's effects in any order, compensated."""

import numpy as np
import pedalboard
import pytest
from pedalboard import Chorus, Compressor, Gain, HighpassFilter, Pedalboard, PitchShift, Reverb
from sounds import demo, lag_samples, noise

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.host.live_board.live_board import LiveBoard

RATE = 48_000


def test_native_plugins_alone_sound_as_in_pedalboard():
    audio = noise(2, RATE)
    expected = Pedalboard([HighpassFilter(200), Compressor(), Reverb()])(audio, RATE)
    assert np.array_equal(Board([HighpassFilter(200), Compressor(), Reverb()])(audio, RATE), expected)


def test_a_codec_between_native_plugins_is_the_three_in_a_row():
    audio = demo(0, RATE, 1.0)
    codec = NeuralCodec(kbps=3.0)
    expected = Reverb()(codec(Compressor()(audio, RATE), RATE), RATE)
    got = Board([Compressor(), NeuralCodec(kbps=3.0), Reverb()])(audio, RATE)
    assert got.shape == audio.shape
    assert got.dtype == np.float32
    assert np.array_equal(got, expected)


def test_latent_plugins_are_compensated():
    audio = demo(1, RATE, 1.5)
    board = Board([pedalboard.GSMFullRateCompressor(), NeuralCodec(layers=24), Gain(0.0), NeuralCodec(layers=24)])
    assert abs(lag_samples(audio[0], board(audio, RATE)[0])) <= 3  # GSM itself is a few samples off at 8 kHz


@pytest.mark.slow
def test_streaming_through_a_board_equals_one_call():
    audio = demo(0, RATE, 2.0)
    # The filter stands last: a native filter's own rounding depends on its blocks, and before a codec it could flip a
    # code.
    board = Board([Gain(-3.0), NeuralCodec(layers=6), Gain(2.0), NeuralCodec(layers=12), HighpassFilter(100.0)])
    expected = board(audio, RATE)
    board.reset()
    parts = [board.process(part, RATE, reset=False) for part in np.array_split(audio, 23, axis=1)]
    got = np.concatenate(parts, 1)
    assert got.shape[1] > RATE
    assert np.abs(got - expected[:, : got.shape[1]]).max() < 1e-5


def test_boards_nest():
    audio = demo(0, RATE, 0.5)
    flat = Board([Gain(-6.0), NeuralCodec(layers=3), Gain(3.0)])(audio, RATE)
    nested = Board([Board([Gain(-6.0), Board([NeuralCodec(layers=3)])]), Pedalboard([Gain(3.0)])])(audio, RATE)
    assert np.array_equal(flat, nested)


def test_an_empty_board_gives_back_its_input():
    audio = noise(2, 1000)
    assert np.array_equal(Board()(audio, RATE), audio)


def test_it_is_a_list():
    a, b, c, d = Gain(1), NeuralCodec(), Gain(3), Chorus()
    board = Board([a, b])
    board.append(c)
    board.insert(1, d)
    assert list(board) == [a, d, b, c]
    assert len(board) == 4 and board[-1] is c and b in board and board.index(b) == 2 and board.count(d) == 1
    assert isinstance(board[1:3], Board) and list(board[1:3]) == [d, b]
    board[1:3] = [b]
    assert list(board) == [a, b, c]
    board[0] = d
    assert board.pop() is c and list(board) == [d, b]
    board.extend([a, c])
    board.remove(b)
    del board[0]
    assert list(board) == [a, c]
    board.reverse()
    assert list(board) == [c, a]
    del board[:1]
    board.clear()
    assert not board
    with pytest.raises(ValueError, match="not on the board"):
        board.remove(a)


@pytest.mark.parametrize("foreign", ["Reverb", 3, None, lambda x: x, Reverb, NeuralCodec])
def test_foreign_objects_get_a_sentence_and_change_nothing(foreign):
    kept = Gain()
    board = Board([kept])
    attempts = (
        lambda: board.append(foreign),
        lambda: board.insert(0, foreign),
        lambda: board.extend([Gain(), foreign]),
    )
    for attempt in (*attempts, lambda: board.__setitem__(0, foreign), lambda: Board([foreign])):
        with pytest.raises(TypeError, match=r"NeuralCodec|instance"):
            attempt()
        assert list(board) == [kept]


def test_the_same_effect_twice_is_refused():
    codec, gain = NeuralCodec(), Gain()
    for twice in ([codec, codec], [gain, Gain(), gain], [codec, Board([codec])], [gain, Pedalboard([gain])]):
        with pytest.raises(ValueError, match="twice"):
            Board(twice)
    board = Board()
    with pytest.raises(ValueError, match="itself"):
        board.append(board)


@pytest.mark.parametrize("bad", [{"sample_rate": 0}, {"sample_rate": RATE, "buffer_size": 0}])
def test_bad_calls_reach_no_member(bad):
    # pedalboard itself never returns from buffer_size=0.
    with pytest.raises(ValueError, match=r"sample_rate|buffer_size"):
        Board([PitchShift(2), NeuralCodec()])(noise(1, 100), **bad)


NATIVE = (
    *(
        pedalboard.NoiseGate,
        pedalboard.Compressor,
        pedalboard.Chorus,
        pedalboard.Delay,
        pedalboard.Reverb,
        pedalboard.Phaser,
    ),
    *(
        pedalboard.Gain,
        pedalboard.Limiter,
        pedalboard.HighpassFilter,
        pedalboard.LowpassFilter,
        pedalboard.Distortion,
        pedalboard.Clipping,
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize("n_effects", range(1, len(NATIVE) + 1))
def test_an_effect_inside_pedalboards_own_board_is_told_from_every_other(n_effects):
    """pedalboard makes an object anew for each effect of its boards that is asked for.

    Those of the past must not count.
    """
    for turn in range(40):
        effects = [kind() for kind in NATIVE[:n_effects]]
        chain, mix = pedalboard.Chain([pedalboard.Gain()]), pedalboard.Mix([pedalboard.Gain(), pedalboard.Reverb()])
        board = Board([pedalboard.Pedalboard(effects), chain, mix, NeuralCodec()])
        LiveBoard(board, 48_000, 2, 256)
        for again in (effects[turn % n_effects], pedalboard.Pedalboard([effects[turn % n_effects]])):
            with pytest.raises(ValueError, match="stands on the board twice"):
                board.append(again)
        assert len(board) == 4
