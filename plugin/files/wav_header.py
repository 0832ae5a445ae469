"""WAV headers that don't say what is there: files that were cut off, written to a pipe, or end in their header.

The library that reads sound believes them: it plays a cut file on to its promised end, a pipe's as 74 hours, and takes the process with it
where the sound is missing. So headers are read here first; what is wrong in them is put right before the library sees it, or refused.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

UNKNOWN_SIZE = 0xFFFFFFFF
"""What programs write that didn't know how long the sound would be."""
MOST_CHUNKS = 10_000

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")


class WavHeaderError(ValueError):
    """A file says it is a WAV file and can't be read as one; the message says why, the file's name left out."""


@dataclass(frozen=True)
class WavSound:
    """Where a WAV file's sound lies.

    Args:
        start: its first byte.
        promised: bytes that the header says it has.
        there: bytes that are there, in whole samples of all channels.
        sample_rate: Hz.
        sample_bytes: of one sample in all channels.
    """

    start: int
    promised: int
    there: int
    sample_rate: int
    sample_bytes: int

    @property
    def is_as_promised(self) -> bool:
        """Whether the header can be believed."""
        return self.there == self.promised

    @property
    def trouble(self) -> str:
        """What is missing, as a sentence; empty if nothing is known to be."""
        if self.promised == UNKNOWN_SIZE or self.there >= self.promised:
            return ""
        per_second = self.sample_rate * self.sample_bytes
        return f"The file was cut off: {self.there / per_second:.2f} of {self.promised / per_second:.2f} s are there."


def read_wav_header(path: Path) -> WavSound | None:
    """Where the sound lies; None for a file that is no WAV file with 32-bit sizes.

    Raises WavHeaderError for one that no sound can be read from, OSError if the file can't be read.
    """
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        form: tuple[int, ...] | None = None
        for _ in range(MOST_CHUNKS):
            found = file.read(_CHUNK.size)
            if len(found) < _CHUNK.size:
                break
            name, size = _CHUNK.unpack(found)
            start = file.tell()
            if name == b"data":
                return _checked(form, start, size, n_bytes)
            if name == b"fmt ":
                content = file.read(_FORMAT.size)
                if len(content) < _FORMAT.size:
                    break
                form = _FORMAT.unpack(content)
            # Chunks begin at even places.
            if start + size + size % 2 > n_bytes:
                break
            file.seek(start + size + size % 2)
    raise WavHeaderError("is a WAV file that ends before its sound begins. Copy it again.")


def _checked(form: tuple[int, ...] | None, start: int, size: int, n_bytes: int) -> WavSound:
    if form is None:
        raise WavHeaderError("is a WAV file that doesn't say how its sound is stored. Convert it again.")
    _, channels, rate, _, sample_bytes, bits = form
    if channels == 0 or rate == 0 or sample_bytes == 0:
        raise WavHeaderError(f"is a WAV file of {channels} channels, {rate} Hz and {sample_bytes} bytes for each sample. Convert it again.")
    if bits > 8 and bits % 8:
        raise WavHeaderError(f"is a WAV file with samples of {bits} bits; 8, 16, 24, 32 and 64 can be read. Convert it.")
    there = min(size, n_bytes - start)
    whole = there - there % sample_bytes
    if whole == 0:
        raise WavHeaderError("is a WAV file that holds no sound.")
    return WavSound(start, size, whole, rate, sample_bytes)


class PutRight(io.RawIOBase):
    """A WAV file that ends where its sound ends, with a header that says so. Owns the file; `close` closes it."""

    def __init__(self, path: Path, sound: WavSound) -> None:
        self.name = str(path)
        self._file: BinaryIO = path.open("rb")
        self._end, self._place = sound.start + sound.there, 0
        sizes = {4: self._end - 8, sound.start - 4: sound.there}
        self._changed = {place + index: byte for place, size in sizes.items() for index, byte in enumerate(struct.pack("<I", size))}

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As any file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._end}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        """As any file."""
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        """As any file."""
        left = max(0, self._end - self._place)
        wanted = left if size is None or size < 0 else min(size, left)
        self._file.seek(self._place)
        content = bytearray(self._file.read(wanted))
        for place, byte in self._changed.items():
            if self._place <= place < self._place + len(content):
                content[place - self._place] = byte
        self._place += len(content)
        return bytes(content)

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()
