"""Fixtures of the app's tests: one engine on a virtual device per module, a session and a window over it."""

import numpy as np
import pytest
from gui_parts import PATIENCE_SECONDS, VIRTUAL, wait, write_sound

from lamina.plugin.host.client.live_engine import LiveEngine


@pytest.fixture(scope="module")
def shared_engine():
    """One engine process for the module's tests."""
    with LiveEngine({"devices": VIRTUAL.document()}, opens=False) as engine:
        yield engine


@pytest.fixture
def engine(shared_engine, monkeypatch):
    """The shared engine at rest, which a session's end leaves alive."""
    monkeypatch.setattr(shared_engine, "close", lambda: None)
    yield shared_engine
    state = shared_engine.telemetry.state()
    at_rest = [shared_engine.set_live(False), shared_engine.choose_board("A"), shared_engine.set_devices(VIRTUAL)]
    if int(state["stream_samples"]):
        at_rest += [shared_engine.unload(), shared_engine.set_tone(False)]
    if int(state["is_recording"]):
        at_rest.append(shared_engine.stop_recording())
    for answer in at_rest:
        answer.result(PATIENCE_SECONDS)
    shared_engine.take_events()
    shared_engine.telemetry.forget()


@pytest.fixture
def session(engine, tmp_path):
    """A session without a window, with the codec in place."""
    from lamina.gui.model.session import Session
    from lamina.plugin import NeuralCodec

    session = Session(engine, tmp_path / "takes")
    session.use_codec(NeuralCodec())
    session.notices = []
    session.noticed.subscribe(session.notices.append)
    yield session
    session.close()


@pytest.fixture
def window(qtbot, monkeypatch, engine, tmp_path):
    """The window as the app opens it, with a demo item; the machine's sound devices don't matter."""
    from PyQt6.QtWidgets import QApplication

    from lamina.gui.look import theme
    from lamina.gui.model.session import Session
    from lamina.gui.window import MainWindow

    monkeypatch.setattr("lamina.gui.loading.probe_devices", list)
    theme.apply(QApplication.instance())
    window = MainWindow(Session(engine, tmp_path / "takes"))
    window.loader.folder = str(tmp_path)
    qtbot.addWidget(window)
    window.show()
    window.load(None)
    wait(qtbot, lambda: window.session.can_play)
    yield window
    # Before the engine is made to rest, so that nothing is asked of it any more.
    window.close()


@pytest.fixture
def sound(tmp_path):
    """A short sound file."""
    t = np.arange(48000) / 48000
    tones = np.stack([0.3 * np.sin(2 * np.pi * 440 * t), 0.1 * np.sin(2 * np.pi * 660 * t)])
    return write_sound(tmp_path / "two tones.wav", 48000, tones)
