"""Comparing by ear: up to nine slots of one region of the open file, of which one is heard."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np

from lamina.dsp.loudness import FLOOR_LUFS
from lamina.gui.model.files.document import Document, clock
from lamina.gui.model.listening.arranging import Arranged, Pictures, arrange
from lamina.gui.model.listening.recipe import FloatArray, Kind, Made, MakingCancelled, Progress, Recipe
from lamina.gui.model.listening.slots import Slot, SlotState
from lamina.gui.model.session import Notice, Session
from lamina.gui.model.values.answers import Answers
from lamina.gui.model.values.observable import Observable
from lamina.gui.model.work import Work
from lamina.models.leftovers import temporary_folder
from lamina.plugin.host.transport.comparison import MOST_SOUNDS, ComparedFiles
from lamina.plugin.listening.sounds import Condition

LEAST_SECONDS, MOST_SECONDS = 0.5, 60.0
USUAL_SECONDS = 20.0
"""Of a region where no loop is marked."""
SETTLING_SECONDS = 1.0
"""Of sound before the region that whatever is compared hears too, so that none begins from silence in the middle."""


@dataclass(frozen=True)
class Region:
    """A part of a document, in samples."""

    start: int
    stop: int

    @property
    def n_samples(self) -> int:
        """How long it is."""
        return self.stop - self.start


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
        self.is_playing = False
        self.arranged: Arranged | None = None
        self._arranged_slots: tuple[Slot, ...] = ()
        self._pictures: dict[tuple[int, float, float], Pictures] = {}
        self._session = session
        self._answers = Answers(lambda sentence: self._refuse(sentence))
        self._making, self._arranging = Work("slots"), Work("slots-arranged")
        self._temporary = ExitStack()
        self._folder: Path | None = None
        self._n_arranged = 0
        self._is_handed_over = False
        self._stale: list[Path] = []
        self._position = 0.0
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
        if document is None:
            self._refuse("There is nothing to compare yet: open a sound file first.")
            return False
        start, stop = self._looped(document)
        if stop - start > MOST_SECONDS + 1e-6:
            self._refuse(f"The loop lasts {stop - start:.0f} s; up to {MOST_SECONDS:.0f} s can be compared. Mark less.")
            return False
        if stop - start < LEAST_SECONDS:
            self._refuse(f"The loop lasts {stop - start:.2f} s; at least {LEAST_SECONDS:g} s are needed. Mark more.")
            return False
        rate = document.clip.sample_rate
        region = Region(round(start * rate), min(round(stop * rate), document.n_samples))
        if region != self.region or document is not self._document:
            self.region, self._document = region, document
            self._position = 0.0
            self._begin_again()
        return True

    @property
    def fits_loop(self) -> bool:
        """Whether the region is the one that would be taken now; always so where no loop is marked."""
        document = self._session.document
        if document is None or self.region is None or self._session.loop_seconds is None:
            return True
        start, stop = self._looped(document)
        rate = document.clip.sample_rate
        return document is self._document and Region(round(start * rate), round(stop * rate)) == self.region

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

    def pictures(self, index: int) -> Pictures | None:
        """A slot's, as it is heard; None as long as they aren't drawn."""
        place = self._place(index)
        if self.arranged is None or place is None:
            return None
        return self._pictures.get(self._picture_key(self.arranged, place))

    def condition(self, index: int) -> Condition | None:
        """A slot's sound as it is heard, with its gain; None as long as there is none."""
        place = self._place(index)
        return self.arranged.conditions[place] if self.arranged is not None and place is not None else None

    # Hearing it.

    def hear(self, index: int) -> None:
        """Go over to a slot; one that failed or was cancelled is made again."""
        if not 0 <= index < len(self.slots):
            return
        self.heard = index
        if self.slots[index].state in (SlotState.FAILED, SlotState.CANCELLED):
            self._make(self.slots[index])
        self.want()
        self._pass_heard()
        self.changed.notify("heard")

    def set_difference(self, is_difference: bool) -> None:
        """Hear and see the original without the slot, or the slot."""
        self.is_difference = is_difference
        self._pass_heard()
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
        return self.arranged is not None and not self._session.is_gone

    def play(self) -> None:
        """Play the region again and again; the file's own transport rests meanwhile."""
        if not self.can_play:
            return
        self._session.player.pause()
        self.is_playing = True
        if not self._is_handed_over:
            self._hand_over()
        else:
            self._answers.expect(self._session.engine.play_compared(True))
        self.changed.notify("playing")

    def pause(self) -> None:
        """Stay where it is."""
        if self.is_playing:
            self._position = self.position_seconds
            self.is_playing = False
            if self._is_handed_over:
                self._answers.expect(self._session.engine.play_compared(False))
            self.changed.notify("playing")

    def toggle(self) -> None:
        """Play, or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def seek(self, seconds: float) -> None:
        """Go on at a time of the region, clamped into it."""
        self._position = min(max(0.0, seconds), self.seconds)
        if self._is_handed_over:
            self._answers.expect(self._session.engine.seek_compared(self._position))

    def leave(self) -> None:
        """Nothing is compared for now: file and input are heard again. The slots stay."""
        self._position = self.position_seconds
        if self._is_handed_over:
            self._is_handed_over = False
            self._answers.expect(self._session.engine.compare(None), lambda _result: self._remove_stale())
        if self.is_playing:
            self.is_playing = False
            self.changed.notify("playing")

    @property
    def position_seconds(self) -> float:
        """Where in the region it is."""
        state = self._session.engine.telemetry.state()
        if self._is_handed_over and self.is_playing and int(state["is_comparing"]):
            return float(state["compared_seconds"])
        return self._position

    def tick(self) -> None:
        """Take in what was made, and what the engine answered."""
        self._answers.deliver()
        self._making.deliver()
        self._arranging.deliver()
        if self._is_handed_over and self._session.is_playing:
            self.leave()  # whoever plays the file wants to hear the file

    def close(self) -> None:
        """End what is being made. After the engine's end: it plays from this folder."""
        for slot in self.slots:
            slot.cancel.set()
        self._making.close()
        self._arranging.close()
        self._temporary.close()
        self._folder = None

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
        self.region, self.arranged = None, None
        self.changed.notify("slots")

    # How it works.

    def _looped(self, document: Document) -> tuple[float, float]:
        loop = self._session.loop_seconds
        if loop is not None:
            return loop
        if document.seconds <= 1.5 * USUAL_SECONDS:
            return 0.0, document.seconds
        start = min(self._session.player.position_seconds, document.seconds - USUAL_SECONDS)
        return start, start + USUAL_SECONDS

    def _append(self, recipe: Recipe) -> None:
        self.slots.append(Slot(recipe))

    def _begin_again(self) -> None:
        """Another region: everything is to be made anew."""
        self._drop_sounds()
        for index, slot in enumerate(self.slots):
            slot.cancel.set()
            self.slots[index] = Slot(slot.recipe)
        self.changed.notify("slots")
        if self._is_wanted:
            self.want()

    def _drop_sounds(self) -> None:
        self._n_arranged += 1  # what is being arranged now comes too late
        self._stale += self.arranged.files if self.arranged is not None else ()
        self.leave()
        self.arranged = None
        self.changed.notify("sounds")

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
        slots = tuple(slot for slot in self.slots if slot.made is not None)
        if len(slots) < 2 or slots[0] is not self.slots[0] or self._document is None:
            self._drop_sounds()
            return
        self._n_arranged += 1
        number, rate = self._n_arranged, self._document.clip.sample_rate
        folder, is_matched = self._sounds_folder(), self.is_matched

        def job() -> Arranged | None:
            if number != self._n_arranged or self._arranging.is_closed:
                return None  # another one is asked for already
            conditions = []
            for slot in slots:
                assert slot.made is not None
                how = slot.recipe.how(slot.made)
                conditions.append(Condition(slot.recipe.title, how, slot.made.samples, rate))
            return arrange(conditions, is_matched, folder, f"slots-{number}")

        self._arranging.run(
            job,
            lambda arranged: self._take_arranged(number, slots, arranged),
            lambda error: self._refuse(f"The slots can't be heard: {error}"),
        )

    def _take_arranged(self, number: int, slots: tuple[Slot, ...], arranged: Arranged | None) -> None:
        if arranged is None:
            return
        if number != self._n_arranged:  # it was overtaken
            self._stale += arranged.files
            return
        before, self.arranged, self._arranged_slots = self.arranged, arranged, slots
        for slot, condition in zip(slots, arranged.conditions, strict=True):
            slot.gain_db = condition.gain_db
            slot.is_silent = condition.lufs <= FLOOR_LUFS
        if self._is_handed_over:
            self._position = self.position_seconds
            self._hand_over()
        self._stale += before.files if before is not None else ()
        if not self._is_handed_over:
            self._remove_stale()
        self._draw(arranged)
        self.changed.notify("sounds")

    def _draw(self, arranged: Arranged) -> None:
        """The pictures that aren't there yet, that of the slot which is heard first."""
        keys = {self._picture_key(arranged, place): place for place in range(len(self._arranged_slots))}
        self._pictures = {key: pictures for key, pictures in self._pictures.items() if key in keys}
        heard = self._place(self.heard)
        for key, place in sorted(keys.items(), key=lambda item: item[1] not in (0, heard)):
            if key not in self._pictures:

                def draw(place: int = place) -> Pictures | None:
                    return Pictures.of(arranged, place) if self.arranged is arranged else None

                self._arranging.run(draw, partial(self._take_pictures, key), lambda error: self._refuse(str(error)))

    def _take_pictures(self, key: tuple[int, float, float], pictures: Pictures | None) -> None:
        if pictures is not None:
            self._pictures[key] = pictures
            self.changed.notify("pictures")

    def _picture_key(self, arranged: Arranged, place: int) -> tuple[int, float, float]:
        return id(self._arranged_slots[place].made), arranged.conditions[place].gain_db, arranged.conditions[0].gain_db

    def _remove_stale(self) -> None:
        for file in self._stale:
            file.unlink(missing_ok=True)
        self._stale.clear()

    def _sounds_folder(self) -> Path:
        if self._folder is None:
            self._folder = self._temporary.enter_context(temporary_folder(Path(gettempdir()), "slots"))
        return self._folder

    def _hand_over(self) -> None:
        assert self.arranged is not None
        engine, arranged = self._session.engine, self.arranged
        self._is_handed_over = True
        self._answers.expect(
            engine.compare(ComparedFiles(arranged.files, arranged.sample_rate)),
            lambda _result: self._remove_stale(),
            self._not_handed_over,
        )
        self._pass_heard()
        self._answers.expect(engine.seek_compared(self._position))
        if self.is_playing:
            self._answers.expect(engine.play_compared(True))

    def _not_handed_over(self, sentence: str) -> None:
        if sentence:
            self._is_handed_over = self.is_playing = False
            self._refuse(sentence)
            self.changed.notify("playing")

    def _place(self, index: int) -> int | None:
        """Where a slot stands among those that can be heard; None if it isn't there."""
        if self.arranged is None or not 0 <= index < len(self.slots) or self.slots[index] not in self._arranged_slots:
            return None
        return self._arranged_slots.index(self.slots[index])

    def _pass_heard(self) -> None:
        place = self._place(self.heard)
        if self._is_handed_over and place is not None:
            self._answers.expect(self._session.engine.hear_compared(place, self.is_difference))

    def _session_changed(self, what: str) -> None:
        if what == "document":
            # The same slots over another file: made anew when they are wanted.
            self._is_wanted = False
            self.region, self._document, self._position = None, None, 0.0
            self._begin_again()
        elif what == "engine":
            self._is_handed_over = self.is_playing = False
            self.changed.notify("playing")
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


def make_region(
    recipe: Recipe, document: Document, region: Region, progress: Progress, cancelled: Callable[[], bool]
) -> Made:
    """What a recipe makes of a region, with what came before it heard too; raises what `Recipe.make` raises."""
    rate, samples = document.clip.sample_rate, document.clip.samples
    before = min(region.start, round(SETTLING_SECONDS * rate))
    sound: FloatArray = np.ascontiguousarray(samples[:, region.start - before : region.stop], np.float32)
    made = recipe.make(sound, rate, progress, cancelled)
    return Made(np.ascontiguousarray(made.samples[:, before:]), made.kbps, made.digest)
