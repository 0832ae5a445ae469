"""Writing into a sound file what is said about its sound, as far as its format can hold it."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lamina.dsp.soundfiles.tags import INFO_NAMES, Tags
from lamina.dsp.soundfiles.wav_header import chunks

if TYPE_CHECKING:
    from mutagen.id3 import ID3

_FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "album_artist": "TPE2",
    "date": "TDRC",
    "track": "TRCK",
    "disc": "TPOS",
    "genre": "TCON",
    "composer": "TCOM",
    "performer": "TPE3",
    "copyright": "TCOP",
    "publisher": "TPUB",
    "language": "TLAN",
    "encoded_by": "TENC",
    "isrc": "TSRC",
    "bpm": "TBPM",
    "initialkey": "TKEY",
}
"""Of ID3v2.4."""
_COMMENTS = {"album_artist": "albumartist", "track": "tracknumber", "disc": "discnumber"}
"""What FFmpeg's names are called in Vorbis comments, where they differ."""
_IDS = {name: key for key, name in reversed(INFO_NAMES.items())}
_UNSET_LOUDNESS = struct.pack("<h", 0x7FFF) * 5
_LARGEST_32 = 0xFFFF_FFFF


class TagsError(ValueError):
    """Tags can't be written; the message says why, the file's name left out."""


def write_tags(path: Path, tags: Tags, sample_rate: int, channels: int, bits: int) -> None:
    """Put tags into a complete sound file that was just written.

    Chunks of WAV files are left out anywhere else. A broadcast extension (`bext`) gets a line in its coding history,
    and says no more how loud the sound is.

    Args:
        path: its suffix says what it is: .wav, .aiff, .flac, .ogg, .opus or .mp3.
        tags: nothing is touched if there are none.
        sample_rate, channels, bits: of what was written, for the coding history.

    Raises TagsError if they can't be written, OSError if the file can't be.
    """
    if not tags:
        return
    if path.suffix == ".wav":
        _write_chunks(path, tags, f"A=PCM,F={sample_rate},W={bits},{_mode(channels)}T=Lamina\r\n")
        return
    import mutagen

    try:
        if path.suffix in (".aiff", ".mp3"):
            _write_id3(path, tags.texts)
        else:
            _write_comments(path, tags.texts)
    except mutagen.MutagenError as error:
        if error.args and isinstance(error.args[0], OSError):
            raise error.args[0] from error
        raise TagsError(f"its tags can't be written ({error})") from error


def _mode(channels: int) -> str:
    return {1: "M=mono,", 2: "M=stereo,"}.get(channels, "")


def _write_chunks(path: Path, tags: Tags, history: str) -> None:
    """Behind the sound of a WAV file."""
    content = b"".join(
        struct.pack("<4sI", name, len(held)) + held + bytes(len(held) % 2)
        for name, held in (tags.chunks or _as_chunks(tags.texts))
        for held in [_of_now(held, history) if name == b"bext" else held]
    )
    if not content:
        return
    with path.open("r+b") as file:
        head = file.read(12)
        place = file.seek(0, os.SEEK_END)
        gap = place % 2
        size = place + gap + len(content) - 8
        if head[:4] == b"RF64":
            file.seek(12)
            starts = [start for name, start, _ in chunks(file, place) if name == b"ds64"]
            where, packed = starts[0], struct.pack("<Q", size)
        elif size > _LARGEST_32:
            return
        else:
            where, packed = 4, struct.pack("<I", size)
        file.seek(place)
        file.write(bytes(gap) + content)
        file.seek(where)
        file.write(packed)


def _as_chunks(texts: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """A list of INFO, and an ID3 tag beside it where there are names that such a list doesn't know."""
    content = b""
    for name, text in texts.items():
        if name in _IDS:
            value = text.encode() + b"\0"
            content += struct.pack("<4sI", _IDS[name], len(value)) + value + bytes(len(value) % 2)
    found = [(b"LIST", b"INFO" + content)] if content else []
    if any(name not in _IDS for name in texts):
        file = io.BytesIO()
        _id3(texts).save(file, padding=lambda info: 0)
        found.append((b"id3 ", file.getvalue()))
    return found


def _of_now(bext: bytes, history: str) -> bytes:
    """A broadcast extension after the sound was changed (EBU Tech 3285; EBU R 98 for the coding history)."""
    if len(bext) < 602:
        return bext
    before = bext[602:].split(b"\0")[0]
    if before and not before.endswith(b"\r\n"):
        before += b"\r\n"
    loudness = bext[412:422] if int.from_bytes(bext[346:348], "little") < 2 else _UNSET_LOUDNESS
    return bext[:412] + loudness + bext[422:602] + before + history.encode()


def _write_id3(path: Path, texts: Mapping[str, str]) -> None:
    from mutagen import aiff

    if path.suffix == ".mp3":
        _id3(texts).save(path)
        return
    file = aiff.AIFF(path)
    file.add_tags()
    file.tags.update(_id3(texts))
    file.save()


def _id3(texts: Mapping[str, str]) -> ID3:
    from mutagen import id3

    tags = id3.ID3()
    for name, text in texts.items():
        frame = _FRAMES.get(name)
        if name == "comment":
            tags.add(id3.COMM(encoding=3, lang="XXX", desc="", text=[text]))
        elif name == "lyrics":
            tags.add(id3.USLT(encoding=3, lang="XXX", desc="", text=text))
        elif frame is not None and (frame != "TDRC" or str(id3.TDRC(encoding=3, text=[text])) == text):
            tags.add(getattr(id3, frame)(encoding=3, text=[text]))
        else:
            tags.add(id3.TXXX(encoding=3, desc=name, text=[text]))
    return tags


def _write_comments(path: Path, texts: Mapping[str, str]) -> None:
    from mutagen import flac, oggopus, oggvorbis

    file = {".flac": flac.FLAC, ".ogg": oggvorbis.OggVorbis, ".opus": oggopus.OggOpus}[path.suffix](path)
    if file.tags is None:
        file.add_tags()
    for name, text in texts.items():
        key = _COMMENTS.get(name, name).upper()
        if all(" " <= letter <= "}" and letter != "=" for letter in key):
            file[key] = [text]
    file.save()
