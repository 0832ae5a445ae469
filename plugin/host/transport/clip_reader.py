"""Reads a clip as an endless stream: seeks and loops cross-fade, so that what the codec hears never steps."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.arrays import FloatArray

FADE_SECONDS = 0.01


@dataclass(frozen=True)
class Region:
    """Part of a clip in samples, `start` included, `stop` excluded."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(
                f"A region from sample {self.start} to {self.stop} is empty; its end must lie after its start."
            )


@dataclass(frozen=True)
class Segment:
    """A run of consecutive clip samples inside a block: where it starts in the block, in the clip, and its length.

    `position` is None where nothing of the clip is read (after its end).
    """

    offset: int
    position: int | None
    n_samples: int


class ClipSamples(Protocol):
    """Samples `[channels, n]` float32 that are read like an array's.

    In memory, converted where they are read, or from a disk.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels and samples."""

    def __getitem__(self, key: tuple[slice, slice | NDArray[np.integer]], /) -> FloatArray:
        """`[:, start:stop]` or `[:, indices]`."""


class ClipReader:
    """A read head over `samples` `[channels, n]`.

    A jump (a seek, or the way back to a loop's start) starts reading at the new place at once and fades over from what
    would have come at the old one, so loops keep their exact length.
    """

    def __init__(self, samples: ClipSamples, sample_rate: int) -> None:
        self.samples = samples
        self.n_samples = int(samples.shape[1])
        self.loop: Region | None = None
        self._fade_samples = max(1, round(FADE_SECONDS * sample_rate))
        self._fade_in = (np.sin(np.linspace(0.0, np.pi / 2, self._fade_samples, endpoint=False)) ** 2).astype(
            np.float32
        )
        self._position: int | None = 0
        self._ghost: int | None = None
        self._n_faded = self._fade_samples

    @property
    def position(self) -> int | None:
        """Next clip sample to be read, or None after the end."""
        return self._position

    @property
    def is_silent(self) -> bool:
        """Whether the end is reached and what fades away after it has faded."""
        return self._position is None and self._n_faded >= self._fade_samples

    def jump(self, position: int) -> None:
        """Goes on reading at `position`, clamped into the clip."""
        self._jump(min(max(0, position), max(0, self.n_samples - 1)))

    def restart(self, position: int) -> None:
        """Reads at `position` as if nothing had been read before: fades in, except at the clip's own beginning."""
        self._position = None
        self.jump(position)
        if position <= 0:
            self._n_faded = self._fade_samples

    def read(self, n_samples: int) -> tuple[FloatArray, list[Segment]]:
        """The next block `[channels, n_samples]` and where its parts come from; silence after the end."""
        block = np.zeros((self.samples.shape[0], n_samples), np.float32)
        segments: list[Segment] = []
        done = 0
        while done < n_samples:
            if self._position is not None and self._position >= self._stop():
                self._jump(self.loop.start if self.loop is not None else None)
            n_run = n_samples - done if self._position is None else min(n_samples - done, self._stop() - self._position)
            segments.append(Segment(done, self._position, n_run))
            self._read_run(block[:, done : done + n_run])
            done += n_run
        return block, segments

    def _stop(self) -> int:
        """Where reading ends: the loop's end when coming from inside or before it, else the clip's."""
        if self.loop is not None and self._position is not None and self._position <= self.loop.stop:
            return min(self.loop.stop, self.n_samples)
        return self.n_samples

    def _jump(self, position: int | None) -> None:
        self._ghost, self._position, self._n_faded = self._position, position, 0

    def _read_run(self, out: FloatArray) -> None:
        n_samples = out.shape[1]
        if self._position is not None:
            out[:] = self.samples[:, self._position : self._position + n_samples]
            self._position += n_samples
        n_fade = min(n_samples, self._fade_samples - self._n_faded)
        if n_fade > 0:
            gain = self._fade_in[self._n_faded : self._n_faded + n_fade]
            out[:, :n_fade] *= gain
            if self._ghost is not None:
                out[:, :n_fade] += self._mirrored(self._ghost, n_fade) * (1.0 - gain)
                self._ghost += n_fade
            self._n_faded += n_fade

    def _mirrored(self, position: int, n_samples: int) -> FloatArray:
        """Samples from `position`, running backwards after the clip's end: a sound cut off short has no step there."""
        index = np.arange(position, position + n_samples)
        index = np.where(index >= self.n_samples, 2 * self.n_samples - 1 - index, index)
        return self.samples[:, np.clip(index, 0, self.n_samples - 1)]
