"""Contract 5: the number shown is the number sent: kbps are the bits that a file's blocks really hold, per second."""

import dataclasses

import numpy as np
import pytest
from desk_sounds import RATE, music
from sounds import demo

from lamina.plugin import Codes, NeuralCodec
from lamina.plugin.codes_file.file import pack

BLOCK_FRAMES = 75
"""Of a plain block, which begins at a whole byte."""


def bits_of_codes(codes: Codes) -> int:
    """What the codes take in a file, packed by what writes files.

    It shrinks by so much when nothing is sent in as many frames.
    """
    nothing = dataclasses.replace(codes, codes=np.zeros_like(codes.codes), counts=np.zeros_like(codes.counts))
    return 8 * (len(pack(codes)) - len(pack(nothing)))


@pytest.mark.parametrize("layers", [1, 4, 8, 24])
def test_kbps_is_what_the_codes_take_in_a_file(layers):
    codec = NeuralCodec(layers=layers)
    codes = codec.encode(demo(1, 24_000, 4.0)[:1], 24_000)
    sent = codec.kbps * 1000 * codes.n_frames / 75
    assert codes.kbps == codec.kbps and codes.bits == sent
    # Each block is filled up to a whole byte.
    assert 0 <= bits_of_codes(codes) - sent < 8 * -(-codes.n_frames // BLOCK_FRAMES)


@pytest.mark.slow
def test_what_is_reported_of_each_frame_is_what_is_sent_of_it():
    codec = NeuralCodec(layers=24, stereo="mid-side", side_layers=3, loudness_layers=0.5)
    codes = codec.encode(music(), RATE)
    codec(music(), RATE)
    reported = [report.bits for report in codec.last_reports[: codes.n_frames]]
    assert len(set(reported)) > 3
    assert reported == (10 * codes.counts.astype(int).sum(0)).tolist() and codes.bits == sum(reported)


def test_while_a_sound_becomes_mono_the_side_is_counted_for_as_long_as_it_is_heard():
    """Left is the negative of right, so that all of it is side.

    What is heard of it after the change must have been sent.
    """
    tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE).astype(np.float32)
    codec = NeuralCodec(layers=8, stereo="mid-side", side_layers=8)
    stream = codec.stream(RATE, 2)
    frame = RATE // 75
    heard, bits = [], []
    codec.on_report = lambda report: bits.append(report.bits)
    for index in range(75):
        if index == 37:
            codec.stereo = "mono"
        start = index * frame
        heard.append(stream.push(np.stack([tone, -tone])[:, start : start + frame]))
    side = np.concatenate(heard, 1)[:, stream.latency_samples :]
    side = np.abs(side[0] - side[1])
    loud = [index for index in range(70) if side[index * frame : (index + 1) * frame].max() > 1e-3]
    sent = [index for index, n_bits in enumerate(bits) if n_bits == 160]
    assert set(bits) == {160, 80}
    assert loud[-1] > 30 and loud[-1] <= sent[-1], "the side is heard of frames in which it was not counted"
    assert sent[-1] - loud[-1] <= 2, "it is counted for longer than it is heard"


def test_kbps_and_layers_are_one_value():
    codec = NeuralCodec(kbps=3.0)
    assert codec.layers == 4
    codec.kbps = 3.2
    assert (codec.layers, codec.kbps) == (4, 3.0)
    codec.kbps = 4.4  # nearer to 6 layers (4.5) than to 5 (3.75)
    assert (codec.layers, codec.kbps) == (6, 4.5)
    codec.layers = 24
    assert codec.kbps == 18.0
