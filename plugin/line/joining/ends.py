"""Where a peer's sound comes from and where it goes: arrays, files, boards, and devices."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.call.arrays import check_float_array, check_sample_rate
from lamina.plugin.files.sound import open_for_reading
from lamina.plugin.host.recording.recorder import Recorder, check_recording
from lamina.plugin.line.packet import MOST_LINE_CHANNELS

if TYPE_CHECKING:
    from lamina.plugin.board import Board


class Source(Protocol):
    """Sound to send.

    Attributes:
        sample_rate: Hz.
        n_channels: 1 to 8.
    """

    sample_rate: int
    n_channels: int

    def read(self, n_samples: int) -> FloatArray:
        """The next samples, float32 `[channels, n]`: fewer than asked for only at the end."""

    def close(self) -> None:
        """Let go of what it reads; may be called again."""


class Sink(Protocol):
    """What takes the sound that arrives.

    Attributes:
        sample_rate: Hz in which it wants it; None for the model's own.
    """

    sample_rate: int | None

    def open(self, sample_rate: int, n_channels: int) -> None:
        """Called once, when it is known what arrives. Raises ValueError for what it can't take."""

    def write(self, block: FloatArray) -> None:
        """The next samples, float32 `[channels, n]`."""

    def close(self) -> None:
        """Complete what was written; may be called again."""


class ArraySource:
    """An array, as sound of its length.

    Args:
        samples: float32 (or float64) `[channels, n]`.
        sample_rate: Hz.
    """

    def __init__(self, samples: FloatArray, sample_rate: float) -> None:
        self._samples = check_float_array(samples).astype(np.float32, copy=False)
        self.sample_rate = check_sample_rate(sample_rate)
        if self._samples.ndim != 2:
            raise ValueError(f"samples has the shape {self._samples.shape}; give [channels, samples].")
        self.n_channels = _checked_channels(len(self._samples))
        self._position = 0

    def read(self, n_samples: int) -> FloatArray:
        """See `Source.read`."""
        block = self._samples[:, self._position : self._position + n_samples]
        self._position += block.shape[1]
        return block

    def close(self) -> None:
        """Nothing is held."""


class FileSource:
    """A sound file, read as it is sent.

    Args:
        path: any file that Lamina reads.
        n_channels: how many of its channels are sent, from the first; None for all.

    Raises AudioFileError if it can't be read.
    """

    def __init__(self, path: str | Path, n_channels: int | None = None) -> None:
        self._context = open_for_reading(path, MOST_LINE_CHANNELS)
        self._file = self._context.__enter__()
        self._is_open = True
        self.sample_rate = check_sample_rate(self._file.samplerate)
        self.n_channels = self._file.num_channels if n_channels is None else min(n_channels, self._file.num_channels)

    def read(self, n_samples: int) -> FloatArray:
        """See `Source.read`."""
        return self._file.read(n_samples)[: self.n_channels] if self._is_open else self._nothing()

    def close(self) -> None:
        """Close the file."""
        if self._is_open:
            self._is_open = False
            self._context.__exit__(None, None, None)

    def _nothing(self) -> FloatArray:
        return np.zeros((self.n_channels, 0), np.float32)


class BoardSource:
    """What a board makes of a source's sound, block by block.

    Args:
        board: a chain of effects, called as in scripts. Its delay comes out as silence at the beginning.
        source: what goes into it.
    """

    def __init__(self, board: Board, source: Source) -> None:
        self._stream = board.stream(source.sample_rate, source.n_channels)
        self._source = source
        self.sample_rate, self.n_channels = source.sample_rate, source.n_channels

    def read(self, n_samples: int) -> FloatArray:
        """See `Source.read`."""
        block = self._source.read(n_samples)
        return self._stream.push(block) if block.shape[1] else block

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class ArraySink:
    """Keeps what arrives in memory.

    Args:
        sample_rate: Hz; None for the model's own.
    """

    def __init__(self, sample_rate: float | None = None) -> None:
        self.sample_rate = None if sample_rate is None else check_sample_rate(sample_rate)
        self._blocks: list[FloatArray] = []
        self._lock = threading.Lock()
        self._n_channels = 1

    @property
    def samples(self) -> FloatArray:
        """What has arrived so far, float32 `[channels, n]`."""
        with self._lock:
            return np.concatenate([np.zeros((self._n_channels, 0), np.float32), *self._blocks], axis=1)

    def open(self, sample_rate: int, n_channels: int) -> None:
        """See `Sink.open`."""
        self.sample_rate, self._n_channels = sample_rate, n_channels

    def write(self, block: FloatArray) -> None:
        """See `Sink.write`."""
        with self._lock:
            self._blocks.append(block)

    def close(self) -> None:
        """Nothing is held open."""


class FileSink:
    """Records what arrives to a new 24-bit wav or flac file, which can be read at any moment.

    Args:
        path: a name that no file has yet.
        sample_rate: Hz; None for the model's own.

    Raises AudioFileError for a path that can't be written to or exists.
    """

    def __init__(self, path: str | Path, sample_rate: float | None = None) -> None:
        self.path = Path(path)
        check_recording(self.path)
        self.sample_rate = None if sample_rate is None else check_sample_rate(sample_rate)
        self.trouble = ""
        self._recorder: Recorder | None = None

    def open(self, sample_rate: int, n_channels: int) -> None:
        """See `Sink.open`."""
        self._recorder = Recorder(self.path, sample_rate, n_channels)

    def write(self, block: FloatArray) -> None:
        """See `Sink.write`."""
        if self._recorder is not None:
            self._recorder.push(block)

    def close(self) -> None:
        """Complete the file."""
        if self._recorder is not None:
            self.trouble = self._recorder.stop().trouble
            self._recorder = None


def as_source(source: Any, board: Board | None = None) -> Source:
    """A source out of what was given: a path, or a source."""
    made: Source = FileSource(source) if isinstance(source, str | Path) else source
    return made if board is None else BoardSource(board, made)


def as_sink(sink: Any) -> Sink:
    """A sink out of what was given: a path, or a sink."""
    made: Sink = FileSink(sink) if isinstance(sink, str | Path) else sink
    return made


def _checked_channels(n_channels: int) -> int:
    if not 1 <= n_channels <= MOST_LINE_CHANNELS:
        raise ValueError(f"The sound has {n_channels} channels; a line carries 1 to {MOST_LINE_CHANNELS}.")
    return n_channels
