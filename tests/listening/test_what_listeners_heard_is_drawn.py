"""Results of several listeners: a folder sorted by tests, pictures with intervals, a page that needs nothing else."""

import random
import re
import xml.etree.ElementTree as ET

import pytest
from sounds import noise

pytest.importorskip("scipy")

from lamina.cli.main import main
from lamina.plugin.listening.abx import AbxTest
from lamina.plugin.listening.gathering import gather, result_files
from lamina.plugin.listening.mushra import MushraTest
from lamina.plugin.listening.preference import PreferenceTest
from lamina.plugin.listening.report import picture_of, svg
from lamina.plugin.listening.results import ResultError, combine, record, save_result
from lamina.plugin.listening.sounds import Condition
from lamina.plugin.listening.staircase import StaircaseTest
from lamina.plugin.listening.summary import least_for_wilcoxon, summarise

KEYS = ("reference", "anchor-3.5k", "anchor-7k", "lamina:3", "lamina:6")
LABELS = {"lamina:3": "<b>Lamina</b> 3", "lamina:6": "Lamina 6"}
SOUNDS = {key: Condition(LABELS.get(key, key), {}, noise(1, 12000, n), 24000) for n, key in enumerate(KEYS)}


def rated(seed, **scores):
    test = MushraTest.plan(["voice"], list(LABELS), chance=random.Random(seed))
    given = {"reference": 100, "anchor-3.5k": 20, "anchor-7k": 50, "lamina:3": 40 + seed, "lamina:6": 70 + seed}
    given |= scores
    for slot in range(test.n_slots):
        test.rate(slot, given[test.sound_of(slot)])
    return record(test, "How good?", {"voice": SOUNDS}, {})


def abx(n_right, title="Heard?"):
    test = AbxTest.plan(16)
    while not test.is_over:
        truth = test.sound_of("x")
        test.answer(truth if test.trial < n_right else "b" if truth == "a" else "a")
    pair = {"a": SOUNDS["reference"], "b": SOUNDS["lamina:3"]}
    return record(test, title, {"voice": pair}, {"title": title})


@pytest.fixture
def folder(tmp_path):
    """Nine listeners of one MUSHRA test, one of whom misses the reference, and two of an ABX test."""
    for seed in range(8):
        save_result(tmp_path, f"Listener {seed}", [rated(seed)])
    save_result(tmp_path, "Eve", [rated(0, reference=60)])
    for name, n_right in (("Ann", 15), ("Bob", 8)):
        save_result(tmp_path, name, [abx(n_right)])
    return tmp_path


def test_a_folder_is_sorted_by_tests_and_what_cannot_be_used_is_told(folder):
    some = sorted(folder.glob("*.json"))
    (folder / "cut.json").write_text(some[0].read_text()[:900])
    (folder / "edited.json").write_text(some[0].read_text().replace("Heard?", "Hoard?").replace("good?", "bad?"))
    (folder / "other.json").write_text("{}")
    (folder / "unfinished.json").write_text("{}")
    again = folder / "a copy.json"
    again.write_bytes(some[0].read_bytes())
    gathered = gather(result_files(folder))
    assert [len(group) for group in gathered.groups] == [9, 2]
    told = {path.name: sentence for path, sentence in gathered.refused.items()}
    assert "cut off" in told["cut.json"] and "edited or damaged" in told["edited.json"]
    assert "no file of listening results" in told["other.json"] and "unfinished.json" not in told
    (twice,) = [sentence for sentence in told.values() if "one name" in sentence]
    assert "a copy.json" in twice
    assert len(told) == 4, "nothing else is refused"
    with pytest.raises(ResultError, match="can't be read"):
        result_files(folder / "nowhere")


def test_the_picture_of_ratings_has_their_means_and_students_intervals(folder):
    (test,) = summarise(gather(result_files(folder)).groups[0])["tests"]
    assert list(test["excluded"]) == ["Eve"]
    points = {point.label: point for point in picture_of(test).points}
    # 40 … 47: mean 43.5, deviation 2.4495, t(7) = 2.3646, so 43.5 ± 2.0478.
    three = points["<b>Lamina</b> 3"]
    assert (three.value, three.n) == (43.5, 8)
    assert three.low == pytest.approx(43.5 - 2.0478, abs=1e-3) and three.high == pytest.approx(43.5 + 2.0478, abs=1e-3)
    assert picture_of(test).points[0].label == "reference"


def test_the_picture_of_abx_has_each_listeners_share_and_that_of_all(folder):
    (test,) = summarise(gather(result_files(folder)).groups[1])["tests"]
    picture = picture_of(test)
    shares = {point.label: (point.value, point.n) for point in picture.points}
    assert shares == {"Ann": (93.75, 16), "Bob": (50.0, 16), "All": (pytest.approx(71.875), 32)}
    assert picture.middle == 50
    assert all(point.low < point.value < point.high for point in picture.points)


def test_pictures_of_preferences_and_thresholds_have_what_was_found(tmp_path):
    paths = []
    for seed, name in enumerate(("Ann", "Bob")):
        preference = PreferenceTest.plan(6)
        while not preference.is_over:
            is_a = preference.sound_of("first") == "a"
            preference.answer("same" if preference.trial == 0 else "first" if is_a else "second")
        stairs = StaircaseTest.plan([1, 2, 3, 4], 10, random.Random(seed))
        while not stairs.is_over:
            stairs.answer("first")
        pair = {"voice": {"a": SOUNDS["reference"], "b": SOUNDS["lamina:3"]}}
        records = [record(preference, "Which?", pair, {}), record(stairs, "How many?", pair, {})]
        paths.append(save_result(tmp_path, name, records))
    first, second = summarise(combine(paths))["tests"]
    assert [(point.label, point.n) for point in picture_of(first).points][:2] == [("Ann", 5), ("Bob", 5)]
    assert picture_of(first).points[0].value == 100
    for point, row in zip(picture_of(second).points, second["each"].values(), strict=False):
        assert point.value == (row["layers"] if row["layers"] is not None else 4)
        assert point.low == row["low"] and point.high == (row["high"] if row["high"] is not None else 4)


def test_versions_of_one_name_keep_figures_of_their_own(tmp_path):
    same = {key: Condition("Lamina", {}, SOUNDS[key].samples, 24000) for key in KEYS}
    paths = []
    for seed in range(2):
        taken = rated(seed)
        paths.append(save_result(tmp_path, str(seed), [record(taken.test, "t", {"voice": same}, {})]))
    (test,) = summarise(combine(paths))["tests"]
    assert len(test["means"]) == 5 and "Lamina [lamina:6]" in test["means"]


def test_too_few_listeners_are_told_to_be_too_few(tmp_path):
    # The least two-sided p of n differences is 2 / 2ⁿ; five versions make ten pairs: 10 · 2 / 2⁹ is below 5 % first.
    assert [least_for_wilcoxon(n) for n in (1, 3, 10, 55)] == [6, 7, 9, 12]
    paths = [save_result(tmp_path, str(seed), [rated(seed)]) for seed in range(3)]
    (test,) = summarise(combine(paths))["tests"]
    assert test["sentences"] == ["3 listeners are too few to tell 5 versions apart for certain; it takes 9."]


def test_the_page_has_pictures_and_names_whom_it_leaves_out(folder, tmp_path, capsys):
    page = tmp_path / "out.html"
    files = [str(result.path) for result in gather(result_files(folder)).groups[0]]
    assert main(["listen", "results", *files, "--report", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "Eve rated the hidden reference below 90 in 1 of 1 sound." in text
    assert "<b>Lamina" not in text and "&lt;b&gt;Lamina" in text, "a label is no markup"
    assert not re.search(r"https?://|<script|<img|<link", text), "it needs nothing else and runs nothing"
    (drawn,) = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    root = ET.fromstring(drawn)
    assert len(root.findall("circle")) == 5
    capsys.readouterr()
    assert main(["listen", "results", *files, "--report", str(page)]) == 4
    assert "exists already" in capsys.readouterr().err
    assert main(["listen", "results", *files, "--report", str(page), "--force"]) == 0
    assert main(["listen", "results", *files, "--report", str(tmp_path / "out.pdf")]) == 4


def test_points_stand_where_their_values_are(folder):
    (test,) = summarise(gather(result_files(folder)).groups[0])["tests"]
    picture = picture_of(test)
    root = ET.fromstring(svg(picture))
    places = [float(circle.get("cx")) for circle in root.findall("circle")]
    ticks = {text.text: float(text.get("x")) for text in root.findall("text") if text.text in ("0", "100")}
    for place, point in zip(places, picture.points, strict=True):
        share = (place - ticks["0"]) / (ticks["100"] - ticks["0"])
        assert 100 * share == pytest.approx(point.value, abs=0.1)
