"""Plays through one live board and goes over to another without a click."""

from __future__ import annotations

import threading

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.host.live_board.live_board import LiveBoard
from lamina.plugin.stream.reports import FrameReport

SETTLING_SECONDS = 0.05
FADE_SECONDS = 0.03


class BoardSwitch:
    """The board that is heard, and perhaps one that comes in. `push` and `take_reports` belong to one thread.

    Args:
        board: heard from the start.

    While it changes, both boards run on the same input: the new one until its latency and 50 ms more have passed, then
    both are cross-faded for 30 ms, then the old one is dropped.
    """

    def __init__(self, board: LiveBoard) -> None:
        self._current = board
        self._incoming: LiveBoard | None = None
        self._wish: LiveBoard | None = None
        self._to_settle = self._n_faded = 0
        self._changing = threading.Lock()
        self._wishing = threading.Lock()
        n_fade = round(FADE_SECONDS * board.sample_rate)
        self._fade = (np.sin((np.arange(n_fade) + 1) / n_fade * np.pi / 2) ** 2).astype(np.float32)

    @property
    def current(self) -> LiveBoard:
        """The board heard; until a cross-fade is over, the old one."""
        return self._current

    @property
    def latency_samples(self) -> int:
        """Of the board heard."""
        return self._current.latency_samples

    @property
    def is_changing(self) -> bool:
        """Whether another board was wished for or is coming in."""
        return self._wish is not None or self._incoming is not None

    def change_to(self, board: LiveBoard) -> None:
        """Go over to `board` at a later push; a newer wish overtakes an older one. Any thread.

        A board that was heard before starts anew, from silence. Raises ValueError for a board with another sample rate
        or block.
        """
        if (board.sample_rate, board.block) != (self._current.sample_rate, self._current.block):
            raise ValueError(
                f"The new board runs at {board.sample_rate} Hz in blocks of {board.block}, the one heard at "
                f"{self._current.sample_rate} Hz in blocks of {self._current.block}. Build it with the same."
            )
        with self._wishing:
            with self._changing:
                self._wish = None
                is_running = board is self._current or board is self._incoming
            if not is_running:
                board.reset()
            with self._changing:
                self._wish = board

    def push(self, block: FloatArray) -> FloatArray:
        """Float32 `[2, n]` in and out. A mono board gets the mean of both channels, and its output goes to both."""
        with self._changing:
            self._take_up_wish()
        old = _through(self._current, block)
        incoming = self._incoming
        if incoming is None:
            return old
        new = _through(incoming, block)
        n_samples = block.shape[1]
        start = min(n_samples, self._to_settle)
        self._to_settle -= start
        incoming_share = self._fade[self._n_faded : self._n_faded + n_samples - start]
        self._n_faded += len(incoming_share)
        share = np.concatenate(
            [np.zeros(start, np.float32), incoming_share, np.ones(n_samples - start - len(incoming_share), np.float32)]
        )
        if self._n_faded == len(self._fade):
            with self._changing:
                self._current, self._incoming = incoming, None
        else:
            # Until then its frames are nobody's business.
            incoming.take_reports()
        mixed: FloatArray = old * (1 - share) + new * share
        return mixed

    def take_reports(self) -> list[tuple[int, FrameReport]]:
        """Reports of the board heard, as `LiveBoard.take_reports`."""
        return self._current.take_reports()

    def _take_up_wish(self) -> None:
        if self._wish is None or self._n_faded not in (0, len(self._fade)):
            return  # a cross-fade that has begun is finished first
        wish, self._wish = self._wish, None
        if wish is self._current:
            self._incoming = None
        elif wish is not self._incoming:
            self._incoming, self._n_faded = wish, 0
            self._to_settle = wish.latency_samples + round(SETTLING_SECONDS * wish.sample_rate)


def _through(board: LiveBoard, block: FloatArray) -> FloatArray:
    if board.n_channels == 2:
        return board.push(block)
    mono = board.push(block.mean(0, keepdims=True, dtype=np.float32))
    return np.repeat(mono, 2, 0)
