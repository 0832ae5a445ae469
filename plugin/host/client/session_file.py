"""The session on disk, and the devices of last time.

The session is saved atomically every few seconds and at the end, and found again after a crash.

Both lie in the user's data folder. A second Lamina that runs at the same time leaves the first one's session alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from lamina.models.json_files import JsonError, json_text, put_aside, read_json
from lamina.models.places import data_folder
from lamina.plugin.files.atomic import atomic_file
from lamina.plugin.host.device.device_settings import DeviceSettings, device_settings

SCHEMA_VERSION = 1
SAVE_SECONDS = 3.0
LARGEST_SESSION, LARGEST_DEVICES = 128 << 20, 1 << 16
"""Bytes. Two boards of eight curves of the most points take half of the first."""
SESSION_NAME, LOCK_NAME, DEVICES_NAME = "session.json", "session.lock", "devices.json"


class SessionFile:
    """Keeps what `describe` returns on disk until `close`.

    Args:
        describe: called every few seconds on a thread of its own for the session as JSON-able data; None for nothing to
            keep yet.
        folder: where the file lies; the user's data folder if None.

    `left` is what the last session left behind, or None, `left_bytes` how large its file was, and `was_cut_off` whether
    it did not end in order. Nothing is
    ever raised after the start: a disk that is full must not stop the sound; `trouble` says what is wrong. `lost` is a
    sentence about a session that could not be read, and where it is kept, or nothing.
    """

    def __init__(self, describe: Callable[[], dict[str, Any] | None], folder: Path | None = None) -> None:
        self._describe = describe
        self._folder = folder or data_folder()
        self.trouble = self.lost = ""
        self._saved = ""
        self._is_closing = threading.Event()
        self._lock = self._locked()
        self.was_cut_off = False
        self.left_bytes = 0
        self.left = self._read() if self._lock is not None else None
        self._thread = threading.Thread(target=self._run, name="lamina-session", daemon=True)
        self._thread.start()

    @property
    def unfinished(self) -> dict[str, Any] | None:
        """What a session that did not end in order left behind, or None."""
        return self.left if self.was_cut_off else None

    def save(self, is_finished: bool = False) -> None:
        """Write the session now if it changed; `is_finished` marks that it ended in order."""
        if self._lock is None:
            return
        session = self._describe()
        if session is None and not is_finished:
            return
        text = json_text({"schema": SCHEMA_VERSION, "is_finished": is_finished, "session": session})
        if text == self._saved:
            return
        try:
            with atomic_file(self._folder / SESSION_NAME) as partial:
                partial.write_text(text, encoding="utf-8")
        except OSError as error:
            self.trouble = f"The session can't be saved in {self._folder}: {error.strerror or error}."
            return
        self._saved, self.trouble = text, ""

    def close(self) -> None:
        """Save for the last time, as a session that ended in order."""
        self._is_closing.set()
        self._thread.join()
        self.save(is_finished=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _run(self) -> None:
        while not self._is_closing.wait(SAVE_SECONDS):
            self.save()

    def set_aside(self, why: str) -> None:
        """Keep what was left behind under another name, because it can't be used; `lost` tells where and why."""
        self.left = None
        if not self.lost:
            self.lost = _put_aside_and_told(self._folder / SESSION_NAME, "The last session can't be brought back", why)

    def _locked(self) -> IO[str] | None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Read and write, which waits for nobody even where a pipe bears this name.
            lock = os.fdopen(os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "w")
        except OSError as error:
            self.trouble = f"The session can't be saved in {self._folder}: {error.strerror or error}."
            return None
        if not stat.S_ISREG(os.fstat(lock.fileno()).st_mode):
            lock.close()
            self.trouble = f"The session can't be saved in {self._folder}: {LOCK_NAME} there is no file. Remove it."
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return None
        return lock

    def _read(self) -> dict[str, Any] | None:
        """What was left behind; a damaged file is put aside, not destroyed."""
        path = self._folder / SESSION_NAME
        try:
            data = read_json(path, LARGEST_SESSION)
            self.left_bytes = path.stat().st_size
            if data["schema"] != SCHEMA_VERSION:
                # Another Lamina's, perhaps a newer one's.
                put_aside(path, "other")
                return None
            session, self.was_cut_off = data["session"], not data["is_finished"]
            return session if isinstance(session, dict) else None
        except FileNotFoundError:
            return None
        except (JsonError, OSError) as error:
            self.set_aside(_reason(error))
        except (KeyError, TypeError):
            self.set_aside("it holds something else")
        return None


def remembered_devices(folder: Path | None = None) -> DeviceSettings:
    """The devices that were used last; the system's own where there is none, or none that can be read."""
    return devices_of_last_time(folder)[0]


def devices_of_last_time(folder: Path | None = None) -> tuple[DeviceSettings, str]:
    """As `remembered_devices`, with a sentence about a file that was put aside.

    It could not be read and is kept under another name; an empty sentence if there was none.
    """
    path = (folder or data_folder()) / DEVICES_NAME
    try:
        return device_settings(read_json(path, LARGEST_DEVICES)), ""
    except FileNotFoundError:
        return DeviceSettings(), ""
    except (OSError, ValueError, TypeError) as error:
        return DeviceSettings(), _put_aside_and_told(
            path, "The sound devices of last time can't be read", _reason(error)
        )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).rstrip(".")


def _put_aside_and_told(path: Path, what: str, why: str) -> str:
    kept = put_aside(path)
    return f"{what}: {why}. {f'The file is kept as {kept}.' if kept is not None else f'It is in {path}.'}"


def remember_devices(settings: DeviceSettings, folder: Path | None = None) -> None:
    """Use these devices next time too; raises OSError if that can't be written."""
    target = (folder or data_folder()) / DEVICES_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target) as partial:
        partial.write_text(json.dumps(settings.document(), indent=1), encoding="utf-8")
