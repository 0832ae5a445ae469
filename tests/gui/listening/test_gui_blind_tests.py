"""Blind tests in the app, walked by keyboard from the choice to the result; what is left goes on another day."""

import json

import numpy as np
import pytest
from gui_parts import PATIENCE_SECONDS, wait, write_sound
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel

from lamina.gui.model.listening.slots import SlotState
from lamina.gui.model.trials.kept import UNFINISHED_NAME, results_folder
from lamina.gui.model.trials.pair_player import PairPlayer
from lamina.gui.widgets.trials.test_page import SOUND_HEIGHT
from lamina.models.places import DATA_VARIABLE
from lamina.plugin.listening.results import read_result

pytest_plugins = ["gui_fixtures"]


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))


@pytest.fixture
def slots(window, qtbot):
    """The compare window with the original and one layer over a second."""
    window.session.set_loop_region(0.5, 1.5)
    window.session.parameters.set("layers", 1)
    qtbot.keyClick(window, Qt.Key.Key_C)
    wait(qtbot, lambda: all(slot.state is SlotState.READY for slot in window.comparing.slots))
    wait(qtbot, lambda: window.comparing.arranged is not None)
    return window.compare_window


@pytest.fixture
def begun(slots, qtbot):
    """An ABX test of eight trials that has begun, all by keys but the number of trials."""
    return begin(slots, qtbot)


def begin(slots, qtbot, kind="abx"):
    qtbot.keyClick(slots, Qt.Key.Key_T)
    setup = slots.test_page.setup
    assert setup.isVisible()
    setup.kinds.buttons[kind].click()
    setup.trials.chosen.emit(8)
    setup.listener.setText("Ada")
    qtbot.keyClick(setup.start_button, Qt.Key.Key_Return)
    assert slots.test_page.trial.isVisible()
    return slots.testing.test


def press(qtbot, slots, *keys):
    for key in keys:
        qtbot.keyClick(slots.test_page.trial, key)


def heard(slots):
    """What comes out: 0 for A, 1 for B. The window doesn't show it; somebody with perfect ears would know."""
    answers = slots._session.engine.slots()
    answers.result(PATIENCE_SECONDS)  # what was asked before has been done
    return int(slots._session.engine.telemetry.state()["compared_heard"])


def settled(qtbot, slots, place):
    wait(qtbot, lambda: slots.testing.test.player.is_playing)
    wait(qtbot, lambda: heard(slots) == place)


def texts(widget):
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def walk(qtbot, slots, test, n_trials, right=True):
    """Answers trials as somebody with perfect ears does, or always wrongly."""
    for _ in range(n_trials):
        press(qtbot, slots, Qt.Key.Key_X)
        place = test.player.heard
        settled(qtbot, slots, place)
        is_a = (place == 0) == right
        press(qtbot, slots, Qt.Key.Key_1 if is_a else Qt.Key.Key_2, Qt.Key.Key_Return)


def test_abx_is_walked_by_keys_to_its_result(begun, slots, qtbot):
    press(qtbot, slots, Qt.Key.Key_A)
    settled(qtbot, slots, 0)
    press(qtbot, slots, Qt.Key.Key_B)
    settled(qtbot, slots, 1)
    press(qtbot, slots, Qt.Key.Key_Return)
    assert begun.trial == 0, "nothing was answered"
    walk(qtbot, slots, begun, 7)
    shown = texts(slots.test_page.trial)
    assert "trial 8 of 8" in shown and "right" not in shown.lower(), "the score is hidden until the end"
    walk(qtbot, slots, begun, 1)
    result = slots.test_page.result
    assert result.isVisible()
    assert result.verdict.text().startswith("8 of 8 were right.") and "p = 0.0039" in result.verdict.text()
    assert "A was Original, B was Lamina 0.75 kbps" in result.sounds.text()
    assert str(begun.saved) in result.saved.text() and begun.saved.parent == results_folder()
    saved = read_result(begun.saved)
    (taken,) = saved.tests
    assert saved.listener == "Ada" and taken.test.outcome().sentence == result.verdict.text()
    (sounds,) = taken.sounds.values()
    assert sounds["b"]["how"]["values"]["layers"] == 1 and sounds["b"]["sha256"] == begun.sounds[1].sha256
    assert len(sounds["b"]["how"]["model_digest"]) == 64
    assert begun.saved.with_suffix(".csv").is_file()
    assert not (results_folder() / UNFINISHED_NAME).exists()
    qtbot.keyClick(result, Qt.Key.Key_Escape)
    assert slots.page.isVisible()


def test_who_takes_a_test_again_has_a_file_of_his_own(begun, slots, qtbot):
    walk(qtbot, slots, begun, 8)
    before = begun.saved.read_bytes()
    qtbot.keyClick(slots.test_page.result, Qt.Key.Key_Escape)
    again = begin(slots, qtbot)
    walk(qtbot, slots, again, 8)
    assert again.saved != begun.saved and begun.saved.read_bytes() == before
    assert read_result(again.saved).listener == "Ada 2"


def test_who_is_always_wrong_learns_that_nothing_is_shown(begun, slots, qtbot):
    walk(qtbot, slots, begun, 8, right=False)
    assert slots.test_page.result.verdict.text().startswith("0 of 8 were right.")


def test_a_new_trial_begins_with_a_so_that_x_does_not_tell_whether_it_changed(begun, slots, qtbot):
    walk(qtbot, slots, begun, 3)
    assert begun.button == "a" and begun.player.heard == 0
    settled(qtbot, slots, 0)
    lit = [word for word, button in slots.test_page.trial.sounds.items() if button.is_lit]
    assert lit == ["a"]


def test_x_looks_the_same_whatever_it_is(begun, slots, qtbot, monkeypatch):
    """The picture of the page while X is heard is the same, to the pixel, whether X is A or B."""
    # Where it plays is a matter of when one looks.
    monkeypatch.setattr(PairPlayer, "position_seconds", 0.25)
    pictures, trial = {}, 0
    while len(pictures) < 2 and not begun.is_over:
        press(qtbot, slots, Qt.Key.Key_X)
        settled(qtbot, slots, begun.player.heard)
        view = slots.test_page.trial
        inside = view.sounds["x"].parentWidget()
        view.heading.setText("")
        view.progress.show_progress(0, 8)
        pictures.setdefault(begun.player.heard, inside.grab().toImage())
        press(qtbot, slots, Qt.Key.Key_1, Qt.Key.Key_Return)
        trial += 1
    if len(pictures) < 2:
        pytest.skip("X was the same in every trial, which comes once in 128 tests")
    assert pictures[0] == pictures[1]


def test_space_pauses_and_goes_on(begun, slots, qtbot):
    press(qtbot, slots, Qt.Key.Key_Space)
    wait(qtbot, lambda: slots._session.engine.telemetry.state()["compared_plays"])
    press(qtbot, slots, Qt.Key.Key_Space)
    wait(qtbot, lambda: not slots._session.engine.telemetry.state()["compared_plays"])
    assert begun.trial == 0


def test_a_test_that_was_left_goes_on_with_the_same_sounds(begun, slots, qtbot, window):
    walk(qtbot, slots, begun, 3)
    digests = [sound.sha256 for sound in begun.sounds]
    press(qtbot, slots, Qt.Key.Key_Escape)
    assert slots.page.isVisible() and slots.testing.test is None
    wait(qtbot, lambda: not slots._session.engine.telemetry.state()["is_comparing"])
    window.comparing.remove(1)
    assert not window.comparing.slots, "the slots may have gone meanwhile"
    slots.open_tests()
    setup = slots.test_page.setup
    assert setup.left_over.isVisible() and "3 of 8 answered" in setup.left_words.text()
    setup.go_on_button.click()
    wait(qtbot, lambda: slots.test_page.trial.isVisible())
    again = slots.testing.test
    assert (again.trial, again.n_trials, again.listener) == (3, 8, "Ada")
    assert [sound.sha256 for sound in again.sounds] == digests
    walk(qtbot, slots, again, 5)
    assert slots.test_page.result.verdict.text().startswith("8 of 8 were right.")


def test_a_test_of_sounds_that_have_changed_does_not_go_on(begun, slots, qtbot, window):
    walk(qtbot, slots, begun, 1)
    press(qtbot, slots, Qt.Key.Key_Escape)
    left = results_folder() / UNFINISHED_NAME
    document = json.loads(left.read_text())
    document["sounds"][1]["sha256"] = "0" * 64
    left.write_text(json.dumps(document))
    slots.open_tests()
    slots.test_page.setup.go_on_button.click()
    wait(qtbot, lambda: "no longer those that the test began with" in window.notice.label.text())
    assert slots.testing.test is None and left.exists()
    assert "1 of 8 answered" in slots.test_page.setup.left_words.text(), "it is no longer being made"


def test_playing_the_file_ends_the_tests_sound_and_the_letter_says_so(begun, slots, window, qtbot):
    press(qtbot, slots, Qt.Key.Key_X)
    assert begun.player.is_playing
    told = []
    begun.changed.subscribe(lambda: told.append(begun.player.is_playing))
    window.session.player.play()
    wait(qtbot, lambda: told and not told[-1])


def test_without_the_engine_nothing_seems_to_play_and_a_new_one_gets_the_sounds(begun, slots, window, qtbot):
    press(qtbot, slots, Qt.Key.Key_X)
    window.session.changed.notify("engine")
    assert not begun.player.is_playing
    press(qtbot, slots, Qt.Key.Key_A)
    wait(qtbot, lambda: heard(slots) == 0)
    assert begun.player.is_playing


def test_who_leaves_while_a_test_is_made_ready_is_not_taken_into_it(begun, slots, qtbot):
    walk(qtbot, slots, begun, 1)
    press(qtbot, slots, Qt.Key.Key_Escape)
    slots.open_tests()
    setup = slots.test_page.setup
    setup.go_on_button.click()
    qtbot.keyClick(setup, Qt.Key.Key_Escape)
    assert slots.page.isVisible() and not slots.testing.is_making
    slots.testing._work.close()  # until that is done
    slots.testing.tick()
    assert slots.testing.test is None


@pytest.mark.parametrize(
    "damage",
    [lambda d: d.clear(), lambda d: d.update(state=[]), lambda d: d.update(kind="x"), lambda d: d.pop("sounds")],
)
def test_a_damaged_file_of_a_test_is_no_test_to_go_on_with(begun, slots, qtbot, damage):
    walk(qtbot, slots, begun, 1)
    press(qtbot, slots, Qt.Key.Key_Escape)
    left = results_folder() / UNFINISHED_NAME
    document = json.loads(left.read_text())
    damage(document)
    left.write_text(json.dumps(document))
    slots.open_tests()
    assert slots.test_page.setup.isVisible() and not slots.test_page.setup.left_over.isVisible()


def test_over_another_file_a_test_that_was_left_says_which_to_open(begun, slots, qtbot, window, sound):
    walk(qtbot, slots, begun, 1)
    press(qtbot, slots, Qt.Key.Key_Escape)
    name = window.session.document.opened.name
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    slots.open_tests()
    slots.test_page.setup.go_on_button.click()
    assert f"The test is over {name}: open that file, then go on." in window.notice.label.text()


def test_training_tells_and_keeps_nothing(slots, qtbot):
    slots.test_page.setup.training.setChecked(True)
    test = begin(slots, qtbot)
    walk(qtbot, slots, test, 1)
    assert slots.test_page.trial.told.text() == "That was right."
    walk(qtbot, slots, test, 1, right=False)
    assert slots.test_page.trial.told.text() == "That was the other one."
    walk(qtbot, slots, test, 6)
    assert "training" in slots.test_page.result.saved.text()
    assert not results_folder().exists() or not list(results_folder().iterdir())


def test_preference_is_walked_by_keys_to_its_result(slots, qtbot):
    test = begin(slots, qtbot, "preference")
    for trial in range(8):
        press(qtbot, slots, Qt.Key.Key_A)
        first = test.player.heard
        settled(qtbot, slots, first)
        press(qtbot, slots, Qt.Key.Key_1 if first == 0 else Qt.Key.Key_3)
        if trial == 0:
            press(qtbot, slots, Qt.Key.Key_2)  # changed one's mind: neither
        press(qtbot, slots, Qt.Key.Key_Return)
    verdict = slots.test_page.result.verdict.text()
    assert verdict.startswith("Original was preferred 7 times, Lamina 0.75 kbps 0 times, neither once.")
    (taken,) = read_result(test.saved).tests
    assert taken.test.kind == "preference" and taken.test.outcome().n_a == 7


def test_a_test_that_cannot_be_saved_says_so_and_shows_its_result(begun, slots, qtbot, window):
    results_folder().parent.mkdir(parents=True, exist_ok=True)
    results_folder().write_text("a file in the folder's place")
    walk(qtbot, slots, begun, 8)
    assert slots.test_page.result.isVisible() and "could not be saved" in slots.test_page.result.saved.text()
    assert "can't be kept" in window.notice.label.text()


def test_both_sounds_are_equally_loud_and_long(begun):
    a, b = begun.sounds
    assert a.samples.shape == b.samples.shape and abs(a.lufs - b.lufs) < 0.2
    assert not np.array_equal(a.samples, b.samples)


def test_silence_is_no_test(window, qtbot, tmp_path):
    path = write_sound(tmp_path / "silence.wav", 24000, np.zeros((1, 48000)))
    window.open(path)
    wait(qtbot, lambda: window.session.document.path == path)
    qtbot.keyClick(window, Qt.Key.Key_C)
    wait(qtbot, lambda: window.comparing.arranged is not None)
    window.compare_window.open_tests()
    window.compare_window.test_page.setup.start_button.click()
    assert "silent" in window.notice.label.text() and window.compare_window.testing.test is None


def test_a_test_of_one_slot_against_itself_is_refused(slots, qtbot, window):
    qtbot.keyClick(slots, Qt.Key.Key_T)
    setup = slots.test_page.setup
    setup.slots[1].chosen.emit(0)
    setup.start_button.click()
    assert "two different slots" in window.notice.label.text() and setup.isVisible()


def test_words_and_keys_are_larger_where_there_is_room(slots, qtbot):
    begin(slots, qtbot)
    view = slots.test_page.trial

    def sizes():
        return view.sounds["x"].height(), view.question.fontInfo().pixelSize(), view._inside.width()

    slots.resize(980, 700)
    wait(qtbot, lambda: view.width() <= 980 and view.sounds["x"].height() == SOUND_HEIGHT)
    small = sizes()
    slots.resize(1920, 1080)
    wait(qtbot, lambda: all(after > 1.2 * before for before, after in zip(small, sizes(), strict=True)))
    slots.resize(980, 700)
    wait(qtbot, lambda: sizes() == small)
