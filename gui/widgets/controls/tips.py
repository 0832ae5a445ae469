"""Tooltips, and the same in plain words for those who have them read out."""

import html

from PyQt6.QtGui import QTextDocumentFragment
from PyQt6.QtWidgets import QWidget


def plain_tip(text: str) -> str:
    """A tooltip of `text` letter by letter: Qt would read a file name with angle brackets as markup."""
    return f"<span>{html.escape(text)}</span>" if text else ""


def set_tip(widget: QWidget, tip: str) -> None:
    """Gives a widget a tooltip with markup, and what it says as its description.

    A screen reader reads the tooltip of a widget that has no description, tags and all. What describes itself in other
    words, as a knob does with its value, needs no more than `setToolTip`; neither does a tip without markup.
    """
    if tip == widget.toolTip():
        return
    widget.setToolTip(tip)
    widget.setAccessibleDescription(words_of(tip))


def words_of(tip: str) -> str:
    """What a tooltip with markup says, in one line."""
    return " ".join(QTextDocumentFragment.fromHtml(tip).toPlainText().split())
