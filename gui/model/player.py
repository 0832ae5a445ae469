"""Plays a clip through the codec: one thread reads, codes and fills the ring; the output drains it.

Calls from the app's thread only leave a command and return; the thread carries them out in order. What the views need
comes back as blocks that have been *heard*, so that pictures and sound run together whatever lies in the ring.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.gui.model.clip_reader import ClipReader, Region
from lamina.gui.model.outputs import SILENT, Output, supports
from lamina.gui.model.ring import SampleRing
from lamina.gui.model.sinks import SilentClockSink, Sink, SoundDeviceSink
from lamina.plugin import FrameReport, NeuralCodec

FloatArray = NDArray[np.float32]

BLOCK_SECONDS = 0.01
RING_SECONDS = 0.1  # covers the pauses a drawing thread makes, and is how late a knob is heard at most
POLL_SECONDS = 0.004
REST_SECONDS = 0.25  # a device asks for its next buffer well within this; a dead one never does
HEARD_BLOCKS = 512  # what a hidden window may miss before the oldest blocks are forgotten


class PlayState(Enum):
    """What the transport shows."""

    STOPPED = "stopped"
    PAUSED = "paused"
    PLAYING = "playing"


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


class Player:
    """A transport for one clip. `clock` paces silent playback; tests hand in their own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = PlayState.STOPPED
        self.sample_rate = 0
        self._clock = clock
        self._wake = threading.Condition()
        self._commands: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._lock = threading.Lock()
        self._segments: deque[tuple[int, int | None, int]] = deque()
        self._heard: deque[HeardBlock] = deque(maxlen=HEARD_BLOCKS)
        self._reports: list[FrameReport] = []
        self._rest_seconds = 0.0
        self._trouble: deque[str] = deque()
        self._codec: NeuralCodec | None = None
        self._output: Output = SILENT
        self._clip: tuple[FloatArray, int] | None = None
        self._loop_seconds: tuple[float, float] | None = None
        self._reader: ClipReader | None = None
        self._ring: SampleRing | None = None
        self._sink: Sink | None = None
        self._stream: Any = None
        self._held: FloatArray = np.zeros((1, 0), np.float32)
        self._end_sample: int | None = None

    # Called from the app's thread.

    def set_codec(self, codec: NeuralCodec) -> None:
        """Plays through `codec` from now on; takes over its `on_report`."""
        codec.on_report = self._reports.append
        self._command(lambda: self._replace(codec=codec))

    def set_output(self, output: Output) -> None:
        """Plays to `output` from now on, at the same place and in the same state."""
        self._command(lambda: self._replace(output=output))

    def load(self, samples: FloatArray, sample_rate: int) -> None:
        """Stops, forgets the loop and waits at the beginning of `samples` `[channels, n]`."""
        self._command(lambda: self._load(samples, sample_rate))

    def play(self) -> None:
        """Starts or resumes; without a clip and a codec nothing happens."""
        self._command(self._play)

    def pause(self) -> None:
        """Fades out and stays where it is."""
        self._command(self._pause)

    def toggle(self) -> None:
        """Plays or pauses, whichever it isn't doing."""
        self._command(lambda: self._pause() if self.state is PlayState.PLAYING else self._play())

    def stop(self) -> None:
        """Stops and returns to the loop's start, or to the beginning."""
        self._command(self._stop)

    def seek(self, seconds: float) -> None:
        """Goes on at `seconds`, cross-faded while playing."""
        self._command(lambda: self._seek(seconds))

    def set_loop(self, seconds: tuple[float, float] | None) -> None:
        """Repeats from the first to the second time, or no longer repeats."""
        self._command(lambda: self._set_loop(seconds))

    def close(self) -> None:
        """Ends the thread and lets the device go; returns when both are done."""
        if self._thread is None:
            return
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._thread = None

    @property
    def position_seconds(self) -> float:
        """Place in the clip that is heard now."""
        with self._lock:
            if self._ring is None or not self._segments or not self.sample_rate:
                return self._rest_seconds
            index = self._ring.n_read - self._latency_samples
            while len(self._segments) > 1 and self._segments[1][0] <= index:
                self._segments.popleft()
            start, position, n_samples = self._segments[0]
            if position is None:
                assert self._reader is not None
                return self._reader.n_samples / self.sample_rate
            return (position + min(max(0, index - start), n_samples)) / self.sample_rate

    @property
    def n_shortages(self) -> int:
        """How often the output asked for sound that was not ready."""
        return self._sink.drain.n_shortages if self._sink is not None else 0

    @property
    def latency_seconds(self) -> float:
        """The codec's delay at the rate being played; 0 before the first play."""
        return self._latency_samples / self.sample_rate if self._stream is not None else 0.0

    def heard(self) -> list[HeardBlock]:
        """Blocks heard since the last call, oldest first."""
        blocks: list[HeardBlock] = []
        with self._lock:
            while self._ring is not None and self._heard and self._heard[0].end_sample <= self._ring.n_read:
                blocks.append(self._heard.popleft())
        return blocks

    def take_trouble(self) -> str:
        """A sentence about what went wrong since the last call, or nothing."""
        return self._trouble.popleft() if self._trouble else ""

    # The thread.

    def _command(self, command: Callable[[], None]) -> None:
        with self._wake:
            self._commands.append(command)
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="lamina-player", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._commands and not self._closing:
                    self._wake.wait(POLL_SECONDS if self._is_moving() else None)
                if self._closing:
                    break
                commands = list(self._commands)
                self._commands.clear()
            try:
                for command in commands:
                    command()
                self._turn()
            except Exception as error:
                # Whatever the device or the codec raised, the app must stay usable and say so.
                self._trouble.append(f"Playback stopped: {error}")
                self.state = PlayState.STOPPED
                self._release()
        self._release()

    def _is_moving(self) -> bool:
        return self.state is PlayState.PLAYING or (self._sink is not None and not self._sink.drain.is_at_rest)

    def _turn(self) -> None:
        if self._sink is None or self._ring is None:
            return
        self._sink.service()
        if self.state is not PlayState.PLAYING:
            return
        if not self._sink.is_alive:
            self._trouble.append(f"The output {self._sink.name} went away. Playing silently; choose an output at the bottom right.")
            self._replace(output=SILENT)
            return
        if self._end_sample is not None and self._ring.n_read >= self._end_sample:
            self._stop()
            return
        self._fill()

    def _fill(self) -> None:
        assert self._ring is not None and self._reader is not None and self._sink is not None
        n_block = round(BLOCK_SECONDS * self.sample_rate)
        while self._ring.n_stored + n_block <= self._ring.capacity and not self._closing and not self._commands:
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
                self._end_sample = self._ring.n_written + self._latency_samples
            # A running silent clock or device takes its share between blocks, so one turn never outlasts the ring.
            self._sink.service()
        self._sink.drain.is_open = self._ring.n_stored >= self._ring.capacity // 2 or self._sink.drain.is_open

    def _play(self) -> None:
        if self._clip is None or self._codec is None:
            return
        if self._sink is None:
            self._open(self._rest_seconds)
        self.state = PlayState.PLAYING
        # A ring that a pause left full opens at once; an empty one waits in _fill until it holds enough.

    def _pause(self) -> None:
        if self.state is PlayState.PLAYING:
            self.state = PlayState.PAUSED
            if self._sink is not None:
                self._sink.drain.is_open = False

    def _stop(self) -> None:
        self.state = PlayState.STOPPED
        self._rewind(self._loop_seconds[0] if self._loop_seconds is not None else 0.0)

    def _seek(self, seconds: float) -> None:
        if self.state is PlayState.PLAYING and self._reader is not None:
            self._reader.jump(round(seconds * self.sample_rate))
            return
        if self.state is PlayState.STOPPED and self._clip is not None:
            self.state = PlayState.PAUSED
        self._rewind(seconds)

    def _set_loop(self, seconds: tuple[float, float] | None) -> None:
        self._loop_seconds = seconds
        if self._reader is not None:
            self._reader.loop = self._region()

    def _load(self, samples: FloatArray, sample_rate: int) -> None:
        self._release()
        self.state = PlayState.STOPPED
        self._clip = (samples, sample_rate)
        self._loop_seconds = None
        self._rest_seconds = 0.0

    def _replace(self, codec: NeuralCodec | None = None, output: Output | None = None) -> None:
        seconds = self.position_seconds
        self._release()
        self._codec = codec or self._codec
        self._output = output or self._output
        self._rest_seconds = seconds
        if self.state is PlayState.PLAYING:
            self._play()

    # Opening and letting go.

    def _open(self, seconds: float) -> None:
        assert self._clip is not None and self._codec is not None
        samples, sample_rate = self._clip
        n_channels = samples.shape[0]
        if not supports(self._output, sample_rate, n_channels):
            samples, sample_rate = _resampled(samples, sample_rate, self._output.default_rate), self._output.default_rate
        ring = SampleRing(n_channels, round(RING_SECONDS * sample_rate))
        sink: Sink
        if self._output.index is None:
            sink = SilentClockSink(ring, sample_rate, self._clock)
        else:
            sink = SoundDeviceSink(ring, sample_rate, self._output.index, self._output.name, self._output.max_channels)
        # Blocks of one length need less latency than blocks of any.
        stream = self._codec.stream(sample_rate, n_channels, round(BLOCK_SECONDS * sample_rate))
        try:
            sink.start()
        except OSError as error:
            self._trouble.append(f"{error} Playing silently; choose another output at the bottom right.")
            self._output = SILENT
            sink = SilentClockSink(ring, sample_rate, self._clock)
            sink.start()
        with self._lock:
            self.sample_rate = sample_rate
            self._reader = ClipReader(samples, sample_rate)
            self._ring, self._sink, self._stream = ring, sink, stream
            self._held = np.zeros((n_channels, self._latency_samples), np.float32)
        self._reader.loop = self._region()
        self._reader.restart(round(seconds * sample_rate))
        self._end_sample = None

    def _release(self) -> None:
        if self._sink is not None:
            self._rest()
            self._sink.close()
        with self._lock:
            self._sink = self._ring = self._reader = self._stream = None
            self._segments.clear()
            self._heard.clear()
        self._reports.clear()

    def _rewind(self, seconds: float) -> None:
        """Comes to rest and waits at `seconds` with nothing in the ring."""
        self._rest()
        with self._lock:
            self._rest_seconds = seconds
            self._segments.clear()
            self._heard.clear()
            if self._ring is not None:
                self._ring.drop()
        if self._reader is not None:
            self._stream.reset()
            self._reports.clear()
            self._held[:] = 0.0
            self._reader.restart(round(seconds * self.sample_rate))
            self._end_sample = None

    def _rest(self) -> None:
        if self._sink is None:
            return
        self._sink.drain.is_open = False
        deadline = time.monotonic() + REST_SECONDS
        while not self._sink.drain.is_at_rest and time.monotonic() < deadline:
            self._sink.service()
            time.sleep(0.001)

    @property
    def _latency_samples(self) -> int:
        return int(self._stream.latency_samples) if self._stream is not None else 0

    def _region(self) -> Region | None:
        if self._loop_seconds is None or self._reader is None:
            return None
        start = round(self._loop_seconds[0] * self.sample_rate)
        stop = min(round(self._loop_seconds[1] * self.sample_rate), self._reader.n_samples)
        return Region(start, stop) if stop > start else None


def _resampled(samples: FloatArray, from_rate: int, to_rate: int) -> FloatArray:
    from pedalboard.io import StreamResampler

    resampler = StreamResampler(float(from_rate), float(to_rate), samples.shape[0])
    return np.concatenate([resampler.process(samples), resampler.process(None)], axis=1)
