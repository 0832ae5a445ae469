"""Contract 5: kbps = bits actually packed per second."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import demo

from lamina.models.packing import pack_codes, unpack_codes
from lamina.plugin import NeuralCodec


@pytest.mark.parametrize("layers", [1, 4, 8, 24])
def test_kbps_is_what_the_packed_codes_take(layers):
    codec = NeuralCodec(layers=layers)
    # 4 s are 300 frames; the one-shot call codes a latency's worth of silence behind them.
    codec(demo(1, 24_000, 4.0)[:1], 24_000)
    codes = np.stack([report.codes[0] for report in codec.last_reports[:300]])
    assert len(pack_codes(codes)) * 8 / 4.0 / 1000 == codec.kbps


def test_kbps_and_layers_are_one_value():
    codec = NeuralCodec(kbps=3.0)
    assert codec.layers == 4
    codec.kbps = 3.2
    assert (codec.layers, codec.kbps) == (4, 3.0)
    codec.kbps = 4.4  # nearer to 6 layers (4.5) than to 5 (3.75)
    assert (codec.layers, codec.kbps) == (6, 4.5)
    codec.layers = 24
    assert codec.kbps == 18.0


@given(frames=st.integers(0, 20), layers=st.integers(1, 24), seed=st.integers(0, 999))
def test_packing_loses_nothing(frames, layers, seed):
    codes = np.random.default_rng(seed).integers(0, 1024, (frames, layers)).astype(np.uint16)
    data = pack_codes(codes)
    assert len(data) == -(-frames * layers * 10 // 8)
    assert np.array_equal(unpack_codes(data, frames, layers), codes)


def test_packing_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="1024"):
        pack_codes(np.array([[1024]], np.uint16))
    with pytest.raises(ValueError, match="fewer"):
        unpack_codes(b"\0", 1, 1)
