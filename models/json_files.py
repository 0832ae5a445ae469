"""The one door for JSON that Lamina reads from disk: presets, sessions, boards, devices, models' manifests.

Whoever wrote such a file, it is plain data of a size and depth that can be looked at, or a `JsonError` says what it is:
nothing in it takes the process, minutes or gigabytes.
"""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

LARGEST_FILE = 64 << 20
"""Bytes: eight curves of the most points, each number on a line of its own, take two thirds of it."""
DEEPEST = 64
"""Containers within containers. Boards within boards take two levels each."""
LONGEST_TEXT = 16_384
"""Characters of one text, such as a description."""
LARGEST_WHOLE = 2**64
_LONGEST_DIGITS = 40
_AT_A_TIME = 4096
"""Numbers that are written without letting other threads have a turn: a millisecond."""


class JsonError(ValueError):
    """A file or a text is no JSON that Lamina reads; the message is the end of a sentence that says why."""


def read_json(path: str | Path, largest: int = LARGEST_FILE) -> Any:
    """What a file holds.

    Args:
        path: a regular file; nothing else is opened for longer than it takes to see that.
        largest: bytes that it may have.

    Raises JsonError, and OSError where there is no file or it can't be read.
    """
    return parse_json(read_regular(path, largest))


def parse_json(text: str | bytes, largest: int = LARGEST_FILE) -> Any:
    """What a text of at most `largest` bytes or characters holds. Raises JsonError."""
    if len(text) > largest:
        raise JsonError(f"it has more than {_size(largest)}")
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        data = json.loads(
            text, parse_int=_whole, parse_float=_decimal, parse_constant=_constant, object_pairs_hook=_object
        )
    except JsonError:
        raise
    except RecursionError:
        raise JsonError(f"it is nested more than {DEEPEST} deep") from None
    except UnicodeDecodeError as error:
        raise JsonError(f"it is no UTF-8 text: {error.reason}") from None
    except ValueError as error:
        raise JsonError(str(error)) from None
    _check_depth_and_texts(data)
    return data


class JsonText(str):
    """A piece of a document that is JSON text already."""


def json_text(data: Any) -> str:
    """Write as `json.dumps` does, but let other threads have their turn while long lists are written.

    `JsonText` is taken as it is.
    """
    parts: list[str] = []
    _write(data, parts)
    return "".join(parts)


def _write(value: Any, parts: list[str]) -> None:
    if isinstance(value, JsonText):
        parts.append(value)
    elif isinstance(value, dict):
        for index, (name, item) in enumerate(value.items()):
            parts.append(f"{', ' if index else '{'}{json.dumps(str(name))}: ")
            _write(item, parts)
        parts.append("}" if value else "{}")
    elif isinstance(value, list | tuple):
        parts.append("[")
        if value and isinstance(value[0], bool | int | float):
            parts += [
                f"{', ' if start else ''}{json.dumps(value[start : start + _AT_A_TIME])[1:-1]}"
                for start in range(0, len(value), _AT_A_TIME)
            ]
        else:
            for index, item in enumerate(value):
                if index:
                    parts.append(", ")
                _write(item, parts)
        parts.append("]")
    else:
        parts.append(json.dumps(value))


def read_regular(path: str | Path, largest: int) -> bytes:
    """The bytes of a regular file of at most `largest` bytes. Raises JsonError and OSError.

    A pipe without a writer is not waited for.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        kind = os.fstat(handle).st_mode
        if stat.S_ISDIR(kind):
            raise JsonError("it is a folder")
        if not stat.S_ISREG(kind):
            raise JsonError("it is a pipe or a device, not a file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(largest + 1)
    finally:
        os.close(handle)
    if len(data) > largest:
        raise JsonError(f"it has more than {_size(largest)}")
    return data


def put_aside(path: Path, word: str = "damaged") -> Path | None:
    """Give what can't be read another name beside it, such as `session.damaged.json`, which replaces nothing.

    Returns where it is now, or None if it can't be renamed.
    """
    for index in range(1, 1000):
        number = f" {index}" if index > 1 else ""
        target = path.with_name(f"{path.stem}.{word}{number}{path.suffix}")
        if os.path.lexists(target):
            continue
        try:
            path.rename(target)
        except OSError:
            return None
        return target
    return None


def _size(n_bytes: int) -> str:
    return f"{n_bytes >> 20} MB" if n_bytes >= 1 << 20 else f"{n_bytes} bytes"


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_DIGITS or abs(int(digits)) > LARGEST_WHOLE:
        raise JsonError(f"the number {_shortened(digits)} is out of all ranges")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise JsonError(f"the number {_shortened(digits)} is out of all ranges")
    return number


def _constant(name: str) -> float:
    raise JsonError(f"{name} is no number in JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise JsonError(f"{_shortened(name)!r} is given twice")
            seen.add(name)
    return made


def _check_depth_and_texts(data: Any) -> None:
    """Level by level, so that no depth is too much for the check itself."""
    level, depth = [data], 0
    while level:
        if depth > DEEPEST:
            raise JsonError(f"it is nested more than {DEEPEST} deep")
        deeper: list[Any] = []
        for value in level:
            kind = type(value)
            if kind is dict:
                deeper += value
                deeper += value.values()
            elif kind is list:
                # Long lists are of numbers, which are told quickly.
                deeper += [item for item in value if type(item) not in (float, int)]
            elif kind is str and len(value) > LONGEST_TEXT:
                raise JsonError(f"a text in it has {len(value)} characters, {LONGEST_TEXT} are the most")
        level, depth = deeper, depth + 1


def _shortened(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}…"
