"""How commands answer: with an exit code, a line that tells an error, and JSON for programs."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

DONE, FAILED, REFUSED, INPUT, OUTPUT, INCOMPLETE, WITHOUT = 0, 1, 2, 3, 4, 5, 6
INTERRUPTED, UNREAD = 130, 141

MEANINGS = {
    "0": "done",
    "1": "live sound ended by itself, or a line broke off",
    "2": "the request can't be carried out: an option, a value, a name, or data that must not be trained on",
    "3": "a file can't be read: it is missing, damaged, or no sound",
    "4": "a result can't be written: it exists already, the folder is missing, or the disk is full",
    "5": "done in part: the input is damaged or cut off, a compared codec failed, or a file of results is no use",
    "6": "done, but for codecs of a comparison that lack something here, such as a library",
    "130": "interrupted by Ctrl-C",
    "141": "nobody reads the output",
    "128 + n": "ended by signal n",
}
"""In the order of `lamina --help` and the docs. With several files it is the code of the first that failed."""


def code_of(error: BaseException) -> int:
    """The code for an error that a command ends with."""
    # Imported here: they bring the sound library, which most commands can do without until something fails.
    from lamina.plugin.codes_file.header import ContainerError
    from lamina.plugin.files.atomic import NotWrittenError
    from lamina.plugin.files.sound import AudioFileError
    from lamina.plugin.listening.plans import PlanFileError

    if _is_full(error) or isinstance(error, NotWrittenError):
        return OUTPUT
    return INPUT if isinstance(error, AudioFileError | ContainerError | PlanFileError) else REFUSED


def shown(text: object) -> str:
    """Text out of a file, a name or a message, safe to print.

    Control characters, which could move the terminal's cursor or worse, are escaped.
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in str(text))


def told(error: BaseException) -> str:
    """An error as the one line that stands on the terminal."""
    what = str(error)
    if isinstance(error, OSError) and error.strerror:  # as the system says it: a number first, and the name last
        where = str(error.filename) if error.filename else "Standard output" if _is_full(error) else ""
        what = f"{where}{': ' if where else ''}{error.strerror}."
    return f"lamina: {shown(' '.join(what.split()))}"


def _is_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def print_json(value: Any) -> None:
    """Print a value as JSON that every program reads: no NaN, and letters as they are."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):  # a number of numpy's
        return value.item()
    raise TypeError(f"{type(value).__name__} can't be written as JSON.")
