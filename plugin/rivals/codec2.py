"""Codec 2, the amateur radio's speech codec: 8 kHz, 0.7 to 3.2 kbps. The package `pycodec2` brings it."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.extras import missing_extra
from lamina.plugin.rivals.coding.coder import Coder, Integers
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, StreamedRival

RATE = 8_000
DELAY, DELAY_700C = 160, 240
"""Delay, in samples.

The analysis window of 40 ms is centred 20 ms before a frame's end, and synthesis peaks at that end; mode 700C
interpolates from the vector before, which is another 10 ms.
"""


class Codec2(StreamedRival):
    """Codec 2, every channel by itself.

    It is a vocoder: what comes out has the input's spectrum and pitch, not its waveform, so there is no lag to measure
    to the sample; its frames are aligned by where they are analysed. The library draws the phases of unvoiced sound
    from one generator for the whole process, which can't be set: the first piece in a process is always the same, and a
    second time it sounds alike and has other samples.

    Args:
        kbps: one of its modes; 0.7 is mode 700C.
    """

    __slots__ = ()

    NAME, TITLE, RATES = "codec2", "Codec 2", Rates.of(0.7, 1.2, 1.3, 1.4, 1.6, 2.4, 3.2, default=3.2)

    def check(self) -> None:
        """See `Rival.check`."""
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        return _Codec2Coder(round(self.kbps * 1000))


class _Codec2Coder(Coder):
    """One channel."""

    def __init__(self, mode: int) -> None:
        from pycodec2 import Codec2 as Modem

        self._encoder, self._decoder = Modem(mode), Modem(mode)
        super().__init__(RATE, self._encoder.samples_per_frame(), DELAY_700C if mode == 700 else DELAY)

    def push(self, frames: FloatArray) -> FloatArray:
        """See `Coder.push`."""
        given = Integers.of(frames[0])
        parts = []
        for start in range(0, given.size, self.frame):
            packet = self._encoder.encode(np.ascontiguousarray(given[start : start + self.frame]))
            self.n_bits += self._encoder.bits_per_frame()
            self.n_coded += self.frame
            parts.append(self._decoder.decode(packet))
        return Integers.back(np.concatenate(parts))[None]


def missing() -> str | None:
    """What Codec 2 lacks here, in a sentence; None if it can be used."""
    if find_spec("pycodec2"):
        return None
    return missing_extra("Codec 2", "rivals", ImportError("No module named 'pycodec2'"))


KIND = RivalKind(
    name=Codec2.NAME,
    title=Codec2.TITLE,
    rates=Codec2.RATES,
    colour="#8d6a9f",
    needs="The extra [rivals], which brings pycodec2.",
    missing=missing,
    make=Codec2,
    sample_rates="8 kHz",
)
