"""The first start says in a line how to begin, once, and is in nobody's way."""

import pytest
from gui_parts import VIRTUAL, wait
from PyQt6.QtCore import QRect, Qt
from PyQt6.QtWidgets import QAbstractButton, QApplication

from lamina.gui.look import theme
from lamina.gui.model.kept_session import KeptSession
from lamina.gui.window import MainWindow
from lamina.plugin.host.client.session_file import remember_devices


@pytest.fixture
def started(qtbot, monkeypatch, tmp_path, data_folder):
    """Starts the app as it would start here."""
    monkeypatch.setattr("lamina.gui.loading.probe_devices", list)
    theme.apply(QApplication.instance())
    remember_devices(VIRTUAL)
    windows = []

    def start():
        kept = KeptSession(tmp_path)
        window = MainWindow(kept.session, kept)
        windows.append(window)
        qtbot.addWidget(window)
        window.show()
        window.load(None)
        wait(qtbot, lambda: window.session.can_play and not window.background.is_busy)
        return window

    yield start
    for window in windows:
        window.close()


def test_a_first_start_says_how_to_begin_and_no_later_one_does(started, qtbot):
    window = started()
    line = window.views.first_line
    for width, height in ((980, 620), (1280, 800)):
        window.resize(width, height)
        wait(qtbot, lambda size=(width, height): (window.width(), window.height()) == size)
        qtbot.wait(20)
        assert line.isVisible() and line.label.width() >= line.label.sizeHint().width()
        area = QRect(line.mapTo(window, line.rect().topLeft()), line.size())
        for button in window.findChildren(QAbstractButton):
            if button is not line.close_button and button.isVisible() and button.window() is window:
                assert not area.intersects(QRect(button.mapTo(window, button.rect().topLeft()), button.size()))
    top = window.transport.mapTo(window, window.transport.rect().topLeft()).y()
    qtbot.mouseClick(line.close_button, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: window.transport.mapTo(window, window.transport.rect().topLeft()).y() < top)
    assert not line.isVisible()
    window.close()
    again = started()
    assert not again.views.first_line.isVisible()


def test_what_the_line_says_is_true(started, qtbot):
    window = started()
    words = window.views.first_line.label.text()
    keys = {shortcut.keys: shortcut.words for shortcut in window.shortcuts}
    assert words.startswith("Press Space.") and keys["Space"].startswith("play")
    assert "B is bypass" in words and keys["B"] == "bypass"
    assert "? shows all keys" in words and keys["?"] == "these keys"
