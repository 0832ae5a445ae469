"""The order in which Tab goes through widgets that were made at different times."""

from collections.abc import Iterator

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLayout, QWidget


def tab_through(first: QWidget, *contents: QWidget) -> None:
    """Tab goes from `first` through the contents, as they are laid out."""
    before = first
    for content in contents:
        for widget in stops(content):
            QWidget.setTabOrder(before, widget)
            before = widget


def stops(content: QWidget) -> Iterator[QWidget]:
    """The widgets inside (or the content itself) that Tab stops at, in the order of their layouts."""
    layout = content.layout()
    if layout is not None:
        yield from _in_layout(layout)
    if content.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield content


def _in_layout(layout: QLayout) -> Iterator[QWidget]:
    for index in range(layout.count()):
        item = layout.itemAt(index)
        inner, widget = (item.layout(), item.widget()) if item is not None else (None, None)
        if inner is not None:
            yield from _in_layout(inner)
        if widget is not None:
            yield from stops(widget)
