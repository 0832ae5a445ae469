"""The delay that a line tells is the one that correlation finds, within a frame."""

import numpy as np
import pytest
from sounds import demo, lag_samples

from lamina.plugin import NeuralCodec
from lamina.plugin.line.joining.status import delay_ms
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineSender

FRAME_MS = 1000 * 320 / 24_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "block", "frames_per_packet", "buffer_ms", "way_ms"),
    [
        (48_000, 128, 1, 60.0, 0.0),
        (48_000, 480, 1, 60.0, 30.0),
        (24_000, 240, 1, 100.0, 0.0),
        (48_000, 128, 4, 80.0, 5.0),
        (48_000, 128, 1, None, 30.0),
        (48_000, 1024, 1, None, 0.0),
    ],
)
def test_mouth_to_ear_is_as_long_as_told(rate, block, frames_per_packet, buffer_ms, way_ms):
    x = 0.5 * demo(1, rate, 3.0)[:1]
    sender = LineSender(NeuralCodec(layers=8), rate, 1, frames_per_packet=frames_per_packet, adaptive=False)
    receiver = LineReceiver(NeuralCodec(), sender.hello, rate, buffer_ms=buffer_ms)
    heard, told, on_the_way = [], [], []
    for start in range(0, x.shape[1] - block + 1, block):
        now = (start + block) / rate  # a device hands a block over when its last sample is there
        on_the_way += [(now + way_ms / 1000, packet) for packet in sender.push(x[:, start : start + block], now)]
        while on_the_way and on_the_way[0][0] <= now:
            arrived, packet = on_the_way.pop(0)
            receiver.receive(packet, arrived)
        heard.append(receiver.pull(block, now))
        told.append(delay_ms(receiver.codec, rate, receiver.buffer_ms, way_ms))
    measured = 1000 * (lag_samples(x[0], np.concatenate(heard, 1)[0]) + block) / rate
    assert measured == pytest.approx(np.mean(told[-50:]), abs=FRAME_MS)
