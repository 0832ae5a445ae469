"""Ratings (MUSHRA) and the layers test in the app, walked by keyboard to their results; what is left goes on."""

import json

import numpy as np
import pytest
from gui_parts import PATIENCE_SECONDS, wait, write_sound
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QFileDialog, QLabel
from sounds import noise

from lamina.gui.model.listening.recipe import Recipe
from lamina.gui.model.listening.slots import SlotState
from lamina.gui.model.trials.kept import UNFINISHED_NAME, results_folder
from lamina.gui.model.values.words import kbps_text
from lamina.models.places import DATA_VARIABLE
from lamina.plugin.listening.mushra import ANCHORS, REFERENCE
from lamina.plugin.listening.results import read_result
from lamina.plugin.rivals.opus import Opus

pytest_plugins = ["gui_fixtures"]

DIGITS = [getattr(Qt.Key, f"Key_{number}") for number in range(10)]


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))


def open_slots(window, qtbot, start=0.5, stop=1.5):
    window.session.set_loop_region(start, stop)
    window.session.parameters.set("layers", 1)
    qtbot.keyClick(window, Qt.Key.Key_C)
    wait(qtbot, lambda: all(slot.state is SlotState.READY for slot in window.comparing.slots))
    wait(qtbot, lambda: window.comparing.arranged is not None)
    return window.compare_window


@pytest.fixture
def slots(window, qtbot):
    """The compare window with the original and one layer over a second."""
    return open_slots(window, qtbot)


def begin(slots, qtbot, number):
    """A test of a kind, by its number among them, with keys alone."""
    qtbot.keyClick(slots, Qt.Key.Key_T)
    setup = slots.test_page.setup
    qtbot.keyClick(setup, number, Qt.KeyboardModifier.AltModifier)
    setup.listener.setText("Ada")
    qtbot.keyClick(setup.start_button, Qt.Key.Key_Return)
    wait(qtbot, lambda: slots.testing.test is not None)
    return slots.testing.test


@pytest.fixture
def rating(slots, qtbot):
    test = begin(slots, qtbot, Qt.Key.Key_3)
    assert slots.test_page.rating.isVisible()
    return test


def press(qtbot, view, *keys):
    for key in keys:
        qtbot.keyClick(view, key)


def heard(slots):
    """Which sound comes out, as the test's own name for it; the window doesn't show it."""
    slots._session.engine.slots().result(PATIENCE_SECONDS)  # what was asked before has been done
    state = slots._session.engine.telemetry.state()
    # The state is a block late: it may still be that of a test before this one, of more sounds.
    place, names = int(state["compared_heard"]), slots.testing.test.names
    return names[place] if place < len(names) else ""


def settled(qtbot, slots, name):
    wait(qtbot, lambda: slots._session.engine.telemetry.state()["compared_plays"])
    wait(qtbot, lambda: heard(slots) == name)


def texts(widget):
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def rate_all(qtbot, slots, test, scores):
    """Rates every sound as somebody does who knows what it is; the digits are tens."""
    view = slots.test_page.rating
    for slot in range(test.n_slots):
        press(qtbot, view, Qt.Key.Key_Right if slot else Qt.Key.Key_A)
        name = test.names[test.player.heard]
        settled(qtbot, slots, name)
        press(qtbot, view, Qt.Key.Key_End if scores[name] == 100 else DIGITS[scores[name] // 10])


GOOD = {REFERENCE: 100, "anchor-3.5k": 20, "anchor-7k": 60}


def test_ratings_are_walked_by_keys_to_their_result(rating, slots, qtbot):
    view = slots.test_page.rating
    assert [scale.letter for scale in view.scales] == list("ABCD"), "the original, two anchors, and the slot"
    version = next(name for name in rating.names if name not in (REFERENCE, *ANCHORS))
    assert version == "Lamina 0.75 kbps"
    press(qtbot, view, Qt.Key.Key_O)
    settled(qtbot, slots, REFERENCE)
    press(qtbot, view, Qt.Key.Key_5, Qt.Key.Key_Up)
    assert rating.n_rated == 0, "the original, which is known, is not rated"
    rate_all(qtbot, slots, rating, {**GOOD, version: 40})
    shown = texts(view)
    assert "4 of 4 rated" in shown and "Lamina" not in shown and "nchor" not in shown, "nothing has a name before"
    press(qtbot, view, Qt.Key.Key_B, Qt.Key.Key_PageDown, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_Up)
    press(qtbot, view, Qt.Key.Key_Return)
    result = slots.test_page.result
    assert result.isVisible()
    assert result.verdict.text() == "You rated Lamina 0.75 kbps 40 (fair)."
    assert "hidden among them, 100." in result.sounds.text() and "Anchor 7 kHz 60" in result.sounds.text()
    saved = read_result(rating.saved)
    (taken,) = saved.tests
    assert taken.test.outcome() == {next(iter(taken.sounds)): {**GOOD, version: 40}}
    assert rating.saved.with_suffix(".csv").is_file() and not (results_folder() / UNFINISHED_NAME).exists()
    (sounds,) = taken.sounds.values()
    assert len(sounds[version]["how"]["model_digest"]) == 64 and sounds["anchor-7k"]["how"]["low_pass_hz"] == 7000


def test_a_rating_belongs_to_the_sound_that_is_heard(rating, slots, qtbot):
    view = slots.test_page.rating
    press(qtbot, view, Qt.Key.Key_C, Qt.Key.Key_7)
    assert [rating.rating(slot) for slot in range(4)] == [None, None, 70, None]
    press(qtbot, view, Qt.Key.Key_Left, Qt.Key.Key_Up)
    assert [rating.rating(slot) for slot in range(4)] == [None, 50, 70, None]
    press(qtbot, view, Qt.Key.Key_Home, Qt.Key.Key_Down)
    assert rating.rating(1) == 0
    press(qtbot, view, Qt.Key.Key_End, Qt.Key.Key_PageUp)
    assert rating.rating(1) == 100
    qtbot.mouseClick(view.scales[3], Qt.MouseButton.LeftButton)
    assert rating.slot == 3 and rating.rating(3) is None, "the first press listens"


def test_ratings_do_not_end_before_all_are_given(rating, slots, qtbot):
    view = slots.test_page.rating
    press(qtbot, view, Qt.Key.Key_A, Qt.Key.Key_7, Qt.Key.Key_Return)
    assert not rating.is_over and view.isVisible() and rating.saved is None


def engine_seconds(slots):
    slots._session.engine.slots().result(PATIENCE_SECONDS)
    return slots._session.engine.telemetry.state()["compared_seconds"]


def test_a_part_is_looped_by_keys_for_every_sound_alike(qtbot, window):
    slots = open_slots(window, qtbot, 0.5, 3.5)
    test = begin(slots, qtbot, Qt.Key.Key_3)
    view = slots.test_page.rating
    press(qtbot, view, Qt.Key.Key_A)
    wait(qtbot, lambda: 0.5 < test.player.position_seconds < 1.2)  # it comes round, so a busy machine gets there too
    press(qtbot, view, Qt.Key.Key_Comma)
    start, stop = test.player.loop
    assert start > 0.5 and stop == 3.0 and view.strip.words() == f"{start:.1f} to 3.0 s of 3.0 s"
    wait(qtbot, lambda: start + 0.5 < test.player.position_seconds < 2.5)
    press(qtbot, view, Qt.Key.Key_Period)
    assert test.player.loop[0] == start and start + 0.5 <= test.player.loop[1] < 3.0
    stop = test.player.loop[1]
    wait(qtbot, lambda: start <= engine_seconds(slots) < stop)
    press(qtbot, view, Qt.Key.Key_B)
    name = test.names[test.player.heard]
    settled(qtbot, slots, name)
    for _ in range(20):
        assert start <= engine_seconds(slots) <= stop
        qtbot.wait(20)
    # It is the test's, not a sound's.
    press(qtbot, view, Qt.Key.Key_Space, Qt.Key.Key_Space)
    assert test.player.loop == (start, stop)
    press(qtbot, view, Qt.Key.Key_W)
    assert test.player.loop is None and view.strip.words() == "the whole sound, 3.0 s"
    wait(qtbot, lambda: engine_seconds(slots) > stop)


def test_a_part_is_looped_by_mouse_and_never_shorter_than_half_a_second(rating, slots, qtbot):
    view = slots.test_page.rating
    press(qtbot, view, Qt.Key.Key_A)
    strip, y = view.strip, 8

    def at(share):
        return QPoint(round(1 + share * (strip.width() - 2)), y)

    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=at(0.8))
    qtbot.mouseMove(strip, at(0.2))
    qtbot.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=at(0.2))
    assert rating.player.loop == pytest.approx((0.2, 0.8), abs=0.01)
    assert "0.2 to 0.8 s of 1.0 s" in strip.accessibleName()
    rating.loop_part(0.9, 0.95)
    assert rating.player.loop == (0.5, 1.0)
    rating.loop_part(0.0, 1.0)
    assert rating.player.loop is None, "all of it is no part"
    rating.loop_part(0.2, 0.8)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=at(0.5))
    assert rating.player.loop == (0.2, 0.8), "a click goes there"
    qtbot.mouseDClick(strip, Qt.MouseButton.LeftButton, pos=at(0.5))
    assert rating.player.loop is None


def test_the_sounds_that_are_rated_are_equally_loud(rating):
    loudness = [sound.lufs for sound in rating.sounds]
    assert max(loudness) - min(loudness) < 0.01
    assert len({sound.samples.shape for sound in rating.sounds}) == 1


def test_ratings_that_were_left_go_on_with_the_same_sounds(rating, slots, qtbot, window):
    view = slots.test_page.rating
    press(qtbot, view, Qt.Key.Key_A, Qt.Key.Key_7, Qt.Key.Key_D, Qt.Key.Key_3)
    digests = [sound.sha256 for sound in rating.sounds]
    order = [rating._test.sound_of(slot) for slot in range(4)]
    press(qtbot, view, Qt.Key.Key_Escape)
    assert slots.page.isVisible() and slots.testing.test is None
    window.comparing.remove(1)
    slots.open_tests()
    setup = slots.test_page.setup
    assert setup.left_over.isVisible() and "2 of 4 rated" in setup.left_words.text()
    setup.go_on_button.click()
    wait(qtbot, lambda: slots.testing.test is not None)
    again = slots.testing.test
    assert view.isVisible() and [again.rating(slot) for slot in range(4)] == [70, None, None, 30]
    assert [sound.sha256 for sound in again.sounds] == digests
    assert [again._test.sound_of(slot) for slot in range(4)] == order


def test_a_rating_is_kept_though_nobody_leaves(rating, slots, qtbot):
    press(qtbot, slots.test_page.rating, Qt.Key.Key_A, Qt.Key.Key_7)
    wait(qtbot, (results_folder() / UNFINISHED_NAME).is_file)
    assert json.loads((results_folder() / UNFINISHED_NAME).read_text())["state"]["ratings"][0][0] == 70


def test_who_takes_the_hidden_original_for_something_else_is_told(rating, slots, qtbot):
    version = next(name for name in rating.names if name not in (REFERENCE, *ANCHORS))
    rate_all(qtbot, slots, rating, {**GOOD, REFERENCE: 80, version: 100})
    press(qtbot, slots.test_page.rating, Qt.Key.Key_Return)
    assert "80, below 90" in slots.test_page.result.sounds.text()


def test_slots_of_one_name_are_told_apart_in_the_results(slots, qtbot, window):
    values = {**window.session.parameters.values(), "layers": 1}
    window.comparing.add(Recipe.lamina("lamina-24k", {**values, "mix": 0.5}, "Half"))
    wait(qtbot, lambda: window.comparing.arranged is not None and len(window.comparing.arranged.conditions) == 3)
    test = begin(slots, qtbot, Qt.Key.Key_3)
    versions = [name for name in test.names if name not in (REFERENCE, *ANCHORS)]
    assert len(set(versions)) == 2 and all(name.startswith("Lamina 0.75 kbps (") for name in versions)


def test_a_slot_that_is_silent_is_no_version_to_rate(slots, qtbot, window):
    slot = window.comparing.slots[1]
    slot.made = type(slot.made)(np.zeros_like(slot.made.samples), slot.made.kbps, slot.made.digest)
    qtbot.keyClick(slots, Qt.Key.Key_T)
    setup = slots.test_page.setup
    qtbot.keyClick(setup, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(setup.start_button, Qt.Key.Key_Return)
    wait(qtbot, lambda: "silent here" in window.notice.label.text())
    assert slots.testing.test is None and setup.isVisible() and setup.start_button.isEnabled()


@pytest.mark.slow
def test_the_layers_test_is_walked_by_keys_to_its_sentence(window, qtbot):
    slots = open_slots(window, qtbot, 0.0, 0.5)  # all numbers of layers are made twice
    qtbot.keyClick(slots, Qt.Key.Key_T)
    setup = slots.test_page.setup
    qtbot.keyClick(setup, Qt.Key.Key_4, Qt.KeyboardModifier.AltModifier)
    assert "0.5 s" in setup.heard.text()
    setup.trials.chosen.emit(20)
    setup.listener.setText("Ada")
    qtbot.keyClick(setup.start_button, Qt.Key.Key_Return)
    assert not setup.start_button.isEnabled() or slots.testing.is_making
    wait(qtbot, lambda: slots.testing.test is not None)
    test, view = slots.testing.test, slots.test_page.trial
    assert view.isVisible() and test.n_trials == 20 and len(test.sounds) == 25
    press(qtbot, view, Qt.Key.Key_O)
    settled(qtbot, slots, "0")
    for trial in range(20):
        if trial == 5:  # left, and gone on with
            press(qtbot, view, Qt.Key.Key_Escape)
            slots.open_tests()
            assert "5 of 20 answered" in setup.left_words.text()
            setup.go_on_button.click()
            wait(qtbot, lambda: slots.testing.test is not None)
            test = slots.testing.test
        press(qtbot, view, Qt.Key.Key_A)
        layers = int(test.names[test.player.heard])
        if layers == 0:
            press(qtbot, view, Qt.Key.Key_B)
            layers, is_first = int(test.names[test.player.heard]), False
        else:
            is_first = True
        settled(qtbot, slots, str(layers))
        assert str(layers) not in texts(view).replace("20", "").split(), "nothing tells how many layers"
        is_right = layers <= 7 or trial % 2 == 0  # hears up to 7, and guesses above
        press(qtbot, view, Qt.Key.Key_1 if is_first == is_right else Qt.Key.Key_2, Qt.Key.Key_Return)
    result = slots.test_page.result
    assert result.isVisible()
    outcome = test._test.outcome()
    told = outcome.below
    assert abs(told - 7) <= 2
    assert result.verdict.text() == (
        f"You tell Lamina from the original up to {told} layers, {kbps_text(0.75 * told)} a channel, on this sound; "
        "above you guess."
    )
    assert "answers were right" in result.sounds.text()
    assert read_result(test.saved).tests[0].test.kind == "staircase"


def test_making_the_layers_is_given_up_by_escape(slots, qtbot):
    qtbot.keyClick(slots, Qt.Key.Key_T)
    setup = slots.test_page.setup
    qtbot.keyClick(setup, Qt.Key.Key_4, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(setup.start_button, Qt.Key.Key_Return)
    assert slots.testing.is_making
    qtbot.keyClick(setup, Qt.Key.Key_Escape)
    assert slots.page.isVisible() and not slots.testing.is_making
    slots.testing._work.close()
    slots.testing.tick()
    assert slots.testing.test is None


def test_silence_has_no_layers_to_tell(window, qtbot, tmp_path):
    path = write_sound(tmp_path / "silence.wav", 24000, np.zeros((1, 24000)))
    window.open(path)
    wait(qtbot, lambda: window.session.document.path == path)
    slots = window.compare_window
    slots.open()
    slots.open_tests()
    setup = slots.test_page.setup
    setup.choose_kind("staircase")
    setup.start_button.click()
    wait(qtbot, lambda: "silent here" in window.notice.label.text())
    assert slots.testing.test is None


def another_sound(path, seconds, peak=0.5, seed=1):
    return write_sound(path, 24_000, peak * noise(2, round(24_000 * seconds), seed))


def test_several_sounds_are_rated_one_after_the_other_by_keys(slots, qtbot, window, tmp_path, monkeypatch):
    more = [another_sound(tmp_path / name, seconds) for name, seconds in (("drums.wav", 3.0), ("voice.wav", 0.7))]
    chosen = [str(path) for path in more] + [str(window.session.document.opened)]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (chosen, ""))
    qtbot.keyClick(slots, Qt.Key.Key_T)
    setup = slots.test_page.setup
    qtbot.keyClick(setup, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(setup, Qt.Key.Key_A, Qt.KeyboardModifier.AltModifier)
    assert setup.others == more, "the one that is open is there already"
    assert "Over 3 sounds" in setup.heard.text() and "drums.wav, voice.wav" in setup.heard.text()
    setup.listener.setText("Ada")
    qtbot.keyClick(setup.start_button, Qt.Key.Key_Return)
    wait(qtbot, lambda: slots.testing.test is not None)
    test, view = slots.testing.test, slots.test_page.rating
    own = window.session.document.opened.stem
    lengths = {item.name: round(item.sounds[0].seconds, 2) for item in test.items}
    assert lengths == {own: 1.0, "drums": 1.0, "voice": 0.7}, "as long as what is compared, or as there is"
    for item in test.items:
        loudness = [sound.lufs for sound in item.sounds]
        assert max(loudness) - min(loudness) < 0.01, "equally loud among themselves"
    version = next(name for name in test.names if name not in (REFERENCE, *ANCHORS))
    order = [test._test.item_of(page) for page in range(3)]
    given = {}
    for page, item in enumerate(order):
        assert f"sound {page + 1} of 3" in view.heading.text() and item not in texts(view)
        assert test.sounds is next(one for one in test.items if one.name == item).sounds
        press(qtbot, view, Qt.Key.Key_Return)
        assert test.page == page, "nothing goes on before all are rated"
        given[item] = {**GOOD, version: 30 + 10 * page}
        rate_all(qtbot, slots, test, given[item])
        assert engine_seconds(slots) <= lengths[item]
        if page == 1:
            press(qtbot, view, Qt.Key.Key_Backspace)
            assert test.page == 0 and test.n_rated == test.n_slots and test.slot is None
            press(qtbot, view, Qt.Key.Key_Return)
            assert test.page == 1 and test.n_rated == test.n_slots
        press(qtbot, view, Qt.Key.Key_Return)
    result = slots.test_page.result
    assert result.isVisible()
    assert result.verdict.text() == "You rated Lamina 0.75 kbps 40 (fair) on average over 3 sounds."
    (taken,) = read_result(test.saved).tests
    assert taken.test.outcome() == given and set(taken.sounds) == set(order)
    assert taken.settings["regions"]["voice"] == [0, round(0.7 * 24_000)]


def test_a_test_of_several_sounds_goes_on_at_its_page_with_the_same_sounds(slots, qtbot, window, tmp_path):
    more = another_sound(tmp_path / "drums.wav", 2.0)
    slots.test_page.setup.others = [more]
    test, view = begin(slots, qtbot, Qt.Key.Key_3), slots.test_page.rating
    for slot in range(test.n_slots):
        press(qtbot, view, getattr(Qt.Key, f"Key_{'ABCD'[slot]}"), Qt.Key.Key_5)
    press(qtbot, view, Qt.Key.Key_Return, Qt.Key.Key_B, Qt.Key.Key_7)
    item, digests = test._test.item, [sound.sha256 for one in test.items for sound in one.sounds]
    press(qtbot, view, Qt.Key.Key_Escape)
    slots.open_tests()
    setup = slots.test_page.setup
    assert "and 1 more, 5 of 8 rated" in setup.left_words.text()
    qtbot.keyClick(setup, Qt.Key.Key_G, Qt.KeyboardModifier.AltModifier)
    wait(qtbot, lambda: slots.testing.test is not None)
    again = slots.testing.test
    assert again.page == 1 and again._test.item == item and again.rating(1) == 70
    assert again.sounds is next(one for one in again.items if one.name == item).sounds
    assert [sound.sha256 for one in again.items for sound in one.sounds] == digests
    press(qtbot, view, Qt.Key.Key_Escape)
    another_sound(more, 2.5, seed=5)
    slots.open_tests()
    setup.go_on_button.click()
    wait(qtbot, lambda: "no longer those" in window.notice.label.text())
    assert slots.testing.test is None


@pytest.mark.parametrize(
    ("seconds", "peak", "sentence"), [(0.3, 0.5, "drums.wav lasts 0.30 s"), (2.0, 0.0, "drums.wav: Original is silent")]
)
def test_another_sound_that_cant_be_rated_is_told_by_its_name(slots, qtbot, window, tmp_path, seconds, peak, sentence):
    more = another_sound(tmp_path / "drums.wav", seconds, peak)
    failed = []
    assert slots.testing.begin_rating("Ada", lambda: None, lambda: failed.append(True), [more])
    wait(qtbot, lambda: failed)
    assert sentence in window.notice.label.text() and slots.testing.test is None


def test_a_file_that_is_no_sound_is_told_and_nothing_begins(slots, qtbot, window, tmp_path):
    (tmp_path / "drums.wav").write_text("no sound")
    failed = []
    assert slots.testing.begin_rating("Ada", lambda: None, lambda: failed.append(True), [tmp_path / "drums.wav"])
    wait(qtbot, lambda: failed)
    assert "drums.wav" in window.notice.label.text() and slots.testing.test is None


def test_a_codec_that_dies_midway_ends_the_making_and_loses_nothing(slots, qtbot, window, tmp_path, monkeypatch):
    window.comparing.add(Recipe.rival("opus:12", "Opus 12 kbps"))
    wait(qtbot, lambda: window.comparing.arranged is not None and len(window.comparing.arranged.conditions) == 3)
    more, failed = another_sound(tmp_path / "drums.wav", 2.0), []
    with monkeypatch.context() as patched:

        def dies(*_):
            raise ValueError("Opus died midway.")

        patched.setattr(Opus, "process_channels", dies)
        assert slots.testing.begin_rating("Ada", lambda: None, lambda: failed.append(True), [more])
        wait(qtbot, lambda: failed)
    assert "Opus died midway." in window.notice.label.text() and slots.testing.test is None
    assert all(slot.state is SlotState.READY for slot in window.comparing.slots)
    done = []
    assert slots.testing.begin_rating("Ada", lambda: done.append(True), lambda: None, [more])
    wait(qtbot, lambda: done)
    assert len(slots.testing.test.items) == 2
