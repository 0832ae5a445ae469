"""The window is never larger than the screen has room for, on any screen."""

import json
import os
import subprocess
import sys

import pytest
from gui_parts import PATIENCE_SECONDS

PROGRAM = """
import sys
from pathlib import Path
from PyQt6.QtWidgets import QApplication
from lamina.gui.look import theme
from lamina.gui.model.kept_session import KeptSession
from lamina.gui.window import MainWindow

app = QApplication(["lamina"])
theme.apply(app)
kept = KeptSession(Path(sys.argv[1]))
window = MainWindow(kept.session, kept)
window.show()
app.processEvents()
free, frame, status = app.primaryScreen().availableGeometry(), window.frameGeometry(), window.status
lowest = status.mapTo(window, status.rect().bottomRight())
areas = (free, frame, window)
print(*(side for area in areas for side in (area.width(), area.height())), lowest.x(), lowest.y())
window.close()
"""


def shown_on(tmp_path, width, height, scale=1):
    """What the program prints on such a screen."""
    screen = {"name": "screen", "x": 0, "y": 0, "width": width, "height": height, "dpr": scale}
    (tmp_path / "screen.json").write_text(json.dumps({"screens": [{**screen, "logicalDpi": 96, "logicalBaseDpi": 96}]}))
    platform = f"offscreen:configfile={tmp_path / 'screen.json'}"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "QT_QPA_PLATFORM": platform},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return [int(number) for number in done.stdout.split()]


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(1920, 1080, (1280, 800)), (1366, 768, (1280, 728)), (1280, 800, (1272, 760)), (1024, 600, (1016, 560))],
)
def test_the_window_and_its_frame_fit_the_screen(tmp_path, width, height, expected):
    free_width, free_height, frame_width, frame_height, *shown, right, bottom = shown_on(tmp_path, width, height)
    assert (free_width, free_height) == (width, height)
    assert tuple(shown) == expected
    assert frame_width <= width and frame_height <= height
    # The last line of the window is inside it, and so on the screen.
    assert right < shown[0] and bottom < shown[1]


def test_a_window_that_was_left_on_a_larger_screen_fits_a_smaller_one(tmp_path, data_folder):
    kept = {"window": {"width": 1900, "height": 1000, "is_maximized": False, "tab": ""}}
    (data_folder / "session.json").write_text(json.dumps({"schema": 1, "is_finished": True, "session": kept}))
    assert shown_on(tmp_path, 1366, 768)[4:6] == [1358, 728]


@pytest.mark.parametrize(
    "window", ["x", {"width": 1e999, "height": 3}, {"width": -4, "height": 700, "is_maximized": False, "tab": ""}]
)
def test_a_shape_that_makes_no_sense_is_not_taken(tmp_path, data_folder, window):
    left = {"schema": 1, "is_finished": True, "session": {"window": window}}
    (data_folder / "session.json").write_text(json.dumps(left))
    assert shown_on(tmp_path, 1920, 1080)[4:6] == [1280, 800]
