"""Sound devices, asked kindly: no PortAudio or no device is an answer, not a crash."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OutputDevice:
    """An output as PortAudio lists it; `index` is its number there."""

    index: int
    name: str
    channels: int
    sample_rate: int
    default: bool


def output_devices() -> tuple[list[OutputDevice], str | None]:
    """The output devices, and a sentence if there are none."""
    try:
        import sounddevice
    except OSError:
        return [], "PortAudio is not installed, so nothing can be played. On Debian: apt install libportaudio2."
    try:
        default = sounddevice.default.device[1]
        devices = [
            OutputDevice(index, str(entry["name"]), int(entry["max_output_channels"]), int(entry["default_samplerate"]), index == default)
            for index, entry in enumerate(sounddevice.query_devices())
            if entry["max_output_channels"] > 0
        ]
    except sounddevice.PortAudioError as error:
        return [], f"PortAudio can't list devices: {error}."
    return devices, None if devices else "No output device was found; files can still be rendered."
