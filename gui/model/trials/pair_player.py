"""Plays the sounds of a blind test through the engine: nothing but which of them is heard ever differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import gettempdir

import numpy as np

from lamina.gui.model.session import Notice, Session
from lamina.gui.model.values.answers import Answers
from lamina.models.leftovers import temporary_folder
from lamina.plugin.host.transport.comparison import ComparedFiles
from lamina.plugin.listening.sounds import Condition

SHORTEST_LOOP_SECONDS = 0.5
"""Of the part that a listener has played again and again: less is a buzz, in which nothing can be judged."""


class PairPlayer:
    """Its player: sounds that lie ready in files, of which the engine plays one.

    Args:
        session: whose engine plays.
        sounds: two or more, aligned and of the same length.
        stopped: called when something else than this player ended its playing.

    Raises OSError if they can't be written where the engine finds them.
    """

    def __init__(self, session: Session, sounds: Sequence[Condition], stopped: Callable[[], object]) -> None:
        self.is_playing = False
        self.heard = 0
        self.seconds = sounds[0].seconds
        """How long the sounds are."""
        self.loop: tuple[float, float] | None = None
        """The part that plays again and again, in seconds; None for all."""
        self._position = 0.0
        self._session, self._stopped = session, stopped
        self._answers = Answers(self._refused)
        self._temporary = ExitStack()
        self._folder = self._temporary.enter_context(temporary_folder(Path(gettempdir()), "listening"))
        self._n_taken = 0
        self._stale: tuple[Path, ...] = ()
        self._files = self._written(sounds)
        self._is_handed_over = False
        self._unsubscribe = session.changed.subscribe(self._session_changed)

    def hear(self, place: int) -> None:
        """Go over to a sound, and play if it doesn't yet."""
        self.heard = place
        if self._is_handed_over:
            self._answers.expect(self._session.engine.hear_compared(place))
        if not self.is_playing:
            self.play()

    def take(self, sounds: Sequence[Condition]) -> None:
        """Play others from now on, from their beginning and all of them; raises OSError, and then nothing changes."""
        before = self._files.files
        self._files = self._written(sounds)
        # Those before the last ones: the last may just be on their way to the engine.
        for file in self._stale:
            file.unlink(missing_ok=True)
        self._stale = before
        self.seconds, self.heard, self.loop, self._position = sounds[0].seconds, 0, None, 0.0
        was_playing = self.is_playing
        if self._is_handed_over and not was_playing:
            self.leave()
            self._position = 0.0
        self._is_handed_over = False
        if was_playing:
            self.play()

    def _written(self, sounds: Sequence[Condition]) -> ComparedFiles:
        self._n_taken += 1
        files = tuple(self._folder / f"{self._n_taken}-{place}.npy" for place in range(len(sounds)))
        for file, sound in zip(files, sounds, strict=True):
            np.save(file, sound.samples, allow_pickle=False)
        return ComparedFiles(files, sounds[0].sample_rate)

    @property
    def position_seconds(self) -> float:
        """Where in the sounds it is."""
        state = self._session.engine.telemetry.state()
        if self._is_handed_over and int(state["is_comparing"]):
            return float(state["compared_seconds"])
        return self._position

    def seek(self, seconds: float) -> None:
        """Go on at a time, within the part that plays."""
        low, high = self.loop or (0.0, self.seconds)
        self._position = min(max(low, seconds), high)
        if self._is_handed_over:
            self._answers.expect(self._session.engine.seek_compared(self._position))

    def set_loop(self, loop: tuple[float, float] | None) -> None:
        """Play from the first to the second time again and again, at least half a second; None: all of it."""
        if loop is not None:
            start = min(max(0.0, loop[0]), max(0.0, self.seconds - SHORTEST_LOOP_SECONDS))
            stop = min(max(loop[1], start + SHORTEST_LOOP_SECONDS), self.seconds)
            loop = None if (start, stop) == (0.0, self.seconds) else (start, stop)
        if loop != self.loop:
            self.loop = loop
            if self._is_handed_over:
                self._answers.expect(self._session.engine.loop_compared(loop))

    def play(self) -> None:
        """Play on."""
        engine = self._session.engine
        self._session.player.pause()
        self.is_playing = True
        if not self._is_handed_over:
            self._is_handed_over = True
            self._answers.expect(engine.compare(self._files))
            self._answers.expect(engine.hear_compared(self.heard))
            if self.loop is not None:
                self._answers.expect(engine.loop_compared(self.loop))
            self._answers.expect(engine.seek_compared(self._position))
        self._answers.expect(engine.play_compared(True))

    def pause(self) -> None:
        """Stay where it is."""
        self.is_playing = False
        if self._is_handed_over:
            self._answers.expect(self._session.engine.play_compared(False))

    def tick(self) -> None:
        """Take in what the engine answered."""
        self._answers.deliver()
        if self._is_handed_over and self._session.is_playing:
            self.leave()  # whoever plays the file wants to hear the file
            self._stopped()

    def leave(self) -> None:
        """Let file and input be heard again."""
        self._position = self.position_seconds
        self.is_playing = False
        if self._is_handed_over:
            self._is_handed_over = False
            self._answers.expect(self._session.engine.compare(None))

    def close(self) -> None:
        """The same, for good."""
        self._unsubscribe()
        self.leave()
        self._temporary.close()

    def _session_changed(self, what: str) -> None:
        if what == "engine":  # it is gone, and a new one knows nothing of the sounds
            self._is_handed_over = self.is_playing = False
            self._stopped()

    def _refused(self, sentence: str) -> None:
        self._is_handed_over = self.is_playing = False
        self._stopped()
        self._session.noticed.notify(Notice(sentence, is_error=True))
