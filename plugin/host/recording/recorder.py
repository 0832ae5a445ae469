"""Writes what the engine plays to a sound file.

In a thread of its own, and so that a kill or a full disk costs no more than a moment.
"""

from __future__ import annotations

import errno
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.arrays import FloatArray
from lamina.plugin.call.arrays import USUAL_CHANNELS, check_channels, check_sample_rate
from lamina.plugin.files.sound import TargetError, check_target
from lamina.plugin.host.recording.flac_file import FlacFile
from lamina.plugin.host.recording.wav_file import WavFile

WRITE_SECONDS = 0.25  # what a kill can cost
LONGEST_WRITE_SECONDS = 1.0  # bounds the memory when much has piled up
PATIENCE_SECONDS = 60.0  # for a disk that has to take everything that has piled up
FULL_SCALE = 2**23 - 1  # what pedalboard reads as 1.0: a file that is played and recorded keeps its values


@dataclass(frozen=True)
class Recording:
    """What a recorder left on the disk.

    n_samples, seconds: its length.
    n_lost_samples: how many of them are silence because the disk was too slow.
    trouble: a sentence about what ended the recording before it was stopped, or nothing.
    """

    path: Path
    n_samples: int
    seconds: float
    n_lost_samples: int
    trouble: str


class SoundFile(Protocol):
    """A file that grows and stays readable. Everything but `abandon` raises OSError."""

    n_readable: int

    def write(self, samples: NDArray[np.int32]) -> None:
        """Append 24-bit values `[channels, n]`."""

    def make_readable(self) -> None:
        """Tell in the header what has been written."""

    def close(self) -> None:
        """Complete the file."""

    def abandon(self) -> None:
        """Complete the file with what is on the disk after something failed."""


_FORMATS: dict[str, Callable[[Path, int, int], SoundFile]] = {".wav": WavFile, ".flac": FlacFile}


class Recorder:
    """Records to a new 24-bit file from the moment it is made until `stop`.

    Args:
        path: a name ending in .wav or .flac that no file has yet.
        sample_rate: of the blocks in Hz.
        n_channels: of the blocks, 1 or 2.
        on_trouble: called from the recorder's thread with a sentence when the recording ends by itself.
        queue_seconds: sound that is held while the disk is slow; what comes then is lost and written as silence.

    Raises AudioFileError for a path that can't be written to or exists, ValueError for a rate or channels that are not
    supported.
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate: int,
        n_channels: int = 2,
        on_trouble: Callable[[str], None] | None = None,
        queue_seconds: float = 20.0,
    ) -> None:
        self.sample_rate, self.n_channels = check_sample_rate(sample_rate), check_channels(n_channels)
        if self.n_channels > USUAL_CHANNELS:
            raise ValueError(f"n_channels is {n_channels}; mono (1) and stereo (2) can be recorded.")
        self.path = Path(path)
        self._file = _new_file(self.path, self.sample_rate, self.n_channels)
        self._on_trouble = on_trouble
        self._trouble = ""
        # Blocks, and lengths of stretches that are missing between them.
        self._queue: deque[FloatArray | int] = deque()
        self._n_queue = round(queue_seconds * self.sample_rate)
        self._n_pushed = self._n_taken = self._n_missing = self._n_lost = 0
        self._n_on_disk = 0
        self._is_running = True
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lamina-recorder", daemon=True)
        self._thread.start()

    # Any thread.

    @property
    def is_running(self) -> bool:
        """Whether blocks are still taken: neither stopped nor ended by trouble."""
        return self._is_running

    @property
    def seconds(self) -> float:
        """Length of what can be read from the file now."""
        return self._n_on_disk / self.sample_rate

    # The audio thread.

    def push(self, block: FloatArray) -> None:
        """Take a copy of `[n_channels, n]`; never waits and never raises.

        Values beyond ±1 are clipped, NaN becomes silence.
        """
        if not self._is_running:
            return
        n_samples = block.shape[-1]
        if block.shape != (self.n_channels, n_samples) or self._n_pushed - self._n_taken + n_samples > self._n_queue:
            self._n_missing += n_samples
            self._n_lost += n_samples
            return
        self._queue_missing()
        self._queue.append(np.array(block, np.float32))
        self._n_pushed += n_samples

    def _queue_missing(self) -> None:
        if self._n_missing:
            self._queue.append(self._n_missing)
            self._n_missing = 0

    # A control thread.

    def stop(self) -> Recording:
        """End the recording once everything that was pushed is in the file; may be called again."""
        self._is_running = False
        self._is_stopping.set()
        self._thread.join(PATIENCE_SECONDS)
        if self._thread.is_alive():
            self._trouble = f"The disk has not taken all of {self.path} yet; its end may be missing."
        elif not self._trouble and not self.path.exists():
            self._trouble = f"{self.path} was deleted or moved while it was recorded."
        return Recording(self.path, self._n_on_disk, self.seconds, self._n_lost, self._trouble)

    # The recorder's thread.

    def _run(self) -> None:
        try:
            while not self._is_stopping.wait(WRITE_SECONDS):
                self._write_queued()
            self._queue_missing()
            self._write_queued()
            self._file.close()
        except Exception as error:
            self._end(error)
        self._n_on_disk = self._file.n_readable

    def _write_queued(self) -> None:
        while self._queue:
            blocks: list[FloatArray] = []
            n_samples = 0
            while self._queue and n_samples < LONGEST_WRITE_SECONDS * self.sample_rate:
                block = self._next_block()
                blocks.append(block)
                n_samples += block.shape[1]
            self._file.write(_as_24_bit(np.concatenate(blocks, axis=1)))
            self._file.make_readable()
            self._n_on_disk = self._file.n_readable

    def _next_block(self) -> FloatArray:
        """The oldest block, or silence for a missing stretch, of which long ones are taken piece by piece."""
        block = self._queue.popleft()
        if not isinstance(block, int):
            self._n_taken += block.shape[1]
            return block
        n_silent = min(block, self.sample_rate)
        if block > n_silent:
            self._queue.appendleft(block - n_silent)
        return np.zeros((self.n_channels, n_silent), np.float32)

    def _end(self, error: Exception) -> None:
        self._is_running = False
        self._queue.clear()
        self._file.abandon()
        self._n_on_disk = self._file.n_readable
        self._trouble = (
            f"Recording ended after {self.seconds:.1f} seconds: {_reason(error)} What was recorded is in {self.path}."
        )
        if self._on_trouble is not None:
            self._on_trouble(self._trouble)


def check_recording(path: Path) -> None:
    """Raises AudioFileError if no recording can be made there.

    Another suffix, a file that exists, a folder missing or read-only.
    """
    check_target(path)
    if path.suffix.lower() not in _FORMATS:
        raise TargetError(f"{path} ends in {path.suffix!r}; recordings are made as {' or '.join(_FORMATS)}.")
    if path.exists():
        raise TargetError(f"{path} exists already, and a recording overwrites nothing. Choose another name.")


def _new_file(path: Path, sample_rate: int, n_channels: int) -> SoundFile:
    check_recording(path)
    try:
        return _FORMATS[path.suffix.lower()](path, sample_rate, n_channels)
    except OSError as error:
        raise TargetError(f"{path} can't be written: {error.strerror or error}.") from error
    except (ValueError, RuntimeError) as error:
        raise TargetError(f"{path} can't be written at {sample_rate} Hz: {error}. Choose .wav.") from error


def _as_24_bit(block: FloatArray) -> NDArray[np.int32]:
    scaled = np.nan_to_num(block.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0) * FULL_SCALE
    return np.rint(np.clip(scaled, -FULL_SCALE, FULL_SCALE)).astype(np.int32)


def _reason(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full."
    if number == errno.EFBIG:
        return "the file may not grow any further on this disk."
    return f"the file can't be written ({error})."
