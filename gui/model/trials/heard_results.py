"""What several listeners heard: a folder of results files, one of its tests, and what that says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.gui.model.trials.kept import results_folder
from lamina.gui.model.values.observable import Observable
from lamina.gui.model.work import Work
from lamina.plugin.listening.gathering import Gathered, gather, result_files
from lamina.plugin.listening.results import ListenerResult


@dataclass(frozen=True)
class Read:
    """A folder as it was read, and what each group of listeners said, as `summary.summarise` has it."""

    gathered: Gathered
    summaries: tuple[dict[str, Any], ...]


class HeardResults:
    """Reads results beside the app; `changed` tells that something is there.

    Args:
        folder: what is read first; that of the app's own results if None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.changed: Observable[[]] = Observable()
        self._own_folder = folder
        self.folder = folder or results_folder()
        self.read: Read | None = None
        self.trouble = ""
        self.chosen = 0
        self._work = Work("results")
        self._n_readings = 0

    @property
    def summary(self) -> dict[str, Any] | None:
        """What the listeners of the chosen test said; None where there is nothing yet."""
        return self.read.summaries[self.chosen] if self.read is not None and self.read.summaries else None

    @property
    def titles(self) -> list[str]:
        """The tests there are, in words."""
        if self.read is None:
            return []
        return [_title(group) for group in self.read.gathered.groups]

    def open(self, folder: Path | None = None) -> None:
        """Read a folder; the app's own one if None. `changed` tells when that is done."""
        self.folder = folder or self._own_folder or results_folder()
        self.read, self.trouble, self.chosen = None, "", 0
        self._n_readings += 1
        number, to_read = self._n_readings, self.folder
        is_own = folder is None
        self._work.run(
            lambda: _read(to_read, is_own), lambda read: self._take(number, read), lambda e: self._fail(number, e)
        )
        self.changed.notify()

    def choose(self, number: int) -> None:
        """Another one of the tests."""
        self.chosen = number
        self.changed.notify()

    def save_report(self, target: Path, told: Callable[[str], object]) -> None:
        """Write a page with the chosen test's pictures; `told` gets a sentence about how that went."""
        summary, read = self.summary, self.read
        if summary is None or read is None:
            return

        def job() -> None:
            from lamina.plugin.listening.report import write_report

            write_report(target, summary, read.gathered.refused)

        self._work.run(job, lambda _done: told(f"Written to {target}."), lambda error: told(str(error)))

    def tick(self) -> None:
        """Take in what was read."""
        self._work.deliver()

    def close(self) -> None:
        """End what is being read."""
        self._work.close()

    def _take(self, number: int, read: Read) -> None:
        if number == self._n_readings:
            self.read = read
            self.changed.notify()

    def _fail(self, number: int, error: Exception) -> None:
        if number == self._n_readings:
            self.trouble = str(error)
            self.changed.notify()


def _read(folder: Path, is_own: bool) -> Read:
    if is_own and not folder.exists():
        return Read(Gathered(), ())  # nobody has taken a test yet
    gathered = gather(result_files(folder))
    # Here: SciPy is of an extra, and takes a moment to load.
    from lamina.plugin.listening.summary import summarise

    return Read(gathered, tuple(summarise(group) for group in gathered.groups))


def _title(group: tuple[ListenerResult, ...]) -> str:
    titles = ", ".join(dict.fromkeys(one.title for one in group[0].tests))
    people = "1 listener" if len(group) == 1 else f"{len(group)} listeners"
    return f"{titles}   ({people})"
