"""Virtual devices by name: "virtual", or with options as in a web address.

virtual                                 silence in, nothing out, at the pace of a clock
virtual?fast                            as fast as the blocks come
virtual?input=take.wav&output=out.raw   plays a file in (then silence), writes what comes out (float32, interleaved) to
                                        a new file: out 2.raw, where there is an out.raw
virtual?cable=480                       output connected to input, 480 samples later
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.files.sound import read_audio
from lamina.plugin.host.device.device_settings import VIRTUAL
from lamina.plugin.host.device.streams import DeviceError
from lamina.plugin.host.device.virtual_stream import VirtualStream
from lamina.plugin.host.recording.next_take import next_take

OPTIONS = ("fast", "input", "output", "cable")


@dataclass(frozen=True)
class VirtualDevice:
    """What a virtual device's name says."""

    is_fast: bool = False
    input: Path | None = None
    output: Path | None = None
    cable_samples: int | None = None

    def open(self, sample_rate: int, block: int, n_inputs: int) -> VirtualStream:
        """A stream with stereo output; raises DeviceError or AudioFileError if a file can't be used."""
        source = _FileInput(self.input, sample_rate, n_inputs) if self.input is not None and n_inputs else None
        sink = _FileOutput(self.output) if self.output is not None else None
        clock = None if self.is_fast else time.monotonic
        return VirtualStream(sample_rate, block, n_inputs, 2, source, sink, clock, self.cable_samples)


def virtual_device(*names: str) -> VirtualDevice:
    """The device of one or several names (an input's and an output's); raises DeviceError for an unknown option."""
    options: dict[str, str] = {}
    for name in names:
        kind, _, query = name.partition("?")
        if kind == VIRTUAL:
            options |= {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise DeviceError(f"A virtual device has no option {unknown[0]!r}; known: {', '.join(OPTIONS)}.")
    cable = options.get("cable")
    if cable is not None and not cable.isdecimal():
        raise DeviceError(f"The virtual device's cable is {cable!r}; give a whole number of samples.")
    return VirtualDevice(
        "fast" in options,
        Path(options["input"]) if options.get("input") else None,
        Path(options["output"]) if options.get("output") else None,
        int(cable) if cable is not None else None,
    )


class _FileInput:
    """A file as a microphone: once, then silence."""

    def __init__(self, path: Path, sample_rate: int, n_channels: int) -> None:
        clip = read_audio(path)
        if clip.sample_rate != sample_rate:
            raise DeviceError(f"{path} has {clip.sample_rate} Hz, but the virtual device runs at {sample_rate} Hz.")
        self._samples = clip.samples[np.arange(n_channels) % len(clip.samples)].T
        self._position = 0

    def __call__(self, n_samples: int) -> FloatArray:
        block = np.zeros((n_samples, self._samples.shape[1]), np.float32)
        part = self._samples[self._position : self._position + n_samples]
        block[: len(part)] = part
        self._position += n_samples
        return block


class _FileOutput:
    """What a listener would have heard, as raw float32."""

    def __init__(self, path: Path) -> None:
        try:
            # A stream is opened again and again in an engine's life, and every time writes a file of its own.
            self._file = next_take(path).open("xb", buffering=0)
        except OSError as error:
            raise DeviceError(
                f"The virtual device's output {path} can't be written: {error.strerror or error}."
            ) from error

    def __call__(self, block: FloatArray) -> None:
        self._file.write(np.ascontiguousarray(block, np.float32).tobytes())
