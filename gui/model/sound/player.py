"""The engine's file transport as the app shows it: what was asked for counts until the engine is seen to do it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.gui.model.values.answers import Answers
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.transport.file_player import PLAY_STATES, PlayState

__all__ = ["PlayState", "Player"]

NEAR_SECONDS = 0.02  # a block and some rounding
LONGEST_SECONDS = 0.7
"""So long after the engine's answer its own state counts, whether it is what was asked for or not.

A short file may have ended.
"""


@dataclass
class _Wish:
    """What was asked of the transport and isn't heard yet."""

    state: PlayState
    seconds: float | None = None  # None: wherever it is
    answered: float | None = None  # monotonic seconds

    def has_come(self, state: PlayState, seconds: float) -> bool:
        """Whether the engine shows it."""
        if state is not self.state:
            return False
        if self.seconds is None:
            return True
        room = LONGEST_SECONDS if state is PlayState.PLAYING else NEAR_SECONDS
        return -NEAR_SECONDS <= seconds - self.seconds <= room


class Player:
    """A transport for one file. The engine gets the file at the first `play`: no sound device is held before.

    `clock` counts monotonic seconds.
    """

    def __init__(self, engine: LiveEngine, answers: Answers, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._answers, self._clock = engine, answers, clock
        self._path: Path | None = None
        self._loop: tuple[float, float] | None = None
        self._is_handed_over = False
        self._wish: _Wish | None = None
        self._shown = (PlayState.STOPPED, 0.0)

    def load(self, path: Path) -> None:
        """Another file, stopped at its beginning and without a loop."""
        if self._is_handed_over:
            self._answers.expect(self._engine.unload())
        self._path, self._loop, self._is_handed_over = path, None, False
        self._wish, self._shown = None, (PlayState.STOPPED, 0.0)

    def play(self) -> None:
        """Start or resume; without a file nothing happens."""
        if self._path is None:
            return
        wish = _Wish(PlayState.PLAYING)
        if not self._is_handed_over:
            wish.seconds = self.position_seconds
            self._hand_over(self._path, wish.seconds)
        self._ask(wish, self._engine.play())

    def pause(self) -> None:
        """Stay where it is; what the codec still holds rings out."""
        if self.state is PlayState.PLAYING:
            self._ask(_Wish(PlayState.PAUSED), self._engine.pause())

    def toggle(self) -> None:
        """Play or pause, whichever it isn't doing."""
        if self.state is PlayState.PLAYING:
            self.pause()
        else:
            self.play()

    def stop(self) -> None:
        """Return to the loop's start, or to the beginning."""
        start = self._loop[0] if self._loop is not None else 0.0
        if self._is_handed_over:
            self._ask(_Wish(PlayState.STOPPED, start), self._engine.stop())
        else:
            self._shown = (PlayState.STOPPED, start)

    def seek(self, seconds: float) -> None:
        """Go on at a time in the file, or wait there."""
        if self._path is None:
            return
        state = PlayState.PLAYING if self.state is PlayState.PLAYING else PlayState.PAUSED
        if self._is_handed_over:
            self._ask(_Wish(state, seconds), self._engine.seek(seconds))
        else:
            self._shown = (state, seconds)

    def set_loop(self, seconds: tuple[float, float] | None) -> None:
        """Repeat from the first to the second time, or no longer repeat."""
        self._loop = seconds
        if self._is_handed_over:
            self._answers.expect(self._engine.set_loop(seconds))

    def begin_again(self) -> None:
        """Another engine takes over.

        What is shown now holds until it shows the same, or is `ready` and does something else.
        """
        if self._is_handed_over:
            self._wish = _Wish(*self._look())

    def ready(self) -> None:
        """The engine has begun, with everything that was wanted of the one before."""
        if self._wish is not None and self._wish.answered is None:
            self._wish.answered = self._clock()

    def let_go(self) -> None:
        """The engine is no more: stay here, paused, until there is another one."""
        state, seconds = self._look()
        self._is_handed_over, self._wish = False, None
        self._shown = (PlayState.STOPPED if state is PlayState.STOPPED else PlayState.PAUSED, seconds)

    @property
    def state(self) -> PlayState:
        """What the transport does."""
        return self._look()[0]

    @property
    def position_seconds(self) -> float:
        """Place in the file that is heard now."""
        return self._look()[1]

    def _look(self) -> tuple[PlayState, float]:
        if not self._is_handed_over:
            return self._shown
        record = self._engine.telemetry.state()
        # An engine that is being replaced shows nothing yet: what was seen last holds.
        if int(record["stream_samples"]):
            self._shown = (PLAY_STATES[int(record["play_state"])], float(record["clip_seconds"]))
        wish = self._wish
        if wish is not None:
            is_over = wish.answered is not None and self._clock() - wish.answered > LONGEST_SECONDS
            if wish.answered is None or not (is_over or wish.has_come(*self._shown)):
                return wish.state, wish.seconds if wish.seconds is not None else self._shown[1]
            self._wish = None
        return self._shown

    def _ask(self, wish: _Wish, answer: Future[Any]) -> None:
        self._wish = wish

        def answered(_result: object) -> None:
            wish.answered = self._clock()

        self._answers.expect(answer, answered, lambda _sentence: answered(None))

    def _hand_over(self, path: Path, seconds: float) -> None:
        self._is_handed_over = True
        self._answers.expect(self._engine.load(path), failed=lambda sentence: self._refused(path, sentence))
        if self._loop is not None:
            self._answers.expect(self._engine.set_loop(self._loop))
        if seconds > 0.0:
            self._answers.expect(self._engine.seek(seconds))

    def _refused(self, path: Path, sentence: str) -> None:
        """The engine can't open the file; the one before was taken from it already, so that it can't play instead."""
        if sentence and path == self._path:
            self._is_handed_over, self._wish = False, None
            self._shown = (PlayState.STOPPED, 0.0)
            self._answers.refused(sentence)
