"""What all blind tests share while they are taken: their player, and what is kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lamina.gui.model.session import Notice, Session
from lamina.gui.model.trials.kept import (
    SCHEMA_VERSION,
    forget_unfinished,
    keep_unfinished,
    results_folder,
    save_as_another_time,
)
from lamina.gui.model.trials.making import Item
from lamina.gui.model.trials.pair_player import SHORTEST_LOOP_SECONDS, PairPlayer
from lamina.gui.model.trials.test_kinds import TestKind
from lamina.gui.model.values.observable import Observable
from lamina.plugin.listening.results import ListeningTest, record


class TakenTest:
    """One listener's test.

    `changed` tells that something did. Nothing that can be read here before the end says what a sound is but
    `player.heard`, which nothing shows.

    Args:
        session: whose engine plays.
        kind, test: which one, and its state.
        names: what the test calls the versions of each sound.
        items: the sounds in these versions; one, but for ratings.
        listener: who takes it.
        source: which part of which file it is, and how the sounds are made: what it takes to go on another day. JSON.
        folder: where it is kept; the user's data folder if None.
    """

    __test__ = False  # pytest takes the name for a test's

    def __init__(
        self,
        session: Session,
        kind: TestKind,
        test: ListeningTest,
        names: Sequence[str],
        items: Sequence[Item],
        listener: str,
        source: dict[str, Any],
        folder: Path | None = None,
    ) -> None:
        self.changed: Observable[[]] = Observable()
        self.kind, self.names, self.items, self.listener = kind, tuple(names), tuple(items), listener
        self.sounds = self.items[0].sounds
        """The versions of the sound that is heard now."""
        self.saved: Path | None = None
        self.is_training = bool(getattr(test, "training", False))
        """Whether every answer is told to be right or wrong at once, and nothing is kept."""
        self._session, self._state, self._source = session, test, source
        self._folder = folder or results_folder()
        self._began = datetime.now(UTC)
        self.player = PairPlayer(session, self.sounds, self.changed.notify)

    def tick(self) -> None:
        """Take in what the engine answered."""
        self.player.tick()

    def close(self) -> None:
        """Stop; an unfinished test is kept, to go on with it another day."""
        self.player.close()

    def loop_from_here(self) -> None:
        """Have what comes from now on played again and again, up to where the loop ended so far."""
        stop = self.player.seconds if self.player.loop is None else self.player.loop[1]
        here = self.player.position_seconds
        self.loop_part(here, stop if stop - here >= SHORTEST_LOOP_SECONDS else self.player.seconds)

    def loop_to_here(self) -> None:
        """Have what came until now played again and again, from where the loop began so far."""
        self.loop_part(0.0 if self.player.loop is None else self.player.loop[0], self.player.position_seconds)

    def loop_part(self, start: float, stop: float) -> None:
        """Have a part played again and again, in seconds: the same of every sound, so that it tells of none."""
        self.player.set_loop((start, stop))
        self.changed.notify()

    def loop_whole(self) -> None:
        """Have the whole sound played again."""
        self.player.set_loop(None)
        self.changed.notify()

    def document(self) -> dict[str, Any]:
        """All of it as JSON: who, what, with which sounds and answers."""
        return {
            "schema": SCHEMA_VERSION,
            "kind": self.kind.name,
            "listener": self.listener,
            "began": self._began.isoformat(timespec="seconds"),
            "source": self._source,
            "sounds": [sound.described() for item in self.items for sound in item.sounds],
            "state": self._state.to_dict(),
        }

    def _take_item(self, name: str) -> None:
        """Have another one of the sounds played from now on; raises OSError where it can't be, and nothing changes."""
        item = next(item for item in self.items if item.name == name)
        self.player.take(item.sounds)
        self.sounds = item.sounds

    def _hear(self, name: str) -> None:
        self.player.hear(self.names.index(name))

    def _save_results(self, title: str, **settings: Any) -> None:
        """A file of results as `lamina.plugin.listening.results` has them, which others can be combined with."""
        if self.is_training:
            return
        sounds = {item.name: dict(zip(self.names, item.sounds, strict=True)) for item in self.items}
        part: dict[str, Any] = {name: self._source[name] for name in ("start", "stop", "is_matched")}
        if len(self.items) > 1:
            part["regions"] = {item.name: [item.region.start, item.region.stop] for item in self.items}
        try:
            taken = record(self._state, title, sounds, {**part, **settings})
            self.saved = save_as_another_time(self._folder, self.listener, [taken], self._began)
        except (OSError, ValueError) as error:
            self._tell_not_kept(error)
        else:
            forget_unfinished(self._folder)

    def _keep(self) -> None:
        if self.is_training:
            return
        try:
            keep_unfinished(self._folder, self.document())
        except OSError as error:
            self._tell_not_kept(error)

    def _tell_not_kept(self, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        sentence = f"The test can't be kept in {self._folder}: {reason.rstrip('.')}."
        self._session.noticed.notify(Notice(sentence, is_error=True))
