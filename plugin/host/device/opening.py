"""From what is wanted to a stream that can be had.

Devices are found, a rate is chosen, and there is a way out where something is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lamina.plugin.files.sound import AudioFileError
from lamina.plugin.host.device.device_settings import DEFAULT, NONE, VIRTUAL, DeviceSettings
from lamina.plugin.host.device.devices import Device, find_device, is_hardware, list_devices
from lamina.plugin.host.device.streams import DeviceError, DeviceMissingError, PortAudioPlace, PortAudioStream, Stream
from lamina.plugin.host.device.virtual_device import virtual_device

VIRTUAL_RATE = 48_000


@dataclass(frozen=True)
class Opened:
    """A stream, not started yet.

    input, output: names of what is used; `NONE` or `VIRTUAL` where it is no device.
    remark: a sentence about what could not be had, or nothing.
    is_missing: whether what could not be had is a device that is not there.
    """

    stream: Stream
    input: str
    output: str
    remark: str = ""
    is_missing: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether what was wanted is there, but could not be opened."""
        return bool(self.remark) and not self.is_missing


def open_stream(settings: DeviceSettings, wants_input: bool, clip_rate: int | None = None) -> Opened:
    """Open what the settings name, or the nearest that can be had, with a remark.

    Where the wanted devices fail, the system's own choice; at last a virtual device.

    Args:
        settings: what is wanted.
        wants_input: whether to capture.
        clip_rate: rate of the file that plays, taken if the settings leave the rate open and the device takes it.
    """
    source = settings.input if wants_input else NONE
    first: Exception | None = None
    for output, input_name in _attempts(settings.output, source):
        try:
            opened = _open(settings, output, input_name, clip_rate)
        except (DeviceError, AudioFileError) as error:
            first = first or error
            continue
        if first is None:
            return opened
        used = f"to {opened.output}" if is_hardware(opened.output) else "silently"
        if source != NONE and opened.input == NONE and is_hardware(opened.output):
            used += " without input"
        is_missing = isinstance(first, DeviceMissingError)
        remark = f"{first} Playing {used} until {'it is there' if is_missing else 'it can be used'}."
        return replace(opened, remark=remark, is_missing=is_missing)
    raise DeviceError(str(first))  # not even a virtual device: its name holds a mistake


def _attempts(output: str, source: str) -> list[tuple[str, str]]:
    """The pairs (output, input) to try, in order of preference.

    Another input than the wanted one is never opened: a microphone into loudspeakers howls.
    """
    wishes = [(output, source), (output, NONE)]
    if is_hardware(output):
        wishes += [(DEFAULT, NONE), (VIRTUAL, NONE)]
    elif not is_hardware(source):
        wishes = wishes[:1]  # what is wrong with virtual devices is a mistake in their names
    return list(dict.fromkeys(wishes))


def _open(settings: DeviceSettings, output: str, source: str, clip_rate: int | None) -> Opened:
    if not is_hardware(output):
        if is_hardware(source):
            raise DeviceError(
                f"The input {source} can't be used with a virtual output. Choose a real output, or a virtual input."
            )
        rate = settings.sample_rate or clip_rate or VIRTUAL_RATE
        n_inputs = 0 if source == NONE else len(settings.input_channels)
        return Opened(
            virtual_device(output, source).open(rate, settings.buffer, n_inputs),
            NONE if source == NONE else source,
            output,
        )
    devices = list_devices()
    target = find_device(output, devices, is_input=False)
    place = PortAudioPlace(target.index, target.name, (1, 2) if target.n_outputs > 1 else (1,))
    origin, capture = None, None
    if source != NONE:
        if not is_hardware(source):
            raise DeviceError(
                f"A virtual input can't be used with the output {target.name}. Choose a virtual output too, or a real "
                "input."
            )
        origin = _input_for(source, devices, target)
        capture = PortAudioPlace(origin.index, origin.name, _channels(settings.input_channels, origin))
    rate = settings.sample_rate or _rate(target, origin, clip_rate)
    stream = PortAudioStream(rate, settings.buffer, capture, place)
    return Opened(stream, origin.name if origin is not None else NONE, target.name)


def _input_for(wanted: str, devices: Sequence[Device], output: Device) -> Device:
    """The input; the system's choice is looked for where the output is, because one stream can't span two host APIs."""
    if wanted == DEFAULT:
        if output.n_inputs:
            return output
        devices = [device for device in devices if device.api == output.api]
    origin = find_device(wanted, devices, is_input=True)
    if origin.api != output.api:
        raise DeviceError(
            f"The input {origin.name} and the output {output.name} belong to different audio systems. Choose two of "
            "the same, "
            f"for example an input of {output.api}."
        )
    return origin


def _channels(wanted: tuple[int, ...], device: Device) -> tuple[int, ...]:
    if max(wanted) <= device.n_inputs:
        return wanted
    if wanted == (1, 2):
        return (1,)  # the usual choice, on a device with a single channel
    channels = f"{device.n_inputs} input channel{'s' if device.n_inputs != 1 else ''}"
    raise DeviceError(f"{device.name} has {channels}; channel {max(wanted)} can't be used. Choose another.")


def _rate(output: Device, source: Device | None, clip_rate: int | None) -> int:
    """The file's rate where the device takes it, else the device's own."""
    if clip_rate is None or source is not None:
        return output.default_rate
    import sounddevice

    try:
        sounddevice.check_output_settings(
            device=output.index, channels=min(2, output.n_outputs), dtype="float32", samplerate=clip_rate
        )
    except Exception:
        return output.default_rate
    return clip_rate
