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
