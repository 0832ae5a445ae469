"""Comparing by ear in the app: slots by keyboard, equally loud, over the loop; what fails says so and takes nothing
with it.
"""

import numpy as np
import pytest
from gui_parts import PATIENCE_SECONDS, wait, write_sound
from PyQt6.QtCore import Qt

from lamina.dsp.loudness import integrated_lufs
from lamina.gui.model.listening.recipe import Kind, Recipe
from lamina.gui.model.listening.slots import SlotState
from lamina.plugin import NeuralCodec
from lamina.plugin.documents.presets import load_preset

pytest_plugins = ["gui_fixtures"]


@pytest.fixture
def loop(window):
    """A second of the demo item, looped."""
    window.session.set_loop_region(0.5, 1.5)
    return window.session.loop_seconds


def ready(window):
    return all(slot.state is SlotState.READY for slot in window.comparing.slots)


@pytest.fixture
def compared(window, qtbot, loop):
    """The compare window with the original, 8 layers and 1 layer."""
    qtbot.keyClick(window, Qt.Key.Key_C)
    window.session.parameters.set("layers", 1)
    qtbot.keyClick(window, Qt.Key.Key_C)
    wait(qtbot, lambda: ready(window) and window.comparing.arranged is not None)
    wait(qtbot, lambda: len(window.comparing.arranged.conditions) == 3)
    return window.compare_window


def heard(window):
    state = window.session.engine.telemetry.state()
    return int(state["compared_heard"]), bool(state["compared_difference"]), bool(state["compared_plays"])


def test_compare_this_takes_the_loop_and_the_present_settings(compared, window):
    slots = window.comparing.slots
    assert compared.isVisible()
    assert [slot.recipe.kind for slot in slots] == [Kind.ORIGINAL, Kind.LAMINA, Kind.LAMINA]
    assert [slot.recipe.values.get("layers") for slot in slots[1:]] == [8, 1]
    document, rate = window.session.document, window.session.document.clip.sample_rate
    original = document.clip.samples[:, rate // 2 : 3 * rate // 2]
    assert np.array_equal(slots[0].made.samples, original)
    # What is heard is what the effect makes of the sound as it goes on from before the loop.
    whole = NeuralCodec(layers=1).process(document.clip.samples[:, : 3 * rate // 2], rate)
    assert np.abs(slots[2].made.samples - whole[:, rate // 2 : 3 * rate // 2]).max() < 1e-4


def test_the_bits_shown_are_those_counted(compared, window):
    per_channel = [slot.made.kbps / window.session.document.n_channels for slot in window.comparing.slots[1:]]
    assert per_channel == pytest.approx([6.0, 0.75])
    rows = compared.page.rows
    assert rows[0].rate.text() == "" and rows[2].rate.text().endswith("kbps")


def test_slots_are_as_loud_as_the_original_and_the_gain_is_shown(compared, window, qtbot):
    arranged = window.comparing.arranged
    loudness = [integrated_lufs(each.samples, each.sample_rate) for each in arranged.conditions]
    assert max(loudness) - min(loudness) < 0.2
    assert compared.page.rows[2].gain.text().endswith("dB") and compared.page.rows[2].gain.text() != "0.0 dB"
    qtbot.keyClick(compared, Qt.Key.Key_M)
    wait(qtbot, lambda: window.comparing.arranged is not arranged)
    assert [each.gain_db for each in window.comparing.arranged.conditions] == [0.0, 0.0, 0.0]
    assert compared.page.rows[2].gain.text() == "0.0 dB"
    assert not compared.page.matched.isChecked()


def test_numbers_change_over_and_space_plays(compared, window, qtbot):
    window.session.player.play()
    wait(qtbot, lambda: window.session.is_playing)
    qtbot.keyClick(compared, Qt.Key.Key_Space)
    wait(qtbot, lambda: heard(window) == (2, False, True))
    assert not window.session.is_playing, "the file's own transport rests"
    for key, index in ((Qt.Key.Key_1, 0), (Qt.Key.Key_2, 1), (Qt.Key.Key_3, 2)):
        qtbot.keyClick(compared, key)
        wait(qtbot, lambda index=index: heard(window) == (index, False, True))
        assert [row.is_heard for row in compared.page.rows] == [number == index for number in range(3)]
    qtbot.keyClick(compared, Qt.Key.Key_9)  # there is none
    assert window.comparing.heard == 2
    qtbot.keyClick(compared, Qt.Key.Key_D)
    wait(qtbot, lambda: heard(window) == (2, True, True))
    assert compared.page.heard_caption.name.text() == "Original \N{MINUS SIGN} Lamina 0.75 kbps"
    qtbot.keyClick(compared, Qt.Key.Key_Space)
    wait(qtbot, lambda: heard(window) == (2, True, False))


def test_the_difference_is_drawn_as_it_is_heard(compared, window, qtbot):
    wait(qtbot, lambda: window.comparing.pictures(1) is not None and window.comparing.pictures(2) is not None)
    page = compared.page
    qtbot.keyClick(compared, Qt.Key.Key_3)
    assert page.heard.levels is window.comparing.pictures(2).sound
    qtbot.keyClick(compared, Qt.Key.Key_D)
    assert page.heard.levels is window.comparing.pictures(2).difference
    qtbot.keyClick(compared, Qt.Key.Key_1)
    assert not page.heard.levels.any(), "the original without itself"
    assert page.original.levels is window.comparing.pictures(0).sound and page.original.levels.any()


def test_playing_the_file_or_closing_the_window_ends_comparing(compared, window, qtbot):
    for end in (window.session.player.play, compared.close):
        window.session.player.pause()
        window.comparing.play()
        wait(qtbot, lambda: heard(window)[2])
        end()
        wait(qtbot, lambda: not window.session.engine.telemetry.state()["is_comparing"])
        assert not window.comparing.is_playing and len(window.comparing.slots) == 3


def test_the_same_settings_are_no_second_slot_and_a_tenth_is_refused(compared, window, qtbot):
    qtbot.keyClick(compared, Qt.Key.Key_C)
    assert len(window.comparing.slots) == 3
    assert compared.notice.label.text() == "That is slot 3 already."
    for layers in range(2, 9):
        window.comparing.add(Recipe.lamina("lamina-24k", {**window.session.parameters.values(), "layers": layers}))
    assert len(window.comparing.slots) == 9
    window.comparing.add(Recipe.lamina("lamina-24k", {**window.session.parameters.values(), "layers": 20}))
    assert len(window.comparing.slots) == 9
    assert "all are in use" in compared.notice.label.text()


def test_a_slot_is_taken_away_and_the_original_stays(compared, window, qtbot):
    qtbot.keyClick(compared, Qt.Key.Key_2)
    qtbot.keyClick(compared, Qt.Key.Key_Delete)
    assert [slot.recipe.values.get("layers") for slot in window.comparing.slots] == [None, 1]
    qtbot.keyClick(compared, Qt.Key.Key_1)
    qtbot.keyClick(compared, Qt.Key.Key_Delete)
    assert len(window.comparing.slots) == 2
    assert len(compared.page.rows) == 2 and compared.page.rows[1].title.text() == "Lamina 0.75 kbps"


def test_sounds_that_nobody_hears_any_more_do_not_stay_on_the_disk(compared, window, qtbot):
    comparing = window.comparing
    folder = comparing.arranged.files[0].parent
    for matched in (False, True, False):
        before = comparing.arranged
        comparing.set_matched(matched)
        wait(qtbot, lambda before=before: comparing.arranged is not before)
    qtbot.keyClick(compared, Qt.Key.Key_Space)
    wait(qtbot, lambda: {path.name for path in folder.iterdir()} == {path.name for path in comparing.arranged.files})
    while comparing.slots:
        comparing.remove(len(comparing.slots) - 1)
    wait(qtbot, lambda: not list(folder.iterdir()))


def test_taking_a_slot_away_leaves_the_one_that_is_heard(compared, window, qtbot):
    qtbot.keyClick(compared, Qt.Key.Key_3)
    slot = window.comparing.slots[2]
    compared.page.rows[1].cross.click()
    assert window.comparing.slots[window.comparing.heard] is slot
    assert compared.page.rows[1].is_heard


def test_sounds_that_come_after_their_slots_have_gone_are_not_heard(compared, window):
    comparing = window.comparing
    comparing.set_matched(False)  # arranged anew, beside the window
    for _ in range(2):
        comparing.remove(1)
    assert not comparing.slots
    comparing._sounds.close()  # until that is done
    comparing._sounds.deliver()
    assert comparing.arranged is None and not comparing.can_play


def test_a_slot_that_cannot_be_made_says_so_and_the_others_play(compared, window, qtbot, monkeypatch):
    broken = Recipe(Kind.LAMINA, "Lamina of long ago", "", "a-model-that-is-gone", {"layers": 4})
    window.comparing.add(broken)
    wait(qtbot, lambda: window.comparing.slots[3].state is SlotState.FAILED)
    row = compared.page.rows[3]
    wait(qtbot, lambda: "a-model-that-is-gone" in row.detail.text())
    assert [slot.state for slot in window.comparing.slots[:3]] == [SlotState.READY] * 3
    window.comparing.play()
    qtbot.keyClick(compared, Qt.Key.Key_2)
    wait(qtbot, lambda: heard(window) == (1, False, True))


@pytest.mark.parametrize("where", ["written", "played"])
def test_slots_whose_sounds_are_refused_say_so_and_are_made_again(compared, window, qtbot, monkeypatch, where):
    from lamina.gui.model.listening import slot_sounds

    comparing, arrange = window.comparing, slot_sounds.arrange

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    if where == "written":
        monkeypatch.setattr(slot_sounds, "arrange", full)
        comparing.set_matched(False)
    else:
        for file in comparing.arranged.files:
            file.unlink()
        comparing.play()
    wait(qtbot, lambda: all(slot.state is SlotState.FAILED for slot in comparing.slots))
    wait(qtbot, lambda: window.notice.isVisible())
    reason = "No space left" if where == "written" else "slots-"
    assert all(reason in slot.trouble for slot in comparing.slots)
    assert not comparing.can_play and not comparing.is_playing
    wait(qtbot, lambda: reason in compared.page.rows[1].detail.text())
    monkeypatch.setattr(slot_sounds, "arrange", arrange)
    qtbot.keyClick(compared, Qt.Key.Key_2)
    wait(qtbot, lambda: ready(window) and comparing.can_play)
    comparing.play()
    wait(qtbot, lambda: heard(window) == (1, False, True))


def test_making_is_cancelled_and_begun_again(compared, window, qtbot, monkeypatch):
    import threading

    from lamina.gui.model.listening import recipe

    may_go_on, in_blocks = threading.Event(), recipe._in_blocks

    def slow(effect, sound, rate, progress, cancelled):
        assert may_go_on.wait(PATIENCE_SECONDS)
        return in_blocks(effect, sound, rate, progress, cancelled)

    monkeypatch.setattr(recipe, "_in_blocks", slow)
    window.session.parameters.set("layers", 5)
    qtbot.keyClick(compared, Qt.Key.Key_C)
    wait(qtbot, lambda: window.comparing.slots[3].state is SlotState.MAKING)
    compared.page.rows[3].cross.click()
    assert window.comparing.slots[3].state is SlotState.CANCELLED
    may_go_on.set()
    window.comparing._making.run(lambda: None, lambda _result: None, lambda _error: None)
    assert window.comparing.slots[3].made is None and len(window.comparing.arranged.conditions) == 3
    qtbot.keyClick(compared, Qt.Key.Key_4)
    wait(qtbot, lambda: window.comparing.slots[3].state is SlotState.READY)


def test_another_loop_is_compared_when_one_says_so(compared, window, qtbot):
    assert compared.page.loop_button.isHidden()
    window.session.set_loop_region(2.0, 3.5)
    assert not compared.page.loop_button.isHidden()
    compared.page.loop_button.click()
    wait(qtbot, lambda: ready(window))
    rate = window.session.document.clip.sample_rate
    assert all(slot.made.samples.shape[1] == round(1.5 * rate) for slot in window.comparing.slots)
    assert compared.page.loop_button.isHidden() and "0:02.0 – 0:03.5" in compared.page.region.text()


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "at least 0.5 s"), (70.0, "up to 60 s")])
def test_too_long_and_too_short_a_loop_is_refused(window, qtbot, tmp_path, seconds, words):
    path = write_sound(tmp_path / "long.wav", 8000, 0.1 * np.random.default_rng(0).standard_normal((1, 640_000)))
    window.open(path)
    wait(qtbot, lambda: window.session.document.path == path)
    window.session.set_loop_region(1.0, 1.0 + seconds)
    qtbot.keyClick(window, Qt.Key.Key_C)
    assert words in window.notice.label.text() and not window.comparing.slots
    assert not window.compare_window.isVisible()


def test_without_a_loop_a_short_file_is_compared_whole_and_a_long_one_from_where_one_is(window, qtbot, tmp_path):
    window.comparing.take_region()
    assert window.comparing.seconds == pytest.approx(window.session.document.seconds, abs=0.001)
    path = write_sound(tmp_path / "long.wav", 8000, 0.1 * np.random.default_rng(0).standard_normal((1, 640_000)))
    window.open(path)
    wait(qtbot, lambda: window.session.document.path == path)
    window.session.seek(70.0)
    window.comparing.take_region()
    assert window.comparing.region.start == 60 * 8000 and window.comparing.seconds == 20.0


def test_a_silent_sound_is_compared_without_a_gain(window, qtbot, tmp_path):
    path = write_sound(tmp_path / "silence.wav", 24000, np.zeros((1, 48000)))
    window.open(path)
    wait(qtbot, lambda: window.session.document.path == path)
    qtbot.keyClick(window, Qt.Key.Key_C)
    wait(qtbot, lambda: window.comparing.arranged is not None)
    assert [slot.gain_db for slot in window.comparing.slots] == [0.0, 0.0]
    assert "silent" in window.compare_window.page.remark.text()


def test_slots_are_added_from_the_menu(compared, window, qtbot):
    compared.page.add_menu.aboutToShow.emit()
    actions = {action.text(): action for action in compared.page.add_menu.actions()}
    actions["Settings B"].trigger()
    assert len(window.comparing.slots) == 3, "B is as A was at first: slot 2"
    preset = load_preset("clean-voice")
    categories = {action.text(): action.menu() for action in actions["Presets"].menu().actions()}
    entries = {action.text(): action for menu in categories.values() for action in menu.actions()}
    entries[preset.title].trigger()
    assert window.comparing.slots[3].recipe.detail.startswith(preset.title)
    assert window.comparing.slots[3].recipe.values["layers"] == preset.settings().value("layers")


def test_another_file_is_compared_with_the_same_slots(compared, window, qtbot, sound):
    window.open(sound)
    wait(qtbot, lambda: window.session.document.path == sound)
    assert len(window.comparing.slots) == 3
    wait(qtbot, lambda: window.comparing.region is not None and ready(window))
    assert window.comparing.slots[0].made.samples.shape == (2, 48000)


def test_another_codec_is_a_slot_with_the_bits_it_made(compared, window, qtbot):
    from lamina.plugin.rivals.registry import RIVALS

    if RIVALS["mp3"].missing():
        pytest.skip(RIVALS["mp3"].missing())
    compared.page.add_menu.aboutToShow.emit()
    titles = {action.text(): action.menu() for action in compared.page.add_menu.actions()}
    rates = {action.text(): action for action in titles[RIVALS["mp3"].title].actions()}
    rates["64 kbps"].trigger()
    wait(qtbot, lambda: window.comparing.slots[3].state is SlotState.READY)
    slot = window.comparing.slots[3]
    assert slot.made.kbps == pytest.approx(64, rel=0.05) and slot.made.samples.shape == slot_shape(window)
    wait(qtbot, lambda: len(window.comparing.arranged.conditions) == 4)


def slot_shape(window):
    return window.comparing.slots[0].made.samples.shape


def test_a_codec_that_is_missing_is_a_slot_with_the_sentence_that_says_how_to_get_it(
    compared, window, qtbot, monkeypatch
):
    from dataclasses import replace

    from lamina.plugin.rivals import registry

    sentence = "Opus needs what isn't here: install lamina[compare]."

    def make(**_options):
        raise registry.RivalMissingError(sentence)

    gone = replace(registry.RIVALS["opus"], missing=lambda: sentence, make=make)
    monkeypatch.setitem(registry.RIVALS, "opus", gone)
    compared.page.add_menu.aboutToShow.emit()
    menu = next(a for a in compared.page.add_menu.actions() if a.text() == f"{gone.title}  (missing)").menu()
    menu.actions()[0].trigger()
    wait(qtbot, lambda: window.comparing.slots[3].state is SlotState.FAILED)
    wait(qtbot, lambda: compared.page.rows[3].detail.text() == sentence)
    assert [slot.state for slot in window.comparing.slots[:3]] == [SlotState.READY] * 3
