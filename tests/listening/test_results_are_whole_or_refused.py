"""A listener's file is complete and untouched, or it is refused in a sentence and nothing is lost."""

import csv
import io
import json
import random
import subprocess
import sys

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import noise

from lamina.cli.main import main
from lamina.plugin.listening.abx import AbxTest
from lamina.plugin.listening.hidden import HiddenError
from lamina.plugin.listening.mushra import MushraTest
from lamina.plugin.listening.plans import Plan, prepare
from lamina.plugin.listening.preference import PreferenceOutcome, PreferenceTest
from lamina.plugin.listening.results import (
    ResultError,
    ResultExistsError,
    as_csv,
    combine,
    read_result,
    record,
    save_result,
    sealed,
)
from lamina.plugin.listening.sounds import Condition
from lamina.plugin.listening.staircase import StaircaseTest
from lamina.plugin.rivals.opus import Opus


def sounds(*keys, seed=0):
    how = {"codec": "lamina:6", "model": "lamina-24k", "model_digest": "ab" * 32}
    return {key: Condition(key.upper(), how, noise(1, 12000, seed + n), 24000) for n, key in enumerate(keys)}


def abx(n_right=12, seed=0, n_trials=16):
    test = AbxTest.plan(n_trials)
    while not test.is_over:
        truth = test.sound_of("x")
        test.answer(truth if test.trial < n_right else "b" if truth == "a" else "a")
    return record(test, "Does it show?", {"voice": sounds("a", "b", seed=seed)}, {"trials": n_trials})


def saved(folder, listener, *records):
    return save_result(folder, listener, records)


def test_a_file_holds_everything_and_comes_back(tmp_path):
    from lamina import __version__

    one = abx(13)
    path = saved(tmp_path, "Zoë", one)
    result = read_result(path)
    assert result.listener == "Zoë" and result.tests[0].test.outcome().n_correct == 13
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["lamina"] == __version__
    described = content["tests"][0]["sounds"]["voice"]["a"]
    assert described["sha256"] == sounds("a", "b")["a"].sha256
    assert described["how"]["model_digest"] == "ab" * 32
    assert content["tests"][0]["settings"] == {"trials": 16}
    rows = list(csv.DictReader(io.StringIO(path.with_suffix(".csv").read_text(encoding="utf-8"))))
    assert [row["right"] for row in rows].count("True") == 13 and len(rows) == 16


def test_a_test_that_isnt_over_is_not_saved(tmp_path):
    with pytest.raises(HiddenError, match="isn't over"):
        record(AbxTest.plan(16), "t", {"voice": sounds("a", "b")}, {})


def test_two_listeners_with_one_name_never_overwrite(tmp_path):
    path = saved(tmp_path, "Ann", abx(16))
    before = path.read_bytes()
    for name in ("Ann", "ann ", "ANN"):
        with pytest.raises(ResultExistsError, match="has taken this test"):
            saved(tmp_path, name, abx(3))
    assert path.read_bytes() == before
    assert saved(tmp_path, "Ann B.", abx(3)) != saved(tmp_path, "Ann-B", abx(3))
    other = tmp_path / "elsewhere"
    other.mkdir()
    with pytest.raises(ResultError, match="one name"):
        combine([path, saved(other, "ANN", abx(3))])


def test_the_file_of_another_test_is_refused(tmp_path):
    paths = [saved(tmp_path, "Ann", abx()), saved(tmp_path, "Bob", abx(seed=50))]
    with pytest.raises(ResultError, match="is of another test than"):
        combine(paths)


@pytest.mark.parametrize("change", [(b'"a"', b'"b"'), (b'"Ann"', b'"Eve"'), (b"  ", b" ")])
def test_an_edited_file_is_refused(tmp_path, change):
    path = saved(tmp_path, "Ann", abx())
    path.write_bytes(path.read_bytes().replace(*change, 1))
    with pytest.raises(ResultError, match="was edited or damaged"):
        read_result(path)


def test_a_cut_off_file_is_refused_at_every_place(tmp_path):
    path = saved(tmp_path, "Ann", abx())
    whole = path.read_bytes()
    for size in (0, 1, 30, 200, len(whole) // 2, len(whole) - 80, len(whole) - 3):
        path.write_bytes(whole[:size])
        with pytest.raises(ResultError, match=r"cut off|no file of listening results"):
            read_result(path)


def test_a_file_that_came_by_mail_with_other_line_ends_is_read(tmp_path):
    path = saved(tmp_path, "Ann", abx())
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_result(path).listener == "Ann"


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"listener": ""},
        {"listener": 3},
        {"tests": [{}]},
        {"tests": 5},
        {"tests": [{"id": "1", "kind": "taste", "title": "", "settings": {}, "sounds": {}, "state": {}}]},
    ],
)
def test_sealed_nonsense_is_refused_too(tmp_path, change):
    path = tmp_path / "x.json"
    content = {"format": "lamina listening results", "version": 1, "listener": "Ann", "tests": []}
    path.write_text(sealed({**content, **change}), encoding="utf-8")
    with pytest.raises(ResultError):
        read_result(path)


def test_what_is_no_file_of_results_is_refused(tmp_path):
    (tmp_path / "x.json").write_text('{"a": 1}')
    (tmp_path / "y.json").write_bytes(b"\xff\xfe")
    for name in ("x.json", "y.json", "none.json", "."):
        with pytest.raises(ResultError):
            read_result(tmp_path / name)
    with pytest.raises(ResultError, match="as listeners save them"):
        read_result(tmp_path / "x.json")
    with pytest.raises(ResultError, match="No file"):
        combine([])


def test_no_name_becomes_a_formula_or_a_path(tmp_path):
    path = saved(tmp_path, "=cmd/../../x", abx())
    assert path.parent == tmp_path
    assert "\n'=cmd" in as_csv([read_result(path)])


def rated(listener_seed, harsh=0):
    test = MushraTest.plan(["voice", "song"], ["lamina:3", "lamina:6"], chance=random.Random(listener_seed))
    score = {"reference": 100 - harsh, "anchor-3.5k": 20, "anchor-7k": 50, "lamina:3": 45, "lamina:6": 70}
    for page in range(2):
        for slot in range(test.n_slots):
            test.rate(slot, score[test.sound_of(slot)] - listener_seed % 5 * (test.sound_of(slot) != "reference"))
        if page == 0:
            test.turn(1)
    keys = ("reference", "anchor-3.5k", "anchor-7k", "lamina:3", "lamina:6")
    return record(test, "How good?", {"voice": sounds(*keys), "song": sounds(*keys, seed=9)}, {})


def test_the_command_line_says_what_was_heard(tmp_path, capsys):
    paths = [str(saved(tmp_path, name, abx(right))) for name, right in (("Ann", 15), ("Bob", 9))]
    assert main(["listen", "results", *paths]) == 0
    out = capsys.readouterr().out
    assert "Ann: 15 of 16 were right. Who only guesses does so well once in 3 900 tests" in out
    assert "Together: 24 of 32 were right" in out and "95 % interval" in out
    assert main(["listen", "results", *paths, "--json", "--csv", str(tmp_path / "all.csv")]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["tests"][0]["n_correct"] == 24 and len((tmp_path / "all.csv").read_text().splitlines()) == 33
    assert summary["refused"] == {}


def test_files_that_cant_be_used_are_each_told_and_the_others_count(tmp_path, capsys):
    good = [saved(tmp_path, name, abx(right)) for name, right in (("Ann", 15), ("Bob", 9))]
    other = saved(tmp_path, "Cid", abx(16, seed=50))
    whole = good[0].read_bytes()
    bad = {"cut.json": whole[:900], "edited.json": whole.replace(b'"Ann"', b'"Eve"'), "note.json": b"{}"}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    twin = saved(elsewhere, "ANN", abx(3))
    files = [tmp_path / "cut.json", other, *good, twin, *(tmp_path / name for name in bad), tmp_path / "gone.json"]
    table, page = tmp_path / "all.csv", tmp_path / "heard.html"
    command = ["listen", "results", *map(str, files), "--csv", str(table), "--report", str(page)]
    assert main(command) == 5
    told = capsys.readouterr()
    assert "2 listeners: Ann, Bob" in told.out and "Together: 24 of 32 were right" in told.out
    sentences = {
        "cut.json": "is cut off",
        "edited.json": "was edited or damaged",
        "note.json": "is no file of listening results",
        "gone.json": "can't be read",
        other.name: f"is of another test than {good[0]}",
        twin.name: "are of listeners with one name, 'ANN'",
    }
    lines = told.err.splitlines()
    for name, sentence in sentences.items():
        assert sum(name in line and sentence in line for line in lines) == 1, name
    left_out = page.read_text(encoding="utf-8").partition("Files that were not used")[2]
    assert len(lines) == len(sentences) == left_out.count("<li>")
    rows = table.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 32, "the table has those who count"
    assert main([*command, "--json", "--force"]) == 5
    refused = json.loads(capsys.readouterr().out)["refused"]
    assert len(refused) == 6 and "is cut off" in refused[str(tmp_path / "cut.json")]
    assert good[0].read_bytes() == whole and (tmp_path / "cut.json").read_bytes() == whole[:900], "nothing is touched"


def test_where_no_file_can_be_used_each_is_told_and_nothing_is_written(tmp_path, capsys):
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text("{}")
    files = [str(tmp_path / name) for name in ("one.json", "two.json")]
    assert main(["listen", "results", *files, "--csv", str(tmp_path / "all.csv")]) == 3
    told = capsys.readouterr()
    assert told.out == "" and [line.count("no file of listening results") for line in told.err.splitlines()] == [1, 1]
    assert not (tmp_path / "all.csv").exists()


def test_the_command_line_screens_and_compares_mushra(tmp_path, capsys):
    pytest.importorskip("scipy")
    paths = [str(saved(tmp_path, f"listener {seed}", rated(seed))) for seed in range(7)]
    paths.append(str(saved(tmp_path, "Eve", rated(1, harsh=30))))
    assert main(["listen", "results", *paths]) == 0
    out = capsys.readouterr().out
    assert "Left out: Eve rated the hidden reference below 90 in 2 of 2 sounds." in out
    assert "LAMINA:6 − LAMINA:3: +25.0" in out and "(7 listeners)" in out
    # Seven differences of one sign give 2 / 2⁷ at the least; ten pairs make it 0.16.
    assert (
        "after Holm 0.156" in out and "7 listeners are too few to tell 5 versions apart for certain; it takes 9." in out
    )


def test_the_command_line_tells_thresholds_and_preferences(tmp_path, capsys):
    records = []
    for seed in (1, 2):
        preference = PreferenceTest.plan(6)
        while not preference.is_over:
            preference.answer("first" if preference.sound_of("first") == "a" else "second")
        stairs = StaircaseTest.plan([1, 2, 3, 4], 10, random.Random(seed))
        while not stairs.is_over:
            stairs.answer("first")
        records.append(
            (
                record(preference, "Which?", {"voice": sounds("a", "b")}, {}),
                record(stairs, "How many?", {"voice": sounds("0", "1", "2", "3", "4")}, {}),
            )
        )
    paths = [str(saved(tmp_path, name, *each)) for name, each in zip(("Ann", "Bob"), records, strict=True)]
    assert main(["listen", "results", *paths]) == 0
    out = capsys.readouterr().out
    assert "Together: A was preferred 12 times" in out and "A is preferred." in out
    assert "Together: on average it takes " in out and "layers until this sound can't be told" in out


def test_what_came_once_is_told_as_once():
    outcome = PreferenceOutcome(1, 2, 1)
    assert outcome.sentence("This", "that").startswith("This was preferred once, that 2 times, neither once.")


def test_the_title_of_a_plan_without_one_names_what_is_heard(tmp_path):
    sound = tmp_path / "voice.wav"
    with AudioFile(str(sound), "w", 24_000, 1) as file:
        file.write(noise(1, 24_000, 0))
    versions = ("original", "lamina:6", "lamina:3")
    assert prepare(Plan("abx", (str(sound),), versions[:2])).title == "voice: Original and Lamina 6 kbps"
    assert prepare(Plan("mushra", (str(sound),), versions[1:])).title == "voice: Lamina 6 kbps and Lamina 3 kbps"


def test_a_plan_is_written_exported_and_refused_in_sentences(tmp_path, capsys, monkeypatch):
    from lamina.plugin.demo_items.items import demo_items

    voice, plan, page = str(demo_items()[1].path), tmp_path / "t.json", tmp_path / "t.html"
    versions = ["--with", "original", "--with", "lamina:3"]
    assert main(["listen", "plan", "abx", voice, *versions, "--seconds", "1", "--out", str(plan)]) == 0
    assert main(["listen", "export", str(plan), "--out", str(page)]) == 0
    assert "made equally loud: Original" in capsys.readouterr().out and page.stat().st_size > 100_000
    before = page.read_bytes()
    (tmp_path / "other").mkdir()
    twice = [str(tmp_path / "silent.wav"), str(tmp_path / "other" / "silent.wav")]
    for path in twice:
        with AudioFile(path, "w", samplerate=24_000, num_channels=1, bit_depth=32) as file:
            file.write(np.concatenate([noise(1, 2 * 24_000), np.zeros((1, 24_000), np.float32)], 1))
    silent = twice[0]
    wrong = [
        (["export", str(plan), "--out", str(page)], 4, "exists already"),
        (["export", str(page), "--out", str(tmp_path / "u.html")], 3, "no plan of a listening test"),
        (["export", "none.json", "--out", str(tmp_path / "u.html")], 3, "none.json can't be read"),
        (["plan", "abx", voice, "--with", "original", "--out", str(tmp_path / "u.json")], 2, "1 version was given"),
        (["plan", "staircase", voice, *versions, "--out", str(tmp_path / "u.json")], 2, "takes no versions"),
        (["plan", "abx", voice, *versions, "--trials", "2", "--out", str(tmp_path / "u.json")], 2, "5 to 100"),
        (["plan", "abx", voice, *versions, "--out", str(tmp_path / "u.txt")], 4, "doesn't end in .json"),
        (["plan", "abx", "none.wav", *versions, "--out", str(tmp_path / "u.json")], 3, "no file none.wav"),
        (["plan", "abx", voice, *versions, "--start", "999", "--out", str(tmp_path / "u.json")], 2, "begins at 999 s"),
        (
            ["plan", "abx", silent, *versions, "--start", "2", "--out", str(tmp_path / "u.json")],
            2,
            "is silent from 2 s",
        ),
        (
            ["plan", "abx", silent, *versions, "--start", "2.8", "--out", str(tmp_path / "u.json")],
            2,
            "0.20 s of it",
        ),
        (["plan", "mushra", *twice, "--with", "lamina:3", "--out", str(tmp_path / "u.json")], 2, "the name 'silent'"),
        (["plan", "abx", voice, "--with", "x:1", "--with", "y", "--out", str(tmp_path / "u.json")], 2, "no codec 'x'"),
    ]
    for arguments, code, sentence in wrong:
        assert main(["listen", *arguments]) == code, arguments
        error = capsys.readouterr().err
        assert sentence in error and error.count("\n") == 1
        assert not (tmp_path / "u.json").exists()
    assert page.read_bytes() == before
    plan.write_text(plan.read_text().replace('"seconds": 1.0', '"seconds": "1"'))
    assert main(["listen", "export", str(plan), "--out", str(tmp_path / "u.html")]) == 3
    assert not (tmp_path / "u.html").exists()


def test_without_scipy_a_sentence_says_what_to_install(tmp_path):
    path = saved(tmp_path, "Ann", abx())
    code = (
        "import sys\nsys.modules['scipy'] = None\nfrom lamina.cli.main import main\n"
        f"sys.exit(main(['listen', 'results', {str(path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("lamina: ") and "pip install 'lamina[compare]'" in line


def test_a_codec_that_dies_midway_leaves_no_page_and_says_so(tmp_path, capsys, monkeypatch):
    sound = tmp_path / "voice.wav"
    with AudioFile(str(sound), "w", 24_000, 1) as file:
        file.write(0.3 * noise(1, 24_000, 4))
    plan, page = tmp_path / "test.json", tmp_path / "test.html"
    words = ["--with", "lamina:3", "--with", "opus:12", "--seconds", "1", "--out", str(plan)]
    assert main(["listen", "plan", "mushra", str(sound), *words]) == 0
    capsys.readouterr()

    def dies(*_):
        raise ValueError("Opus died midway.")

    with monkeypatch.context() as patched:
        patched.setattr(Opus, "process_channels", dies)
        assert main(["listen", "export", str(plan), "--out", str(page)]) == 2
    assert "Opus died midway." in capsys.readouterr().err
    assert not page.exists() and sorted(path.name for path in tmp_path.iterdir()) == ["test.json", "voice.wav"]
    assert main(["listen", "export", str(plan), "--out", str(page)]) == 0, "the plan is still there"
