"""Rival codecs in board documents: {"effect": "rival.opus", "kbps": 12.0, "options": {"frame_ms": 20, …}}.

The codecs themselves, twenty modules, are loaded once a document names one: most never do.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lamina.plugin.rivals.coding.rival import Rival

RIVAL = "rival."
"""Before a rival's name in the field "effect"."""


def rival_names() -> list[str]:
    """All that may stand in the field "effect"."""
    from lamina.plugin.rivals.registry import RIVALS

    return [RIVAL + name for name in RIVALS]


def is_kept(rival: Rival) -> bool:
    """Whether it is one of Lamina's own, which another process can make again."""
    from lamina.plugin.rivals.registry import CLASSES

    return type(rival) in CLASSES


def describe_rival(rival: Rival) -> dict[str, Any]:
    """A rival's entry, with all its options."""
    return {"effect": RIVAL + rival.NAME, "kbps": rival.kbps, "options": dict(rival.options)}


def check_programs(entry: dict[str, Any], allowed: frozenset[Path] | None) -> None:
    """Refuse an entry that names programs of EVS in a folder that isn't allowed.

    Args:
        entry: a rival's.
        allowed: folders that may be named, None for all; the one that LAMINA_EVS names always may.

    Raises ValueError.
    """
    from lamina.plugin.rivals.evs import EVS, EVS_VARIABLE

    options = entry.get("options")
    if entry.get("effect") != RIVAL + EVS.NAME or not isinstance(options, dict) or "folder" not in options:
        return
    folder, own = options["folder"], os.environ.get(EVS_VARIABLE)
    if allowed is None or not folder:
        return
    known = allowed | ({Path(own).resolve()} if own else frozenset())
    if not isinstance(folder, str) or Path(folder).resolve() not in known:
        raise ValueError(
            f"The board document wants to run EVS's programs in {folder!r}: if you trust the document, allow it with "
            "allow_vst3=True or a list of folders."
        )


def read_rival(entry: dict[str, Any]) -> Rival:
    """The rival of an entry whose fields are known ones; what is left out has its default.

    Raises TypeError or ValueError with a sentence, also where the rival lacks something here (RivalMissingError).
    """
    from lamina.plugin.rivals.registry import make

    kbps, options = entry.get("kbps"), entry.get("options", {})
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise ValueError('"options" must be values by name')
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"the option {name} is {value!r}; it must be text or a number")
        if name == "kbps":
            raise ValueError('"kbps" stands beside "options", not in them')
    return make(entry["effect"].removeprefix(RIVAL), kbps, **options)
