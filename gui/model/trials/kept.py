"""What lies on the disk of blind tests: results, and the one test that was left before its end."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from lamina.gui.model.listening.region import Region
from lamina.gui.model.trials.making import Excerpt, Part
from lamina.gui.model.trials.test_kinds import KINDS, MUSHRA, gone_on
from lamina.models.json_files import JsonError, json_text, read_json
from lamina.models.places import data_folder
from lamina.plugin.files.atomic import atomic_file
from lamina.plugin.listening.results import ResultExistsError, TestRecord, save_result

SCHEMA_VERSION = 1
LARGEST_FILE = 64 << 20
FOLDER, UNFINISHED_NAME = "listening", "unfinished.json"
LONGEST_NAME = 60
MOST_TIMES = 1000
PAIR_NAMES = ("a", "b")


def results_folder() -> Path:
    """Where results and the unfinished test lie."""
    return data_folder() / FOLDER


def save_as_another_time(folder: Path, listener: str, taken: Sequence[TestRecord], began: datetime) -> Path:
    """A file of results; who takes a test again has another one, under the name with a number.

    Raises OSError and ValueError with a sentence where that can't be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, MOST_TIMES):
        with contextlib.suppress(ResultExistsError):
            name = listener if number == 1 else f"{listener} {number}"
            return save_result(folder, name, taken, began)
    raise ValueError(f"{listener} has taken this test {MOST_TIMES} times.")


def keep_unfinished(folder: Path, document: dict[str, Any]) -> None:
    """The test as it is now, to go on with another day; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / UNFINISHED_NAME) as partial:
        partial.write_text(json_text(document), encoding="utf-8")


def forget_unfinished(folder: Path | None = None) -> None:
    """There is nothing to go on with any more."""
    with contextlib.suppress(OSError):
        ((folder or results_folder()) / UNFINISHED_NAME).unlink(missing_ok=True)


class Unfinished:
    """A test that was left before its end, as it lies on the disk."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.kind = KINDS[document["kind"]]
        self.test: Any = gone_on(self.kind, document["state"])
        self.listener = str(document["listener"])[:LONGEST_NAME]
        self.source: dict[str, Any] = document["source"]
        # Tests of two sounds were written without names once.
        names = self.source.get("names", PAIR_NAMES)
        self.parts = [Part.read(name, one) for name, one in zip(names, self.source["recipes"], strict=True)]
        # The first sound of several; of each of them all parts, one after the other.
        places = [self.source, *self.source.get("more", [])]
        self.excerpts = [
            Excerpt(
                Path(one["file"]),
                Region(int(one["start"]), int(one["stop"])),
                gains=tuple(float(gain) for gain in one["gains"]),
            )
            for one in places
        ]
        self.items = [str(one.get("item", Path(one["file"]).stem)) for one in places]
        self.file = self.excerpts[0].file
        self.digests = tuple(str(sound["sha256"]) for sound in document["sounds"])
        n_parts = len(self.parts)
        is_complete = (
            n_parts >= 2
            and len(self.digests) == n_parts * len(places)
            and all(len(one.gains or ()) == n_parts for one in self.excerpts)
            and all(0 <= one.region.start < one.region.stop for one in self.excerpts if one.region is not None)
        )
        if not is_complete or (self.test.is_over and self.kind is not MUSHRA):
            raise ValueError("It is no test that can go on.")
        if self.kind is MUSHRA:
            orders = dict(self.test.to_dict()["orders"])
            if set(orders) != set(self.items) or any(set(order) != set(names) for order in orders.values()):
                raise ValueError("It is no test that can go on.")

    @classmethod
    def found(cls, folder: Path | None = None) -> Self | None:
        """The one there is; None where there is none that can be read."""
        with contextlib.suppress(OSError, JsonError, LookupError, TypeError, ValueError, AttributeError):
            document = read_json((folder or results_folder()) / UNFINISHED_NAME, LARGEST_FILE)
            if document["schema"] == SCHEMA_VERSION:
                return cls(document)
        return None

    @property
    def words(self) -> str:
        """What it is, in a few words."""
        if self.kind is MUSHRA:
            ratings = [rating for row in self.test.to_dict()["ratings"] for rating in row]
            n_rated = sum(rating is not None for rating in ratings)
            more = f" and {len(self.items) - 1} more" if len(self.items) > 1 else ""
            return f"{self.kind.title} over {self.file.name}{more}, {n_rated} of {len(ratings)} rated"
        return f"{self.kind.title} over {self.file.name}, {self.test.trial} of {self.test.n_trials} answered"
