"""What arrives over a line, as views show it: spectrogram and codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.gui.model.sound.spectrogram import Spectrogram
from lamina.gui.model.sound.usage import CodebookUsage
from lamina.plugin import NeuralCodec

if TYPE_CHECKING:
    from lamina.plugin.host.wire.telemetry import Heard


class Received:
    """The pictures of what arrives; `take` brings more to them."""

    def __init__(self) -> None:
        self.spectrogram, self.usage = Spectrogram(), CodebookUsage()

    def use_codec(self, codec: NeuralCodec) -> None:
        """Begin anew, with this model's codebooks."""
        config = codec.bundle.config
        self.spectrogram.clear()
        self.usage = CodebookUsage(config.layers, config.codebook_size, config.sample_rate / config.frame)

    def take(self, heard: Heard) -> None:
        """Bring what was heard since the last time."""
        if heard.output.shape[1]:
            self.spectrogram.push(heard.output, heard.sample_rate)
        for report in heard.frames:
            self.usage.push(report)
