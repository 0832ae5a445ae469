"""Text of others as a terminal may show it."""

from __future__ import annotations


def shown(text: object) -> str:
    """Text out of a file, a name or a message: control characters, which could move the terminal's cursor or worse, in
    escapes.
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in str(text))
