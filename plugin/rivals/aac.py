"""AAC-LC (ISO/IEC 14496-3), by FFmpeg's own encoder: what phones, television and video sites play."""

from __future__ import annotations

from lamina.plugin.rivals.coding.coder import Coder
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.packets import PacketCoder, absent
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, StreamedRival

AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
FRAME = 1024
MOST_FRAME_BITS = 6144
"""Of a channel (ISO/IEC 14496-3, 4.5.3)."""


class AAC(StreamedRival):
    """AAC-LC at an average bitrate; mono and stereo are one stream, of more channels each.

    The encoder spends less than it is asked for where there is little to code, so the counted bitrate may be lower.

    Args:
        kbps: 16 … 320; what doesn't fit into the frames of the sound's rate and channels is refused.
    """

    __slots__ = ()

    NAME, TITLE, RATES, JOINT = "aac", "AAC-LC", Rates(16, 320, 64), 2

    def check(self) -> None:
        """See `Rival.check`."""
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        rate = own_rate(sample_rate)
        most = int(MOST_FRAME_BITS * n_channels * rate / FRAME / 1000)
        if self.kbps > most:
            raise ValueError(
                f"AAC-LC holds {most} kbps at most in {n_channels} channel{'s' if n_channels > 1 else ''} at {rate} "
                f"Hz, not {self.kbps:g}; choose less."
            )
        # The decoder's overlap is late by a frame, and the encoder looks one ahead.
        return PacketCoder("aac", "aac", rate, n_channels, self.kbps, "fltp", codec_delay=FRAME, hold=FRAME)


def own_rate(sample_rate: int) -> int:
    """The sound's own rate where AAC has it, 44.1 or 48 kHz otherwise."""
    if sample_rate in AAC_RATES:
        return sample_rate
    return 44_100 if sample_rate % 11_025 == 0 else 48_000


def missing() -> str | None:
    """What AAC lacks here, in a sentence; None if it can be used."""
    return absent("aac", "w") or absent("aac", "r")


KIND = RivalKind(
    name=AAC.NAME,
    title=AAC.TITLE,
    rates=AAC.RATES,
    colour="#f2a541",
    needs="Nothing more: FFmpeg's encoder comes with PyAV.",
    missing=missing,
    make=AAC,
    channels="joint",
    sample_rates="as the sound, up to 48 kHz",
)
