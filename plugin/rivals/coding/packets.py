"""FFmpeg's encoders and decoders, through PyAV: sound to packets and back, with every bit counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.rivals.coding.coder import Coder, Integers
from lamina.plugin.rivals.coding.missing import RivalMissingError


class PacketCoder(Coder):
    """A stream through one of FFmpeg's encoders and its decoder.

    Args:
        encoder, decoder: their names in FFmpeg.
        rate: Hz.
        n_channels: 1 or 2, coded together.
        kbps: what the encoder is asked for; None where it has one rate.
        sample_format: of what goes into the encoder: "flt", "fltp" or "s16".
        options: the encoder's, by FFmpeg's names.
        frame: samples of a packet, where the encoder takes any number.
        codec_delay: samples by which decoded sound lags, beyond what the decoder drops at its beginning.
        hold: samples that are kept back, because packets may come so much later than the sound in them.
        prepare: called with encoder and decoder before the decoder opens.
        bits_of: bits that a packet counts for; all of its bytes' unless given.

    Raises RivalMissingError where this FFmpeg has no such encoder or decoder.
    """

    def __init__(
        self,
        encoder: str,
        decoder: str,
        rate: int,
        n_channels: int,
        kbps: float | None,
        sample_format: str,
        options: dict[str, str] | None = None,
        frame: int = 0,
        codec_delay: int = 0,
        hold: int = 0,
        prepare: Callable[[Any, Any], None] | None = None,
        bits_of: Callable[[Any], int] | None = None,
    ) -> None:
        self._encoder, self._decoder = context(encoder, "w"), context(decoder, "r")
        self._layout = "mono" if n_channels == 1 else "stereo"
        self._format, self._n_channels = sample_format, n_channels
        self._encoder.sample_rate, self._encoder.layout, self._encoder.format = rate, self._layout, sample_format
        if kbps is not None:
            self._encoder.bit_rate = round(kbps * 1000)
        self._encoder.options = dict(options or {})
        self._encoder.open()
        self._decoder.sample_rate, self._decoder.layout = rate, self._layout
        self._decoder.extradata = self._encoder.extradata
        if prepare is not None:
            prepare(self._encoder, self._decoder)
        self._decoder.open()
        super().__init__(rate, self._encoder.frame_size or frame, codec_delay + hold)
        self._bits_of = bits_of or (lambda packet: 8 * int(packet.size))
        self._ready = np.zeros((n_channels, hold), np.float32)

    def push(self, frames: FloatArray) -> FloatArray:
        """See `Coder.push`."""
        parts = [self._ready]
        for start in range(0, frames.shape[1], self.frame):
            for packet in self._encoder.encode(self._sound(frames[:, start : start + self.frame])):
                self.n_bits += self._bits_of(packet)
                self.n_coded += self.frame
                parts += [self._samples(sound) for sound in self._decoder.decode(packet)]
        ready = np.concatenate(parts, 1)
        if ready.shape[1] < frames.shape[1]:
            raise RuntimeError(
                f"{self._decoder.name} gave {ready.shape[1]} samples where {frames.shape[1]} were due; packets came "
                "later than they can."
            )
        self._ready = ready[:, frames.shape[1] :]
        return ready[:, : frames.shape[1]]

    def _sound(self, samples: FloatArray) -> Any:
        import av

        values = Integers.of(samples) if self._format == "s16" else samples.astype(np.float32)
        if not self._format.endswith("p"):
            values = values.T.reshape(1, -1)
        sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(values), self._format, self._layout)
        sound.sample_rate = self.rate
        return sound

    def _samples(self, sound: Any) -> FloatArray:
        values = sound.to_ndarray()
        if not sound.format.is_planar:
            values = values.reshape(-1, self._n_channels).T
        return Integers.back(values) if values.dtype == np.int16 else values.astype(np.float32)


def context(codec: str, mode: str) -> Any:
    """One of FFmpeg's encoders (mode "w") or decoders ("r"), not open yet; raises RivalMissingError without it."""
    problem = absent(codec, mode)
    if problem is not None:
        raise RivalMissingError(problem)
    from av.codec import CodecContext

    return CodecContext.create(codec, mode)


def absent(codec: str, mode: str) -> str | None:
    """Why one of FFmpeg's encoders or decoders can't be had, in a sentence; None if it can."""
    import av
    from av.codec import Codec

    try:
        Codec(codec, mode)
    except (av.codec.codec.UnknownCodecError, ValueError):
        what = "encoder" if mode == "w" else "decoder"
        return f"PyAV's FFmpeg has no {what} {codec!r} here; install PyAV's own wheel: pip install --force-reinstall av"
    return None
