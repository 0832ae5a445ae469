"""Marks in the rolling views: where one went elsewhere, or changed what is heard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MOST_MARKS = 40
TOGETHER_COLUMNS = 15
"""Marks of one kind that are closer than that, a fifth of a second, are one: a knob that is being turned."""


@dataclass(frozen=True)
class Mark:
    """A kind ("layers", "seek" …), what stands at it, and at which column of the picture."""

    kind: str
    text: str
    column: int


class Marks:
    """The latest marks, the oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Mark] = deque(maxlen=MOST_MARKS)

    def add(self, kind: str, text: str, column: int) -> None:
        """Marks a column; a mark of the same kind just before it moves here."""
        if self._kept and self._kept[-1].kind == kind and column - self._kept[-1].column < TOGETHER_COLUMNS:
            self._kept.pop()
        self._kept.append(Mark(kind, text, column))

    def within(self, n_columns: int, width: int) -> list[tuple[int, str]]:
        """Those in a picture of `width` columns of which `n_columns` came: how many columns ago, and their words.

        What was marked at one column is one mark.
        """
        found: dict[int, list[str]] = {}
        for mark in self._kept:
            age = n_columns - mark.column
            if 0 <= age < width:
                found.setdefault(age, []).append(mark.text)
        return [(age, " · ".join(texts)) for age, texts in found.items()]

    def clear(self) -> None:
        """None are left."""
        self._kept.clear()
