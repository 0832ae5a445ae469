"""A 24-bit flac file that can be read at any moment while it grows.

pedalboard's encoder writes the length into the header only when it is closed. Until then the length is written here,
beside it: as far as complete FLAC frames are on the disk (RFC 9639, section 8.2: 36 bits from bit 108 of STREAMINFO
on).
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from pedalboard.io import AudioFile

BLOCK_SIZE_AT = 8  # bytes from the file's beginning: the mark "fLaC", the block's header, then STREAMINFO
LENGTH_AT = 21
N_LENGTH_BYTES = 5


class FlacFile:
    """A new file.

    Raises FileExistsError where there is one already, OSError where none can be made, ValueError where flac does not
    take the rate or the channels.

    n_readable: samples that the header on the disk promises.
    """

    def __init__(self, path: Path, sample_rate: int, n_channels: int) -> None:
        self.n_readable = 0
        self._n_written = 0
        self._disk = _Disk(path)
        try:
            target = cast(BinaryIO, self._disk)
            self._encoder: Any = AudioFile(
                target, "w", format="flac", samplerate=sample_rate, num_channels=n_channels, bit_depth=24
            )
            self._disk.raise_failure()
            header = path.read_bytes()
            self._block_size = int.from_bytes(header[BLOCK_SIZE_AT : BLOCK_SIZE_AT + 2], "big")
            self._length_head = header[LENGTH_AT] & 0xF0
        except BaseException:
            self._disk.abandon(0)
            path.unlink(missing_ok=True)
            raise
        self._n_whole_bytes = self._disk.n_bytes

    def write(self, samples: NDArray[np.int32]) -> None:
        """Append `[channels, n]` 24-bit values, −2²³ … 2²³ − 1; raises OSError where they don't fit any more."""
        for start in range(0, samples.shape[1], self._block_size):
            part = np.ascontiguousarray(samples[:, start : start + self._block_size])
            self._encoder.write(np.left_shift(part, 8))
            self._disk.raise_failure()
            self._n_written += part.shape[1]
            self._n_whole_bytes = self._disk.n_bytes

    def make_readable(self) -> None:
        """Tell in the header how many samples the complete FLAC frames on the disk hold."""
        # The encoder keeps a FLAC frame until it has seen the sample after it.
        self.n_readable = max(0, self._n_written - 1) // self._block_size * self._block_size
        length = bytearray(self.n_readable.to_bytes(N_LENGTH_BYTES, "big"))
        length[0] |= self._length_head
        self._disk.patch(LENGTH_AT, bytes(length))

    def close(self) -> None:
        """Complete the file."""
        self._encoder.close()
        self._disk.raise_failure()
        self._disk.close()
        self.n_readable = self._n_written

    def abandon(self) -> None:
        """Complete the file after a failed write with what is on the disk; raises nothing."""
        self._disk.is_dead = True
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            self._encoder.close()
        with contextlib.suppress(OSError):
            self.make_readable()
        self._disk.abandon(self._n_whole_bytes)


class _Disk(io.RawIOBase):
    """What the encoder writes to.

    It keeps nothing back, and writes nothing any more once a write has failed: an encoder that is closed then can't
    spoil the header.

    A failure is kept, not raised: on its way through the encoder it would be lost or changed.

    is_dead: nothing is written any more.
    n_bytes: length of the file.
    """

    def __init__(self, path: Path) -> None:
        self._raw = path.open("xb", buffering=0)
        self.is_dead = False
        self.n_bytes = 0
        self._failure: OSError | None = None

    def raise_failure(self) -> None:
        """Raises the OSError of the write that failed, if one did."""
        if self._failure is not None:
            raise self._failure

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        rest = view
        while rest and not self.is_dead:
            try:
                rest = rest[os.write(self._raw.fileno(), rest) :]
            except OSError as error:
                self._failure, self.is_dead = error, True
        if not self.is_dead:
            self.n_bytes = max(self.n_bytes, self._raw.tell())
        return len(view)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def patch(self, offset: int, data: bytes) -> None:
        """Write in the middle, without moving the place where the encoder writes."""
        os.pwrite(self._raw.fileno(), data, offset)

    def abandon(self, n_bytes: int) -> None:
        """Cut the file to its first `n_bytes` and close it; raises nothing."""
        with contextlib.suppress(OSError):
            self._raw.truncate(n_bytes)
        with contextlib.suppress(OSError):
            self.close()

    def close(self) -> None:
        if not self._raw.closed:
            self._raw.close()
        super().close()
