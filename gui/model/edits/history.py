"""Undo and redo: every edit as a step, with what it changed, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.gui.model.edits.edit import Change, Edit, Place, Step, weight
from lamina.gui.model.edits.naming import named
from lamina.gui.model.values.observable import Observable

if TYPE_CHECKING:
    from lamina.gui.model.session import Session

MOST_STEPS = 300
MOST_WEIGHT = 4_000_000
"""Numbers in all steps together: drawn curves have many, and a preset may bring a hundred of them."""
RUN_SECONDS = 1.0
"""Turns of a wheel, or presses of an arrow key, on one control that follow each other within it are one step."""
DOCUMENT, LOOP, LOOPING = Place("", "document"), Place("", "loop"), Place("", "looping")

Reopen = Callable[[Path, str], object]


class History:
    """The steps of a session: settings of A and B with their presets and models, the loop, the file that is open.

    What is heard of them, A or B, and where in the file, are no edits, and neither is what moves by itself. A step that
    is undone hears the board that was heard when it was done.

    `press` and `release` say that the mouse holds something, which is one step however long it takes; `turn` that the
    wheel or an arrow key turns it.

    Args:
        session: whose steps these are.
        clock: seconds that only go forwards.

    `changed` tells that `undo_name` or `redo_name` may be others; `stepped` passes every new step. `reopen` opens a
    file by its path and title, and is set by whoever can.
    """

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        self.changed: Observable[[]] = Observable()
        self.stepped: Observable[[Step]] = Observable()
        self.reopen: Reopen | None = None
        self._session, self._clock = session, clock
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._is_putting = False
        self._is_held = self._is_turned = False
        self._open: tuple[Step, float, bool] | None = None  # the step that may still grow, since when, turned or held
        self._awaited: tuple[Step, bool] | None = None  # whose file is being opened, and whether it is done again
        self._now = self._look()
        session.boards.edited.subscribe(self._record)
        session.changed.subscribe(lambda what: self._record(Edit()) if what in ("document", "loop") else None)

    @property
    def undo_name(self) -> str:
        """What would be undone, or nothing."""
        return self._done[-1].name if self._done else ""

    @property
    def redo_name(self) -> str:
        """What would be done again, or nothing."""
        return self._undone[-1].name if self._undone else ""

    def undo(self) -> str:
        """Takes the last step back; returns its name, or nothing if there is none.

        Raises ValueError or OSError if a model that it needs is not there any more; then everything stays.
        """
        return self._go(self._done, self._undone, False)

    def redo(self) -> str:
        """Does the step again that was undone last; as `undo`."""
        return self._go(self._undone, self._done, True)

    def undo_through(self, step: Step) -> int:
        """Takes back `step` and all that came after it; returns how many steps that were."""
        n_steps = 0
        while any(each is step for each in self._done) and self.undo():
            n_steps += 1
        return n_steps

    def add(self, name: str, told: str, undo: Callable[[], object], redo: Callable[[], object]) -> None:
        """A step that was done outside the session's state, as to a file, with its ways back and forth again.

        They may raise ValueError or OSError.
        """
        heard = self._session.boards.chosen
        self._open = None
        self._keep(Step(name, told, {}, (heard, heard), (undo, redo)))

    def forget(self) -> None:
        """Begins with what is now, and no way back."""
        self._done.clear()
        self._undone.clear()
        self._open = self._awaited = None
        self._now = self._look()
        self.changed.notify()

    # Gestures.

    def press(self) -> None:
        """The mouse takes hold of something: what changes until `release` is one step."""
        self._open, self._is_held, self._is_turned = None, True, False

    def release(self) -> None:
        """The mouse lets go."""
        self._open, self._is_held = None, False

    def turn(self, is_turned: bool = True) -> None:
        """What changes next is turned by a wheel or an arrow key; or no longer."""
        self._is_turned = is_turned

    # How it works.

    def _record(self, edit: Edit | None) -> None:
        """Something has changed: by an edit, or by what can't be undone (None)."""
        if self._is_putting:
            return
        before, self._now = self._now, self._look()
        if edit is None or self._has_begun(before):
            return
        changes = {
            place: (before.get(place), value)
            for place, value in self._now.items()
            if before.get(place) is not value and before.get(place) != value
        }
        if not changes or self._has_arrived(changes):
            return
        self._awaited = None
        self._add(changes, edit)

    def _has_begun(self, before: Mapping[Place, object]) -> bool:
        """Whether there was nothing to come back to: neither a model nor a file."""
        return any(
            before.get(place) is None and value is not None
            for place, value in self._now.items()
            if place.kind in ("model", "document")
        )

    def _add(self, changes: dict[Place, Change], edit: Edit) -> None:
        heard = self._session.boards.chosen
        step = self._named(changes, edit, (edit.heard or heard, heard))
        grown = self._grown(step, edit)
        if grown is not None:
            self._done.pop()
            step = grown
        if step.changes:
            may_grow = self._is_held or self._is_turned
            self._open = (step, self._clock(), self._is_turned) if may_grow else None
            self._keep(step)
        else:
            self._open = None  # turned there and back
            self._undone.clear()
            self.changed.notify()

    def _keep(self, step: Step) -> None:
        self._undone.clear()
        self._done.append(step)
        while len(self._done) > MOST_STEPS or (len(self._done) > 1 and self._weight() > MOST_WEIGHT):
            self._done.pop(0)
        self.changed.notify()
        self.stepped.notify(step)

    def _grown(self, step: Step, edit: Edit) -> Step | None:
        """The last step with this one, which is `edit`, in it, if both are one gesture."""
        if self._open is None or not self._done or self._open[0] is not self._done[-1]:
            return None
        last, since, is_turned = self._open
        if not self._is_held and not (
            is_turned and self._is_turned and last.moves() == step.moves() and self._clock() - since <= RUN_SECONDS
        ):
            return None
        changes = {**last.changes}
        for place, (before, after) in step.changes.items():
            changes[place] = (changes[place][0] if place in changes else before, after)
        changes = {place: change for place, change in changes.items() if change[0] != change[1]}
        return self._named(changes, edit, last.heard) if changes else replace(last, changes={})

    def _named(self, changes: dict[Place, Change], edit: Edit, heard: tuple[str, str]) -> Step:
        found = edit if edit.name else named(changes, self._session.parameters.parameters)
        return Step(found.name, found.told, changes, heard)

    def _weight(self) -> int:
        return sum(weight(value) for step in self._done for change in step.changes.values() for value in change)

    def _go(self, source: list[Step], target: list[Step], is_forwards: bool) -> str:
        if not source:
            return ""
        step = source[-1]
        self._open = None
        if step.of("document"):
            self._reopen(step, is_forwards)
            return step.name
        if step.ways is not None:
            step.ways[is_forwards]()
        self._put(step, is_forwards)
        target.append(source.pop())
        self.changed.notify()
        return step.name

    def _put(self, step: Step, is_forwards: bool) -> None:
        """Makes what a step changed what it was before it, or after it."""
        values = step.values(is_forwards)
        self._is_putting = True
        try:
            if any(place.board for place in values):
                self._session.boards.put(
                    {place: value for place, value in values.items() if place.board}, step.heard[is_forwards]
                )
            if LOOP in values or LOOPING in values:
                region: Any = values.get(LOOP, self._session.loop_seconds)
                self._session.set_loop(region, bool(values.get(LOOPING, self._session.is_looping)))
        finally:
            self._is_putting = False
            self._now = self._look()

    def _reopen(self, step: Step, is_forwards: bool) -> None:
        """Opens the file of a step; the step is taken once it is there."""
        document: Any = step.values(is_forwards)[DOCUMENT]
        if self.reopen is not None:
            self._awaited = step, is_forwards
            self.reopen(Path(document[0]), document[1])

    def _has_arrived(self, changes: Mapping[Place, Change]) -> bool:
        """Whether the change is the file that an undo or redo has asked for."""
        if self._awaited is None or DOCUMENT not in changes:
            return False
        step, is_forwards = self._awaited
        source, target = (self._undone, self._done) if is_forwards else (self._done, self._undone)
        if step.values(is_forwards)[DOCUMENT] != changes[DOCUMENT][1] or not source or source[-1] is not step:
            return False
        self._awaited = None
        self._put(step, is_forwards)
        target.append(source.pop())
        self.changed.notify()
        return True

    def _look(self) -> dict[Place, object]:
        """Everything that can be changed, as it is now: references, no copies."""
        session, document = self._session, self._session.document
        return {
            **session.boards.look(),
            DOCUMENT: (str(document.opened), document.title) if document is not None else None,
            LOOP: session.loop_seconds,
            LOOPING: session.is_looping,
        }
