"""Which sound outputs there are, and in words why there are none."""

from dataclasses import dataclass

SILENT_NAME = "Silent"


@dataclass(frozen=True)
class Output:
    """A place to play to. `index` None is the silent clock."""

    name: str
    index: int | None
    max_channels: int = 2
    default_rate: int = 48000

    @property
    def is_silent(self) -> bool:
        """Whether this is the clock that plays without sound."""
        return self.index is None


SILENT = Output(SILENT_NAME, None)


@dataclass(frozen=True)
class OutputList:
    """What was found: the outputs, default first, and a sentence for the status line (empty when all is well)."""

    outputs: tuple[Output, ...]
    remark: str

    @property
    def preferred(self) -> Output:
        """The system's default output, or the silent clock."""
        return self.outputs[0] if self.outputs else SILENT


def find_outputs(rescan: bool = False) -> OutputList:
    """Asks PortAudio for outputs; never raises. `rescan` also finds devices that came after PortAudio started."""
    try:
        import sounddevice
    except OSError:
        return OutputList((), "No sound: the PortAudio library is missing (Debian: libportaudio2). Play runs silently.")
    try:
        if rescan:
            # PortAudio lists devices once, when it starts; sounddevice has no other way to make it look again.
            sounddevice._terminate()
            sounddevice._initialize()
        devices = [device for device in sounddevice.query_devices() if device["max_output_channels"] > 0]
        default = sounddevice.default.device[1]
    except Exception as error:
        return OutputList((), f"No sound: the audio system can't be asked for outputs ({error}). Play runs silently.")
    if not devices:
        return OutputList((), "No sound output was found. Play runs silently and every view still moves.")
    devices.sort(key=lambda device: device["index"] != default)
    found = (Output(str(d["name"]), int(d["index"]), int(d["max_output_channels"]), int(d["default_samplerate"])) for d in devices)
    return OutputList(tuple(found), "")


def supports(output: Output, sample_rate: int, n_channels: int) -> bool:
    """Whether the output plays this rate without being converted first."""
    if output.is_silent:
        return True
    import sounddevice

    channels = min(max(2, n_channels), max(1, output.max_channels))
    try:
        sounddevice.check_output_settings(device=output.index, channels=channels, dtype="float32", samplerate=sample_rate)
    except Exception:
        return False
    return True
