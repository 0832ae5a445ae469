"""`lamina …`: what it prints, what it writes, how it refuses."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import demo, noise

from lamina.cli.answers import INPUT, OUTPUT, REFUSED
from lamina.cli.main import main
from lamina.plugin import NeuralCodec
from lamina.plugin.demo_items.items import demo_items
from lamina.plugin.files.sound import probe_audio, read_audio

VOICE = str(demo_items()[1].path)


@pytest.fixture
def take(tmp_path):
    path = tmp_path / "take.wav"
    with AudioFile(str(path), "w", samplerate=48_000, num_channels=1) as file:
        file.write(demo(1, 48_000, 1.0)[:1])
    return path


def refused(capsys, *arguments, code=REFUSED):
    assert main([str(argument) for argument in arguments]) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("lamina: ")
    return error


def test_render_one_file(tmp_path, take, capsys):
    assert main(["render", str(take), str(tmp_path / "out.flac"), "--kbps", "3", "--mix", "0.5"]) == 0
    assert probe_audio(tmp_path / "out.flac").n_samples == 48_000
    assert "3 kbps" in capsys.readouterr().out


@pytest.mark.slow
def test_render_many_into_a_folder(tmp_path, take):
    assert (
        main(
            [
                "render",
                str(take),
                VOICE,
                str(tmp_path / "coded"),
                "--preset",
                "walkie-talkie",
                "--set",
                "mix=0.5",
                "--quiet",
            ]
        )
        == 0
    )
    assert sorted(path.name for path in (tmp_path / "coded").iterdir()) == ["take.wav", "voice.ogg"]


def test_one_bad_file_does_not_lose_the_others(tmp_path, take, capsys):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    assert main(["render", str(bad), str(take), str(tmp_path / "coded"), "--quiet"]) == INPUT
    assert [path.name for path in (tmp_path / "coded").iterdir()] == ["take.wav"]
    error = capsys.readouterr().err
    assert "bad.wav" in error and "1 of 2" in error


def test_options_go_on_top_of_the_preset(tmp_path, take, capsys):
    assert main(["render", str(take), str(tmp_path / "out.wav"), "--preset", "gentle", "--set", "kbps=6"]) == 0
    assert "6 kbps" in capsys.readouterr().out


@pytest.mark.slow
def test_denoise_and_noise_only_are_options(tmp_path, take):
    sound = read_audio(take)
    for number, (options, settings) in enumerate(
        [
            (["--denoise", "0.5"], {"denoise": 0.5}),
            (["--denoise", "1", "--noise-only"], {"denoise": 1.0, "noise_only": True}),
            (["--preset", "what-was-removed", "--set", "noise_only=off"], {"layers": 24, "denoise": 1.0, "search": 6}),
        ]
    ):
        target = tmp_path / f"{number}.wav"
        assert main(["render", str(take), str(target), "--quiet", *options]) == 0
        expected = NeuralCodec(**settings)(sound.samples, sound.sample_rate)
        assert np.abs(read_audio(target).samples - expected).max() < 2**-20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--kbps", "99"], "0.75 to 18"),
        (["--layers", "0"], "layers is 0; choose 1 to 24"),
        (["--layers", "many"], "number"),
        (["--mix", "nan"], "mix"),
        (["--denoise", "2"], "denoise is 2; choose 0 to 1"),
        (["--set", "noise_only=2"], "on or off"),
        (["--preset", "podcats"], "podcast"),
        (["--set", "mxi=1"], "Did you mean 'mix'"),
        (["--set", "mix"], "NAME=VALUE"),
        (["--set", "bypass=perhaps"], "on or off"),
    ],
)
def test_bad_options_are_one_sentence(tmp_path, take, capsys, options, words):
    assert words in refused(capsys, "render", take, tmp_path / "out.wav", *options)
    assert not (tmp_path / "out.wav").exists()


def test_bad_paths_are_one_sentence(tmp_path, take, capsys):
    assert "no file" in refused(capsys, "render", tmp_path / "nope.wav", tmp_path / "out.wav", code=INPUT)
    assert "being read" in refused(capsys, "render", take, take, code=OUTPUT)
    assert "writes" in refused(capsys, "render", take, tmp_path / "out.txt", code=OUTPUT)
    assert "folder" in refused(capsys, "render", take, take, tmp_path / "out.wav")
    (tmp_path / "plain").touch()
    assert "is a file" in refused(capsys, "render", take, take, tmp_path / "plain")
    assert "is a file" in refused(capsys, "render", take, tmp_path / "plain")
    assert "both" in refused(capsys, "render", take, take, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(tmp_path):
    source = tmp_path / "long.wav"
    with AudioFile(str(source), "w", samplerate=48_000, num_channels=2) as file:
        file.write(noise(2, 48_000 * 10))
    before = sorted(tmp_path.iterdir())

    def small_disk():
        # A limit on the file's size fails writes as a full disk does.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    for suffix in ("wav", "flac", "ogg"):
        result = subprocess.run(
            [sys.executable, "-m", "lamina", "render", str(source), str(tmp_path / f"out.{suffix}"), "--quiet"],
            preexec_fn=small_disk,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if suffix == "ogg" and result.returncode == 0:
            (tmp_path / "out.ogg").unlink()  # small enough to fit
            continue
        assert result.returncode == OUTPUT, result.stderr
        assert "disk" in result.stderr or "written" in result.stderr
        assert sorted(tmp_path.iterdir()) == before


def start(*arguments, **options):
    command = [sys.executable, "-m", "lamina", *(str(argument) for argument in arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_render_that_is_ended_leaves_nothing(tmp_path, number, code):
    source, target = tmp_path / "long.flac", tmp_path / "out" / "long.wav"
    target.parent.mkdir()
    with AudioFile(str(source), "w", samplerate=8000, num_channels=1) as file:
        file.write(np.zeros((1, 8000 * 3600), np.float32))
    render = start("render", source, target)
    deadline = time.monotonic() + 60  # a bound for busy machines, not a speed that is promised
    while not any(partial.stat().st_size > 100_000 for partial in target.parent.iterdir()):
        assert render.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    render.send_signal(number)
    _, error = render.communicate(timeout=60)
    assert render.returncode == code, error
    assert list(target.parent.iterdir()) == []
    assert b"Traceback" not in error


def test_an_interrupt_while_a_module_loads_is_an_interrupt(monkeypatch, capsys):
    def interrupted_import(_model):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise ImportError("initialization failed") from interrupt

    monkeypatch.setattr("lamina.cli.info.print_info", interrupted_import)
    assert main(["info"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error():
    info = start("info")
    info.stdout.close()
    assert (info.wait(60), info.stderr.read()) == (141, b"")
    info.stderr.close()


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["info"], ["render", "--help"]])
def test_a_terminal_without_unicode_still_gets_the_text(arguments):
    result = subprocess.run(
        [sys.executable, "-m", "lamina", *arguments],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
    )
    assert result.returncode == 0 and b"\\xb7" in result.stdout and result.stderr == b""


def test_folders_made_for_results_go_when_there_are_none(tmp_path, take, capsys):
    assert (
        main(["render", str(tmp_path / "a.wav"), str(tmp_path / "b.wav"), str(tmp_path / "new" / "deep"), "--quiet"])
        == INPUT
    )
    assert "2 of 2" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == [take]
    (tmp_path / "mine").mkdir()
    refused(capsys, "render", tmp_path / "a.wav", tmp_path / "mine", code=INPUT)
    assert (tmp_path / "mine").is_dir()


def test_a_format_that_cannot_hold_the_rate_says_which_can(tmp_path, capsys):
    source = tmp_path / "fast.wav"
    with AudioFile(str(source), "w", samplerate=96_000, num_channels=1) as file:
        file.write(noise(1, 9600))
    error = refused(capsys, "render", source, tmp_path / "out.mp3", code=OUTPUT)
    assert "96000 Hz" in error and "Choose wav or flac" in error
    assert list(tmp_path.iterdir()) == [source]


def test_info_says_what_a_bug_report_needs(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for words in ("Lamina", "onnxruntime", "lamina-24k", "44100 Hz", "48000 Hz", "Outputs", "24 layers"):
        assert words in out


def test_presets_are_listed(capsys):
    assert main(["presets"]) == 0
    assert "walkie-talkie" in capsys.readouterr().out


def test_help_reads_well(capsys):
    for arguments in (
        [],
        ["render"],
        ["train"],
        ["app"],
        ["info"],
        ["presets"],
        ["data"],
        ["data", "pack"],
        ["data", "check"],
    ):
        with pytest.raises(SystemExit) as stop:
            main([*arguments, "--help"])
        assert stop.value.code == 0
        assert len(capsys.readouterr().out) > 150
    assert main([]) == 2


@pytest.mark.slow
def test_training_without_data_is_refused(tmp_path, capsys):
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    assert "not a folder" in refused(
        capsys, "train", "--data", tmp_path / "none", "--out", tmp_path / "run", "--cache", tmp_path / "cache"
    )
    (tmp_path / "empty").mkdir()
    error = refused(
        capsys, "train", "--data", tmp_path / "empty", "--out", tmp_path / "run", "--cache", tmp_path / "cache"
    )
    assert "holds no sound files" in error
    for option, value in (
        ("--minutes", "0"),
        ("--minutes", "nan"),
        ("--max-steps", "0"),
        ("--channels", "-1"),
        ("--batch", "0"),
    ):
        assert option in refused(capsys, "train", "--data", tmp_path, "--out", tmp_path / "run", option, value)
    assert not (tmp_path / "run").exists()


def test_names_from_files_move_no_cursor(tmp_path, monkeypatch, capsys):
    from lamina.models.bundles.bundle import weights_folder

    evil = "\x1b[2J\x1b]0;mine\x07\x9b1m"
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path))
    folder = tmp_path / "bundles" / "mine"
    shutil.copytree(weights_folder() / "lamina-24k", folder)
    manifest = json.loads((folder / "model.json").read_text())
    manifest["name"], manifest["training"] = evil, {evil: evil}
    (folder / "model.json").write_text(json.dumps(manifest))
    broken = tmp_path / "bundles" / "broken"
    broken.mkdir()
    (broken / "model.json").write_text(json.dumps({**manifest, "format": evil}))
    assert main(["info", "--model", "mine"]) == 0
    preset = tmp_path / "p.json"
    preset.write_text(json.dumps({"schema": evil}))
    assert main(["render", str(tmp_path / f"a{evil}.wav"), str(tmp_path / "o.wav"), "--preset", str(preset)]) == 2
    told = capsys.readouterr()
    for text in (told.out, told.err):
        assert "2J" in text and all(sign.isprintable() or sign == "\n" for sign in text)
