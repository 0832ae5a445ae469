"""Opus (RFC 6716), by libopus through FFmpeg: exact constant bitrate, speech and music, 2.5 to 60 ms frames."""

from __future__ import annotations

from typing import Any, ClassVar

from lamina.plugin.rivals.coding.coder import Coder
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.packets import PacketCoder, absent
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, StreamedRival, one_of

RATE = 48_000
FRAMES_MS = (2.5, 5, 10, 20, 40, 60)
APPLICATIONS = ("audio", "voip", "lowdelay")
DECODERS = ("libopus", "ffmpeg")
MOST_PER_CHANNEL = 256
PRE_SKIP = slice(10, 12)
"""Where the encoder's delay in samples at 48 kHz stands in an Opus header (RFC 7845, section 5.1)."""


class Opus(StreamedRival):
    """Opus at a constant bitrate; mono and stereo are one stream, of more channels each.

    Args:
        kbps: 6 … 510, for one channel 256 at most.
        frame_ms: of a packet: 2.5, 5, 10, 20 (unless said), 40 or 60.
        application: what the encoder is tuned for: "audio" (unless said), "voip", or "lowdelay", which leaves out the
            speech codec and its delay. Frames below 10 ms are always coded so.
        decoder: "libopus", or "ffmpeg" for FFmpeg's own decoder, with 16-bit samples into the encoder as FFmpeg's
            program hands them over.
    """

    __slots__ = ()

    NAME, TITLE, RATES, JOINT = "opus", "Opus", Rates(6, 510, 16), 2
    OPTIONS: ClassVar[dict[str, str]] = {
        "frame_ms": ", ".join(f"{frame:g}" for frame in FRAMES_MS),
        "application": ", ".join(APPLICATIONS),
        "decoder": ", ".join(DECODERS),
    }

    def checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """See `Rival.checked_options`."""
        return {
            "frame_ms": one_of(options, "frame_ms", FRAMES_MS, 20),
            "application": one_of(options, "application", APPLICATIONS, "audio"),
            "decoder": one_of(options, "decoder", DECODERS, "libopus"),
        }

    def check(self) -> None:
        """See `Rival.check`."""
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        if self.kbps > MOST_PER_CHANNEL * n_channels:
            raise ValueError(
                f"FFmpeg's libopus codes one channel with {MOST_PER_CHANNEL} kbps at most, not with {self.kbps:g}; "
                "choose less, or give it stereo."
            )
        is_libopus = self.options["decoder"] == "libopus"
        delay = 0

        def keep_beginning(encoder: Any, decoder: Any) -> None:
            """The decoder would drop the encoder's delay by itself; whole packets are simpler to count on."""
            nonlocal delay
            header = bytearray(encoder.extradata)
            if is_libopus:
                delay = int.from_bytes(header[PRE_SKIP], "little")
                header[PRE_SKIP] = b"\0\0"
                decoder.format = "flt"
            decoder.extradata = bytes(header)

        coder = PacketCoder(
            "libopus",
            "libopus" if is_libopus else "opus",
            RATE,
            n_channels,
            self.kbps,
            "flt" if is_libopus else "s16",
            {
                "vbr": "off",
                "application": self.options["application"],
                "frame_duration": f"{self.options['frame_ms']:g}",
            },
            # FFmpeg's decoder drops the delay and gives its first samples late.
            hold=0 if is_libopus else round(RATE * self.options["frame_ms"] / 1000),
            prepare=keep_beginning,
        )
        coder.delay += delay
        return coder


def missing() -> str | None:
    """What Opus lacks here, in a sentence; None if it can be used."""
    return absent("libopus", "w") or absent("libopus", "r")


KIND = RivalKind(
    name=Opus.NAME,
    title=Opus.TITLE,
    rates=Opus.RATES,
    colour="#e07a5f",
    needs="Nothing more: libopus comes with PyAV.",
    missing=missing,
    make=Opus,
    channels="joint",
    sample_rates="48 kHz",
    options=Opus.OPTIONS,
)
