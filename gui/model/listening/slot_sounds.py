"""What of the slots can be heard and seen: their sounds arranged, and their pictures, made beside the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import gettempdir

from lamina.dsp.loudness import FLOOR_LUFS
from lamina.gui.model.listening.arranging import Arranged, Pictures, arrange
from lamina.gui.model.listening.slots import Slot
from lamina.gui.model.work import Work
from lamina.models.leftovers import temporary_folder
from lamina.plugin.listening.sounds import Condition

PictureKey = tuple[int, float, float]
"""Which sound it shows, with its gain and that of the original."""


class SlotSounds:
    """Arranges slots anew whenever it is asked to; what was arranged before stays until that is done.

    Args:
        heard: the slot that is heard, whose pictures are drawn first.
        arranged: called when others can be heard, or none any more (`Arranged` or None).
        drawn: called when there are more pictures.
        refused: called with a sentence if the sounds can't be written or drawn. Slots whose sounds can't be written
            have failed then; making one of them again tries once more.

    `deliver` calls back in the thread that calls it.
    """

    def __init__(
        self,
        heard: Callable[[], Slot | None],
        arranged: Callable[[Arranged | None], object],
        drawn: Callable[[], object],
        refused: Callable[[str], object],
    ) -> None:
        self.arranged: Arranged | None = None
        self._slots: tuple[Slot, ...] = ()
        self._pictures: dict[PictureKey, Pictures] = {}
        self._heard, self._tell_arranged, self._drawn, self._refused = heard, arranged, drawn, refused
        self._work = Work("slots-arranged")
        self._temporary = ExitStack()
        self._folder: Path | None = None
        self._n_arranged = 0
        self._stale: list[Path] = []

    def arrange(self, slots: Sequence[Slot], sample_rate: int, is_matched: bool) -> None:
        """Make slots comparable that are all made, the original first."""
        self._n_arranged += 1
        number, taken, folder = self._n_arranged, tuple(slots), self._sounds_folder()

        def job() -> Arranged | None:
            if number != self._n_arranged or self._work.is_closed:
                return None  # another one is asked for already
            conditions = []
            for slot in taken:
                assert slot.made is not None
                how = slot.recipe.how(slot.made)
                conditions.append(Condition(slot.recipe.title, how, slot.made.samples, sample_rate))
            return arrange(conditions, is_matched, folder, f"slots-{number}")

        self._work.run(
            job,
            lambda arranged: self._take(number, taken, arranged),
            lambda error: self._not_arranged(number, taken, f"The slots can't be heard: {error}"),
        )

    def give_up(self, sentence: str) -> None:
        """What is arranged can't be heard after all: its slots have failed, for the reason in the sentence."""
        slots = self._slots if self.arranged is not None else ()
        self.drop()
        for slot in slots:
            slot.fail(sentence)

    def drop(self) -> None:
        """There is nothing to be heard any more."""
        self._n_arranged += 1  # what is being arranged now comes too late
        self._stale += self.arranged.files if self.arranged is not None else ()
        self.arranged = None
        self._tell_arranged(None)

    def place(self, slot: Slot | None) -> int | None:
        """Where a slot stands among those that can be heard; None if it isn't there."""
        if self.arranged is None or slot not in self._slots:
            return None
        return self._slots.index(slot)

    def condition(self, slot: Slot | None) -> Condition | None:
        """A slot's sound as it is heard, with its gain; None as long as there is none."""
        place = self.place(slot)
        return self.arranged.conditions[place] if self.arranged is not None and place is not None else None

    def pictures(self, slot: Slot | None) -> Pictures | None:
        """A slot's, as it is heard; None as long as they aren't drawn."""
        place = self.place(slot)
        if self.arranged is None or place is None:
            return None
        return self._pictures.get(self._picture_key(self.arranged, place))

    def remove_stale(self) -> None:
        """Remove the files of what was arranged before, which nobody plays any more."""
        for file in self._stale:
            file.unlink(missing_ok=True)
        self._stale.clear()

    def deliver(self) -> None:
        """Take in what was done meanwhile."""
        self._work.deliver()

    def close(self) -> None:
        """Wait for what is being done, and remove the files."""
        self._work.close()
        self._temporary.close()
        self._folder = None

    def _not_arranged(self, number: int, slots: tuple[Slot, ...], sentence: str) -> None:
        if number == self._n_arranged:
            self.drop()
            for slot in slots:
                slot.fail(sentence)
        self._refused(sentence)

    def _take(self, number: int, slots: tuple[Slot, ...], arranged: Arranged | None) -> None:
        if arranged is None:
            return
        if number != self._n_arranged:  # it was overtaken
            self._stale += arranged.files
            return
        self._stale += self.arranged.files if self.arranged is not None else ()
        self.arranged, self._slots = arranged, slots
        for slot, condition in zip(slots, arranged.conditions, strict=True):
            slot.gain_db = condition.gain_db
            slot.is_silent = condition.lufs <= FLOOR_LUFS
            slot.recover()
        self._draw(arranged)
        self._tell_arranged(arranged)

    def _draw(self, arranged: Arranged) -> None:
        """The pictures that aren't there yet, that of the slot which is heard first."""
        keys = {self._picture_key(arranged, place): place for place in range(len(self._slots))}
        self._pictures = {key: pictures for key, pictures in self._pictures.items() if key in keys}
        heard = self.place(self._heard())
        for key, place in sorted(keys.items(), key=lambda item: item[1] not in (0, heard)):
            if key not in self._pictures:

                def draw(place: int = place) -> Pictures | None:
                    return Pictures.of(arranged, place) if self.arranged is arranged else None

                self._work.run(draw, partial(self._take_pictures, key), lambda error: self._refused(str(error)))

    def _take_pictures(self, key: PictureKey, pictures: Pictures | None) -> None:
        if pictures is not None:
            self._pictures[key] = pictures
            self._drawn()

    def _picture_key(self, arranged: Arranged, place: int) -> PictureKey:
        return id(self._slots[place].made), arranged.conditions[place].gain_db, arranged.conditions[0].gain_db

    def _sounds_folder(self) -> Path:
        if self._folder is None:
            self._folder = self._temporary.enter_context(temporary_folder(Path(gettempdir()), "slots"))
        return self._folder
