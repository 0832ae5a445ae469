"""The slots of a comparison: what each is made of, and how far that is."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum

from lamina.gui.model.listening.recipe import Made, Recipe
from lamina.gui.model.values.words import kbps_text


class SlotState(Enum):
    """How far a slot is."""

    EMPTY = "empty"  # nobody has asked for its sound yet
    WAITING = "waiting"
    MAKING = "making"
    READY = "ready"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(eq=False)
class Slot:
    """One of the sounds that are compared. `progress` (0–1) may be read at any time; `trouble` says why it failed."""

    recipe: Recipe
    state: SlotState = SlotState.EMPTY
    progress: float = 0.0
    trouble: str = ""
    made: Made | None = None
    gain_db: float = 0.0
    is_silent: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def is_busy(self) -> bool:
        """Whether its sound is still to come."""
        return self.state in (SlotState.WAITING, SlotState.MAKING)

    def fail(self, sentence: str) -> None:
        """It was made, and yet can't be heard, for a reason that the sentence tells."""
        if self.state is SlotState.READY:
            self.state, self.trouble = SlotState.FAILED, sentence

    def recover(self) -> None:
        """It can be heard after all."""
        if self.state is SlotState.FAILED and self.made is not None:
            self.state, self.trouble = SlotState.READY, ""

    def rate_text(self) -> str:
        """The bits that were counted, or nothing before they were."""
        if self.made is None or self.made.kbps is None:
            return ""
        return kbps_text(round(self.made.kbps, 2))

    def gain_text(self) -> str:
        """The gain that makes it as loud as the others."""
        sign = "+" if self.gain_db >= 0.05 else "\N{MINUS SIGN}" if self.gain_db <= -0.05 else ""
        return f"{sign}{abs(self.gain_db):.1f} dB"

    def state_text(self) -> str:
        """What is to be said of it beside its name: why it can't be heard, or nothing."""
        if self.state is SlotState.FAILED:
            return self.trouble
        if self.state is SlotState.CANCELLED:
            return "Cancelled. Press its number to make it after all."
        if self.state is SlotState.WAITING:
            return "Waiting for its turn…"
        if self.state is SlotState.MAKING:
            return f"Being made…  {100 * self.progress:.0f} %"
        return "Silent." if self.is_silent else ""
