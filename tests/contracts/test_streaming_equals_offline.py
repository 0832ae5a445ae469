"""Contract 1: any cutting of the input gives the same samples, and the same codes, as one call."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import demo, push_in_blocks

from lamina.models.bundles.bundle import open_bundle
from lamina.models.engines.onnx_engine import OnnxEngine
from lamina.models.runtime import CodecRuntime, load_runtime
from lamina.plugin import NeuralCodec

# The contract; on the machines seen so far the difference is exactly zero.
TOLERANCE = 1e-5

cuttings = st.lists(st.integers(1, 8192), min_size=1, max_size=12)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    sizes=cuttings,
    rate=st.sampled_from([24_000, 44_100, 48_000, 96_000]),
    layers=st.integers(1, 24),
    stereo=st.booleans(),
)
def test_random_cuttings_give_the_same_samples_and_codes(sizes, rate, layers, stereo):
    sizes = [*sizes, 1, 2, 977]
    audio = demo(0, rate, 0.8)
    audio = np.concatenate([audio, audio[:, ::-1]])[:2] if stereo else audio[:1]
    codec = NeuralCodec(layers=layers)
    whole = codec.stream(rate, len(audio))
    expected = whole.push(audio)
    cut = codec.stream(rate, len(audio))
    got = push_in_blocks(cut, audio, sizes)
    assert np.abs(got - expected).max() <= TOLERANCE
    assert len(cut.reports) == len(whole.reports) > 40
    for ours, theirs in zip(cut.reports, whole.reports, strict=True):
        assert np.array_equal(ours.codes, theirs.codes)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 320, 8192])
def test_one_block_size_throughout(size):
    audio = demo(1, 48_000, 0.3)
    codec = NeuralCodec(layers=24)
    expected = codec.stream(48_000, len(audio)).push(audio)
    assert np.abs(push_in_blocks(codec.stream(48_000, len(audio)), audio, [size]) - expected).max() <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_101, 192_000])
def test_streaming_calls_continue_the_one_shot_result(rate):
    audio = demo(0, rate, 1.0)
    codec = NeuralCodec(layers=12, mix=0.7)
    expected = codec(audio, rate)
    codec.reset()
    parts = [codec.process(part, rate, reset=False) for part in np.array_split(audio, 9, axis=1)]
    got = np.concatenate(parts, 1)
    assert got.shape[1] == audio.shape[1] - codec.latency_samples(rate)
    assert np.abs(got - expected[:, : got.shape[1]]).max() <= TOLERANCE


def test_the_result_does_not_depend_on_the_buffer_size():
    audio = demo(0, 44_100, 0.5)
    codec = NeuralCodec(layers=8)
    assert np.array_equal(codec(audio, 44_100, buffer_size=1), codec(audio, 44_100, buffer_size=10**6))


@pytest.mark.slow
def test_a_processor_whose_long_calls_differ_is_found_out_and_encodes_frame_by_frame(monkeypatch):
    encode = OnnxEngine._encode

    def noisy(self, x, state):
        z, after = encode(self, x, state)
        # As if the matrix product added up in another order when a call brings several frames.
        return (z * np.float32(1 + 2e-7) if z.shape[1] > 1 else z), after

    exact = CodecRuntime(open_bundle(), engine="onnx")
    monkeypatch.setattr(OnnxEngine, "_encode", noisy)
    careful = CodecRuntime(open_bundle(), engine="onnx")
    audio = demo(0, 24_000, 0.4)[:1, : 320 * 30]
    z, state = careful.encode(audio, careful.encoder_state(1))
    monkeypatch.undo()
    expected, after = exact.encode(audio, exact.encoder_state(1))
    assert np.array_equal(z, expected)
    assert all(np.array_equal(a, b) for a, b in zip(state, after, strict=True))
    # The loop takes frames one by one; what lies above its layers is coded in long calls where that makes no
    # difference.
    for layers in (2, 7, 20):
        for ours, theirs in zip(careful.code(audio, layers), exact.code(audio, layers), strict=True):
            assert np.array_equal(ours, theirs)


def test_frames_one_by_one_equal_a_long_chunk_in_the_networks_themselves():
    runtime = load_runtime("lamina-24k")
    frame = runtime.config.frame
    audio = demo(0, runtime.config.sample_rate, 0.6)[:1]
    audio = audio[:, : audio.shape[1] // frame * frame]
    z, _ = runtime.encode(audio, runtime.encoder_state(1))
    y, _ = runtime.decode(z, runtime.decoder_state(1))
    encoder, decoder = runtime.encoder_state(1), runtime.decoder_state(1)
    for index in range(z.shape[1]):
        one, encoder = runtime.encode(audio[:, index * frame : (index + 1) * frame], encoder)
        assert np.array_equal(one[:, 0], z[:, index]), "a latent depends on how many frames a call brings"
        out, decoder = runtime.decode(one, decoder)
        assert np.abs(out - y[:, index * frame : (index + 1) * frame]).max() <= TOLERANCE
