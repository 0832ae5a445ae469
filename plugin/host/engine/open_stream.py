"""An open stream and everything that plays on it, from its start to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lamina.dsp.arrays import FloatArray
from lamina.dsp.bridge import bridge_parts
from lamina.plugin.host.device.opening import Opened
from lamina.plugin.host.device.playout import LateStretch
from lamina.plugin.host.engine.audio_thread import MarginGrown, Worker
from lamina.plugin.host.engine.calibration import Calibration, CalibrationError, RoundTrip
from lamina.plugin.host.engine.sound_path import SoundPath
from lamina.plugin.host.live_board.live_board import LiveBoard
from lamina.plugin.host.live_board.switch import BoardSwitch
from lamina.plugin.host.transport.file_player import PLAY_STATES, FilePlayer
from lamina.plugin.host.wire.telemetry import TelemetryWriter
from lamina.plugin.neural_codec import NeuralCodec

STILL_SECONDS = 0.5
"""A device that doesn't come by for so long is gone."""
CALIBRATION_SECONDS = 10.0
CALIBRATION_ATTEMPTS = 3


class OpenStream:
    """Args:
    opened: a stream that was not started yet.
    player: the file transport, at the stream's rate.
    board: what is heard first.
    telemetry: where everything is shown.
    margin_samples: sound kept ready beside the device's buffer.
    on_event: called on the audio thread with what came late.
    """

    def __init__(
        self,
        opened: Opened,
        player: FilePlayer,
        board: LiveBoard,
        telemetry: TelemetryWriter,
        margin_samples: int,
        on_event: Callable[[LateStretch | MarginGrown], None],
    ) -> None:
        stream = opened.stream
        self.opened, self.stream = opened, stream
        self.sample_rate, self.block = stream.sample_rate, stream.block
        self.path = SoundPath(stream.sample_rate, stream.block, player, BoardSwitch(board), telemetry)
        self.worker = Worker(stream, self._process, telemetry, margin_samples, on_event=on_event)
        self._telemetry = telemetry
        self._last_elapsed, self._last_moved = -1, time.monotonic()

    @property
    def is_live(self) -> bool:
        """Whether an input is captured."""
        return self.stream.capture is not None

    def start(self) -> None:
        """Begin; raises DeviceError."""
        state, delay = self._telemetry.state, self.stream.delay
        state["sample_rate"], state["block"], state["buffer_samples"] = self.sample_rate, self.block, self.block
        state["input_seconds"], state["output_seconds"] = delay.input, delay.output
        state["is_live"] = self.is_live
        self._telemetry.begin_stream()
        self.path.set_live(self.is_live)
        self._last_moved = time.monotonic()
        self.worker.start()

    def stop(self) -> bool:
        """Fade out and let the device go; False if it hangs."""
        self.worker.stop()
        return self.stream.close()

    def is_lost(self) -> bool:
        """Whether the device doesn't come by any more. Asked some times a second."""
        now, elapsed = time.monotonic(), self.stream.n_elapsed
        self._telemetry.state["n_device_misses"] = self.stream.count_misses()
        if elapsed != self._last_elapsed or not self.stream.is_real_time:
            self._last_elapsed, self._last_moved = elapsed, now
        return not self.stream.is_active or now - self._last_moved >= STILL_SECONDS or self.worker.playout.has_run_dry

    def calibrate(self) -> dict[str, int]:
        """Measure the round trip; takes two seconds. Raises CalibrationError if nothing usable comes back.

        If the safety margin grows meanwhile, which part is whose can't be told, and it is measured anew.
        """
        if not self.is_live:
            raise CalibrationError("There is no input to listen on. Go live first, with output and input connected.")
        for _ in range(CALIBRATION_ATTEMPTS):
            own = self.worker.playout.delay_samples
            trip = self._measured_trip()
            if own == self.worker.playout.delay_samples:
                break
        else:
            raise CalibrationError(
                "Sound came late while the latency was measured, and the safety margin grew. Try again when less is "
                "running."
            )
        board = self.path.boards.latency_samples
        return {
            "sample_rate": self.sample_rate,
            "round_trip_samples": trip.n_samples + board,
            "device_samples": trip.n_samples - own,
            "buffer_and_margin_samples": own,
            "board_samples": board,
            "spread_samples": trip.spread_samples,
        }

    def _measured_trip(self) -> RoundTrip:
        measurement = self.path.calibration = Calibration(self.sample_rate)
        try:
            if not measurement.wait(CALIBRATION_SECONDS):
                raise CalibrationError("The device stood still while the latency was measured. Try again.")
        finally:
            self.path.calibration = None
        return measurement.result()

    def latency(self) -> list[tuple[str, float]]:
        """What sound waits for on its way, as (name, seconds), to be summed."""
        rate, delay = self.sample_rate, self.stream.delay
        parts = [("input device", delay.input)] if self.is_live else []
        parts += [("buffer", self.block / rate), ("safety margin", self.worker.margin_samples / rate)]
        parts += [(name, samples / rate) for name, samples in self._board_parts()]
        return [*parts, ("output device", delay.output)]

    def slots(self) -> list[dict[str, Any]]:
        """The effects that are heard.

        Label, delay, whether bypassed, why it failed, mean and worst seconds per block.
        """
        names = ("label", "latency_samples", "bypass", "failure", "mean_seconds", "worst_seconds")
        return [{name: getattr(slot, name) for name in names} for slot in self.path.boards.current.slots]

    def _board_parts(self) -> list[tuple[str, int]]:
        parts: dict[str, int] = {}
        for slot in self.path.boards.current.slots:
            pieces = [("other effects", slot.latency_samples)] if slot.latency_samples else []
            if isinstance(slot.effect, NeuralCodec):
                config = slot.effect.bundle.config
                pieces = bridge_parts(
                    self.sample_rate, config.sample_rate, config.frame, config.delay_samples, self.block
                )
            for name, samples in pieces:
                parts[name] = parts.get(name, 0) + samples
        return list(parts.items())

    def _process(self, captured: FloatArray | None) -> FloatArray:
        played = self.path.process(captured)
        state = self._telemetry.state
        state["clip_seconds"] = self.path.clip_seconds(self.worker.n_heard)
        state["play_state"] = PLAY_STATES.index(self.path.player.state)
        state["board_samples"] = self.path.boards.latency_samples
        compared = self.path.comparison
        state["is_comparing"] = compared is not None
        if compared is not None:
            waiting = max(0, self.worker.n_blocks * self.block - self.worker.n_heard)
            state["compared_seconds"] = compared.position_before(waiting) / self.sample_rate
            state["compared_plays"] = compared.is_playing
            state["compared_heard"], state["compared_difference"] = compared.heard
        return played
