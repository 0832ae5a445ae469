"""The sound of a peer: what its source gives goes to an encoder, what comes to a decoder and on to its sink."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.ramp import Ramp
from lamina.plugin.codes_file.file import codes_writer
from lamina.plugin.files.sound import AudioFileError
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.device.devices import is_hardware
from lamina.plugin.host.device.streams import DeviceError
from lamina.plugin.line.codec_ends import check_model, hello_of
from lamina.plugin.line.joining.ends import FileSink, Sink, Source
from lamina.plugin.line.joining.held_back import HeldCodes, HeldSound
from lamina.plugin.line.joining.pump import DeviceClock, Pump, SystemClock
from lamina.plugin.line.joining.settings import LIVE, LineSettings, Live
from lamina.plugin.line.packet import Hello, Report
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import LineRates, LineSender
from lamina.plugin.neural_codec import NeuralCodec

MUTE_SECONDS = 0.01
READY_SECONDS = 1.5
"""An end that hears nothing sends no reports: it is not waited for longer."""


@dataclass(frozen=True)
class Told:
    """What a peer's sound tells, all of it from the thread that moves the sound.

    Args:
        packets: there are packets to be sent.
        finished: the own stream has ended.
        trouble: nothing moves any more; the sentence says why.
    """

    packets: Callable[[list[bytes]], None]
    finished: Callable[[], None]
    trouble: Callable[[str], None]


class PeerSound:
    """Moves a peer's sound, in a thread of its own, from `start` to `stop`.

    Args:
        codec, hearing: with the settings of what is sent and of what is heard.
        source, sink: where sound comes from and goes to; None for nowhere.
        settings: all else.
        told: what is called when something has happened.

    Raises DeviceError if a device that was named can't be opened.
    """

    def __init__(
        self,
        codec: NeuralCodec,
        hearing: NeuralCodec,
        source: Source | Live | None,
        sink: Sink | Live | None,
        settings: LineSettings,
        told: Told,
    ) -> None:
        self.codec, self.hearing, self.settings = codec, hearing, settings
        self.source, self.sink = source, sink
        self.sender: LineSender | None = None
        self.receiver: LineReceiver | None = None
        self.play_rate: int | None = None
        """Hz of what is heard; None before it is known."""
        self._told = told
        self._sending = Lock()
        self._met_at: float | None = None
        self._is_flushed = source is None
        self._codes = contextlib.ExitStack()
        self._held: HeldSound | None = None
        self.recording: FileSink | None = None
        """Beside the sink; None before anything is heard."""
        self._recorded: HeldSound | None = None
        self._gain: Ramp | None = None
        self.output_delay_ms = 0.0
        """From a sample's being handed over to its being in the air, where a device plays it."""
        self._moving = Lock()
        self._is_stopped = False
        self._clock = self._device(settings.devices) if LIVE in (source, sink) else SystemClock()
        try:
            self.hello = self._new_sender()
            self._pump = self._new_pump()
        except BaseException:
            self._clock.stop()
            raise

    @property
    def rates(self) -> LineRates | None:
        """What is really sent; None if nothing is."""
        if self.sender is None:
            return None
        with self._sending:
            return self.sender.rates

    def start(self) -> None:
        """Begin to move; raises DeviceError if a device can't be started, and lets go of it."""
        try:
            self._pump.start()
        except BaseException:
            self._clock.stop()
            raise

    def meet(self, hello: Hello) -> None:
        """The other end has said hello: hear it.

        Raises ValueError if its model is another, and ValueError or OSError if the sink can't take its sound.
        """
        check_model(self.hearing, hello)
        if self.sink is not None:
            self._begin_to_hear(hello)
        self._met_at = time.monotonic()

    def on_report(self, report: Report, now: float) -> None:
        """What the other end tells of what it heard."""
        if self.sender is not None:
            with self._sending:
                self.sender.on_report(report, now)

    def flush(self) -> None:
        """The rest of the own stream, once."""
        with self._sending:
            if self._is_flushed or self.sender is None:
                return
            self._is_flushed = True
            packets = self.sender.flush()
        self._told.packets(packets)
        self._told.finished()

    def change_devices(self, devices: DeviceSettings) -> None:
        """Go on with other devices, at the rate and with as many channels as before.

        Raises ValueError if the line uses no device or has ended, or for another number of channels, and DeviceError
        for devices that can't be opened: the line then goes on with those it had.
        """
        with self._moving:
            if self._is_stopped:
                raise ValueError("The line has ended; its devices can't be changed any more.")
            if not isinstance(self._clock, DeviceClock):
                raise ValueError("The line goes between files or arrays; it has no devices to change.")
            if (
                self.source is LIVE
                and self.sender is not None
                and len(devices.input_channels) != self.sender.n_channels
            ):
                n_sent, n_named = self.sender.n_channels, len(devices.input_channels)
                raise ValueError(f"The line sends channels of the input, {n_sent} of them; {n_named} can't be sent.")
            before = replace(self.settings.devices, sample_rate=self._clock.sample_rate)
            wanted = replace(devices, sample_rate=self._clock.sample_rate)
            try:
                clock = self._device(wanted)
            except DeviceError:
                if not (is_hardware(wanted.input) or is_hardware(wanted.output)):
                    raise
                clock = None  # it may be the one that is open
            self._pump.stop()
            try:
                self._go_on_with(clock if clock is not None else self._device(wanted))
            except (DeviceError, AudioFileError) as error:
                try:
                    self._go_on_with(self._device(before))
                except (DeviceError, AudioFileError):
                    self._told.trouble(f"{error} The devices that were used before can't be opened again either.")
                raise
            self.settings = replace(self.settings, devices=devices)

    def stop(self) -> None:
        """Let everything go; what was written is complete."""
        with self._moving:
            self._is_stopped = True
            self._pump.stop()
        for end in (self.source, self.sink, self.recording):
            if end is not None and not isinstance(end, Live):
                end.close()
        self._codes.close()

    # In the pump's thread.

    def _listen(self, n_samples: int, now: float) -> bool:
        assert self.sender is not None
        if isinstance(self._clock, DeviceClock) and self.source is LIVE:
            block = self._clock.captured()
            if self._met_at is None:
                return True
        else:
            assert self.source is not None and not isinstance(self.source, Live)
            if not self._may_begin(now):
                return True
            block = self.source.read(n_samples)
        is_over = block.shape[1] < n_samples and self.source is not LIVE
        with self._sending:
            if self._is_flushed:
                return False
            packets = self.sender.push(self._own(block), now)
        if packets:
            self._told.packets(packets)
        if is_over:
            self.flush()
            return False
        return True

    def _own(self, block: FloatArray) -> FloatArray:
        """What is sent of the source's sound: all, or silence."""
        assert self.sender is not None
        gain = 0.0 if self.settings.is_muted else 1.0
        if self._gain is None:  # nothing was sent before that could click
            self._gain = Ramp(gain, round(MUTE_SECONDS * self.sender.sample_rate))
        self._gain.set(gain)
        return block * self._gain.factor(block.shape[1])

    def _may_begin(self, now: float) -> bool:
        """A file is sent from its beginning to whom is ready to hear it: reports say so, where there are any."""
        if self._met_at is None or self.sender is None:
            return False
        return self.sender.last_report is not None or now - self._met_at > READY_SECONDS

    def _play(self, n_samples: int, now: float) -> None:
        receiver, sink = self.receiver, self.sink
        if receiver is None or sink is None:
            return
        sound = receiver.pull(n_samples, now)
        if isinstance(sink, Live):
            assert isinstance(self._clock, DeviceClock)
            self._clock.play(sound)
            self.output_delay_ms = 1000 * self._clock.delay_seconds[1]
        elif self._held is not None:
            self._held.write(sound, receiver.n_past)
        if self._recorded is not None:
            self._recorded.write(sound, receiver.n_past)

    # Helpers.

    def _device(self, devices: DeviceSettings) -> SystemClock | DeviceClock:
        return DeviceClock(devices, self.source is LIVE, self.sink is LIVE)

    def _new_pump(self) -> Pump:
        return Pump(
            self._clock,
            self._listen if self.sender is not None else None,
            self.sender.sample_rate if self.sender is not None else 1,
            self._play,
            lambda: self.play_rate,
            self._told.trouble,
        )

    def _go_on_with(self, clock: SystemClock | DeviceClock) -> None:
        """Raises DeviceError if the device can't be started, and lets go of it."""
        self._clock = clock
        self._pump = self._new_pump()
        self.start()

    def _begin_to_hear(self, hello: Hello) -> None:
        sink = self.sink
        if isinstance(sink, Live):
            assert isinstance(self._clock, DeviceClock)
            rate = self._clock.sample_rate
        else:
            assert sink is not None
            rate = sink.sample_rate or hello.sample_rate
        receiver = LineReceiver(
            self.hearing,
            hello,
            rate,
            buffer_ms=self.settings.buffer_ms,
            correct_drift=self.settings.correct_drift,
        )
        if not isinstance(sink, Live):
            sink.open(rate, hello.n_channels)
            self._held = HeldSound(sink.write, rate)
        if self.settings.recording is not None:
            self.recording = FileSink(self.settings.recording)
            self.recording.open(rate, hello.n_channels)
            self._recorded = HeldSound(self.recording.write, rate)
        if self.settings.codes is not None:
            receiver.on_codes = HeldCodes(self._codes.enter_context(codes_writer(self.settings.codes)).write).write
        self.receiver, self.play_rate = receiver, rate

    def _new_sender(self) -> Hello:
        source, settings = self.source, self.settings
        if source is None:
            # It says hello all the same, for its name and its model, and that no sound will come.
            return hello_of(self.codec, 1, int(np.random.default_rng().integers(1 << 16)), settings.name)
        if isinstance(source, Live):
            assert isinstance(self._clock, DeviceClock) and self._clock.stream.capture is not None
            rate, n_channels = self._clock.sample_rate, self._clock.stream.capture.n_channels
        else:
            rate, n_channels = source.sample_rate, source.n_channels
        self.sender = LineSender(
            self.codec,
            rate,
            n_channels,
            name=settings.name,
            frames_per_packet=settings.frames_per_packet,
            redundancy=settings.redundancy,
            adaptive=settings.adaptive,
            sparse_silence=settings.sparse_silence,
        )
        return self.sender.hello
