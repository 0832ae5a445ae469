"""The user's own bundles: where they are and what they may be called (`bundle.install_bundle` puts one there).

They lie in the user's data folder under `bundles/NAME`, beside `runs/NAME`, where training keeps its checkpoints.
"""

from __future__ import annotations

import re
from pathlib import Path

from lamina.models.places import data_folder

LONGEST_NAME = 64
_NAME = re.compile(rf"\w(?:[\w .-]{{0,{LONGEST_NAME - 2}}}[\w-])?")


def own_bundles_folder() -> Path:
    """Where the user's own bundles are; it need not exist."""
    return data_folder() / "bundles"


def run_folder(name: str) -> Path:
    """Where training keeps the run that becomes the user's bundle `name`."""
    return data_folder() / "runs" / name


def own_bundle_names() -> list[str]:
    """Names of the user's own bundles, damaged ones too."""
    try:
        return sorted(path.name for path in own_bundles_folder().iterdir() if path.is_dir() and is_name(path.name))
    except OSError:
        return []


def is_name(text: str) -> bool:
    """Whether `text` can be a bundle's name.

    Names are letters, digits, spaces, "-", "_" and "."; nothing in them can lead out of a folder.
    """
    return _NAME.fullmatch(text) is not None


def check_free(name: str, shipped: list[str], replace: bool) -> None:
    """Raises ValueError with a sentence if the user can't have a bundle called `name`.

    Args:
        name: what it shall be called.
        shipped: names that come with Lamina.
        replace: whether a bundle of the user's own may be replaced.
    """
    if not is_name(name):
        raise ValueError(
            f"{name!r} can't be the name of a model. Use 1 to {LONGEST_NAME} letters, digits, spaces, '-', '_' or '.', "
            "beginning with a letter or digit and not ending with a space or a dot."
        )
    # Without regard to case, because some file systems have none.
    if name.casefold() in {one.casefold() for one in shipped}:
        raise ValueError(f"A model called {name!r} comes with Lamina. Choose another name for yours.")
    taken = {one.casefold(): one for one in own_bundle_names()}.get(name.casefold())
    if taken is not None and taken != name:
        raise ValueError(
            f"You already have a model called {taken!r}, which is too much like {name!r}. Choose another name."
        )
    if taken is not None and not replace:
        raise ValueError(
            f"You already have a model called {taken!r}. Choose another name, or give --replace to replace it once the "
            "new one is complete."
        )


def check_own(name: str) -> None:
    """Raises ValueError with a sentence if the user has no model called `name`; a damaged one counts too."""
    names = own_bundle_names()
    if name not in names:
        yours = f"Yours are {', '.join(names)}" if names else "You have none of your own"
        raise ValueError(f"You have no model called {name!r}. {yours}; those that come with Lamina can't be changed.")
