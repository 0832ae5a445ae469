"""Lamina itself, and the sound as it is, in the same form as rivals, so that all stand in one row."""

from __future__ import annotations

from typing import Any

from lamina.dsp.arrays import FloatArray
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.coding.rival import Rates, Rival
from lamina.plugin.stream.reports import FrameReport


class Original(Rival):
    """The sound as it is: nothing is coded, nothing is late."""

    __slots__ = ()

    NAME, TITLE, RATES = "original", "Original", Rates.of(0)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.TITLE

    @property
    def latency(self) -> float:
        """None."""
        return 0.0

    def latency_samples(self, sample_rate: float, block: int | None = None, n_channels: int = 2) -> int:
        """None."""
        return 0

    def process_channels(self, audio: FloatArray, rate: int, buffer_size: int, reset: bool) -> FloatArray:
        """See `Effect.process_channels`."""
        return audio.copy()

    def reset(self) -> None:
        """There is no past."""

    def __repr__(self) -> str:
        return "Original()"


class CountedCodec(NeuralCodec):
    """A `NeuralCodec` that counts the bits it really sends, as rivals do.

    Args:
        given, named: as for `NeuralCodec`.
    """

    __slots__ = ("_n_bits", "_n_frames")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._n_bits = self._n_frames = 0

    @property
    def title(self) -> str:
        """Name and bitrate, per channel: "Lamina 6 kbps"."""
        return f"Lamina {self.kbps:g} kbps"

    @property
    def latency(self) -> float:
        """See `Rival.latency`."""
        own_rate = self.bundle.config.sample_rate
        return self.latency_samples(own_rate) / own_rate

    @property
    def counted_kbps(self) -> float:
        """See `Rival.counted_kbps`."""
        if not self._n_frames:
            return float("nan")
        return self._n_bits / self._n_frames * self.bundle.config.frame_rate / 1000

    @property
    def counted_bits(self) -> int:
        """See `Rival.counted_bits`."""
        return self._n_bits

    def process_channels(
        self, audio: FloatArray, rate: int, buffer_size: int, reset: bool, sidechain: FloatArray | None = None
    ) -> FloatArray:
        """See `Effect.process_channels`."""
        if reset:
            self._n_bits = self._n_frames = 0
        return super().process_channels(audio, rate, buffer_size, reset, sidechain)

    def _listen(self, report: FrameReport) -> None:
        self._n_bits += report.bits
        self._n_frames += 1
        super()._listen(report)
