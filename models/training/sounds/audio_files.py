"""Sound files for training: finding them, and reading them block by block as mono at one rate.

Nothing here holds a whole file: two hours of stereo pass through in blocks of a few seconds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.dsp.soundfiles.formats import READABLE_SUFFIXES
from lamina.dsp.soundfiles.opening import open_sound
from lamina.dsp.soundfiles.sound_reader import SoundFileError, SoundReader

AUDIO_SUFFIXES = READABLE_SUFFIXES
KINDS = ("speech", "music", "noise")
PLAIN_KIND = "all"
"""Kind of the files of a folder that has no subfolders named after kinds."""

LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000
BLOCK_SECONDS = 5.0


class UnreadableError(ValueError):
    """A file can't be used; the message says why, without its name."""


@dataclass(frozen=True)
class FoundFile:
    """A sound file of a folder.

    Args:
        path: where it is.
        name: `folder/path/inside`, with slashes: how reports call it.
        kind: "speech", "music", "noise" or "all".
    """

    path: Path
    name: str
    kind: str


def find_audio(folder: Path) -> tuple[list[FoundFile], list[FoundFile]]:
    """The folder's sound files, sorted, and those left out: where there are folders of kinds, the files beside them.

    Raises ValueError if there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(
            f"{folder} is not a folder; give a folder of sound files ({', '.join(sorted(AUDIO_SUFFIXES))})."
        )
    folder = folder.resolve()
    has_kinds = any((folder / kind).is_dir() for kind in KINDS)
    used: list[FoundFile] = []
    left_out: list[FoundFile] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in AUDIO_SUFFIXES or not path.is_file():
            continue
        inside = path.relative_to(folder)
        top = inside.parts[0] if len(inside.parts) > 1 else ""
        kind = top if has_kinds and top in KINDS else PLAIN_KIND
        (left_out if has_kinds and kind == PLAIN_KIND else used).append(
            FoundFile(path, f"{folder.name}/{inside.as_posix()}", kind)
        )
    return used, left_out


class MonoReader:
    """Reads an open file as mono at `sample_rate`.

    Attributes:
        native_rate: the file's own rate in Hz.
    """

    def __init__(self, file: SoundReader, sample_rate: int) -> None:
        self._file, self.sample_rate, self.native_rate = file, sample_rate, file.samplerate

    def blocks(self) -> Iterator[tuple[FloatArray, FloatArray, float]]:
        """Yields `(native, mono, share)`, block by block.

        `native`, float32 `[n, channels]`, is as stored; `mono`, float32 `[m]`, at `sample_rate`; `share`, 0 … 1, how
        much of the file is read. The last native block may be empty.

        Raises UnreadableError where the file is damaged or holds NaN or infinity.
        """
        import soxr

        total, done = max(1, self._file.frames), 0
        resampler = (
            soxr.ResampleStream(self.native_rate, self.sample_rate, 1, dtype="float32")
            if self.native_rate != self.sample_rate
            else None
        )
        while True:
            try:
                native = self._file.read(int(BLOCK_SECONDS * self.native_rate)).T
            except (SoundFileError, OSError) as error:
                raise UnreadableError(f"damaged after {done / self.native_rate:.0f} s") from error
            done += len(native)
            mono = native.mean(1, dtype=np.float32)
            if not np.isfinite(mono).all():
                raise UnreadableError("holds NaN or infinity")
            last = len(native) == 0
            if resampler is not None:
                mono = resampler.resample_chunk(mono, last=last)
            yield native, mono, min(1.0, done / total)
            if last:
                return


@contextlib.contextmanager
def open_mono(path: Path, sample_rate: int) -> Iterator[MonoReader]:
    """Open a sound file. Raises UnreadableError if it can't be read as sound or its rate is out of range."""
    try:
        file = open_sound(path)
    except (SoundFileError, OSError) as error:
        raise UnreadableError(
            "empty" if path.exists() and path.stat().st_size == 0 else f"not readable as sound: it {error}"
        ) from error
    with file:
        if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
            raise UnreadableError(f"{file.samplerate} Hz; {LOWEST_RATE} to {HIGHEST_RATE} Hz are supported")
        yield MonoReader(file, sample_rate)


def to_int16(samples: FloatArray) -> npt.NDArray[np.int16]:
    """Float samples as 16-bit integers, full scale 32767; what exceeds it is clipped."""
    integers: npt.NDArray[np.int16] = np.rint(np.clip(samples, -1, 1) * np.float32(32767)).astype(np.int16)
    return integers
