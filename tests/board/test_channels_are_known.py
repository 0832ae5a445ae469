"""Whoever knows which axis holds the channels hands that on.

Blocks of any length, of one and two samples too, are what they are.
"""

import numpy as np
import pedalboard
import pytest
from gui_parts import write_sound
from sounds import noise

from lamina import read_audio
from lamina.plugin import Board, NeuralCodec
from lamina.plugin.files.render import render_file

RATE = 48_000


def board():
    return Board([NeuralCodec(), pedalboard.Chorus(), pedalboard.Reverb(), pedalboard.Delay(delay_seconds=0.01)])


def streamed(effect, audio, sizes):
    """`audio` in blocks of `sizes`, again and again, and silence behind it until all has come."""
    out, position, turn = [], 0, 0
    silent = np.zeros((2, 480), np.float32)
    while position < audio.shape[1]:
        size = sizes[turn % len(sizes)]
        block = audio[:, position : position + size]
        out.append(effect(block if block.shape[1] != 2 else np.ascontiguousarray(block), RATE, reset=False))
        position, turn = position + size, turn + 1
    while sum(block.shape[1] for block in out) < audio.shape[1]:
        out.append(effect(silent, RATE, reset=False))
    return np.concatenate(out, 1)[:, : audio.shape[1]]


@pytest.mark.parametrize("size", [*range(470, 490), 240, 958, 959, 960, 961, 962, 1916, 1918, 1920])
def test_a_board_streams_in_blocks_of_any_length_what_it_makes_of_the_whole(size):
    """Blocks of 10 and 20 ms left two samples over for the effects behind the codec.

    pedalboard can't tell these from channels.
    """
    audio = noise(2, 6000)
    whole = board()(audio, RATE)
    assert np.abs(streamed(board(), audio, [size]) - whole).max() < 1e-6


@pytest.mark.parametrize("remainder", range(5))
def test_files_of_any_length_are_rendered(remainder, tmp_path):
    """The last of the blocks that a file is read in may have a sample or two."""
    n_samples = 2 * 8000 + remainder
    source = write_sound(tmp_path / "in.wav", 8000, noise(2, n_samples))
    render_file(board(), source, tmp_path / "out.wav")
    assert read_audio(tmp_path / "out.wav").samples.shape == (2, n_samples)


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_the_shortest_blocks_of_native_effects_keep_their_state(n_samples):
    from lamina.plugin.call.native_chain import NativeChain

    audio, plugins = noise(2, 300), [pedalboard.Chorus(), pedalboard.Delay(delay_seconds=0.001)]
    whole = pedalboard.Pedalboard(plugins).process(audio, RATE, reset=True)
    chain = NativeChain(plugins)
    chain.prepare(2, RATE, 512)
    blocks = [audio[:, start : start + n_samples] for start in range(0, 300, n_samples)]
    assert np.array_equal(np.concatenate([chain.process(block, RATE, 512, False) for block in blocks], 1), whole)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("make", [lambda: NeuralCodec(layers=2), lambda: Board([pedalboard.Compressor()]), board])
def test_a_streams_last_two_samples_lie_as_those_before_them(make, transposed):
    """pedalboard's own reading loop, with a chunk of two samples at its end, or somewhere on its way."""
    audio = noise(2, 4098)
    pieces = [(0, 2048), (2048, 2050), (2050, 2051), (2051, 4096), (4096, 4098)]
    effect, whole = make(), make()

    def through(block):
        out = effect(block.T.copy() if transposed else block.copy(), RATE, reset=False)
        return out.T if transposed else out

    streamed = np.concatenate([through(audio[:, start:stop]) for start, stop in pieces], 1)
    in_one = whole(audio, RATE, reset=False)
    assert streamed.shape == in_one.shape and np.abs(streamed - in_one).max() < 1e-6
    effect.reset()
    with pytest.raises(ValueError, match="square"):
        effect(audio[:, :2], RATE, reset=False)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_side_chain_lies_as_the_sound_does(n_channels, transposed):
    audio, beside = noise(n_channels, 4003), noise(n_channels, 4003, seed=5)

    def through(effect, sizes):
        out, position = [], 0
        for size in sizes:
            blocks = [sound[:, position : position + size].copy() for sound in (audio, beside)]
            if transposed:
                blocks = [block.T.copy() for block in blocks]
            made = effect(blocks[0], RATE, reset=False, sidechain=blocks[1])
            out.append(made.T if transposed else made)
            position += size
        return np.concatenate(out, 1)

    for make in (
        lambda: NeuralCodec(layers=12, cross_layers=2),
        lambda: Board([NeuralCodec(layers=12, cross_layers=2)]),
    ):
        assert np.abs(through(make(), [4000, 2, 1]) - through(make(), [4003])).max() < 1e-6


def test_another_number_of_channels_begins_another_stream():
    effects = Board([pedalboard.Delay(0.01), NeuralCodec(layers=12, cross_layers=2)])
    for n_channels in (2, 1, 2):
        audio = noise(n_channels, 4000)
        assert effects(audio, RATE, reset=False, sidechain=audio).shape[0] == n_channels


def test_smaller_buffers_keep_what_native_effects_remember():
    audio = noise(2, 4096)
    once, twice = Board([pedalboard.Delay(0.02)]), Board([pedalboard.Delay(0.02)])
    whole = once(audio, RATE, buffer_size=2048, reset=False)
    parts = [
        twice(audio[:, :2048], RATE, buffer_size=2048, reset=False),
        twice(audio[:, 2048:], RATE, buffer_size=512, reset=False),
    ]
    assert np.abs(np.concatenate(parts, 1) - whole).max() < 1e-6
