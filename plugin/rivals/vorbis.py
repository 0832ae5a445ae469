"""Ogg Vorbis (Xiph), by libvorbis in pedalboard's file writer: variable bitrate, whole pieces."""

from __future__ import annotations

import io

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, WholeRival

HIGHEST_RATE = 48_000
QUALITIES = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
"""That the writer has: named by what stereo at 44.1 kHz takes on the average."""


class Vorbis(WholeRival):
    """Ogg Vorbis at a quality; mono and stereo are one stream, of more channels each.

    Args:
        kbps: names the quality, by what stereo at 44.1 kHz takes on the average; mono and other rates take less, and
            `counted_kbps` tells how much.
    """

    __slots__ = ()

    NAME, TITLE, RATES, JOINT = "vorbis", "Ogg Vorbis", Rates.of(*QUALITIES, default=96), 2

    def own_rate(self, sample_rate: int) -> int:
        """See `WholeRival.own_rate`."""
        if sample_rate <= HIGHEST_RATE:
            return sample_rate
        return 44_100 if sample_rate % 11_025 == 0 else HIGHEST_RATE

    def code(self, audio: FloatArray, rate: int) -> tuple[FloatArray, int, int]:
        """See `WholeRival.code`."""
        import av
        from pedalboard.io import AudioFile, WriteableAudioFile

        stored = io.BytesIO()
        with WriteableAudioFile(
            stored, samplerate=rate, num_channels=len(audio), format="ogg", quality=f"{self.kbps:g} kbps"
        ) as writer:
            writer.write(audio)
        stored.seek(0)
        with av.open(stored) as container:
            n_bits = 8 * sum(packet.size for packet in container.demux(audio=0))
        stored.seek(0)
        with AudioFile(stored) as reader:
            decoded = reader.read(reader.frames)
        missing = max(0, audio.shape[1] - decoded.shape[1])
        whole = np.pad(decoded, ((0, 0), (0, missing)))[:, : audio.shape[1]]
        return whole, n_bits, audio.shape[1]


KIND = RivalKind(
    name=Vorbis.NAME,
    title=Vorbis.TITLE,
    rates=Vorbis.RATES,
    colour="#6a994e",
    needs="Nothing more: libvorbis comes with pedalboard.",
    missing=lambda: None,
    make=Vorbis,
    channels="joint",
    sample_rates="as the sound, up to 48 kHz",
    streams=False,
)
