"""One clip on one output through one codec stream: what the player opens to play and lets go to change any of the three."""

import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.gui.model.converted_clip import ConvertedClip
from lamina.gui.model.ring import SampleRing
from lamina.gui.model.sinks import Sink
from lamina.plugin import FrameReport
from lamina.plugin.codec_stream import CodecStream
from lamina.plugin.host.clip_reader import ClipReader, Region

FloatArray = NDArray[np.float32]

BLOCK_SECONDS = 0.01
RING_SECONDS = 0.1  # covers the pauses a drawing thread makes, and is how late a knob is heard at most
REST_SECONDS = 0.25  # a device asks for its next buffer well within this; a dead one never does
HEARD_BLOCKS = 512  # what a hidden window may miss before the oldest blocks are forgotten


@dataclass(frozen=True)
class HeardBlock:
    """A stretch that the output has played.

    end_sample: stream sample right after it.
    input, output: `[channels, n]`, both as heard at the same time: the input is delayed by the codec's latency.
    reports: of the frames that were coded meanwhile.
    """

    end_sample: int
    input: FloatArray
    output: FloatArray
    reports: tuple[FrameReport, ...]


def new_ring(n_channels: int, sample_rate: int) -> SampleRing:
    """The ring between a playback and its sink."""
    return SampleRing(n_channels, round(RING_SECONDS * sample_rate))


def block_samples(sample_rate: int) -> int:
    """Samples per block: all blocks are equally long, so that the codec needs the least latency."""
    return round(BLOCK_SECONDS * sample_rate)


class Playback:
    """Reads `samples` `[channels, n]`, codes them, fills the sink's ring, and knows what of it was heard.

    `position_seconds` and `heard` may be asked from any thread; everything else belongs to the player's thread.
    reports: the list the codec's frame reports arrive in, emptied here.
    """

    def __init__(
        self, samples: FloatArray | ConvertedClip, sample_rate: int, stream: CodecStream, sink: Sink, reports: list[FrameReport]
    ) -> None:
        self.sample_rate = sample_rate
        self.latency_samples = stream.latency_samples
        self.sink = sink
        self._reader = ClipReader(samples, sample_rate)
        self._stream = stream
        self._ring = sink.drain.ring
        self._reports = reports
        self._held: FloatArray = np.zeros((samples.shape[0], self.latency_samples), np.float32)
        self._lock = threading.Lock()
        self._segments: deque[tuple[int, int | None, int]] = deque()
        self._heard: deque[HeardBlock] = deque(maxlen=HEARD_BLOCKS)
        self._rest_position = 0
        self._end_sample: int | None = None

    @property
    def position_seconds(self) -> float:
        """Place in the clip that is heard now."""
        with self._lock:
            index = self._ring.n_read - self.latency_samples
            while len(self._segments) > 1 and self._segments[1][0] <= index:
                self._segments.popleft()
            if not self._segments:
                return self._rest_position / self.sample_rate
            start, position, n_samples = self._segments[0]
            if position is None:
                return self._reader.n_samples / self.sample_rate
            return (position + min(max(0, index - start), n_samples)) / self.sample_rate

    def heard(self) -> list[HeardBlock]:
        """Blocks heard since the last call, oldest first."""
        blocks = []
        with self._lock:
            while self._heard and self._heard[0].end_sample <= self._ring.n_read:
                blocks.append(self._heard.popleft())
        return blocks

    @property
    def has_ended(self) -> bool:
        """Whether the clip's last sample has been heard."""
        return self._end_sample is not None and self._ring.n_read >= self._end_sample

    def fill(self) -> None:
        """Fills the ring, and lets the output begin once enough is in it."""
        n_block = block_samples(self.sample_rate)
        # One ring's worth at most: an output that drains as fast as this fills must not keep the player from its commands.
        for _ in range(self._ring.capacity // n_block):
            if self._ring.n_stored + n_block > self._ring.capacity:
                break
            self._add_block(n_block)
            # The silent clock takes its share between blocks, so one turn never outlasts the ring.
            self.sink.service()
        if self._ring.n_stored >= self._ring.capacity // 2:
            self.sink.drain.is_open = True

    def set_loop(self, seconds: tuple[float, float] | None) -> None:
        """Repeats from the first to the second time, or no longer repeats."""
        self._reader.loop = None
        if seconds is not None:
            start = round(seconds[0] * self.sample_rate)
            stop = min(round(seconds[1] * self.sample_rate), self._reader.n_samples)
            self._reader.loop = Region(start, stop) if stop > start else None

    def jump(self, seconds: float) -> None:
        """Goes on at `seconds`, cross-faded."""
        self._reader.jump(round(seconds * self.sample_rate))

    def rewind(self, seconds: float) -> None:
        """Comes to rest and waits at `seconds` with nothing in the ring."""
        self.rest()
        with self._lock:
            self._rest_position = round(seconds * self.sample_rate)
            self._segments.clear()
            self._heard.clear()
            self._ring.drop()
        self._stream.reset()
        self._reports.clear()
        self._held[:] = 0.0
        self._reader.restart(self._rest_position)
        self._end_sample = None

    def rest(self) -> None:
        """Fades out and waits until nothing is read any more, or the device has shown that it is dead."""
        self.sink.drain.is_open = False
        deadline = time.monotonic() + REST_SECONDS
        while not self.sink.drain.is_at_rest and time.monotonic() < deadline:
            self.sink.service()
            time.sleep(0.001)

    def close(self) -> None:
        """Comes to rest and lets the output go."""
        self.rest()
        self.sink.close()
        self._reports.clear()

    def _add_block(self, n_block: int) -> None:
        start = self._ring.n_written
        block, segments = self._reader.read(n_block)
        output = self._stream.push(block)
        reports = tuple(self._reports)
        self._reports.clear()
        joined = np.concatenate([self._held, block], axis=1)
        self._held = joined[:, n_block:]
        with self._lock:
            self._segments.extend((start + s.offset, s.position, s.n_samples) for s in segments)
            self._ring.write(output)
            self._heard.append(HeardBlock(start + n_block, joined[:, :n_block], output, reports))
        if self._reader.position is not None:
            self._end_sample = None
        elif self._end_sample is None:
            self._end_sample = self._ring.n_written + self.latency_samples
