"""AMR-NB (3GPP TS 26.071), the speech codec of GSM and UMTS telephones: 8 kHz, 4.75 to 12.2 kbps."""

from __future__ import annotations

from typing import Any

from lamina.plugin.rivals.coding.coder import Coder
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.packets import PacketCoder, absent
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, StreamedRival

RATE, LOOK_AHEAD = 8_000, 40
"""5 ms (TS 26.090, section 4.4)."""
FRAME_BITS = (95, 103, 118, 134, 148, 159, 204, 244, 39)
"""Of each mode, and of a frame of comfort noise (TS 26.101, table 1)."""
NO_DATA = 15


class AMRNarrowband(StreamedRival):
    """AMR-NB without pauses (DTX), every channel by itself.

    Args:
        kbps: one of its eight modes.
    """

    __slots__ = ()

    NAME, TITLE = "amr-nb", "AMR-NB"
    RATES = Rates.of(4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2, default=12.2)

    def check(self) -> None:
        """See `Rival.check`."""
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        return PacketCoder(
            "libopencore_amrnb", "amrnb", RATE, 1, self.kbps, "s16", codec_delay=LOOK_AHEAD, bits_of=bits_of
        )


def bits_of(packet: Any) -> int:
    """Bits of speech in a stored frame (RFC 4867, section 5.3): its first byte tells the mode, the last is padded."""
    kind = bytes(packet)[0] >> 3 & 15
    return 0 if kind == NO_DATA else FRAME_BITS[kind]


def missing() -> str | None:
    """What AMR-NB lacks here, in a sentence; None if it can be used."""
    return absent("libopencore_amrnb", "w") or absent("amrnb", "r")


KIND = RivalKind(
    name=AMRNarrowband.NAME,
    title=AMRNarrowband.TITLE,
    rates=AMRNarrowband.RATES,
    colour="#b56576",
    needs="Nothing more: OpenCORE's codec comes with PyAV.",
    missing=missing,
    make=AMRNarrowband,
    sample_rates="8 kHz",
)
