"""What `render`, `encode` and `decode` do with files.

Many of them, existing ones, at the same time, how much is told, and which exit code says what.
"""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from container_parts import block_starts
from pedalboard.io import AudioFile
from sounds import demo

from lamina.cli.answers import INCOMPLETE, INPUT, MEANINGS, OUTPUT, REFUSED
from lamina.cli.main import main
from lamina.plugin import PARAMETERS, NeuralCodec
from lamina.plugin.codes_file.coding import decode_file
from lamina.plugin.codes_file.file import read_codes
from lamina.plugin.files.sound import read_audio

RATE = 24_000


def write_take(path, seconds=0.6):
    with AudioFile(str(path), "w", samplerate=RATE, num_channels=1) as file:
        file.write(demo(1, RATE, seconds)[:1])
    return path


@pytest.fixture
def take(tmp_path):
    return write_take(tmp_path / "take.wav")


@pytest.fixture
def coded(tmp_path, take):
    assert lamina("encode", take, tmp_path / "take.lamina", "--layers", 12, "-q") == 0
    return tmp_path / "take.lamina"


def lamina(*arguments):
    return main([str(argument) for argument in arguments])


def told(capsys, code, *arguments):
    """The error of a command that ends with a code, which is one line."""
    assert lamina(*arguments) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("lamina: ")
    return error


def test_a_file_is_not_replaced_by_accident(tmp_path, take, capsys):
    """`lamina render *.wav` gives the second of two files as the output."""
    other = write_take(tmp_path / "zebra.wav")
    before = other.read_bytes()
    error = told(capsys, OUTPUT, "render", take, other)
    assert "zebra.wav exists already" in error and "--force" in error
    assert "exists already" in told(capsys, OUTPUT, "render", take, other, "--no-clobber")
    assert other.read_bytes() == before
    assert lamina("render", take, other, "--skip-existing") == 0
    assert "left as it is" in capsys.readouterr().out and other.read_bytes() == before
    assert lamina("render", take, other, "--force", "--kbps", 3) == 0
    assert other.read_bytes() != before


@pytest.mark.parametrize("command", ["encode", "decode"])
def test_codes_and_decoded_sound_are_not_replaced_by_accident_either(tmp_path, take, coded, capsys, command):
    source, target = (take, coded) if command == "encode" else (coded, take)
    before = target.read_bytes()
    assert "exists already" in told(capsys, OUTPUT, command, source, target)
    assert target.read_bytes() == before
    assert lamina(command, source, target, "-f") == 0
    assert target.read_bytes() != before or command == "encode"


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", OUTPUT), (b"\n", OUTPUT)])
def test_on_a_terminal_it_is_asked(tmp_path, take, answer, code):
    other = write_take(tmp_path / "zebra.wav")
    before = other.read_bytes()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lamina", "render", str(take), str(other), "--layers", "2"]
    process = subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL, start_new_session=True)
    os.close(theirs)
    asked = b""
    while b"Replace?" not in asked:
        asked += os.read(ours, 1000)
    os.write(ours, answer)
    deadline = time.monotonic() + 60  # a bound for busy machines, not a speed that is promised
    while process.poll() is None and time.monotonic() < deadline:
        try:
            os.read(ours, 1000)
        except OSError:
            break
    assert process.wait(60) == code
    os.close(ours)
    assert (other.read_bytes() != before) == (code == 0)


def test_of_many_nothing_is_begun_if_one_is_there(tmp_path, take, capsys):
    second = write_take(tmp_path / "second.wav")
    (tmp_path / "out").mkdir()
    write_take(tmp_path / "out" / "second.wav")
    told(capsys, OUTPUT, "render", take, second, "-o", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["second.wav"]
    assert lamina("render", take, second, "-o", tmp_path / "out", "--skip-existing", "--layers", 1) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"take.wav", "second.wav"}


def test_many_files_go_through_encode_decode_and_inspect(tmp_path, take, capsys):
    second = write_take(tmp_path / "second.wav", 0.4)
    assert lamina("encode", take, second, tmp_path / "coded", "--layers", 2) == 0
    files = sorted((tmp_path / "coded").iterdir())
    assert [path.name for path in files] == ["second.lamina", "take.lamina"]
    assert lamina("decode", *files, "--output", tmp_path / "back") == 0
    lengths = {path.name: read_audio(path).samples.shape[1] for path in (tmp_path / "back").iterdir()}
    assert lengths == {"take.wav": round(0.6 * RATE), "second.wav": round(0.4 * RATE)}
    capsys.readouterr()
    assert lamina("inspect", *files) == 0
    out = capsys.readouterr().out
    assert all(str(path) in out for path in files) and out.count("Damage   none") == 2
    assert lamina("inspect", *files, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [fact["seconds"] for fact in facts] == [0.4, 0.6]
    assert facts[0]["layers"] == [{"least": 2, "most": 2}] and facts[0]["usable_model"] == "lamina-24k"


@pytest.mark.slow
def test_files_at_the_same_time_are_those_after_each_other(tmp_path):
    takes = [write_take(tmp_path / f"{index}.wav", 0.3 + index / 10) for index in range(4)]
    (tmp_path / "bad.wav").write_text("no sound")
    files = [*takes, tmp_path / "bad.wav"]
    for jobs in (1, 3):
        assert lamina("render", *files, tmp_path / str(jobs), "--jobs", jobs, "--layers", 3) == INPUT
    for path in takes:
        assert (tmp_path / "1" / path.name).read_bytes() == (tmp_path / "3" / path.name).read_bytes()
    assert len(list((tmp_path / "3").iterdir())) == 4


@pytest.mark.slow
def test_ctrl_c_ends_all_that_run_at_the_same_time_and_leaves_nothing(tmp_path):
    sources = [tmp_path / f"{index}.flac" for index in range(3)]
    for source in sources:
        with AudioFile(str(source), "w", samplerate=8000, num_channels=1) as file:
            file.write(np.zeros((1, 8000 * 3600), np.float32))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "lamina", "render", *map(str, sources), "-o", str(out), "-j", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60  # a bound for busy machines, not a speed that is promised
    while not out.exists() or len([path for path in out.iterdir() if path.stat().st_size > 10_000]) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in error, error
    assert not out.exists()


def test_no_jobs_is_refused(tmp_path, take, capsys):
    assert "--jobs is 0" in told(capsys, REFUSED, "render", take, tmp_path / "out.wav", "-j", 0)


def test_quiet_is_silent_and_verbose_tells_more(tmp_path, take, capsys):
    assert lamina("render", take, tmp_path / "a.wav", "-q", "--layers", 3) == 0
    assert capsys.readouterr() == ("", "")
    assert lamina("render", take, tmp_path / "b.wav", "-v", "--layers", 3) == 0
    out, err = capsys.readouterr()
    assert "b.wav" in out and "lamina-24k" in err and "layers 3" in err
    assert lamina("render", take, tmp_path / "no.txt", "-q") == OUTPUT
    assert "Lamina writes" in capsys.readouterr().err


def test_each_kind_of_failure_has_a_code_of_its_own(tmp_path, take, coded, capsys):
    (tmp_path / "noise.wav").write_text("no sound")
    (tmp_path / "cut.lamina").write_bytes(coded.read_bytes()[: block_starts(coded.read_bytes())[0] + 30])
    out, nowhere = tmp_path / "out.wav", tmp_path / "missing"
    for command, code in {
        ("render", take, out, "--mix", "9"): REFUSED,
        ("render", take, out, "--model", "unheard-of"): REFUSED,
        ("render", tmp_path / "noise.wav", out): INPUT,
        ("render", tmp_path / "no.wav", out): INPUT,
        ("encode", tmp_path / "noise.wav", tmp_path / "out.lamina"): INPUT,
        ("decode", take, out): INPUT,
        ("inspect", take): INPUT,
        ("render", take, nowhere / "out.wav"): OUTPUT,
        ("render", take, tmp_path / "out.txt"): OUTPUT,
        ("encode", take, nowhere / "out.lamina"): OUTPUT,
        ("decode", coded, nowhere / "out.wav"): OUTPUT,
    }.items():
        told(capsys, code, *command)
    assert not out.exists()
    assert "could not be read" in told(capsys, INCOMPLETE, "decode", tmp_path / "cut.lamina", out)
    assert out.exists()
    assert lamina("inspect", tmp_path / "cut.lamina") == INCOMPLETE


def test_names_and_folders_that_the_system_refuses_have_the_code_of_the_side_they_stand_on(
    tmp_path, take, coded, capsys
):
    other, long, within = write_take(tmp_path / "other.wav"), "n" * 300, take / "folder"
    for command, code, words in (
        (("render", take, tmp_path / f"{long}.wav"), OUTPUT, f"{long}.wav can't be written: File name too long."),
        (("encode", take, tmp_path / f"{long}.lamina"), OUTPUT, "can't be written: File name too long."),
        (("decode", coded, tmp_path / f"{long}.wav"), OUTPUT, "can't be written: File name too long."),
        (("render", take, other, within), OUTPUT, f"{within} can't be written: Not a directory."),
        (("render", tmp_path / f"{long}.wav", tmp_path / "out.wav"), INPUT, "can't be read: File name too long."),
        (("encode", tmp_path / f"{long}.wav", tmp_path / "out.lamina"), INPUT, "can't be read: File name too long."),
        (("decode", tmp_path / f"{long}.lamina", tmp_path / "out.wav"), INPUT, "can't be read: File name too long."),
    ):
        assert words in told(capsys, code, *command)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.wav", "take.lamina", "take.wav"]


def test_a_sound_that_was_cut_off_has_the_code_of_damage(tmp_path, take, capsys):
    cut = tmp_path / "cut.wav"
    cut.write_bytes(take.read_bytes()[:-6000])
    assert "cut off" in told(capsys, INCOMPLETE, "render", cut, tmp_path / "out.wav")
    assert "cut off" in told(capsys, INCOMPLETE, "encode", cut, tmp_path / "out.lamina")
    assert (tmp_path / "out.wav").exists() and (tmp_path / "out.lamina").exists()


def test_the_exit_codes_stand_in_help_and_docs(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    docs = (Path(__file__).parents[2] / "docs/command-line.md").read_text(encoding="utf-8")
    for code, meaning in MEANINGS.items():
        assert f"{code} {meaning}" in shown
        assert f"| {code} | {meaning} |" in docs


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--kbps", "6", "--set", "kbps=3"], "they set the same"),
        (["--kbps", "6", "--set", "layers=3"], "they set the same"),
        (["--set", "mix=1", "--set", "mix=0.5"], "they set the same"),
        (["--mix", "1", "--set", "mix=0.5"], "they set the same"),
        (["--noise-only"], "denoise is 0"),
        (["--set", "noise_only=on"], "denoise is 0"),
        (["--sidechain", "{take}"], "--set cross_layers=2"),
        (["--sidechain", "{take}", "--layers", "2", "--set", "cross_layers=4"], "there are 2 layers"),
        (["--set", "cross_layers=2"], "--sidechain FILE"),
    ],
)
def test_options_that_contradict_each_other_or_do_nothing_are_refused(tmp_path, take, capsys, options, words):
    given = [option.format(take=take) for option in options]
    assert words in told(capsys, REFUSED, "render", take, tmp_path / "out.wav", *given)
    assert not (tmp_path / "out.wav").exists()


def test_the_same_said_twice_is_no_contradiction(tmp_path, take):
    assert lamina("render", take, tmp_path / "out.wav", "--kbps", "3", "--set", "kbps=3", "-q") == 0


@pytest.mark.slow
def test_what_can_not_be_heard_as_the_others_stand_is_told(tmp_path, take, capsys):
    assert lamina("render", take, tmp_path / "out.wav", "--set", "bend_amount=0.5") == 0
    assert "--set bend_amount does nothing while bend is off" in capsys.readouterr().err
    assert lamina("render", take, tmp_path / "2.wav", "--set", "bend_amount=0.5", "--set", "bend=offset") == 0
    assert capsys.readouterr().err == ""


OTHER = {
    "layers": "5", "kbps": "3", "denoise": "0.5", "noise_only": "on", "mix": "0.5", "input_gain_db": "6",
    "output_gain_db": "-6", "bypass": "on", "layer_gains": "0.5", "muted_layers": "2", "solo_layers": "3",
    "listen": "layer", "listen_layer": "2", "stereo": "mid-side", "side_layers": "2", "loudness_layers": "0.5",
    "frame_loss": "0.3", "layer_loss": "0.5", "concealment": "silence", "freeze": "on", "bend": "offset",
    "decimate_frames": "3", "search": "1", "passes": "2", "cross_layers": "2", "variable_rate": "on",
    "postfilter": "0", "slices": "reverse",
}  # fmt: skip
"""A value of each parameter that differs from its default."""
WITH_OTHERS = {
    *("loss_model", "lost_layer", "freeze_frames", "freeze_fade", "code_delay", "code_feedback", "seed"),
    *("tempo", "motions", "automation"),
}
"""Those that do something only beside others, or move others, or need more than a second."""


@pytest.mark.slow
def test_what_encode_and_decode_refuse_would_change_nothing_and_what_they_take_changes_something(tmp_path):
    """But for denoise, which a file remembers, and for what needs another parameter beside it."""
    from lamina.cli.options import DECODING, ENCODING

    sound = demo(0, RATE, 1.0)[[0, -1]]
    codes = NeuralCodec().encode(sound, RATE)
    # With something to conceal and to remove.
    usual = {"denoise": 0.3, "frame_loss": 0.2}
    heard = NeuralCodec(**usual).decode(codes)
    beside = {name for name, parameter in PARAMETERS.items() if parameter.refines is not None} - {"noise_only"}
    assert set(OTHER) | beside | WITH_OTHERS == set(PARAMETERS)
    beside.add("listen_layer")
    assert not ENCODING.ignored - set(PARAMETERS) and not DECODING.ignored - set(PARAMETERS)
    for name, text in OTHER.items():
        settings = {name: PARAMETERS[name].parse(text)}
        made = NeuralCodec(**settings).encode(sound, RATE)
        is_same = np.array_equal(made.codes, codes.codes) and np.array_equal(made.counts, codes.counts)
        assert is_same == (name in ENCODING.ignored or name == "denoise" or name in beside), name
        other = NeuralCodec(**usual | settings).decode(codes)
        is_same = np.array_equal(other, heard)
        assert is_same == (name in DECODING.ignored | {"layers", "kbps"} or name in beside), name


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("encode", ["--mix", "0.5"]),
        ("encode", ["--denoise", "1", "--noise-only"]),
        ("encode", ["--set", "output_gain_db=3"]),
        ("encode", ["--set", "postfilter=0"]),
        ("encode", ["--set", "layer_gains.2=0.5"]),
        ("decode", ["--mix", "0.5"]),
        ("decode", ["--set", "input_gain_db=3"]),
        ("decode", ["--set", "search=8"]),
    ],
)
def test_options_that_codes_can_not_follow_are_refused(tmp_path, take, coded, capsys, command, options):
    source, target = (take, tmp_path / "o.lamina") if command == "encode" else (coded, tmp_path / "o.wav")
    assert "does nothing here" in told(capsys, REFUSED, command, source, target, *options)
    assert not target.exists()


def test_what_a_preset_brings_that_codes_can_not_follow_is_told(tmp_path, take, capsys):
    assert lamina("encode", take, tmp_path / "o.lamina", "--preset", "parallel-grit") == 0
    assert "of the preset, mix" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--layers", "9"], ["--kbps", "6.75"], ["--set", "layers=9"]])
def test_decode_peels_layers_exactly(tmp_path, take, coded, options):
    """Nine layers of twelve are what was sent if only nine had been: their codes decode to the same."""
    assert lamina("decode", coded, tmp_path / "thin.wav", *options) == 0
    codes = read_codes(coded).codes
    few = NeuralCodec().decode(
        type(codes)(
            **{
                **{field: getattr(codes, field) for field in codes.__dataclass_fields__},
                "codes": codes.codes[..., :9].copy(),
                "counts": np.minimum(codes.counts, 9),
                "code_bits": codes.code_bits[:9],
            }
        )
    )
    heard = read_audio(tmp_path / "thin.wav").samples
    assert np.abs(heard - np.clip(few, -1, 1)).max() <= 2 * 2.0**-23  # a file of 24 bits rounds down
    whole = tmp_path / "whole.wav"
    assert lamina("decode", coded, whole) == 0
    assert np.abs(read_audio(whole).samples - heard).max() > 1e-3


def test_peeled_to_what_the_memory_hears_is_what_is_encoded_at_that_rate(tmp_path, take, coded):
    assert lamina("decode", coded, tmp_path / "peeled.wav", "--layers", 8) == 0
    assert lamina("encode", take, tmp_path / "eight.lamina", "--layers", 8) == 0
    assert lamina("decode", tmp_path / "eight.lamina", tmp_path / "eight.wav") == 0
    assert (tmp_path / "peeled.wav").read_bytes() == (tmp_path / "eight.wav").read_bytes()


def test_fewer_layers_than_the_memory_hears_are_played_without_a_drift(tmp_path, coded):
    assert lamina("decode", coded, tmp_path / "five.wav", "--layers", 5) == 0
    codes = read_codes(coded).codes
    wanted = np.clip(NeuralCodec().decode(codes, layers=5), -1, 1)
    heard = read_audio(tmp_path / "five.wav").samples
    assert np.abs(heard - wanted).max() <= 2 * 2.0**-23
    whole = NeuralCodec().decode(codes)
    error = lambda x: np.square(x - whole).sum()  # noqa: E731 - the same twice
    assert error(heard) < 0.6 * error(np.zeros_like(whole))


def test_what_peeling_can_not_do_is_told(tmp_path, coded, capsys):
    """The file is good: it is the wish that is refused, in a sentence that names the file once."""
    target = tmp_path / "out.wav"
    for layers, words in ((13, "has 12 layers"), (2, "from 3 layers up")):
        line = told(capsys, REFUSED, "decode", coded, target, "--layers", layers)
        assert words in line and line.count(str(coded)) == 1
    assert not target.exists()


def test_more_layers_than_codes_have_are_refused_in_scripts_too(tmp_path, coded):
    codec, codes = NeuralCodec(), read_codes(coded).codes
    with pytest.raises(ValueError, match="layers is 13, but the codes have 12"):
        codec.decode(codes, layers=13)
    with pytest.raises(ValueError, match="layers is 13, but the codes have 12"):
        decode_file(codec, coded, tmp_path / "out.wav", layers=13)
    assert not (tmp_path / "out.wav").exists()
    assert np.array_equal(codec.decode(codes, layers=12), codec.decode(codes))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "6 kbps per channel, 12 kbps in all"),
        (["--set", "stereo=mid-side", "--set", "side_layers=2"], "6 kbps per channel, 7.5 kbps in all"),
        (["--set", "stereo=mono"], "6 kbps per channel, 6 kbps in all"),
        (["--set", "loudness_layers=0.5"], "at most 12 kbps in all"),
    ],
)
def test_a_stereo_files_whole_bitrate_is_told(tmp_path, capsys, options, words):
    source = tmp_path / "stereo.wav"
    with AudioFile(str(source), "w", samplerate=RATE, num_channels=2) as file:
        file.write(demo(0, RATE, 0.4)[[0, -1]])
    assert lamina("render", source, tmp_path / "out.wav", "--layers", 8, *options) == 0
    assert words in capsys.readouterr().out


@pytest.mark.parametrize("command", ["info", "presets"])
def test_json_is_json(capsys, command):
    assert lamina(command, "--json") == 0
    assert json.loads(capsys.readouterr().out)


def test_json_says_what_the_text_says(capsys):
    assert lamina("info", "--json") == 0
    info = json.loads(capsys.readouterr().out)
    assert info["model"]["name"] == "lamina-24k" and info["model"]["layers"] == 24
    assert info["latency_samples"]["48000"] == NeuralCodec().latency_samples(48_000)
    assert lamina("presets", "--json") == 0
    presets = {preset["name"]: preset for preset in json.loads(capsys.readouterr().out)}
    assert len(presets) == 24 and presets["paper-thin"]["parameters"]["layers"] <= 4
