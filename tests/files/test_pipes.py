"""`-`: sound through pipes is what files give, sample for sample.

With memory that doesn't grow, and refused in a sentence.
"""

import io
import resource
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import demo

from lamina.cli.answers import OUTPUT
from lamina.cli.main import main
from lamina.plugin import NeuralCodec
from lamina.plugin.files.piped import PipeReader, PipeWriter, RawSound, render_piped
from lamina.plugin.files.render import render_file
from lamina.plugin.files.sound import AudioFileError, read_audio

RATE = 48_000
WRITTEN = 2 * 2.0**-23
"""A file of 24 bits rounds down, and what is read is scaled by another number in the last bit."""


@pytest.fixture
def take(tmp_path):
    path = tmp_path / "take.wav"
    with AudioFile(str(path), "w", samplerate=RATE, num_channels=2, bit_depth=24) as file:
        file.write(demo(0, RATE, 1.3)[[0, -1]])
    return path


def lamina(*arguments, **options):
    command = [sys.executable, "-m", "lamina", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False, **options)


def read_back(data, **raw):
    reader = PipeReader(io.BytesIO(data), RawSound(**raw) if raw else None)
    return np.concatenate(list(reader), 1), reader


def streamed(path):
    """A WAV file as a program writes it that doesn't know how long it will be."""
    data = path.read_bytes()
    start = data.index(b"data")
    return data[:4] + b"\xff" * 4 + data[8 : start + 4] + b"\xff" * 4 + data[start + 8 :]


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_samples_out_of_a_pipe_are_those_out_of_a_file(tmp_path, bits):
    path, random = tmp_path / "a.wav", np.random.default_rng(bits)
    with AudioFile(str(path), "w", samplerate=RATE, num_channels=2, bit_depth=bits) as file:
        file.write(random.uniform(-1.2, 1.2, (2, 5000)).astype(np.float32))
    sound, reader = read_back(path.read_bytes())
    assert np.array_equal(sound, read_audio(path).samples)
    assert (reader.sample_rate, reader.n_channels, reader.trouble) == (RATE, 2, "")
    assert np.array_equal(read_back(streamed(path))[0], sound)


@pytest.mark.parametrize("format", ["s16", "s24", "s32", "f32"])
@pytest.mark.parametrize("n_channels", [1, 2, 6])
@pytest.mark.parametrize("is_raw", [False, True])
def test_what_is_written_is_read_again(format, n_channels, is_raw):
    sound = np.random.default_rng(0).uniform(-1, 1, (n_channels, 3000)).astype(np.float32)
    pipe = io.BytesIO()
    writer = PipeWriter(pipe, RATE, n_channels, format, is_raw)
    for start in range(0, 3000, 700):
        writer.write(sound[:, start : start + 700])
    raw = {"sample_rate": RATE, "n_channels": n_channels, "format": format} if is_raw else {}
    back, reader = read_back(pipe.getvalue(), **raw)
    step = {"s16": 2.0**-15, "s24": 2.0**-23, "s32": 2.0**-24, "f32": 0.0}[format]
    assert np.abs(back - sound).max() <= step
    assert (reader.sample_rate, reader.n_channels) == (RATE, n_channels)


def test_the_header_is_one_that_other_programs_read(tmp_path):
    pipe = io.BytesIO()
    PipeWriter(pipe, RATE, 2).write(demo(0, RATE, 0.5)[[0, -1]])
    (tmp_path / "piped.wav").write_bytes(pipe.getvalue())
    clip = read_audio(tmp_path / "piped.wav")
    assert clip.samples.shape == (2, RATE // 2) and clip.trouble == ""


class Dribble(io.RawIOBase):
    """A pipe that gives some odd number of bytes at a time."""

    def __init__(self, data):
        self.data, self.position = data, 0

    def read(self, n_bytes=-1):
        given = self.data[self.position : self.position + min(n_bytes, 1001)]
        self.position += len(given)
        return given


@pytest.mark.slow
def test_a_render_through_pipes_is_the_render_of_the_file(tmp_path, take):
    codec = NeuralCodec(kbps=3)
    render_file(codec, take, tmp_path / "out.wav")
    pipe = io.BytesIO()
    result = render_piped(codec, Dribble(streamed(take)), pipe, format="f32")
    assert result.seconds == 1.3 and result.n_channels == 2
    sound, _ = read_back(pipe.getvalue())
    assert np.abs(np.clip(sound, -1, 1) - read_audio(tmp_path / "out.wav").samples).max() <= WRITTEN
    # And where only one side is a pipe.
    render_piped(codec, io.BytesIO(streamed(take)), tmp_path / "from-pipe.wav")
    assert np.array_equal(read_audio(tmp_path / "from-pipe.wav").samples, read_audio(tmp_path / "out.wav").samples)
    pipe = io.BytesIO()
    render_piped(codec, take, pipe, format="f32")
    assert np.array_equal(read_back(pipe.getvalue())[0], sound)


@pytest.mark.slow
def test_a_side_chain_goes_along(tmp_path, take):
    codec = NeuralCodec(layers=6, cross_layers=2)
    other = tmp_path / "other.wav"
    with AudioFile(str(other), "w", samplerate=44_100, num_channels=1) as file:
        file.write(demo(1, 44_100, 1.0)[:1])
    render_file(codec, take, tmp_path / "out.wav", sidechain=other)
    render_piped(codec, io.BytesIO(streamed(take)), tmp_path / "piped.wav", sidechain=other)
    # A resampler that is read in other blocks may round otherwise: by no more than the file's last bits.
    assert np.abs(read_audio(tmp_path / "piped.wav").samples - read_audio(tmp_path / "out.wav").samples).max() < 1e-3


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"fLaC" + bytes(100), "no WAV"),
        (b"RIFF\xff\xff\xff\xffWAVE", "ends before its sound begins"),
        (b"RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff", "doesn't say how"),
        (b"RIFF\xff\xff\xff\xffWAVEjunk\xff\xff\xff\x7f", "more than 16 MB"),
        (
            b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0"
            + struct.pack("<HHIIHH", 2, 1, RATE, RATE, 1, 4)
            + b"data\xff\xff\xff\xff",
            "4 bits",
        ),
        (
            b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0"
            + struct.pack("<HHIIHH", 1, 1, 1, 2, 2, 16)
            + b"data\xff\xff\xff\xff",
            "1 Hz",
        ),
        (
            b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0"
            + struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
            + b"data\xff\xff\xff\xff",
            "holds no sound",
        ),
    ],
)
def test_what_can_not_be_read_is_refused(data, words):
    with pytest.raises(AudioFileError, match=words):
        read_back(data)


def test_no_number_in_a_pipe_is_refused():
    pipe = io.BytesIO()
    PipeWriter(pipe, RATE, 1, "f32").write(np.full((1, 10), np.nan, np.float32))
    with pytest.raises(AudioFileError, match="Standard input"):
        read_back(pipe.getvalue())


def test_what_did_not_come_is_told(take):
    data = take.read_bytes()
    _, reader = read_back(data[: -RATE // 2 * 6])
    assert "last 0.50 s" in reader.trouble


@pytest.mark.slow
def test_commands_are_pipes_and_no_folder_appears(tmp_path, take):
    done = lamina("render", "-", "-", "--kbps", 3, input=streamed(take), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sound, _ = read_back(done.stdout)
    assert sound.shape == (2, round(1.3 * RATE))
    assert b"3 kbps per channel, 6 kbps in all" in done.stderr
    raw = sound.T.astype("<f4").tobytes()
    options = ["--rate", RATE, "--channels", 2]
    bare = lamina("render", "-", "-", "-q", *options, input=raw, cwd=tmp_path)
    assert (bare.returncode, bare.stderr, len(bare.stdout)) == (0, b"", len(raw))
    assert [path.name for path in tmp_path.iterdir()] == ["take.wav"]


@pytest.mark.slow
def test_no_sentence_gets_into_the_sound_with_standard_error_closed(tmp_path, take):
    command = [sys.executable, "-m", "lamina", "render", str(take), "-", "--layers", "1", "--raw", "--format", "s16"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *command], stdout=subprocess.PIPE, timeout=120, check=True
    )
    assert len(done.stdout) == round(1.3 * RATE) * 2 * 2


@pytest.mark.slow
def test_codes_go_through_pipes(tmp_path, take):
    coded = lamina("encode", "-", "-", "--layers", 8, input=streamed(take), cwd=tmp_path)
    assert coded.returncode == 0, coded.stderr
    assert lamina("encode", take, tmp_path / "take.lamina", "--layers", 8).returncode == 0
    assert coded.stdout == (tmp_path / "take.lamina").read_bytes()
    decoded = lamina("decode", "-", "-", input=coded.stdout, cwd=tmp_path)
    assert decoded.returncode == 0, decoded.stderr
    assert lamina("decode", tmp_path / "take.lamina", tmp_path / "back.wav").returncode == 0
    assert decoded.stdout == (tmp_path / "back.wav").read_bytes()
    assert lamina("inspect", "-", input=coded.stdout).stdout.count(b"\n") == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.wav", "take.lamina", "take.wav"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{take}", "out.wav", "--rate", "48000"], 2, "the input is a file"),
        (["-", "out.wav", "--rate", "48000"], 2, "both --rate and --channels"),
        (["-", "out.wav", "--raw"], 2, "the output is a file"),
        (["{take}", "out.wav", "--format", "s16"], 2, "pipes"),
        (["-", "{take}", "-"], 2, "only input"),
        (["{take}", "{take}", "-"], 2, "takes one sound"),
        (["-", "folder"], 2, "needs a file"),
        (["-", "out.wav"], 3, "is empty"),
        (["-", "out.wav", "--rate", "12", "--channels", "1"], 2, "8000"),
    ],
)
def test_what_pipes_can_not_do_is_one_sentence(tmp_path, take, monkeypatch, capsys, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    assert main(["render", *(argument.format(take=take) for argument in arguments)]) == code
    out, error = capsys.readouterr()
    assert words in error and error.count("\n") == 1 and out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["take.wav"]


@pytest.mark.long
def test_memory_does_not_grow_with_what_comes(tmp_path):
    """Five minutes at 8 kHz: as floats they and their result would take 19 MB each."""
    command = [sys.executable, "-m", "lamina", "render", "-", "-", "--rate", "8000", "--channels", "2"]
    peaks = []
    for seconds in (5, 300):
        process = subprocess.Popen([*command, "--layers", "1", "-q"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def feed(stdin=process.stdin, n_blocks=seconds):
            for _ in range(n_blocks):
                stdin.write(bytes(8000 * 8))
            stdin.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        n_bytes = 0
        while data := process.stdout.read(1 << 16):
            n_bytes += len(data)
        feeder.join()
        process.stdout.close()
        assert process.wait() == 0 and n_bytes == seconds * 8000 * 8
        peaks.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
    assert peaks[1] - peaks[0] < 10


@pytest.mark.slow
def test_a_pipe_that_can_not_be_written_is_not_taken_for_a_file_that_can_not_be_read(take):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lamina", "render", str(take), "-", "--kbps", "3"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (OUTPUT, b"lamina: Standard output: No space left on device.\n")


@pytest.mark.slow
def test_who_stops_reading_the_pipe_of_a_file_ends_it_quietly(take):
    command = [sys.executable, "-m", "lamina", "render", str(take), "-", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as render:
        render.stdout.read(10)
        render.stdout.close()
        assert (render.wait(120), render.stderr.read()) == (141, b"")
