"""What all listening tests share: chance that nobody can foresee, and answers that nobody sees too early."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping, Sequence
from typing import Any


class StateError(ValueError):
    """A test can't go on: what it was told, or what it was to go on from, doesn't fit it."""


class HiddenError(ValueError):
    """Something was asked for that a listener may not know before the test is over."""


class Trials:
    """What tests share that are answered trial by trial, and whose trials are fixed beforehand.

    Args:
        n_trials: how many there are in all.
    """

    def __init__(self, n_trials: int) -> None:
        self._n_trials = n_trials
        self._answers: list[str] = []

    @property
    def n_trials(self) -> int:
        """How many there are in all."""
        return self._n_trials

    @property
    def trial(self) -> int:
        """The trial that is to be answered, from 0; `n_trials` when the test is over."""
        return len(self._answers)

    @property
    def is_over(self) -> bool:
        """Whether every trial is answered."""
        return self.trial == self.n_trials


def chance_or(chance: random.Random | None) -> random.Random:
    """The generator that was given, for tests that are to be repeated, or the operating system's."""
    return secrets.SystemRandom() if chance is None else chance


def field_of(state: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """A field of a state that came out of a file. Raises StateError if it is missing or of another kind."""
    value = state.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise StateError(f"This is no state of a listening test that can go on: {name!r} is missing or damaged.")
    return value


def choices_of(state: Mapping[str, Any], name: str, allowed: Sequence[str]) -> list[str]:
    """A field that lists some of a few words. Raises StateError as `field_of` does."""
    values = field_of(state, name, list)
    if any(value not in allowed for value in values):
        raise StateError(f"This is no state of a listening test that can go on: {name!r} holds something else.")
    return list(values)


def check_kind(state: Mapping[str, Any], kind: str) -> None:
    """Raise StateError if the state is another test's."""
    if state.get("kind") != kind:
        raise StateError(f"This is a state of the test {state.get('kind')!r}, not of {kind!r}.")
