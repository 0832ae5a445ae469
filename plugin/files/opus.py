"""Writing Opus: at 48 kHz, whatever rate the sound has, and exactly as long as it is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.resample import StreamingResampler

OPUS_RATE = 48_000
LOWEST_KBPS, HIGHEST_KBPS = 6, 510
KBPS_OF_TWO_CHANNELS = 160
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 6: "5.1", 8: "7.1"}
"""FFmpeg's, in the order of WAV files; its encoder mixes the channels up where there are 5 or 7."""
SILENCE_AT_ONCE = 1024


def opus_length(n_samples: int, sample_rate: int) -> int:
    """Samples at 48 kHz that an Opus file of so many samples at another rate has: at least one if there is any."""
    return max(min(1, n_samples), round(Fraction(n_samples * OPUS_RATE, sample_rate)))


def opus_kbps(quality: str | None, channels: int) -> int:
    """Kilobits per second of all channels together; raises ValueError with what can be chosen."""
    if quality is None:
        return min(HIGHEST_KBPS, KBPS_OF_TWO_CHANNELS * channels // 2)
    chosen = quality.removesuffix("kbps").strip()
    if not (chosen.isascii() and chosen.isdecimal() and LOWEST_KBPS <= int(chosen[:9]) <= HIGHEST_KBPS):
        raise ValueError(f"choose {LOWEST_KBPS} to {HIGHEST_KBPS} kbps")
    return int(chosen)


class OpusWriter:
    """An Opus file that is written, to be used in a `with` block, whose end completes it.

    Args:
        path: the file.
        sample_rate: of what is written to it, in Hz.
        channels: one of LAYOUTS, in the order of WAV files.
        kbps: of all channels together.

    Raises OSError if it can't be written.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int, kbps: int) -> None:
        import av

        self._rate, self._layout = sample_rate, LAYOUTS[channels]
        self._resampler = StreamingResampler(channels, sample_rate, OPUS_RATE)
        self._container: Any = av.open(str(path), "w", format="opus", options={"fflags": "+bitexact"})
        try:
            self._stream: Any = self._container.add_stream("libopus", rate=OPUS_RATE, layout=self._layout)
            self._stream.bit_rate = 1000 * kbps
            self._stream.codec_context.open()
        except BaseException:
            self._container.close()
            raise
        self._size = int(self._stream.codec_context.frame_size)
        self._held: FloatArray = np.zeros((channels, 0), np.float32)
        self._n_given = self._n_made = 0

    def write(self, block: FloatArray) -> None:
        """Append float32 `[channels, n]`."""
        self._n_given += block.shape[1]
        self._encode(self._resampler.push(block))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._end()
        finally:
            self._container.close()

    def _end(self) -> None:
        """What the resampler and the encoder still hold."""
        left = opus_length(self._n_given, self._rate) - self._n_made
        silence = np.zeros((len(self._held), SILENCE_AT_ONCE), np.float32)
        while self._held.shape[1] < left:
            self._held = np.concatenate((self._held, self._resampler.push(silence)), axis=1)
        self._held = self._held[:, :left]
        self._encode(np.zeros((len(self._held), 0), np.float32))
        if self._held.shape[1]:
            self._send(self._held)
        if self._n_made:
            self._container.mux(self._stream.encode(None))

    def _encode(self, sound: FloatArray) -> None:
        """Every packet that is whole."""
        self._held = np.concatenate((self._held, sound), axis=1)
        whole = self._held.shape[1] - self._held.shape[1] % self._size
        for start in range(0, whole, self._size):
            self._send(self._held[:, start : start + self._size])
        self._held = self._held[:, whole:]

    def _send(self, packet: FloatArray) -> None:
        import av

        together = np.ascontiguousarray(packet.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(together, format="flt", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = OPUS_RATE, self._n_made, Fraction(1, OPUS_RATE)
        self._n_made += packet.shape[1]
        self._container.mux(self._stream.encode(frame))
