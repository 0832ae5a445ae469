"""What a sound file says about its sound beside the sound itself: tags, and the chunks of WAV files.

Nothing here is needed for reading the sound, so that what can't be read is left out and never an error.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina.dsp.soundfiles.decoder import open_container
from lamina.dsp.soundfiles.opening import kind_of
from lamina.dsp.soundfiles.wav_header import chunks

MOST_TEXTS = 200
LONGEST_TEXT = 1 << 16
MOST_CHUNK_BYTES = 1 << 20
MOST_BYTES = 1 << 22
KEPT_CHUNKS = (
    *(b"bext", b"iXML", b"axml", b"chna", b"cart", b"cue ", b"smpl", b"inst", b"acid"),
    *(b"LIST", b"id3 ", b"ID3 "),
)
"""Of WAV files: they tell of places in the sound, or of what it is; not of how it is stored or how loud it is."""
KEPT_LISTS = (b"INFO", b"adtl")
INFO_NAMES = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"ICRD": "date",
    b"IPRT": "track",
    b"ITRK": "track",
    b"ICMT": "comment",
    b"IGNR": "genre",
    b"ICOP": "copyright",
    b"ILNG": "language",
    b"ITCH": "encoded_by",
    b"IENG": "engineer",
    b"IPRO": "producer",
    b"IMUS": "composer",
    b"ISRC": "source",
    b"ISBJ": "subject",
    b"IKEY": "keywords",
}
"""Of a LIST of INFO (Resource Interchange File Format Services, Microsoft 1994, and what is in use)."""
NO_TAGS = frozenset(
    {
        # Of how the file was made and is stored, which is done anew:
        *("encoder", "encoding", "software", "major_brand", "minor_version", "compatible_brands", "handler_name"),
        *("vendor_id", "creation_time", "itunsmpb", "itunpgap", "tlen", "length", "duration"),
        # Of how loud the sound was before:
        *("itunnorm", "r128_track_gain", "r128_album_gain"),
    }
)
NO_BEGINNINGS = (
    *("replaygain_", "mp3gain_", "accuraterip", "metadata_block_picture", "coverart", "id3v2_priv", "waveformat"),
)
"""Of names that are left out likewise; pictures are no texts."""
_OTHER_NAMES = {
    "albumartist": "album_artist",
    "tracknumber": "track",
    "discnumber": "disc",
    "year": "date",
    "tbpm": "bpm",
    "tsrc": "isrc",
    "tkey": "initialkey",
    "text": "lyricist",
}
_TEXTS_OF_BEXT = (
    *(("description", 0, 256), ("originator", 256, 288), ("originator_reference", 288, 320)),
    *(("origination_date", 320, 330), ("origination_time", 330, 338)),
)
"""Names of FFmpeg's, and where they lie (EBU Tech 3285)."""
_BEXT_BYTES = 602
_SILENT_PACKET = b"\xff\xfb\x90\xc4" + bytes(413)
"""Of layer III: without one FFmpeg doesn't take a tag for a file."""


@dataclass(frozen=True)
class Tags:
    """What is said about a sound.

    Args:
        texts: by their names, as FFmpeg calls them ("title", "album_artist", "track"); other names as they are, in
            lower case.
        chunks: of a WAV file: names and contents, in their order.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[tuple[bytes, bytes], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.texts or self.chunks)


def read_tags(path: Path) -> Tags:
    """Read what a sound file says about its sound, as far as that stays true once the sound has been changed.

    Its encoder, its loudness and pictures are left out, and so is what can't be read.
    """
    import av

    try:
        kind = kind_of(path)
        if kind == "wav":
            found = tuple(_wav_chunks(path))
            return Tags(_kept(_of_chunks(found)), found)
        with path.open("rb") as file, open_container(file, kind, "surrogateescape") as container:
            return Tags(_kept(_of_container(container)))
    except (
        OSError,
        av.error.FFmpegError,
        EOFError,
        MemoryError,
        ArithmeticError,
        LookupError,
        ValueError,
    ):
        return Tags()


def _of_container(container: Any) -> dict[str, str]:
    found = dict(container.metadata)
    for stream in container.streams.audio[:1]:
        found = {**stream.metadata, **found}
    return found


def _kept(found: Mapping[str, str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    n_bytes = 0
    for given, value in found.items():
        name = given.encode(errors="replace").decode().lower().strip()
        name = _OTHER_NAMES.get(name, "lyrics" if name.startswith("lyrics-") else name)
        text = _decoded(value.encode(errors="surrogateescape"))
        if not text or not name or name in NO_TAGS or name.startswith(NO_BEGINNINGS) or name in texts:
            continue
        if name == "language" and text == "und":
            continue
        n_bytes += len(name) + len(text)
        if len(name) > 100 or len(text) > LONGEST_TEXT or n_bytes > MOST_BYTES or len(texts) == MOST_TEXTS:
            continue
        texts[name] = text
    return texts


def _decoded(content: bytes) -> str:
    """A text of a file: UTF-8, or what Windows writes where it isn't."""
    content = content.split(b"\0")[0]
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace").strip()


def _wav_chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    n_bytes = 0
    with path.open("rb") as file:
        file.seek(12)
        for name, start, size in chunks(file, path.stat().st_size):
            if name not in KEPT_CHUNKS or not 0 < size <= MOST_CHUNK_BYTES or n_bytes + size > MOST_BYTES:
                continue
            file.seek(start)
            content = file.read(size)
            if len(content) == size and (name != b"LIST" or content[:4] in KEPT_LISTS):
                n_bytes += size
                yield name, content


def _of_chunks(found: tuple[tuple[bytes, bytes], ...]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, content in found:
        if name == b"LIST" and content[:4] == b"INFO":
            file = io.BytesIO(content)
            file.seek(4)
            for key, start, size in chunks(file, len(content)):
                if key in INFO_NAMES:
                    texts[INFO_NAMES[key]] = _decoded(content[start : start + size])
        elif name == b"bext" and len(content) >= _BEXT_BYTES:
            texts |= {key: _decoded(content[start:end]) for key, start, end in _TEXTS_OF_BEXT}
            texts["time_reference"] = str(int.from_bytes(content[338:346], "little"))
        elif name in (b"id3 ", b"ID3 "):
            texts = {**_of_id3(content), **texts}
    return texts


def _of_id3(content: bytes) -> dict[str, str]:
    import av

    try:
        with open_container(io.BytesIO(content + 3 * _SILENT_PACKET), "mp3", "surrogateescape") as container:
            return _of_container(container)
    except (av.error.FFmpegError, EOFError, ValueError):
        return {}
