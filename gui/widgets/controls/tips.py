"""Tooltips that show a text as it is."""

import html


def plain_tip(text: str) -> str:
    """A tooltip of `text` letter by letter: Qt would read a file name with angle brackets as markup."""
    return f"<span>{html.escape(text)}</span>" if text else ""
