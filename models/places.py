"""Where the user's own things lie: models, runs, the session.

The environment variable LAMINA_DATA names another folder.
"""

from __future__ import annotations

import os
from pathlib import Path

DATA_VARIABLE = "LAMINA_DATA"


def data_folder() -> Path:
    """The user's data folder for Lamina; it need not exist."""
    named = os.environ.get(DATA_VARIABLE)
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("lamina"))
