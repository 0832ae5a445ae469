"""What listeners heard, and figures of the slots, in the app: by keys, off the window's thread, told where they can't
be.
"""

import random
import threading

import numpy as np
import pytest
from gui_parts import wait
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog, QLabel

pytest.importorskip("scipy")
pytest.importorskip("pyqtgraph")

from lamina.gui.model.listening.recipe import Recipe
from lamina.gui.model.listening.slots import SlotState
from lamina.gui.model.trials.kept import results_folder
from lamina.gui.model.trials.measuring import Measuring
from lamina.models.places import DATA_VARIABLE
from lamina.plugin.listening.abx import AbxTest
from lamina.plugin.listening.mushra import MushraTest
from lamina.plugin.listening.results import record, save_result
from lamina.plugin.listening.sounds import Condition
from lamina.plugin.metrics import METRICS, measure
from lamina.plugin.metrics.remembered import ScoreStore

pytest_plugins = ["gui_fixtures"]

KEYS = ("reference", "anchor-3.5k", "anchor-7k", "Lamina", "Opus")
QUICK = ("si_sdr", "log_mel")


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A memory of scores of the test's own."""
    monkeypatch.setattr("lamina.plugin.metrics.remembered.usual_path", lambda: tmp_path / "scores.sqlite3")


@pytest.fixture
def quick(monkeypatch, store):
    """Only the measures that need no extra and little time are there; the others tell what they lack."""
    for key in METRICS:
        if key not in QUICK:
            monkeypatch.setitem(METRICS, key, _lacking(METRICS[key]))


def _lacking(metric):
    from dataclasses import replace

    return replace(metric, packages=(("no_such_module_here", "no-such-package"),))


def sounds():
    rng = np.random.default_rng(1)
    return {
        "item": {
            key: Condition(key, {}, rng.standard_normal((1, 12000)).astype(np.float32) * 0.1, 24000) for key in KEYS
        }
    }


@pytest.fixture
def results():
    """Three listeners of a MUSHRA test, one of whom is left out, one of ABX, and a file that is cut off."""
    folder, heard = results_folder(), sounds()
    folder.mkdir(parents=True)
    for seed, (name, reference) in enumerate((("Ada", 100), ("Bob", 95), ("Eve", 40))):
        test = MushraTest.plan(["item"], ["Lamina", "Opus"], chance=random.Random(seed))
        given = {"reference": reference, "anchor-3.5k": 20, "anchor-7k": 50, "Lamina": 70 + seed, "Opus": 80}
        for slot in range(test.n_slots):
            test.rate(slot, given[test.sound_of(slot)])
        path = save_result(folder, name, [record(test, "How good?", heard, {})])
    abx = AbxTest.plan(8)
    while not abx.is_over:
        abx.answer(abx.sound_of("x"))
    pair = {"item": {"a": heard["item"]["reference"], "b": heard["item"]["Lamina"]}}
    save_result(folder, "Ada", [record(abx, "Heard?", pair, {})])
    (folder / "cut.json").write_text(path.read_text()[:1000])
    return folder


@pytest.fixture
def compared(window, qtbot):
    """The compare window with the original and one layer over a second."""
    window.session.set_loop_region(1.0, 2.0)
    window.session.parameters.set("layers", 1)
    qtbot.keyClick(window, Qt.Key.Key_C)
    wait(qtbot, lambda: all(slot.state is SlotState.READY for slot in window.comparing.slots))
    wait(qtbot, lambda: window.comparing.arranged is not None)
    return window.compare_window


def open_results(window, qtbot):
    compare = window.compare_window
    compare.open()
    wait(qtbot, compare.isActiveWindow)
    qtbot.keyClick(compare, Qt.Key.Key_R)
    assert compare.results_page is not None
    wait(qtbot, lambda: compare.results.read is not None or compare.results.trouble)
    return compare.results_page


def texts(widget):
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def test_what_listeners_heard_is_shown_and_who_is_left_out_is_named(window, qtbot, results):
    page = open_results(window, qtbot)
    assert page.isVisible() and page.tests.currentText() == "How good?   (3 listeners)"
    shown = texts(page)
    assert "Left out: Eve rated the hidden reference below 90 in 1 of 1 sound." in shown
    assert "cut.json is cut off: its end is missing." in shown
    assert "2 listeners are too few to tell 5 versions apart for certain; it takes 9." in shown
    points = {point.label: point.value for point in page.plot.picture.points}
    assert points["Lamina"] == 70.5 and points["reference"] == 97.5, "Eve's ratings don't count"
    assert page.pairs.isVisible() and page.pairs.rowCount() == 10
    qtbot.keyClick(page, Qt.Key.Key_Down)
    assert "Heard?" in page.tests.currentText() and not page.pairs.isVisible()
    assert "8 of 8 were right." in texts(page) and page.plot.picture.middle == 50
    qtbot.keyClick(page, Qt.Key.Key_Down)
    assert window.compare_window.results.chosen == 1, "there is no third"
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert window.compare_window.page.isVisible()


def test_another_folder_is_read_and_a_page_is_saved(window, qtbot, results, tmp_path, monkeypatch):
    page = open_results(window, qtbot)
    other = tmp_path / "sent"
    other.mkdir()
    for path in sorted(results.glob("*.json"))[:2]:
        (other / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: str(other))
    qtbot.keyClick(page, Qt.Key.Key_F)
    wait(qtbot, lambda: window.compare_window.results.read is not None)
    assert page.folder_words.text() == f"Folder: {other}"
    target = tmp_path / "page"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(target), ""))
    qtbot.keyClick(page, Qt.Key.Key_S)
    wait(qtbot, target.with_suffix(".html").is_file)
    assert "<svg" in target.with_suffix(".html").read_text()


def test_without_results_the_page_says_how_to_get_some(window, qtbot):
    page = open_results(window, qtbot)
    assert "There are no results in this folder yet." in texts(page)
    assert not page.report_button.isEnabled() and not page.plot.plot.isVisible()
    qtbot.keyClick(page, Qt.Key.Key_Down)
    qtbot.keyClick(page, Qt.Key.Key_S)
    assert page.isVisible()


def test_a_folder_that_is_gone_is_told(window, qtbot, results, tmp_path, monkeypatch):
    page = open_results(window, qtbot)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: str(tmp_path / "nowhere"))
    qtbot.keyClick(page, Qt.Key.Key_F)
    wait(qtbot, lambda: window.compare_window.results.trouble)
    assert "can't be read" in texts(page)


def cell(page, row, key):
    return page.table.item(row, 2 + list(METRICS).index(key))


def test_figures_are_those_of_the_measures_and_the_bits_are_counted(compared, window, qtbot, quick):
    qtbot.keyClick(compared, Qt.Key.Key_F)
    page = compared.figures_page
    assert page.isVisible()
    wait(qtbot, lambda: not compared.measuring.is_busy)
    original, coded = (slot.made for slot in window.comparing.slots)
    rate = window.session.document.clip.sample_rate
    wanted = measure(original.samples, coded.samples, rate, QUICK)
    for key in QUICK:
        assert cell(page, 0, key).text() == METRICS[key].text(wanted[key])
        assert METRICS[key].what_it_cannot_hear.split(",")[0].split(":")[0] in cell(page, 0, key).toolTip()
    assert page.table.item(0, 1).text() == f"{coded.kbps:.2f}"
    assert cell(page, 0, "pesq").text() == "\N{EN DASH}" and "no-such-package" in cell(page, 0, "pesq").toolTip()
    assert METRICS["visqol"].what_it_cannot_hear in texts(page)
    # Without a mouse, too, one learns how to get what is missing.
    assert page.lacking.isVisible() and METRICS["pesq"].title in page.lacking.text()
    assert "pip install 'lamina[compare]'" in page.lacking.text()
    assert METRICS["si_sdr"].title not in page.lacking.text()
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert compared.page.isVisible()


def test_figures_are_remembered_by_the_sounds(compared, window, qtbot, quick, monkeypatch, tmp_path):
    compared.open_figures()
    wait(qtbot, lambda: not compared.measuring.is_busy)
    with ScoreStore(tmp_path / "scores.sqlite3") as store:
        assert store.trouble == ""
    taken = []
    monkeypatch.setattr("lamina.plugin.metrics.table._taken", lambda metric, *_args: taken.append(metric.key) or 0.0)
    again = Measuring(window.session, window.comparing)
    again.start()
    assert again.is_busy
    wait(qtbot, lambda: (again.tick(), not again.is_busy)[1])
    assert taken == [], "nothing is measured a second time"
    assert again.value(1, METRICS["si_sdr"]) == compared.measuring.value(1, METRICS["si_sdr"])
    again.close()


def test_measuring_is_cancelled_by_return_and_goes_on(compared, window, qtbot, quick, monkeypatch):
    held, here = threading.Event(), threading.Event()
    real = METRICS["si_sdr"].compute
    threads = []

    def slow(*args):
        threads.append(threading.current_thread())
        here.set()
        held.wait(60)
        return real(*args)

    from dataclasses import replace

    monkeypatch.setattr("lamina.plugin.metrics.table._ALL", tuple(METRICS.values()))
    slowed = replace(METRICS["si_sdr"], compute=slow)
    monkeypatch.setitem(METRICS, "si_sdr", slowed)
    monkeypatch.setattr("lamina.plugin.metrics.table._ALL", tuple(METRICS.values()))
    qtbot.keyClick(compared, Qt.Key.Key_F)
    page = compared.figures_page
    wait(qtbot, here.is_set)
    assert threads[0] is not threading.main_thread()
    assert page.act_button.text() == "Cancel" and cell(page, 0, "log_mel").text() == "…"
    qtbot.keyClick(page, Qt.Key.Key_Return)
    assert not compared.measuring.is_busy and page.act_button.text() == "Measure"
    held.set()
    compared.measuring.tick()
    assert cell(page, 0, "log_mel").text() == "\N{EN DASH}", "what was cancelled has no figure"
    qtbot.keyClick(page, Qt.Key.Key_Return)
    wait(qtbot, lambda: not compared.measuring.is_busy)
    assert cell(page, 0, "si_sdr").text() != "\N{EN DASH}" and cell(page, 0, "log_mel").text() != "\N{EN DASH}"


def test_a_slot_that_comes_later_is_measured_and_one_made_anew_has_no_old_figures(compared, window, qtbot, quick):
    compared.open_figures()
    wait(qtbot, lambda: not compared.measuring.is_busy)
    values = {**window.session.parameters.values(), "layers": 4}
    window.comparing.add(Recipe.lamina("lamina-24k", values))
    page = compared.figures_page
    wait(qtbot, lambda: page.table.rowCount() == 2 and cell(page, 1, "si_sdr").text()[:1].isdigit())
    assert float(cell(page, 1, "si_sdr").text()) > float(cell(page, 0, "si_sdr").text())
    slot = window.comparing.slots[1]
    slot.made = type(slot.made)(slot.made.samples.copy(), slot.made.kbps, slot.made.digest)
    assert compared.measuring.value(1, METRICS["si_sdr"]) is None


def test_a_measure_that_fails_says_why_and_leaves_the_others(compared, qtbot, quick, monkeypatch):
    from dataclasses import replace

    def broken(*_args):
        raise ValueError("out of order")

    monkeypatch.setitem(METRICS, "log_mel", replace(METRICS["log_mel"], compute=broken, revision=99))
    monkeypatch.setattr("lamina.plugin.metrics.table._ALL", tuple(METRICS.values()))
    compared.open_figures()
    page = compared.figures_page
    wait(qtbot, lambda: not compared.measuring.is_busy)
    assert "out of order" in cell(page, 0, "log_mel").toolTip() and cell(page, 0, "si_sdr").text()[-1].isdigit()


def test_closing_does_not_wait_for_a_measure_that_takes_long(compared, window, qtbot, quick, monkeypatch):
    from dataclasses import replace

    held, here, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(*_args):
        here.set()
        held.wait(60)
        ended.set()
        return 1.0

    monkeypatch.setitem(METRICS, "si_sdr", replace(METRICS["si_sdr"], compute=slow, revision=98))
    monkeypatch.setattr("lamina.plugin.metrics.table._ALL", tuple(METRICS.values()))
    measuring = Measuring(window.session, window.comparing)
    measuring.start()
    wait(qtbot, here.is_set)
    measuring.close()
    assert not ended.is_set()
    held.set()
    wait(qtbot, lambda: ended.is_set() and not [t for t in threading.enumerate() if t.name == "lamina-figures"])
