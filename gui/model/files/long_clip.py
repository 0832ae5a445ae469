"""A sound file that is too long to be held: its samples are read when they are asked for."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.files.sound import AudioFileError, open_for_reading


class SamplesOnDisk:
    """Samples of a file, indexed like an array of them: `[:, start:stop]` reads these.

    path: the sound file.
    shape: channels and samples, as they were counted when it was opened.
    """

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        self.path, self.shape = path, shape

    def __getitem__(self, key: tuple[slice, slice], /) -> FloatArray:
        """Float32 `[channels, n]`; raises AudioFileError if the file is no longer what was opened."""
        channels, samples = key
        start, stop, step = samples.indices(self.shape[1])
        with open_for_reading(self.path) as file:
            file.seek(start)
            found = file.read(max(0, stop - start))
        if found.shape != (self.shape[0], max(0, stop - start)):
            raise AudioFileError(f"{self.path} has changed since it was opened. Open it again.")
        return np.ascontiguousarray(found[channels, ::step], np.float32)


@dataclass(frozen=True)
class LongClip:
    """What `AudioClip` is of a short file."""

    samples: SamplesOnDisk
    sample_rate: int
    path: Path
    trouble: str = ""
