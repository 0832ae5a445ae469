"""What a line's process shows: what is heard and its codes, in shared memory, and the level of what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.levels import LevelMeter
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.host.wire.telemetry import TelemetryWriter
from lamina.plugin.line.joining.apart.view import ChannelLevel
from lamina.plugin.stream.reports import FrameReport

if TYPE_CHECKING:
    from lamina.plugin.line.receiver import LineReceiver
    from lamina.plugin.line.sender import LineSender

MOST_CHANNELS = 2
"""That telemetry has room for: of more, the first are shown."""


class ShownSound:
    """Listens to a line's ends, on the thread that moves their sound; it never waits for who reads.

    Args:
        telemetry: written to as the live engine does: what is heard is what is played.
    """

    def __init__(self, telemetry: TelemetryWriter) -> None:
        self._telemetry = telemetry
        self._receiver: LineReceiver | None = None
        self._meter: LevelMeter | None = None
        self._n_frames = 0

    @property
    def level(self) -> tuple[ChannelLevel, ...]:
        """Of each channel of what is sent now; empty where nothing is."""
        meter = self._meter
        if meter is None:
            return ()
        readings = np.stack([meter.rms_db, meter.peak_db, meter.hold_db], 1)
        return tuple(ChannelLevel(*channel) for channel in np.round(readings, 1).tolist())

    def listen_to_sender(self, sender: LineSender) -> None:
        """Measure what this sender sends from now on."""
        self._meter = LevelMeter(sender.sample_rate, sender.n_channels)
        sender.on_sound = self._meter.push

    def listen_to_receiver(self, receiver: LineReceiver) -> None:
        """Show what this receiver plays from now on; what else listens to its codes goes on doing so."""
        if receiver is self._receiver:
            return
        self._receiver = receiver
        state, others = self._telemetry.state, receiver.on_codes
        state["sample_rate"], state["width"] = receiver.sample_rate, min(receiver.hello.n_channels, MOST_CHANNELS)
        self._telemetry.begin_stream()

        def take_codes(codes: Codes) -> None:
            self._show_codes(codes)
            if others is not None:
                others(codes)

        receiver.on_codes = take_codes
        receiver.on_sound = self._show_sound

    def _show_sound(self, sound: FloatArray) -> None:
        both = sound[:MOST_CHANNELS] if len(sound) > 1 else np.repeat(sound, MOST_CHANNELS, axis=0)
        self._telemetry.add_sound(np.zeros_like(both), both)
        self._telemetry.publish()

    def _show_codes(self, codes: Codes) -> None:
        for frame in range(codes.n_frames):
            counts = codes.counts[:MOST_CHANNELS, frame]
            n_layers = int(counts.max(initial=0))
            if not n_layers:  # a lost frame brought none
                continue
            sent = codes.codes[:MOST_CHANNELS, frame, :n_layers]
            nothing = np.zeros(len(sent), np.float32)
            energy = np.zeros(sent.shape, np.float32)
            self._telemetry.add_frame(
                FrameReport(
                    self._n_frames, n_layers, sent, energy, nothing, nothing, 0.0, counts=tuple(counts.tolist())
                )
            )
            self._n_frames += 1
