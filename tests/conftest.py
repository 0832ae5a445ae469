"""What every test needs.

Windows drawn off screen unless QT_QPA_PLATFORM says otherwise, and a data folder of its own.
"""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Processes that share the cores: a thread for every core in each would be in the others' way. numpy isn't there yet.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
# On a screen of usual size: the one that Qt draws on by itself is smaller than the window.
os.environ.setdefault("QT_QPA_PLATFORM", f"offscreen:configfile={Path(__file__).with_name('screen.json')}")
# Shells start what runs in the background with Ctrl-C ignored, `nohup` what is to outlive its terminal with hanging up
# ignored, and what tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# How long an example takes is the machine's business, which may be a busy one.
settings.register_profile("lamina", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lamina")

ROOM_MARKS = {"gui": "gui", "live": "audio", "training": "torch"}
"""Rooms whose tests all need the same: `pytest -m "not torch"` leaves the whole room out."""


WAITING_ROOMS = ("live", "line", "gui")
"""Rooms whose files take longest by the clock: begun last, one would keep one process busy after all the others."""


def pytest_collection_modifyitems(items):
    """Marks every test of those rooms, and puts first what takes longest."""
    for item in items:
        if room_of(item) in ROOM_MARKS:
            item.add_marker(ROOM_MARKS[room_of(item)])
    items.sort(key=lambda item: room_of(item) not in WAITING_ROOMS)


def room_of(item) -> str:
    """The folder of tests that a test lies in."""
    return item.path.relative_to(Path(__file__).parent).parts[0]


@pytest.fixture(autouse=True)
def data_folder(tmp_path_factory, monkeypatch):
    """Where models of one's own go in this test: never the user's own folder."""
    folder = tmp_path_factory.mktemp("lamina-data")
    monkeypatch.setenv("LAMINA_DATA", str(folder))
    return folder


@pytest.fixture(autouse=True)
def numbers_stay_exact():
    """Whatever a test loads: a plugin built with fast maths has its thread take the smallest numbers for zero."""
    from lamina.dsp.float_mode import float_mode_kept

    with float_mode_kept():
        yield


@pytest.fixture
def undenoising_bundle(tmp_path):
    """Folder of a copy of the shipped bundle that says that it was never trained to denoise."""
    from lamina.models.bundles.bundle import DEFAULT_BUNDLE, weights_folder

    folder = tmp_path / "undenoising"
    shutil.copytree(weights_folder() / DEFAULT_BUNDLE, folder)
    manifest = folder / "model.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"conditioned": False}))
    return folder
