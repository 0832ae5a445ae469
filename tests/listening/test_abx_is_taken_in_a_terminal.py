"""`lamina listen run`: ABX by keyboard in a terminal, on the virtual device; it goes on where it was."""

import time

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import demo
from terminals import WAITED_SECONDS, Terminal

from lamina.cli.answers import DONE, INPUT, OUTPUT, REFUSED
from lamina.cli.main import main
from lamina.plugin.listening.results import read_result

pytestmark = pytest.mark.slow
LEFT, RIGHT = "\x1b[D", "\x1b[C"
RATE, N_TRIALS = 24_000, 5


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abx")
    with AudioFile(str(folder / "voice.wav"), "w", samplerate=RATE, num_channels=1, bit_depth=32) as file:
        file.write(demo(1, RATE, 2.0)[:1])
    versions = ["--with", "original", "--with", "lamina:1.5"]
    path = folder / "test.json"
    words = ["listen", "plan", "abx", str(folder / "voice.wav"), *versions, "--trials", str(N_TRIALS)]
    assert main([*words, "--seconds", "2", "--out", str(path)]) == DONE
    return path


def test_a_test_is_taken_left_and_gone_on_with_and_its_file_is_like_the_pages(plan, tmp_path, capsys):
    first = Terminal(plan, tmp_path)
    first.answer(1, LEFT)
    first.answer(2, RIGHT)
    first.wait_for("Trial 3")
    first.press("\x03")
    first.wait_for(f"2 of {N_TRIALS} are answered; the same command goes on")
    assert first.ended() == DONE
    assert [path.suffix for path in tmp_path.iterdir()] == [".unfinished"]
    second = Terminal(plan, tmp_path)
    for number in range(3, N_TRIALS + 1):
        second.answer(number, LEFT)
    second.wait_for("were right.")
    second.wait_for("saved.")
    assert second.ended() == DONE
    (path,) = tmp_path.glob("*.json")
    (one,) = read_result(path).tests
    assert one.test.to_dict()["answers"] == ["a", "b", "a", "a", "a"]
    assert one.settings["taken_in"] == "terminal" and one.sounds["voice"]["b"]["label"] == "Lamina 1.5 kbps"
    assert not list(tmp_path.glob("*.unfinished")) and len(list(tmp_path.glob("*.csv"))) == 1
    again = Terminal(plan, tmp_path)
    again.wait_for("Ann has taken this test")
    assert again.ended() == OUTPUT


def test_what_is_heard_is_a_b_and_one_of_them_for_x(plan, tmp_path):
    """The sound that the device gets is looked at: X is what the file of the unfinished test says that it is."""
    out = tmp_path / "out.raw"
    terminal = Terminal(plan, tmp_path, output=f"virtual?output={out}")
    terminal.wait_for("Trial 1")
    terminal.press("a")
    terminal.wait_for("A is heard")
    places = []
    for key in "abx":
        terminal.press(key)
        terminal.wait_for(f"{key.upper()} is heard")
        begun = out.stat().st_size
        deadline = time.monotonic() + WAITED_SECONDS
        while out.stat().st_size < begun + 4 * 2 * 48_000 * 3:  # a loop and a half at any rate
            assert time.monotonic() < deadline
            time.sleep(0.05)
        places.append((begun, out.stat().st_size))
    terminal.press("1")
    terminal.wait_for("Trial 2")
    terminal.press("q")
    terminal.wait_for("goes on")
    assert terminal.ended() == DONE
    import json

    (kept,) = tmp_path.glob("*.unfinished")
    x_is = json.loads(kept.read_text())["state"]["x_is"][0]
    spectra = []
    for begun, end in places:
        heard = np.frombuffer(out.read_bytes()[begun // 8 * 8 : end // 8 * 8], np.float32)[::2]
        assert np.abs(heard).max() > 0.01
        power = np.abs(np.fft.rfft(heard[heard.size // 3 :])) ** 2
        spectra.append(power[power.size // 4 :].sum() / power.sum())
    a, b, x = spectra
    assert abs(x - {"a": a, "b": b}[x_is]) < abs(x - {"a": b, "b": a}[x_is])


def test_training_tells_each_answer_and_keeps_nothing(plan, tmp_path):
    terminal = Terminal(plan, tmp_path, "--train")
    terminal.wait_for("Trial 1")
    terminal.press("a", "b", "x")
    terminal.wait_for("X is heard")
    terminal.press(LEFT)
    terminal.wait_for(" of 1 right")
    terminal.press("q")
    assert terminal.ended() == DONE and not list(tmp_path.iterdir())


def test_what_can_not_be_taken_is_refused_in_a_sentence(plan, tmp_path, capsys):
    assert main(["listen", "run", str(plan), "--listener", "Ann"]) == REFUSED
    assert "standard input is no terminal" in capsys.readouterr().err
    for path, folder, sentence, code in (
        (tmp_path / "none.json", tmp_path, "can't be read", INPUT),
        (plan, tmp_path / "nowhere", "does not exist", OUTPUT),
    ):
        terminal = Terminal(path, folder)
        terminal.wait_for(sentence)
        assert terminal.ended() == code
