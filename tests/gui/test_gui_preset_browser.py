"""The window of presets: what a user searches, marks, renames and deletes there, and the way back."""

import json

import pytest
from gui_parts import wait
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QLineEdit

from lamina.gui.model.files.own_presets import OwnPresets
from lamina.gui.model.values.preset_list import PresetList
from lamina.plugin.documents.presets import Preset, load_preset, save_preset

pytest_plugins = ["gui_fixtures"]

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def mine(data_folder):
    """Two presets of one's own, in the folder for them."""
    folder = data_folder / "presets"
    folder.mkdir()
    for title, layers in (("Mine", 3), ("Robot choir", 2)):
        save_preset(folder / f"{title}.json", title, {"layers": layers}, "A thing of mine.")
    return folder


@pytest.fixture
def browser(mine, window, qtbot):
    """The window of presets, opened by its key."""
    wait(qtbot, lambda: "Yours" in window.header.preset_list.groups)
    qtbot.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    wait(qtbot, window.shelf.browser.isVisible)
    return window.shelf.browser


def item(browser, title, group="Yours"):
    """A preset's row."""
    tree = browser.tree
    groups = {tree.topLevelItem(index).text(0): tree.topLevelItem(index) for index in range(tree.topLevelItemCount())}
    children = [groups[group].child(index) for index in range(groups[group].childCount())] if group in groups else []
    return next((child for child in children if child.text(0) == title), None)


def click(browser, qtbot, title, group="Yours", column=0):
    tree = browser.tree
    tree.scrollToItem(item(browser, title, group))
    qtbot.mouseClick(tree.viewport(), LEFT, pos=tree.place(item(browser, title, group), column))


def rename(browser, qtbot, title):
    """Types a name for the row that is marked."""
    qtbot.mouseClick(browser.rename_button, LEFT)
    field = browser.tree.findChild(QLineEdit)
    field.selectAll()
    qtbot.keyClicks(field, title)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def test_words_are_searched_in_titles_descriptions_and_groups():
    presets = [Preset(t, t, d, {}, None, c) for t, d, c in (("Ab", "old radio", "speech"), ("Bc", "", "lo-fi"))]
    own = [Preset("own", "Radio play", "")]
    found = PresetList(presets, own, {id(own[0])}).found
    assert {name: [p.title for p in group] for name, group in found("RADIO").items()} == {
        "Favourites": ["Radio play"], "Speech": ["Ab"], "Yours": ["Radio play"],
    }  # fmt: skip
    assert list(found("speech old")) == ["Speech"] and not found("radio zebra")
    assert list(found("")) == ["Favourites", "Lo-fi", "Speech", "Yours"]


def test_what_is_found_can_be_heard_one_after_the_other(browser, window, qtbot):
    qtbot.keyClicks(browser.search, "mine")
    assert browser.titles() == {"Yours": ["Mine", "Robot choir"]}
    qtbot.keyClick(browser.search, Qt.Key.Key_Return)
    assert window.session.parameters["layers"] == 3 and window.header.preset_button.text() == "Mine"
    qtbot.keyClick(browser.tree, Qt.Key.Key_Down)
    assert window.session.parameters["layers"] == 2 and browser.isVisible()
    assert browser.description.text() == "A thing of mine."
    browser.search.clear()
    qtbot.keyClicks(browser.search, "no such words")
    assert not browser.titles() and browser.nothing.isVisible() and not browser.remove_button.isEnabled()
    browser.search.clear()
    click(browser, qtbot, "Clean voice", "Speech")
    assert window.header.preset_button.text() == "Clean voice"
    qtbot.keyClick(browser.tree, Qt.Key.Key_Space)
    wait(qtbot, lambda: window.session.is_playing)


def test_lamina_own_presets_stay_as_they_are(browser, qtbot):
    click(browser, qtbot, "Clean voice", "Speech")
    assert browser.mark_button.isEnabled()
    assert not browser.rename_button.isEnabled() and not browser.remove_button.isEnabled()


def test_favourites_stand_at_the_top_here_in_the_menu_and_next_time(browser, window, qtbot):
    click(browser, qtbot, "Clean voice", "Speech")
    qtbot.mouseClick(browser.mark_button, LEFT)
    wait(qtbot, lambda: browser.titles().get("Favourites") == ["Clean voice"])
    click(browser, qtbot, "Mine", column=1)  # the star
    wait(qtbot, lambda: browser.titles()["Favourites"] == ["Clean voice", "Mine"])
    assert next(iter(browser.titles())) == "Favourites"
    first = window.header.preset_menu.actions()[0]
    assert first.text() == "Favourites" and [a.text() for a in first.menu().actions()] == ["Clean voice", "Mine"]
    assert OwnPresets().favourites == {"clean-voice", str(window.loader.own_presets.folder / "Mine.json")}
    click(browser, qtbot, "Clean voice", "Favourites", column=1)
    wait(qtbot, lambda: browser.titles()["Favourites"] == ["Mine"])
    # Going through all of them meets each once.
    titles = [preset.title for preset in window.header.presets()]
    assert titles.count("Mine") == 1


def test_a_preset_is_renamed_with_its_file_and_its_star_and_back(browser, window, qtbot, mine):
    click(browser, qtbot, "Mine")
    qtbot.mouseClick(browser.mark_button, LEFT)
    wait(qtbot, lambda: "Favourites" in browser.titles())
    click(browser, qtbot, "Mine")
    rename(browser, qtbot, "Ours")
    wait(qtbot, lambda: browser.titles()["Yours"] == ["Ours", "Robot choir"])
    assert sorted(path.name for path in mine.glob("*")) == ["Ours.json", "Robot choir.json"]
    assert load_preset(mine / "Ours.json").title == "Ours" and load_preset(mine / "Ours.json").parameters["layers"] == 3
    assert window.header.preset_button.text() == "Ours" and browser.titles()["Favourites"] == ["Ours"]
    assert window.session.history.undo_name == "Rename Mine to Ours"
    window.undoing.undo()
    wait(qtbot, lambda: browser.titles()["Yours"] == ["Mine", "Robot choir"])
    assert load_preset(mine / "Mine.json").title == "Mine" and window.header.preset_button.text() == "Mine"
    window.undoing.redo()
    wait(qtbot, lambda: browser.titles()["Yours"] == ["Ours", "Robot choir"])


@pytest.mark.parametrize(
    ("title", "words"),
    [("Robot choir", "already"), ("../up", "file's name"), ("   ", "1 to 80"), ("x" * 81, "1 to 80")],
)
def test_a_name_that_cant_be_is_refused_and_nothing_changes(browser, window, qtbot, mine, title, words):
    before = {path.name: path.read_bytes() for path in mine.iterdir()}
    click(browser, qtbot, "Mine")
    rename(browser, qtbot, title)
    wait(qtbot, lambda: words in window.notice.label.text() and window.notice.isVisible())
    assert {path.name: path.read_bytes() for path in mine.iterdir()} == before
    assert browser.titles()["Yours"] == ["Mine", "Robot choir"]


def test_a_name_that_is_being_typed_outlasts_a_list_that_comes_anew(browser, window, qtbot):
    click(browser, qtbot, "Mine")
    wait(qtbot, lambda: not window.background.is_busy)
    qtbot.mouseClick(browser.rename_button, LEFT)
    field = browser.tree.findChild(QLineEdit)
    field.selectAll()
    qtbot.keyClicks(field, "Our")
    window.loader.find_presets()
    wait(qtbot, lambda: not window.background.is_busy)
    qtbot.keyClicks(field, "s")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    wait(qtbot, lambda: browser.titles()["Yours"] == ["Ours", "Robot choir"])


def test_a_preset_is_deleted_and_comes_back_by_the_notice_to_the_letter(browser, window, qtbot, mine):
    path = mine / "Mine.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "category": "speech"}))
    before = path.read_bytes()
    click(browser, qtbot, "Mine")
    qtbot.keyClick(browser.tree, Qt.Key.Key_Delete)
    wait(qtbot, lambda: browser.titles()["Yours"] == ["Robot choir"])
    assert not path.exists() and window.notice.label.text() == "Deleted the preset Mine."
    assert window.notice.action_button.text() == "Undo"
    qtbot.mouseClick(window.notice.action_button, LEFT)
    wait(qtbot, lambda: browser.titles()["Yours"] == ["Mine", "Robot choir"])
    assert path.read_bytes() == before
    window.undoing.redo()
    wait(qtbot, lambda: browser.titles()["Yours"] == ["Robot choir"])
    # Where another one has its place meanwhile, that one stays.
    save_preset(path, "Another", {"layers": 9})
    window.undoing.undo()
    assert "Another preset is called Mine.json" in window.notice.label.text()
    assert load_preset(path).title == "Another" and window.session.history.undo_name == "Delete preset Mine"


def test_a_preset_that_lies_elsewhere_is_only_listed_no_longer(browser, window, qtbot, tmp_path):
    elsewhere = tmp_path / "Far.json"
    save_preset(elsewhere, "Far", {"layers": 4})
    window.loader.open_preset(elsewhere)
    wait(qtbot, lambda: "Far" in browser.titles()["Yours"])
    click(browser, qtbot, "Far")
    qtbot.mouseClick(browser.remove_button, LEFT)
    wait(qtbot, lambda: "Far" not in browser.titles()["Yours"])
    assert elsewhere.is_file() and str(elsewhere) in window.notice.label.text()
    window.undoing.undo()
    wait(qtbot, lambda: "Far" in browser.titles()["Yours"])
    click(browser, qtbot, "Far")
    rename(browser, qtbot, "Farther")
    wait(qtbot, lambda: "Farther" in browser.titles()["Yours"])
    assert elsewhere.is_file() and load_preset(elsewhere).title == "Farther"


def test_a_folder_that_cant_be_written_says_so(browser, window, qtbot, monkeypatch):
    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lamina.gui.model.files.kept_lines.atomic_file", full)
    click(browser, qtbot, "Mine")
    qtbot.mouseClick(browser.mark_button, LEFT)
    assert "No space left on device" in window.notice.label.text() and window.notice.isVisible()


def test_arrows_in_the_header_go_from_preset_to_preset(window, qtbot):
    titles = [preset.title for preset in window.header.presets()]
    for title in titles[:2]:
        qtbot.mouseClick(window.header.next_button, LEFT)
        assert window.header.preset_button.text() == title
    qtbot.mouseClick(window.header.before_button, LEFT)
    assert window.header.preset_button.text() == titles[0]
    assert QApplication.focusWidget() not in (window.header.next_button, window.header.before_button)
