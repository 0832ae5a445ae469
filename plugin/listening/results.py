"""Files of results: one for each listener, complete and untouched, or refused in a sentence.

A file is JSON. Its last line holds a SHA-256 over everything before it, so that what was edited or cut off is noticed;
it is no signature, and keeps nobody from making a file up.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lamina.models.json_files import LARGEST_FILE, JsonError, parse_json, read_regular
from lamina.plugin.files.atomic import NotWrittenError, atomic_file
from lamina.plugin.listening.abx import AbxTest
from lamina.plugin.listening.hidden import HiddenError, StateError
from lamina.plugin.listening.mushra import MushraTest
from lamina.plugin.listening.preference import PreferenceTest
from lamina.plugin.listening.sounds import Condition
from lamina.plugin.listening.staircase import StaircaseTest

FORMAT, VERSION = "lamina listening results", 1
ListeningTest = AbxTest | MushraTest | PreferenceTest | StaircaseTest
KINDS = {kind.kind: kind for kind in (AbxTest, MushraTest, PreferenceTest, StaircaseTest)}
LONGEST_NAME = 80
_SEAL = ',\n "sha256": "'


class ResultError(ValueError):
    """A file of results can't be used; the message says which and why."""


class ResultExistsError(ResultError, NotWrittenError):
    """A listener of this name has a file already, which stays as it is."""


@dataclass(frozen=True)
class TestRecord:
    """A test that is over, with what was heard.

    Args:
        id: the same for all listeners of one test.
        title: for people.
        test: all answers.
        sounds: what each key stood for, by the names of items: `[item][key]` as `Condition.described` has it.
        settings: whatever else was set.
    """

    __test__ = False  # not pytest's

    id: str
    title: str
    test: ListeningTest
    sounds: Mapping[str, Mapping[str, Mapping[str, Any]]]
    settings: Mapping[str, Any]

    def label(self, key: str) -> str:
        """What a listener would call a key."""
        for sounds in self.sounds.values():
            if key in sounds:
                return str(sounds[key].get("label", key))
        return key


@dataclass(frozen=True)
class ListenerResult:
    """One listener's file.

    Args:
        listener: who it was.
        tests: what was taken, in order.
        path: where it lies.
    """

    listener: str
    tests: tuple[TestRecord, ...]
    path: Path


def test_id(kind: str, sounds: Mapping[str, Mapping[str, Condition]], settings: Mapping[str, Any]) -> str:
    """What tells a test from others: its kind, the sounds themselves, and its settings."""
    hashes = {item: {key: sound.sha256 for key, sound in sorted(row.items())} for item, row in sorted(sounds.items())}
    text = json.dumps([kind, hashes, dict(settings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


test_id.__test__ = False  # type: ignore[attr-defined]


def record(
    test: ListeningTest, title: str, sounds: Mapping[str, Mapping[str, Condition]], settings: Mapping[str, Any]
) -> TestRecord:
    """A test that is over, ready to be saved. Raises HiddenError if it isn't over."""
    if not test.is_over:
        raise HiddenError("A test that isn't over has no results to save.")
    described = {item: {key: sound.described() for key, sound in row.items()} for item, row in sounds.items()}
    return TestRecord(test_id(test.kind, sounds, settings), title, test, described, dict(settings))


def save_result(folder: Path, listener: str, tests: Sequence[TestRecord], started: datetime | None = None) -> Path:
    """Write a listener's file into a folder, complete or not at all, with a table (CSV) of the answers beside it.

    Returns the path of the JSON file. Raises ResultExistsError if a listener of this name has taken the same tests,
    ResultError for a name that can't be used, and OSError where nothing can be written.
    """
    name = _checked_name(listener)
    now = datetime.now(UTC)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "lamina": version_of_lamina(),
        "listener": name,
        "started": (started or now).isoformat(timespec="seconds"),
        "finished": now.isoformat(timespec="seconds"),
        "tests": [
            {
                "id": one.id,
                "kind": one.test.kind,
                "title": one.title,
                "settings": dict(one.settings),
                "sounds": one.sounds,
                "state": one.test.to_dict(),
            }
            for one in tests
        ],
    }
    path = result_path(folder, name, [one.id for one in tests])
    if path.exists():
        raise ResultExistsError(f"{path} is there already: {name} has taken this test. Choose another name.")
    with atomic_file(path) as partial:
        partial.write_bytes(sealed(content).encode())
    result = read_result(path)
    with atomic_file(path.with_suffix(".csv")) as partial:
        partial.write_text(as_csv([result]), encoding="utf-8", newline="")
    return path


def result_path(folder: Path, listener: str, ids: Sequence[str]) -> Path:
    """Where `save_result` writes a listener's answers to the tests of these ids. Raises ResultError for the name."""
    return folder / f"{'-'.join(ids)[:33]} {_file_name(_checked_name(listener))}.json"


def version_of_lamina() -> str:
    """The installed one; empty where Lamina runs without having been installed."""
    try:
        return version("lamina")
    except PackageNotFoundError:
        return ""


def sealed(content: Mapping[str, Any]) -> str:
    """The text of a file: JSON whose last field is the SHA-256 of the text before it."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
    return f'{text}{_SEAL}{hashlib.sha256(text.encode()).hexdigest()}"\n}}\n'


def read_result(path: str | Path) -> ListenerResult:
    """A listener's file. Raises ResultError if it is missing, cut off, edited, or no such file."""
    path = Path(path)
    try:
        text = read_regular(path, LARGEST_FILE).decode("utf-8").replace("\r\n", "\n")
    except (JsonError, UnicodeDecodeError) as error:
        raise ResultError(f"{path} is no file of listening results: {error}.") from error
    except OSError as error:
        raise ResultError(f"{path} can't be read: {error.strerror or error}.") from error
    if FORMAT not in text[:200]:
        raise ResultError(f"{path} is no file of listening results, as listeners save them at a test's end.")
    if not text.rstrip().endswith("}") or _SEAL not in text:
        raise ResultError(f"{path} is cut off: its end is missing. Ask for the file again.")
    body, _, seal = text.rpartition(_SEAL)
    if seal.strip() != f'{hashlib.sha256(body.encode()).hexdigest()}"\n}}':
        raise ResultError(f"{path} was edited or damaged since it was saved: its checksum doesn't fit.")
    try:
        content = parse_json(text)
        if content["version"] != VERSION:
            raise ResultError(f"{path} is of version {content['version']}; this Lamina reads version {VERSION}.")
        return ListenerResult(
            _checked_name(content["listener"]), tuple(_record_of(one) for one in content["tests"]), path
        )
    except ResultError:
        raise
    except (JsonError, StateError) as error:
        raise ResultError(f"{path} can't be used: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"{path} lacks something that files of listening results have: {error}.") from error


def combine(paths: Sequence[str | Path]) -> list[ListenerResult]:
    """Files of several listeners of the same tests.

    Raises ResultError as `read_result` does, for a file of another test, and for two listeners with one name.
    """
    if not paths:
        raise ResultError("No file of results was given.")
    results = [read_result(path) for path in paths]
    first = results[0]
    seen: dict[str, Path] = {}
    for result in results:
        if [one.id for one in result.tests] != [one.id for one in first.tests]:
            raise ResultError(f"{result.path} is of another test than {first.path}.")
        if not all(one.test.is_over for one in result.tests):
            raise ResultError(f"{result.path} holds a test that wasn't taken to its end.")
        name = result.listener.casefold()
        if name in seen:
            raise ResultError(f"{result.path} and {seen[name]} are of listeners with one name, {result.listener!r}.")
        seen[name] = result.path
    return results


def as_csv(results: Sequence[ListenerResult]) -> str:
    """Every answer as a row: listener, test, kind, item, number of the trial or slot, what was played, the answer."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["listener", "test", "kind", "item", "number", "played", "answer", "right"])
    for result in results:
        for one in result.tests:
            for row in _rows(one):
                rows.writerow([_plain_cell(result.listener), one.id, one.test.kind, *row])
    return out.getvalue()


def _rows(one: TestRecord) -> list[list[Any]]:
    state = one.test.to_dict()
    item = _plain_cell(next(iter(one.sounds), ""))
    if one.test.kind == "mushra":
        return [
            [_plain_cell(name), slot + 1, _plain_cell(key), score, ""]
            for (name, order), ratings in zip(state["orders"], state["ratings"], strict=True)
            for slot, (key, score) in enumerate(zip(order, ratings, strict=True))
        ]
    truth = state.get("x_is") or state.get("coded_is") or state["a_is"]
    played = [f"{layers} layers {place}" for layers, place in zip(state.get("played", []), truth, strict=False)]
    words = played or [f"{'x' if one.test.kind == 'abx' else 'a'} is {place}" for place in truth]
    return [
        [item, number + 1, word, answer, "" if one.test.kind == "preference" else answer == place]
        for number, (word, answer, place) in enumerate(zip(words, state["answers"], truth, strict=False))
    ]


def _plain_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _record_of(one: Mapping[str, Any]) -> TestRecord:
    kind = KINDS.get(one["kind"])
    if kind is None:
        raise ResultError(f"it holds a test of the kind {one['kind']!r}, which this Lamina doesn't know")
    test = kind.from_dict(one["state"])
    sounds = one["sounds"]
    if not all(isinstance(key, dict) for row in sounds.values() for key in row.values()):
        raise TypeError("sounds")
    return TestRecord(str(one["id"]), str(one["title"]), test, sounds, dict(one["settings"]))


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise ResultError(f"The listener's name is {name!r}; it needs 1 to {LONGEST_NAME} printable letters.")
    return name.strip()


def _file_name(name: str) -> str:
    """A name of a file for a listener's name: different for names that differ in more than upper and lower case."""
    plain = re.sub(r"[^\w-]+", "-", name.casefold()).strip("-")
    return plain if plain == name.casefold() else f"{plain}-{hashlib.sha256(name.casefold().encode()).hexdigest()[:6]}"
