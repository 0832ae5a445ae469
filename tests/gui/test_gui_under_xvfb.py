"""The real app as its own process on a real X11 screen: its window appears, and it ends when it is told to."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from lamina.plugin.demo_items.items import demo_items

PATIENCE_SECONDS = 60  # a bound for busy machines, not a speed that is promised

pytestmark = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed (Debian: xvfb)")


@pytest.fixture
def screen(tmp_path):
    """A virtual screen of its own: its display's name and the file its pixels are in."""
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-fbdir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    number = server.stdout.readline().strip()
    if not number:
        server.wait()
        pytest.skip("Xvfb can't open a screen here")
    yield f":{number}", tmp_path / "Xvfb_screen0"
    server.terminate()
    server.wait()


def share_lit(screen_file):
    """Share of the screen's bytes that are neither black nor the file's header, 0–1."""
    pixels = screen_file.read_bytes()[-1280 * 800 * 4 :]
    return 1.0 - pixels.count(0) / len(pixels)


def environment(**changes):
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")
    }
    return {**kept, **changes}


def wait_until(condition, process):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, f"the app ended by itself: {process.stderr.read()}"
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_window_appears_and_closes_when_told(screen, number):
    display, screen_file = screen
    command = [sys.executable, "-m", "lamina", "app", str(demo_items()[1].path)]
    app = subprocess.Popen(
        command, env=environment(DISPLAY=display), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert share_lit(screen_file) < 0.01
        # The window covers the screen; of its four bytes a pixel, the unused one is zero.
        wait_until(lambda: share_lit(screen_file) > 0.6, app)
        time.sleep(1.0)
        app.send_signal(number)
        out, errors = app.communicate(timeout=PATIENCE_SECONDS)
    finally:
        if app.poll() is None:
            app.kill()
            app.wait()
    assert (app.returncode, out) == (0, "")
    assert "Traceback" not in errors


@pytest.mark.parametrize("variables", [{}, {"DISPLAY": ":4711"}, {"DISPLAY": ":4711", "QT_QPA_PLATFORM": "xcb"}])
def test_without_a_display_one_sentence_says_so(variables):
    command = [sys.executable, "-m", "lamina", "app"]
    done = subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("lamina: ") and done.stderr.count("\n") == 1 and "lamina render" in done.stderr
