"""What the tests of the app share: waiting, threads, and what a user does."""

import threading
import time

import numpy as np
from pedalboard.io import AudioFile

from lamina.plugin.host.device.device_settings import DeviceSettings

PATIENCE_SECONDS = 60  # a bound for busy machines, not a speed that is promised
VIRTUAL = DeviceSettings(output="virtual", input="virtual")


def wait(qtbot, condition):
    """Runs Qt until something has happened."""
    qtbot.waitUntil(lambda: bool(condition()), timeout=1000 * PATIENCE_SECONDS)


def wait_for(session, condition):
    """The same without Qt: the session's own turns go on meanwhile."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        session.tick(0.01)
        time.sleep(0.01)


def lamina_threads():
    """Threads of the app, without those that look after an engine."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("lamina-") and not name.startswith("lamina-engine")]


def write_sound(path, sample_rate, samples):
    """A sound file of `[channels, n]`; its path."""
    with AudioFile(str(path), "w", sample_rate, len(samples)) as file:
        file.write(np.asarray(samples, np.float32))
    return path


def choose(monkeypatch, name):
    """Has the next file dialog answered with `name`, in the folder it opens with."""

    def answer(dialog):
        dialog.selectFile(name)
        return 1

    from PyQt6.QtWidgets import QFileDialog

    monkeypatch.setattr(QFileDialog, "exec", answer)


def drop(window, *paths):
    """Drops files on the window."""
    from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
    from PyQt6.QtGui import QDropEvent

    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    actions, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(10, 10), actions, mime, button, keys))
