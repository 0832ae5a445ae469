"""The session on disk.

Whole or not at all, found again after a crash, kept by one process, and never in the sound's way.
"""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lamina.plugin.host.client import session_file
from lamina.plugin.host.client.session_file import (
    DEVICES_NAME,
    SESSION_NAME,
    SessionFile,
    devices_of_last_time,
    remember_devices,
    remembered_devices,
)
from lamina.plugin.host.device.device_settings import DeviceSettings

WAITED_SECONDS = 120  # a bound for busy machines, not a speed that is promised
SESSION = {"file": "/song.wav", "seconds": 12.5, "boards": {"A": ["Lämina"]}}
OTHER_APP = """
import sys, time
from pathlib import Path
from lamina.plugin.host.client.session_file import SessionFile
session = SessionFile(lambda: {"file": "/song.wav", "seconds": 12.5, "boards": {"A": ["Lämina"]}}, Path(sys.argv[1]))
session.save()
print("saved", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """Nothing is saved but what a test saves itself, unless it says otherwise."""
    monkeypatch.setattr(session_file, "SAVE_SECONDS", 3600.0)


@pytest.fixture
def other_app(tmp_path):
    """Another Lamina that has saved its session and goes on."""
    app = subprocess.Popen([sys.executable, "-P", "-c", OTHER_APP, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert app.stdout.readline() == "saved\n"
    yield app
    app.kill()
    app.wait()
    app.stdout.close()


def kept(folder, describe=lambda: None):
    return SessionFile(describe, folder)


def on_disk(folder):
    return json.loads((folder / SESSION_NAME).read_text(encoding="utf-8"))


def test_what_a_killed_app_left_is_found_and_offered_once(tmp_path, other_app):
    other_app.send_signal(signal.SIGKILL)
    other_app.wait()
    session = kept(tmp_path)
    assert session.unfinished == SESSION
    # It is not lost before it was taken over, even if this one is killed at once.
    assert on_disk(tmp_path)["session"] == SESSION
    session.close()
    after = kept(tmp_path)
    assert after.unfinished is None
    after.close()


def test_a_session_that_ended_in_order_is_not_offered(tmp_path):
    session = kept(tmp_path, lambda: SESSION)
    session.save()
    assert not on_disk(tmp_path)["is_finished"]
    session.close()
    assert on_disk(tmp_path) == {"schema": 1, "is_finished": True, "session": SESSION}
    after = kept(tmp_path)
    assert after.unfinished is None and after.trouble == ""
    after.close()


def test_a_second_app_leaves_the_first_ones_session_alone(tmp_path, other_app):
    before = (tmp_path / SESSION_NAME).read_bytes()
    second = kept(tmp_path, lambda: {"file": "/other.wav"})
    assert second.unfinished is None and second.trouble == ""
    second.save()
    second.close()
    assert (tmp_path / SESSION_NAME).read_bytes() == before
    assert other_app.poll() is None


def test_nothing_to_keep_yet_leaves_what_there_is(tmp_path, other_app):
    other_app.kill()
    other_app.wait()
    session = kept(tmp_path, lambda: None)
    session.save()
    assert on_disk(tmp_path)["session"] == SESSION
    session.close()


def test_it_is_saved_every_few_seconds_and_only_when_it_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(session_file, "SAVE_SECONDS", 0.01)
    described, n_asked, asked = {"seconds": 0}, 0, threading.Event()

    def describe():
        nonlocal n_asked
        n_asked += 1
        asked.set()
        return dict(described)

    session = kept(tmp_path, describe)
    until(lambda: (tmp_path / SESSION_NAME).exists())
    before = (tmp_path / SESSION_NAME).stat().st_mtime_ns
    n_before = n_asked
    until(lambda: n_asked > n_before + 5)
    assert (tmp_path / SESSION_NAME).stat().st_mtime_ns == before
    described["seconds"] = 1
    until(lambda: on_disk(tmp_path)["session"] == {"seconds": 1})
    session.close()


def until(is_so):
    deadline = time.monotonic() + WAITED_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_reader_finds_a_whole_file_at_any_moment(tmp_path):
    """Long and short sessions take turns: a file that is written in place would be cut or mixed at some moment."""
    lengths, number = (200_000, 10), 0

    def describe():
        nonlocal number
        number += 1
        return {"number": number, "text": str(number % 10) * lengths[number % 2]}

    session = kept(tmp_path, describe)
    session.save()
    is_over, seen, wrong = threading.Event(), set(), []

    def look():
        while not is_over.is_set():
            try:
                found = on_disk(tmp_path)["session"]
            except (OSError, ValueError) as error:
                wrong.append(error)
                continue
            seen.add(found["number"])
            if set(found["text"]) != {str(found["number"] % 10)} or len(found["text"]) != lengths[found["number"] % 2]:
                wrong.append(found["number"])

    reader = threading.Thread(target=look)
    reader.start()
    deadline = time.monotonic() + WAITED_SECONDS
    while (number < 300 or len(seen) < 20) and time.monotonic() < deadline:
        session.save()
    is_over.set()
    reader.join()
    session.close()
    assert wrong == [] and len(seen) >= 20
    # And no file half written is left behind.
    assert {path.name for path in tmp_path.iterdir()} == {SESSION_NAME, session_file.LOCK_NAME}


@pytest.mark.parametrize(
    "text", [b"", b'{"schema": 1, "is_fin', b"[1, 2]", b"{}", b"\xff\xfe\x00", b"null", b'{"schema": 1}']
)
def test_a_damaged_file_is_put_aside_and_not_destroyed(tmp_path, text):
    (tmp_path / SESSION_NAME).write_bytes(text)
    session = kept(tmp_path, lambda: SESSION)
    assert session.unfinished is None
    session.close()
    assert (tmp_path / "session.damaged.json").read_bytes() == text
    assert on_disk(tmp_path)["session"] == SESSION


@pytest.mark.parametrize("session", ["text", 7, None])
def test_a_session_that_is_no_object_is_not_offered(tmp_path, session):
    (tmp_path / SESSION_NAME).write_text(json.dumps({"schema": 1, "is_finished": False, "session": session}))
    opened = kept(tmp_path)
    assert opened.unfinished is None
    opened.close()


def onto_a_full_disk(path, text, **_options):
    path.write_bytes(text.encode()[: len(text) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_and_the_last_good_session_stays(tmp_path, monkeypatch):
    described = dict(SESSION)
    session = kept(tmp_path, lambda: dict(described))
    session.save()
    described["seconds"] = 99
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", onto_a_full_disk)
        session.save()
    assert str(tmp_path) in session.trouble and "No space left on device" in session.trouble
    assert on_disk(tmp_path)["session"] == SESSION
    assert {path.name for path in tmp_path.iterdir()} == {SESSION_NAME, session_file.LOCK_NAME}
    session.save()
    assert session.trouble == "" and on_disk(tmp_path)["session"]["seconds"] == 99
    session.close()


def test_a_folder_that_can_not_be_used_is_told_and_nothing_is_raised(tmp_path):
    (tmp_path / "file").write_text("no folder")
    session = kept(tmp_path / "file" / "lamina", lambda: SESSION)
    assert "can't be saved" in session.trouble
    session.save()
    session.close()


def test_a_folder_that_goes_away_is_told(tmp_path):
    folder = tmp_path / "stick"
    described = dict(SESSION)
    session = kept(folder, lambda: dict(described))
    session.save()
    (folder / SESSION_NAME).unlink()
    folder.rename(tmp_path / "away")
    described["seconds"] = 13
    session.save()
    assert "can't be saved" in session.trouble
    session.close()


def test_the_devices_of_last_time_come_back(tmp_path, data_folder):
    chosen = DeviceSettings(
        input="USB Ünit (ALSA)",
        output="virtual?fast",
        input_channels=(3,),
        sample_rate=44_100,
        buffer=64,
        margin_frames=1.5,
    )
    remember_devices(chosen, tmp_path / "new" / "folder")
    assert remembered_devices(tmp_path / "new" / "folder") == chosen
    # Nothing else lies there, and the user's own folder is where they go by themselves.
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [DEVICES_NAME]
    remember_devices(chosen)
    assert remembered_devices() == chosen and (data_folder / DEVICES_NAME).exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"buffer": 3}', '{"buffer": "256"}', '{"speed": 1}', '{"input": ""}', '{"input_channels": 3}'],
)
def test_devices_that_can_not_be_read_are_the_systems_own(tmp_path, text):
    (tmp_path / DEVICES_NAME).write_text(text)
    assert remembered_devices(tmp_path) == DeviceSettings()


def test_devices_that_can_not_be_written_raise_and_the_older_ones_stay(tmp_path, monkeypatch):
    remember_devices(DeviceSettings(buffer=64), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", onto_a_full_disk)
        with pytest.raises(OSError, match="No space"):
            remember_devices(DeviceSettings(buffer=128), tmp_path)
    assert remembered_devices(tmp_path) == DeviceSettings(buffer=64)


def test_another_versions_session_is_put_aside(tmp_path):
    newer = json.dumps({"schema": 2, "is_finished": False, "session": SESSION})
    (tmp_path / SESSION_NAME).write_text(newer)
    kept = SessionFile(lambda: SESSION, tmp_path)
    assert kept.unfinished is None
    kept.close()
    assert (tmp_path / "session.other.json").read_text() == newer


HOSTILE = {
    "deep": "[" * 100_000 + "]" * 100_000,
    "levels": '{"schema": 1, "is_finished": false, "session": ' + "[" * 100 + "]" * 100 + "}",
    "digits": '{"schema": 1, "is_finished": false, "session": {"seconds": ' + "9" * 400 + "}}",
    "many digits": '{"schema": 1, "is_finished": false, "session": {"seconds": ' + "9" * 5000 + "}}",
    "infinity": '{"schema": 1, "is_finished": false, "session": {"seconds": Infinity}}',
    "overflow": '{"schema": 1, "is_finished": false, "session": {"seconds": 1e999}}',
    "long text": '{"schema": 1, "is_finished": false, "session": {"title": "' + "x" * 20_000 + '"}}',
    "twice": '{"schema": 1, "schema": 1, "is_finished": false, "session": {}}',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_no_session_says_is_kept_under_another_name_and_told(tmp_path, text):
    (tmp_path / "session.damaged.json").write_text("an earlier one")
    (tmp_path / SESSION_NAME).write_text(text)
    session = kept(tmp_path, lambda: SESSION)
    assert session.unfinished is None
    assert "session.damaged 2.json" in session.lost and "can't be brought back" in session.lost
    session.close()
    assert (tmp_path / "session.damaged 2.json").read_text() == text
    assert (tmp_path / "session.damaged.json").read_text() == "an earlier one"
    assert on_disk(tmp_path)["session"] == SESSION


@pytest.mark.parametrize("name", [SESSION_NAME, session_file.LOCK_NAME, DEVICES_NAME])
def test_a_pipe_in_a_files_place_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    session = kept(tmp_path, lambda: SESSION)
    settings, trouble = devices_of_last_time(tmp_path)
    assert session.unfinished is None and settings == DeviceSettings()
    assert name in session.lost + session.trouble + trouble or "pipe" in session.lost + trouble
    session.close()


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{}x", '{"buffer": 1e999}', '{"input_channels": [1152921504606846976]}']
)
def test_damaged_devices_are_kept_under_another_name_and_told(tmp_path, text):
    (tmp_path / DEVICES_NAME).write_text(text)
    settings, trouble = devices_of_last_time(tmp_path)
    assert settings == DeviceSettings() and "devices.damaged.json" in trouble
    assert (tmp_path / "devices.damaged.json").read_text() == text
    assert devices_of_last_time(tmp_path) == (DeviceSettings(), "")
