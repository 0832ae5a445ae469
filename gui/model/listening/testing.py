"""Beginning blind tests of slots, and going on with one that was left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamina.dsp.loudness import FLOOR_LUFS
from lamina.gui.model.listening.blind_test import LONGEST_NAME, BlindTest, Unfinished
from lamina.gui.model.listening.comparing import Comparing
from lamina.gui.model.listening.recipe import Recipe
from lamina.gui.model.listening.region import Region, make_region
from lamina.gui.model.listening.test_kinds import TestKind, planned
from lamina.gui.model.session import Notice, Session
from lamina.gui.model.work import Work
from lamina.plugin.listening.sounds import Condition, with_gain

CHANGED = (
    "The sounds are no longer those that the test began with: the file, the codec or the model has changed. Begin anew."
)


class Testing:
    """Args:
    session, comparing: what is open, and its slots.
    folder: where tests are kept; the user's data folder if None.

    What can't be is told in a sentence, through the session.
    """

    __test__ = False  # pytest takes the name for a test's

    def __init__(self, session: Session, comparing: Comparing, folder: Path | None = None) -> None:
        self.test: BlindTest | None = None
        self.is_making = False
        self._n_goings = 0
        self._session, self._comparing, self._folder = session, comparing, folder
        self._work = Work("listening")

    def unfinished(self) -> Unfinished | None:
        """A test that was left before its end."""
        return Unfinished.found(self._folder)

    def begin(self, kind: TestKind, a: int, b: int, n_trials: int, listener: str, is_training: bool = False) -> bool:
        """Begin a test of two slots, by their numbers from 0; says whether that could be."""
        comparing = self._comparing
        sounds = [comparing.condition(index) for index in (a, b)]
        document, region = self._session.document, comparing.region
        if a == b or sounds[0] is None or sounds[1] is None or document is None or region is None:
            self._refuse("A test needs two different slots that are ready.")
            return False
        try:
            pair = [sounds[0], sounds[1]]
            # Equally long and aligned they are; correlation, which would show a delay, errs at a single layer.
            silent = [sound.label for sound in pair if sound.lufs <= FLOOR_LUFS]
            if silent:
                raise ValueError(f"{silent[0]} is silent here: there is nothing to compare.")
            source = {
                "file": str(document.opened.resolve()),
                "start": region.start,
                "stop": region.stop,
                "is_matched": comparing.is_matched,
                # To the last bit: a file's own gains are for people.
                "gains": [sound.gain_db for sound in pair],
                "recipes": [comparing.slots[index].recipe.document() for index in (a, b)],
            }
            test = planned(kind, n_trials, is_training)
            self._open(kind, test, pair, listener, source)
        except (ValueError, OSError) as error:
            self._refuse(str(error))
            return False
        return True

    def go_on(self, done: Callable[[], object], failed: Callable[[], object]) -> bool:
        """Make the sounds of the test that was left, and then call `done`, or `failed` where it can't go on.

        Says whether that can be tried. `leave` gives it up: nothing is called then.
        """
        if self.is_making:
            return True
        left, document = self.unfinished(), self._session.document
        if left is None:
            self._refuse("There is no test to go on with.")
            return False
        if document is None or document.opened.resolve() != left.file or left.stop > document.n_samples:
            self._refuse(f"The test is over {left.file.name}: open that file, then go on.")
            return False
        region, rate = Region(left.start, left.stop), document.clip.sample_rate
        self._n_goings += 1
        number = self._n_goings

        def given_up() -> bool:
            return self._work.is_closed or number != self._n_goings

        def job() -> list[Condition]:
            sounds = []
            for described, gain in zip(left.recipes, left.gains, strict=True):
                recipe = Recipe.read(described)
                made = make_region(recipe, document, region, lambda _share: None, given_up)
                sounds.append(with_gain(Condition(recipe.title, recipe.how(made), made.samples, rate), gain))
            return sounds

        def take(sounds: list[Condition]) -> None:
            if number != self._n_goings:
                return
            self.is_making = False
            if tuple(sound.sha256 for sound in sounds) != left.digests:
                self._refuse(CHANGED)
                failed()
                return
            self._open(left.kind, left.test, sounds, left.listener, left.source)
            done()

        def refused(error: Exception) -> None:
            if number == self._n_goings:
                self.is_making = False
                self._refuse(str(error))
                failed()

        self.is_making = True
        self._work.run(job, take, refused)
        return True

    def leave(self) -> None:
        """Let go of the test that is taken or about to go on; an unfinished one is kept."""
        self._n_goings += 1
        self.is_making = False
        test, self.test = self.test, None
        if test is not None:
            test.close()

    def tick(self) -> None:
        """Take in what was made, and what the engine answered."""
        self._work.deliver()
        if self.test is not None:
            self.test.player.tick()

    def close(self) -> None:
        """End everything. After the engine's end: it plays from these folders."""
        self.leave()
        self._work.close()

    def _open(self, kind: TestKind, test: Any, sounds: list[Condition], listener: str, source: dict[str, Any]) -> None:
        self.leave()
        self._comparing.leave()
        name = listener.strip()[:LONGEST_NAME] or "listener"
        self.test = BlindTest(self._session, kind, test, sounds, name, source, self._folder)

    def _refuse(self, sentence: str) -> None:
        self._session.noticed.notify(Notice(sentence, is_error=True))
