"""What the engine is asked to open."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from lamina.plugin.call.arrays import HIGHEST_RATE, LOWEST_RATE

VIRTUAL = "virtual"
DEFAULT = "default"
NONE = "none"
SHORTEST_BUFFER, LONGEST_BUFFER = 32, 4096
BUFFERS = (64, 128, 256, 512, 1024)
MOST_MARGIN_FRAMES = 10
MOST_CHANNELS = 256


@dataclass(frozen=True)
class DeviceSettings:
    """Args:
    input, output: a device's name as in `devices.list_devices`, "default", or "virtual" (no hardware, see
    `virtual_device`);
        "none" for no input. The input is opened only while live.
    input_channels: one channel (it goes to both sides) or two, numbered from 1.
    sample_rate: Hz; None for the playing file's where the device takes it, else the device's own.
    buffer: samples the device takes at a time.
    margin_frames: how many codec frames (13.3 ms) of sound are kept ready beside the device's buffer while live; None
    for the least
        that proved enough here.

    Raises ValueError or TypeError with a sentence.
    """

    input: str = DEFAULT
    output: str = DEFAULT
    input_channels: tuple[int, ...] = (1, 2)
    sample_rate: int | None = None
    buffer: int = 256
    margin_frames: float | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise TypeError(f"{name} is {getattr(self, name)!r}; give a device's name, {DEFAULT!r} or {VIRTUAL!r}.")
        if self.output == NONE:
            raise ValueError(f"output is {NONE!r}; to play without a device, choose {VIRTUAL!r}.")
        channels = self.input_channels
        if (
            not isinstance(channels, tuple)
            or not 1 <= len(channels) <= 2
            or any(isinstance(c, bool) or not isinstance(c, int) or not 1 <= c <= MOST_CHANNELS for c in channels)
        ):
            raise ValueError(
                f"input_channels is {channels!r}; give one channel or two, numbered from 1 to {MOST_CHANNELS}."
            )
        if self.sample_rate is not None and (
            isinstance(self.sample_rate, bool)
            or not isinstance(self.sample_rate, int)
            or not LOWEST_RATE <= self.sample_rate <= HIGHEST_RATE
        ):
            raise ValueError(
                f"sample_rate is {self.sample_rate!r}; give a whole number of Hz from {LOWEST_RATE} to {HIGHEST_RATE}."
            )
        if (
            isinstance(self.buffer, bool)
            or not isinstance(self.buffer, int)
            or not SHORTEST_BUFFER <= self.buffer <= LONGEST_BUFFER
        ):
            raise ValueError(
                f"buffer is {self.buffer!r}; give a whole number of samples from {SHORTEST_BUFFER} to {LONGEST_BUFFER}."
            )
        margin = self.margin_frames
        if margin is not None and (
            isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin <= MOST_MARGIN_FRAMES
        ):
            raise ValueError(f"margin_frames is {margin!r}; give 0 to {MOST_MARGIN_FRAMES}.")

    def document(self) -> dict[str, Any]:
        """As JSON would have it."""
        return asdict(self) | {"input_channels": list(self.input_channels)}

    def changed(self, **changes: Any) -> DeviceSettings:
        """A copy with some fields changed, checked anew."""
        return replace(self, **changes)


def device_settings(document: Any) -> DeviceSettings:
    """The settings of a document; raises ValueError or TypeError with a sentence."""
    if not isinstance(document, dict):
        raise TypeError(
            f"Device settings are {document!r}; give an object with the fields "
            f"{', '.join(f.name for f in fields(DeviceSettings))}."
        )
    known = {field.name for field in fields(DeviceSettings)}
    unknown = sorted(set(document) - known)
    if unknown:
        raise ValueError(f"Device settings have no {unknown[0]!r}; known: {', '.join(sorted(known))}.")
    values = dict(document)
    if isinstance(values.get("input_channels"), list):
        values["input_channels"] = tuple(values["input_channels"])
    return DeviceSettings(**values)
