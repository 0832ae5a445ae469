"""Streams of boards: blocks come back at their length, later by what the board says, and nothing is lost at the end."""

import numpy as np
import pedalboard
import pytest
from sounds import demo, lag_samples, noise

from lamina.plugin import Board, NeuralCodec

RATE = 48_000
BOARDS = {
    "nothing": list,
    "a codec": lambda: [NeuralCodec(layers=2, search=1)],
    "codecs": lambda: [NeuralCodec(layers=1, search=1), Board([NeuralCodec(layers=2, search=1, passes=2)])],
    "natives": lambda: [pedalboard.Gain(-3.0), pedalboard.Limiter()],
    "both": lambda: [pedalboard.Compressor(), NeuralCodec(layers=2, search=1), pedalboard.Gain(2.0)],
}


def blocks(n, longest, seed=0):
    random, edges = np.random.default_rng(seed), [0]
    while edges[-1] < n:
        edges.append(min(n, edges[-1] + int(random.integers(0, longest + 1))))
    return list(zip(edges, edges[1:], strict=False))


def heard_alike(heard, whole, board):
    """Where codecs follow each other, the second one hears the first one's end as silence or as it dies away."""
    n = whole.shape[1] - (2 * board.latency_samples(RATE) if sum(isinstance(e, Board) for e in board) else 0)
    return heard.shape == whole.shape and np.abs(heard - whole)[:, :n].max(initial=0) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("make", BOARDS.values(), ids=BOARDS)
def test_a_stream_and_its_end_are_the_whole_piece_later_by_the_latency(make):
    audio = demo(0, RATE, 1.0)
    whole, board = Board(make())(audio, RATE), Board(make())
    stream = board.stream(RATE, len(audio), 700)
    assert stream.latency_samples == board.latency_samples(RATE, len(audio), 700)
    for _ in range(2):  # after its end a stream begins anew
        parts = []
        for a, b in blocks(audio.shape[1], 700):
            parts.append(stream.push(audio[:, a:b]))
            assert parts[-1].shape == (len(audio), b - a)
        heard = np.concatenate([*parts, stream.flush()], 1)
        assert heard_alike(heard[:, stream.latency_samples :], whole, board)


@pytest.mark.slow
@pytest.mark.parametrize("make", BOARDS.values(), ids=BOARDS)
def test_flush_gives_what_the_usual_loop_leaves_behind(make):
    audio = demo(0, RATE, 1.0)
    whole, board = Board(make())(audio, RATE), Board(make())
    parts = [board.process(audio[:, a:b], RATE, reset=False) for a, b in blocks(audio.shape[1], 3000) if b > a]
    heard = np.concatenate([*parts, board.flush()], 1)
    assert heard.shape == audio.shape and heard_alike(heard, whole, board)
    assert board.flush().size == 0


@pytest.mark.parametrize("lying", ["samples", "channels first", "channels last"])
def test_a_codecs_loop_is_flushed_in_the_layout_of_its_blocks(lying):
    audio, codec = demo(0, 24_000, 1.0), NeuralCodec(layers=2, search=1)
    audio = {"samples": audio[0], "channels first": audio, "channels last": np.ascontiguousarray(audio.T)}[lying]
    axis = 1 if lying == "channels first" else 0
    assert codec.flush().size == 0
    parts = [codec.process(part, 24_000, reset=False) for part in np.array_split(audio, 9, axis)] + [codec.flush()]
    assert np.array_equal(np.concatenate(parts, axis), codec(audio, 24_000))
    short = np.take(audio, range(50), axis)
    assert codec.process(short, 24_000, reset=False).size == 0
    assert np.array_equal(codec.flush(), NeuralCodec(layers=2, search=1)(short, 24_000))


def test_a_codecs_stream_ends_with_what_the_latency_holds_back():
    audio, codec = noise(2, 5000), NeuralCodec(layers=2, search=1)
    stream = codec.stream(RATE, 2)
    first = np.concatenate([stream.push(audio), stream.flush()], 1)
    n_reports = len(stream.reports)
    assert np.array_equal(first[:, stream.latency_samples :], codec(audio, RATE)) and n_reports > 0
    assert np.array_equal(np.concatenate([stream.push(audio), stream.flush()], 1), first)


@pytest.mark.slow
def test_a_plugin_that_holds_sound_back_behind_a_codec_is_aligned():
    audio = demo(1, RATE, 2.0)[:1]
    board = Board([NeuralCodec(layers=24, search=1), pedalboard.MP3Compressor()])
    stream = board.stream(RATE, 1, 512)
    assert stream.latency_samples > NeuralCodec().latency_samples(RATE) + 1000
    n = audio.shape[1] // 512 * 512
    heard = np.concatenate([*(stream.push(audio[:, k : k + 512]) for k in range(0, n, 512)), stream.flush()], 1)
    assert lag_samples(audio[0, :n], heard[0, stream.latency_samples :]) == 0
    # pedalboard loses samples of such plugins when the length of the blocks changes.
    with pytest.raises(ValueError, match=r"takes \[1, 512\]"):
        stream.push(audio[:, :100])


@pytest.mark.slow
def test_a_side_chain_reaches_a_stream_beside_what_it_belongs_to():
    a, b = demo(1, RATE, 1.0)[:1], demo(0, RATE, 1.0)[:1]
    effects = [NeuralCodec(layers=3, search=1), NeuralCodec(layers=6, cross_layers=0, search=1)]
    stream = Board(effects).stream(RATE, 1, 4800)
    parts = [stream.push(a[:, k : k + 4800], b[:, k : k + 4800]) for k in range(0, a.shape[1], 4800)]
    heard = np.concatenate([*parts, stream.flush()], 1)[:, stream.latency_samples :]
    whole = Board(effects)(a, RATE, sidechain=b)
    n = whole.shape[1] - 2 * stream.latency_samples
    assert np.abs(heard - whole)[:, :n].max() < 1e-4


def test_blocks_that_are_none_are_refused_and_change_nothing():
    stream = Board([NeuralCodec(layers=1, search=1)]).stream(RATE, 2, 480)
    audio = noise(2, 960)
    first = stream.push(audio[:, :480])
    for wrong in (audio, audio[:1, :480], audio[0, :480], np.zeros((2, 4), np.int16)):
        with pytest.raises((ValueError, TypeError)):
            stream.push(wrong)
    with pytest.raises(ValueError, match="equally long"):
        stream.push(audio[:, 480:], audio[:, :1])
    both = np.concatenate([first, stream.push(audio[:, 480:]), stream.flush()], 1)
    assert np.array_equal(both[:, stream.latency_samples :], NeuralCodec(layers=1, search=1)(audio, RATE))
    for call in (Board([]).stream, NeuralCodec().stream, Board([]).latency_samples):
        with pytest.raises(ValueError, match="n_channels is 9; 8 channels"):
            call(RATE, 9)


@pytest.mark.parametrize(
    "before",
    [
        [lambda: NeuralCodec(layers=6, search=1)],
        [lambda: NeuralCodec(layers=6, search=1), pedalboard.Reverb],
        [lambda: pedalboard.Delay(0.05)],
    ],
    ids=["a codec", "a codec and a reverb", "a delay"],
)
def test_what_rings_on_before_a_codec_changes_only_the_last_latency_of_a_stream(before):
    """A whole piece ends for every effect; in a stream the codec still hears what is before it die away."""

    def board():
        return Board([*(make() for make in before), NeuralCodec(layers=4, search=1)])

    audio = demo(0, 44_100, 0.6)
    whole, streaming = board()(audio, 44_100), board()
    parts = [streaming.process(part, 44_100, reset=False) for part in np.array_split(audio, 11, 1)]
    heard = np.concatenate([*parts, streaming.flush()], 1)
    n_same = whole.shape[1] - streaming.latency_samples(44_100, len(audio))
    assert heard.shape == whole.shape and 0 < n_same
    assert np.array_equal(heard[:, :n_same], whole[:, :n_same])
    assert np.abs(heard - whole).max() < 0.2
