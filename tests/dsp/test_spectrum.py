"""Spectrum columns: a tone reads its level at its place, and the way a stream is cut changes nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.dsp.spectrum import SpectrumColumns, hz_to_mel, mel_edges, mel_to_hz

EDGES = mel_edges(160, 30.0, 20000.0)
SCALLOPING_DB = 1.5  # a Hann window's 1.42 dB for a tone between two bins, and rounding


def sine(sample_rate, frequency, seconds=0.5, level=1.0):
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sample_rate)) / sample_rate)).astype(
        np.float32
    )[None]


@pytest.mark.slow
@given(rate=st.sampled_from([8000, 22050, 44100, 48000, 96000]), share=st.floats(0.03, 0.9), level=st.floats(0.01, 1.0))
def test_a_tone_reads_its_level_in_its_band(rate, share, level):
    frequency = min(share * rate / 2, 19000.0)
    columns = SpectrumColumns(rate, 1, EDGES).push(sine(rate, frequency, level=level))
    steady = columns[-1]
    band = int(np.searchsorted(EDGES, frequency)) - 1
    # Low bands are narrower than a bin: the tone may stand highest in a neighbour that is nearer to its bin.
    near = steady[max(0, band - 2) : band + 3].max()
    assert near == pytest.approx(20 * np.log10(level), abs=SCALLOPING_DB)
    assert near == steady.max()


@pytest.mark.slow
@given(sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=12), rate=st.sampled_from([8000, 11025, 44100, 48000]))
def test_columns_do_not_depend_on_how_the_stream_is_cut(sizes, rate):
    noise = np.random.default_rng(1).standard_normal((2, sum(sizes))).astype(np.float32)
    whole = SpectrumColumns(rate, 2, EDGES).push(noise)
    cut = SpectrumColumns(rate, 2, EDGES)
    parts = [cut.push(noise[:, sum(sizes[:k]) : sum(sizes[: k + 1])]) for k in range(len(sizes))]
    # The same windows of the same samples: equal, not merely close.
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 192000])
def test_the_column_rate_does_not_drift(rate):
    columns = SpectrumColumns(rate, 1, EDGES, columns_per_second=75.0).push(np.zeros((1, 4 * rate), np.float32))
    assert columns.shape == (300, 160)


def test_silence_and_bands_above_half_the_rate_read_the_floor():
    columns = SpectrumColumns(8000, 1, EDGES, floor_db=-90.0).push(
        np.random.default_rng(0).standard_normal((1, 4000)).astype(np.float32)
    )
    assert np.all(columns[:, EDGES[:-1] > 4000.0] == -90.0)
    assert np.all(SpectrumColumns(48000, 1, EDGES, floor_db=-90.0).push(np.zeros((1, 4800), np.float32)) == -90.0)


def test_channels_are_averaged_in_power():
    tone = sine(48000, 1000.0)
    one = SpectrumColumns(48000, 1, EDGES).push(tone)[-1].max()
    left_only = SpectrumColumns(48000, 2, EDGES).push(np.concatenate([tone, np.zeros_like(tone)]))[-1].max()
    assert one - left_only == pytest.approx(3.01, abs=0.01)


def test_reset_forgets_the_past():
    columns = SpectrumColumns(48000, 1, EDGES)
    first = columns.push(sine(48000, 440.0))
    columns.reset()
    assert np.array_equal(columns.push(sine(48000, 440.0)), first)


def test_mel_and_hz_are_inverse():
    frequencies = np.array([0.0, 100.0, 1000.0, 20000.0])
    assert np.allclose(mel_to_hz(hz_to_mel(frequencies)), frequencies)


@pytest.mark.parametrize(
    "arguments",
    [
        {"sample_rate": 0, "n_channels": 1},
        {"sample_rate": 48000, "n_channels": 0},
        {"sample_rate": 48000, "n_channels": 1, "columns_per_second": 0},
        {"sample_rate": 48000, "n_channels": 1, "floor_db": 0},
    ],
)
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match=r"\."):
        SpectrumColumns(edges_hz=EDGES, **arguments)


def test_other_shapes_and_empty_ranges_are_refused():
    with pytest.raises(ValueError, match="shape"):
        SpectrumColumns(48000, 2, EDGES).push(np.zeros((1, 10), np.float32))
    with pytest.raises(ValueError, match="range"):
        mel_edges(10, 500.0, 100.0)
    with pytest.raises(ValueError, match="band"):
        mel_edges(0, 30.0, 100.0)
    with pytest.raises(ValueError, match="rising"):
        SpectrumColumns(48000, 1, np.array([100.0, 100.0]))
