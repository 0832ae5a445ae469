"""Contract 6: same input and settings give the same output, live or offline, call after call."""

import threading

import numpy as np
import pytest
from sounds import demo, push_in_blocks

from lamina.plugin import NeuralCodec


def test_calls_do_not_influence_each_other():
    audio = demo(0, 48_000, 1.0)
    codec = NeuralCodec(layers=6)
    first = codec(audio, 48_000)
    codec(-audio[:, ::-1].copy() * 0.3, 44_100)
    codec.process(audio, 48_000, reset=False)
    assert np.array_equal(codec(audio, 48_000), first)
    assert np.array_equal(NeuralCodec(layers=6)(audio, 48_000), first)


def test_live_equals_offline():
    audio = demo(0, 48_000, 1.0)
    codec = NeuralCodec(layers=6)
    stream = codec.stream(48_000, len(audio))
    live = push_in_blocks(stream, audio, [256])
    latency = stream.latency_samples
    assert np.array_equal(live[:, latency:], codec(audio, 48_000)[:, :-latency])


@pytest.mark.slow
def test_threads_share_the_runtime_without_mixing_streams():
    audio = demo(1, 24_000, 2.0)
    expected = {layers: NeuralCodec(layers=layers)(audio, 24_000) for layers in (2, 9)}
    got: dict[int, list[np.ndarray]] = {2: [], 9: []}

    def work(layers: int) -> None:
        for _ in range(3):
            got[layers].append(NeuralCodec(layers=layers)(audio, 24_000))

    threads = [threading.Thread(target=work, args=(layers,)) for layers in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for layers, results in got.items():
        assert len(results) == 3
        assert all(np.array_equal(result, expected[layers]) for result in results)


def test_listeners_are_called_on_the_callers_thread_and_may_use_the_effect():
    # Long enough that encoding and decoding are shared by two threads.
    audio = demo(1, 24_000, 4.0)
    codec = NeuralCodec(layers=3)
    heard = []

    def listen(report):
        heard.append((report.index, threading.current_thread()))
        assert codec.last_reports is not None
        codec.mix = 0.5

    codec.on_report = listen
    codec.process(audio, 24_000, reset=False)
    assert [index for index, _ in heard] == list(range(300))
    assert {thread for _, thread in heard} == {threading.current_thread()}
