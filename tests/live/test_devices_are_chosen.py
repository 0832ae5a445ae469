"""Who names a device gets that one or a sentence; what can't be had is replaced by what can, and said."""

import sys

import pytest

from lamina.cli.main import main
from lamina.plugin.host.device import devices as devices_module
from lamina.plugin.host.device import opening
from lamina.plugin.host.device.device_settings import DeviceSettings, device_settings
from lamina.plugin.host.device.devices import Device, find_device, is_hardware, list_devices, probe_devices
from lamina.plugin.host.device.opening import open_stream
from lamina.plugin.host.device.streams import DeviceError, DeviceMissingError
from lamina.plugin.host.device.virtual_device import virtual_device
from lamina.plugin.host.device.virtual_stream import VirtualStream

ALSA, JACK = "ALSA", "JACK Audio Connection Kit"


def device(name, index, n_inputs, n_outputs, rate=44_100, api=ALSA, default=""):
    return Device(f"{name} ({api})", api, index, n_inputs, n_outputs, rate, "i" in default, "o" in default)


SPEAKERS = device("Built-in Audio: speakers", 0, 0, 2, default="o")
MICROPHONE = device("Built-in Audio: microphone", 1, 1, 0, default="i")
USB = device("USB Interface", 2, 4, 4, 48_000)
OTHER_USB = device("USB Interface 2", 3, 2, 2, 48_000)
SERVER = device("system", 4, 2, 2, 48_000, JACK)
ALL = [USB, OTHER_USB, SPEAKERS, MICROPHONE, SERVER]


# By name.


@pytest.mark.parametrize(
    ("wanted", "is_input", "expected"),
    [
        ("default", False, SPEAKERS),
        ("default", True, MICROPHONE),
        ("USB Interface (ALSA)", False, USB),
        ("usb interface", False, USB),  # whole, though it is a part of another's
        ("USB Interface 2", True, OTHER_USB),
        ("interface 2", True, OTHER_USB),
        ("SYSTEM", True, SERVER),
        ("jack", False, SERVER),
        ("Built-in", True, MICROPHONE),  # a part of two names, but one of them has no input
        ("Built-in", False, SPEAKERS),
    ],
)
def test_a_device_is_found_by_its_name_or_a_part_of_it(wanted, is_input, expected):
    assert find_device(wanted, ALL, is_input) is expected


def test_a_part_that_fits_several_names_them():
    with pytest.raises(DeviceError, match="more of the name") as raised:
        find_device("USB", ALL, is_input=False)
    assert (
        USB.name in str(raised.value) and OTHER_USB.name in str(raised.value) and SPEAKERS.name not in str(raised.value)
    )
    # It is there: nothing to wait for.
    assert not isinstance(raised.value, DeviceMissingError)


@pytest.mark.parametrize(
    ("wanted", "devices", "is_input", "sentence"),
    [
        ("Firewire", [SPEAKERS, USB], False, f"There is no output 'Firewire'. Known: {SPEAKERS.name}; {USB.name}."),
        ("speakers", [SPEAKERS, MICROPHONE], True, f"There is no input 'speakers'. Known: {MICROPHONE.name}."),
        ("USB", [], True, "There is no input 'USB'. There is no sound input at all."),
        ("default", [MICROPHONE], False, "There is no sound output on this machine."),
        ("default", [], True, "There is no sound input on this machine."),
    ],
)
def test_a_device_that_is_not_there_is_missed_in_a_sentence(wanted, devices, is_input, sentence):
    with pytest.raises(DeviceMissingError) as raised:
        find_device(wanted, devices, is_input)
    assert str(raised.value) == sentence


def test_where_the_system_prefers_none_the_first_is_taken():
    assert find_device("default", [MICROPHONE, USB, SERVER], is_input=False) is USB


@pytest.mark.parametrize(
    ("name", "expected"), [("none", False), ("virtual", False), ("virtual?fast", False), ("virtual cable", True)]
)
def test_only_the_virtual_device_and_none_are_no_hardware(name, expected):
    assert is_hardware(name) is expected


# The list.


@pytest.fixture
def audio_system(monkeypatch):
    """What PortAudio would say."""
    import sounddevice

    def entry(name, index, api, n_inputs, n_outputs, rate):
        return {
            "name": name,
            "index": index,
            "hostapi": api,
            "max_input_channels": n_inputs,
            "max_output_channels": n_outputs,
            "default_samplerate": rate,
        }

    found = [entry("Built-in", 0, 0, 2, 2, 44_100.0), entry("system", 1, 1, 2, 2, 48_000.0)]
    monkeypatch.setattr(sounddevice, "query_devices", lambda: found)
    monkeypatch.setattr(sounddevice, "query_hostapis", lambda: [{"name": ALSA}, {"name": JACK}])
    monkeypatch.setattr(sounddevice.default, "device", (1, 0))
    return sounddevice


def test_devices_carry_their_audio_system_in_their_name(audio_system):
    assert list_devices() == [
        Device("Built-in (ALSA)", ALSA, 0, 2, 2, 44_100, False, True),
        Device(f"system ({JACK})", JACK, 1, 2, 2, 48_000, True, False),
    ]


def test_an_audio_system_that_gives_no_answer_is_a_sentence(audio_system, monkeypatch):
    def fail():
        raise RuntimeError("server hangs")

    monkeypatch.setattr(audio_system, "query_devices", fail)
    with pytest.raises(DeviceError, match="can't be asked for its devices \\(server hangs\\)"):
        list_devices()


def test_a_machine_without_portaudio_is_told_what_to_install(monkeypatch, capsys):
    class Missing:
        def find_spec(self, name, _path, _target=None):
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(DeviceError, match="libportaudio2"):
        list_devices()
    assert main(["devices"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_new_process_sees_the_same_devices():
    assert probe_devices() == list_devices()


@pytest.mark.parametrize(
    "program", ["import time; time.sleep(60)", "print('[]')", "print('{')", "raise SystemExit(3)", ""]
)
def test_a_new_process_that_hangs_or_fails_is_given_up(monkeypatch, program):
    monkeypatch.setattr(devices_module, "PROBE", program)
    monkeypatch.setattr(devices_module, "PROBE_SECONDS", 0.5)
    with pytest.raises(DeviceError, match="gives no answer"):
        probe_devices()


def test_the_command_lists_them_by_audio_system(monkeypatch, capsys):
    monkeypatch.setattr("lamina.plugin.host.device.devices.list_devices", lambda: ALL)
    assert main(["devices"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ALSA",
        "  USB Interface   4 in, 4 out   48000 Hz",
        "  USB Interface 2   2 in, 2 out   48000 Hz",
        "  Built-in Audio: speakers   2 out   44100 Hz   default output",
        "  Built-in Audio: microphone   1 in   44100 Hz   default input",
        "JACK Audio Connection Kit",
        "  system   2 in, 2 out   48000 Hz",
    ]


def test_the_command_says_what_to_do_without_any(monkeypatch, capsys):
    monkeypatch.setattr("lamina.plugin.host.device.devices.list_devices", list)
    assert main(["devices"]) == 0
    assert "--output virtual" in capsys.readouterr().out


# Settings.


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("input", "", "input is ''; give a device's name"),
        ("output", 3, "output is 3; give a device's name"),
        ("output", "none", "choose 'virtual'"),
        ("input_channels", (), "one channel or two"),
        ("input_channels", (1, 2, 3), "one channel or two"),
        ("input_channels", (0,), "numbered from 1"),
        ("input_channels", (True,), "numbered from 1"),
        ("input_channels", 1, "one channel or two"),
        ("input_channels", "12", "one channel or two"),
        ("sample_rate", 7_999, "8000 to 192000"),
        ("sample_rate", 192_001, "8000 to 192000"),
        ("sample_rate", 48_000.0, "whole number of Hz"),
        ("sample_rate", True, "whole number of Hz"),
        ("buffer", 31, "32 to 4096"),
        ("buffer", 4097, "32 to 4096"),
        ("buffer", 256.0, "whole number of samples"),
        ("margin_frames", -0.1, "0 to 10"),
        ("margin_frames", 10.1, "0 to 10"),
        ("margin_frames", float("nan"), "0 to 10"),
        ("margin_frames", "1", "0 to 10"),
    ],
)
def test_settings_out_of_range_are_refused_with_what_is_allowed(field, value, words):
    for attempt in (
        lambda: DeviceSettings(**{field: value}),
        lambda: DeviceSettings().changed(**{field: value}),
        lambda: device_settings(DeviceSettings().document() | {field: value}),
    ):
        with pytest.raises((ValueError, TypeError)) as raised:
            attempt()
        assert words in str(raised.value) and field in str(raised.value)


def test_settings_go_through_json_unchanged():
    settings = DeviceSettings("in", "out", (3, 4), 96_000, 32, 0)
    assert device_settings(settings.document()) == settings
    assert device_settings({}) == DeviceSettings()
    with pytest.raises(ValueError, match="no 'speed'; known: buffer"):
        device_settings({"speed": 3})
    with pytest.raises(TypeError, match="give an object"):
        device_settings([])


# Opening.


class Machine:
    """Devices that are there, and what was opened on them. `refuses`: names of devices that can't be opened."""

    def __init__(self, monkeypatch, devices, refuses=(), rates=()):
        self.opened, self.refuses = [], refuses
        monkeypatch.setattr(opening, "list_devices", lambda: devices)
        monkeypatch.setattr(opening, "PortAudioStream", self._open)

        def check(device, channels, dtype, samplerate):
            assert (dtype, channels) == ("float32", 2)
            if (device, samplerate) not in rates:
                raise RuntimeError("Invalid sample rate")

        monkeypatch.setattr("sounddevice.check_output_settings", check)

    def _open(self, rate, block, source, target):
        self.opened.append((rate, block, source and (source.index, source.channels), (target.index, target.channels)))
        if target.name in self.refuses or (source and source.name in self.refuses):
            raise DeviceError(f"{target.name} is busy.")
        return "the stream"


def test_what_was_named_is_opened_and_nothing_is_remarked(monkeypatch):
    machine = Machine(monkeypatch, ALL)
    opened = open_stream(DeviceSettings("USB Interface", "usb interface (alsa)", (3, 4), 96_000, 64), wants_input=True)
    assert machine.opened == [(96_000, 64, (2, (3, 4)), (2, (1, 2)))]
    assert (opened.stream, opened.input, opened.output, opened.remark) == ("the stream", USB.name, USB.name, "")
    assert not opened.is_missing and not opened.is_refused


def test_the_input_is_left_closed_until_it_is_wanted(monkeypatch):
    machine = Machine(monkeypatch, ALL)
    opened = open_stream(DeviceSettings("Nonsense", "USB Interface"), wants_input=False)
    assert machine.opened == [(48_000, 256, None, (2, (1, 2)))]
    assert opened.input == "none" and opened.remark == ""


def test_the_systems_input_is_taken_where_the_output_is(monkeypatch):
    """One stream can't span two devices of different audio systems."""
    machine = Machine(monkeypatch, ALL)
    assert open_stream(DeviceSettings(output="system"), wants_input=True).input == SERVER.name
    # Loudspeakers without an input of their own: the microphone of the same system, which has one channel.
    assert open_stream(DeviceSettings(), wants_input=True).input == MICROPHONE.name
    assert [entry[2:] for entry in machine.opened] == [((4, (1, 2)), (4, (1, 2))), ((1, (1,)), (0, (1, 2)))]
    # So it is where the system prefers an input elsewhere.
    playback, capture = device("playback", 5, 0, 2, api=JACK), device("capture", 6, 2, 0, api=JACK)
    Machine(monkeypatch, [*ALL[:-1], playback, capture])
    assert open_stream(DeviceSettings(output="playback"), wants_input=True).input == capture.name


@pytest.mark.parametrize(
    ("settings", "words", "output", "is_missing"),
    [
        (DeviceSettings("Microphone", "system"), "belong to different audio systems", SERVER.name, False),
        (
            DeviceSettings("Built-in", "USB Interface 2", (5, 6)),
            "has 1 input channel; channel 6 can't be used",
            OTHER_USB.name,
            False,
        ),
        (DeviceSettings("virtual", "USB Interface 2"), "A virtual input can't be used", OTHER_USB.name, False),
        (DeviceSettings("default", "Firewire"), "There is no output 'Firewire'", SPEAKERS.name, True),
        (DeviceSettings("Firewire", "USB Interface 2"), "There is no input 'Firewire'", OTHER_USB.name, True),
        (DeviceSettings("USB Interface", "virtual"), "can't be used with a virtual output", "virtual", False),
    ],
)
def test_what_can_not_be_had_is_replaced_and_said(monkeypatch, settings, words, output, is_missing):
    Machine(monkeypatch, ALL)
    opened = open_stream(settings, wants_input=True)
    assert words in opened.remark and opened.output == output
    assert opened.is_missing is is_missing and opened.is_refused is not is_missing
    # Never another microphone than the wanted one: loudspeakers would make it howl.
    assert opened.input == "none"
    where = "silently" if output == "virtual" else f"to {output} without input"
    assert opened.remark.endswith(f"Playing {where} until {'it is there' if is_missing else 'it can be used'}.")


def test_a_device_that_is_there_but_busy_is_refused_and_not_missing(monkeypatch):
    machine = Machine(monkeypatch, ALL, refuses=(USB.name,))
    opened = open_stream(DeviceSettings(output="USB Interface"), wants_input=False)
    assert [entry[3][0] for entry in machine.opened] == [USB.index, SPEAKERS.index]
    assert opened.output == SPEAKERS.name and opened.is_refused
    assert opened.remark == f"{USB.name} is busy. Playing to {SPEAKERS.name} until it can be used."
    # What was wanted is what is told, however much else can't be had either.
    Machine(monkeypatch, ALL, refuses=(USB.name, SPEAKERS.name))
    opened = open_stream(DeviceSettings(output="USB Interface"), wants_input=False)
    assert opened.output == "virtual" and opened.is_refused
    assert opened.remark == f"{USB.name} is busy. Playing silently until it can be used."


def test_a_broken_input_leaves_the_output_playing(monkeypatch):
    Machine(monkeypatch, ALL, refuses=(MICROPHONE.name,))
    opened = open_stream(DeviceSettings(), wants_input=True)
    assert (opened.input, opened.output) == ("none", SPEAKERS.name)


def test_without_any_device_it_plays_silently(monkeypatch):
    Machine(monkeypatch, [])
    opened = open_stream(DeviceSettings(), wants_input=True, clip_rate=32_000)
    assert (opened.input, opened.output, opened.is_missing) == ("none", "virtual", True)
    assert opened.remark == "There is no sound output on this machine. Playing silently until it is there."
    assert (
        isinstance(opened.stream, VirtualStream)
        and opened.stream.sample_rate == 32_000
        and opened.stream.capture is None
    )


def test_the_rate_is_the_files_where_the_device_takes_it(monkeypatch):
    machine = Machine(monkeypatch, ALL, rates={(SPEAKERS.index, 96_000)})
    for settings, wants_input, clip_rate, expected in (
        (DeviceSettings(), False, 96_000, 96_000),
        (DeviceSettings(), False, 88_200, 44_100),  # the device's own
        (DeviceSettings(), True, 96_000, 44_100),  # an input may not take it
        (DeviceSettings(), False, None, 44_100),
        (DeviceSettings(sample_rate=22_050), False, 96_000, 22_050),
    ):
        open_stream(settings, wants_input, clip_rate)
        assert machine.opened[-1][0] == expected


def test_a_device_with_one_output_gets_one(monkeypatch):
    machine = Machine(monkeypatch, [device("Beeper", 7, 0, 1)])
    open_stream(DeviceSettings(), wants_input=False)
    assert machine.opened[-1][3] == (7, (1,))


# Virtual devices.


def test_a_virtual_device_is_what_its_name_says(tmp_path):
    settings = DeviceSettings("virtual?cable=48", "virtual?fast", (1,), 44_100, 128)
    opened = open_stream(settings, wants_input=True)
    stream = opened.stream
    assert (opened.input, opened.output, opened.remark) == (settings.input, settings.output, "")
    assert (stream.sample_rate, stream.block, stream.capture.n_channels, stream.playout.n_channels) == (
        44_100,
        128,
        1,
        2,
    )
    assert not stream.is_real_time
    assert open_stream(DeviceSettings("virtual", "virtual"), wants_input=False).stream.is_real_time
    both = virtual_device(f"virtual?output={tmp_path / 'a b.raw'}", "virtual?input=/x.wav&cable=0")
    assert (
        both.output == tmp_path / "a b.raw"
        and str(both.input) == "/x.wav"
        and both.cable_samples == 0
        and not both.is_fast
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (DeviceSettings("virtual", "virtual?slow"), "no option 'slow'; known: fast, input, output, cable"),
        (DeviceSettings("virtual?cable=-1", "virtual"), "'-1'; give a whole number"),
        (DeviceSettings("virtual?input=/missing.wav", "virtual"), "/missing.wav"),
        (DeviceSettings("virtual", "virtual?output=/missing/out.raw"), "/missing/out.raw can't be written"),
    ],
)
def test_a_virtual_device_whose_name_holds_a_mistake_is_refused(settings, words):
    with pytest.raises(DeviceError) as raised:
        open_stream(settings, wants_input=True)
    assert words in str(raised.value)


def test_a_virtual_devices_output_never_takes_a_files_place(tmp_path):
    target = tmp_path / "out.raw"
    target.write_bytes(b"mine")
    for _ in range(2):
        virtual_device(f"virtual?fast&output={target}").open(48_000, 256, 0).close()
    assert target.read_bytes() == b"mine"
    assert {path.name for path in tmp_path.iterdir()} == {"out.raw", "out 2.raw", "out 3.raw"}
