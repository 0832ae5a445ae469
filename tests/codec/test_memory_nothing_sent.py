"""A channel that is sent no layers: both loops take it for lost, and it plays nothing of its own."""

import numpy as np
from desk_sounds import RATE, music

from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.models.runtime import load_runtime
from lamina.plugin import NeuralCodec


def test_a_side_without_layers_is_decoded_as_the_effect_plays_it():
    codec = NeuralCodec(layers=8, stereo="mid-side", side_layers=0)
    audio = music(1.0)
    heard = codec.decode(codec.encode(audio, RATE))
    n = min(heard.shape[1], audio.shape[1])
    assert np.abs(heard[:, :n] - codec(audio, RATE)[:, :n]).max() < 1e-5


def test_both_loops_foresee_the_same_after_frames_of_nothing():
    runtime = load_runtime(DEFAULT_BUNDLE)
    frames = 40
    audio = music(1.0)[:, : frames * runtime.config.frame].copy()
    z, _ = runtime.encode(audio, runtime.encoder_state(2))
    counts = np.full((2, frames), 8, np.uint8)
    counts[1, 10:20] = 0
    codes, sent = runtime.loop(2).encode(audio, z, counts, np.ones(frames, np.int64))
    assert np.array_equal(runtime.loop(2).decode(codes, counts), sent)
