"""Whoever listens to frame reports can't be heard, whatever he does, and threads that share a stream take turns."""

import logging
import threading

import numpy as np
from sounds import demo

from lamina.plugin import NeuralCodec

RATE = 48_000


def streamed(codec, audio, block=500):
    stream = codec.stream(RATE, len(audio))
    return np.concatenate([stream.push(audio[:, k : k + block]) for k in range(0, audio.shape[1], block)], 1)


def test_a_listener_that_raises_changes_nothing_and_is_told_once(caplog):
    audio, codec = demo(0, RATE, 0.5), NeuralCodec(layers=2, search=1, mix=0.5)
    quiet, heard = streamed(codec, audio), []

    def listener(report):
        heard.append(report.index)
        raise ValueError("not my day")

    codec.on_report = listener
    with caplog.at_level(logging.ERROR):
        assert np.array_equal(streamed(codec, audio), quiet)
        assert np.array_equal(codec(audio, RATE), NeuralCodec(layers=2, search=1, mix=0.5)(audio, RATE))
    assert heard[:30] == list(range(30))
    # Once in each of the two streams.
    assert caplog.text.count("A listener of frame reports raised") == 2 and "not my day" in caplog.text


def test_a_listener_that_interrupts_finds_the_stream_in_order():
    audio, codec = demo(0, RATE, 0.5), NeuralCodec(layers=2, search=1)
    whole = streamed(codec, audio, 4800)
    stream = codec.stream(RATE, len(audio))

    def interrupts(report):
        codec.on_report = None
        raise KeyboardInterrupt

    codec.on_report = interrupts
    parts = []
    for k in range(0, audio.shape[1], 4800):
        try:
            parts.append(stream.push(audio[:, k : k + 4800]))
        except KeyboardInterrupt:
            parts.append(whole[:, k : k + 4800])  # that block's sound is lost, and no other's
    assert np.array_equal(np.concatenate(parts, 1), whole)


def test_a_listener_may_set_what_it_listens_to():
    codec = NeuralCodec(layers=8, search=1)
    codec.on_report = lambda report: setattr(codec, "layers", 1 + report.index % 24)
    streamed(codec, demo(0, RATE, 0.5))
    assert 1 <= codec.layers <= 24


def test_threads_that_push_into_one_stream_take_turns():
    stream = NeuralCodec(layers=1, search=1).stream(RATE, 1)
    audio, errors, n_out = demo(1, RATE, 0.5)[:1], [], []

    def push():
        try:
            n_out.append(sum(stream.push(audio[:, k : k + 333]).shape[1] for k in range(0, audio.shape[1], 333)))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and n_out == [audio.shape[1]] * 4
