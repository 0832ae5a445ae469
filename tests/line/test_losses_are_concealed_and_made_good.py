"""What is heard of real sound on a line that loses packets, with the shipped model."""

import numpy as np
import pytest
from sounds import dbfs, demo, lag_samples

from lamina.plugin import NeuralCodec
from lamina.plugin.codes_file.codes import join_codes
from lamina.plugin.codes_file.file import codes_writer, read_codes
from lamina.plugin.line.adaptation import NONE, Redundancy
from lamina.plugin.line.packet import PacketError, Report, unpack
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineSender
from lamina.plugin.line.simulator import Link, simulate

RATE = 24_000


def voice(seconds, start=1.0):
    return 0.5 * demo(1, RATE, seconds, start)[:1]


def run(x, link, seconds, redundancy=None, layers=8, **options):
    """Sound over a link: the receiver, what is heard, and the codes that were played."""
    sender = LineSender(NeuralCodec(layers=layers), RATE, len(x), redundancy=redundancy, stream=3)
    receiver = LineReceiver(NeuralCodec(), sender.hello, RATE, **{"buffer_ms": 80, **options})
    played = []
    receiver.on_codes = played.append
    result = simulate(sender, receiver, link, seconds, sound=x, block=320)
    return receiver, result.heard, join_codes(played)


@pytest.mark.parametrize(("loss", "burst"), [(0.1, 1), (0.3, 1), (0.3, 5)])
def test_what_is_heard_under_loss_is_kept_as_a_file_to_the_sample(tmp_path, loss, burst):
    receiver, heard, played = run(voice(2.0), Link(loss=loss, burst=burst, seed=1), 2.0)
    assert receiver.counts.concealed > 0
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 1
    with codes_writer(tmp_path / "heard.lamina") as file:
        file.write(played)
    local = NeuralCodec().decode(read_codes(tmp_path / "heard.lamina").codes)
    lag = lag_samples(local[0], heard[0])
    assert np.array_equal(heard[:, lag:], local[:, : heard.shape[1] - lag])


@pytest.mark.slow
def test_frames_that_came_with_later_packets_sound_as_if_nothing_had_been_lost():
    """All layers of two earlier frames travel again: gaps of up to two packets leave no trace."""
    x, link = voice(2.0), Link(loss=0.06, seed=5)
    receiver, heard, _ = run(x, link, 2.0, Redundancy(2, 8))
    _, whole, _ = run(x, Link(), 2.0, Redundancy(2, 8))
    assert receiver.counts.lost > 4
    assert receiver.counts.concealed == 0
    n = min(heard.shape[1], whole.shape[1])
    assert np.array_equal(heard[:, :n], whole[:, :n])


@pytest.mark.slow
def test_three_layers_again_are_nearer_to_the_sound_than_none():
    x, link = voice(3.0), Link(loss=0.15, seed=2)
    errors = {}
    for name, redundancy in (("none", NONE), ("three", Redundancy(1, 3))):
        _, whole, _ = run(x, Link(), 3.0, redundancy)
        _, heard, _ = run(x, link, 3.0, redundancy)
        n = min(heard.shape[1], whole.shape[1])
        errors[name] = dbfs(heard[:, :n] - whole[:, :n]) - dbfs(whole[:, :n])
    assert errors["three"] < errors["none"] - 3


def test_the_encoder_guards_its_memory_once_losses_are_reported():
    codec = NeuralCodec(layers=8)
    sender = LineSender(codec, RATE, 1)
    memory = codec.bundle.config.memory
    x = voice(2.0)

    def lags(part):
        frames = [frame for data in sender.push(part) for frame in unpack(data, sender.hello.format).frames]
        return np.array([frame.codes[0, 0] for frame in frames])

    assert (lags(x[:, :RATE]) < memory.n_lags).mean() > 0.8
    sender.on_report(Report(sender.hello.stream, 74, 70, 0.3, 0.3, 1, 0, 0, 0, 74, 0))
    assert (lags(x[:, RATE:]) >= memory.n_lags).all()


def test_the_encoder_guards_its_memory_only_where_what_travels_again_does_not_mend_the_losses():
    sender = LineSender(NeuralCodec(layers=8), RATE, 1)
    stream = sender.hello.stream
    assert not sender.guards
    sender.on_report(Report(stream, 74, 73, 0.004, 0.004, 1, 0, 0, 0, 74, 0))
    assert sender.guards, "nothing travels again yet"
    sender.on_report(Report(stream, 150, 140, 0.1, 0.02, 1, 0, 0, 0, 74, 0))
    assert sender.repeats.layers == 8
    assert not sender.guards
    sender.redundancy = Redundancy(1, 3)
    assert sender.guards, "three layers are not all that the memory hears"
    sender.redundancy = Redundancy(1, 8)
    assert not sender.guards
    sender.on_report(Report(stream, 220, 180, 0.4, 0.3, 1, 0, 0, 0, 74, 0))
    assert sender.guards, "too much of it is lost all the same"


def test_layers_are_shed_and_come_back_while_codes_stay_decodable():
    sender = LineSender(NeuralCodec(layers=12), RATE, 1)
    wished = []
    for index in range(60):
        queue = 200.0 if index < 12 else 0.0
        sender.on_report(Report(sender.hello.stream, index, index, 0, 0, 0, 0, 0, queue, 0, 0))
        wished.append(sender.layers)
    assert min(wished) == 3, "the fewest from which a lag is known"
    assert wished[-1] > 8
    steps = np.diff(wished)
    assert (steps[steps > 0] == 1).all(), "layers come back one by one"


@pytest.mark.slow
def test_silence_is_sent_sparsely_where_that_is_wished_and_is_silence():
    x = np.concatenate([voice(1.0), np.zeros((1, 5 * RATE), np.float32), voice(1.0, 2.0)], 1)
    sender = LineSender(NeuralCodec(layers=8), RATE, 1, sparse_silence=True)
    receiver = LineReceiver(NeuralCodec(), sender.hello, RATE, buffer_ms=40)
    result = simulate(sender, receiver, Link(), 7.4, sound=x, block=320)
    every_frame = round(7.4 * 75)
    assert result.n_packets < 0.55 * every_frame
    assert receiver.counts.concealed == 0
    heard = result.heard
    assert dbfs(heard[:, 4 * RATE : 6 * RATE]) < -90
    # Both ends' memories heard silence meanwhile: what follows is what it would have been.
    whole = LineSender(NeuralCodec(layers=8), RATE, 1)
    other = LineReceiver(NeuralCodec(), whole.hello, RATE, buffer_ms=40)
    everything = simulate(whole, other, Link(), 7.4, sound=x, block=320).heard
    after = slice(round(6.0 * RATE), round(7.4 * RATE))
    assert dbfs(everything[:, after]) > -40
    assert dbfs(heard[:, after] - everything[:, after]) < dbfs(everything[:, after]) - 15


def test_a_packet_is_never_larger_than_a_message_may_be():
    x = np.repeat(voice(0.5), 8, 0)
    sender = LineSender(NeuralCodec(layers=24), RATE, 8, frames_per_packet=4, redundancy=Redundancy(3, 24))
    data = sender.push(x)
    assert data
    assert max(map(len, data)) <= 1200
    assert sender.rates.codes > 100


def test_rates_are_told_apart_and_are_those_of_what_was_sent():
    sender = LineSender(NeuralCodec(layers=8), RATE, 1, redundancy=Redundancy(1, 3), adaptive=False)
    packets = sender.push(voice(3.0))
    rates = sender.rates
    assert rates.codes == pytest.approx(6.0, abs=0.1)
    assert rates.repeated == pytest.approx(2.25, abs=0.05)
    per_packet = np.mean([len(data) for data in packets])
    assert rates.packets == pytest.approx(per_packet * 8 * 75 / 1000, rel=0.03)
    assert rates.network > rates.packets + 40


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: LineSender(NeuralCodec(), RATE, 1, frames_per_packet=5), "from 1 to 4"),
        (lambda: LineSender(NeuralCodec(), RATE, 9), "channels"),
        (lambda: Redundancy(4, 3), "0 to 3 frames"),
        (lambda: Redundancy(1, 0), "1 or more layers"),
        (lambda: Link(loss=2), "from 0 to 1"),
        (lambda: Link(burst=0), "1 or more"),
        (lambda: Link(bandwidth=0), "more than 0"),
    ],
)
def test_what_no_line_can_be_is_refused_with_a_sentence(make, told):
    with pytest.raises((ValueError, PacketError), match=told):
        make()


def test_blocks_of_another_shape_are_refused_before_anything_changes():
    sender = LineSender(NeuralCodec(), RATE, 2)
    with pytest.raises(ValueError, match=r"takes \[2, samples\]"):
        sender.push(np.zeros((1, 320), np.float32))
    with pytest.raises(TypeError):
        sender.push([[0.0], [0.0]])
    assert sender.n_frames == 0
    receiver = LineReceiver(NeuralCodec(), sender.hello, RATE)
    with pytest.raises(ValueError, match="whole number"):
        receiver.pull(-1)
    with pytest.raises(ValueError, match="from 0 to 500"):
        LineReceiver(NeuralCodec(), sender.hello, RATE, buffer_ms=600)
