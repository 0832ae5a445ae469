"""MP3 (ISO/IEC 11172-3 and 13818-3), by LAME through FFmpeg, at a constant bitrate."""

from __future__ import annotations

import math

from lamina.plugin.rivals.coding.coder import Coder
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.packets import PacketCoder, absent
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, StreamedRival

MPEG_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MPEG_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MPEG_2_5 = (8, 16, 24, 32, 40, 48, 56, 64)
LEAST_FULL, LEAST_HALF = 32, 16
"""Least kbps per channel at which sound is coded at 44.1 or 48 kHz, and at half of that; a quarter below.

LAME does so, too, about there: few bits are spent better on less bandwidth.
"""
LAME_DELAY = 1105
"""Samples by which encoder and decoder together are late; the decoder drops them, but they have to come first."""
HEAD_BYTES = {(True, 1): 21, (True, 2): 36, (False, 1): 13, (False, 2): 21}
"""Header and side information of a frame, of MPEG-1 or not, by channels."""


class MP3(StreamedRival):
    """MP3 at a constant bitrate; mono and (joint) stereo are one stream, of more channels each.

    It is coded at 44.1 or 48 kHz, whichever is nearer to the sound's own family, from 32 kbps per channel up, and at a
    half or a quarter of that below.

    Args:
        kbps: one of the standard's: 8 … 320.
    """

    __slots__ = ()

    NAME, TITLE, JOINT = "mp3", "MP3", 2
    RATES = Rates.of(*sorted({*MPEG_1, *MPEG_2}), default=64)

    def check(self) -> None:
        """See `Rival.check`."""
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        rate, is_mpeg_1 = self.own_rate(sample_rate, n_channels)
        frame, reservoir_bytes = (1152, 511) if is_mpeg_1 else (576, 255)
        head_bytes = HEAD_BYTES[is_mpeg_1, n_channels]
        main_bytes = int(self.kbps * 1000 / 8 * frame / rate) - head_bytes
        # A frame's bits may stand in the ones before it, as far back as the reservoir reaches, so a frame is filled
        # only so many frames later; one more is on its way through LAME.
        n_late = 2 + math.ceil(reservoir_bytes / main_bytes)
        return PacketCoder(
            "libmp3lame", "mp3float", rate, n_channels, self.kbps, "fltp", hold=LAME_DELAY + n_late * frame
        )

    def own_rate(self, sample_rate: int, n_channels: int) -> tuple[int, bool]:
        """Hz at which `n_channels` of a sound of `sample_rate` Hz are coded, and whether that is MPEG-1."""
        full = 44_100 if sample_rate % 11_025 == 0 else 48_000
        least = self.kbps / n_channels
        wanted = full if least >= LEAST_FULL else full // 2 if least >= LEAST_HALF else full // 4
        # Nothing is gained above the sound's own rate.
        while wanted > full // 4 and wanted // 2 >= sample_rate:
            wanted //= 2
        tables = {full // 4: MPEG_2_5, full // 2: MPEG_2, full: MPEG_1}
        order = sorted(tables, key=lambda rate: (rate != wanted, rate < wanted, abs(rate - wanted)))
        rate = next(rate for rate in order if self.kbps in tables[rate])
        return rate, rate == full


def missing() -> str | None:
    """What MP3 lacks here, in a sentence; None if it can be used."""
    return absent("libmp3lame", "w") or absent("mp3float", "r")


KIND = RivalKind(
    name=MP3.NAME,
    title=MP3.TITLE,
    rates=MP3.RATES,
    colour="#81b29a",
    needs="Nothing more: LAME comes with PyAV.",
    missing=missing,
    make=MP3,
    channels="joint",
    sample_rates="44.1 or 48 kHz, a half or a quarter of it at low bitrates",
)
