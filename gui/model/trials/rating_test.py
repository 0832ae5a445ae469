"""A MUSHRA test that is taken: what is heard, how it is rated, and what is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamina.gui.model.session import Session
from lamina.gui.model.trials.making import Item
from lamina.gui.model.trials.rated import is_version, rated_revealed, rated_verdict
from lamina.gui.model.trials.taken import TakenTest
from lamina.gui.model.trials.test_kinds import MUSHRA
from lamina.plugin.listening.mushra import REFERENCE, MushraTest

HIGHEST = 100
FIRST_STEP_FROM = 50
"""Where arrows begin that move a rating which there isn't yet."""
KEPT_AFTER_TICKS = 30


class RatingTest(TakenTest):
    """One listener's ratings of the versions of one or more sounds. Args: as `TakenTest`; `names` has the hidden
    reference first. Each sound is a page, in the test's order.

    A rating is always that of the sound that is heard, as BS.1534-3 (5.4) wants it.
    """

    def __init__(
        self,
        session: Session,
        test: MushraTest,
        names: Sequence[str],
        items: Sequence[Item],
        listener: str,
        source: dict[str, Any],
        folder: Path | None = None,
    ) -> None:
        self.slot: int | None = None
        """Which of the hidden sounds is heard, from 0; None for the original, which is known."""
        self.is_over = False
        self._test = test
        self._n_unkept = 0
        super().__init__(session, MUSHRA, test, names, items, listener, source, folder)
        if test.item != self.items[0].name:
            self._take_item(test.item)

    @property
    def n_pages(self) -> int:
        """How many sounds there are, each with a page of its own."""
        return self._test.n_pages

    @property
    def page(self) -> int:
        """Which one is rated, from 0."""
        return self._test.page

    @property
    def n_slots(self) -> int:
        """How many are rated."""
        return self._test.n_slots

    @property
    def n_rated(self) -> int:
        """How many have a rating already."""
        return sum(self.rating(slot) is not None for slot in range(self.n_slots))

    @property
    def is_rated(self) -> bool:
        """Whether every one of this page has its rating, so that it goes on, or the test may end."""
        return self._test.is_rated

    def rating(self, slot: int) -> int | None:
        """What a sound was given so far."""
        return self._test.rating(slot)

    def listen_to_original(self) -> None:
        """Hear the original that everything is compared with."""
        self._listen(None)

    def listen(self, slot: int) -> None:
        """Hear one of the hidden sounds, from 0; where there is none, nothing happens."""
        if 0 <= slot < self.n_slots:
            self._listen(slot)

    def step(self, by: int) -> None:
        """Hear the next sound, or the one before; the original stands before the first."""
        at = -1 if self.slot is None else self.slot
        to = min(max(-1, at + by), self.n_slots - 1)
        self._listen(None if to < 0 else to)

    def toggle(self) -> None:
        """Play, or pause."""
        if self.player.is_playing:
            self.player.pause()
            self.changed.notify()
        else:
            self._listen(self.slot)

    def rate(self, score: int) -> None:
        """Give the sound that is heard 0 to 100; the original isn't rated."""
        if self.slot is None or self.is_over:
            return
        self._test.rate(self.slot, min(max(0, score), HIGHEST))
        self._n_unkept = max(1, self._n_unkept)
        self.changed.notify()

    def change(self, by: int) -> None:
        """Rate the sound that is heard higher or lower than so far."""
        if self.slot is None:
            return
        so_far = self.rating(self.slot)
        self.rate(FIRST_STEP_FROM if so_far is None else so_far + by)

    def back(self) -> None:
        """Turn back to the sound before, whose ratings can be changed."""
        if self.page and not self.is_over:
            self._turn(-1)

    def confirm(self) -> None:
        """Go on to the next sound, or end the test after the last; while ratings are missing nothing happens."""
        if self.is_over or not self.is_rated:
            return
        if self.page + 1 < self.n_pages:
            self._turn(1)
            return
        if not self._test.is_over:  # a page before lacks ratings, as only files can have it
            self._turn(-1)
            return
        self.is_over = True
        self._n_unkept = 0
        self.player.leave()
        versions = [sound.label for name, sound in zip(self.names, self.sounds, strict=True) if is_version(name)]
        over = f" over {self.n_pages} sounds" if self.n_pages > 1 else ""
        self._save_results(f"{self.kind.title}: {', '.join(versions)}{over}")
        self.changed.notify()

    def tick(self) -> None:
        super().tick()
        # Not at every step of a key that is held down.
        if self._n_unkept:
            self._n_unkept += 1
            if self._n_unkept > KEPT_AFTER_TICKS:
                self._keep_now()

    def close(self) -> None:
        self._keep_now()
        super().close()

    @property
    def verdict(self) -> str:
        """What it came to, in sentences for everybody; raises HiddenError before the end."""
        return rated_verdict(self._test, self._labels)

    @property
    def revealed(self) -> str:
        """What the hidden original and the anchors were given, and what that means; raises HiddenError before."""
        return rated_revealed(self._test, self._labels)

    @property
    def extent(self) -> str:
        """How much it was, in words."""
        if self.n_pages > 1:
            return f"{self.n_slots} versions of {self.n_pages} sounds"
        return f"{self.n_slots} sounds"

    def _listen(self, slot: int | None) -> None:
        if self.is_over:
            return
        self.slot = slot
        self._hear(REFERENCE if slot is None else self._test.sound_of(slot))
        self.changed.notify()

    def _keep_now(self) -> None:
        if self._n_unkept:
            self._n_unkept = 0
            self._keep()

    def _turn(self, by: int) -> None:
        """Another page, which begins with its original, as the first one does."""
        to = self._test.item_of(self.page + by)
        try:
            self._take_item(to)
        except OSError as error:
            self._tell_not_kept(error)
            return
        self._test.turn(by)
        self.slot = None
        self._n_unkept = 0
        self._keep()
        self.changed.notify()

    @property
    def _labels(self) -> dict[str, str]:
        return {name: sound.label for name, sound in zip(self.names, self.sounds, strict=True)}
