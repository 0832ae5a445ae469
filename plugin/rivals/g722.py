"""G.722 (ITU-T, 1988), wideband telephony by two bands of ADPCM: 16 kHz, 64 kbps."""

from __future__ import annotations

from lamina.plugin.rivals.coding.coder import Coder
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.packets import PacketCoder, absent
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, StreamedRival

RATE, PACKET = 16_000, 320
"""It has no frames: two samples are a byte. Packets of 20 ms are what telephones send (RFC 3551) and FFmpeg makes."""
FILTERS_DELAY = 22
"""Samples of the two filters of 24 taps that split and join the bands."""


class G722(StreamedRival):
    """G.722 at 64 kbps, every channel by itself."""

    __slots__ = ()

    NAME, TITLE, RATES = "g722", "G.722", Rates.of(64)

    def check(self) -> None:
        """See `Rival.check`."""
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        return PacketCoder("g722", "g722", RATE, 1, None, "s16", frame=PACKET, codec_delay=FILTERS_DELAY)


def missing() -> str | None:
    """What G.722 lacks here, in a sentence; None if it can be used."""
    return absent("g722", "w") or absent("g722", "r")


KIND = RivalKind(
    name=G722.NAME,
    title=G722.TITLE,
    rates=G722.RATES,
    colour="#3d8b8b",
    needs="Nothing more: FFmpeg's codec comes with PyAV.",
    missing=missing,
    make=G722,
    sample_rates="16 kHz",
)
