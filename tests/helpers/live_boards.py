"""Live boards, effects of one's own, and measures that several tests of the live engine share."""

import numpy as np

from lamina.plugin import Board
from lamina.plugin.call.effect import Effect
from lamina.plugin.host.live_board.live_board import LiveBoard

RATE, BLOCK = 48_000, 256
FADED = BLOCK * 8
"""Samples after which a bypass or a failure is over: 20 ms, or a seam of 256 samples."""


class OwnEffect(Effect):
    """Somebody's own effect: does to its blocks what `act` does; `act` may be changed."""

    def __init__(self, act=None):
        self.act = act or (lambda block: block)

    def process(self, input_array, sample_rate, buffer_size=8192, reset=True):
        return self.act(input_array)

    def reset(self):
        pass


class Latent(OwnEffect):
    """Holds back so many samples, and then hands on packets of one length."""

    def __init__(self, n_samples, packet=1):
        super().__init__(self.pack)
        self.n_samples, self.packet = n_samples, packet
        self.reset()

    def pack(self, block):
        self.held = np.concatenate([self.held, block], 1)
        n_ready = max(0, self.held.shape[1] - self.n_samples) // self.packet * self.packet
        out, self.held = self.held[:, :n_ready], self.held[:, n_ready:]
        return out

    def reset(self):
        self.held = np.zeros((2, 0), np.float32)


def live(*effects, n_channels=2, block=BLOCK, rate=RATE, on_trouble=None, stall_seconds=60.0):
    """A live board that forgives a busy machine's pauses."""
    return LiveBoard(Board(effects), rate, n_channels, block, on_trouble, stall_seconds)


def play(board, audio):
    """Whole blocks of `audio` through a live board."""
    starts = range(0, audio.shape[1] - board.block + 1, board.block)
    return np.concatenate([board.push(audio[:, start : start + board.block]) for start in starts], 1)


def sine(n_samples, level=0.5, hz=220, rate=RATE):
    return np.tile(level * np.sin(2 * np.pi * hz / rate * np.arange(n_samples)), (2, 1)).astype(np.float32)


def largest_step(audio):
    return np.abs(np.diff(audio, axis=1)).max()
