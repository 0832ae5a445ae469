"""Plays a clip through the codec in a thread of its own.

Calls from the app's thread only leave a command and return; the thread carries them out in order. What the views need
comes back as blocks that have been *heard*, so that pictures and sound run together whatever lies in the ring.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from lamina.gui.model.converted_clip import ConvertedClip
from lamina.gui.model.outputs import SILENT, Output, supports
from lamina.gui.model.playback import HeardBlock, Playback, block_samples, new_ring
from lamina.gui.model.sinks import SilentClockSink, Sink, SoundDeviceSink
from lamina.plugin import FrameReport, NeuralCodec

FloatArray = NDArray[np.float32]

POLL_SECONDS = 0.004
RELEASE_SECONDS = 5.0  # a device that hangs is given up sooner than that


class PlayState(Enum):
    """What the transport shows."""

    STOPPED = "stopped"
    PAUSED = "paused"
    PLAYING = "playing"


class Player:
    """A transport for one clip. `clock` paces silent playback; tests hand in their own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = PlayState.STOPPED
        self._clock = clock
        self._wake = threading.Condition()
        self._commands: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._trouble: deque[str] = deque()
        self._reports: list[FrameReport] = []
        self._codec: NeuralCodec | None = None
        self._output: Output = SILENT
        self._clip: tuple[FloatArray, int] | None = None
        self._loop_seconds: tuple[float, float] | None = None
        self._rest_seconds = 0.0
        self._playback: Playback | None = None
        self._n_loads_asked = 0
        self._n_loads_done = 0  # the number of the last load that was carried out

    # Called from the app's thread.

    def set_codec(self, codec: NeuralCodec) -> None:
        """Plays through `codec` from now on; takes over its `on_report`."""
        codec.on_report = self._reports.append
        self._command(lambda: self._replace(codec=codec))

    def set_output(self, output: Output) -> None:
        """Plays to `output` from now on, at the same place and in the same state."""
        self._command(lambda: self._replace(output=output))

    def release_output(self) -> None:
        """Pauses and lets the sound device go, so that outputs can be looked for; returns when it is free. Not for the app's thread."""
        is_free = threading.Event()
        self._command(self._pause)
        self._command(self._replace)
        self._command(is_free.set)
        is_free.wait(RELEASE_SECONDS)

    def load(self, samples: FloatArray, sample_rate: int) -> None:
        """Stops, forgets the loop and waits at the beginning of `samples` `[channels, n]`.

        From now on nothing is heard or located that belongs to the clip before.
        """
        self._n_loads_asked += 1
        number = self._n_loads_asked
        self._command(lambda: self._load(samples, sample_rate, number))

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
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def position_seconds(self) -> float:
        """Place in the clip that is heard now."""
        if self._awaits_clip():
            return 0.0
        playback = self._playback
        return playback.position_seconds if playback is not None else self._rest_seconds

    @property
    def sample_rate(self) -> int:
        """Rate at which the output runs, in Hz; 0 before the first play."""
        playback = self._playback
        return playback.sample_rate if playback is not None else 0

    @property
    def latency_seconds(self) -> float:
        """The codec's delay; 0 before the first play."""
        playback = self._playback
        return playback.latency_samples / playback.sample_rate if playback is not None else 0.0

    @property
    def n_shortages(self) -> int:
        """How often the output asked for sound that was not ready."""
        playback = self._playback
        return playback.sink.drain.n_shortages if playback is not None else 0

    def heard(self) -> tuple[list[HeardBlock], int]:
        """Blocks heard since the last call, oldest first, and their sample rate."""
        if self._awaits_clip():
            return [], 0
        playback = self._playback
        return (playback.heard(), playback.sample_rate) if playback is not None else ([], 0)

    def take_trouble(self) -> str:
        """A sentence about what went wrong since the last call, or nothing."""
        return self._trouble.popleft() if self._trouble else ""

    def _awaits_clip(self) -> bool:
        """Whether the thread still plays a clip that was replaced, possibly with other channels."""
        return self._n_loads_done != self._n_loads_asked

    # The thread.

    def _command(self, command: Callable[[], None]) -> None:
        with self._wake:
            if self._closing:
                return
            self._commands.append(command)
            if self._thread is None:
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
            for step in (*commands, self._turn):
                try:
                    step()
                except Exception as error:
                    # Whatever the device or the codec raised, the app must stay usable and say so.
                    self._trouble.append(f"Playback stopped: {error}")
                    self.state = PlayState.STOPPED
                    self._release()
        self._release()

    def _is_moving(self) -> bool:
        return self.state is PlayState.PLAYING or (self._playback is not None and not self._playback.sink.drain.is_at_rest)

    def _turn(self) -> None:
        playback = self._playback
        if playback is None:
            return
        playback.sink.service()
        if self.state is not PlayState.PLAYING:
            return
        if not playback.sink.is_alive:
            self._trouble.append(f"The output {playback.sink.name} went away. Playing silently; choose an output at the bottom right.")
            self._replace(output=SILENT)
        elif playback.has_ended:
            self._stop()
        else:
            playback.fill()

    def _play(self) -> None:
        if self._clip is None or self._codec is None:
            return
        if self._playback is None:
            self._open(*self._clip, self._codec)
        self.state = PlayState.PLAYING

    def _pause(self) -> None:
        if self.state is PlayState.PLAYING:
            self.state = PlayState.PAUSED
            if self._playback is not None:
                self._playback.sink.drain.is_open = False

    def _stop(self) -> None:
        # The state last: whoever sees it finds everything else in place.
        self._rewind(self._loop_seconds[0] if self._loop_seconds is not None else 0.0)
        self.state = PlayState.STOPPED

    def _seek(self, seconds: float) -> None:
        if self.state is PlayState.PLAYING and self._playback is not None:
            self._playback.jump(seconds)
            return
        self._rewind(seconds)
        if self.state is PlayState.STOPPED and self._clip is not None:
            self.state = PlayState.PAUSED

    def _rewind(self, seconds: float) -> None:
        self._rest_seconds = seconds
        if self._playback is not None:
            self._playback.rewind(seconds)

    def _set_loop(self, seconds: tuple[float, float] | None) -> None:
        self._loop_seconds = seconds
        if self._playback is not None:
            self._playback.set_loop(seconds)

    def _load(self, samples: FloatArray, sample_rate: int, number: int) -> None:
        self._release()
        self.state = PlayState.STOPPED
        self._clip = (samples, sample_rate)
        self._loop_seconds = None
        self._rest_seconds = 0.0
        self._n_loads_done = number

    def _replace(self, codec: NeuralCodec | None = None, output: Output | None = None) -> None:
        self._rest_seconds = self.position_seconds
        self._release()
        self._codec = codec or self._codec
        self._output = output or self._output
        if self.state is PlayState.PLAYING:
            self._play()

    def _open(self, samples: FloatArray, sample_rate: int, codec: NeuralCodec) -> None:
        n_channels = samples.shape[0]
        clip: FloatArray | ConvertedClip = samples
        if not supports(self._output, sample_rate, n_channels):
            clip, sample_rate = ConvertedClip(samples, sample_rate, self._output.default_rate), self._output.default_rate
        stream = codec.stream(sample_rate, n_channels, block_samples(sample_rate))
        sink = self._started_sink(n_channels, sample_rate)
        playback = Playback(clip, sample_rate, stream, sink, self._reports)
        playback.set_loop(self._loop_seconds)
        playback.rewind(self._rest_seconds)
        self._playback = playback

    def _started_sink(self, n_channels: int, sample_rate: int) -> Sink:
        ring = new_ring(n_channels, sample_rate)
        if self._output.index is not None:
            device = SoundDeviceSink(ring, sample_rate, self._output.index, self._output.name, self._output.max_channels)
            try:
                device.start()
                return device
            except OSError as error:
                device.close()
                self._trouble.append(f"{error} Playing silently; choose another output at the bottom right.")
                self._output = SILENT
        clock = SilentClockSink(ring, sample_rate, self._clock)
        clock.start()
        return clock

    def _release(self) -> None:
        playback, self._playback = self._playback, None
        if playback is not None:
            playback.close()
