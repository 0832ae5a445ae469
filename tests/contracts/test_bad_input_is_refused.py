"""Contract 7: bad input is refused with a sentence, before any state has changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise

from lamina.plugin import PARAMETERS, NeuralCodec

AUDIO = noise(2, 4800)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("layers", 0, ValueError),
        ("layers", 25, ValueError),
        ("layers", 2.5, ValueError),
        ("layers", "8", TypeError),
        ("layers", True, TypeError),
        ("kbps", 99, ValueError),
        ("kbps", 0.5, ValueError),
        ("mix", 1.01, ValueError),
        ("mix", float("nan"), ValueError),
        ("mix", None, TypeError),
        ("input_gain_db", 25.0, ValueError),
        ("output_gain_db", float("-inf"), ValueError),
        ("bypass", 1, TypeError),
        ("denoise", 1.5, ValueError),
        ("noise_only", 1, TypeError),
        ("layers", 10**400, ValueError),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(name, value, error):
    codec = NeuralCodec(layers=5, mix=0.25)
    before = codec.settings
    with pytest.raises(error, match=name):
        setattr(codec, name, value)
    assert codec.settings == before
    if value is not None:
        with pytest.raises(error, match=name):
            NeuralCodec(**{name: value})


def test_several_values_are_set_together_or_not_at_all():
    codec = NeuralCodec()
    before = codec.settings
    with pytest.raises(ValueError, match="layers"):
        codec.set_parameters({"mix": 0.5, "layers": 0})
    assert codec.settings == before


def test_an_unknown_parameter_suggests_the_nearest():
    with pytest.raises(ValueError, match="input_gain_db"):
        NeuralCodec().set_parameters({"input_gain": 1.0})


def test_both_units_at_once_are_refused():
    with pytest.raises(ValueError, match="one value in two units"):
        NeuralCodec(layers=4, kbps=3.0)


def test_denoise_is_refused_by_a_bundle_that_never_learned_it(undenoising_bundle):
    codec = NeuralCodec(model=str(undenoising_bundle))
    for values in ({"denoise": 0.5}, {"noise_only": True, "denoise": 0.5}):
        with pytest.raises(ValueError, match="not trained to denoise"):
            codec.set_parameters(values)
        assert (codec.denoise, codec.noise_only) == (0.0, False)
    # Without denoise nothing is taken away, whatever the bundle can do.
    codec.noise_only = True
    assert not codec(AUDIO, 48_000).any()


@pytest.mark.parametrize(
    ("audio", "error"),
    [
        ([0.0, 1.0], TypeError),
        (None, TypeError),
        (AUDIO.astype(np.int16), TypeError),
        (AUDIO.astype(np.float16), TypeError),
        (np.zeros((2, 2), np.float32), ValueError),
        (np.zeros((480, 480), np.float32), ValueError),
        (np.zeros((9, 480), np.float32), ValueError),
        (np.zeros((0, 480), np.float32), ValueError),
        (np.zeros((1, 2, 480), np.float32), ValueError),
        (np.float32(1), TypeError),
        (np.full((1, 480), np.nan, np.float32), ValueError),
        (np.full((1, 480), np.inf, np.float32), ValueError),
    ],
)
def test_wrong_audio_is_refused(audio, error):
    with pytest.raises(error):
        NeuralCodec()(audio, 48_000)


@pytest.mark.parametrize(
    "rate", [0, -48_000, 7_999, 192_001, 44_100.5, float("nan"), float("inf"), "48000", None, True]
)
def test_wrong_rates_are_refused(rate):
    codec = NeuralCodec()
    with pytest.raises((ValueError, TypeError), match="sample_rate"):
        codec(AUDIO, rate)
    with pytest.raises((ValueError, TypeError), match="sample_rate"):
        codec.latency_samples(rate)


@pytest.mark.parametrize("size", [0, -1, 2.5, "256", None])
def test_wrong_buffer_sizes_are_refused(size):
    with pytest.raises((ValueError, TypeError), match="buffer_size"):
        NeuralCodec()(AUDIO, 48_000, buffer_size=size)


def test_a_refused_block_leaves_a_stream_as_it_was():
    codec, undisturbed = NeuralCodec(), NeuralCodec()
    first, second = AUDIO[:, :2000], AUDIO[:, 2000:]
    for each in (codec, undisturbed):
        each.process(first, 24_000, reset=False)
    for bad in (np.full_like(second, np.nan), second.astype(np.int32), np.zeros((9, 50), np.float32)):
        with pytest.raises((ValueError, TypeError)):
            codec.process(bad, 24_000, reset=False)
    with pytest.raises(ValueError, match="buffer_size"):
        codec.process(second, 24_000, buffer_size=0, reset=False)
    assert np.array_equal(codec.process(second, 24_000, reset=False), undisturbed.process(second, 24_000, reset=False))


def test_a_live_stream_survives_nan():
    stream = NeuralCodec().stream(48_000, 1)
    stream.push(np.full((1, 4800), np.nan, np.float32))
    assert np.isfinite(stream.push(noise(1, 48_000))).all()


@pytest.mark.parametrize(
    "shape", [(1200,), (1, 1200), (1200, 1), (2, 1200), (1200, 2), (1, 1), (1, 2), (2, 1), (0,), (2, 0), (0, 2)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layouts_come_back_as_they_went_in(shape, dtype):
    out = NeuralCodec()(np.zeros(shape, dtype), 48_000)
    assert out.shape == shape
    assert out.dtype == np.float32


def test_both_layouts_give_the_same_sound():
    assert np.array_equal(NeuralCodec()(AUDIO.T.copy(), 48_000), NeuralCodec()(AUDIO, 48_000).T)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(PARAMETERS)),
    value=st.one_of(st.floats(), st.integers(), st.text(max_size=3), st.booleans(), st.none()),
)
def test_any_value_is_either_taken_or_refused_with_a_sentence(name, value):
    codec = NeuralCodec()
    before = codec.settings
    try:
        codec.set_parameters({name: value})
    except (ValueError, TypeError) as error:
        assert name in str(error)
        assert str(error).endswith(".")
        assert codec.settings == before
    else:
        assert PARAMETERS[name].minimum <= codec.settings.value(name) <= PARAMETERS[name].maximum
