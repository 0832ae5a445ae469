"""The samples of a sound file from any place on, exact to the sample.

However the file is damaged or taken away meanwhile.
"""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.files.sound import HIGHEST_LEVEL, open_for_reading


class FileSource:
    """A sound file at its own rate, for one thread at a time.

    Raises AudioFileError as `open_for_reading` does.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._trouble: deque[str] = deque()
        self._has_complained = False
        with contextlib.ExitStack() as opening:
            self._file = opening.enter_context(open_for_reading(self.path))
            self.sample_rate, self.n_channels = self._file.samplerate, self._file.num_channels
            self.n_samples = self._file.frames
            self._status = self.path.stat()
            self._open_file = opening.pop_all()

    def read(self, begin: int, end: int) -> FloatArray:
        """Samples `begin` to `end`, `[channels, end - begin]`.

        Silence after the file's end and where it can't be read.
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
        with np.errstate(invalid="ignore"):
            unusable = ~(np.abs(samples) <= HIGHEST_LEVEL)
        if unusable.any():
            samples[unusable] = 0.0
            self._complain(f"{self.path} holds NaN, infinite values, or values far beyond any level.")
        return samples

    def take_trouble(self) -> str:
        """A sentence about what went wrong since the last call, or nothing; any thread may ask."""
        return self._trouble.popleft() if self._trouble else ""

    def close(self) -> None:
        """Closes the file."""
        self._open_file.close()

    def _heard(self, begin: int, n_samples: int) -> FloatArray:
        # Where a file was cut off meanwhile, that is said first. A deleted file stays readable while it is open.
        try:
            now = self.path.stat()
        except OSError:
            now = None
        if now is not None and now.st_ino == self._status.st_ino and now.st_size < self._status.st_size:
            self._complain(f"{self.path} became shorter while it was open.")
        self._file.seek(begin)
        return self._file.read(n_samples)

    def _complain(self, sentence: str) -> None:
        # Once per file: the next reads would say the same.
        if not self._has_complained:
            self._has_complained = True
            self._trouble.append(f"{sentence} Silence is played where its sound is missing.")
