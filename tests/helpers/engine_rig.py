"""An engine in this process on a virtual device, with hands on both of its ends."""

import time

import numpy as np

from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.device.opening import Opened
from lamina.plugin.host.device.virtual_stream import VirtualStream
from lamina.plugin.host.engine import engine as engine_module
from lamina.plugin.host.engine.engine import Engine
from lamina.plugin.host.wire.telemetry import TelemetryReader, TelemetryWriter, make_shared_file

WAITED_SECONDS = 120


class EngineRig:
    """Plays `audio [channels, n]` into a live engine and keeps what comes out.

    rate, block: of the device.
    clock: None to run as fast as blocks come, or says what time it is; if it has a `sleep`, that is how the device lets
    time pass. each_block: called with the number of every captured block, on the audio thread: where knobs are moved.
    """

    def __init__(self, monkeypatch, audio, rate, block, board, clock=None, each_block=None, keeps=True):
        self.audio, self.block, self.rate = audio, block, rate
        self.n_captured = 0
        self.each_block = each_block
        self.played, self.events = [], []
        self.n_played = 0
        self.keeps = keeps
        monkeypatch.setattr(engine_module, "open_stream", self._open)
        monkeypatch.setattr(
            engine_module, "prepare_process", lambda: None
        )  # these tests are not the engine's own process
        self._clock = clock
        memory = make_shared_file()
        self.telemetry = TelemetryReader(memory)
        self.engine = Engine(TelemetryWriter(memory), self.events.append)
        self.engine.set_board("A", board)
        self.engine.prefer(DeviceSettings(input_channels=tuple(range(1, len(audio) + 1))), is_live=True)

    def _open(self, _settings, _wants_input, _clip_rate):
        sleep = getattr(self._clock, "sleep", time.sleep)
        stream = VirtualStream(
            self.rate, self.block, len(self.audio), 2, self._capture, self._play, self._clock, sleep=sleep
        )
        return Opened(stream, "virtual", "virtual")

    def _capture(self, n):
        if self.each_block is not None:
            self.each_block(self.n_captured // self.block)
        start = self.n_captured
        self.n_captured += n
        return np.take(self.audio, np.arange(start, start + n), axis=1, mode="wrap").T

    def _play(self, block):
        self.n_played += len(block)
        if self.keeps:
            self.played.append(block.copy())

    def run(self, seconds, while_running=None):
        """Until so much was played; returns it as `[2, n]`."""
        self.engine.ensure_open()
        deadline = time.monotonic() + WAITED_SECONDS + seconds
        while self.n_played < seconds * self.rate:
            assert time.monotonic() < deadline, "the engine stands still"
            self.engine.watch()
            if while_running is not None:
                while_running()
            time.sleep(0.01)
        self.engine.close()
        self.engine.watch()
        return np.concatenate(self.played).T if self.keeps else None

    def texts(self):
        return [event["text"] for event in self.events if event["event"] == "message"]
