"""While a file is being opened, the window says so where the file will be, how far it is, and lets one give it up."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from gui_parts import wait, write_sound
from PyQt6.QtCore import Qt

from lamina.gui.model.files.document import Document
from lamina.gui.model.session import Session
from lamina.gui.window import MainWindow
from lamina.plugin.files.sound import ReadCancelled

pytest_plugins = ["gui_fixtures"]


@pytest.fixture
def slow(monkeypatch):
    """Opening stops at 38 % until `slow.set()`, and looks meanwhile whether it is still wanted."""
    go_on, real = threading.Event(), Document.open

    def open_slowly(path, title=None, progress=None, cancelled=None):
        progress(0.38)
        while not go_on.wait(0.01):
            if cancelled():
                raise ReadCancelled("cancelled")
        return real(path, title, progress, cancelled)

    monkeypatch.setattr(Document, "open", open_slowly)
    yield go_on
    go_on.set()


@pytest.fixture
def starting(qtbot, engine, tmp_path, monkeypatch, sound, slow):
    """The window as it starts with a file that takes long."""
    monkeypatch.setattr("lamina.gui.loading.probe_devices", list)
    window = MainWindow(Session(engine, tmp_path / "takes"))
    qtbot.addWidget(window)
    window.show()
    window.load(sound)
    yield window
    slow.set()
    window.close()


def test_a_start_with_a_long_file_says_what_it_waits_for(starting, qtbot, slow, sound):
    window, words = starting, "Opening two tones.wav…  38 %"
    wait(qtbot, lambda: window.waveform._opening == (words, 0.38))
    assert window.waveform.accessibleDescription() == words
    wait(qtbot, window.status.work_strip.isVisible)
    assert window.status.work_bar.value() == 380 and window.status.work_share.text() == "38 %"
    assert window.status.remark.text() == words and window.status.cancel_button.isVisible()
    # Nothing can be played yet, and nobody is told to.
    assert window.spectra.input_view._hint == "" and window.session.document is None
    window.toggle_play()
    assert window.notice.label.text() == words
    slow.set()
    wait(qtbot, lambda: window.session.can_play)
    wait(qtbot, lambda: window.waveform._opening is None and not window.status.work_strip.isVisible())
    assert window.spectra.input_view._hint == "Press Space to play"


def test_opening_is_given_up_and_the_window_says_what_to_do(starting, qtbot, slow):
    window = starting
    wait(qtbot, window.status.work_strip.isVisible)
    qtbot.mouseClick(window.status.cancel_button, Qt.MouseButton.LeftButton)
    assert "two tones.wav was not opened" in window.notice.label.text()
    wait(qtbot, lambda: "Open a sound file" in window.waveform._message and window.waveform._opening is None)
    wait(qtbot, lambda: not window.status.work_strip.isVisible())
    assert window.session.document is None and window.spectra.input_view._hint == ""


def test_what_is_open_stays_when_another_file_is_given_up(window, qtbot, slow, sound):
    before = window.session.document
    window.open(sound)
    wait(qtbot, lambda: window.waveform._opening is not None and window.status.work_strip.isVisible())
    window.status.cancel_button.click()
    wait(qtbot, lambda: not window.background.is_busy)
    assert window.session.document is before and window.waveform._document is before
    assert window.waveform._opening is None
    slow.set()
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)


@pytest.mark.parametrize("how", ["opened", "brought back"])
def test_what_a_killed_export_left_beside_a_file_is_gone_when_that_is_open_again(window, qtbot, tmp_path, how):
    folder = tmp_path / "songs"
    folder.mkdir()
    path = write_sound(folder / "song.wav", 8000, np.zeros((1, 1600)))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = folder / f".song 6 kbps-lamina-{os.getpid()}-0123abcd.wav"
    left = folder / f".song 6 kbps-lamina-{ended.pid}-0123abcd.wav"
    for file in (mine, left):
        file.write_bytes(b"RIFF")
    if how == "opened":
        window.loader.open(path)
    else:
        kept = SimpleNamespace(restore_place=lambda _left: None, lost="")
        window.loader._kept = kept
        window.loader._open_again(SimpleNamespace(path=path, title="Song"))
    wait(qtbot, lambda: not left.exists() and window.loader._opening is None)
    window.loader._kept = None
    assert mine.exists() and path.exists()
