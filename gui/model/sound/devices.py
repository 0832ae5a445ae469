"""The chooser of sound devices: what there is to choose from, and what a choice brings with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lamina.gui.model.values.observable import Observable
from lamina.plugin.host.device.device_settings import BUFFERS, DEFAULT, NONE, VIRTUAL, DeviceSettings
from lamina.plugin.host.device.devices import Device, find_device, is_hardware
from lamina.plugin.host.device.streams import DeviceError

RATES = (44100, 48000, 88200, 96000)
USUAL_RATE = 48000
SILENT_LABEL = "No sound (silent)"


@dataclass(frozen=True)
class Choice:
    """One line of a list: what is chosen by it, what it says, and the heading it stands under ("" for none)."""

    value: Any
    label: str
    group: str = ""


@dataclass(frozen=True)
class OpenedDevices:
    """What the engine really uses."""

    output: str
    input: str
    sample_rate: int
    block: int

    @property
    def output_name(self) -> str:
        """The output in words."""
        return self.output if is_hardware(self.output) else SILENT_LABEL

    @property
    def input_name(self) -> str:
        """The input in words, or nothing where none is open."""
        return "" if self.input == NONE else self.input if is_hardware(self.input) else _virtual_input(self.input)

    def describe(self) -> str:
        """All of it in one line."""
        source = f", input {self.input_name}" if self.input_name else ""
        return (
            f"Open: output {self.output_name}{source}, {self.sample_rate / 1000:g} kHz, {self.block} samples at a time."
        )


class DeviceChooser:
    """The devices that are wanted and those there are.

    `changed` is notified when either changes. `apply` is called with every new wish.
    """

    def __init__(self, settings: DeviceSettings, apply: Callable[[DeviceSettings], object]) -> None:
        self.settings = settings
        self.devices: tuple[Device, ...] = ()
        self.trouble = ""
        self.is_known = False
        self.changed: Observable[[]] = Observable()
        self._apply = apply

    def use_devices(self, devices: Sequence[Device]) -> None:
        """What there is, as it was found now."""
        self.devices, self.trouble, self.is_known = tuple(devices), "", True
        self.changed.notify()

    def fail(self, sentence: str) -> None:
        """Nothing could be found out; `sentence` says why."""
        self.devices, self.trouble, self.is_known = (), sentence, True
        self.changed.notify()

    @property
    def remark(self) -> str:
        """Why there is nothing to hear, or nothing."""
        if not self.is_known or not is_hardware(self.settings.output):
            return ""
        if any(device.n_outputs for device in self.devices):
            return ""
        return self.trouble or "No sound output was found. Play runs silently and every view still moves."

    # What there is.

    @property
    def lacks_input(self) -> bool:
        """Whether it is known that there is no input at all."""
        return self.is_known and not any(device.n_inputs for device in self.devices)

    @property
    def output_device(self) -> Device | None:
        """The device that is wanted for output, if it is there."""
        return self._found(self.settings.output, self.devices, is_input=False)

    @property
    def input_device(self) -> Device | None:
        """The device that is wanted for input, if it is there.

        The system's choice is the one that goes with the output.
        """
        output = self.output_device
        if self.settings.input == DEFAULT and output is not None:
            if output.n_inputs:
                return output
            return self._found(DEFAULT, [device for device in self.devices if device.api == output.api], is_input=True)
        return self._found(self.settings.input, self.devices, is_input=True)

    def outputs(self) -> list[Choice]:
        """The system's choice, every output by audio system, and none."""
        usable = [device for device in self.devices if device.n_outputs]
        default = self._found(DEFAULT, self.devices, is_input=False)
        choices = [Choice(DEFAULT, f"System default ({_short(default)})" if default else "System default")]
        choices += [Choice(device.name, _short(device), device.api) for device in usable]
        silent = self.settings.output if not is_hardware(self.settings.output) else VIRTUAL
        return self._with_present([*choices, Choice(silent, SILENT_LABEL)], self.settings.output)

    def inputs(self) -> list[Choice]:
        """The inputs that go with the output: one stream can't span two audio systems, nor be half virtual."""
        if not is_hardware(self.settings.output):
            silent = self.settings.input if self.settings.input.startswith(VIRTUAL) else VIRTUAL
            words = _virtual_input(silent)
            choices = [Choice(silent, words[:1].upper() + words[1:]), Choice(NONE, "None")]
            return self._with_present(choices, self.settings.input)
        output, present = self.output_device, self.settings.input
        usable = [device for device in self.devices if device.n_inputs and (output is None or device.api == output.api)]
        default = self.input_device if present == DEFAULT else None
        choices = [Choice(DEFAULT, f"System default ({_short(default)})" if default else "System default")]
        choices += [Choice(device.name, _short(device), device.api) for device in usable]
        return self._with_present([*choices, Choice(NONE, "None")], present)

    def channels(self) -> list[Choice]:
        """Single channels and pairs of the input."""
        device = self.input_device
        n_inputs = max(1, device.n_inputs) if device is not None else 2
        choices = [Choice((channel,), f"{channel}, to both sides") for channel in range(1, min(2, n_inputs) + 1)]
        choices += [Choice((first, first + 1), f"{first} + {first + 1}") for first in range(1, n_inputs, 2)]
        present = self.settings.input_channels
        if present not in [choice.value for choice in choices]:
            choices.append(Choice(present, " + ".join(map(str, present))))
        return choices

    def rates(self) -> list[Choice]:
        """Sample rates."""
        present = self.settings.sample_rate
        rates = sorted({*RATES, *([present] if present else [])})
        return [Choice(None, "Automatic"), *(Choice(rate, f"{rate / 1000:g} kHz") for rate in rates)]

    def buffers(self, sample_rate: int) -> list[Choice]:
        """Buffer lengths, with what they last at the rate in use (0 if none is)."""
        device = self.output_device
        rate = sample_rate or self.settings.sample_rate or (device.default_rate if device is not None else USUAL_RATE)
        lengths = sorted({*BUFFERS, self.settings.buffer})
        return [Choice(length, f"{length} samples, {1000 * length / rate:.1f} ms") for length in lengths]

    def name_of_output(self) -> str:
        """What is wanted for output, in words."""
        if not is_hardware(self.settings.output):
            return SILENT_LABEL
        device = self.output_device
        if device is not None:
            return _short(device)
        return "System default" if self.settings.output == DEFAULT else self.settings.output

    def name_of_input(self) -> str:
        """What is wanted for input, in words."""
        if self.settings.input == NONE:
            return "none"
        if not is_hardware(self.settings.output) or not is_hardware(self.settings.input):
            return _virtual_input(self.settings.input)
        device = self.input_device
        if device is not None:
            return _short(device)
        return "System default" if self.settings.input == DEFAULT else self.settings.input

    # What is wanted.

    def choose_output(self, name: str) -> None:
        """Play there. An input that can't go with it gives way to one that can."""
        output = self._found(name, self.devices, is_input=False)
        source = self.settings.input
        if not is_hardware(name):
            source = VIRTUAL if is_hardware(source) else source
        elif source.startswith(VIRTUAL):
            source = DEFAULT
        elif source not in (DEFAULT, NONE) and output is not None:
            present = self._found(source, self.devices, is_input=True)
            source = source if present is not None and present.api == output.api else DEFAULT
        self._choose(output=name, input=source)

    def choose_input(self, name: str) -> None:
        """Take this input while live; channels that it doesn't have are given up."""
        self._choose(input=name)
        device = self.input_device
        if device is not None and max(self.settings.input_channels) > device.n_inputs:
            self._choose(input_channels=(1, 2) if device.n_inputs > 1 else (1,))

    def choose_channels(self, channels: tuple[int, ...]) -> None:
        """One channel, for both sides, or two."""
        self._choose(input_channels=channels)

    def choose_rate(self, sample_rate: int | None) -> None:
        """Hz; None leaves it to the file and the device."""
        self._choose(sample_rate=sample_rate)

    def choose_buffer(self, n_samples: int) -> None:
        """Samples the device takes at a time."""
        self._choose(buffer=n_samples)

    def _choose(self, **changes: Any) -> None:
        settings = self.settings.changed(**changes)
        if settings != self.settings:
            self.settings = settings
            self._apply(settings)
            self.changed.notify()

    def _with_present(self, choices: list[Choice], present: str) -> list[Choice]:
        """A device that is wanted stays in the list while it is away."""
        if present not in [choice.value for choice in choices]:
            choices.insert(1, Choice(present, f"{present} (not there now)"))
        return choices

    @staticmethod
    def _found(name: str, devices: Sequence[Device], is_input: bool) -> Device | None:
        if not is_hardware(name):
            return None
        try:
            return find_device(name, devices, is_input)
        except DeviceError:
            return None


def _short(device: Device) -> str:
    return device.name.removesuffix(f" ({device.api})")


def _virtual_input(name: str) -> str:
    """What comes in from a virtual device: a file, what goes out, or silence."""
    from lamina.plugin.host.device.virtual_device import virtual_device  # only where one is chosen

    try:
        device = virtual_device(name)
    except DeviceError:
        return "silence"
    if device.cable_samples is not None:
        return "the output"
    return f"the file {device.input.name}" if device.input is not None else "silence"
