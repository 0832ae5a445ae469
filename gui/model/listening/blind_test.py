"""A blind test that is being taken: what is heard, what is answered, and what is kept of it after every answer."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from lamina.gui.model.listening.pair_player import PairPlayer
from lamina.gui.model.listening.test_kinds import KINDS, SoundTest, TestKind, gone_on, verdict
from lamina.gui.model.session import Notice, Session
from lamina.gui.model.values.observable import Observable
from lamina.models.json_files import JsonError, json_text, read_json
from lamina.models.places import data_folder
from lamina.plugin.files.atomic import atomic_file
from lamina.plugin.listening.results import ResultExistsError, TestRecord, record, save_result
from lamina.plugin.listening.sounds import Condition

SCHEMA_VERSION = 1
LARGEST_FILE = 64 << 20
FOLDER, UNFINISHED_NAME = "listening", "unfinished.json"
SOUND_NAMES = ("a", "b")
LONGEST_NAME = 60
MOST_TIMES = 1000


def results_folder() -> Path:
    """Where results and the unfinished test lie."""
    return data_folder() / FOLDER


class BlindTest:
    """One listener's test of two sounds.

    `changed` tells that something did. Nothing that can be read here before the end says what X is but `player.heard`,
    which nothing shows.

    Args:
        session: whose engine plays.
        kind, test: which one, and its state.
        sounds: A and B.
        listener: who takes it.
        source: which part of which file it is, and how the sounds are made: what it takes to go on another day. JSON.
        folder: where it is kept.
    """

    def __init__(
        self,
        session: Session,
        kind: TestKind,
        test: SoundTest,
        sounds: Sequence[Condition],
        listener: str,
        source: dict[str, Any],
        folder: Path | None = None,
    ) -> None:
        self.changed: Observable[[]] = Observable()
        self.kind, self.sounds, self.listener = kind, tuple(sounds), listener
        self.button = ""
        self.answer = ""
        self.was_right: bool | None = None
        self.saved: Path | None = None
        self._session, self._test, self._source = session, test, source
        self._folder = folder or results_folder()
        self._began = datetime.now(UTC)
        self.player = PairPlayer(session, sounds, self.changed.notify)

    @property
    def n_trials(self) -> int:
        """How many there are."""
        return self._test.n_trials

    @property
    def trial(self) -> int:
        """Which one is to be answered, from 0."""
        return self._test.trial

    @property
    def is_over(self) -> bool:
        """Whether all are answered."""
        return self._test.is_over

    @property
    def is_training(self) -> bool:
        """Whether every answer is told to be right or wrong at once."""
        return bool(getattr(self._test, "training", False))

    @property
    def verdict(self) -> str:
        """What it came to; raises ValueError before the end."""
        return verdict(self._test, *(sound.label for sound in self.sounds))

    def listen(self, button: str) -> None:
        """Hear what is behind a button."""
        if self.is_over:
            return
        self.button = button
        self.player.hear(SOUND_NAMES.index(self._test.sound_of(button)))
        self.changed.notify()

    def toggle(self) -> None:
        """Play, or pause."""
        if self.player.is_playing:
            self.player.pause()
        elif not self.is_over:
            self.listen(self.button or self.kind.sounds[0].word)
        self.changed.notify()

    def choose(self, answer: str) -> None:
        """What is to be answered; it can be changed until `confirm`."""
        if not self.is_over:
            self.answer = answer
            self.changed.notify()

    def confirm(self) -> None:
        """Give the answer that was chosen, and go on to the next trial; without one nothing happens."""
        if self.is_over or not self.answer:
            return
        self.was_right = self._test.answer(self.answer)
        self.answer = ""
        if self._test.is_over:
            self.player.leave()
            self._save_results()
        else:
            self._keep()
            # From the same place in every trial: to stay on X would let one hear whether X has changed.
            self.button = self.kind.sounds[0].word
            if self.player.is_playing:
                self.player.hear(SOUND_NAMES.index(self._test.sound_of(self.button)))
        self.changed.notify()

    def close(self) -> None:
        """Stop; an unfinished test is kept, to go on with it another day."""
        self.player.close()

    # On the disk.

    def document(self) -> dict[str, Any]:
        """All of it as JSON: who, what, with which sounds and answers."""
        return {
            "schema": SCHEMA_VERSION,
            "kind": self.kind.name,
            "listener": self.listener,
            "began": self._began.isoformat(timespec="seconds"),
            "source": self._source,
            "sounds": [sound.described() for sound in self.sounds],
            "state": self._test.to_dict(),
        }

    def _save_results(self) -> None:
        """A file of results as `lamina.plugin.listening.results` has them, which others can be combined with."""
        if self.is_training:
            return
        item = Path(self._source["file"]).stem
        title = f"{self.kind.title}: {' against '.join(sound.label for sound in self.sounds)}"
        sounds = {item: dict(zip(SOUND_NAMES, self.sounds, strict=True))}
        settings = {name: self._source[name] for name in ("start", "stop", "is_matched")}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            taken = record(self._test, title, sounds, {**settings, "n_trials": self.n_trials})
            self.saved = self._saved_as_another_time(taken)
        except (OSError, ValueError) as error:
            self._tell_not_kept(error)
        else:
            forget_unfinished(self._folder)

    def _saved_as_another_time(self, taken: TestRecord) -> Path:
        """Who takes a test again has another file, under the name with a number."""
        for number in range(1, MOST_TIMES):
            with contextlib.suppress(ResultExistsError):
                name = self.listener if number == 1 else f"{self.listener} {number}"
                return save_result(self._folder, name, [taken], self._began)
        raise ValueError(f"{self.listener} has taken this test {MOST_TIMES} times.")

    def _keep(self) -> None:
        if self.is_training:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_file(self._folder / UNFINISHED_NAME) as partial:
                partial.write_text(json_text(self.document()), encoding="utf-8")
        except OSError as error:
            self._tell_not_kept(error)

    def _tell_not_kept(self, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        sentence = f"The test can't be kept in {self._folder}: {reason.rstrip('.')}."
        self._session.noticed.notify(Notice(sentence, is_error=True))


class Unfinished:
    """A test that was left before its end, as it lies on the disk."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.kind = KINDS[document["kind"]]
        self.test = gone_on(self.kind, document["state"])
        self.listener = str(document["listener"])[:LONGEST_NAME]
        self.source: dict[str, Any] = document["source"]
        self.file = Path(self.source["file"])
        self.start, self.stop = int(self.source["start"]), int(self.source["stop"])
        self.recipes = tuple(self.source["recipes"])
        self.gains = tuple(float(gain) for gain in self.source["gains"])
        self.digests = tuple(str(sound["sha256"]) for sound in document["sounds"])
        if len(self.recipes) != 2 or len(self.gains) != 2 or not 0 <= self.start < self.stop or self.test.is_over:
            raise ValueError("It is no test that can go on.")

    @classmethod
    def found(cls, folder: Path | None = None) -> Self | None:
        """The one there is; None where there is none that can be read."""
        with contextlib.suppress(OSError, JsonError, LookupError, TypeError, ValueError, AttributeError):
            document = read_json((folder or results_folder()) / UNFINISHED_NAME, LARGEST_FILE)
            if document["schema"] == SCHEMA_VERSION:
                return cls(document)
        return None

    @property
    def words(self) -> str:
        """What it is, in a few words."""
        return f"{self.kind.title} over {self.file.name}, {self.test.trial} of {self.test.n_trials} answered"


def forget_unfinished(folder: Path | None = None) -> None:
    """There is nothing to go on with any more."""
    with contextlib.suppress(OSError):
        ((folder or results_folder()) / UNFINISHED_NAME).unlink(missing_ok=True)
