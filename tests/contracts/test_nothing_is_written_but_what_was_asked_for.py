"""No side effects: what was not asked for is not written, not into the home, the temporary nor the working folder."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from pedalboard.io import AudioFile
from sounds import noise

PATIENCE_SECONDS = 120  # a bound for busy machines, not a speed that is promised

RUN = """
import json, sys
from lamina.cli.main import main
for command in json.loads(sys.argv[1]):
    try:
        main(command)
    except SystemExit as end:
        assert not end.code, (command, end.code)
"""
GROUPS = {
    "reading": (
        [
            ["inspect", "a.lamina", "--json"],
            ["info", "--json"],
            ["presets"],
            ["models", "list"],
            ["rivals"],
            ["compare", "a.wav", "--with", "lamina:3", "--metrics", "si_sdr", "--no-cache"],
        ],
        set(),
    ),
    "writing": (
        [
            ["render", "a.wav", "out.flac", "--kbps", "3", "-q"],
            ["render", "a.wav", "b.ogg", "folder/", "-q"],
            ["encode", "a.wav", "again.lamina", "--kbps", "3", "-q"],
            ["decode", "a.lamina", "back.wav", "-q"],
        ],
        {f"cwd/{name}" for name in ("out.flac", "folder", "folder/a.wav", "folder/b.ogg", "again.lamina", "back.wav")},
    ),
    "remembering": (
        [["compare", "a.wav", "--with", "lamina:3", "--metrics", "si_sdr"], ["data", "check", "."]],
        {"home/.cache", "home/.cache/lamina", "home/.cache/lamina/scores.sqlite3", "home/.cache/lamina/cwd.lpack"},
    ),
}
"""Commands, and what may be there afterwards that was not before."""


@pytest.fixture
def places(tmp_path):
    """A home, a temporary and a working folder with sounds and codes in it, and the environment that names them."""
    for name in ("home", "temporary", "cwd"):
        (tmp_path / name).mkdir()
    sound = noise(2, 8000, level=0.1)
    for name in ("a.wav", "b.ogg"):
        with AudioFile(str(tmp_path / "cwd" / name), "w", 44_100, 2) as file:
            file.write(sound)
    ours = ("LAMINA_", "XDG_", "TMP", "TEMP", "PYTEST_", "DISPLAY", "WAYLAND_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment = kept | {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}
    run(tmp_path, environment, [["encode", "a.wav", "a.lamina", "-q"]])
    return tmp_path, environment


def run(folder, environment, commands):
    call = [sys.executable, "-c", RUN, json.dumps(commands)]
    done = subprocess.run(
        call, env=environment, cwd=folder / "cwd", capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr


def state(folder):
    """Everything in a folder: kinds, permissions, times of change and contents."""
    found = {}
    for path in sorted(folder.rglob("*")):
        told = path.lstat()
        is_file = path.is_file() and not path.is_symlink()
        found[str(path.relative_to(folder))] = (
            (told.st_mode, told.st_mtime_ns, path.read_bytes()) if is_file else (told.st_mode, 0, b"")
        )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", GROUPS)
def test_commands_write_what_they_were_asked_for_and_nothing_else(name, places):
    folder, environment = places
    commands, expected = GROUPS[name]
    before = state(folder)
    run(folder, environment, commands)
    after = state(folder)
    assert {path: after.get(path) for path in before} == before
    new = {re.sub(r"cwd-[-0-9a-f]+\.lpack$", "cwd.lpack", path) for path in set(after) - set(before)}
    assert new == expected


USE = """
import numpy as np
import lamina
from lamina import Board, NeuralCodec, read_audio
sound = read_audio("a.wav")
codec = NeuralCodec(kbps=3.0)
wet = Board([codec])(sound.samples, sound.sample_rate)
codec.decode(codec.encode(sound.samples, sound.sample_rate))
"""


@pytest.mark.slow
def test_a_script_that_reads_and_computes_writes_nothing(places):
    folder, environment = places
    before = state(folder)
    done = subprocess.run([sys.executable, "-c", USE], env=environment, cwd=folder / "cwd", timeout=PATIENCE_SECONDS)
    assert done.returncode == 0 and state(folder) == before


@pytest.mark.slow
@pytest.mark.gui
def test_the_app_writes_into_its_data_folder_and_nowhere_else(places):
    pytest.importorskip("PyQt6")
    folder, environment = places
    data = folder / "home/.local/share/lamina"
    before = state(folder)
    app = subprocess.Popen(
        [sys.executable, "-m", "lamina", "app", "a.wav"],
        env=environment | {"QT_QPA_PLATFORM": "offscreen"},
        cwd=folder / "cwd",
    )
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while not (data / "session.json").exists():
            assert app.poll() is None and time.monotonic() < end
            time.sleep(0.1)
        app.send_signal(signal.SIGTERM)
        assert app.wait(PATIENCE_SECONDS) == 0
    finally:
        app.kill()
        app.wait()
    after = state(folder)
    assert {path: after.get(path) for path in before} == before
    new = set(after) - set(before)
    written = {path for path in new if (folder / path).is_file()}
    assert written and all(path.startswith("home/.local/share/lamina/") for path in written), sorted(new)
