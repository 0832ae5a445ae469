"""Entropy coding gives back every code, gains what there is to gain, and never changes.

It hardly loses where there is nothing to gain.
"""

import hashlib
import math

import numpy as np
import pytest
from container_parts import random_codes, real_codes
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.models.coding.entropy import decode_codes, encode_codes
from lamina.models.coding.entropy_range import MOST_TOTAL, RangeDecoder, RangeEncoder


@st.composite
def symbols(draw):
    total = draw(st.sampled_from([2, 3, 1024, 65_537, MOST_TOTAL - 1]))
    start = draw(st.one_of(st.integers(0, total - 1), st.just(0), st.just(total - 1)))
    return start, draw(st.one_of(st.integers(1, total - start), st.just(1), st.just(total - start))), total


@pytest.mark.slow
@given(st.lists(symbols(), max_size=200))
@settings(max_examples=300, deadline=None)
def test_the_range_coder_gives_back_every_symbol_in_as_many_bits_as_it_is_worth(sequence):
    encoder = RangeEncoder()
    for symbol in sequence:
        encoder.encode(*symbol)
    data = encoder.finish()
    decoder = RangeDecoder(data)
    for start, share, total in sequence:
        assert start <= decoder.target(total) < start + share
        decoder.consume(start, share)
    worth = sum(math.log2(total / share) for _, share, total in sequence)
    # A division by the total loses less than 2⁻⁸ of the smallest interval; the end is rounded up to a byte.
    assert len(data) * 8 <= worth + 0.006 * len(sequence) + 16


@pytest.mark.parametrize("n_symbols", [30, 50, 1000])
def test_a_carry_runs_through_all_that_has_left(n_symbols):
    """Thirds of the interval that always hold its first middle, then one that lies above it.

    So that what has left is 7FFF FFFF FFFF … when it comes.
    """
    below, size, sequence = 1 << 47, 1 << 48, []
    for _ in range(n_symbols):
        third = size // 3
        sequence.append((min(below // third, 2), 1, 3))
        below, size = below - sequence[-1][0] * third, third
        while size < 1 << 32:
            below, size = below << 16, size << 16
    sequence.append((MOST_TOTAL - 2, 1, MOST_TOTAL - 1))
    encoder = RangeEncoder()
    for symbol in sequence:
        encoder.encode(*symbol)
    data = encoder.finish()
    assert data.startswith(b"\x80\0\0")
    decoder = RangeDecoder(data)
    for start, share, total in sequence:
        assert start <= decoder.target(total) < start + share
        decoder.consume(start, share)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32), n_frames=st.integers(0, 30))
@settings(max_examples=80, deadline=None)
def test_any_codes_come_back(seed, n_frames):
    codes = random_codes(seed, n_frames)
    n_layers = codes.codes.shape[2]
    np.testing.assert_array_equal(
        decode_codes(encode_codes(codes.codes, codes.counts), codes.counts, n_layers), codes.codes
    )


def bits_per_code(codes: np.ndarray) -> float:
    counts = np.full(codes.shape[:2], codes.shape[2], np.uint8)
    data = encode_codes(codes.astype(np.uint16), counts)
    np.testing.assert_array_equal(decode_codes(data, counts, codes.shape[2]), codes)
    return len(data) * 8 / codes.size


def test_codes_without_any_order_cost_hardly_more_than_ten_bits():
    random = np.random.default_rng(0)
    assert bits_per_code(random.integers(0, 1024, (2, 750, 4))) < 10.1


def test_rare_codes_are_learned():
    """A layer that uses 30 codes of 1024 evenly: worth 4.9 bits, beside what it takes to learn which."""
    random = np.random.default_rng(0)
    assert bits_per_code(random.choice(1024, 30)[random.integers(0, 30, (1, 750, 3))]) < 6.0


@pytest.mark.slow
def test_two_channels_of_one_sound_cost_as_much_as_one():
    codes = np.random.default_rng(0).integers(0, 1024, (1, 750, 4))
    assert bits_per_code(np.repeat(codes, 2, 0)) < 0.52 * bits_per_code(codes)


def test_a_held_sound_costs_next_to_nothing():
    codes = np.random.default_rng(0).integers(0, 1024, (1, 1, 8))
    assert bits_per_code(np.repeat(codes, 750, 1)) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("item", "n_layers", "most"), [(0, 4, 9.9), (1, 4, 9.6), (1, 8, 9.8)])
def test_music_and_voice_gain(item, n_layers, most):
    assert bits_per_code(real_codes(n_layers, 10.0, item).codes) < most


@pytest.mark.slow
@given(data=st.binary(max_size=300), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_bytes_that_no_encoder_wrote_give_some_codes(data, seed):
    counts = random_codes(seed, 20).counts
    codes = decode_codes(data, counts, 24)
    assert codes.shape == (*counts.shape, 24) and int(codes.max(initial=0)) < 1024
    assert not codes[np.arange(24) >= counts[..., None]].any()


def test_decoding_is_the_same_in_every_version_and_on_every_machine():
    """Files of today must be readable for good: these codes change only together with the container's version."""
    state, data = 1, bytearray()
    for _ in range(3000):
        state = state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407 & (1 << 64) - 1
        data.append(state >> 56)
    counts = np.frombuffer(bytes(data[:400]), np.uint8).reshape(2, 200) % 7
    codes = decode_codes(bytes(data), counts, 6)
    assert hashlib.sha256(codes.astype("<u2").tobytes()).hexdigest()[:16] == "8deaa874b68e5295"
