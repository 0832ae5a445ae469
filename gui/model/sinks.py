"""Where computed sound goes: a sound device, or a clock that plays silently so that every view still moves.

Both drain one ring through one `Drain`, which fades on pause, resume and shortage. PortAudio's callback does nothing but
that: no codec work, no locks, no waiting.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lamina.gui.model.ring import SampleRing

FloatArray = NDArray[np.float32]

FADE_SAMPLES = 256
CLOSE_SECONDS = 2.0
DEVICE_SECONDS = 0.04  # the callback needs the interpreter, so the device's own buffer must outlast a paint


class Sink(Protocol):
    """What the player needs of an output."""

    name: str
    drain: "Drain"

    def start(self) -> None:
        """Begins draining; raises OSError with a sentence when the device refuses."""

    def service(self) -> None:
        """Called often by the player's thread; does what a clock or a watchdog must do."""

    def close(self) -> None:
        """Lets the device go; returns within CLOSE_SECONDS even if the device hangs."""

    @property
    def is_alive(self) -> bool:
        """Whether the output still takes sound."""


class Drain:
    """Takes from a ring what an output asks for, in blocks of any length; runs in the output's thread.

    `is_open` is what the player wants; `is_at_rest` tells that the fade-out is over and nothing is being read. A shortage
    closes it, so that the player opens it again once enough has been collected.
    """

    def __init__(self, ring: SampleRing) -> None:
        self.ring = ring
        self.is_open = False
        self.is_at_rest = True
        self.n_shortages = 0
        self._n_risen = 0  # how far the sound is faded in, 0 … FADE_SAMPLES, kept over blocks shorter than a fade
        self._last = np.zeros(ring.n_channels, np.float32)
        self._tail = np.zeros((0, ring.n_channels), np.float32)

    def pull(self, out: FloatArray) -> None:
        """Fills `out` `[n, channels]`: sound, a fade at each change between sound and silence, else zeros."""
        n_samples, is_short = self._take(out)
        out[n_samples:] = 0.0
        self._add_tail(out)
        if is_short:
            # What is missing can't be faded any more: what was last heard dies away instead.
            last = out[n_samples - 1] if n_samples else self._last
            self._tail = last * np.linspace(1.0, 0.0, FADE_SAMPLES + 1, dtype=np.float32)[1:, None]
            out[n_samples:] = 0.0
            self._add_tail(out[n_samples:])
        if len(out):
            self._last = out[-1].copy()

    def _take(self, out: FloatArray) -> tuple[int, bool]:
        """Reads faded sound into the start of `out`; how many samples, and whether some are missing."""
        if self.is_at_rest and not (self.is_open and self.ring.n_stored):
            return 0, False
        is_closing = not self.is_open
        # Fading out needs no more of the ring than the fade itself, so that a pause resumes where it was heard to stop.
        n_wanted = min(len(out), self._n_risen) if is_closing else len(out)
        n_samples = self.ring.read_into(out[:n_wanted])
        steps = np.arange(n_samples)
        if is_closing:
            out[:n_samples] *= ((self._n_risen - 1 - steps) / np.float32(FADE_SAMPLES))[:, None]
            self._n_risen -= n_samples
        elif self._n_risen < FADE_SAMPLES:
            out[:n_samples] *= (np.minimum(self._n_risen + steps, FADE_SAMPLES) / np.float32(FADE_SAMPLES))[:, None]
            self._n_risen = min(FADE_SAMPLES, self._n_risen + n_samples)
        is_short = n_samples < n_wanted
        if is_short:
            self._n_risen = 0
            if not is_closing:
                self.n_shortages += 1
                self.is_open = False
        self.is_at_rest = self._n_risen == 0
        return n_samples, is_short

    def _add_tail(self, out: FloatArray) -> None:
        n_tail = min(len(out), len(self._tail))
        if n_tail:
            out[:n_tail] += self._tail[:n_tail]
            self._tail = self._tail[n_tail:]


class SilentClockSink:
    """Drains the ring at the pace of a clock, into nothing."""

    name = "Silent"

    def __init__(self, ring: SampleRing, sample_rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.drain = Drain(ring)
        self._sample_rate = sample_rate
        self._clock = clock
        self._last_seconds: float | None = None
        self._scratch = np.zeros((ring.capacity, ring.n_channels), np.float32)

    def start(self) -> None:
        """The clock starts counting."""
        self._last_seconds = self._clock()

    def service(self) -> None:
        """Drains what has become due since the last call; a machine that is late makes the clock wait, not skip."""
        if self._last_seconds is None:
            return
        n_due = int((self._clock() - self._last_seconds) * self._sample_rate)
        if n_due <= 0:
            return
        self._last_seconds += n_due / self._sample_rate
        if self.drain.is_open and not self.drain.is_at_rest:
            n_due = min(n_due, self.drain.ring.n_stored)
        if n_due:
            self.drain.pull(self._scratch[: min(n_due, len(self._scratch))])

    def close(self) -> None:
        """The clock stops."""
        self._last_seconds = None

    @property
    def is_alive(self) -> bool:
        """A clock doesn't die."""
        return True


class SoundDeviceSink:
    """Plays the ring on a PortAudio output device (None: the system's default).

    The device gets as many channels as the clip has, at least two where it can: a mono sound on a stereo device plays on
    both sides.
    """

    def __init__(self, ring: SampleRing, sample_rate: int, device: int | None, name: str, device_channels: int) -> None:
        self.drain = Drain(ring)
        self.name = name
        self._device = device
        self._sample_rate = sample_rate
        self._n_channels = min(max(2, ring.n_channels), max(1, device_channels))
        self._pulled = np.zeros((0, ring.n_channels), np.float32)
        self._stream: Any = None

    def start(self) -> None:
        """Opens and starts the device; raises OSError with a sentence when it refuses."""
        import sounddevice

        try:
            self._stream = sounddevice.OutputStream(
                samplerate=self._sample_rate,
                device=self._device,
                channels=self._n_channels,
                dtype="float32",
                latency=DEVICE_SECONDS,
                callback=self._callback,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise OSError(f"The output {self.name} can't be opened at {self._sample_rate} Hz ({error}).") from error

    def service(self) -> None:
        """Nothing to do: the device asks by itself."""

    def close(self) -> None:
        """Closes the device from a helper thread, because PortAudio hangs when its sound server has died."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        closer = threading.Thread(target=_close_quietly, args=(stream,), name="lamina-close-device", daemon=True)
        closer.start()
        closer.join(CLOSE_SECONDS)

    @property
    def is_alive(self) -> bool:
        """Whether PortAudio still runs the stream."""
        return self._stream is not None and bool(self._stream.active)

    def _callback(self, out: FloatArray, n_samples: int, _time: Any, _status: Any) -> None:
        n_ring = self.drain.ring.n_channels
        if n_ring == out.shape[1]:
            self.drain.pull(out)
            return
        if len(self._pulled) < n_samples:
            self._pulled = np.zeros((n_samples, n_ring), np.float32)
        pulled = self._pulled[:n_samples]
        self.drain.pull(pulled)
        out[:] = pulled if n_ring == 1 else pulled.mean(axis=1, keepdims=True)


def _close_quietly(stream: Any) -> None:
    try:
        stream.abort()
        stream.close()
    except Exception:
        # The device is gone already; there is nobody left to tell and nothing left to release.
        return
