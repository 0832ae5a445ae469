"""A channel that is sent no layers: both loops take it for lost, and it plays nothing of its own."""

import numpy as np
from desk_sounds import RATE, music

from lamina.plugin import NeuralCodec


def test_a_side_without_layers_is_decoded_as_the_effect_plays_it():
    codec = NeuralCodec(layers=8, stereo="mid-side", side_layers=0)
    audio = music(1.0)
    heard = codec.decode(codec.encode(audio, RATE))
    n = min(heard.shape[1], audio.shape[1])
    assert np.abs(heard[:, :n] - codec(audio, RATE)[:, :n]).max() < 1e-5
