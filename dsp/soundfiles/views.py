"""Files as decoders are to see them: parts of others, or with a header that is put right."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

from lamina.dsp.soundfiles.wav_header import WavSound


class Part(io.RawIOBase):
    """A file's bytes from `start` up to `end`, as a file of their own. Owns the file; `close` closes it."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        self.name = str(path)
        self._file: BinaryIO = path.open("rb")
        self._start, self._end, self._place = start, end, start

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As any file."""
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._place, io.SEEK_END: self._end}[whence]
        self._place = max(self._start, base + offset)
        return self._place - self._start

    def tell(self) -> int:
        """As any file."""
        return self._place - self._start

    def read(self, size: int | None = -1) -> bytes:
        """As any file."""
        left = max(0, self._end - self._place)
        self._file.seek(self._place)
        content = self._file.read(left if size is None or size < 0 else min(size, left))
        self._place += len(content)
        return content

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


class PutRight(Part):
    """A WAV file that ends where its sound ends, with a header that says so."""

    def __init__(self, path: Path, sound: WavSound) -> None:
        end = sound.start + sound.there
        super().__init__(path, 0, end)
        if sound.sizes_64 is None:
            sizes = {4: struct.pack("<I", end - 8), sound.start - 4: struct.pack("<I", sound.there)}
        else:
            sizes = {sound.sizes_64: struct.pack("<QQ", end - 8, sound.there), sound.start - 4: b"\xff" * 4}
        self._changed = {place + index: byte for place, size in sizes.items() for index, byte in enumerate(size)}

    def read(self, size: int | None = -1) -> bytes:
        """As any file."""
        start = self._place
        content = bytearray(super().read(size))
        for place, byte in self._changed.items():
            if start <= place < start + len(content):
                content[place - start] = byte
        return bytes(content)
