"""A command that was told to end ends, even if what the signal's handler raised was dropped on its way.

Python drops what is raised in a callback that a library in C called, and in a finalizer: a render once went on so.
"""

import ctypes
import gc
import io
import os
import signal
import sys

import numpy as np
import pytest
from pedalboard.io import AudioFile
from sounds import noise

from lamina.cli import batch
from lamina.cli.main import main
from lamina.plugin import NeuralCodec
from lamina.plugin.codes_file.file import write_codes
from lamina.plugin.stream.decoder import StreamDecoder
from lamina.plugin.stream.encoder import StreamEncoder

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(os.name != "posix", reason="signals as they are sent on POSIX systems"),
]

RATE, SECONDS = 8000, 90.0


def in_a_callback(number):
    """The signal comes while a C library calls back."""

    @ctypes.CFUNCTYPE(None)
    def called():
        signal.raise_signal(number)

    called()


def in_a_finalizer(number):
    """The signal comes while an object is taken away."""

    class Ends:
        def __del__(self):
            signal.raise_signal(number)

    Ends()
    gc.collect()


@pytest.fixture
def dropped(monkeypatch):
    """What Python has dropped, instead of lines on standard error."""
    found = []
    monkeypatch.setattr(sys, "unraisablehook", lambda said: found.append(said.exc_type))
    return found


def after(monkeypatch, owner, name, lose, n_calls=2):
    """Lose an interrupt in a method's call of this number; returns how often it was called."""
    calls, real = [], getattr(owner, name)

    def called(*given, **named):
        calls.append(name)
        if len(calls) == n_calls:
            lose()
        return real(*given, **named)

    monkeypatch.setattr(owner, name, called)
    return calls


def sound_file(path):
    with AudioFile(str(path), "w", samplerate=RATE, num_channels=1) as file:
        file.write(noise(1, int(RATE * SECONDS)) * 0.1)
    return path


@pytest.mark.parametrize("lose", [in_a_callback, in_a_finalizer])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_render_ends_at_its_next_block(tmp_path, monkeypatch, dropped, lose, number, code):
    source = sound_file(tmp_path / "in.wav")
    calls = after(monkeypatch, NeuralCodec, "process_channels", lambda: lose(number))
    assert ended("render", source, tmp_path / "out.wav", "--layers", "1") == code
    assert dropped == [KeyboardInterrupt if number == signal.SIGINT else SystemExit]
    assert len(calls) == 2, "it went on with the next block"
    assert sorted(tmp_path.iterdir()) == [source]


def test_a_render_between_pipes_ends_at_its_next_block(tmp_path, monkeypatch, dropped):
    out = io.TextIOWrapper(io.BytesIO())
    samples = np.zeros(int(RATE * SECONDS), "<f4").tobytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(samples)))
    monkeypatch.setattr(sys, "stdout", out)
    calls = after(monkeypatch, NeuralCodec, "process_channels", lambda: in_a_callback(signal.SIGINT))
    raw = ("--rate", RATE, "--channels", 1)
    assert (ended("render", "-", "-", "--layers", 1, *raw), len(calls)) == (130, 2)


@pytest.mark.slow
def test_codes_end_at_their_next_block(tmp_path, monkeypatch, dropped):
    source = sound_file(tmp_path / "in.wav")
    with monkeypatch.context() as patch:
        calls = after(patch, StreamEncoder, "push", lambda: in_a_callback(signal.SIGHUP))
        assert (ended("encode", source, tmp_path / "out.lamina", "--layers", 1), len(calls)) == (129, 2)
    codes = tmp_path / "in.lamina"
    write_codes(codes, NeuralCodec(layers=1, search=1).encode(np.zeros((1, int(RATE * SECONDS)), np.float32), RATE))
    with monkeypatch.context() as patch:
        calls = after(patch, StreamDecoder, "push", lambda: in_a_callback(signal.SIGINT))
        assert (ended("decode", codes, tmp_path / "out.wav"), len(calls)) == (130, 2)
    assert sorted(tmp_path.iterdir()) == [codes, source]


def test_files_at_the_same_time_all_end(tmp_path, monkeypatch, dropped):
    """Signals come to the thread that waits for the others, which ask for themselves."""
    sources = [sound_file(tmp_path / f"{index}.wav") for index in range(3)]
    calls = after(monkeypatch, NeuralCodec, "process_channels", lambda: None)
    after(monkeypatch, batch, "as_completed", lambda: in_a_callback(signal.SIGINT), 1)
    assert ended("render", *sources, "-o", tmp_path / "out", "-j", 2, "--layers", 1) == 130
    assert len(calls) < 6, "they went on"
    assert sorted(tmp_path.iterdir()) == sources


def test_a_comparison_ends_with_its_next_codec(tmp_path, monkeypatch, dropped):
    from lamina.plugin.comparison import compare

    source = sound_file(tmp_path / "in.wav")
    calls = after(monkeypatch, compare, "_coded", lambda: in_a_callback(signal.SIGINT), 1)
    codecs = ("--with", "lamina:0.75,lamina:1.5", "--metrics", "none", "--no-cache", "--seconds", 2)
    assert (ended("compare", source, *codecs), len(calls)) == (130, 1)


def test_packing_ends_with_its_next_file(tmp_path, monkeypatch, dropped):
    pytest.importorskip("soxr", reason="packing needs the extra [train]")
    from lamina.models.training.data import pack

    folder = tmp_path / "takes" / "music"
    folder.mkdir(parents=True)
    for index in range(4):
        sound_file(folder / f"{index}.wav")
    calls = after(monkeypatch, pack, "open_mono", lambda: in_a_callback(signal.SIGTERM), 1)
    assert ended("data", "pack", folder.parent, "--out", tmp_path / "takes.lpack") == 143
    assert len(calls) < 4
    assert sorted(tmp_path.iterdir()) == [folder.parent]


def ended(*arguments):
    """The exit code of a command."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code
