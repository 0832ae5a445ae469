"""A 24-bit wav file that can be read at any moment while it grows, and that may grow beyond 4 GiB.

Its header tells the length that is on the disk, again and again. Room is kept in it for the 64-bit lengths of RF64 (EBU
Tech 3306), which the file becomes when it outgrows the 32-bit ones.
"""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LARGEST_RIFF = 2**32 - 1
"""Bytes that a plain wav file's lengths can tell."""

N_DS64 = 28
N_HEADER = 12 + 8 + N_DS64 + 8 + 16 + 8
BYTES_PER_VALUE = 3


class WavFile:
    """A new file; raises FileExistsError where there is one already, and OSError where none can be made.

    n_readable: samples that the header on the disk promises.
    """

    def __init__(self, path: Path, sample_rate: int, n_channels: int) -> None:
        self.n_readable = 0
        self._sample_rate, self._n_channels = sample_rate, n_channels
        self._n_sample_bytes = n_channels * BYTES_PER_VALUE
        self._n_data = 0
        self._file = path.open("xb", buffering=0)
        try:
            self._append(self._header())
        except OSError:
            self._file.close()
            path.unlink(missing_ok=True)
            raise

    def write(self, samples: NDArray[np.int32]) -> None:
        """Append `[channels, n]` 24-bit values, −2²³ … 2²³ − 1; raises OSError where they don't fit any more."""
        values = np.ascontiguousarray(samples.T).astype("<i4")
        data = values.view(np.uint8).reshape(-1, 4)[:, :BYTES_PER_VALUE].tobytes()
        self._append(data)
        self._n_data += len(data)

    def make_readable(self) -> None:
        """Tell in the header what has been written."""
        os.pwrite(self._file.fileno(), self._header(), 0)
        self.n_readable = self._n_data // self._n_sample_bytes

    def close(self) -> None:
        """Complete the file."""
        if self._n_data % 2:
            # Chunks begin at even places.
            self._append(b"\0")
        self.make_readable()
        self._file.close()

    def abandon(self) -> None:
        """Complete the file after a failed write with what is on the disk; raises nothing."""
        with contextlib.suppress(OSError):
            n_whole = max(0, os.fstat(self._file.fileno()).st_size - N_HEADER) // self._n_sample_bytes
            self._n_data = n_whole * self._n_sample_bytes
            self._file.truncate(N_HEADER + self._n_data)
            self.make_readable()
        with contextlib.suppress(OSError):
            self._file.close()

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            # A disk that gets full takes a part first.
            rest = rest[os.write(self._file.fileno(), rest) :]

    def _header(self) -> bytes:
        n_data, n_samples = self._n_data, self._n_data // self._n_sample_bytes
        n_riff = N_HEADER - 8 + n_data + n_data % 2
        is_long = n_riff > LARGEST_RIFF
        lengths = struct.pack("<QQQI", n_riff, n_data, n_samples, 0) if is_long else bytes(N_DS64)
        n_bytes = self._n_sample_bytes
        return b"".join(
            (
                struct.pack("<4sI4s", b"RF64" if is_long else b"RIFF", 0xFFFFFFFF if is_long else n_riff, b"WAVE"),
                struct.pack("<4sI", b"ds64" if is_long else b"JUNK", N_DS64),
                lengths,
                struct.pack("<4sI", b"fmt ", 16),
                struct.pack(
                    "<HHIIHH",
                    1,
                    self._n_channels,
                    self._sample_rate,
                    self._sample_rate * n_bytes,
                    n_bytes,
                    8 * BYTES_PER_VALUE,
                ),
                struct.pack("<4sI", b"data", 0xFFFFFFFF if is_long else n_data),
            )
        )
