"""Preference, MUSHRA and the layers test by keyboard in a terminal: left, gone on with, and kept like the page's."""

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import demo
from terminals import Terminal

from lamina.cli.answers import DONE, REFUSED
from lamina.cli.main import main
from lamina.plugin.listening.mushra import REFERENCE
from lamina.plugin.listening.results import read_result

pytestmark = pytest.mark.slow
RATE = 24_000
LEFT, RIGHT, UP, DOWN = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    for name, sound in (("voice", demo(1, RATE, 2.0)), ("music", demo(0, RATE, 2.0))):
        with AudioFile(str(folder / f"{name}.wav"), "w", samplerate=RATE, num_channels=1, bit_depth=32) as file:
            file.write(np.asarray(sound[:1], np.float32))
    return folder


def planned(sounds, tmp_path, *words):
    plan = tmp_path / "test.json"
    assert main(["listen", "plan", *map(str, words), "--seconds", "1", "--out", str(plan)]) == DONE
    return plan


def taken(folder):
    (path,) = folder.glob("*.json")
    (one,) = read_result(path).tests
    assert one.settings["taken_in"] == "terminal" and not list(folder.glob("*.unfinished"))
    return one


def test_a_preference_is_asked_left_and_gone_on_with(sounds, tmp_path):
    versions = ["--with", "lamina:6", "--with", "lamina:1.5", "--trials", 4]
    plan, folder = planned(sounds, tmp_path, "preference", sounds / "voice.wav", *versions), tmp_path / "out"
    folder.mkdir()
    first = Terminal(plan, folder, n_trials=4)
    first.wait_for("Which one would you rather listen to?")
    for number, key in ((1, LEFT), (2, DOWN)):
        first.wait_for(f"Trial {number} of 4  listen to A and B")
        first.press(key)  # isn't taken: nothing was heard yet
        first.press("a", "b")
        first.wait_for("B is heard")
        first.press(key)
    first.wait_for("Trial 3")
    first.press("q")
    first.wait_for("2 of 4 are answered; the same command goes on")
    assert first.ended() == DONE
    second = Terminal(plan, folder, n_trials=4)
    for number, key in ((3, RIGHT), (4, "1")):
        second.wait_for(f"Trial {number} of 4")
        second.press("b", "a")
        second.wait_for("A is heard")
        second.press(key)
    second.wait_for("was preferred")
    second.wait_for("saved.")
    assert second.ended() == DONE
    assert taken(folder).test.to_dict()["answers"] == ["first", "same", "second", "first"]


def test_layers_are_looked_for_with_the_original_beside(sounds, tmp_path):
    plan, folder = planned(sounds, tmp_path, "staircase", sounds / "voice.wav", "--trials", 10), tmp_path / "out"
    folder.mkdir()
    terminal = Terminal(plan, folder, n_trials=10)
    terminal.wait_for("Which one is not the original?")
    for number in range(1, 11):
        terminal.wait_for(f"Trial {number} of 10")
        terminal.press("o", "a")
        terminal.wait_for("listen to B")
        terminal.press("b")
        terminal.wait_for("B is heard")
        terminal.press("1" if number % 2 else "2")
    terminal.wait_for("original")
    terminal.wait_for("answers were right")
    terminal.wait_for("saved.")
    assert terminal.ended() == DONE
    state = taken(folder).test.to_dict()
    assert state["answers"] == ["first", "second"] * 5 and len(state["played"]) == 10


def test_pages_are_rated_left_and_gone_on_with(sounds, tmp_path):
    words = [sounds / "voice.wav", sounds / "music.wav", "--with", "lamina:6"]
    plan, folder = planned(sounds, tmp_path, "mushra", *words), tmp_path / "out"
    folder.mkdir()
    first = Terminal(plan, folder)
    first.wait_for("Page 1 of 2")
    first.press("7")
    first.wait_for("the original isn't rated")
    for key in "abcd":
        first.press(key)
        first.wait_for(f"[{key.upper()}:")
        first.press("7", UP)
        first.wait_for(f"[{key.upper()}:75]")
    first.press("\r")
    first.wait_for("Page 2 of 2")
    first.press("p")
    first.wait_for("Page 1 of 2")
    first.press("b", "9")
    first.wait_for("[B:90]")
    first.press("\n")
    first.wait_for("Page 2 of 2")
    first.press("\r")
    first.wait_for("rate every sound first")
    first.press("q")
    first.wait_for("Page 2 of 2 was reached; the same command goes on")
    assert first.ended() == DONE
    second = Terminal(plan, folder)
    second.wait_for("Page 2 of 2")
    for key in "abcd":
        second.press(key, "3", LEFT)
        second.wait_for(f"[{key.upper()}:29]")
    second.press("\r")
    second.wait_for("You rated Lamina 6 kbps")
    second.wait_for("You gave the original, hidden among them,")
    second.wait_for("saved.")
    assert second.ended() == DONE
    outcome = taken(folder).test.outcome()
    assert set(outcome) == {"voice", "music"} and set(outcome["voice"]) >= {REFERENCE, "lamina:6"}
    assert sorted(value for row in outcome.values() for value in row.values()) == [29] * 4 + [75] * 3 + [90]


def test_only_abx_trains(sounds, tmp_path):
    plan = planned(sounds, tmp_path, "mushra", sounds / "voice.wav", "--with", "lamina:6")
    terminal = Terminal(plan, tmp_path, "--train")
    terminal.wait_for("Only ABX has answers that are right or wrong at once")
    assert terminal.ended() == REFUSED
