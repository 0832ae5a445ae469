"""A folder of results as it comes back from listeners: by tests, and what can't be used with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lamina.plugin.listening.results import ListenerResult, ResultError, read_result

MOST_FILES = 2000


@dataclass(frozen=True)
class Gathered:
    """What a folder holds.

    Args:
        groups: listeners of the same tests, who can be combined; those with most listeners first.
        refused: files that can't be used, and why, in a sentence.
    """

    groups: tuple[tuple[ListenerResult, ...], ...] = ()
    refused: Mapping[Path, str] = field(default_factory=dict)


def result_files(folder: Path) -> list[Path]:
    """The JSON files of a folder, but for what the app keeps there itself; raises ResultError for what is no folder."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".json")
    except OSError as error:
        raise ResultError(f"{folder} can't be read: {error.strerror or error}.") from error
    found = [path for path in found if path.name != "unfinished.json"]
    if len(found) > MOST_FILES:
        raise ResultError(f"{folder} holds {len(found)} JSON files; up to {MOST_FILES} can be read at once.")
    return found


def gather(paths: Iterable[Path]) -> Gathered:
    """Read files of several tests and listeners; one that can't be used takes nothing with it.

    Refused are files that `read_result` refuses, tests that weren't taken to their end, and the second of two files of
    one listener of one test.
    """
    groups: dict[tuple[str, ...], dict[str, ListenerResult]] = {}
    refused: dict[Path, str] = {}
    for path in paths:
        try:
            result = read_result(path)
        except ResultError as error:
            refused[path] = str(error)
            continue
        if not result.tests or not all(one.test.is_over for one in result.tests):
            refused[path] = f"{path} holds a test that wasn't taken to its end."
            continue
        listeners = groups.setdefault(tuple(one.id for one in result.tests), {})
        name = result.listener.casefold()
        if name in listeners:
            other = listeners[name].path
            refused[path] = f"{path} and {other} are of listeners with one name, {result.listener!r}."
            continue
        listeners[name] = result
    ordered = sorted(groups.values(), key=lambda listeners: -len(listeners))
    return Gathered(tuple(tuple(listeners.values()) for listeners in ordered), refused)


def gather_one_test(paths: Iterable[Path]) -> Gathered:
    """Files that are meant to be of one test: its listeners, as the only group, if there are any.

    Which test it is, most files say, or the first where as many say another. Refused are, beside what `gather`
    refuses, the files of other tests.
    """
    gathered = gather(paths)
    if not gathered.groups:
        return gathered
    wanted, *others = gathered.groups
    of_others = {
        result.path: f"{result.path} is of another test than {wanted[0].path}." for group in others for result in group
    }
    return Gathered((wanted,), {**gathered.refused, **of_others})
