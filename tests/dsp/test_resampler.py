"""The streaming resampler: exact positions, the same for any cutting, clean pass band, quiet stop band."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise

from lamina.dsp.resample import StreamingResampler

PAIRS = [
    (48_000, 24_000),
    (24_000, 48_000),
    (44_100, 24_000),
    (24_000, 44_100),
    (24_000, 96_000),
    (8_000, 24_000),
    (44_101, 24_000),
]


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(pair=st.sampled_from(PAIRS), sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=8))
def test_any_cutting_gives_the_same_samples(pair, sizes):
    audio = noise(2, 12_000)
    expected = StreamingResampler(2, *pair).push(audio)
    stream, parts, position = StreamingResampler(2, *pair), [], 0
    for size in [*sizes, 12_000]:
        parts.append(stream.push(audio[:, position : position + size]))
        position += size
    assert np.array_equal(np.concatenate(parts, 1), expected)


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_sine_stands_where_it_should(source, target):
    frequency = 0.1 * min(source, target)
    audio = np.sin(2 * np.pi * frequency * np.arange(source // 2) / source)[None].astype(np.float32)
    out = StreamingResampler(1, source, target).push(audio)[0]
    expected = np.sin(2 * np.pi * frequency * np.arange(len(out)) / target)
    # −85 dB: the kernel's ripple, and for rates without a common divisor the rounding of positions to 1/16384.
    assert np.abs(out - expected)[400:].max() < 10 ** (-80 / 20)


@pytest.mark.parametrize("source", [44_100, 48_000, 96_000])
def test_what_the_target_rate_can_not_hold_is_gone(source):
    audio = np.sin(2 * np.pi * 13_500 * np.arange(source) / source)[None].astype(np.float32)
    out = StreamingResampler(1, source, 24_000).push(audio)[0]
    assert 20 * np.log10(np.abs(out[500:]).max()) < -75


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_constant_stays_constant(source, target):
    out = StreamingResampler(1, source, target).push(np.ones((1, 6000), np.float32))[0]
    assert np.abs(out[400:] - 1).max() < 1e-6


def test_between_equal_rates_a_stream_passes_as_it_is():
    """Silence came out: a side-chain at the codec's own rate was never heard."""
    x = noise(2, 500)
    resampler = StreamingResampler(2, 24_000, 24_000)
    assert np.array_equal(np.concatenate([resampler.push(x[:, :1]), resampler.push(x[:, 1:])], 1), x)
    with pytest.raises(ValueError, match="equal rates"):
        StreamingResampler(2, 24_000, 24_000, 5)
