"""A constant in the input makes no hum.

The decoder made one at the frame rate, 22 dB below it. It is taken out before the encoder, and sound without one is
coded as it always was.
"""

import numpy as np
import pytest
from sounds import dbfs, demo, push_in_blocks

from lamina.plugin import NeuralCodec
from lamina.plugin.stream import frames

RATE = 24_000


@pytest.mark.parametrize("layers", [1, 8, 24])
@pytest.mark.parametrize("offset", [0.01, -0.03, 0.1, 0.3])
def test_a_constant_is_silence_soon(offset, layers):
    """Before, −61 to −33 dBFS beside the constant. The end, where it falls to silence, is a step of its own."""
    wet = NeuralCodec(layers=layers)(np.full(3 * RATE, offset, np.float32), RATE)
    assert dbfs(wet[2 * RATE : -RATE // 10]) < -80


def test_a_recording_with_an_offset_is_coded_as_well_as_without():
    audio = 0.5 * demo(1, RATE, 5.0)[:1]
    wet, plain = (NeuralCodec(layers=16)(audio + np.float32(offset), RATE) for offset in (0.1, 0.0))
    lost = [dbfs((out - audio)[:, 2 * RATE :]) for out in (wet, plain)]
    assert lost[0] < lost[1] + 0.5


@pytest.mark.slow
def test_any_cutting_gives_the_same_and_codes_are_those_that_are_played():
    audio = demo(0, RATE, 3.0) + np.array([[0.1], [-0.02]], np.float32)
    codec = NeuralCodec(layers=4)
    whole = codec(audio, RATE)
    stream = codec.stream(RATE, 2)
    silence = np.zeros((2, stream.latency_samples), np.float32)
    pushed = push_in_blocks(stream, np.concatenate([audio, silence], 1), [1, 319, 320, 4000, 77])
    assert np.array_equal(pushed[:, stream.latency_samples :], whole)
    assert np.array_equal(codec.decode(codec.encode(audio, RATE)), whole)


@pytest.mark.slow
@pytest.mark.parametrize("item", range(3))
def test_sound_without_an_offset_is_coded_as_before(item, monkeypatch):
    audio = demo(item, RATE, 4.0)
    codes = NeuralCodec(layers=8).encode(audio, RATE)
    monkeypatch.setattr(frames.OffsetRemover, "push", lambda self, x: x)
    assert np.array_equal(NeuralCodec(layers=8).encode(audio, RATE).codes, codes.codes)


@pytest.mark.slow
def test_the_side_chains_offset_is_taken_out_too():
    audio, codec = demo(1, RATE, 4.0)[:1], NeuralCodec(layers=8, cross_layers=2)
    constant, silent = (codec(audio, RATE, sidechain=np.full_like(audio, offset)) for offset in (0.2, 0.0))
    assert dbfs((constant - silent)[:, 3 * RATE : -RATE // 10]) < -40
