"""Streams: a device's clock and the two rings its callback fills and drains.

The processing thread asks `n_elapsed` how far the device is, takes what was captured, and hands over what it computed
through the playout ring. Which side the callback runs on (C, Python, or a clock without any hardware) is all that
differs.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from lamina.dsp.arrays import FloatArray
from lamina.plugin.host.device.rings import PortAudioRing, SampleRing, ring_capacity

CLOSE_SECONDS = 1.0
MISSES = ("input_overflows", "output_underflows")
"""What the driver counts that is heard; its other two happen whenever a stream starts."""
SHORTEST_NAP_SECONDS, LONGEST_NAP_SECONDS = 0.0002, 0.002


class DeviceError(OSError):
    """A device can't be opened or has gone; the message says which and what to do."""


class DeviceMissingError(DeviceError):
    """A device is not there: it may come."""


@dataclass(frozen=True)
class DelaySeconds:
    """What the device's driver says about its own delays."""

    input: float
    output: float


class Stream(ABC):
    """Args:
    sample_rate: Hz.
    block: samples per callback.
    n_inputs, n_outputs: channels; 0 inputs or outputs are possible, but not both.
    """

    is_real_time = True

    def __init__(self, sample_rate: int, block: int, capture: SampleRing | None, playout: SampleRing) -> None:
        self.sample_rate, self.block = sample_rate, block
        self.capture, self.playout = capture, playout
        self.n_device_misses = 0

    @property
    def n_elapsed(self) -> int:
        """Samples for which the device has come by: captured where there is an input, else played."""
        return self.playout.n_read if self.capture is None else self.capture.n_written

    @abstractmethod
    def start(self) -> None:
        """Begin; raises DeviceError."""

    @abstractmethod
    def close(self) -> bool:
        """Let the device go; False if it hangs, which only the end of the process cures."""

    @property
    @abstractmethod
    def is_active(self) -> bool:
        """Whether the driver says that the stream runs."""

    @property
    @abstractmethod
    def delay(self) -> DelaySeconds:
        """The driver's own delays."""

    def count_misses(self) -> int:
        """How often the driver itself lost input or had no output so far. Asked on the control thread."""
        return self.n_device_misses

    def wait(self) -> None:
        """Sleep until the next block may be there: short naps, because no driver here wakes anybody."""
        time.sleep(min(max(SHORTEST_NAP_SECONDS, self.block / self.sample_rate / 8), LONGEST_NAP_SECONDS))


@dataclass(frozen=True)
class PortAudioPlace:
    """A device and its channels: `index` is PortAudio's, `channels` are numbered from 1."""

    index: int
    name: str
    channels: tuple[int, ...]


class PortAudioStream(Stream):
    """A PortAudio device; the callback is rtmixer's, in C, or, where rtmixer is missing, a short one in Python.

    Raises DeviceError with the driver's reason if the device refuses.
    """

    def __init__(self, sample_rate: int, block: int, source: PortAudioPlace | None, target: PortAudioPlace) -> None:
        self.source, self.target = source, target
        self.is_native = has_rtmixer()
        ring = PortAudioRing if self.is_native else SampleRing
        capacity = ring_capacity(sample_rate)
        super().__init__(
            sample_rate,
            block,
            ring(len(source.channels), capacity) if source is not None else None,
            ring(len(target.channels), capacity),
        )
        self._asked: Any = None
        try:
            self._stream: Any = self._open_native() if self.is_native else self._open_plain()
        except Exception as error:
            raise DeviceError(
                f"{self._name()} can't be opened at {sample_rate} Hz with buffers of {block} samples ({error})."
            ) from error

    def start(self) -> None:
        try:
            self._stream.start()
        except Exception as error:
            raise DeviceError(f"{self._name()} can't be started ({error}).") from error

    def count_misses(self) -> int:
        asked = self._asked
        # The callback answers when it comes by next.
        if self.is_native and (asked is None or asked not in self._stream.actions):
            if asked is not None:
                self.n_device_misses += sum(getattr(asked.stats, name) for name in MISSES)
            self._asked = self._stream.fetch_and_reset_stats()
        return self.n_device_misses

    def close(self) -> bool:
        # From a helper thread, because PortAudio hangs when its sound server has died.
        closer = threading.Thread(target=self._close_quietly, name="lamina-close-device", daemon=True)
        closer.start()
        closer.join(CLOSE_SECONDS)
        return not closer.is_alive()

    @property
    def is_active(self) -> bool:
        return bool(self._stream.active)

    @property
    def delay(self) -> DelaySeconds:
        latency = self._stream.latency
        if self.source is None:
            return DelaySeconds(0.0, float(latency))
        return DelaySeconds(float(latency[0]), float(latency[1]))

    def _open_native(self) -> Any:
        import rtmixer

        options: dict[str, Any] = {"samplerate": self.sample_rate, "blocksize": self.block, "latency": "low"}
        outputs = max(self.target.channels)
        if self.source is None or self.capture is None:
            mixer = rtmixer.Mixer(device=self.target.index, channels=outputs, **options)
        else:
            devices = (self.source.index, self.target.index)
            mixer = rtmixer.MixerAndRecorder(device=devices, channels=(max(self.source.channels), outputs), **options)
            mixer.record_ringbuffer(_handle(self.capture), channels=self.source.channels)
        # Both actions wait in one queue before the stream starts, so both begin with the first callback's first sample.
        mixer.play_ringbuffer(_handle(self.playout), channels=self.target.channels)
        return mixer

    def _open_plain(self) -> Any:
        import sounddevice

        options: dict[str, Any] = {
            "samplerate": self.sample_rate,
            "blocksize": self.block,
            "latency": "low",
            "dtype": "float32",
        }
        outputs = max(self.target.channels)
        places = [channel - 1 for channel in self.target.channels]

        def play(out: FloatArray, n_samples: int, _time: Any, status: Any) -> None:
            _play(self.playout, out, n_samples, places)
            self.n_device_misses += bool(status.output_underflow)

        if self.source is None or self.capture is None:
            return sounddevice.OutputStream(
                device=self.target.index,
                channels=outputs,
                callback=play,
                **options,
            )
        capture, inputs = self.capture, [channel - 1 for channel in self.source.channels]

        def both(block: FloatArray, out: FloatArray, n_samples: int, time: Any, status: Any) -> None:
            play(out, n_samples, time, status)
            self.n_device_misses += bool(status.input_overflow)
            capture.store(capture.n_written, block[:, inputs])
            capture.advance_written(n_samples)

        devices = (self.source.index, self.target.index)
        return sounddevice.Stream(
            device=devices, channels=(max(self.source.channels), outputs), callback=both, **options
        )

    def _close_quietly(self) -> None:
        try:
            self._stream.abort()
            self._stream.close()
        except Exception:
            # The device is gone already; there is nobody left to tell and nothing left to release.
            return

    def _name(self) -> str:
        if self.source is None or self.source.name == self.target.name:
            return f"The device {self.target.name}"
        return f"The input {self.source.name} with the output {self.target.name}"


def has_rtmixer() -> bool:
    """Whether PortAudio's callback can run in C."""
    try:
        import rtmixer  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


def _handle(ring: SampleRing) -> Any:
    assert isinstance(ring, PortAudioRing)
    return ring.handle


def _play(ring: SampleRing, out: FloatArray, n_samples: int, places: list[int]) -> None:
    out[:] = 0.0
    if ring.n_written - ring.n_read >= n_samples:
        out[:, places] = ring.load(ring.n_read, n_samples)
        ring.advance_read(n_samples)
