"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lamina.models.leftovers import held, remove_leftovers, temporary_name


class NotWrittenError(ValueError):
    """What a result can't be written for: the base of such errors of every kind of file."""


@contextlib.contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """A new empty file beside `target`, which takes the target's place when the block ends without an error.

    A link stays one: what it leads to is replaced.

    After an error, or any other way out, nothing of it is left and the target is as it was; after a power cut too there
    is the one or the other. What a kill leaves is removed when something is written beside it for the next time. A file
    that takes another's place has its permissions. Raises OSError where no file can be made, written or moved, and
    where something else than a file has its name.
    """
    if target.is_symlink():
        target = target.resolve()
    if target.exists() and not target.is_file():
        kind = "a folder" if target.is_dir() else "a pipe or a device"
        raise OSError(errno.EINVAL, f"{kind} is there, not a file", str(target))
    remove_leftovers(target.parent)
    # Hidden, recognizable, and short enough however long the target's name is; with the permissions of any new file.
    partial = target.with_name(temporary_name(f".{target.stem[:40]}", target.suffix))
    partial.touch(exist_ok=False)
    try:
        with held(partial):
            yield partial
            # A file system may keep a new name and lose what it stands for, so the contents go to the disk before the
            # name changes.
            _to_disk(partial, os.O_RDWR)
            if target.exists():  # whoever could read the old one can read the new one
                with contextlib.suppress(PermissionError):
                    partial.chmod(stat.S_IMODE(target.stat().st_mode))
            partial.replace(target)
        if os.name == "posix":
            with contextlib.suppress(OSError):  # some network file systems know no such thing for folders
                _to_disk(target.parent, os.O_RDONLY)
    finally:
        partial.unlink(missing_ok=True)


def _to_disk(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
