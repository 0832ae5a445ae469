"""What comes out of a line that loses nothing is what the same codes give where they were made."""

import numpy as np
import pytest
from sounds import demo, lag_samples

from lamina.plugin import NeuralCodec
from lamina.plugin.codes_file.codes import join_codes
from lamina.plugin.line.packet import unpack
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineSender

SECONDS = 2.0


def through(sender, receiver, x, block):
    """Sound through a link without delay; returns what is heard and the codes that were played."""
    rate, out, played = sender.sample_rate, [], []
    receiver.on_codes = played.append
    for start in range(0, x.shape[1], block):
        now = start / rate
        for data in sender.push(x[:, start : start + block], now):
            receiver.receive(data, now)
        out.append(receiver.pull(block, now))
    return np.concatenate(out, 1), join_codes(played)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "block", "frames_per_packet"), [(24_000, 240, 1), (48_000, 128, 1), (48_000, 480, 3)])
def test_received_sound_is_the_local_decode_of_the_same_codes(rate, block, frames_per_packet):
    x = 0.5 * demo(1, rate, SECONDS)[:1]
    codec = NeuralCodec(layers=8)
    sender = LineSender(codec, rate, 1, frames_per_packet=frames_per_packet)
    receiver = LineReceiver(NeuralCodec(), sender.hello, rate, buffer_ms=60)
    heard, played = through(sender, receiver, x, block)
    local = NeuralCodec().decode(played, rate)
    lag = lag_samples(local[0], heard[0])
    n = heard.shape[1] - lag
    # The resampler's kernel looks back over the first sample, where the line has silence and the file nothing.
    assert np.array_equal(heard[:, lag + 100 : lag + n], local[:, 100:n])
    assert receiver.counts.concealed == receiver.counts.shortened == receiver.counts.lost == 0


def test_the_codes_that_travel_are_those_of_encode():
    x = 0.5 * demo(1, 48_000, SECONDS)[:1]
    codec = NeuralCodec(layers=6)
    sender = LineSender(codec, 48_000, 1, stream=5)
    data = [message for start in range(0, x.shape[1], 300) for message in sender.push(x[:, start : start + 300])]
    data += sender.flush()[:-1]
    frames = [frame for each in data for frame in unpack(each, sender.hello.format).frames]
    codes = codec.encode(x, 48_000)
    assert len(frames) == codes.n_frames
    assert np.array_equal(np.stack([frame.codes for frame in frames], 1)[..., :6], codes.codes)
    assert np.array_equal(np.stack([frame.counts for frame in frames], 1), codes.counts)


def test_layers_change_while_sound_flows_and_are_heard_as_they_were_sent():
    rate, x = 24_000, 0.5 * demo(1, 24_000, SECONDS)[:1]
    codec = NeuralCodec(layers=8)
    sender = LineSender(codec, rate, 1)
    receiver = LineReceiver(NeuralCodec(), sender.hello, rate, buffer_ms=40)
    out, played = [], []
    receiver.on_codes = played.append
    for index, start in enumerate(range(0, x.shape[1], 240)):
        codec.layers = 3 + index % 20
        for data in sender.push(x[:, start : start + 240], start / rate):
            receiver.receive(data, start / rate)
        out.append(receiver.pull(240, start / rate))
    heard, codes = np.concatenate(out, 1), join_codes(played)
    assert len(set(codes.counts[0].tolist())) > 10
    local = NeuralCodec().decode(codes, rate)
    lag = lag_samples(local[0], heard[0])
    assert np.array_equal(heard[:, lag:], local[:, : heard.shape[1] - lag])


def test_another_bundle_is_told_by_both_names():
    sender = LineSender(NeuralCodec(), 48_000, 1)
    other = type(sender.hello)(**{**vars(sender.hello), "bundle": "cello", "digest": "00" * 32})
    with pytest.raises(ValueError, match=r"'cello'.*'lamina-24k'.*same model at both ends"):
        LineReceiver(NeuralCodec(), other, 48_000)
