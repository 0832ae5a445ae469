"""A real VST3 plugin stands beside the codec. Looks for Debian's zam-plugins, or in the folder that VST3_PATH names."""

import os
from pathlib import Path

import numpy as np
import pytest
from pedalboard import load_plugin
from sounds import demo

from lamina.plugin import Board, NeuralCodec

RATE = 48_000
FOLDERS = [Path(folder) for folder in (os.environ.get("VST3_PATH"), "/usr/lib/vst3", "~/.vst3") if folder]


@pytest.fixture
def delay():
    for folder in FOLDERS:
        path = folder.expanduser() / "ZamDelay.vst3"
        if path.exists():
            return load_plugin(str(path))
    pytest.skip("no ZamDelay.vst3 here (Debian: zam-plugins)")


def test_a_vst3_after_the_codec_is_the_two_in_a_row(delay):
    audio = demo(1, RATE, 1.0)
    expected = delay(NeuralCodec(kbps=3.0)(audio, RATE), RATE)
    got = Board([NeuralCodec(kbps=3.0), delay])(audio, RATE)
    assert got.shape == audio.shape and got.dtype == np.float32 and np.isfinite(got).all()
    assert np.abs(got - expected).max() < 1e-6
    assert np.abs(got - NeuralCodec(kbps=3.0)(audio, RATE)).max() > 0.01, "the plugin was not heard"


def test_a_vst3_streams_before_the_codec(delay):
    audio = demo(1, RATE, 1.0)
    board = Board([delay, NeuralCodec()])
    whole = board(audio, RATE)
    board.reset()
    parts = [board.process(part, RATE, reset=False) for part in np.array_split(audio, 10, axis=1)]
    streamed = np.concatenate(parts, axis=1)
    assert streamed.shape[1] == audio.shape[1] - board[1].latency_samples(RATE)
    assert np.corrcoef(streamed[0], whole[0, : streamed.shape[1]])[0, 1] > 0.9
