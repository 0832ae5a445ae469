"""Lamina itself, and the sound as it is, in the same form as rivals, so that all stand in one row."""

from __future__ import annotations

from typing import Any

from lamina.dsp.arrays import FloatArray
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.coding.rival import Rates, Rival
from lamina.plugin.stream.reports import FrameReport
from lamina.plugin.stream.variable_rate import SentBits


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

    Where frames differ in their number of layers (`variable_rate`, two passes, motions), the bits that tell these
    numbers are counted, too. With `two_pass` a whole piece (`reset=True`) is heard once before it is coded, as
    `NeuralCodec.plan` does. Pieces that come in blocks can't be.
    """

    __slots__ = ("_sent", "two_pass")

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "two_pass": self.two_pass}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.two_pass: bool = state.get("two_pass", False)
        self._sent = SentBits()

    @property
    def title(self) -> str:
        """Name and bitrate, per channel: "Lamina 6 kbps", "Lamina 6 kbps, two passes"."""
        return f"Lamina {self.kbps:g} kbps" + (", two passes" if self.two_pass else "")

    @property
    def latency(self) -> float:
        """See `Rival.latency`."""
        own_rate = self.bundle.config.sample_rate
        return self.latency_samples(own_rate) / own_rate

    @property
    def counted_kbps(self) -> float:
        """See `Rival.counted_kbps`."""
        return self._sent.kbps(self.bundle.config.frame_rate)

    @property
    def counted_bits(self) -> int:
        """See `Rival.counted_bits`."""
        return self._sent.bits

    def process_channels(
        self, audio: FloatArray, rate: int, buffer_size: int, reset: bool, sidechain: FloatArray | None = None
    ) -> FloatArray:
        """See `Effect.process_channels`; raises ValueError for blocks (`reset=False`) with `two_pass`."""
        if reset:
            self._sent = SentBits()
        if not self.two_pass:
            return super().process_channels(audio, rate, buffer_size, reset, sidechain)
        if not reset:
            raise ValueError(f"{self.title} needs a whole piece, and gets it block by block. Leave two_pass out.")
        before = self.layer_plan
        self.layer_plan = self._plan_channels(audio, rate)
        try:
            return super().process_channels(audio, rate, buffer_size, reset, sidechain)
        finally:
            self.layer_plan = before

    def _listen(self, report: FrameReport) -> None:
        self._sent.add(report)
        super()._listen(report)
