"""Which reader a sound file gets: by what its first bytes are, not by its name.

A reader's module is loaded with the first file that needs it; most programs meet few kinds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from lamina.dsp.soundfiles.formats import readable
from lamina.dsp.soundfiles.pcm_file import PcmFile
from lamina.dsp.soundfiles.sound_reader import SoundFileError, SoundReader, cut_off
from lamina.dsp.soundfiles.views import Part, PutRight
from lamina.dsp.soundfiles.wav_header import read_aiff_header, read_wav_header

W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb"
ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
OTHERS = (
    (b"MThd", "a MIDI file: notes, not sound"),
    (b"wvpk", "a WavPack file"),
    (b"MAC ", "a Monkey's Audio file"),
    (b"TTA1", "a TTA file"),
    (b"MPCK", "a Musepack file"),
    (b"MP+", "a Musepack file"),
    (b"DSD ", "a DSD file"),
    (b"FRM8", "a DSD file"),
    (b"#!AMR", "an AMR file"),
    (b"\x0bw", "a Dolby Digital (AC-3) file"),
    (b"\x7f\xfe\x80\x01", "a DTS file"),
    (b"Creative Voice File", "a Creative Voice (VOC) file"),
    (b".ra\xfd", "a RealAudio file"),
    (b".RMF", "a RealMedia file"),
    (b"FLV", "a Flash Video file"),
    (b"\x30\x26\xb2\x75", "a Windows Media file"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"LAMINA", "a file of codes; `lamina decode` makes sound of it"),
)
"""First bytes of files that are often taken for sound that can be read."""


BROKEN = (EOFError, MemoryError, ArithmeticError, LookupError, ValueError, struct.error)
"""What reading numbers from a damaged file may raise."""
NAMES = {
    "wav": "a WAV",
    "aiff": "an AIFF",
    "ogg": "an Ogg",
    "mov": "an MPEG-4",
    "flac": "a FLAC",
    "w64": "a Wave64",
    "caf": "a CAF",
    "au": "an AU",
    "mp3": "an MPEG audio",
    "aac": "an AAC",
}
"""What a file of each kind is called; the kinds are FFmpeg's."""


def open_sound(path: Path) -> SoundReader:
    """A reader for the sound that the file holds.

    Raises SoundFileError with what it is instead, or with what is wrong with it; OSError if it can't be opened.
    """
    import av

    kind = kind_of(path)
    try:
        if kind == "wav":
            return _open_wav(path)
        if kind == "aiff":
            plain = read_aiff_header(path)
            return PcmFile(path, plain) if plain is not None else _container(path.open("rb"), kind)
        if kind == "ogg":
            from lamina.dsp.soundfiles.ogg_file import OggFile

            return OggFile(path)
        if kind in ("mp3", "aac"):
            return _mpeg(lambda: path.open("rb"), kind)
        return _container(path.open("rb"), kind)
    except SoundFileError:
        raise
    except (
        av.error.FFmpegError,
        EOFError,
        MemoryError,
        ArithmeticError,
        ValueError,
        IndexError,
        struct.error,
    ) as error:
        raise SoundFileError(f"is {NAMES[kind]} file that can't be decoded: it is damaged. Copy it again.") from error


def kind_of(path: Path) -> str:
    """What the file is; raises SoundFileError for what is no sound that Lamina reads."""
    if path.exists() and not path.is_file():  # opening a pipe waits, and takes from it what others were to read
        raise SoundFileError("is no ordinary file.")
    with path.open("rb") as file:
        head = file.read(64)
        if head[:3] == b"ID3" and len(head) >= 10:  # a tag of any length, before whatever it is a tag of
            size = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(head[6:10])))
            file.seek(10 + size + (10 if head[5] & 0x10 else 0))
            head = file.read(64)
    if head[8:12] == b"WAVE" and head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] == b"OggS":
        return "ogg"
    if head[4:8] in ATOMS:
        return "mov"
    for mark, kind in ((b"fLaC", "flac"), (W64, "w64"), (b"caff", "caf"), (b".snd", "au")):
        if head.startswith(mark):
            return kind
    for mark, name in OTHERS:
        if head.startswith(mark):
            raise SoundFileError(f"is {name}; Lamina reads {readable()}.")
    if len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "aac" if head[1] & 0xF6 == 0xF0 else "mp3"
    if path.suffix.lower() in (".mp3", ".mp2", ".aac"):  # there may be something before the first packet
        return "aac" if path.suffix.lower() == ".aac" else "mp3"
    raise SoundFileError(f"can't be read as sound: it is damaged or of an unknown format. Lamina reads {readable()}.")


def _open_wav(path: Path) -> SoundReader:
    sound = read_wav_header(path)
    assert sound is not None
    if sound.pcm is not None:
        return PcmFile(path, sound.pcm)
    reader: SoundReader
    if sound.is_mpeg:
        reader = _mpeg(lambda: cast(BinaryIO, Part(path, sound.start, sound.start + sound.there)), "mp3")
    else:
        file = cast(BinaryIO, PutRight(path, sound)) if not sound.is_plain else path.open("rb")
        reader = _container(file, "wav", sound.is_in_blocks)
    trouble = sound.trouble
    if trouble and sound.is_in_blocks and sound.promised:  # of them headers often say wrong how many bytes a second has
        seconds = reader.frames / reader.samplerate
        trouble = cut_off(seconds, seconds * sound.promised / sound.there)
    reader.trouble = trouble or reader.trouble
    return reader


def _mpeg(opened: Callable[[], BinaryIO], kind: str) -> SoundReader:
    from lamina.dsp.soundfiles.mpeg_file import MpegFile

    return MpegFile(opened, kind)


def _container(file: BinaryIO, kind: str, is_in_blocks: bool = False) -> SoundReader:
    from lamina.dsp.soundfiles.container_file import ContainerFile

    return ContainerFile(file, kind, is_in_blocks)
