"""Messages in the window: they cover nothing, the last ten can be read again, and what can be done is a button."""

import pytest
from gui_parts import choose, wait
from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QAbstractButton, QLabel, QPushButton, QWidget

from lamina.gui.model.messages import MOST_MESSAGES, Messages
from lamina.gui.model.session import Notice
from lamina.gui.widgets.controls.status_line import HEIGHT

pytest_plugins = ["gui_fixtures"]

LEFT = Qt.MouseButton.LeftButton
LONG = (
    "The file song.flac can't be read to its end: it breaks off in the middle of a frame, and the rest is silent. " * 3
)


def place(window, widget):
    """Where a widget is in the window."""
    return QRect(widget.mapTo(window, widget.rect().topLeft()), widget.size())


def test_the_last_ten_are_kept_and_one_that_comes_again_once():
    messages = Messages(lambda: 0.0)
    for number in range(12):
        messages.add(Notice(f"Message {number}."))
    messages.add(Notice("Message 11."))
    texts = [message.notice.text for message in messages.latest()]
    assert texts == [f"Message {number}." for number in range(11, 1, -1)] and len(texts) == MOST_MESSAGES
    assert len(messages.latest()[0].clock()) == 5 and messages.latest()[0].clock()[2] == ":"


@pytest.mark.parametrize(("width", "height"), [(980, 620), (1280, 800), (1920, 1040)])
@pytest.mark.parametrize("text", ["Saved.", LONG])
def test_a_message_covers_no_control(window, qtbot, width, height, text):
    window.resize(width, height)
    window.desk.open_tab("Motion")
    window.telling.tell(Notice(text, True, action=("Undo", lambda: None)))
    notice = window.notice
    # Once the layout has settled.
    wait(qtbot, lambda: notice.height() >= notice.label.heightForWidth(notice.label.width()))
    wait(qtbot, lambda: window.rect().contains(place(window, notice)))
    area = place(window, notice)
    inside = {notice, *notice.findChildren(QWidget)}
    for button in window.findChildren(QAbstractButton):
        if button not in inside and button.window() is window and not button.visibleRegion().isEmpty():
            seen = button.visibleRegion().boundingRect()  # without what a scroll area cuts off
            covered = QRect(button.mapTo(window, seen.topLeft()), seen.size()).intersects(area)
            assert not covered, (button.accessibleName() or button.text(), window.height(), window.status.geometry())
    status = window.status
    assert not status.remark.isVisible() and not status.figures.isVisible()
    for part in (status.undo_button, status.messages_button, status.line_button, status.help_button):
        assert status.rect().contains(QRect(part.mapTo(status, part.rect().topLeft()), part.size()))
    assert window.rect().contains(place(window, status))
    assert notice.label.height() >= notice.label.heightForWidth(notice.label.width())
    assert notice.rect().contains(notice.label.geometry()) and notice.rect().contains(notice.action_button.geometry())
    qtbot.mouseClick(notice.close_button, LEFT)
    qtbot.wait(10)
    assert window.status.height() == HEIGHT and window.status.remark.isVisible()


def test_progress_and_cancel_stay_beside_a_message(window, qtbot):
    window.status.show_export("song.flac", 0.3, True)
    window.telling.tell(Notice("Something."))
    qtbot.wait(20)
    assert window.status.cancel_button.isVisible() and window.status.work_bar.isVisible()
    assert not place(window, window.notice).intersects(place(window, window.status.cancel_button))
    window.notice.hide()
    window.status.show_export("song.flac", 0.4, True)
    assert "song.flac" in window.status.work_label.text() and window.status.work_label.isVisible()


def test_what_was_told_can_be_read_and_acted_on_later(window, qtbot):
    done = []
    window.telling.tell(Notice("A is gone.", action=("Bring back", lambda: done.append("A"))))
    window.telling.tell(Notice("The file bad.wav can't be read.", is_error=True))
    window.session.parameters.set("search", 1)
    qtbot.mouseClick(window.desk.reset_button, LEFT)
    window.notice.hide()
    qtbot.keyClick(window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    listed = window.telling.list
    assert listed.isVisible() and listed.texts() == [
        "Everything on the desk is at its default.", "The file bad.wav can't be read.", "A is gone.",
    ]  # fmt: skip
    buttons = {button.text(): button for row in listed.rows for button in row.findChildren(QPushButton)}
    assert list(buttons) == ["Undo", "Bring back"]
    qtbot.mouseClick(buttons["Undo"], LEFT)
    assert window.session.parameters["search"] == 1 and not listed.isVisible()
    qtbot.mouseClick(window.status.messages_button, LEFT)
    assert listed.isVisible() and listed.texts()[0].startswith("Undone")
    next(button for button in listed.findChildren(QPushButton) if button.text() == "Bring back").click()
    assert done == ["A"]


def test_every_line_of_what_was_told_is_shown_in_the_list(window, qtbot):
    for number in (1, 2):
        window.telling.tell(Notice(f"{number}: {LONG}", action=("Undo", lambda: None)))
    for _ in range(2):
        qtbot.mouseClick(window.status.messages_button, LEFT)
        qtbot.wait(20)
        listed = window.telling.list
        labels = listed.findChildren(QLabel, "text")
        assert len(labels) >= 2
        for label in labels:
            assert label.height() >= label.heightForWidth(label.width())
        listed.close()


def test_an_empty_list_says_so(window, qtbot):
    window.telling.messages._kept.clear()
    qtbot.mouseClick(window.status.messages_button, LEFT)
    assert window.telling.list.isVisible() and window.telling.list.rows[0].text() == "Nothing was told yet."


@pytest.mark.parametrize("opens", [True, False])
def test_what_was_written_is_shown_in_its_folder(window, qtbot, monkeypatch, tmp_path, opens):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or opens)
    choose(monkeypatch, "out.flac")
    window.dialogs.export()
    wait(qtbot, lambda: window.notice.isVisible() and "out.flac" in window.notice.label.text())
    assert window.notice.action_button.text() == "Show in folder"
    qtbot.mouseClick(window.notice.action_button, LEFT)
    assert opened == [str(tmp_path)]
    if opens:
        assert not window.notice.isVisible()
    else:
        assert str(tmp_path) in window.notice.label.text()


def test_a_folder_that_is_gone_is_said(window, qtbot, monkeypatch, tmp_path):
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: pytest.fail("nothing is there to be opened"))
    window.telling.tell(Notice("Recorded take.wav.", file=tmp_path / "gone" / "take.wav"))
    qtbot.mouseClick(window.notice.action_button, LEFT)
    assert "isn't there any more" in window.notice.label.text()
