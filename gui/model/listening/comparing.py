"""Comparing by ear: up to nine slots of one region of the open file, of which one is heard."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from lamina.gui.model.files.document import Document, clock
from lamina.gui.model.listening.arranging import Arranged, Pictures
from lamina.gui.model.listening.recipe import Kind, Made, MakingCancelled, Recipe
from lamina.gui.model.listening.region import Region, looped_region, make_region
from lamina.gui.model.listening.slot_player import SlotPlayer
from lamina.gui.model.listening.slot_sounds import SlotSounds
from lamina.gui.model.listening.slots import Slot, SlotState
from lamina.gui.model.session import Notice, Session
from lamina.gui.model.values.observable import Observable
from lamina.gui.model.work import Work
from lamina.plugin.host.transport.comparison import MOST_SOUNDS, ComparedFiles
from lamina.plugin.listening.sounds import Condition


class Comparing:
    """The slots over a `Session`; the first one is always the original.

    `changed` tells that something did: "slots", "heard", "playing", "sounds" (others can be heard now), "pictures".
    `tick` takes in what was done meanwhile; call it as often as the session's.

    Nothing of the engine is asked for before something is played, and a slot that fails leaves the others alone.
    """

    def __init__(self, session: Session) -> None:
        self.changed: Observable[[str]] = Observable()
        self.slots: list[Slot] = []
        self.region: Region | None = None
        self.heard = 0
        self.is_difference = False
        self.is_matched = True
        self._session = session
        self._making = Work("slots")
        self._sounds = SlotSounds(
            lambda: self._slot(self.heard),
            self._take_arranged,
            lambda: self.changed.notify("pictures"),
            self._not_arranged,
        )
        self._player = SlotPlayer(
            session,
            lambda: (self._sounds.place(self._slot(self.heard)), self.is_difference),
            lambda: self.changed.notify("playing"),
            self._sounds.remove_stale,
            self._not_played,
        )
        self._document: Document | None = None
        self._is_wanted = False
        session.changed.subscribe(self._session_changed)

    # What is compared.

    def add_present(self) -> bool:
        """Take the loop region, and the settings that are heard as a slot; says whether that could be."""
        boards = self._session.boards
        if boards.state.codec is None or self._session.document is None:
            self._refuse("There is nothing to compare yet: open a sound file first.")
            return False
        return self.take_region() and self.add(Recipe.of_board(boards, boards.chosen))

    def add(self, recipe: Recipe) -> bool:
        """Add a slot and have it made; refuses, in a sentence, a tenth one and one that is there already."""
        if self.region is None and not self.take_region():
            return False
        if not self.slots:
            self._append(Recipe.original())
        for number, slot in enumerate(self.slots, start=1):
            if slot.recipe.key == recipe.key:
                self._refuse(f"That is slot {number} already.", is_error=False)
                self.hear(number - 1)
                return True
        if len(self.slots) == MOST_SOUNDS:
            self._refuse(f"There are {MOST_SOUNDS} slots, and all are in use. Remove one first.")
            return False
        self._append(recipe)
        self.heard = len(self.slots) - 1
        self.changed.notify("slots")
        self.want()
        self.changed.notify("heard")
        return True

    def remove(self, index: int) -> None:
        """Take a slot away; the original stays while there are others."""
        if not 0 <= index < len(self.slots) or (index == 0 and len(self.slots) > 1):
            return
        self.slots.pop(index).cancel.set()
        if len(self.slots) == 1:
            self.slots.clear()
        if index < self.heard:
            self.heard -= 1  # the same one, under its new number
        self.heard = max(0, min(self.heard, len(self.slots) - 1))
        self._arrange()
        self.changed.notify("slots")

    def cancel(self, index: int) -> None:
        """Don't make a slot any further; it stays where it is."""
        slot = self.slots[index]
        if slot.is_busy:
            slot.cancel.set()
            slot.state = SlotState.CANCELLED
            self.changed.notify("slots")

    def take_region(self) -> bool:
        """Compare what is looped now; where nothing is, the whole file or some seconds from the present place on.

        Says, in a sentence, if that can't be, and changes nothing then.
        """
        document = self._session.document
        try:
            region = looped_region(self._session)
        except ValueError as error:
            self._refuse(str(error))
            return False
        if region != self.region or document is not self._document:
            self.region, self._document = region, document
            self._begin_again()
        return True

    @property
    def fits_loop(self) -> bool:
        """Whether the region is the one that would be taken now; always so where no loop is marked."""
        document = self._session.document
        if document is None or self.region is None or self._session.loop_seconds is None:
            return True
        try:
            return document is self._document and looped_region(self._session) == self.region
        except ValueError:
            return False

    def want(self) -> None:
        """Somebody wants to hear the slots: make those that aren't made yet."""
        if not self.slots or (self.region is None and not self.take_region()):
            return
        self._is_wanted = True
        for slot in self.slots:
            if slot.state is SlotState.EMPTY:
                self._make(slot)

    @property
    def region_text(self) -> str:
        """Where in which file it is, in words."""
        if self.region is None or self._document is None:
            return "Nothing yet"
        rate = self._document.clip.sample_rate
        start, stop = self.region.start / rate, self.region.stop / rate
        return f"{self._document.title}   {clock(start)} – {clock(stop)}   ({stop - start:.1f} s)"

    @property
    def seconds(self) -> float:
        """How long the region lasts."""
        if self.region is None or self._document is None:
            return 0.0
        return self.region.n_samples / self._document.clip.sample_rate

    @property
    def arranged(self) -> Arranged | None:
        """What can be heard: the original and at least one more, or nothing."""
        return self._sounds.arranged

    def pictures(self, index: int) -> Pictures | None:
        """A slot's, as it is heard; None as long as they aren't drawn."""
        return self._sounds.pictures(self._slot(index))

    def condition(self, index: int) -> Condition | None:
        """A slot's sound as it is heard, with its gain; None as long as there is none."""
        return self._sounds.condition(self._slot(index))

    # Hearing it.

    def hear(self, index: int) -> None:
        """Go over to a slot; one that failed or was cancelled is made again."""
        if not 0 <= index < len(self.slots):
            return
        self.heard = index
        if self.slots[index].state in (SlotState.FAILED, SlotState.CANCELLED):
            self._make(self.slots[index])
        self.want()
        self._player.pass_heard()
        self.changed.notify("heard")

    def set_difference(self, is_difference: bool) -> None:
        """Hear and see the original without the slot, or the slot."""
        self.is_difference = is_difference
        self._player.pass_heard()
        self.changed.notify("heard")

    def set_matched(self, is_matched: bool) -> None:
        """Make all slots as loud as the original, or leave them as they are."""
        if is_matched != self.is_matched:
            self.is_matched = is_matched
            self._arrange()
            self.changed.notify("slots")

    @property
    def can_play(self) -> bool:
        """Whether at least the original and one more can be heard."""
        return self._player.can_play

    @property
    def is_playing(self) -> bool:
        """Whether the region is played."""
        return self._player.is_playing

    @property
    def position_seconds(self) -> float:
        """Where in the region it is."""
        return self._player.position_seconds

    def play(self) -> None:
        """Play the region again and again; the file's own transport rests meanwhile."""
        self._player.play()

    def pause(self) -> None:
        """Stay where it is."""
        self._player.pause()

    def toggle(self) -> None:
        """Play, or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def seek(self, seconds: float) -> None:
        """Go on at a time of the region, clamped into it."""
        self._player.seek(min(max(0.0, seconds), self.seconds))

    def leave(self) -> None:
        """Nothing is compared for now: file and input are heard again. The slots stay."""
        self._player.leave()

    def tick(self) -> None:
        """Take in what was made, and what the engine answered."""
        self._making.deliver()
        self._sounds.deliver()
        self._player.tick()

    def close(self) -> None:
        """End what is being made. After the engine's end: it plays from this folder."""
        for slot in self.slots:
            slot.cancel.set()
        self._making.close()
        self._sounds.close()

    # Kept with the session.

    def document(self) -> dict[str, Any]:
        """What the slots are, as JSON has it, without their sound."""
        return {
            "slots": [slot.recipe.document() for slot in self.slots],
            "heard": self.heard,
            "is_matched": self.is_matched,
        }

    def restore(self, document: Any) -> None:
        """The slots as they were described; they are made when somebody wants to hear them.

        Raises LookupError, TypeError or ValueError for what is none, and changes nothing then.
        """
        recipes = [Recipe.read(described) for described in document["slots"]][:MOST_SOUNDS]
        if recipes and (recipes[0].kind is not Kind.ORIGINAL or len(recipes) < 2):
            raise ValueError("The first slot is not the original.")
        heard, is_matched = int(document["heard"]), bool(document["is_matched"])
        for slot in self.slots:
            slot.cancel.set()
        self.slots = [Slot(recipe) for recipe in recipes]
        self.heard, self.is_matched = (heard if 0 <= heard < len(recipes) else 0), is_matched
        self.region = None
        self._sounds.drop()
        self.changed.notify("slots")

    # How it works.

    def _slot(self, index: int) -> Slot | None:
        return self.slots[index] if 0 <= index < len(self.slots) else None

    def _append(self, recipe: Recipe) -> None:
        self.slots.append(Slot(recipe))

    def _begin_again(self) -> None:
        """Another region: everything is to be made anew."""
        self._sounds.drop()
        self._player.rewind()
        for index, slot in enumerate(self.slots):
            slot.cancel.set()
            self.slots[index] = Slot(slot.recipe)
        self.changed.notify("slots")
        if self._is_wanted:
            self.want()

    def _make(self, slot: Slot) -> None:
        assert self.region is not None and self._document is not None
        slot.state, slot.progress, slot.trouble, slot.cancel = SlotState.WAITING, 0.0, "", threading.Event()
        slot.made = None
        job = partial(_make, slot, slot.cancel, self._document, self.region)
        cancel = slot.cancel
        self._making.run(
            job,
            lambda made: self._made(slot, cancel, made),
            lambda error: self._failed(slot, cancel, error),
        )
        self.changed.notify("slots")

    def _made(self, slot: Slot, cancel: threading.Event, made: Made) -> None:
        if slot.cancel is cancel and not cancel.is_set() and slot in self.slots:
            slot.made, slot.state, slot.progress = made, SlotState.READY, 1.0
            self._arrange()
            self.changed.notify("slots")

    def _failed(self, slot: Slot, cancel: threading.Event, error: Exception) -> None:
        if slot.cancel is not cancel or cancel.is_set():
            return
        slot.state, slot.trouble = SlotState.FAILED, str(error) or type(error).__name__
        self.changed.notify("slots")

    def _arrange(self) -> None:
        """Everything that is there made comparable; what is heard meanwhile stays."""
        slots = [slot for slot in self.slots if slot.made is not None]
        if len(slots) < 2 or slots[0] is not self.slots[0] or self._document is None:
            self._sounds.drop()
        else:
            self._sounds.arrange(slots, self._document.clip.sample_rate, self.is_matched)

    def _not_arranged(self, sentence: str) -> None:
        self._refuse(sentence)
        self.changed.notify("slots")

    def _not_played(self, sentence: str) -> None:
        self._sounds.give_up(sentence)
        self.changed.notify("slots")

    def _take_arranged(self, arranged: Arranged | None) -> None:
        self._player.take(ComparedFiles(arranged.files, arranged.sample_rate) if arranged is not None else None)
        self.changed.notify("sounds")

    def _session_changed(self, what: str) -> None:
        if what == "document":
            # The same slots over another file: made anew when they are wanted.
            self._is_wanted = False
            self.region, self._document = None, None
            self._begin_again()
        elif what == "loop":
            self.changed.notify("slots")

    def _refuse(self, sentence: str, is_error: bool = True) -> None:
        self._session.noticed.notify(Notice(sentence, is_error))


def _make(slot: Slot, cancel: threading.Event, document: Document, region: Region) -> Made:
    """A slot's sound of the region, on the thread that makes them."""
    if cancel.is_set():
        raise MakingCancelled
    if slot.cancel is cancel:
        slot.state = SlotState.MAKING

    def progressed(share: float) -> None:
        slot.progress = share

    return make_region(slot.recipe, document, region, progressed, cancel.is_set)
