"""What a file says about its sound is kept by rendering, as far as the result's format can hold it, and left out when
asked.
"""

import struct

import mutagen
import numpy as np
import pytest
from pedalboard import Gain
from sounds import noise

from lamina.cli.main import main
from lamina.dsp.soundfiles.formats import WRITABLE_SUFFIXES
from lamina.dsp.soundfiles.tags import Tags, read_tags
from lamina.gui.model.files.export import ExportJob, ExportState
from lamina.plugin import Board
from lamina.plugin.files.render import render_file
from lamina.plugin.files.sound import atomic_writer, read_audio

RATE = 48_000
TEXTS = {
    "title": "Übung in G",
    "artist": "Ana; Bo",
    "album": "Two",
    "date": "2021-03-04",
    "track": "3/9",
    "comment": "Łódź, take 2",
    "genre": "Jazz",
    "copyright": "CC BY",
}
MORE = {"album_artist": "Various", "disc": "1/2", "bpm": "120", "composer": "C. D.", "my own": "x", "lyrics": "la\nla"}


def chunk(name, content):
    return struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)


def bext(history=b"A=PCM,F=48000,W=24,M=mono,T=Recorder\r\n", version=2):
    fixed = bytearray(602)
    fixed[:7], fixed[256:260], fixed[320:338] = b"Scene 4", b"Zoom", b"2024-05-0612:13:14"
    fixed[338:346], fixed[346], fixed[412:422] = struct.pack("<Q", 123_456_789), version, b"\1\2" * 5
    return bytes(fixed) + history


CUE = struct.pack("<IIIIIII", 1, 1, 20_000, int.from_bytes(b"data", "little"), 0, 0, 20_000)
LABEL = b"adtl" + chunk(b"labl", struct.pack("<I", 1) + b"chorus\0")
IXML = b"<?xml version='1.0'?><BWFXML><SCENE>4</SCENE><TAKE>2</TAKE></BWFXML>"


def write(path, tags=None, n_samples=30_001, **options):
    with atomic_writer(path, RATE, 1, tags=tags, **options) as writer:
        writer.write(noise(1, n_samples, level=0.1))
    return path


def render(source, target, **options):
    render_file(Board([Gain(-6.0)]), source, target, **options)
    return target


def chunks_of(path):
    content, place, found = path.read_bytes(), 12, {}
    assert len(content) == 8 + int.from_bytes(content[4:8], "little")
    while place < len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        found[name] = content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    assert place == len(content)
    return found


@pytest.mark.parametrize("suffix", sorted(WRITABLE_SUFFIXES))
@pytest.mark.parametrize("source", [".flac", ".mp3", ".wav"])
def test_tags_go_from_every_format_into_every_format(source, suffix, tmp_path):
    given = write(tmp_path / f"in{source}", Tags({**TEXTS, **MORE}))
    target = render(given, tmp_path / f"out{suffix}")
    assert read_tags(target).texts == {**TEXTS, **MORE}
    clip = read_audio(target)
    assert clip.samples.shape == read_audio(given).samples.shape and clip.trouble == ""
    assert mutagen.File(target) is not None


@pytest.mark.parametrize("sample_format", ["16", "24", "float"])
def test_a_broadcast_wav_file_keeps_its_chunks(sample_format, tmp_path):
    given = write(tmp_path / "in.wav")
    content = given.read_bytes()
    extra = chunk(b"bext", bext()) + chunk(b"iXML", IXML)
    start, end = content[12:], chunk(b"cue ", CUE) + chunk(b"LIST", LABEL) + chunk(b"PEAK", bytes(16))
    body = b"WAVE" + extra + start + bytes(len(start) % 2) + end
    given.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    target = render(given, tmp_path / "out.wav", sample_format=sample_format)
    kept = chunks_of(target)
    assert (kept[b"iXML"], kept[b"cue "], kept[b"LIST"]) == (IXML, CUE, LABEL)
    # What was measured of the sound before is no longer so.
    assert b"PEAK" not in kept and kept[b"bext"][412:422] == struct.pack("<h", 0x7FFF) * 5
    assert kept[b"bext"][:412] == bext()[:412]
    bits = {"16": 16, "24": 24, "float": 32}[sample_format]
    added = f"A=PCM,F=48000,W={bits},M=mono,T=Lamina\r\n".encode()
    assert kept[b"bext"][422:] == bext()[422:] + added
    assert np.array_equal(
        read_audio(target).samples, read_audio(render(given, tmp_path / "o.wav", sample_format=sample_format)).samples
    )


def test_a_broadcast_extension_of_the_first_version_stays_as_it_is(tmp_path):
    target = write(tmp_path / "a.wav", Tags({}, ((b"bext", bext(b"", version=0)),)))
    assert chunks_of(target)[b"bext"] == bext(b"", version=0) + b"A=PCM,F=48000,W=24,M=mono,T=Lamina\r\n"


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".aiff"])
def test_where_a_take_begins_is_told_in_other_formats_too(suffix, tmp_path):
    given = write(tmp_path / "in.wav", Tags({}, ((b"bext", bext()),)))
    found = read_tags(render(given, tmp_path / f"out{suffix}")).texts
    assert found["time_reference"] == "123456789" and found["origination_date"] == "2024-05-06"
    assert found["originator"] == "Zoom" and "Scene 4" in (found.get("description"), found.get("comment"))


def test_tags_in_the_letters_of_windows_are_read(tmp_path):
    content = b"INFO" + chunk(b"INAM", "Küß".encode("cp1252") + b"\0") + chunk(b"IART", "Łódź".encode())
    given = write(tmp_path / "in.wav", Tags({}, ((b"LIST", content),)))
    assert read_tags(given).texts == {"title": "Küß", "artist": "Łódź"}


def test_tags_behind_the_sound_of_a_file_with_sizes_of_64_bits_are_read(tmp_path):
    sound, behind = noise(1, 1000, level=0.1).tobytes(), chunk(b"LIST", b"INFO" + chunk(b"INAM", b"T\0"))
    form = struct.pack("<HHIIHH", 3, 1, RATE, 4 * RATE, 4, 32)
    body = chunk(b"fmt ", form) + b"data" + b"\xff" * 4 + sound + behind
    sizes = struct.pack("<QQQI", len(body) + 4 + 36, len(sound), 1000, 0)
    (tmp_path / "in.wav").write_bytes(b"RF64" + b"\xff" * 4 + b"WAVE" + chunk(b"ds64", sizes) + body)
    assert read_tags(tmp_path / "in.wav").texts == {"title": "T"}
    assert read_audio(tmp_path / "in.wav").samples.shape == (1, 1000)


def test_what_was_said_of_the_loudness_and_the_encoder_before_is_not_kept(tmp_path):
    given = write(tmp_path / "in.flac", Tags({"title": "T"}))
    file = mutagen.File(given)
    file.update({"REPLAYGAIN_TRACK_GAIN": ["-6 dB"], "R128_TRACK_GAIN": ["100"], "ENCODER": ["x"], "ITUNSMPB": ["0"]})
    file.save()
    assert read_tags(render(given, tmp_path / "out.flac")).texts == {"title": "T"}


@pytest.mark.slow
def test_no_tags_are_written_when_they_are_to_be_left_out(tmp_path, capsys):
    given = write(tmp_path / "in.wav", Tags({}, ((b"bext", bext()), (b"LIST", b"INFO" + chunk(b"INAM", b"T\0")))))
    arguments = ["--mix", "0", "--quiet", "--force"]
    for suffix in WRITABLE_SUFFIXES:
        target = tmp_path / f"out{suffix}"
        assert main(["render", str(given), str(target), *arguments, "--no-tags"]) == 0
        assert not read_tags(target)
        assert main(["render", str(given), str(target), *arguments]) == 0
        assert read_tags(target).texts["title"] == "T"
    assert main(["render", str(given), "-", "--no-tags"]) == 2
    assert "no tags go through pipes" in capsys.readouterr().err


def test_the_apps_export_keeps_tags(tmp_path):
    given = write(tmp_path / "in.flac", Tags(TEXTS))
    job = ExportJob(lambda: Board([Gain(0.0)]), given, tmp_path / "out.wav")
    job.start()
    job.join()
    assert job.state is ExportState.DONE, job.message
    assert read_tags(tmp_path / "out.wav").texts == TEXTS


@pytest.mark.parametrize("n_samples", [1, 2, 3, 4097])
@pytest.mark.parametrize("suffix", sorted(WRITABLE_SUFFIXES))
def test_files_of_any_length_hold_tags(suffix, n_samples, tmp_path):
    plain = read_audio(write(tmp_path / f"a{suffix}", None, n_samples))
    tagged = read_audio(write(tmp_path / f"b{suffix}", Tags({**TEXTS, "comment": "x" * 65_001}), n_samples))
    assert np.array_equal(tagged.samples, plain.samples) and tagged.trouble == ""


def test_damaged_tags_are_read_as_far_as_they_are_there_and_huge_ones_left_out(tmp_path):
    given = write(tmp_path / "in.wav", Tags({}, ((b"LIST", b"INFO" + b"INAM\xff\xff\xff\x7fabc"), (b"bext", b"short"))))
    assert read_tags(render(given, tmp_path / "out.wav")).texts == {"title": "abc"}
    large = write(tmp_path / "large.wav", Tags({}, ((b"iXML", bytes(2 << 20)), (b"iXML", IXML))))
    assert read_tags(large).chunks == ((b"iXML", IXML),)
