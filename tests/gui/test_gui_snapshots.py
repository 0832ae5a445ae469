"""The session is described without holding up the window, however much is drawn on its boards."""

import json
import threading
from types import SimpleNamespace

import pytest

from lamina.gui.model import kept_session
from lamina.gui.model.kept_session import KeptSession
from lamina.gui.model.values.boards import BoardsAsText
from lamina.plugin import Automation
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.host.client import session_file
from lamina.plugin.parameters.kinds import Parameter
from lamina.plugin.parameters.motion import MovingParameter

pytest_plugins = ["gui_fixtures"]

N_POINTS = 5000


@pytest.fixture
def drawn(session):
    """A session with a curve of many points on board A."""
    times = tuple(index / 10 for index in range(N_POINTS))
    session.parameters.set("automation", (Automation("mix", times, (0.25,) * N_POINTS),))
    return session


@pytest.fixture
def asked(monkeypatch):
    """The threads on which values are made JSON."""
    threads = []
    for kind in (Parameter, MovingParameter):
        plain = kind.plain

        def counted(parameter, value, plain=plain):
            threads.append((parameter.name, threading.current_thread()))
            return plain(parameter, value)

        monkeypatch.setattr(kind, "plain", counted)
    return threads


def made_here(asked):
    """Without what the engine's own threads follow."""
    return [name for name, thread in asked if thread is threading.current_thread()]


def test_only_what_changed_is_written_anew(drawn, asked):
    texts, boards = BoardsAsText(), drawn.boards
    asked.clear()
    before = texts.document(boards.snapshot())
    assert "automation" in made_here(asked)
    asked.clear()
    drawn.parameters.set("layers", 3)
    asked.clear()
    after = texts.document(boards.snapshot())
    assert made_here(asked) == ["layers"]
    assert before["states"]["A"]["values"]["layers"] == "8" and after["states"]["A"]["values"]["layers"] == "3"
    text = session_file.json_text(after)
    assert json.loads(text) == json.loads(json.dumps(boards.document()))


def test_the_windows_thread_only_notes_what_there_is(drawn, asked, engine, monkeypatch, tmp_path):
    # What it would take to write the session is done on the thread that saves it.
    monkeypatch.setattr(kept_session, "LiveEngine", lambda *_args, **_more: engine)
    monkeypatch.setattr(session_file, "SAVE_SECONDS", 3600.0)
    kept = KeptSession(tmp_path, tmp_path)
    kept.session = drawn
    opened = SimpleNamespace(opened=demo_items()[0].path, title="x", seconds=1.0)
    monkeypatch.setattr(drawn, "document", opened)
    written = []
    monkeypatch.setattr(session_file, "json_text", lambda data: written.append(data) or json.dumps({}))
    asked.clear()
    kept.look()
    assert not made_here(asked) and written == []
    saving = threading.Thread(target=kept._file.save)
    saving.start()
    saving.join()
    assert saving in {thread for _, thread in asked} and not made_here(asked) and len(written) == 1
    session = written[0]["session"]
    assert (
        "boards" not in session["engine"] and len(session["boards"]["states"]["A"]["values"]["automation"]) > N_POINTS
    )
    kept._file.close()
