"""LC3 (Bluetooth LE Audio), by the system's liblc3: MDCT with short delay, 16 to 320 kbps per channel."""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.rivals.coding.coder import Coder, Integers
from lamina.plugin.rivals.coding.libraries import absent_library, library
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, StreamedRival, one_of

LC3_RATES = (8_000, 16_000, 24_000, 32_000, 48_000)
FRAMES_MS = (7.5, 10)
LEAST_BYTES, MOST_BYTES = 20, 400
"""Of a frame (LC3 specification 1.0, section 3.1)."""
S16 = 0
"""`LC3_PCM_FORMAT_S16`."""


class LC3(StreamedRival):
    """LC3 at a constant bitrate, every channel by itself.

    Args:
        kbps: 16 … 320; with frames of 7.5 ms from 21.4.
        frame_ms: 10 (unless said) or 7.5.
        rate: Hz at which it codes; 48000 unless said. Low bitrates sound better at 16000 or 24000.
    """

    __slots__ = ()

    NAME, TITLE, RATES = "lc3", "LC3", Rates(16, 320, 80)
    OPTIONS: ClassVar[dict[str, str]] = {"frame_ms": "7.5, 10", "rate": ", ".join(map(str, LC3_RATES))}

    def checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """See `Rival.checked_options`."""
        return {
            "frame_ms": one_of(options, "frame_ms", FRAMES_MS, 10),
            "rate": one_of(options, "rate", LC3_RATES, 48_000),
        }

    def check(self) -> None:
        """See `Rival.check`."""
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)
        if not LEAST_BYTES <= self._frame_bytes <= MOST_BYTES:
            frame_ms = self.options["frame_ms"]
            least, most = (8 * n_bytes / frame_ms for n_bytes in (LEAST_BYTES, MOST_BYTES))
            raise ValueError(
                f"LC3 with frames of {frame_ms:g} ms has {least:.1f} to {most:.1f} kbps, not {self.kbps:g}."
            )

    @property
    def _frame_bytes(self) -> int:
        return round(self.kbps * float(self.options["frame_ms"]) / 8)

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        return _LC3Coder(self.options["rate"], round(self.options["frame_ms"] * 1000), self._frame_bytes)


class _LC3Coder(Coder):
    """One channel."""

    def __init__(self, rate: int, frame_us: int, frame_bytes: int) -> None:
        found = _liblc3()
        assert found is not None, "LC3.check has asked for it"
        super().__init__(
            rate, int(found.lc3_frame_samples(frame_us, rate)), int(found.lc3_delay_samples(frame_us, rate))
        )
        self._library, self._frame_bytes = found, frame_bytes
        self._memory = [
            ctypes.create_string_buffer(size(frame_us, rate))
            for size in (found.lc3_encoder_size, found.lc3_decoder_size)
        ]
        setups = (found.lc3_setup_encoder, found.lc3_setup_decoder)
        self._encoder, self._decoder = (
            ctypes.c_void_p(setup(frame_us, rate, rate, memory))
            for setup, memory in zip(setups, self._memory, strict=True)
        )

    def push(self, frames: FloatArray) -> FloatArray:
        """See `Coder.push`."""
        given = np.ascontiguousarray(Integers.of(frames[0]))
        decoded, packet = np.empty_like(given), np.empty(self._frame_bytes, np.uint8)
        for start in range(0, given.size, self.frame):
            n_bytes, code = ctypes.c_int(self._frame_bytes), _at(packet)
            self._library.lc3_encode(self._encoder, S16, _at(given[start:]), 1, n_bytes, code)
            self._library.lc3_decode(self._decoder, code, n_bytes, S16, _at(decoded[start:]), 1)
            self.n_bits += 8 * self._frame_bytes
            self.n_coded += self.frame
        return Integers.back(decoded)[None]


def missing() -> str | None:
    """What LC3 lacks here, in a sentence; None if it can be used."""
    return None if _liblc3() is not None else absent_library("LC3", "liblc3-0")


def _liblc3() -> ctypes.CDLL | None:
    found = library("lc3", "liblc3.so.0") or library("lc3", "liblc3.so.1")
    if found is not None:
        found.lc3_setup_encoder.restype = found.lc3_setup_decoder.restype = ctypes.c_void_p
    return found


def _at(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


KIND = RivalKind(
    name=LC3.NAME,
    title=LC3.TITLE,
    rates=LC3.RATES,
    colour="#4f7cac",
    needs="Google's liblc3: Debian's liblc3-0 (liblc3-1 in newer versions).",
    missing=missing,
    make=LC3,
    sample_rates="48 kHz, or what `rate` says",
    options=LC3.OPTIONS,
)
