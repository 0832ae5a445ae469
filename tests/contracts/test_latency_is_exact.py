"""Contract 2: the reported latency is the measured one, to the sample, and wet and dry align."""

import math

import numpy as np
import pytest
from sounds import demo, lag_samples, noise, push_in_blocks

from lamina.dsp.bridge import FrameBridge, bridge_latency
from lamina.plugin import NeuralCodec

RATES = [24_000, 44_100, 48_000, 96_000]
BLOCKS = [1, 2, 63, 64, 320, 480, 512, 1024, 8192]


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("block", BLOCKS)
def test_the_wet_signal_lags_by_the_reported_latency(rate, block):
    audio = demo(1, rate, 1.0 if block > 2 else 0.35)[:1]
    codec = NeuralCodec(layers=24, search=1, postfilter=0.0)
    stream = codec.stream(rate, 1)
    out = push_in_blocks(stream, audio, [block])
    assert out.shape == audio.shape
    # Against the compensated call, whose own lag is measured below: a third of a second of coded voice is too little to
    # tell a quarter of the codec's samples.
    whole = codec(audio, rate)
    assert lag_samples(whole[0], out[0]) == stream.latency_samples == codec.latency_samples(rate)


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("block", [64, 256, 480, 512, 1000])
def test_a_constant_block_size_needs_no_more_and_is_reported_too(rate, block):
    audio = demo(1, rate, 1.0)[:1]
    codec = NeuralCodec(layers=24, search=1, postfilter=0.0)
    stream = codec.stream(rate, 1, block=block)
    audio = audio[:, : audio.shape[1] // block * block]
    out = push_in_blocks(stream, audio, [block])
    assert lag_samples(audio[0], out[0]) == stream.latency_samples == codec.latency_samples(rate, block)
    assert stream.latency_samples <= codec.latency_samples(rate)


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_the_dry_signal_lags_by_exactly_the_same(rate):
    audio = noise(2, rate // 2)
    for codec in (NeuralCodec(mix=0.0), NeuralCodec(bypass=True)):
        stream = codec.stream(rate, 2)
        out = push_in_blocks(stream, audio, [777])
        latency = stream.latency_samples
        assert np.array_equal(out[:, latency:], audio[:, :-latency])
        assert not out[:, :latency].any()


@pytest.mark.slow
@pytest.mark.parametrize("rate", [22_050, 44_100, 44_101, 48_000, 96_000])
def test_one_shot_calls_are_compensated(rate):
    audio = demo(1, rate, 1.0)
    out = NeuralCodec(layers=24, search=1, postfilter=0.0)(audio, rate)
    assert out.shape == audio.shape
    assert lag_samples(audio[0], out[0]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_the_postfilter_adds_none(rate):
    """What it does differs from moment to moment, and moves a correlation by less than half a sample at 24 kHz."""
    audio = demo(1, rate, 1.0)
    assert abs(lag_samples(audio[0], NeuralCodec(layers=24)(audio, rate)[0])) <= max(1, rate // 48_000)


@pytest.mark.parametrize("block", [1, 64, 100, 128, 160, 256, 320, 441, 480, 512, 1024, 8192])
def test_the_bridge_adds_no_more_than_frame_minus_gcd(block):
    assert bridge_latency(24_000, 24_000, 320, 0, block) == 320 - math.gcd(block, 320)


class Through:
    """A bridge whose frames come back as they are."""

    def __init__(self, bridge):
        self.bridge = bridge

    def push(self, block):
        return self.bridge.give(self.bridge.take(block), block.shape[1])


@pytest.mark.parametrize("host_rate", [8_000, 24_000, 44_100, 48_000, 96_000])
def test_the_bridge_is_transparent_at_its_latency(host_rate):
    n_samples = host_rate // 2
    t = np.arange(n_samples) / host_rate
    audio = (0.5 * np.sin(2 * np.pi * 997 * t) * np.hanning(n_samples))[None].astype(np.float32)
    bridge = FrameBridge(1, host_rate, 24_000, 320, 0)
    out = push_in_blocks(Through(bridge), audio, [1, 311, 64])
    latency = bridge.latency_samples
    # Two passes of an 80 dB kernel.
    assert np.abs(out[:, latency:] - audio[:, :-latency]).max() < 2e-4


@pytest.mark.parametrize("host_rate", [24_000, 44_100, 48_000])
def test_one_sample_less_would_starve(host_rate, monkeypatch):
    latency = bridge_latency(host_rate, 24_000, 320, 80)
    monkeypatch.setattr("lamina.dsp.bridge.bridge_latency", lambda *args: latency - 1)
    bridge = Through(FrameBridge(1, host_rate, 24_000, 320, 80))
    assert any(bridge.push(np.zeros((1, 1), np.float32)).shape[1] < 1 for _ in range(3000))
