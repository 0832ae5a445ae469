"""One live board goes over to another while the sound runs, without a click."""

import threading

import numpy as np
import pytest
from live_boards import BLOCK, RATE, live
from pedalboard import Delay, Gain, MP3Compressor
from sounds import noise

from lamina.plugin import NeuralCodec
from lamina.plugin.host.live_board.switch import BoardSwitch

CHANGE = round(RATE * 0.08)
"""Samples of a change to a board without latency: 50 ms of settling and 30 ms of cross-fade."""


class Tone:
    """A sine that goes on from call to call, through a switch."""

    def __init__(self, switch, block=BLOCK, level=0.5, hz=220):
        self.switch, self.block, self.level, self.hz, self.position = switch, block, level, hz, 0
        self.played = []

    def play(self, n_samples):
        out = []
        for _ in range(-(-n_samples // self.block)):
            phase = 2 * np.pi * self.hz / RATE * (self.position + np.arange(self.block))
            out.append(self.switch.push(np.tile(self.level * np.sin(phase), (2, 1)).astype(np.float32)))
            self.position += self.block
        self.played += out
        return np.concatenate(out, 1)

    def largest_step(self, after=0):
        return np.abs(np.diff(np.concatenate(self.played, 1)[:, after:], axis=1)).max()

    @property
    def own_step(self):
        return self.level * 2 * np.pi * self.hz / RATE


@pytest.mark.parametrize("block", [64, 256, 1024])
def test_there_and_back_without_a_step(block):
    a, b = live(Gain(-20.0), block=block), live(Gain(0.0), block=block)
    switch = BoardSwitch(a)
    tone = Tone(switch, block)
    assert np.abs(tone.play(RATE // 4)).max() == pytest.approx(0.05, rel=0.01)
    switch.change_to(b)
    assert switch.is_changing and switch.current is a
    tone.play(CHANGE + block)
    assert switch.current is b and not switch.is_changing
    assert np.abs(tone.play(RATE // 4)).max() == pytest.approx(0.5, rel=0.01)
    switch.change_to(a)
    tone.play(CHANGE + block)
    assert switch.current is a
    assert np.abs(tone.play(RATE // 4)).max() == pytest.approx(0.05, rel=0.01)
    # The fade of 30 ms adds at most level · π / 2 / 1440 samples to the sine's own step.
    assert tone.largest_step() < tone.own_step + 0.5 * np.pi / 2 / (0.03 * RATE) + 1e-5


def test_the_new_board_has_swallowed_its_latency_before_it_is_heard():
    switch = BoardSwitch(live())
    tone = Tone(switch)
    tone.play(RATE // 4)
    late = live(MP3Compressor(), NeuralCodec(bypass=True))
    switch.change_to(late)
    tone.play(late.latency_samples + round(0.05 * RATE) - BLOCK)
    before = np.concatenate(tone.played, 1)
    phase = 2 * np.pi * 220 / RATE * np.arange(before.shape[1])
    assert np.abs(before[0] - 0.5 * np.sin(phase)).max() < 1e-5
    tone.play(RATE // 4)
    assert switch.current is late and switch.latency_samples == late.latency_samples > 3417
    assert tone.largest_step() < tone.own_step * 1.3
    assert np.abs(np.concatenate(tone.played, 1)[:, -RATE // 10 :]).max() == pytest.approx(0.5, rel=0.1)


def test_equal_boards_cross_over_unnoticed():
    switch = BoardSwitch(live(Gain(-6.0)))
    audio = noise(2, RATE // 2 // BLOCK * BLOCK)
    out = []
    for start in range(0, audio.shape[1], BLOCK):
        if start == 20 * BLOCK:
            switch.change_to(live(Gain(-6.0)))
        out.append(switch.push(audio[:, start : start + BLOCK]))
    # The shares of old and new sum to 1 at every sample.
    assert np.abs(np.concatenate(out, 1) - audio * 10 ** (-6 / 20)).max() < 1e-6


def test_a_newer_wish_overtakes_an_older_one():
    a, b, c = live(Gain(0.0)), live(Gain(-40.0)), live(Gain(-6.0))
    switch = BoardSwitch(a)
    tone = Tone(switch)
    tone.play(RATE // 4)
    switch.change_to(b)
    tone.play(BLOCK * 3)
    switch.change_to(c)
    quietest = [np.abs(tone.play(BLOCK * 2)).max() for _ in range(12)]
    assert switch.current is c and min(quietest) > 0.2, "the overtaken board was heard"
    assert tone.largest_step() < tone.own_step * 1.3


def test_a_wish_for_the_board_heard_takes_the_change_back():
    a, b = live(Gain(0.0)), live(Gain(-40.0))
    switch = BoardSwitch(a)
    tone = Tone(switch)
    switch.change_to(b)
    tone.play(BLOCK * 3)
    switch.change_to(a)
    assert np.abs(tone.play(RATE // 4)).max() == pytest.approx(0.5, rel=0.01)
    assert switch.current is a and not switch.is_changing


def test_a_cross_fade_that_has_begun_is_finished_before_the_next():
    a, b = live(Gain(0.0)), live(Gain(-40.0))
    switch = BoardSwitch(a)
    tone = Tone(switch)
    tone.play(BLOCK * 4)
    switch.change_to(b)
    tone.play(round(RATE * 0.06))
    switch.change_to(a)
    tone.play(BLOCK * 8)
    assert switch.current is b
    tone.play(CHANGE)
    assert switch.current is a
    assert tone.largest_step() < tone.own_step + 0.5 * np.pi / 2 / (0.03 * RATE) + 1e-5


def test_a_board_that_comes_back_has_forgotten_its_echoes():
    echo, dry = live(Delay(0.4, feedback=0.0, mix=1.0)), live()
    switch = BoardSwitch(echo)
    Tone(switch).play(RATE // 4)
    switch.change_to(dry)
    silence = np.zeros((2, BLOCK), np.float32)
    for _ in range(CHANGE // BLOCK + 2):
        switch.push(silence)
    assert switch.current is dry
    switch.change_to(echo)
    out = np.concatenate([switch.push(silence) for _ in range(RATE // BLOCK)], 1)
    assert switch.current is echo and not out.any()


def test_a_mono_board_gets_the_mean_and_goes_to_both_sides():
    switch = BoardSwitch(live(Gain(0.0), n_channels=1))
    audio = noise(2, BLOCK)
    out = switch.push(audio)
    assert out.shape == (2, BLOCK) and np.array_equal(out[0], out[1])
    assert np.abs(out[0] - audio.mean(0)).max() < 1e-6
    switch.change_to(live())
    for _ in range(CHANGE // BLOCK + 1):
        switch.push(audio)
    assert np.array_equal(switch.push(audio), audio)


def test_only_the_board_heard_reports_its_frames():
    switch = BoardSwitch(live(NeuralCodec(layers=3)))
    tone = Tone(switch)
    tone.play(RATE // 4)
    switch.change_to(live(Gain(), NeuralCodec(layers=7)))
    while switch.is_changing:
        assert {(index, report.layers) for index, report in switch.take_reports()} <= {(0, 3)}
        tone.play(BLOCK)
    tone.play(RATE // 4)
    reports = switch.take_reports()
    assert {(index, report.layers) for index, report in reports} == {(1, 7)}
    # Of the 80 ms and more before it was heard (6 frames) nothing is told but what the last block of the fade brought.
    assert min(report.index for _, report in reports) >= 5


def test_wishes_of_many_threads_end_with_one_of_them():
    boards = [live(Gain(-level)) for level in (3.0, 6.0, 9.0)]
    switch = BoardSwitch(live(Gain(0.0)))
    tone = Tone(switch)
    tone.play(RATE // 4)
    threads = [
        threading.Thread(target=lambda board=board: [switch.change_to(board) for _ in range(50)]) for board in boards
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        tone.play(BLOCK)
    for thread in threads:
        thread.join()
    tone.play(RATE // 2)
    assert switch.current in boards and not switch.is_changing
    assert tone.largest_step() < tone.own_step * 1.3


@pytest.mark.parametrize("other", [{"block": 128}, {"rate": 44_100}])
def test_a_board_of_another_rate_or_block_is_refused(other):
    switch = BoardSwitch(live())
    with pytest.raises(ValueError, match="Build it with the same"):
        switch.change_to(live(**other))
    assert not switch.is_changing
