"""The user's own presets: what lies in the folder for them, and what was saved elsewhere or opened from there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.gui.model.files.kept_lines import KeptLines
from lamina.models.json_files import LARGEST_FILE, parse_json, read_regular
from lamina.models.places import data_folder
from lamina.plugin.documents.presets import Preset, load_preset
from lamina.plugin.files.atomic import atomic_file

FOLDER_NAME, LIST_NAME, FAVOURITES_NAME = "presets", "presets.txt", "favourite-presets.txt"
MOST_ELSEWHERE, MOST_FAVOURITES = 100, 200
LONGEST_TITLE = 80
NOT_IN_NAMES = '/\\:*?"<>|'


@dataclass(frozen=True)
class OwnPreset:
    """A preset file and what it holds."""

    path: Path
    preset: Preset


class OwnPresets:
    """Presets in `folder`, and by their paths those elsewhere, which a list beside the folder keeps: a path a line.

    Args:
        data: the folder that holds both; the user's data folder if None.

    Files that are no presets, or aren't there any more, are passed over. `favourites` are those that the user has
    marked, Lamina's by their names and one's own by their paths.
    """

    def __init__(self, data: Path | None = None) -> None:
        data = data or data_folder()
        self.folder = data / FOLDER_NAME
        self._list = KeptLines(data / LIST_NAME, MOST_ELSEWHERE)
        self._favourites = KeptLines(data / FAVOURITES_NAME, MOST_FAVOURITES)

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

    def is_kept_here(self, path: Path) -> bool:
        """Whether a preset lies in the folder for them, and not elsewhere."""
        return path.resolve().parent == self.folder.resolve()

    def remember(self, path: Path) -> None:
        """Has a preset file listed from now on, wherever it lies; raises OSError if that can't be kept."""
        if not self.is_kept_here(path):
            self._list.put(str(path.resolve()))

    def remove(self, path: Path) -> bytes | None:
        """Deletes a preset of the folder and returns what it held; one that lies elsewhere is only listed no longer.

        Raises OSError or ValueError, and removes nothing.
        """
        if not self.is_kept_here(path):
            self._list.drop(str(path.resolve()))
            return None
        held = read_regular(path, LARGEST_FILE)
        path.unlink()
        return held

    def bring_back(self, path: Path, held: bytes | None) -> None:
        """Undoes `remove`; raises OSError, where another file has taken its place too."""
        if held is None:
            self._list.put(str(path.resolve()))
            return
        if path.exists():
            raise FileExistsError(f"Another preset is called {path.name} now.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as partial:
            partial.write_bytes(held)

    def rename(self, path: Path, title: str) -> Path:
        """Gives a preset another title, and its file the same name if it lies in the folder; returns its path now.

        Raises ValueError or OSError, and changes nothing.
        """
        title = title.strip()
        if not title or len(title) > LONGEST_TITLE or not title.isprintable():
            raise ValueError(f"A preset's name has 1 to {LONGEST_TITLE} letters; this one has {len(title)}.")
        target = path
        if self.is_kept_here(path):
            if title.startswith(".") or any(sign in NOT_IN_NAMES for sign in title):
                raise ValueError(
                    f"{title} can't be a file's name; leave out {NOT_IN_NAMES} and a dot at its beginning."
                )
            target = path.with_name(f"{title}.json")
            if target.exists() and not target.samefile(path):
                raise ValueError(f"There is a preset called {title} already; choose another name.")
        document: Any = parse_json(read_regular(path, LARGEST_FILE))
        document["title"] = title
        with atomic_file(target) as partial:
            partial.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if target != path and not (path.exists() and target.samefile(path)):
            path.unlink()
        if str(path) in self.favourites:
            self.mark(str(path), False)
            self.mark(str(target), True)
        return target

    @property
    def favourites(self) -> set[str]:
        """Names of Lamina's, and paths of one's own, that are marked."""
        return set(self._favourites.read())

    def mark(self, key: str, is_favourite: bool) -> None:
        """Marks a favourite, or no longer; raises OSError if that can't be kept."""
        (self._favourites.put if is_favourite else self._favourites.drop)(key)

    def _elsewhere(self) -> list[Path]:
        """What the list names, the latest first."""
        return [path for path in map(Path, self._list.read()) if path.is_absolute()]
