"""The codec at the two ends of a line: sound to frames here, frames to sound there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.models.runtime import load_runtime
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.line.packet import Hello, LineFormat, LineFrame
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.stream.decoder import check_codes

GUARDED_LOSS = 0.01
"""A chance of loss that makes the encoder guard its memory; how large it is doesn't matter."""


class LineEncoder(Protocol):
    """What a `LineSender` makes its frames with."""

    def push(self, samples: FloatArray, layers: int, guarded: bool) -> list[LineFrame]:
        """Samples `[channels, n]` → the frames that they complete, of up to so many layers."""

    def flush(self) -> list[LineFrame]:
        """The frames up to the last sample."""


class LineDecoder(Protocol):
    """What a `LineReceiver` makes sound of its frames with."""

    def push(self, frames: Sequence[LineFrame | None]) -> FloatArray:
        """Frames, None for each that got lost → samples `[channels, n]` at the model's rate."""

    def check(self, frame: LineFrame) -> None:
        """Raises ValueError for a frame that the model can't have made."""


class CodecEncoder:
    """A codec's own encoder, whose settings may be changed at any time.

    Args:
        codec: with the settings of the sound.
        sample_rate: of the sound, Hz.
        n_channels: its channels.
    """

    def __init__(self, codec: NeuralCodec, sample_rate: int, n_channels: int) -> None:
        self._codec = codec
        self._encoder = codec.encoder(sample_rate, n_channels)
        self._n_layers = codec.bundle.config.layers
        self._wish: tuple[Settings, int, bool] | None = None
        self._settings = codec.settings

    def push(self, samples: FloatArray, layers: int, guarded: bool) -> list[LineFrame]:
        """See `LineEncoder.push`."""
        wish = self._codec.settings, layers, guarded
        if wish != self._wish:
            self._wish, settings = wish, self._codec.settings
            if layers < settings.layers:
                settings = settings.with_value("layers", layers)
            if guarded:
                settings = settings.with_value("frame_loss", max(settings.frame_loss, GUARDED_LOSS))
            self._settings = settings
        return self._frames(self._encoder.push(samples, self._settings))

    def flush(self) -> list[LineFrame]:
        """See `LineEncoder.flush`."""
        return self._frames(self._encoder.flush())

    def _frames(self, codes: Codes) -> list[LineFrame]:
        missing = self._n_layers - codes.codes.shape[2]
        sent = np.where(np.arange(codes.codes.shape[2]) < codes.counts[..., None], codes.codes, 0).astype(np.uint16)
        all_layers = np.pad(sent, ((0, 0), (0, 0), (0, missing)))
        return [LineFrame(all_layers[:, index], codes.counts[:, index]) for index in range(codes.n_frames)]


class CodecDecoder:
    """A codec's own decoder, whose settings may be changed; lost frames are concealed as its desk does.

    `denoise`, `postfilter` and `output_gain_db` may be changed at any time, and what alters codes if anything did at
    the first frame; what else is wished meanwhile is not heard.

    Args:
        codec: the receiver's.
        hello: what the sender said of its stream.

    Raises ValueError if the codec's model is not the sender's.
    """

    def __init__(self, codec: NeuralCodec, hello: Hello) -> None:
        check_model(codec, hello)
        self._codec, self._hello = codec, hello
        self._runtime = load_runtime(codec.model)
        self._decoder = codec.decoder(hello.sample_rate)
        self._wish = self._settings = codec.settings
        config = self._runtime.config
        most = 1 << min(config.code_bits)
        # Where every number that fits its bits is a code, there is nothing to look at.
        self._checks = config.codebook_size < most or (config.memory is not None and 2 * config.memory.n_lags < most)

    def push(self, frames: Sequence[LineFrame | None]) -> FloatArray:
        """See `LineDecoder.push`."""
        wish = self._codec.settings
        if wish != self._wish:
            self._wish = wish
            if self.takes(wish):
                self._settings = wish
        return self._decoder.push(self.codes(frames), self._settings)

    def check(self, frame: LineFrame) -> None:
        """See `LineDecoder.check`."""
        if self._checks:
            check_codes(self._runtime, self.codes([frame]))

    def takes(self, settings: Settings) -> bool:
        """Whether these settings can follow now."""
        return self._decoder.takes(settings)

    def codes(self, frames: Sequence[LineFrame | None]) -> Codes:
        """Frames as `Codes`, with nothing sent of those that got lost."""
        return as_codes(self._hello, frames)


def as_codes(hello: Hello, frames: Sequence[LineFrame | None]) -> Codes:
    """Frames of a stream as `Codes` at the model's rate, with nothing sent of those that got lost."""
    codes = np.zeros((hello.n_coded, len(frames), len(hello.code_bits)), np.uint16)
    counts = np.zeros((hello.n_coded, len(frames)), np.uint8)
    for index, frame in enumerate(frames):
        if frame is not None:
            codes[:, index], counts[:, index] = frame.codes, frame.counts
    return Codes(
        codes,
        counts,
        hello.sample_rate,
        len(frames) * hello.frame,
        hello.n_channels,
        hello.bundle,
        hello.digest,
        hello.stereo,
        0.0,
        hello.lag_from,
        hello.frame_rate,
        hello.code_bits,
    )


def hello_of(codec: NeuralCodec, n_channels: int, stream: int, name: str) -> Hello:
    """What a sender with this codec says of its stream."""
    config = codec.bundle.config
    stereo = codec.settings.stereo if n_channels == 2 else "linked"
    format = LineFormat.of(config, 1 if stereo == "mono" else n_channels)
    return Hello(
        stream,
        codec.bundle.name,
        codec.bundle.digest,
        config.sample_rate,
        config.frame,
        format.code_bits,
        format.lag_from,
        n_channels,
        stereo,
        name,
    )


def check_model(codec: NeuralCodec, hello: Hello) -> None:
    """Raises ValueError, with both names, if the codec's model is not the sender's."""
    here = codec.bundle
    if here.digest != hello.digest:
        raise ValueError(
            f"The other end uses the model {hello.bundle!r} ({hello.digest[:12]}…), this end {here.name!r} "
            f"({here.digest[:12]}…). Choose the same model at both ends."
        )
    format = LineFormat.of(here.config, hello.n_coded)
    told = (hello.sample_rate, hello.frame, hello.code_bits, hello.lag_from)
    if told != (here.config.sample_rate, here.config.frame, format.code_bits, format.lag_from):
        raise ValueError(f"The other end tells of the model {hello.bundle!r} what isn't so. Install it again there.")
