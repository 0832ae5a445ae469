"""Whatever bytes come, a receiver counts them and plays on: no crash, no growth, nothing above full scale."""

import dataclasses
import random
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from line_rig import numbered_frame
from sounds import demo

from lamina.plugin import NeuralCodec
from lamina.plugin.line import packet as wire
from lamina.plugin.line.packet import Bye, Hello, LineFormat, LineFrame, Packet, PacketError, Report, pack, unpack
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineSender

FORMAT = LineFormat(1, (10,) * 24, 3)
N_HOSTILE = 100_000


def frame_of(rng, n_channels, n_layers=24):
    counts = rng.integers(0, n_layers + 1, n_channels).astype(np.uint8)
    codes = rng.integers(0, 1024, (n_channels, n_layers)).astype(np.uint16)
    return LineFrame(np.where(np.arange(n_layers) < counts[:, None], codes, 0).astype(np.uint16), counts)


def test_every_message_comes_back_as_it_was_packed():
    rng = np.random.default_rng(0)
    for trial in range(200):
        n_channels = 1 + trial % 2
        format = LineFormat(n_channels, (10,) * 24, 3)
        frames = tuple(frame_of(rng, n_channels) for _ in range(1 + trial % 4))
        again = tuple(frame_of(rng, n_channels) for _ in range(trial % 5))
        sent = Packet(trial, 65_535 - trial, 2**32 - 10 - trial, frames, again, 1 + trial % 16, trial % 3 == 0)
        came = unpack(pack(sent, format), format)
        for one, other in zip((*sent.frames, *sent.repeated), (*came.frames, *came.repeated), strict=True):
            assert np.array_equal(one.codes, other.codes)
            assert np.array_equal(one.counts, other.counts)
        bare = {"frames": (), "repeated": ()}
        assert dataclasses.replace(came, **bare) == dataclasses.replace(sent, **bare)
    hello = Hello(9, "lamina-24k", "ab" * 32, 24_000, 320, (10,) * 24, 3, 2, "mid-side", "Ada in the kitchen")
    assert unpack(hello.pack()) == hello
    report = Report(9, 70_000, 69_000, 0.0, 1.0, 2.5, 3.2, 41.0, 7.5, 123_456, 12.5, 17, 3000)
    assert unpack(report.pack()) == report
    assert unpack(Bye(9, "the cable was pulled").pack()) == Bye(9, "the cable was pulled")


def test_the_example_in_the_docs_is_what_is_sent():
    text = (Path(__file__).parents[2] / "docs/line.md").read_text(encoding="utf-8")
    codes = np.zeros((1, 24), np.uint16)
    codes[0, :3] = 5, 6, 7
    data = pack(Packet(1, 2, 3, (LineFrame(codes, np.array([3], np.uint8)),)), FORMAT)
    (example,) = re.findall(r"`(11 0001[0-9a-f ]+)`", text)
    assert example.replace(" ", "") == data.hex()


def test_codes_take_exactly_the_bits_that_the_model_says():
    for layers in range(25):
        counts = np.array([layers], np.uint8)
        data = pack(Packet(1, 1, 1, (LineFrame(np.zeros((1, 24), np.uint16), counts),)), FORMAT)
        assert len(data) == wire.HEADER_BYTES + -(-(5 + 10 * layers) // 8)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data[:3], "up to 1200 bytes"),
        (lambda data: data + bytes(1200), "up to 1200 bytes"),
        (lambda data: bytes([data[0] + 16]) + data[1:], "version 2"),
        (lambda data: bytes([data[0] + 8]) + data[1:], "no message of the kind"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "checksum"),
        (lambda data: sealed(data[:5]), "shorter than its head"),
        (lambda data: sealed(data[:-2] + b"\0"), "its counts say"),
        (lambda data: sealed(data[:-3]), "its counts say"),
        (lambda data: sealed(data[:9] + bytes([data[9] | 1]) + data[10:-2]), "mean nothing"),
        (lambda data: sealed(data[:9] + bytes([data[9] | 8]) + data[10:-2]), "2 channels"),
        (lambda data: sealed(data[:11] + b"\xff" + data[12:-2]), "counts 31 layers"),
        (lambda data: sealed(data[:5] + b"\xff\xff\xff\xff\xc0" + data[10:-2]), "beyond the last"),
        (lambda data: sealed(data[:-3] + bytes([data[-3] | 1])), "fill up"),
    ],
)
def test_what_is_wrong_with_a_message_is_told(change, told):
    data = pack(Packet(1, 2, 3, (numbered_frame(3, 8),)), FORMAT)
    with pytest.raises(PacketError, match=told):
        unpack(change(data), FORMAT)


def test_only_what_the_model_can_have_made_is_packed():
    with pytest.raises(PacketError, match="1 to 4 frames"):
        pack(Packet(1, 1, 1, ()), FORMAT)
    with pytest.raises(PacketError, match="doesn't fit into 10 bits"):
        pack(Packet(1, 1, 1, (LineFrame(np.full((1, 24), 1024, np.uint16), np.array([24], np.uint8)),)), FORMAT)
    wide = LineFormat(8, (10,) * 24, 3)
    full = LineFrame(np.zeros((8, 24), np.uint16), np.full(8, 24, np.uint8))
    with pytest.raises(PacketError, match="1200 bytes at most"):
        pack(Packet(1, 1, 1, (full,) * 4, (full,) * 4), wide)


@pytest.mark.slow
@pytest.mark.long
def test_a_hundred_thousand_hostile_packets_do_no_harm():
    """Mutated, truncated, replayed, huge, with right checksums and with wrong ones; real sound flows among them."""
    x = 0.5 * demo(1, 24_000, 3.0)[:1]
    codec = NeuralCodec(layers=8)
    sender = LineSender(codec, 24_000, 1, stream=77)
    real = [data for start in range(0, x.shape[1], 320) for data in sender.push(x[:, start : start + 320])]
    receiver = LineReceiver(NeuralCodec(), sender.hello, 24_000)
    chance = random.Random(1)
    messages = [*real, sender.hello.pack(), Report(77, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0).pack()]
    tracemalloc.start()
    loudest, before, after = 0.0, 0, 0
    for index in range(N_HOSTILE):
        receiver.receive(hostile(chance, chance.choice(messages)), index / 1000)
        if index % 500 == 0:
            receiver.receive(real[index // 500 % len(real)], index / 1000)
            heard = receiver.pull(320, index / 1000)
            assert np.isfinite(heard).all()
            loudest = max(loudest, float(np.abs(heard).max()))
        if index == N_HOSTILE // 5:
            before = tracemalloc.get_traced_memory()[0]
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert 0 < loudest <= 1
    assert after - before < 1_000_000
    assert receiver.counts.refused > N_HOSTILE / 3


def hostile(chance, data):
    """A message as somebody who means harm would send it."""
    kind = chance.randrange(7)
    if kind == 0:
        return data  # again
    if kind == 1:
        return data[: chance.randrange(len(data))]
    if kind == 2:
        return chance.randbytes(chance.randrange(3000))
    changed = bytearray(data)
    for _ in range(1 + chance.randrange(6)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    if kind == 3:
        return bytes(changed)
    if kind == 4:
        return sealed(bytes(changed[:-2]) + chance.randbytes(chance.randrange(1200)))
    return sealed(bytes(changed[:-2]))  # the checksum is right


def sealed(body):
    return wire._sealed(body)
