"""Which sound devices there are, by host API, and how one is chosen by its name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from lamina.plugin.extras import missing_extra
from lamina.plugin.host.device.device_settings import DEFAULT, NONE, VIRTUAL
from lamina.plugin.host.device.streams import DeviceError, DeviceMissingError

PROBE_SECONDS = 5.0
NO_LIBRARY_CODE = 69
PROBE = f"""
import json, os, sys
try:
    import sounddevice
except OSError:
    sys.exit({NO_LIBRARY_CODE})
os.nice(10)
devices, hosts = list(sounddevice.query_devices()), list(sounddevice.query_hostapis())
print(json.dumps([devices, hosts, *map(int, sounddevice.default.device)]))
"""
"""Without Lamina, which takes longer to load than the question takes to answer."""
NO_LIBRARY = "No sound devices: the PortAudio library is missing (Debian: libportaudio2)."


@dataclass(frozen=True)
class Device:
    """A device as PortAudio shows it.

    name: unique among all devices: "system (JACK Audio Connection Kit)".
    api: the host API's name.
    index: PortAudio's number, good until it looks again.
    n_inputs, n_outputs: channels.
    default_rate: Hz.
    is_default_input, is_default_output: whether the system prefers it.
    """

    name: str
    api: str
    index: int
    n_inputs: int
    n_outputs: int
    default_rate: int
    is_default_input: bool
    is_default_output: bool


def list_devices(rescan: bool = False) -> list[Device]:
    """All devices, grouped by host API; raises DeviceError if there is no PortAudio or it can't be asked.

    rescan: also finds devices that came after PortAudio started. Only while no stream is open.
    """
    # A sound server is looked for, and never started.
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise DeviceError(missing_extra("Playing on sound devices", "live", error)) from error
    except OSError as error:
        raise DeviceError(NO_LIBRARY) from error
    try:
        if rescan:
            # PortAudio lists devices once, when it starts; sounddevice has no other way to make it look again.
            sounddevice._terminate()
            sounddevice._initialize()
        found, apis = sounddevice.query_devices(), sounddevice.query_hostapis()
        default_input, default_output = (int(index) for index in sounddevice.default.device)
    except Exception as error:
        raise DeviceError(f"The audio system can't be asked for its devices ({error}).") from error
    return _as_devices(found, apis, default_input, default_output)


def probe_devices() -> list[Device]:
    """All devices as a new process sees them: streams that run here go on, and a sound server that hangs harms nobody.

    Raises DeviceError if that process has no answer.
    """
    if find_spec("sounddevice") is None:
        # Asked here, for of what a process that failed says nothing is read.
        raise DeviceError(
            missing_extra("Playing on sound devices", "live", ModuleNotFoundError("No module named 'sounddevice'"))
        )
    environment = {"JACK_NO_START_SERVER": "1", **os.environ}
    try:
        command = [sys.executable, "-P", "-c", PROBE]
        result = subprocess.run(
            command, capture_output=True, timeout=PROBE_SECONDS, check=True, stdin=subprocess.DEVNULL, env=environment
        )
        return _as_devices(*json.loads(result.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, subprocess.CalledProcessError) and error.returncode == NO_LIBRARY_CODE:
            raise DeviceError(NO_LIBRARY) from error
        raise DeviceError("The audio system gives no answer about its devices.") from error


def find_device(wanted: str, devices: Sequence[Device], is_input: bool) -> Device:
    """A device by its name, or by a part of it that fits only one; `"default"` is the system's choice.

    Raises DeviceMissingError, or DeviceError if several fit, that says what there is.
    """
    kind = "input" if is_input else "output"
    usable = [device for device in devices if (device.n_inputs if is_input else device.n_outputs)]
    if wanted == DEFAULT:
        preferred = [device for device in usable if (device.is_default_input if is_input else device.is_default_output)]
        if not usable:
            raise DeviceMissingError(f"There is no sound {kind} on this machine.")
        return (preferred or usable)[0]
    for fits in (
        lambda device: device.name == wanted,
        lambda device: wanted.casefold() == device.name.removesuffix(f" ({device.api})").casefold(),
        lambda device: wanted.casefold() in device.name.casefold(),
    ):
        found = [device for device in usable if fits(device)]
        if len(found) == 1:
            return found[0]
        if found:
            raise DeviceError(
                f"{wanted!r} fits several {kind}s: {'; '.join(device.name for device in found)}. Write more of the "
                "name."
            )
    known = "; ".join(device.name for device in usable)
    raise DeviceMissingError(
        f"There is no {kind} {wanted!r}. {f'Known: {known}.' if known else f'There is no sound {kind} at all.'}"
    )


def is_hardware(name: str) -> bool:
    """Whether a name in the settings stands for a device, and not for a virtual one or none."""
    return name != NONE and name.partition("?")[0] != VIRTUAL


def _as_devices(found: Iterable[Any], apis: Sequence[Any], default_input: int, default_output: int) -> list[Device]:
    devices = []
    for device in found:
        api, index = str(apis[device["hostapi"]]["name"]), int(device["index"])
        devices.append(
            Device(
                f"{device['name']} ({api})",
                api,
                index,
                int(device["max_input_channels"]),
                int(device["max_output_channels"]),
                int(device["default_samplerate"]),
                index == default_input,
                index == default_output,
            )
        )
    return devices
