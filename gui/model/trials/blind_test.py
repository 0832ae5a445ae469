"""A blind test that is answered trial by trial: what is heard, what is answered, and what is kept of each answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamina.gui.model.session import Session
from lamina.gui.model.trials.making import Item
from lamina.gui.model.trials.taken import TakenTest
from lamina.gui.model.trials.test_kinds import STAIRCASE, TestKind, TrialTest, played, revealed, verdict


class BlindTest(TakenTest):
    """One listener's ABX, preference or layers test. Args: as `TakenTest`."""

    def __init__(
        self,
        session: Session,
        kind: TestKind,
        test: TrialTest,
        names: Sequence[str],
        items: Sequence[Item],
        listener: str,
        source: dict[str, Any],
        folder: Path | None = None,
    ) -> None:
        self.button = ""
        self.answer = ""
        self.was_right: bool | None = None
        self._test = test
        super().__init__(session, kind, test, names, items, listener, source, folder)

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
    def verdict(self) -> str:
        """What it came to; raises ValueError before the end."""
        return verdict(self._test, self.sounds)

    @property
    def revealed(self) -> str:
        """What was what; raises ValueError before the end."""
        self._test.outcome()
        return revealed(self._test, self.sounds)

    @property
    def extent(self) -> str:
        """How much it was, in words."""
        return f"{self.n_trials} trials"

    def listen(self, button: str) -> None:
        """Hear what is behind a button."""
        if self.is_over:
            return
        self.button = button
        self._hear(played(self._test, button))
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
        right = self._test.answer(self.answer)  # type: ignore[func-returns-value]
        self.was_right = right if isinstance(right, bool) else None
        self.answer = ""
        if self._test.is_over:
            self.player.leave()
            self._save_results(self._title(), n_trials=self.n_trials)
        else:
            self._keep()
            # From the same place in every trial: to stay on X would let one hear whether X has changed.
            self.button = self.kind.sounds[0].word
            if self.player.is_playing:
                self._hear(played(self._test, self.button))
        self.changed.notify()

    def _title(self) -> str:
        if self.kind is STAIRCASE:
            return f"{self.kind.title}: Lamina against the original"
        return f"{self.kind.title}: {' against '.join(sound.label for sound in self.sounds)}"
