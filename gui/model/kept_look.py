"""How the user wants the app to look: its theme and its size, kept in the data folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lamina.models.json_files import parse_json, read_regular
from lamina.models.places import data_folder
from lamina.plugin.files.atomic import atomic_file

FILE_NAME = "look.json"
LARGEST_BYTES = 1 << 12
SIZES = (100, 110, 125, 150, 175, 200)
"""Of everything in a window, in percent of what the screen asks for."""


@dataclass(frozen=True)
class Look:
    """A theme by its name, "dark" as it is at first, and a size in percent."""

    theme: str = "dark"
    size: int = 100


class KeptLook:
    """Args:
    data: the folder it lies in; the user's data folder if None.
    """

    def __init__(self, data: Path | None = None) -> None:
        self._path = (data or data_folder()) / FILE_NAME

    def read(self) -> Look:
        """What was kept; the usual look where there is none, or none that can be read."""
        try:
            kept: Any = parse_json(read_regular(self._path, LARGEST_BYTES))
            theme, size = str(kept["theme"]), int(kept["size"])
        except (OSError, ValueError, LookupError, TypeError):
            return Look()
        return Look(theme, size if size in SIZES else 100)

    def keep(self, look: Look) -> None:
        """Has it so from now on; raises OSError if that can't be kept."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._path) as partial:
            partial.write_text(json.dumps(asdict(look)) + "\n", encoding="utf-8")
