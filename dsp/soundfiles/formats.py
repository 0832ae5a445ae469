"""The formats of sound files that are read and written: one table for file dialogs, help and README."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SoundFormat:
    """A format of sound files.

    Args:
        name: what it is called in a sentence.
        suffixes: of its files, the usual one first.
        written: the suffix under which Lamina writes it; None where it is read only.
    """

    name: str
    suffixes: tuple[str, ...]
    written: str | None = None


FORMATS = (
    SoundFormat("WAV (also RF64)", (".wav", ".rf64", ".bwf"), ".wav"),
    SoundFormat("Wave64", (".w64",)),
    SoundFormat("AIFF", (".aiff", ".aif", ".aifc"), ".aiff"),
    SoundFormat("FLAC", (".flac",), ".flac"),
    SoundFormat("Ogg Vorbis", (".ogg", ".oga"), ".ogg"),
    SoundFormat("Opus", (".opus",), ".opus"),
    SoundFormat("MP3", (".mp3", ".mp2"), ".mp3"),
    SoundFormat("MPEG-4 audio (AAC, Apple Lossless)", (".m4a", ".mp4", ".m4b")),
    SoundFormat("AAC", (".aac",)),
    SoundFormat("CAF", (".caf",)),
    SoundFormat("Sun AU", (".au", ".snd")),
)
"""In the order in which they are listed."""

READABLE_SUFFIXES = frozenset(suffix for known in FORMATS for suffix in known.suffixes)
WRITABLE_SUFFIXES = frozenset(known.written for known in FORMATS if known.written is not None)


def readable() -> str:
    """The formats that are read, as a list in a sentence."""
    return ", ".join(suffix.lstrip(".") for known in FORMATS for suffix in known.suffixes[:1])


def writable() -> str:
    """The formats that are written, as a list in a sentence."""
    return ", ".join(sorted(suffix.lstrip(".") for suffix in WRITABLE_SUFFIXES))
