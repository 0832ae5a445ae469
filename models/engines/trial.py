"""Whether a model's graphs come to an end: tried in a process of its own, which can be ended.

A graph may hold anything that ONNX Runtime can compute, and one product of two large arrays takes minutes that nothing
in this process could cut short. Graphs whose work depends on the sound are refused
(`lamina.models.bundles.graph_work`), and how much comes in a call is one of a few sizes, each of which is tried here
(`lamina.models.engines.pieces`): so what comes to an end here does so with every sound.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys

from lamina.models.bundles.bundle import Bundle, BundleError, weights_folder
from lamina.models.places import data_folder

MOST_CPU_SECONDS = 30
"""For opening a bundle and computing its example and every size of call; a usual one takes two or three of them."""
MOST_SECONDS = 10 * MOST_CPU_SECONDS
"""By the clock, which a busy machine may need, and where a system doesn't limit a process's computing."""
MOST_BYTES = 8 << 30
FOLDER = "tried-in-all-sizes"
"""In the user's data folder: an empty file for each bundle that came to an end, called by its digest."""


def check_it_ends(bundle: Bundle) -> None:
    """Raises BundleError if a bundle's graphs take too long, or too much memory, over its example.

    Those that come with Lamina are known, and one that was tried before isn't tried again.
    """
    if bundle.path.parent == weights_folder():
        return
    mark = data_folder() / FOLDER / bundle.digest
    if mark.is_file():
        return
    limits = str(MOST_CPU_SECONDS), str(MOST_BYTES)
    command = [sys.executable, "-m", "lamina.models.engines.trial_process", str(bundle.path), *limits]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=MOST_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise _does_not_end(bundle) from error
    if done.returncode < 0:
        raise _does_not_end(bundle)
    if done.returncode == 0:
        # A sentence about all else comes from whoever computes it here.
        with contextlib.suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()


def _does_not_end(bundle: Bundle) -> BundleError:
    return BundleError(
        f"The bundle {bundle.path} can't be used: its graphs took more than {MOST_CPU_SECONDS} s of computing, or more "
        f"than {MOST_BYTES >> 30} GB, for seconds of sound. Take another model, or a smaller one."
    )
