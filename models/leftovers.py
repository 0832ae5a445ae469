"""What a process that was killed left behind: found by its name, and removed only when that process is gone.

Temporary files and folders are called `…-lamina-PID-RANDOM…`, and their maker holds a lock on them while it lives: the
number alone says nothing on another machine that shares the folder, or after it was given to another process.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_NAME = re.compile(r".*-lamina-(\d{1,10})-[0-9a-f]{8}(\.\w+)?", re.DOTALL)


def temporary_name(before: str, suffix: str = "") -> str:
    """A name for something of this process that won't stay: `before` says of what."""
    return f"{before}-lamina-{os.getpid()}-{secrets.token_hex(4)}{suffix}"


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Within the block `path`, a file or folder of that kind, is known to be in use."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        _is_locked(handle)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def temporary_folder(within: Path, before: str) -> Iterator[Path]:
    """A folder that is gone after the block, and after a kill when this is called there for the next time."""
    remove_leftovers(within)
    folder = within / temporary_name(before)
    folder.mkdir(mode=0o700)
    try:
        with held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@lru_cache(maxsize=256)
def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes of this user left in a folder. Once for each: it takes longer the more is there."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            found = _NAME.fullmatch(entry.name)
            if found is not None and not entry.is_symlink() and _is_gone(int(found[1])):
                with contextlib.suppress(OSError):
                    _remove(Path(entry.path))


def _is_gone(process: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _remove(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        if os.fstat(handle).st_uid != os.geteuid() or not _is_locked(handle):
            return
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    finally:
        os.close(handle)


def _is_locked(handle: int) -> bool:
    """Whether this process has the lock now; false where another one has it, or where there are no locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
