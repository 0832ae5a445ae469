"""Beginning blind tests, and going on with one that was left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lamina.gui.model.files.document import Document
from lamina.gui.model.listening.comparing import Comparing
from lamina.gui.model.listening.recipe import Made
from lamina.gui.model.listening.region import Region
from lamina.gui.model.session import Notice, Session
from lamina.gui.model.trials.blind_test import BlindTest
from lamina.gui.model.trials.kept import LONGEST_NAME, PAIR_NAMES, Unfinished
from lamina.gui.model.trials.making import Excerpt, Item, Part, layer_parts, made_equal, make_items, rated_parts
from lamina.gui.model.trials.rating_test import RatingTest
from lamina.gui.model.trials.test_kinds import MUSHRA, STAIRCASE, TestKind, planned
from lamina.gui.model.work import Work
from lamina.plugin.listening.mushra import ANCHORS, REFERENCE, MushraTest
from lamina.plugin.listening.staircase import StaircaseTest

MOST_LAYERS_SECONDS = 10.0
"""Of sound in a layers test, which has one for each number of layers; BS.1534-3 (5.1) holds more to tire listeners."""
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
        self.test: BlindTest | RatingTest | None = None
        self.is_making = False
        self.n_made, self.n_parts = 0, 0
        self._n_goings = 0
        self._session, self._comparing, self._folder = session, comparing, folder
        self._work = Work("listening")

    def open_file(self) -> Path | None:
        """The file that is open; None where none is."""
        return self._session.document.opened if self._session.document is not None else None

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
            # Equally long and aligned they are; correlation, which would show a delay, errs at a single layer.
            pair = made_equal([sounds[0], sounds[1]], is_matched=False)
            parts = [
                Part(name, comparing.slots[index].recipe.title, comparing.slots[index].recipe)
                for name, index in zip(PAIR_NAMES, (a, b), strict=True)
            ]
            item = Item(document.opened.stem, document.opened, region, tuple(pair))
            source = _source(comparing.is_matched, parts, [item])
            self._open(kind, planned(kind, n_trials, is_training), parts, [item], listener, source)
        except (ValueError, OSError) as error:
            self._refuse(str(error))
            return False
        return True

    def begin_rating(
        self,
        listener: str,
        done: Callable[[], object],
        failed: Callable[[], object],
        others: Sequence[Path] = (),
    ) -> bool:
        """Make a MUSHRA test of all slots that are ready, and then call `done`, or `failed`.

        Says whether that can be tried; `leave` gives it up.

        Args:
            listener: who takes it.
            done, failed: see above.
            others: more sound files to rate the slots with, from their beginning and as long as what is compared.
        """
        comparing, document = self._comparing, self._session.document
        region = comparing.region
        if document is None or region is None or comparing.arranged is None:
            self._refuse("Ratings need at least one slot beside the original that is ready.")
            return False
        parts = rated_parts(comparing.slots, document.clip.sample_rate)
        ready = {slot.recipe.key: slot.made for slot in comparing.slots if slot.made is not None}
        excerpts = [Excerpt(document.opened, region, document), *map(Excerpt, others)]

        def plan(parts: Sequence[Part], items: Sequence[Item]) -> MushraTest:
            anchors = [part.name for part in parts if part.name in ANCHORS]
            versions = [part.name for part in parts if part.name != REFERENCE and part.name not in ANCHORS]
            return MushraTest.plan([item.name for item in items], versions, anchors)

        return self._begin_made(MUSHRA, parts, excerpts, ready, listener, plan, done, failed)

    def begin_layers(
        self, n_trials: int, listener: str, done: Callable[[], object], failed: Callable[[], object]
    ) -> bool:
        """Make every number of layers of what is open, and then call `done`, or `failed`.

        Says whether that can be tried; `leave` gives it up.
        """
        codec, region = self._session.codec, self.layers_region()
        if codec is None or region is None:
            self._refuse("There is nothing to listen to yet: open a sound file first.")
            return False
        parts = layer_parts(codec.model)
        levels = [int(part.name) for part in parts[1:]]
        assert self._session.document is not None
        excerpts = [Excerpt(self._session.document.opened, region, self._session.document)]

        def plan(_parts: Sequence[Part], _items: Sequence[Item]) -> StaircaseTest:
            return StaircaseTest.plan(levels, n_trials)

        return self._begin_made(STAIRCASE, parts, excerpts, {}, listener, plan, done, failed)

    def layers_region(self) -> Region | None:
        """The part that a layers test plays: the beginning of what is compared; None where nothing is."""
        document, comparing = self._session.document, self._comparing
        if document is None or (comparing.region is None and not comparing.take_region()) or comparing.region is None:
            return None
        most = round(MOST_LAYERS_SECONDS * document.clip.sample_rate)
        return Region(comparing.region.start, min(comparing.region.stop, comparing.region.start + most))

    def layers_seconds(self) -> float:
        """How long that part is; 0 where there is none."""
        region, document = self.layers_region(), self._session.document
        return region.n_samples / document.clip.sample_rate if region is not None and document is not None else 0.0

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
        if document is None or document.opened.resolve() != left.file or _ends_before(document, left.excerpts[0]):
            self._refuse(f"The test is over {left.file.name}: open that file, then go on.")
            return False
        excerpts = [replace(left.excerpts[0], document=document), *left.excerpts[1:]]

        def take(_parts: Sequence[Part], items: Sequence[Item]) -> None:
            if tuple(sound.sha256 for item in items for sound in item.sounds) != left.digests:
                raise ValueError(CHANGED)
            named = [replace(item, name=name) for item, name in zip(items, left.items, strict=True)]
            self._open(left.kind, left.test, left.parts, named, left.listener, left.source)

        self._make(left.parts, excerpts, {}, False, take, done, failed)
        return True

    def _begin_made(
        self,
        kind: TestKind,
        parts: Sequence[Part],
        excerpts: Sequence[Excerpt],
        ready: Mapping[tuple[Any, ...], Made],
        listener: str,
        plan: Callable[[Sequence[Part], Sequence[Item]], Any],
        done: Callable[[], object],
        failed: Callable[[], object],
    ) -> bool:
        if self.is_making:
            return True
        is_matched = self._comparing.is_matched

        def take(made: Sequence[Part], items: Sequence[Item]) -> None:
            self._open(kind, plan(made, items), made, items, listener, _source(is_matched, made, items))

        self._make(parts, excerpts, ready, is_matched, take, done, failed)
        return True

    def _make(
        self,
        parts: Sequence[Part],
        excerpts: Sequence[Excerpt],
        ready: Mapping[tuple[Any, ...], Made],
        is_matched: bool,
        take: Callable[[Sequence[Part], Sequence[Item]], object],
        done: Callable[[], object],
        failed: Callable[[], object],
    ) -> None:
        """Have the sounds made on the other thread, and taken on this one."""
        self._n_goings += 1
        number = self._n_goings
        self.n_made, self.n_parts = 0, len(parts) * len(excerpts)

        def given_up() -> bool:
            return self._work.is_closed or number != self._n_goings

        def progressed(n_made: int) -> None:
            if not given_up():
                self.n_made = n_made

        def taken(made: tuple[list[Part], list[Item]]) -> None:
            if number != self._n_goings:
                return
            self.is_making = False
            try:
                take(*made)
            except (ValueError, OSError) as error:
                refused_now(error)
            else:
                done()

        def refused(error: Exception) -> None:
            if number == self._n_goings:
                self.is_making = False
                refused_now(error)

        def refused_now(error: Exception) -> None:
            self._refuse(str(error))
            failed()

        self.is_making = True
        self._work.run(lambda: make_items(parts, excerpts, ready, is_matched, progressed, given_up), taken, refused)

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
            self.test.tick()

    def close(self) -> None:
        """End everything. After the engine's end: it plays from these folders."""
        self.leave()
        self._work.close()

    def _open(
        self,
        kind: TestKind,
        test: Any,
        parts: Sequence[Part],
        items: Sequence[Item],
        listener: str,
        source: dict[str, Any],
    ) -> None:
        self.leave()
        self._comparing.leave()
        listener = listener.strip()[:LONGEST_NAME] or "listener"
        names = [part.name for part in parts]
        if kind is MUSHRA:
            self.test = RatingTest(self._session, test, names, items, listener, source, self._folder)
        else:
            self.test = BlindTest(self._session, kind, test, names, items, listener, source, self._folder)

    def _refuse(self, sentence: str) -> None:
        self._session.noticed.notify(Notice(sentence, is_error=True))


def _ends_before(document: Document, excerpt: Excerpt) -> bool:
    return excerpt.region is not None and excerpt.region.stop > document.n_samples


def _source(is_matched: bool, parts: Sequence[Part], items: Sequence[Item]) -> dict[str, Any]:
    """Where a test's sounds come from, as JSON has it: what it takes to make them again."""
    first, *more = (item.source() for item in items)
    return {
        **first,
        "is_matched": is_matched,
        "names": [part.name for part in parts],
        "recipes": [part.document() for part in parts],
        **({"more": more} if more else {}),
    }
