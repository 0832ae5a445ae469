"""Files that appear complete or not at all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """A new empty file beside `target`, to be filled; it takes the target's place when the block ends without an error.

    After an error, or any other way out, nothing of it is left and the target is as it was. Raises OSError where no file can
    be made or moved.
    """
    # Hidden, recognizable, and short enough however long the target's name is; with the permissions of any new file.
    partial = target.with_name(f".{target.stem[:40]}-{secrets.token_hex(4)}{target.suffix}")
    partial.touch(exist_ok=False)
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
