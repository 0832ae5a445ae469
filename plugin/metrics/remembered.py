"""Scores that need not be measured twice, in a small file in the user's cache folder."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Self

MOST_SCORES = 100_000
"""A file of some 25 MB; beyond that, those that were asked for longest ago are forgotten."""
_AT_ONCE = 1_000
"""Scores between two looks at how many there are."""
_FORMAT = 1
_WAIT_SECONDS = 5.0


class ScoreStore:
    """Numbers by key, kept over processes.

    It only saves time: where its file can't be read or written, or is no such file, everything is measured anew and
    `trouble` says why. For one thread.

    Args:
        path: of the file; None for the one in the user's cache folder.
        most: how many numbers it may hold.
    """

    def __init__(self, path: Path | None = None, most: int = MOST_SCORES) -> None:
        self.path = path if path is not None else usual_path()
        self.trouble = ""
        self._most, self._n_new = most, 0
        self._known: dict[str, float] = {}
        self._file: sqlite3.Connection | None = None
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, key: str) -> float | None:
        """What is known under a key, NaN where a measure had no number; None if nothing is."""
        if key in self._known:
            return self._known[key]
        if self._file is None:
            return None
        try:
            row = self._file.execute("SELECT value FROM scores WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            with self._file:
                self._file.execute("UPDATE scores SET used = ? WHERE key = ?", (time.time(), key))
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        value = float("nan") if row[0] is None else float(row[0])
        self._known[key] = value
        return value

    def put(self, key: str, value: float) -> None:
        """Remember a number under a key."""
        self._known[key] = value
        if self._file is None:
            return
        try:
            with self._file:
                self._file.execute(
                    "INSERT OR REPLACE INTO scores VALUES (?, ?, ?)",
                    (key, None if value != value else value, time.time()),
                )
            self._n_new += 1
            if self._n_new % _AT_ONCE == 0:
                self._forget_oldest()
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Leave the file, with no more in it than it may hold."""
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._forget_oldest()
            self._file.close()
            self._file = None

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(self.path, timeout=_WAIT_SECONDS)
        try:
            # What a power cut takes is measured anew; to wait for the disk at each number would cost more.
            file.execute("PRAGMA synchronous = OFF")
            (found,) = file.execute("PRAGMA user_version").fetchone()
            (tables,) = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if found != _FORMAT and (found or tables):
                raise sqlite3.DatabaseError(f"it is of format {found}")
            with file:
                file.execute("CREATE TABLE IF NOT EXISTS scores (key TEXT PRIMARY KEY, value REAL, used REAL)")
                file.execute(f"PRAGMA user_version = {_FORMAT}")
        except BaseException:
            file.close()
            raise
        self._file = file

    def _forget_oldest(self) -> None:
        assert self._file is not None
        with self._file:
            self._file.execute(
                "DELETE FROM scores WHERE key NOT IN (SELECT key FROM scores ORDER BY used DESC LIMIT ?)", (self._most,)
            )

    def _give_up(self, error: Exception) -> None:
        self.trouble = f"Scores are not remembered: {self.path} can't be used ({error})."
        if self._file is not None:
            self._file.close()
            self._file = None


def usual_path() -> Path:
    """The file in the user's cache folder."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("lamina")) / "scores.sqlite3"
