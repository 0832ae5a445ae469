"""Knobs, switches, boards and failing effects while the engine plays.

No click, no lost sample, and the rest goes on.
"""

import time

import numpy as np
import pytest
from engine_rig import EngineRig
from pedalboard import Gain
from sounds import demo

from lamina.plugin import Board, NeuralCodec
from lamina.plugin.call.effect import Effect

RATE = 48_000
BLOCK = 240
MOVES_PER_SECOND = 50
SECONDS = 20
MARGIN = 1.25
"""How much larger a step may be than in sound that isn't moved.

As for the effect itself: moving changes the signal, so its steps may differ a little; a click is many times larger.
"""


def tone(seconds=2.0):
    """Whole periods of both its sines, so that it may be repeated."""
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.4 * np.sin(2 * np.pi * 220 * t) + 0.2 * np.sin(2 * np.pi * 331 * t))[None].astype(np.float32)


def largest_step(audio):
    return float(np.abs(np.diff(audio[0, RATE // 10 :])).max())


def offline_steps(audio, **settings):
    return largest_step(NeuralCodec(**settings)(audio, RATE))


def test_knob_denoise_and_bypass_moved_fifty_times_a_second_click_nowhere_and_lose_nothing(monkeypatch):
    audio, random = tone(), np.random.default_rng(3)
    n_moves = 0

    def move(block):
        nonlocal n_moves
        if block * BLOCK % (RATE // MOVES_PER_SECOND) == 0 and block:
            n_moves += 1
            name, value = (
                ("layers", int(random.integers(1, 25))),
                ("denoise", float(random.random())),
                ("bypass", bool(random.integers(2))),
            )[n_moves % 3]
            rig.engine.set_parameters("A", [0], {name: value})

    rig = EngineRig(monkeypatch, audio, RATE, BLOCK, Board([NeuralCodec()]), each_block=move)
    output = rig.run(SECONDS)
    assert n_moves >= SECONDS * MOVES_PER_SECOND - 2
    unmoved = max(
        largest_step(audio),
        *(offline_steps(audio, layers=layers, denoise=d) for layers in (1, 2, 4, 8, 24) for d in (0.0, 1.0)),
    )
    assert largest_step(output) <= unmoved * MARGIN
    # No block was late, none twice, and each codec frame came.
    state = rig.telemetry.state()
    assert int(state["n_late"]) == 0 and rig.texts() == []
    assert int(state["n_blocks"]) * BLOCK == int(state["n_processed"])
    assert abs(int(state["n_frames"]) - int(state["n_processed"]) // 640) <= 1
    assert rig.n_captured == rig.n_played


def test_no_sample_is_lost_while_the_knob_moves(monkeypatch):
    """With the mix at zero what comes out is what went in: each sample, at the board's delay."""
    audio = demo(0, RATE, 8.0)[:1]
    board = Board([NeuralCodec(mix=0.0)])
    rig = EngineRig(
        monkeypatch,
        audio,
        RATE,
        BLOCK,
        board,
        each_block=lambda n: rig.engine.set_parameters("A", [0], {"layers": 1 + n % 24}),
    )
    output = rig.run(6.0)
    lag = BLOCK + board[0].latency_samples(RATE, BLOCK)
    # The first blocks fade in.
    start = RATE // 10
    np.testing.assert_array_equal(output[0, lag + start :], audio[0, start : output.shape[1] - lag])


def test_a_and_b_change_places_without_a_click(monkeypatch):
    audio = tone()

    def switch_each_second(n_block):
        n_seconds, within = divmod(n_block * BLOCK, RATE)
        if n_seconds and within < BLOCK:
            rig.engine.choose_board("AB"[n_seconds % 2])

    # From the audio thread: it may be ahead of any other by seconds where the processor is busy.
    rig = EngineRig(monkeypatch, audio, RATE, BLOCK, Board([NeuralCodec(layers=24)]), each_block=switch_each_second)
    rig.engine.set_board("B", Board([Gain(gain_db=-6), NeuralCodec(layers=4), Gain(gain_db=-6)]))
    output = rig.run(12.0)
    unmoved = max(largest_step(audio), offline_steps(audio, layers=24), offline_steps(audio, layers=4))
    assert largest_step(output) <= unmoved * MARGIN
    # Both were heard.
    levels = np.abs(output[0, : output.shape[1] // RATE * RATE].reshape(-1, RATE // 4)).max(1)[1:]
    assert levels.max() > 3 * levels.min()


class Misbehaving(Effect):
    """Passes sound on until `number` blocks are over; then it does `what`."""

    def __init__(self, number, what):
        self.number, self.what, self.n_blocks = number, what, 0

    def process(self, input_array, sample_rate, buffer_size=8192, reset=True):
        self.n_blocks += not reset
        if self.n_blocks > self.number:
            return self.what(input_array)
        return input_array

    def reset(self):
        pass


def raising(_audio):
    raise RuntimeError("out of luck")


def stalling(audio):
    time.sleep(0.2)
    return audio


@pytest.mark.parametrize(("what", "reason"), [(raising, "out of luck"), (stalling, "took 2")])
def test_an_effect_that_raises_or_stalls_is_bypassed_with_a_message_and_the_rest_goes_on(monkeypatch, what, reason):
    audio = tone()
    bad = Misbehaving(300, what)
    rig = EngineRig(
        monkeypatch, audio, RATE, BLOCK, Board([Gain(gain_db=-6), bad, Gain(gain_db=-6)]), clock=time.monotonic
    )
    output = rig.run(3.0)
    (text,) = [text for text in rig.texts() if "Misbehaving" in text]
    assert reason in text and "bypassed" in text
    assert bad.n_blocks <= 302  # it is not called again
    late = [event for event in rig.events if event["event"] == "late"]
    if what is stalling:
        # While it stalled nothing could be computed: that is told, and it fades.
        assert sum(event["n_samples"] for event in late) > 0.1 * RATE
    # The two gains are still heard: a quarter of the level, sample by sample but for the delay.
    end = output[0, -RATE // 2 :]
    assert np.abs(end).max() == pytest.approx(np.abs(audio).max() * 10 ** (-12 / 20), rel=0.02)
    fades = np.pi / 2 / 256
    assert largest_step(output) <= largest_step(audio) * 10 ** (-12 / 20) + fades
