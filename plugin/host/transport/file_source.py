"""The samples of a sound file from any place on, exact to the sample, however the file is damaged or taken away
meanwhile.
"""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.plugin.files.sound import check_length, open_for_reading

FloatArray = NDArray[np.float32]

SEEKABLE_SIGNATURES = (b"RIFF", b"RF64", b"FORM", b"fLaC", b"OggS")
"""First bytes of the files in which pedalboard finds every place to the sample. In an MP3 file it doesn't: what it
reads after a jump differs from what it reads from the beginning on, so such a file is decoded from its beginning on and
held in memory.
"""
DECODED_SECONDS = 5.0


class FileSource:
    """A sound file at its own rate, for one thread at a time.

    Raises AudioFileError as `open_for_reading` does, and for an MP3 file that is too long for the memory.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._trouble: deque[str] = deque()
        self._has_complained = False
        self._whole: FloatArray | None = None
        self._n_decoded = 0
        with contextlib.ExitStack() as opening:
            self._file: Any = opening.enter_context(open_for_reading(self.path))
            self.sample_rate, self.n_channels = int(self._file.samplerate), int(self._file.num_channels)
            with self.path.open("rb") as beginning:
                is_seekable = beginning.read(4) in SEEKABLE_SIGNATURES
            self.n_samples = int(self._file.frames)
            if not is_seekable:
                check_length(self.path, self.n_samples, self.sample_rate, self.n_channels)
                self._whole = np.zeros((self.n_channels, self.n_samples), np.float32)
            self._status = self.path.stat()
            self._open_file = opening.pop_all()

    def read(self, begin: int, end: int) -> FloatArray:
        """Samples `begin` to `end`, `[channels, end - begin]`; silence after the file's end and where it can't be
        read.
        """
        samples = np.zeros((self.n_channels, end - begin), np.float32)
        n_wanted = min(end, self.n_samples) - begin
        try:
            heard = self._heard(begin, n_wanted)
        except (OSError, RuntimeError, ValueError) as error:
            self._complain(f"{self.path} can't be read any more ({error}).")
            return samples
        if heard.shape[1] < n_wanted:
            self._complain(f"{self.path} is damaged: it ends sooner than its header says.")
        samples[:, : heard.shape[1]] = heard
        unusable = ~np.isfinite(samples)
        if unusable.any():
            samples[unusable] = 0.0
            self._complain(f"{self.path} holds NaN or infinite values.")
        return samples

    def decode_on(self) -> bool:
        """Decode some more of a file that is held in memory; False if there is nothing more to decode."""
        if self._whole is None or self._n_decoded >= self.n_samples:
            return False
        begin = self._n_decoded
        block = self._file.read(min(round(DECODED_SECONDS * self.sample_rate), self.n_samples - begin))
        self._whole[:, begin : begin + block.shape[1]] = block
        # Where it ends sooner than it says, the rest is silence.
        self._n_decoded = begin + block.shape[1] if block.shape[1] else self.n_samples
        return True

    def take_trouble(self) -> str:
        """A sentence about what went wrong since the last call, or nothing; any thread may ask."""
        return self._trouble.popleft() if self._trouble else ""

    def close(self) -> None:
        """Closes the file."""
        self._open_file.close()

    def _heard(self, begin: int, n_samples: int) -> FloatArray:
        if self._whole is not None:
            while self._n_decoded < begin + n_samples and self.decode_on():
                pass
            return self._whole[:, begin : begin + n_samples]
        # Where a file was cut off or is gone, pedalboard reads silence without a word. A deleted file stays readable
        # while it is open.
        now = self.path.stat() if self.path.exists() else None
        if now is not None and now.st_ino == self._status.st_ino and now.st_size < self._status.st_size:
            self._complain(f"{self.path} became shorter while it was open.")
        self._file.seek(begin)
        heard: FloatArray = self._file.read(n_samples)
        return heard

    def _complain(self, sentence: str) -> None:
        # Once per file: the next reads would say the same.
        if not self._has_complained:
            self._has_complained = True
            self._trouble.append(f"{sentence} Silence is played where its sound is missing.")
