"""A WAV file is what is there.

Headers that promise too much, or end before the sound, neither mislead nor end the process.
"""

import struct
import subprocess
import sys

import numpy as np
import pytest

from lamina import read_audio
from lamina.cli.main import main
from lamina.gui.model.files.document import Document
from lamina.plugin.files.sound import AudioFileError, probe_audio

RATE = 8000
SINE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
PCM, ADPCM, FLOAT, ALAW, MULAW = 1, 2, 3, 6, 7


def wav(path, tag=PCM, bits=16, sound=b"", size=None, channels=1, sample_bytes=None, before=b""):
    """A WAV file of any header: `sound` None ends it before its data, `size` is what it says of their length."""
    sample_bytes = channels * bits // 8 if sample_bytes is None else sample_bytes
    form = struct.pack("<HHIIHH", tag, channels, RATE, RATE * sample_bytes, sample_bytes, bits)
    content = b"WAVEfmt " + struct.pack("<I", len(form)) + form + before
    if sound is not None:
        content += b"data" + struct.pack("<I", len(sound) if size is None else size) + sound
    path.write_bytes(b"RIFF" + struct.pack("<I", len(content) if size is None else 0xFFFFFFFF) + content)
    return path


STORED = {
    8: (PCM, (SINE * 127 + 128).astype("u1").tobytes()),
    16: (PCM, (SINE * 32767).astype("<i2").tobytes()),
    24: (PCM, np.pad((SINE * 8388607).astype("<i4").view("u1").reshape(-1, 4)[:, :3], 0).tobytes()),
    32: (FLOAT, SINE.astype("<f4").tobytes()),
    64: (FLOAT, SINE.astype("<f8").tobytes()),
}


@pytest.mark.parametrize("bits", STORED)
def test_a_pipes_file_is_as_long_as_it_is(bits, tmp_path):
    tag, sound = STORED[bits]
    clip = read_audio(
        wav(tmp_path / "pipe.wav", tag, bits, sound, 0xFFFFFFFF, before=b"LIST" + struct.pack("<I", 5) + b"abcde\0")
    )
    assert clip.samples.shape == (1, RATE) and clip.trouble == ""
    assert np.abs(clip.samples[0] - SINE).max() < 3 / 2 ** min(bits, 16)


@pytest.mark.parametrize("bits", STORED)
def test_a_cut_file_is_read_up_to_the_break_and_says_so(bits, tmp_path):
    tag, sound = STORED[bits]
    cut = wav(tmp_path / "cut.wav", tag, bits, sound[: len(sound) // 2 + bits // 16], len(sound))
    clip = read_audio(cut)
    assert clip.samples.shape == (1, RATE // 2) and np.abs(clip.samples[0] - SINE[: RATE // 2]).max() < 3 / 2 ** min(
        bits, 16
    )
    assert clip.trouble == "The file was cut off: 0.50 of 1.00 s are there."
    assert probe_audio(cut).n_samples == RATE // 2


def test_what_was_cut_is_told_on_the_command_line_and_in_the_app(tmp_path, capsys):
    cut = wav(tmp_path / "cut.wav", sound=STORED[16][1][:RATE], size=2 * RATE)
    for command in (
        ["render", str(cut), str(tmp_path / "out.flac")],
        ["encode", str(cut), str(tmp_path / "out.lamina")],
    ):
        assert main(command) == 5
        assert "cut.wav: The file was cut off: 0.50 of 1.00 s" in capsys.readouterr().err
    assert read_audio(tmp_path / "out.flac").samples.shape == (1, RATE // 2)
    assert Document.open(cut).trouble.startswith("The file was cut off")


HEADERS = {
    "a format that is cut": b"RIFF\x20\0\0\0WAVEfmt \x10\0\0\0\x07\0",
    "a chunk that is cut": b"RIFF\x20\0\0\0WAVEfmt ",
    "nothing behind its name": b"RIFF\x20\0\0\0WAVE",
}


@pytest.mark.parametrize("tag", [PCM, ADPCM, FLOAT, ALAW, MULAW])
def test_a_file_that_ends_in_its_header_is_refused_and_the_process_lives(tag, tmp_path):
    path = wav(tmp_path / "head.wav", tag, 8, None, before=b"LIST\x1a\0\0\0")
    # In a process of its own: what is proven is that it lives.
    done = subprocess.run(
        [sys.executable, "-m", "lamina", "render", path, tmp_path / "out.wav"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 3 and "ends before its sound begins" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_other_ends_are_refused_too(content, tmp_path):
    path = tmp_path / "head.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=r"ends before its sound begins\. Copy it again"):
        read_audio(path)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"bits": 12, "sample_bytes": 2}, "12 bits"),
        ({"bits": 20, "sample_bytes": 3}, "20 bits"),
        ({"channels": 0, "sample_bytes": 2}, "0 channels"),
        ({"sample_bytes": 0}, "0 bytes for each sample"),
        ({"sound": b"\0"}, "holds no sound"),
    ],
)
def test_sound_that_cannot_be_read_is_refused_before_it_is_tried(header, words, tmp_path):
    with pytest.raises(AudioFileError, match=words):
        read_audio(wav(tmp_path / "odd.wav", **{"sound": bytes(2400), **header}))


def test_a_player_seeks_in_a_file_that_was_put_right(tmp_path):
    from lamina.plugin.files.sound import open_for_reading

    with open_for_reading(wav(tmp_path / "pipe.wav", sound=STORED[16][1], size=0xFFFFFFFF)) as file:
        assert file.frames == RATE
        file.seek(5000)
        assert np.abs(file.read(100)[0] - SINE[5000:5100]).max() < 1e-4
        file.seek(0)
        assert file.read(RATE + 10).shape == (1, RATE)


def chunk(name, content, size=None):
    return name + struct.pack("<I", len(content) if size is None else size) + content + b"\0" * (len(content) % 2)


def form(tag=PCM, bits=16, channels=1, sample_bytes=None):
    sample_bytes = channels * bits // 8 if sample_bytes is None else sample_bytes
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, RATE, RATE * sample_bytes, sample_bytes, bits))


def riff(path, *chunks, magic=b"RIFF", size=None):
    content = b"WAVE" + b"".join(chunks)
    path.write_bytes(magic + struct.pack("<I", len(content) if size is None else size) + content)
    return path


SOUND = STORED[16][1]


def ds64(n_bytes):
    return chunk(b"ds64", struct.pack("<QQQI", n_bytes + 72, n_bytes, n_bytes // 2, 0))


@pytest.mark.parametrize("n_samples", [RATE, RATE // 2])
def test_files_with_sizes_of_64_bits_are_checked_too(n_samples, tmp_path):
    path = riff(
        tmp_path / "long.wav",
        ds64(2 * RATE),
        form(),
        chunk(b"data", SOUND[: 2 * n_samples], 0xFFFFFFFF),
        magic=b"RF64",
        size=0xFFFFFFFF,
    )
    clip = read_audio(path)
    assert clip.samples.shape == (1, n_samples) and np.abs(clip.samples[0] - SINE[:n_samples]).max() < 1e-4
    assert bool(clip.trouble) == (n_samples < RATE)


WHOLE = {
    "a second length, in the header's last words": (form(), chunk(b"data", SOUND), chunk(b"data", b"", 1_000_000)),
    "a second format": (form(), chunk(b"data", SOUND), form(channels=8)),
    "an empty one before": (form(), chunk(b"data", b""), chunk(b"data", SOUND)),
    "a recorder that died": (form(), chunk(b"data", SOUND, 0)),
    "a format of 14 bytes": (chunk(b"fmt ", struct.pack("<HHIIH", PCM, 1, RATE, 2 * RATE, 2)), chunk(b"data", SOUND)),
}


@pytest.mark.parametrize("chunks", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("size", [None, 0])
def test_the_sound_is_found_where_it_is(chunks, size, tmp_path):
    clip = read_audio(riff(tmp_path / "odd.wav", *chunks, size=size))
    assert clip.samples.shape == (1, RATE) and np.abs(clip.samples[0] - SINE).max() < 1e-4 and clip.trouble == ""


@pytest.mark.parametrize("size", [0x7FFFFF00, 0x7FFFFFDB, 0xFFFFF000])
def test_sizes_that_programs_write_on_pipes_are_none(size, tmp_path):
    assert read_audio(riff(tmp_path / "pipe.wav", form(), chunk(b"data", SOUND, size))).trouble == ""


@pytest.mark.parametrize(("tag", "bits"), [(MULAW, 16), (ALAW, 32), (MULAW, 4), (ADPCM, 0), (PCM, 0)])
def test_ways_of_storing_sound_that_end_the_library_are_refused(tag, bits, tmp_path):
    with pytest.raises(AudioFileError, match=f"samples of {bits} bits"):
        read_audio(riff(tmp_path / "odd.wav", form(tag, bits, sample_bytes=4), chunk(b"data", bytes(1024))))


@pytest.mark.parametrize(
    ("bits", "sound", "words"), [(0, b"SSND", "0 bits"), (16, b"NONE", "ends before its sound begins")]
)
def test_aiff_files_without_sound_are_refused(bits, sound, words, tmp_path):
    def big(name, content):
        return name + struct.pack(">I", len(content)) + content

    common = struct.pack(">hIh", 1, 100, bits) + b"\x40\x0b\xfa\0\0\0\0\0\0\0"
    content = b"AIFF" + big(b"COMM", common) + big(sound, bytes(208))
    path = tmp_path / "odd.aiff"
    path.write_bytes(big(b"FORM", content))
    with pytest.raises(AudioFileError, match=words):
        read_audio(path)
