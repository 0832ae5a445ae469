"""`lamina compare` says what was made and measured, goes on when one part fails, and leaves nothing half done."""

import json
import math
import os

import numpy as np
import pytest
from sounds import demo, lag_samples

from lamina.cli.answers import REFUSED, WITHOUT
from lamina.cli.main import main
from lamina.dsp.loudness import integrated_lufs
from lamina.models.bundles.bundle import DEFAULT_BUNDLE
from lamina.plugin.comparison.compare import compare_sound
from lamina.plugin.comparison.contenders import contenders
from lamina.plugin.comparison.summary import mean_of
from lamina.plugin.metrics import METRICS
from lamina.plugin.rivals import lc3
from lamina.plugin.rivals.opus import Opus

CODECS = "lamina:3,opus:12"


def compare(*arguments):
    return main(["compare", *map(str, arguments)])


def found(capsys):
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_every_codec_has_its_bitrate_and_figures_beside_the_original(write_sound, capsys):
    sound = write_sound("voice.wav")
    assert compare(sound, "--with", CODECS, "--metrics", "si_sdr,log_mel", "--json") == 0
    told = found(capsys)
    (item,) = told["sounds"]
    assert (item["file"], item["sample_rate"], item["channels"], item["seconds"]) == (str(sound), 24_000, 1, 1.5)
    original, lamina, opus = item["rows"]
    assert (original["label"], original["kbps"], original["scores"]) == ("Original", None, {})
    assert lamina["label"] == "Lamina 3 kbps" and lamina["kbps"] == pytest.approx(3)
    assert opus["label"] == "Opus 12 kbps" and opus["kbps"] == pytest.approx(12, rel=0.05)
    for row in (lamina, opus):
        assert set(row["scores"]) == {"si_sdr", "log_mel"} and all(map(math.isfinite, row["scores"].values()))
    assert told["metrics"]["si_sdr"]["what_it_cannot_hear"] == METRICS["si_sdr"].what_it_cannot_hear


def test_two_passes_are_compared_with_one_and_with_a_preset_in_two(write_sound, capsys):
    codecs = "lamina:3,lamina:3:two_pass=on,preset:gentle:two_pass=on"
    assert compare(write_sound("voice.wav"), "--with", codecs, "--metrics", "si_sdr", "--json") == 0
    _, one, two, preset = found(capsys)["sounds"][0]["rows"]
    assert [row["label"] for row in (one, two, preset)] == [
        *("Lamina 3 kbps", "Lamina 3 kbps, two passes", "Preset gentle, two passes"),
    ]
    assert 2.85 <= two["kbps"] <= 3.01
    assert two["scores"]["si_sdr"] > one["scores"]["si_sdr"]


def test_help_says_everything_that_may_be_named_and_what_it_says_can_be_named(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    for form in ("lamina:KBPS", ":PARAMETER=VALUE", ":model=NAME", ":two_pass=on", "preset:NAME", ":OPTION=VALUE"):
        assert form in told, form
    lamina = f"lamina:3:model={DEFAULT_BUNDLE}:two_pass=on:search=4"
    asked = [lamina, "preset:gentle:two_pass=on:mix=0.5", "opus:12:frame_ms=60"]
    assert [one.asked for one in contenders([",".join(asked)])] == asked


def test_the_terminal_shows_the_same_figures_and_what_they_can_not_hear(write_sound, capsys):
    sound = write_sound("voice.wav")
    arguments = (sound, "--with", CODECS, "--metrics", "si_sdr")
    assert compare(*arguments, "--json") == 0
    rows = found(capsys)["sounds"][0]["rows"][1:]
    assert compare(*arguments) == 0
    out = capsys.readouterr().out
    for row in rows:
        (line,) = [line for line in out.splitlines() if line.strip().startswith(row["label"])]
        assert line.split()[-2:] == [f"{row['kbps']:.2f}", METRICS["si_sdr"].text(row["scores"]["si_sdr"])]
    assert METRICS["si_sdr"].what_it_cannot_hear in out and "SI-SDR dB ↑" in out


@pytest.mark.slow
def test_all_are_equally_loud_and_aligned_as_they_are_played(write_sound):
    sound = write_sound("music.wav", index=0, rate=44_100, seconds=3.0)
    item = compare_sound(sound, contenders(["lamina:6,lamina:6:output_gain_db=-9,opus:64"]), [])
    first, *others = [row.sound for row in item.rows]
    loudness = integrated_lufs(first.samples, 44_100)
    for row, other in zip(item.rows[1:], others, strict=True):
        assert integrated_lufs(other.samples, 44_100) == pytest.approx(loudness, abs=0.05), row.label
        assert lag_samples(first.samples.mean(0), other.samples.mean(0)) == 0, row.label
        assert row.moved_samples == 0
    assert item.rows[2].gain_db == pytest.approx(item.rows[1].gain_db + 9, abs=0.1)
    assert max(np.abs(row.sound.samples).max() for row in item.rows) <= 1


def test_loudness_can_be_left_alone(write_sound, capsys):
    sound = write_sound("voice.wav")
    assert compare(sound, "--with", "lamina:6:output_gain_db=-9", "--metrics", "none", "--own-loudness", "--json") == 0
    told = found(capsys)
    original, quiet = told["sounds"][0]["rows"]
    assert told["loudness_matched"] is False
    assert original["gain_db"] == quiet["gain_db"] == 0
    assert quiet["lufs"] < original["lufs"] - 7


def test_figures_are_those_of_the_sound_before_any_gain(write_sound):
    sound = write_sound("voice.wav")
    metrics = [METRICS["log_mel"]]
    matched, own = (
        compare_sound(sound, contenders(["lamina:6:output_gain_db=-9"]), metrics, is_matched=is_matched)
        for is_matched in (True, False)
    )
    assert matched.rows[1].scores == own.rows[1].scores
    assert matched.rows[1].scores["log_mel"] > 5


def test_a_codec_that_comes_late_is_moved_and_that_is_told(write_sound, monkeypatch):
    process = Opus.process_channels

    def late(self, audio, rate, buffer_size, reset):
        return np.pad(process(self, audio, rate, buffer_size, reset), ((0, 0), (480, 0)))[:, :-480]

    monkeypatch.setattr(Opus, "process_channels", late)
    item = compare_sound(write_sound("voice.wav"), contenders(["opus:64"]), [])
    assert item.rows[1].moved_samples == pytest.approx(-480, abs=1)
    assert abs(lag_samples(item.rows[0].sound.samples[0], item.rows[1].sound.samples[0])) <= 1


def test_a_part_is_the_part_that_was_asked_for(write_sound, capsys):
    sound = write_sound("voice.wav", seconds=3.0)
    item = compare_sound(sound, contenders(["lamina:3"]), [], start_seconds=1.0, seconds=0.5, is_matched=False)
    # 24 bits were stored.
    assert np.allclose(item.original.samples, demo(1, 24_000, 0.5, start=2.0), atol=2**-23)
    assert compare(sound, "--start", 5) == 3
    assert "lasts 3.00 s; nothing of it lies behind --start 5" in capsys.readouterr().err


def test_parameters_and_presets_take_part(write_sound, capsys):
    codecs = "lamina:6:mix=0.5,preset:walkie-talkie:mix=0.7,lamina:6:muted_layers=1,2"
    assert compare(write_sound("a.wav"), "--with", codecs, "--metrics", "none", "--json") == 0
    assert [row["label"] for row in found(capsys)["sounds"][0]["rows"]] == [
        "Original",
        "Lamina 6 kbps, mix 0.5",
        "Preset walkie-talkie, mix 0.7",
        "Lamina 6 kbps, muted_layers 1,2",
    ]


def test_means_over_sounds_have_their_intervals(write_sound, capsys):
    sounds = [write_sound(f"{index}.wav", index=index) for index in (0, 1, 2)]
    assert compare(*sounds, "--with", "lamina:3", "--metrics", "si_sdr", "--json") == 0
    told = found(capsys)
    values = [item["rows"][1]["scores"]["si_sdr"] for item in told["sounds"]]
    stats = pytest.importorskip("scipy.stats", reason="intervals need scipy")
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    (row,) = told["means"]
    assert row["scores"]["si_sdr"]["mean"] == pytest.approx(np.mean(values))
    assert row["scores"]["si_sdr"]["half_width_95"] == pytest.approx((high - low) / 2)
    assert row["scores"]["si_sdr"]["sounds"] == 3


def test_what_has_no_figure_is_left_out_of_means():
    mean = mean_of([1.0, math.nan, 3.0])
    assert (mean.value, mean.n) == (2.0, 2)
    assert math.isnan(mean_of([]).value) and math.isnan(mean_of([1.0]).half_width)


def test_a_codec_that_dies_midway_has_a_row_that_says_so_and_the_rest_goes_on(
    write_sound, tmp_path, capsys, monkeypatch
):
    def dies(self, audio, rate, buffer_size, reset):
        raise OSError("the decoder went away")

    monkeypatch.setattr(Opus, "process_channels", dies)
    report = tmp_path / "out.html"
    sound = write_sound("voice.wav")
    assert compare(sound, "--with", "opus:12,lamina:3", "--metrics", "si_sdr", "--json", "--report", report) == 5
    out, err = capsys.readouterr()
    assert "Opus 12 kbps failed: the decoder went away." in err
    _, opus, lamina = json.loads(out)["sounds"][0]["rows"]
    assert opus["failure"] == "Opus 12 kbps failed: the decoder went away." and opus["kbps"] is None
    assert math.isfinite(lamina["scores"]["si_sdr"])
    assert "the decoder went away" in report.read_text(encoding="utf-8")


def test_a_codec_that_lacks_a_library_is_named_with_how_to_get_it_and_the_others_are_compared(
    write_sound, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(lc3, "_liblc3", lambda: None)
    report, sounds = tmp_path / "out.html", (write_sound("one.wav"), write_sound("two.wav", index=0))
    codecs = ("--with", "lc3:32:rate=16000,lamina:3", "--metrics", "si_sdr")
    assert compare(*sounds, *codecs, "--json", "--report", report) == WITHOUT
    out, err = capsys.readouterr()
    assert err.count("sudo apt install liblc3-0") == 1
    told = json.loads(out)
    (absent,) = told["absent"]
    assert (absent["codec"], absent["label"]) == ("lc3:32:rate=16000", "LC3 32 kbps, rate 16000")
    assert "sudo apt install liblc3-0" in absent["lacks"]
    for item in told["sounds"]:
        _, missing, lamina = item["rows"]
        assert missing["failure"] == absent["lacks"] and missing["kbps"] is None
        assert math.isfinite(lamina["scores"]["si_sdr"])
    assert report.read_text(encoding="utf-8").count("sudo apt install liblc3-0") == 2
    assert compare(*sounds, *codecs) == WITHOUT
    assert capsys.readouterr().out.count("not here") == 2
    # What nobody could install is wrong all the same, and so is a comparison with nothing.
    assert compare(*sounds, "--with", "lc3:999,lamina:3") == REFUSED
    assert "LC3 has no 999 kbps" in capsys.readouterr().err
    assert compare(*sounds, "--with", "lc3:32") == REFUSED
    assert "sudo apt install liblc3-0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--with", "opas:12"], r"no codec 'opas'; there are lamina, preset, opus"),
        (["--with", "opus:1"], "Opus has no 1 kbps"),
        (["--with", "preset:no-such"], "no-such"),
        (["--with", "lamina:6:loudness=3"], "no parameter 'loudness'"),
        (["--with", ","], "Nothing to compare with was named"),
        (["--with", ",".join(f"lamina:{0.75 * n}" for n in range(1, 10))], "room for 8"),
        (["--metrics", "pesk"], "no measure 'pesk'; there are visqol"),
        (["--start", "-1"], "--start is -1"),
        (["--seconds", "0"], "--seconds is 0"),
        (["--seconds", "nan"], "--seconds is nan"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_is_read(tmp_path, capsys, given, sentence):
    assert compare(tmp_path / "not-there.wav", *given) == 2
    out, err = capsys.readouterr()
    assert out == "" and sentence in err and err.count("\n") == 1


def test_silence_and_snippets_are_refused_and_the_other_sounds_go_on(write_sound, capsys):
    silent = write_sound("silent.wav", samples=np.zeros(48_000, np.float32))
    snippet = write_sound("snippet.wav", seconds=0.2)
    good = write_sound("good.wav")
    assert compare(silent) == 3
    assert "silent.wav is silent there" in capsys.readouterr().err
    assert compare(silent, snippet, good, "--with", "lamina:3", "--metrics", "none", "--json") == 3
    out, err = capsys.readouterr()
    assert [item["file"] for item in json.loads(out)["sounds"]] == [str(good)]
    assert "0.20 s are too short" in err


@pytest.mark.skipif(METRICS["visqol"].missing() is not None, reason="ViSQOL is not installed")
def test_figures_that_need_more_sound_say_so(write_sound, capsys):
    assert compare(write_sound("short.wav", seconds=0.6), "--with", "lamina:3", "--json") == 0
    out, err = capsys.readouterr()
    assert "0.60 s are too short for some figures (ViSQOL 1 s)" in err
    scores = json.loads(out)["sounds"][0]["rows"][1]["scores"]
    assert scores["visqol"] is None and math.isfinite(scores["si_sdr"])


def test_a_report_that_exists_is_replaced_only_if_asked(write_sound, tmp_path, capsys):
    sound, report = write_sound("voice.wav"), tmp_path / "out.html"
    report.write_text("mine")
    given = (sound, "--with", "lamina:3", "--metrics", "none", "--report", report)
    assert compare(*given) == 4 and report.read_text() == "mine"
    assert "exists already" in capsys.readouterr().err
    assert compare(*given, "--force") == 0 and report.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("out.txt", "ends in .html"), ("no/such/out.html", "does not exist"), ("folder.html", "is a folder")],
)
def test_where_no_report_can_be_is_told_before_anything_is_computed(tmp_path, capsys, name, sentence):
    (tmp_path / "folder.html").mkdir()
    assert compare(tmp_path / "not-there.wav", "--report", tmp_path / name) == 4
    assert sentence in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_told(write_sound, tmp_path, capsys):
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o500)
    assert compare(write_sound("voice.wav"), "--report", folder / "out.html") == 4
    assert "permission denied" in capsys.readouterr().err


def test_interrupted_it_leaves_no_report_and_goes_on_from_what_was_measured(
    write_sound, tmp_path, capsys, monkeypatch, cache_folder
):
    sound, report = write_sound("voice.wav"), tmp_path / "out.html"
    given = (sound, "--with", "lamina:3", "--metrics", "si_sdr,log_mel", "--report", report)
    known = METRICS["log_mel"].compute

    def interrupted(*_):
        raise KeyboardInterrupt

    object.__setattr__(METRICS["log_mel"], "compute", interrupted)
    try:
        assert compare(*given) == 130
    finally:
        object.__setattr__(METRICS["log_mel"], "compute", known)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["voice.wav"]

    def measured_again(*_):
        pytest.fail("SI-SDR was measured before the interruption")

    waveform = METRICS["si_sdr"].compute
    object.__setattr__(METRICS["si_sdr"], "compute", measured_again)
    try:
        assert compare(*given) == 0
    finally:
        object.__setattr__(METRICS["si_sdr"], "compute", waveform)
    assert (cache_folder / "lamina" / "scores.sqlite3").is_file()


def test_without_cache_nothing_is_remembered(write_sound, cache_folder):
    assert compare(write_sound("voice.wav"), "--with", "lamina:3", "--metrics", "si_sdr", "--no-cache", "-q") == 0
    assert list(cache_folder.iterdir()) == []


def test_a_large_report_is_told_with_what_makes_it_smaller(write_sound, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lamina.cli.comparing.compare.LARGE_REPORT", 100_000)
    given = ("--with", "lamina:3", "--metrics", "none", "--report", tmp_path / "out.html")
    assert compare(write_sound("voice.wav"), *given) == 0
    assert "--seconds 10 takes less" in capsys.readouterr().err
