"""Files that were open lately are a click away, in this session and the next, until they are forgotten."""

import pytest
from gui_parts import wait, write_sound
from PyQt6.QtWidgets import QApplication

pytest_plugins = ["gui_fixtures"]


def recent(window):
    """What the menu has as recent files, by their texts."""
    window.header.demo_menu.aboutToShow.emit()
    texts, actions = [], window.header.demo_menu.actions()
    if not actions or actions[0].text() != "Recent":
        return {}
    for action in actions[1:]:
        if action.text() == "Forget these":
            break
        texts.append((action.text(), action))
    return dict(texts)


@pytest.fixture
def sounds(tmp_path):
    """Twelve short sound files."""
    return [write_sound(tmp_path / f"take & {number}.wav", 24_000, [[0.1] * 2400]) for number in range(12)]


def open_file(window, qtbot, path):
    window.open(path)
    wait(qtbot, lambda: window.session.document.title == path.name)


def test_files_that_were_open_are_listed_the_latest_first_and_opened_again(window, qtbot, sounds):
    assert recent(window) == {}  # a demo item is none of the user's files
    for path in sounds[:3]:
        open_file(window, qtbot, path)
    assert list(recent(window)) == ["take && 2.wav", "take && 1.wav", "take && 0.wav"]
    recent(window)["take && 0.wav"].trigger()
    wait(qtbot, lambda: window.session.document.title == "take & 0.wav")
    assert list(recent(window)) == ["take && 0.wav", "take && 2.wav", "take && 1.wav"]
    # The demo items stand below.
    assert len(window.header.demo_menu.actions()) > 5
    sounds[1].unlink()
    assert list(recent(window)) == ["take && 0.wav", "take && 2.wav"]


def test_ten_are_kept_for_the_next_time_until_they_are_forgotten(window, qtbot, sounds, data_folder):
    for path in sounds:
        window.loader.opened.notify(path)
    assert list(recent(window)) == [f"take && {number}.wav" for number in range(11, 1, -1)]
    assert len((data_folder / "recent.txt").read_text().splitlines()) == 10
    forget = next(action for action in window.header.demo_menu.actions() if action.text() == "Forget these")
    forget.trigger()
    QApplication.processEvents()
    assert recent(window) == {} and not (data_folder / "recent.txt").read_text()
    assert all(path.is_file() for path in sounds)


def test_a_list_that_cant_be_kept_is_said_and_the_file_is_open(window, qtbot, sounds, monkeypatch):
    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lamina.gui.model.files.kept_lines.atomic_file", full)
    open_file(window, qtbot, sounds[0])
    assert "recent files can't be kept: No space left" in window.notice.label.text()
