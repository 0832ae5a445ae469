"""A short list that outlives the app: a text file of one entry a line, the latest first."""

from __future__ import annotations

import os
from pathlib import Path

from lamina.plugin.files.atomic import atomic_file

MOST_BYTES = 1 << 20


class KeptLines:
    """Args:
    path: the file; it needn't be there.
    most: entries that are kept.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most

    def read(self) -> list[str]:
        """What it holds; nothing of a file that can't be read."""
        try:
            # Not of pipes and the like, which would never end.
            if not self._path.is_file():
                return []
            with self._path.open("rb") as file:
                lines = file.read(MOST_BYTES).split(b"\n")
        except OSError:
            return []
        return [os.fsdecode(line) for line in lines[: self._most] if line and b"\0" not in line]

    def put(self, entry: str) -> None:
        """Has an entry first from now on; raises OSError if that can't be kept."""
        if "\n" not in entry:
            self._write([entry, *(other for other in self.read() if other != entry)])

    def drop(self, entry: str) -> None:
        """Has an entry no longer; raises OSError if that can't be kept."""
        kept = self.read()
        if entry in kept:
            self._write([other for other in kept if other != entry])

    def clear(self) -> None:
        """Has nothing any more; raises OSError if that can't be kept."""
        if self.read():
            self._write([])

    def _write(self, entries: list[str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._path) as partial:
            partial.write_bytes(b"".join(os.fsencode(entry) + b"\n" for entry in entries[: self._most]))
