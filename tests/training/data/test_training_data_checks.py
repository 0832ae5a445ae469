"""Training data is checked before hours are spent on it.

Leaks and duplicates are found through re-encoding, problems are told.
"""

import io
import json
import re

import numpy as np
import pytest
from sounds import demo, noise

pytest.importorskip("soxr", reason="training needs the extra [train]")
pytest.importorskip("scipy", reason="training needs the extra [train]")
pytest.importorskip("soundfile", reason="training needs the extra [train]")

import soundfile

from lamina.cli.main import main
from lamina.models.training.data.data_checks import check_data
from lamina.models.training.data.pack import pack_folders
from lamina.models.training.data.packed import open_packed
from lamina.models.training.sounds import fingerprint

RATE = 24_000


def write(path, sound, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate)


def packed(folder):
    target = folder.with_suffix(".lpack")
    pack_folders([folder], target)
    return open_packed(target)


def findings(training, heldout=None, **options):
    report = check_data([packed(training)], [packed(heldout)] if heldout else None, **options)
    return {finding.check: finding for finding in report.findings}


def through(format_name, subtype, sound):
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format=format_name, subtype=subtype)
    file.seek(0)
    decoded, rate = soundfile.read(file, dtype="float32")
    assert rate == RATE
    return decoded


@pytest.fixture
def folders(tmp_path):
    """Training sounds, and a held-out voice that is not among them."""
    training, heldout = tmp_path / "train", tmp_path / "heldout"
    write(training / "music" / "song.wav", demo(0, RATE, 12.0)[0])
    write(training / "speech" / "noisy voice.wav", demo(2, RATE, 8.0)[0])
    write(training / "noise" / "hiss.wav", noise(1, 8 * RATE)[0])
    write(heldout / "speech" / "voice.wav", demo(1, RATE, 9.0)[0])
    write(heldout / "noise" / "other hiss.wav", noise(1, 8 * RATE, seed=9)[0])
    return training, heldout


def test_different_sounds_are_no_leak(folders):
    leak = findings(*folders)["leak"]
    assert (leak.severity, leak.examples) == ("ok", ())
    assert "None of the 2" in leak.text
    assert findings(folders[0])["leak"].severity == "note"


@pytest.mark.parametrize(
    ("format_name", "subtype"), [("OGG", "OPUS"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("WAV", "PCM_16")]
)
def test_a_planted_copy_is_found_re_encoded_shifted_and_cut_out(folders, format_name, subtype):
    training, heldout = folders
    voice = demo(1, RATE, 9.0)[0]
    plant = np.concatenate((demo(0, RATE, 5.0)[0], np.zeros(317), 0.4 * voice[int(2.3 * RATE) : int(6.8 * RATE)]))
    write(training / "speech" / "planted.wav", through(format_name, subtype, plant))
    leak = findings(training, heldout)["leak"]
    assert leak.severity == "STOP" and "1 of 2 held-out clips is" in leak.text
    (example,) = leak.examples
    names, *numbers = re.fullmatch(
        r"(.*) at (.*) s is train/speech/planted.wav at (.*) s, for (.*) s", example
    ).groups()
    assert names == "heldout/speech/voice.wav"
    # Places are known to a window of two seconds.
    assert [float(number) for number in numbers] == pytest.approx([2.3, 5.0, 4.5], abs=1.2)
    assert float(numbers[1]) - float(numbers[0]) == pytest.approx(5.0 + 317 / RATE - 2.3, abs=0.15)


def test_a_telephone_copy_is_found(folders):
    import soxr

    training, heldout = folders
    write(training / "speech" / "phone.wav", soxr.resample(demo(1, RATE, 9.0)[0], RATE, 8_000), 8_000)
    assert "phone.wav" in findings(training, heldout)["leak"].examples[0]


def test_long_fingerprints_do_not_depend_on_where_they_are_cut(monkeypatch):
    features = np.random.default_rng(0).random((2001, fingerprint.FEATURE_BANDS)).astype(np.float32)
    audible = np.random.default_rng(1).random(2001) < 0.5
    whole = fingerprint.fingerprint(features, audible)
    assert len(whole) == 1001 and 0 < (whole == fingerprint.SILENT_WORD).mean() < 1
    monkeypatch.setattr(fingerprint, "BLOCK_FRAMES", 250)
    assert (fingerprint.fingerprint(features, audible) == whole).all()


def test_the_same_recording_under_two_names_is_found(folders):
    training, _ = folders
    assert findings(training)["duplicates"].severity == "ok"
    write(training / "music" / "same.wav", through("OGG", "OPUS", 0.5 * demo(0, RATE, 12.0)[0]))
    duplicates = findings(training)["duplicates"]
    assert duplicates.severity == "warning" and "1 pair" in duplicates.text
    assert "music/song.wav" in duplicates.examples[0] and "music/same.wav" in duplicates.examples[0]


def test_a_short_word_is_recognised_but_silence_is_not(folders):
    training, heldout = folders
    word = demo(1, RATE, 9.0)[0][2 * RATE : int(3.6 * RATE)]
    write(training / "speech" / "word.wav", word)
    write(training / "noise" / "nothing.wav", np.zeros(5 * RATE))
    write(heldout / "noise" / "nothing.wav", np.zeros(5 * RATE))
    leak = findings(training, heldout)["leak"]
    assert len(leak.examples) == 1 and "word.wav" in leak.examples[0]


def test_faults_of_single_clips_are_told(folders):
    training, _ = folders
    clean = findings(training)
    assert {clean[check].severity for check in ("clipping", "silence", "DC", "unreadable")} == {"ok"}
    write(training / "music" / "clipped.wav", np.clip(np.sin(np.arange(6 * RATE) / 40) * 1.5, -1, 1))
    write(training / "music" / "offset.wav", demo(0, RATE, 6.0)[0] * 0.5 + 0.05)
    write(training / "noise" / "silent.wav", np.zeros(6 * RATE))
    (training / "noise" / "broken.wav").write_text("no sound")
    told = findings(training)
    for check, name in (
        ("clipping", "clipped.wav"),
        ("DC", "offset.wav"),
        ("silence", "silent.wav"),
        ("unreadable", "broken.wav"),
    ):
        assert told[check].severity == "warning", check
        assert len(told[check].examples) == 1 and name in told[check].examples[0], check


def test_narrow_bands_and_low_rates_are_told(folders):
    training, _ = folders
    assert findings(training)["band"].severity == "ok"
    assert findings(training)["rates"].severity == "ok"
    write(training / "speech" / "phone.wav", noise(1, 8_000 * 20)[0], 8_000)
    told = findings(training)
    assert told["band"].severity == "warning" and "71%" in told["band"].text
    assert told["rates"].severity == "warning" and "8 kHz: 0.01 h" in told["rates"].text
    report = check_data([packed(training)])
    speech = next(kind for kind in report.kinds if kind.kind == "speech")
    assert (speech.clips, speech.drawn) == (2, pytest.approx(0.62))
    assert speech.narrow_drawn == pytest.approx(0.62 * 8 / 16, abs=0.002)


def test_too_little_sound_stops_training(tmp_path):
    write(tmp_path / "takes" / "a.wav", np.concatenate((noise(1, 9 * RATE)[0], np.zeros(60 * RATE))))
    assert findings(tmp_path / "takes")["amount"].severity == "STOP"
    write(tmp_path / "takes" / "b.wav", noise(1, 9 * RATE, seed=2)[0])
    assert findings(tmp_path / "takes")["amount"].severity == "warning"


def test_a_changed_payload_is_found_when_everything_is_read(folders):
    training, _ = folders
    good = packed(training)
    assert {finding.check: finding for finding in check_data([good], read_all=True).findings}[
        "integrity"
    ].severity == "ok"
    data = bytearray(good.path.read_bytes())
    data[1000] ^= 4
    good.path.write_bytes(data)
    damaged = {finding.check: finding for finding in check_data([open_packed(good.path)], read_all=True).findings}[
        "integrity"
    ]
    assert damaged.severity == "STOP" and damaged.examples == ("train/music/song.wav",)


def test_the_report_stands_worst_first_and_sets_the_exit_code(folders, tmp_path, capsys):
    training, heldout = folders
    cache = str(tmp_path / "cache")
    assert main(["data", "check", str(training), "--heldout", str(heldout), "--cache", cache]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("warning  amount") and "STOP" not in printed
    assert "speech" in printed.split("kind")[1]
    write(training / "speech" / "copy.ogg", demo(1, RATE, 9.0)[0])
    (training / "noise" / "broken.wav").write_text("no sound")
    assert main(["data", "check", str(training), "--heldout", str(heldout), "--cache", cache]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("STOP     leak") and "copy.ogg" in lines[1]
    ranks = [
        ("STOP", "warning", "note", "ok").index(line.split()[0])
        for line in lines
        if line[:1].strip() and line[:4] in {"STOP", "warn", "note", "ok  "}
    ]
    assert ranks == sorted(ranks) and len(ranks) == 10
    assert main(["data", "check", str(training), "--heldout", str(heldout), "--cache", cache, "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert (report["findings"][0]["severity"], report["findings"][0]["check"]) == ("STOP", "leak")
    assert len(report["findings"]) == 10 and {kind["kind"] for kind in report["kinds"]} >= {"speech"}


@pytest.mark.parametrize(("place", "words"), [("none", "not a folder"), ("empty", "holds no sound files")])
def test_there_must_be_something_to_check(tmp_path, capsys, place, words):
    (tmp_path / "empty").mkdir()
    assert main(["data", "check", str(tmp_path / place), "--cache", str(tmp_path / "cache")]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_training_does_not_start_on_held_out_sounds(folders, tmp_path, capsys):
    pytest.importorskip("torch", reason="training needs the extra [train]")
    pytest.importorskip("onnx", reason="training needs the extra [train]")
    training, heldout = folders
    write(training / "speech" / "copy.ogg", demo(1, RATE, 9.0)[0])
    arguments = [
        "train",
        "--data",
        training,
        "--heldout",
        heldout,
        "--out",
        tmp_path / "run",
        "--cache",
        tmp_path / "cache",
    ]
    assert main([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "1 of 2 held-out clips is in the training data too" in error and "lamina data check" in error
    assert not (tmp_path / "run").exists()
