"""Stereo: left and right, middle and side, or the middle alone; and more channels than two."""

import numpy as np
import pytest
from desk_sounds import RATE, difference, largest_step, music, render, rms, stream, voice
from sounds import noise

from lamina.dsp.stereo import MidSide
from lamina.plugin import NeuralCodec

BLOCK = 480


@pytest.mark.slow
def test_mono_plays_the_middle_on_both_sides_and_sends_one_channel():
    codec = NeuralCodec(layers=12, search=1, stereo="mono")
    both = codec(music(), RATE)
    assert np.array_equal(both[0], both[1])
    assert {report.bits for report in codec.last_reports} == {120}
    middle = NeuralCodec(layers=12, search=1)(music().mean(0, keepdims=True), RATE)
    # The networks' rounding is the only difference.
    assert difference(both[:1], middle) < 1e-4


@pytest.mark.slow
def test_side_layers_are_the_sides_width_and_their_bits():
    plain = render(music(), layers=24)

    def width(audio):
        return rms(audio[:1] - audio[1:])

    widths = []
    for side in (0, 1, 4, 16):
        codec = NeuralCodec(layers=24, stereo="mid-side", side_layers=side)
        coded = codec(music(), RATE)
        widths.append(difference(coded[:1] - coded[1:], plain[:1] - plain[1:]))
        assert {report.bits for report in codec.last_reports} == {240 + 10 * side}
        # The middle doesn't care.
        assert difference(coded.sum(0, keepdims=True), plain.sum(0, keepdims=True)) < 0.35
    assert widths[1] > widths[2] > widths[3]
    assert width(plain) > 0


@pytest.mark.slow
def test_middle_and_side_of_a_sound_in_the_middle_is_that_sound():
    same = np.repeat(voice(), 2, 0)
    coded = render(same, layers=16, stereo="mid-side", side_layers=4)
    assert difference(coded, np.repeat(render(voice(), layers=16), 2, 0)) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("n_channels", [1, 3])
def test_stereo_modes_leave_other_numbers_of_channels_alone(n_channels):
    audio = np.repeat(voice(1.0), n_channels, 0)
    assert np.array_equal(render(audio, stereo="mid-side"), render(audio))


@pytest.mark.slow
def test_changing_the_mode_does_not_click_and_neither_side_jumps():
    t = np.arange(2 * RATE) / RATE
    audio = np.stack([0.4 * np.sin(2 * np.pi * 220 * t), 0.3 * np.sin(2 * np.pi * 331 * t)]).astype(np.float32)
    modes = ("linked", "mid-side", "mono", "mid-side", "linked", "mono")
    settings = {"layers": 24, "side_layers": 24}

    def moves(codec, index):
        codec.stereo = modes[index // 17 % len(modes)]

    still = max(largest_step(render(audio, stereo=mode, **settings)[:, RATE // 5 :]) for mode in modes[:3])
    assert largest_step(stream(audio, moves, **settings)[:, RATE // 5 :]) <= 1.25 * still


@pytest.mark.parametrize(("is_turned", "has_side"), [(False, True), (True, True), (True, False)])
def test_the_matrix_is_undone_exactly_where_nothing_lies_between(is_turned, has_side):
    audio = noise(2, 3000)
    matrix = MidSide(0, 100, is_turned, has_side)
    back = matrix.decode(matrix.encode(audio))
    expected = audio if has_side else np.repeat(audio.mean(0, keepdims=True), 2, 0)
    assert np.abs(back - expected).max() < 1e-6


def test_the_matrix_is_undone_while_it_turns_whatever_lies_between():
    delay, audio = 777, noise(2, 40_000)
    matrix, line = MidSide(delay, 500, False, True), np.zeros((2, delay), np.float32)
    out, start, index = [], 0, 0
    while start < audio.shape[1]:
        # Blocks of all lengths, and times in which nothing moves.
        size, index = (160, 7, 900, 33)[index % 4], index + 1
        matrix.set(start // 5000 % 2 == 1, True)
        block = audio[:, start : start + size]
        line = np.concatenate([line, matrix.encode(block)], 1)
        out.append(matrix.decode(line[:, : block.shape[1]]))
        line, start = line[:, block.shape[1] :], start + size
    back = np.concatenate(out, 1)
    assert np.abs(back[:, delay:] - audio[:, :-delay]).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("n_channels", [3, 8])
def test_up_to_eight_channels_are_each_coded_as_if_alone(n_channels):
    audio = np.stack([np.roll(voice(1.0)[0], 500 * channel) * (1 - channel / 10) for channel in range(n_channels)])
    together = render(audio, layers=12)
    for channel in range(n_channels):
        assert np.abs(together[channel] - render(audio[channel : channel + 1], layers=12)[0]).max() < 1e-5
    assert np.array_equal(NeuralCodec(layers=12, search=1, postfilter=0.0)(audio.T.copy(), RATE), together.T)
    with pytest.raises(ValueError, match="8 channels"):
        NeuralCodec()(np.zeros((9, 4800), np.float32), RATE)
