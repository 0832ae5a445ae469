"""What an edit is: what was done, in words, and which things were what before and after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Edit:
    """What was done, where the change itself doesn't say it.

    name: in a few words, as a step is called: "Reset desk".
    told: a sentence for the user about what is gone now, if it was much at one click.
    heard: the board that was heard before, if another one is now.
    """

    name: str = ""
    told: str = ""
    heard: str = ""


class Place(NamedTuple):
    """Where something stands that can be changed.

    board: "A" or "B"; "" for what belongs to neither.
    kind: "value" of a parameter, "model", "preset", "edited", "document", "loop", "looping".
    name: the parameter's, or nothing.
    """

    board: str
    kind: str
    name: str = ""


Change = tuple[object, object]
"""What stood somewhere before and after."""


@dataclass(frozen=True)
class Step:
    """One edit as it is undone.

    name: what was done, in a few words.
    told: a sentence for the user, or nothing.
    changes: what became what.
    heard: the boards that were heard before and after it.
    ways: back and forth again, for what is done outside the session's state, as to files.
    """

    name: str
    told: str
    changes: Mapping[Place, Change]
    heard: tuple[str, str]
    ways: tuple[Callable[[], object], Callable[[], object]] | None = None

    def values(self, is_after: bool) -> dict[Place, object]:
        """What stood there after it, or before it."""
        return {place: change[is_after] for place, change in self.changes.items()}

    def moves(self) -> set[Place]:
        """The places that it is about: a preset that isn't what it was any more comes along with a value."""
        return {place for place in self.changes if place.kind != "edited"}

    def of(self, kind: str) -> dict[Place, Change]:
        """Its changes of one kind."""
        return {place: change for place, change in self.changes.items() if place.kind == kind}


def weight(value: object) -> int:
    """How much memory a value takes, roughly, in numbers that it holds."""
    if isinstance(value, tuple):
        return 1 + sum(weight(item) for item in value)
    times = getattr(value, "times", None)
    return 1 if times is None else 1 + 2 * len(times)
