"""What goes through a line, as views show it: the level of what is sent, spectrogram and codes of what arrives."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from lamina.dsp.arrays import FloatArray
from lamina.dsp.levels import LevelMeter
from lamina.gui.model.sound.spectrogram import Spectrogram
from lamina.gui.model.sound.usage import CodebookUsage
from lamina.plugin import NeuralCodec

if TYPE_CHECKING:
    from lamina.plugin.codes_file.codes import Codes
    from lamina.plugin.line.receiver import LineReceiver
    from lamina.plugin.line.sender import LineSender

MOST_WAITING = 400
"""Blocks and frames, some seconds of them, that are kept for a view that doesn't look."""


class Received:
    """Filled by a line's own thread; `take` brings what came to the views, in the thread of theirs."""

    def __init__(self) -> None:
        self.spectrogram, self.usage = Spectrogram(), CodebookUsage()
        self._sound: deque[tuple[FloatArray, int]] = deque(maxlen=MOST_WAITING)
        self._codes: deque[Codes] = deque(maxlen=MOST_WAITING)
        self._receiver: LineReceiver | None = None

    def use_codec(self, codec: NeuralCodec) -> None:
        """Begin anew, with this model's codebooks."""
        config = codec.bundle.config
        self._sound.clear()
        self._codes.clear()
        self.spectrogram.clear()
        self.usage = CodebookUsage(config.layers, config.codebook_size, config.sample_rate / config.frame)

    def listen_to(self, receiver: LineReceiver) -> None:
        """Take in what this receiver plays from now on; what else listens to its codes goes on doing so."""
        if receiver is self._receiver:
            return
        self._receiver = receiver
        rate, others = receiver.sample_rate, receiver.on_codes

        def take_codes(codes: Codes) -> None:
            self._codes.append(codes)
            if others is not None:
                others(codes)

        receiver.on_codes = take_codes
        receiver.on_sound = lambda sound: self._sound.append((sound, rate))

    def take(self) -> None:
        """Bring everything that came to `spectrogram` and `usage`."""
        while self._sound:
            self.spectrogram.push(*self._sound.popleft())
        while self._codes:
            codes = self._codes.popleft()
            for frame in range(codes.n_frames):
                n_layers = int(codes.counts[:, frame].max(initial=0))
                if n_layers:  # a lost frame brought none
                    self.usage.push_codes(codes.codes[:, frame, :n_layers], n_layers)


class Sent:
    """The level of what a line sends: measured in its own thread, read in any."""

    def __init__(self) -> None:
        self.meter: LevelMeter | None = None
        """None before anything is sent."""

    def listen_to(self, sender: LineSender) -> None:
        """Measure what this sender sends from now on."""
        if sender.on_sound is None:
            self.meter = LevelMeter(sender.sample_rate, sender.n_channels)
            sender.on_sound = self.meter.push

    def clear(self) -> None:
        """Nothing is sent any more."""
        self.meter = None
