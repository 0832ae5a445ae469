"""The user's own presets: what lies in the folder for them, and what was saved elsewhere or opened from there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lamina.models.places import data_folder
from lamina.plugin.documents.presets import Preset, load_preset
from lamina.plugin.files.atomic import atomic_file

FOLDER_NAME, LIST_NAME = "presets", "presets.txt"
MOST_ELSEWHERE = 100
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class OwnPreset:
    """A preset file and what it holds."""

    path: Path
    preset: Preset


class OwnPresets:
    """Presets in `folder`, and by their paths those elsewhere, which a list beside the folder keeps: a path a line.

    Args:
        data: the folder that holds both; the user's data folder if None.

    Files that are no presets, or aren't there any more, are passed over.
    """

    def __init__(self, data: Path | None = None) -> None:
        data = data or data_folder()
        self.folder = data / FOLDER_NAME
        self._list = data / LIST_NAME

    def found(self) -> list[OwnPreset]:
        """All of them, by title. Reads every file, so it can take a while."""
        inside = sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []
        found = []
        for path in dict.fromkeys([*inside, *self._elsewhere()]):
            try:
                # Not of pipes and the like, which would never end.
                if path.is_file():
                    found.append(OwnPreset(path, load_preset(path)))
            except (ValueError, TypeError, OSError):
                continue
        return sorted(found, key=lambda own: own.preset.title.lower())

    def remember(self, path: Path) -> None:
        """Has a preset file listed from now on, wherever it lies; raises OSError if that can't be kept."""
        path = path.resolve()
        if path.parent == self.folder.resolve() or "\n" in str(path):
            return
        kept = [str(path), *(str(other) for other in self._elsewhere() if other != path)]
        self._list.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._list) as partial:
            partial.write_bytes(os.fsencode("\n".join(kept[:MOST_ELSEWHERE]) + "\n"))

    def _elsewhere(self) -> list[Path]:
        """What the list names, the latest first."""
        try:
            if not self._list.is_file():
                return []
            with self._list.open("rb") as file:
                lines = file.read(MOST_BYTES).split(b"\n")
        except OSError:
            return []
        paths = [Path(os.fsdecode(line)) for line in lines[:MOST_ELSEWHERE] if line and b"\0" not in line]
        return [path for path in paths if path.is_absolute()]
