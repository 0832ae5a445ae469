"""What every open sound file can do, whatever decodes it: read on, go to any sample, say what is missing."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np

from lamina.dsp.arrays import FloatArray

DECODED_ON_SECONDS = 1.0
"""A place that lies no farther ahead is reached by decoding on: a jump costs about as much."""

LONGEST_SILENT_END_SECONDS = 1.0
"""So much at a file's end may be silent because it can't be decoded; where more is missing it isn't there."""
DAMAGED = "The file is damaged: some of its sound can't be decoded and is silent."


def cut_off(there: float, promised: float | None = None) -> str:
    """What is said of a file that was cut off: the seconds that are there, and those that it promises if it does."""
    return f"The file was cut off: {there:.2f}{'' if promised is None else f' of {promised:.2f}'} s are there."


class SoundFileError(ValueError):
    """A file can't be read as what it is; the message says why, the file's name left out."""


class SoundReader:
    """A sound file from which blocks are read in order or from any place, for one thread at a time.

    What can't be decoded in its middle is silence, so that what follows keeps its place.

    Attributes:
        samplerate: in Hz.
        num_channels: channels, in the order of WAV files where they are known as loudspeakers.
        frames: samples per channel.
        trouble: what is missing of the file, as a sentence; empty if nothing is known to be. It may grow while reading.
    """

    def __init__(self, samplerate: int, num_channels: int, frames: int, trouble: str = "") -> None:
        self.samplerate, self.num_channels, self.frames, self.trouble = samplerate, num_channels, frames, trouble
        self._position = 0
        self._block: FloatArray | None = None
        self._block_start = 0
        self._is_over = False

    def read(self, num_frames: int) -> FloatArray:
        """The next samples, float32 `[channels, n]`: fewer than asked for only at the end.

        Raises SoundFileError where the file turns into another one, OSError where it can't be read any more.
        """
        n_samples = max(0, min(int(num_frames), self.frames - self._position))
        sound = np.zeros((self.num_channels, n_samples), np.float32)
        done = 0
        while done < n_samples:
            at = self._position + done
            block = self._block
            if block is None or self._block_start + block.shape[1] <= at:
                following = None if self._is_over else self._next()
                if following is None:
                    self._is_over = True
                    if self.frames - at <= LONGEST_SILENT_END_SECONDS * self.samplerate:
                        self.trouble = self.trouble or DAMAGED
                        done = n_samples
                    break
                self._block_start, self._block = following
                continue
            if self._block_start > at:  # what is missing stays silent
                done += min(self._block_start - at, n_samples - done)
                continue
            part = block[:, at - self._block_start :][:, : n_samples - done]
            sound[:, done : done + part.shape[1]] = part
            done += part.shape[1]
        self._position += done
        return sound[:, :done]

    def seek(self, position: int) -> None:
        """Go on at a sample, 0 … frames."""
        position = min(max(0, int(position)), self.frames)
        ahead = self._block_start + (0 if self._block is None else self._block.shape[1])
        is_near = self._block is not None and self._block_start <= position
        if not (is_near and position < ahead + DECODED_ON_SECONDS * self.samplerate and not self._is_over):
            self._jump(position)
            self._block, self._block_start, self._is_over = None, 0, False
        self._position = position

    def tell(self) -> int:
        """The sample that is read next."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next(self) -> tuple[int, FloatArray] | None:
        """The next decoded block and the place of its first sample; None at the end."""
        raise NotImplementedError

    def _jump(self, position: int) -> None:
        """Let `_next` go on with a block that holds `position`, or with one before it."""
        raise NotImplementedError


class ResampledReader:
    """A sound file read at another rate, in order.

    Args:
        file: is not closed.
        samplerate: in Hz.
    """

    def __init__(self, file: SoundReader, samplerate: int) -> None:
        from pedalboard.io import StreamResampler

        self._file = file
        self._convert: Callable[[FloatArray | None], FloatArray] | None = (
            StreamResampler(file.samplerate, samplerate, file.num_channels).process
            if file.samplerate != samplerate
            else None
        )
        self._rest = np.zeros((file.num_channels, 0), np.float32)

    def read(self, num_frames: int) -> FloatArray:
        """The next samples, float32 `[channels, n]`: fewer than asked for only at the end."""
        while self._convert is not None and self._rest.shape[1] < num_frames:
            block = self._file.read(self._file.samplerate)
            self._rest = np.concatenate((self._rest, self._convert(block if block.shape[1] else None)), axis=1)
            if not block.shape[1]:
                self._convert = None
        if self._convert is None and not self._rest.shape[1]:
            return self._file.read(num_frames)
        sound, self._rest = self._rest[:, :num_frames], self._rest[:, num_frames:]
        return sound
