"""Codes are cut, joined, compared and thinned out like any value."""

import dataclasses

import numpy as np
import pytest
from container_parts import random_codes, real_codes

from lamina.plugin import Codes


def test_they_are_as_long_as_their_frames_and_equal_what_sends_the_same():
    codes = real_codes(4, 1.0)
    assert len(codes) == codes.n_frames == 75
    same = dataclasses.replace(codes, codes=codes.codes.copy(), counts=codes.counts.copy())
    assert codes == same
    fewer = codes.counts.copy()
    fewer[0, 3] = 2
    sent = dataclasses.replace(codes, counts=fewer)
    assert codes != sent
    # What is not sent is nothing to be compared.
    silent = codes.codes.copy()
    silent[0, 3, 2:] = 7
    assert sent == dataclasses.replace(sent, codes=silent)
    assert codes != dataclasses.replace(codes, denoise=0.5) and codes != "codes"
    with pytest.raises(TypeError, match="unhashable"):
        hash(codes)
    assert repr(codes) == "<Codes of 'lamina-24k': 75 frames, 1.00 s, 1 channel (linked), 3.00 kbps>"


@pytest.mark.parametrize("seed", range(20))
def test_what_is_cut_anywhere_and_joined_again_is_the_same(seed):
    codes = random_codes(seed)
    for cut in (0, 1, len(codes) // 2, len(codes) - 1, len(codes)):
        if 0 <= cut <= len(codes):
            before, after = codes[:cut], codes[cut:]
            assert len(before) == cut and len(after) == len(codes) - cut
            assert before + after == codes
            assert before.n_samples <= codes.n_samples and before.n_samples >= 0


def test_frames_bring_the_sound_that_begins_in_them():
    codes = dataclasses.replace(real_codes(4, 1.0), sample_rate=8_000, n_samples=7_900)
    # 106 2/3 samples each: a frame begins with the first sample that is not before it.
    assert [codes.start_of(frame) for frame in (0, 1, 2, 3, 75)] == [0, 107, 214, 320, 8_000]
    assert codes[1:3].n_samples == 213 and codes[3:3].n_samples == 0
    assert codes[74:].n_samples == 7_900 - 7_894 and codes[-2:].n_frames == 2
    twice = codes + codes
    assert len(twice) == 150 and twice.n_samples == 8_000 + 7_900
    assert np.array_equal(twice.codes[:, 75:], codes.codes)


def test_joined_codes_have_the_layers_of_both():
    four, six = real_codes(4, 0.2), real_codes(6, 0.2)
    joined = four + six
    assert joined.codes.shape[2] == 6 and joined.code_bits == (10,) * 6
    assert joined.counts.tolist() == [[4] * 15 + [6] * 15]
    assert joined[:15].peeled(4) == four
    # Nothing was sent of the layers of no frames.
    assert (six[:0] + four).codes.shape[2] == 4


def test_peeled_codes_are_what_was_sent_of_their_layers():
    codes = real_codes(12, 0.2)
    peeled = codes.peeled(9)
    assert np.array_equal(peeled.codes, codes.codes[..., :9]) and set(peeled.counts[0].tolist()) == {9}
    assert peeled.kbps == 9 * 0.75 and codes.kbps == 12 * 0.75
    assert codes.peeled(12) == codes == codes.peeled(60)


def test_what_cannot_be_cut_joined_or_peeled_is_refused():
    codes = real_codes(4, 0.2)
    with pytest.raises(TypeError, match="by slices of frames"):
        codes[3]
    with pytest.raises(ValueError, match="The step is -1"):
        codes[::-1]
    for name, value in (("sample_rate", 8_000), ("digest", "0" * 64), ("denoise", 0.5)):
        with pytest.raises(ValueError, match=f"their {name} is"):
            codes + dataclasses.replace(codes, **{name: value, "n_samples": 0})
    with pytest.raises(TypeError):
        codes + codes.codes
    with pytest.raises(ValueError, match="3 must be left"):
        codes.peeled(2)
    with pytest.raises(ValueError, match="1 must be left"):
        dataclasses.replace(codes, lag_from=0).peeled(0)
    with pytest.raises(TypeError, match="whole number"):
        codes.peeled(3.5)


def test_frame_rates_that_no_float_holds_are_counted_exactly():
    codes = Codes(
        np.zeros((1, 9, 1), np.uint16), np.ones((1, 9), np.uint8), 24_000, 0, 1, "m", "d", frame_rate=24_000 / 720
    )
    assert [codes.start_of(frame) for frame in (1, 1000, 10**6)] == [720, 720_000, 720 * 10**6]
