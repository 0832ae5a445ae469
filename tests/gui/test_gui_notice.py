"""Notices can be read to the last letter, and what can be done about them is a button away."""

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QWidget

from lamina.gui.look import theme
from lamina.gui.widgets.frame.notice import NoticeBar

WORDS = "The quick gypsy jogs by, and happily enjoys playing jazz to a foggy pagan community, "


@pytest.fixture
def bar(qtbot, qapp):
    """A notice bar over a window of usual size."""
    theme.apply(qapp)
    parent = QWidget()
    parent.resize(1280, 800)
    qtbot.addWidget(parent)
    parent.show()
    # The parent has to live as long.
    yield NoticeBar(parent)


@pytest.mark.parametrize("n_words", [1, 2, 3, 6])
@pytest.mark.parametrize("action", [None, ("Start afresh", lambda: None)])
def test_every_line_of_a_notice_has_its_full_height(bar, qtbot, n_words, action):
    bar.tell(WORDS * n_words, True, action=action)
    qtbot.wait(20)
    label = bar.label
    assert label.height() >= label.heightForWidth(label.width())
    for child in (label, bar.close_button, *([bar.action_button] if action else [])):
        place = child.geometry()
        assert bar.rect().adjusted(1, 1, -1, -1).contains(place), (place, bar.rect())


def test_commands_stand_in_quotation_marks(bar):
    bar.tell("It is too long; `lamina render` takes it.", True)
    assert bar.label.text() == "It is too long; “lamina render” takes it." == bar.accessibleName()


def test_the_button_of_a_notice_does_what_it_says_once(bar, qtbot):
    done = []
    bar.tell("The settings are as they were.", False, "Every setting.", ("Start afresh", lambda: done.append(1)))
    assert bar.action_button.isVisible() and bar.action_button.text() == "Start afresh"
    qtbot.mouseClick(bar.action_button, Qt.MouseButton.LeftButton)
    assert done == [1] and not bar.isVisible()
    bar.tell("Something else.", False)
    assert not bar.action_button.isVisible()


def test_an_error_that_nobody_can_have_read_comes_back_when_what_overtook_it_goes(bar, qtbot, monkeypatch):
    bar.tell("There is no file song.wav.", True, "Where it was.")
    bar.tell("There is no sound output.", True)
    assert bar.label.text() == "There is no sound output."
    qtbot.mouseClick(bar.close_button, Qt.MouseButton.LeftButton)
    assert bar.isVisible() and bar.label.text() == "There is no file song.wav." and "Where" in bar.toolTip()
    qtbot.mouseClick(bar.close_button, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()
    # What worked meanwhile takes it away, and what was there long enough doesn't come back.
    bar.tell("There is no file song.wav.", True)
    bar.tell("There is no sound output.", True)
    bar.dismiss_error()
    assert not bar.isVisible()
    monkeypatch.setattr("lamina.gui.widgets.frame.notice.UNREAD_MS", -1)
    bar.tell("There is no file song.wav.", True)
    bar.tell("There is no sound output.", True)
    qtbot.mouseClick(bar.close_button, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()
