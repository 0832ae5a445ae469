"""The app's session survives a kill and an orderly end.

File, place, loop, both boards, devices and the window's shape are there again, and that is said.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from gui_parts import PATIENCE_SECONDS, VIRTUAL, wait
from PyQt6.QtCore import Qt

from lamina.gui.look import theme
from lamina.gui.model import kept_session
from lamina.gui.model.kept_session import KeptSession
from lamina.gui.model.sound.player import PlayState
from lamina.gui.window import MainWindow
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.host.client.session_file import SESSION_NAME, remember_devices
from lamina.plugin.parameters.motion import Motion

# The app as it starts, on which a user plays, until it is killed.
PROGRAM = """
import sys
from pathlib import Path
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication
from lamina.gui.model.kept_session import KeptSession
from lamina.gui.window import MainWindow
from lamina.plugin.parameters.motion import Motion
from lamina.plugin.documents.presets import load_preset

app = QApplication(["lamina"])
kept = KeptSession(Path(sys.argv[1]))
session = kept.session
window = MainWindow(session, kept)
window.show()
window.load(Path(sys.argv[2]))

def play():
    if not session.can_play:
        QTimer.singleShot(50, play)
        return
    session.parameters.set("layers", 3)
    session.parameters.set("motions", (Motion("mix", "steps", steps=(0, 1)),))
    session.boards.choose("B")
    session.apply_preset(load_preset("clean-voice"))
    session.set_loop_region(2.0, 4.0)
    session.seek(3.0)
    session.devices.choose_buffer(512)
    window.toggle_play()

QTimer.singleShot(0, play)
app.exec()
"""


@pytest.fixture
def killed(data_folder, tmp_path):
    """What an app that was killed while it played left on the disk, and its session as it was saved last."""
    remember_devices(VIRTUAL)
    item = demo_items()[0]
    app = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path), str(item.path)], stdin=subprocess.DEVNULL)
    try:
        file = data_folder / SESSION_NAME
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert app.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
            if not file.exists():
                continue
            session = json.loads(file.read_text())["session"]
            if session["boards"]["chosen"] == "B" and session["engine"].get("clip", {}).get("is_playing"):
                break
    finally:
        os.kill(app.pid, signal.SIGKILL)
        app.wait()
    return json.loads(file.read_text())["session"]


@pytest.fixture
def reopened(qtbot, killed, monkeypatch, tmp_path):
    """Opens the app again, as it would start, with or without a file."""
    from PyQt6.QtWidgets import QApplication

    monkeypatch.setattr("lamina.gui.loading.probe_devices", list)
    theme.apply(QApplication.instance())
    windows = []

    def reopen(file=None):
        kept = KeptSession(tmp_path)
        window = MainWindow(kept.session, kept)
        windows.append(window)
        qtbot.addWidget(window)
        window.show()
        window.load(file)
        wait(qtbot, lambda: window.session.can_play and not window.background.is_busy)
        return window

    yield reopen
    for window in windows:
        window.close()


def test_everything_is_there_again_at_rest_after_a_kill_and_after_an_orderly_end(killed, reopened, qtbot):
    window = reopened()
    session, item = window.session, demo_items()[0]
    assert session.document.path.samefile(item.path) and session.document.title == killed["document"]["title"]
    assert session.player.state is PlayState.PAUSED
    assert (
        session.player.position_seconds == pytest.approx(killed["document"]["seconds"])
        and 2.0 <= session.player.position_seconds <= 4.0
    )
    assert session.loop_seconds == (2.0, 4.0) and session.is_looping and window.transport.loop_button.isChecked()
    assert session.boards.chosen == "B" and window.header.preset_button.text() == "Clean voice"
    assert session.parameters["denoise"] == killed["boards"]["states"]["B"]["values"]["denoise"] > 0
    assert session.devices.settings == VIRTUAL.changed(buffer=512) == session.engine.devices
    assert window.notice.isVisible() and "ended unexpectedly" in window.notice.label.text()
    assert not session.is_live and session.opened is None
    session.boards.choose("A")
    assert session.parameters["layers"] == 3 and session.codec.motions == (Motion("mix", "steps", steps=(0.0, 1.0)),)
    assert window.desk.motion.list.count() == 1 and window.desk.tabs.buttons["Motion"].has_dot
    window.toggle_play()
    wait(
        qtbot,
        # It may have been killed near the loop's end, and goes on at its beginning then.
        lambda: (
            session.opened is not None and abs(session.player.position_seconds - killed["document"]["seconds"]) > 0.1
        ),
    )
    window.toggle_play()
    wait(qtbot, lambda: session.player.state is PlayState.PAUSED)
    session.seek(2.5)
    session.boards.choose("B")
    session.parameters.set("layers", 5)
    window.resize(1100, 700)
    window.desk.open_tab("Bend")
    window.close()

    window = reopened()
    session = window.session
    assert session.document.path.samefile(item.path) and session.player.state is PlayState.PAUSED
    assert session.player.position_seconds == pytest.approx(2.5) and session.loop_seconds == (2.0, 4.0)
    assert session.boards.chosen == "B" and session.parameters["layers"] == 5
    assert window.header.preset_button.text() == "Clean voice" and window.header.preset_button.has_dot
    assert session.devices.settings == VIRTUAL.changed(buffer=512)
    assert (window.width(), window.height()) == (1100, 700) and window.desk.is_open and window.desk.tab == "Bend"
    # Nothing went wrong, and so nothing is said to have.
    assert "unexpectedly" not in window.notice.label.text()
    assert f"{session.document.title} is open again" in window.notice.label.text()


def test_what_one_is_called_on_a_line_is_kept(reopened):
    window = reopened()
    window.line_window.ends.name.setText("Ada")
    window.close()
    window = reopened()
    window.close()
    # Whether or not the line was looked at in between.
    window = reopened()
    assert window.line_window.line.name == window.line_window.ends.name.text() == "Ada"


def test_what_was_brought_back_can_be_left_for_a_fresh_start_and_taken_up_again(killed, reopened, qtbot):
    window = reopened()
    session = window.session
    assert window.notice.action_button.text() == "Start afresh" and session.boards.chosen == "B"
    qtbot.mouseClick(window.notice.action_button, Qt.MouseButton.LeftButton)
    for name in ("B", "A"):
        session.boards.choose(name)
        assert session.parameters["layers"] == 8 and session.parameters["motions"] == ()
        assert window.header.preset_button.text() == "Presets"
    assert session.document.title == killed["document"]["title"]
    qtbot.mouseClick(window.notice.action_button, Qt.MouseButton.LeftButton)
    assert session.boards.chosen == "B" and window.header.preset_button.text() == "Clean voice"
    session.boards.choose("A")
    assert session.parameters["layers"] == 3


def test_an_app_that_is_closed_before_it_has_loaded_forgets_nothing(killed, data_folder, tmp_path):
    kept = KeptSession(tmp_path)
    assert kept.is_unfinished
    kept.close()
    kept.session.close()
    again = KeptSession(tmp_path)
    assert not again.is_unfinished and again.document.title == killed["document"]["title"]
    assert again.restore_boards() == "" and again.session.boards.chosen == "B"
    again.close()
    again.session.close()


@pytest.mark.parametrize("is_damaged", [False, True])
def test_boards_on_which_much_is_drawn_are_read_beside_the_window(
    killed, reopened, data_folder, monkeypatch, is_damaged
):
    """As large presets are; what is small is there at once."""
    file, threads, read = data_folder / SESSION_NAME, [], kept_session.read_boards
    kept = json.loads(file.read_text())
    points = [index / 10 for index in range(20_000)]
    curve = {"target": "mix", "times": points, "values": [0.25] * len(points)}
    kept["session"]["boards"]["states"]["A"]["values"]["automation"] = [curve]
    if is_damaged:
        kept["session"]["boards"]["states"]["A"]["values"]["layers"] = 99
    file.write_text(json.dumps(kept))

    def read_here(document):
        threads.append(threading.current_thread())
        return read(document)

    monkeypatch.setattr(kept_session, "read_boards", read_here)
    window = reopened()
    (thread,) = threads
    assert thread is not threading.current_thread()
    session = window.session
    assert session.document.path.samefile(demo_items()[0].path)
    if is_damaged:
        assert session.boards.chosen == "A" and "layers" in window.notice.label.text()
        return
    assert session.boards.chosen == "B" and "ended unexpectedly" in window.notice.label.text()
    session.boards.choose("A")
    assert session.parameters["layers"] == 3 and session.parameters["automation"][0].times == tuple(points)


def test_a_file_that_is_named_wins_and_the_settings_are_restored(killed, reopened):
    window = reopened(demo_items()[1].path)
    session = window.session
    assert session.document.path == demo_items()[1].path and session.loop_seconds is None
    assert session.player.position_seconds == 0.0 and session.boards.chosen == "B"
    assert "ended unexpectedly" in window.notice.label.text()


@pytest.mark.parametrize("damage", ["boards", "document", "file gone", "all"])
def test_what_cannot_be_brought_back_is_told_and_the_app_starts(killed, reopened, data_folder, damage):
    file = data_folder / SESSION_NAME
    kept = json.loads(file.read_text())
    if damage == "boards":
        kept["session"]["boards"]["states"]["B"]["values"]["layers"] = 99
    elif damage == "document":
        kept["session"]["document"] = {"path": 3}
    elif damage == "file gone":
        kept["session"]["document"]["path"] = str(data_folder / "gone.wav")
    else:
        kept["session"] = {"engine": [], "boards": None, "document": "x"}
    file.write_text(json.dumps(kept))
    window = reopened()
    session = window.session
    assert session.document.path.samefile(demo_items()[0].path)
    if damage in ("boards", "all"):
        assert session.parameters["layers"] == 8 and session.boards.chosen == "A"
    else:
        assert session.boards.chosen == "B" and session.player.position_seconds == 0.0
    words = {
        "boards": "layers",
        "document": "as they were",
        "file gone": "isn't there any more",
        "all": "can't be brought back",
    }
    assert window.notice.isVisible() and words[damage] in window.notice.label.text()
