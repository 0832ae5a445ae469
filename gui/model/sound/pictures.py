"""Which of the rolling pictures are shown: what goes in, what comes out, what differs."""

from __future__ import annotations

from collections.abc import Iterable

from lamina.gui.model.values.observable import Observable

INPUT, OUTPUT, DIFFERENCE = "in", "out", "difference"
PICTURES = (INPUT, OUTPUT, DIFFERENCE)
USUALLY = (INPUT, OUTPUT)


class Pictures:
    """At least one is always shown. `changed` tells those that are, from top to bottom."""

    def __init__(self) -> None:
        self.shown: tuple[str, ...] = USUALLY
        self.changed: Observable[[tuple[str, ...]]] = Observable()

    def toggle(self, name: str) -> None:
        """Shows a picture, or no longer, where another one is left."""
        self.show(set(self.shown) ^ {name})

    def show(self, names: Iterable[str]) -> None:
        """Shows these and no others; names that aren't known, and none at all, change nothing."""
        wanted = set(names)
        shown = tuple(name for name in PICTURES if name in wanted)
        if shown:
            self.shown = shown
        # Told in any case: a button that was pressed in vain is lit again.
        self.changed.notify(self.shown)
