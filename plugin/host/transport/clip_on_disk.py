"""A sound file that is played from the disk.

A thread of its own decodes and converts it in chunks, ahead of the read head.
"""

from __future__ import annotations

import math
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.arrays import FloatArray
from lamina.dsp.resample import StreamingResampler, half_taps
from lamina.plugin.host.transport.clip_reader import FADE_SECONDS, Region
from lamina.plugin.host.transport.file_source import FileSource

CHUNK_SECONDS = 1.0
CHUNKS_AHEAD = 2
KEPT_CHUNKS = (
    16  # more than are of interest at a time: where the head is, both ends of a loop, the beginning, the goal of a jump
)
POLL_SECONDS = 0.05  # far below a chunk's length: the head can't reach what is not loaded before the thread looks again
PREFETCHED_SECONDS = 0.5  # covers the time until the thread looks again after a jump
PATIENCE_SECONDS = 5.0  # for a disk that has to wake up


class ClipOnDisk:
    """A sound file as samples `[channels, n]` at `to_rate` Hz.

    Indexed like an array: `[:, start:stop]` or `[:, indices]`.

    The audio thread reads and calls `attend` once per block; neither touches the disk. What is not in memory reads as
    silence and is counted in `n_missing_samples`. Everything else belongs to a control thread.

    Args:
        path: a sound file.
        to_rate: rate of the samples in Hz.
        wait: whether reading waits for the disk instead, for engines that run as fast as they can.

    Raises AudioFileError for a file that can't be read.
    """

    def __init__(self, path: str | Path, to_rate: int, wait: bool = False) -> None:
        self._source = FileSource(path)
        self.path, self.from_rate, self.to_rate = self._source.path, self._source.sample_rate, to_rate
        self.shape = (self._source.n_channels, -(-self._source.n_samples * to_rate // self.from_rate))
        self.seconds = self._source.n_samples / self.from_rate
        self.n_missing_samples = 0
        self._n_chunk = round(CHUNK_SECONDS * to_rate)
        self._chunks: dict[int, FloatArray] = {}
        self._attention: tuple[int, Region | None] = (0, None)
        self._asked: tuple[int, ...] = ()
        self._is_closing = False
        self._loading = threading.Lock()
        self._wake = threading.Condition()
        self._thread = None if wait else threading.Thread(target=self._keep_loaded, name="lamina-clip", daemon=True)
        if self._thread is not None:
            self._thread.start()

    @property
    def is_closed(self) -> bool:
        """Whether the file has been closed."""
        return self._is_closing and (self._thread is None or not self._thread.is_alive())

    # The audio thread.

    def attend(self, position: int | None, loop: Region | None) -> None:
        """Tells where the head is (None: at the end) and what it repeats, so that what comes next gets loaded."""
        self._attention = (self.shape[1] if position is None else position, loop)

    def __getitem__(self, key: tuple[slice, slice | NDArray[np.integer]], /) -> FloatArray:
        """Samples `[channels, m]`; silence where they are not in memory yet."""
        _, places = key
        if isinstance(places, slice):
            start, stop, _ = places.indices(self.shape[1])
            return self._between(start, stop)
        first = int(places.min())
        return self._between(first, int(places.max()) + 1)[:, places - first]

    def let_go(self) -> None:
        """Has the file closed soon, without waiting for it."""
        self._is_closing = True
        if self._thread is None:
            self._source.close()

    # A control thread.

    def prefetch(self, position: int) -> bool:
        """Waits until the sound from `position` on is in memory; False if the disk doesn't deliver it in time."""
        numbers = self._numbers(position, position + round(PREFETCHED_SECONDS * self.to_rate))
        if self._thread is None:
            for number in numbers:
                self._loaded(number)
            return True
        with self._wake:
            self._asked = numbers
            self._wake.notify_all()
            self._wake.wait_for(lambda: self._is_closing or self._has(numbers), PATIENCE_SECONDS)
            return self._has(numbers)

    def take_trouble(self) -> str:
        """A sentence about what went wrong with the file since the last call, or nothing."""
        return self._source.take_trouble()

    def close(self) -> None:
        """Closes the file and ends the thread; what is in memory stays readable."""
        self.let_go()
        with self._wake:
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)

    # From memory.

    def _between(self, start: int, stop: int) -> FloatArray:
        if start >= stop:
            return np.zeros((self.shape[0], 0), np.float32)
        parts = []
        for number in self._numbers(start, stop - 1):
            offset = number * self._n_chunk
            begin, end = max(start - offset, 0), min(stop - offset, self._n_chunk)
            chunk = self._loaded(number) if self._thread is None else self._chunks.get(number)
            if chunk is None:
                self.n_missing_samples += end - begin
                parts.append(np.zeros((self.shape[0], end - begin), np.float32))
            else:
                parts.append(chunk[:, begin:end])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _numbers(self, first: int, last: int) -> tuple[int, ...]:
        """The chunks that hold samples `first` to `last`, both clamped into the clip."""
        end = self.shape[1] - 1
        return tuple(range(min(max(0, first), end) // self._n_chunk, min(max(0, last), end) // self._n_chunk + 1))

    def _has(self, numbers: tuple[int, ...]) -> bool:
        return all(number in self._chunks for number in numbers)

    # The thread of its own.

    def _keep_loaded(self) -> None:
        while not self._is_closing:
            number = next((n for n in self._wanted() if n not in self._chunks), None)
            if number is not None:
                self._loaded(number)
            with self._wake:
                if number is not None:
                    self._wake.notify_all()
                elif not self._is_closing and self._has(self._asked):
                    self._wake.wait(POLL_SECONDS)
        self._source.close()

    def _wanted(self) -> list[int]:
        """Chunks of interest, the most urgent first."""
        position, loop = self._attention
        n_chunk, fade = self._n_chunk, math.ceil(FADE_SECONDS * self.to_rate)
        wanted = [*self._asked, *self._numbers(position, position + n_chunk)]
        if loop is not None:
            wanted += self._numbers(loop.start, loop.start + n_chunk)
        wanted += [*self._numbers(position, position + CHUNKS_AHEAD * n_chunk), 0]
        # A jump away from here still fades over, and a sound's end is mirrored.
        wanted += self._numbers(position - fade, position)
        return list(dict.fromkeys(wanted))

    def _loaded(self, number: int) -> FloatArray:
        with self._loading:
            chunk = self._chunks.get(number)
            if chunk is None:
                chunk = self._chunks[number] = self._converted(number * self._n_chunk)
                self._forget_others(number)
            return chunk

    def _forget_others(self, newest: int) -> None:
        wanted = {newest, *self._wanted()}
        oldest_first = [number for number in self._chunks if number not in wanted]
        for number in oldest_first[: max(0, len(self._chunks) - KEPT_CHUNKS)]:
            del self._chunks[number]

    def _converted(self, first: int) -> FloatArray:
        """A chunk from output sample `first` on, through a resampler that starts just before it."""
        n_out = min(self._n_chunk, self.shape[1] - first)
        half = half_taps(self.from_rate, self.to_rate)
        if half == 0:
            return self._source.read(first, first + n_out)
        begin = max(0, first * self.from_rate // self.to_rate - half)
        end = (first + n_out) * self.from_rate // self.to_rate + half + 1
        resampler = StreamingResampler(
            self.shape[0], self.from_rate, self.to_rate, first * self.from_rate - begin * self.to_rate
        )
        return resampler.push(self._source.read(begin, end))[:, :n_out]
