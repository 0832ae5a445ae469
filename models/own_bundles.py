"""The user's own bundles: where they are, what they may be called, and how one gets there.

They lie in the user's data folder under `bundles/NAME`, beside `runs/NAME`, where training keeps its checkpoints. The
environment variable LAMINA_DATA names another data folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

DATA_VARIABLE = "LAMINA_DATA"
LONGEST_NAME = 64
_NAME = re.compile(rf"\w(?:[\w .-]{{0,{LONGEST_NAME - 2}}}[\w-])?")


def data_folder() -> Path:
    """The user's data folder for Lamina; it need not exist."""
    named = os.environ.get(DATA_VARIABLE)
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("lamina"))


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
    """Whether `text` can be a bundle's name: letters, digits, spaces, "-", "_", ".", and nothing that could lead out of a folder."""
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
        raise ValueError(f"You already have a model called {taken!r}, which is too much like {name!r}. Choose another name.")
    if taken is not None and not replace:
        raise ValueError(
            f"You already have a model called {taken!r}. Choose another name, or give --replace to replace it once the new one is complete."
        )


def install_bundle(source: Path, name: str) -> Path:
    """Copy the bundle in the folder `source` to the user's own as `name`; returns its folder.

    An existing one of that name stays until the copy is complete and verified. Raises BundleError if the copy is not a sound
    bundle, OSError if it can't be written; the old one is still there then.
    """
    from lamina.models.bundle import open_bundle

    folder = own_bundles_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    # A name with a dot in front is never listed as a bundle, whatever interrupts the copying.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".installing-") as temporary:
        fresh, old = Path(temporary) / "new", Path(temporary) / "old"
        shutil.copytree(source, fresh)
        open_bundle(fresh)
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    return target
