"""AMR-WB (ITU-T G.722.2), "HD voice": 16 kHz, 6.6 to 23.85 kbps.

VisualOn's encoder is the system's, the decoder FFmpeg's.
"""

from __future__ import annotations

import ctypes

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.rivals.coding.coder import Coder, Integers
from lamina.plugin.rivals.coding.libraries import absent_library, library
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.packets import absent, context
from lamina.plugin.rivals.coding.rival import Rates, RivalKind, StreamedRival

RATE, FRAME, DELAY = 16_000, 320, 95
"""DELAY: 5 ms of look-ahead, and the filters between 16 and 12.8 kHz; measured by correlation."""
MODES = (6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85)
FRAME_BITS = (132, 177, 253, 285, 317, 365, 397, 461, 477)
"""Of each mode (3GPP TS 26.201, table 2)."""
LONGEST_PACKET = 64


class AMRWideband(StreamedRival):
    """AMR-WB without pauses (DTX), every channel by itself.

    Args:
        kbps: one of its nine modes.
    """

    __slots__ = ()

    NAME, TITLE, RATES = "amr-wb", "AMR-WB", Rates.of(*MODES, default=12.65)

    def check(self) -> None:
        """See `Rival.check`."""
        problem = missing()
        if problem is not None:
            raise RivalMissingError(problem)

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        return _AMRWidebandCoder(MODES.index(self.kbps))


class _AMRWidebandCoder(Coder):
    """One channel."""

    def __init__(self, mode: int) -> None:
        super().__init__(RATE, FRAME, DELAY)
        found = _encoder_library()
        assert found is not None, "AMRWideband.check has asked for it"
        self._library, self._mode = found, mode
        self._encoder = ctypes.c_void_p(found.E_IF_init())
        self._decoder = context("amrwb", "r")
        self._decoder.sample_rate, self._decoder.layout = RATE, "mono"
        self._decoder.open()

    def __del__(self) -> None:
        if getattr(self, "_encoder", None) is not None:
            self._library.E_IF_exit(self._encoder)

    def push(self, frames: FloatArray) -> FloatArray:
        """See `Coder.push`."""
        import av

        given = np.ascontiguousarray(Integers.of(frames[0]))
        stored = np.empty(LONGEST_PACKET, np.uint8)
        parts = []
        for start in range(0, given.size, FRAME):
            speech, packet = (ctypes.c_void_p(array.ctypes.data) for array in (given[start:], stored))
            n_bytes = self._library.E_IF_encode(self._encoder, self._mode, speech, packet, 0)
            self.n_bits += FRAME_BITS[self._mode]
            self.n_coded += FRAME
            for sound in self._decoder.decode(av.Packet(stored[:n_bytes].tobytes())):
                parts.append(np.asarray(sound.to_ndarray(), np.float32).reshape(-1))
        return np.concatenate(parts)[None]


def missing() -> str | None:
    """What AMR-WB lacks here, in a sentence; None if it can be used."""
    if _encoder_library() is None:
        return absent_library("AMR-WB", "libvo-amrwbenc0")
    return absent("amrwb", "r")


def _encoder_library() -> ctypes.CDLL | None:
    found = library("vo-amrwbenc", "libvo-amrwbenc.so.0")
    if found is not None:
        found.E_IF_init.restype = ctypes.c_void_p
    return found


KIND = RivalKind(
    name=AMRWideband.NAME,
    title=AMRWideband.TITLE,
    rates=AMRWideband.RATES,
    colour="#d68fa0",
    needs="VisualOn's encoder: Debian's libvo-amrwbenc0.",
    missing=missing,
    make=AMRWideband,
    sample_rates="16 kHz",
)
