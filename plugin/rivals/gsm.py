"""GSM full rate (06.10), the sound of the first digital telephones: 8 kHz, 13 kbps.

Debian's libgsm where it is installed: the standard bit for bit, and it streams. pedalboard's codec otherwise, which
comes along with it and takes whole pieces.
"""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.rivals.coding.coder import Coder, Integers
from lamina.plugin.rivals.coding.libraries import absent_library, library
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.rival import Rates, Rival, RivalKind, StreamedRival, WholeRival, one_of

RATE, FRAME, FRAME_BITS, FRAME_BYTES = 8_000, 160, 260, 33
"""A stored frame has 33 bytes, whose first four bits say nothing; 260 bits are the codec's."""
LIBRARIES = ("auto", "libgsm", "pedalboard")


class GSM(StreamedRival):
    """GSM full rate by libgsm, every channel by itself."""

    __slots__ = ()

    NAME, TITLE, RATES = "gsm", "GSM full rate", Rates.of(13)
    OPTIONS: ClassVar[dict[str, str]] = {"library": ", ".join(LIBRARIES)}

    def checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """See `Rival.checked_options`."""
        return {"library": one_of(options, "library", LIBRARIES, "auto")}

    def check(self) -> None:
        """See `Rival.check`."""
        if _libgsm() is None:
            raise RivalMissingError(absent_library("GSM by libgsm", "libgsm1"))

    def coder(self, sample_rate: int, n_channels: int) -> Coder:
        """See `StreamedRival.coder`."""
        return _GSMCoder()


class PedalboardGSM(WholeRival):
    """GSM full rate by pedalboard's `GSMFullRateCompressor`, every channel by itself."""

    __slots__ = ()

    NAME, TITLE, RATES, OPTIONS = GSM.NAME, GSM.TITLE, GSM.RATES, GSM.OPTIONS

    def checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """See `Rival.checked_options`."""
        return {"library": one_of(options, "library", LIBRARIES, "auto")}

    def own_rate(self, sample_rate: int) -> int:
        """See `WholeRival.own_rate`."""
        return RATE

    def code(self, audio: FloatArray, rate: int) -> tuple[FloatArray, int, int]:
        """See `WholeRival.code`."""
        from pedalboard import GSMFullRateCompressor

        n_frames = -(-audio.shape[1] // FRAME)
        decoded = GSMFullRateCompressor().process(audio, rate, reset=True)
        return decoded, n_frames * FRAME_BITS, n_frames * FRAME


class _GSMCoder(Coder):
    """One channel through libgsm."""

    def __init__(self) -> None:
        super().__init__(RATE, FRAME, 0)
        found = _libgsm()
        assert found is not None, "GSM.check has asked for it"
        self._library = found
        self._encoder, self._decoder = (ctypes.c_void_p(found.gsm_create()) for _ in range(2))

    def __del__(self) -> None:
        for state in (getattr(self, "_encoder", None), getattr(self, "_decoder", None)):
            if state is not None:
                self._library.gsm_destroy(state)

    def push(self, frames: FloatArray) -> FloatArray:
        """See `Coder.push`."""
        given = np.ascontiguousarray(Integers.of(frames[0]))
        decoded, packet = np.empty_like(given), np.empty(FRAME_BYTES, np.uint8)
        for start in range(0, given.size, FRAME):
            self._library.gsm_encode(self._encoder, _at(given[start:]), _at(packet))
            self._library.gsm_decode(self._decoder, _at(packet), _at(decoded[start:]))
        self.n_bits += given.size // FRAME * FRAME_BITS
        self.n_coded += given.size
        return Integers.back(decoded)[None]


def make(kbps: float | None = None, **options: Any) -> Rival:
    """GSM by the library that is asked for, or by the one that is there."""
    chosen = options.get("library", "auto")
    if chosen == "libgsm" or (chosen == "auto" and _libgsm() is not None):
        return GSM(kbps, **options)
    return PedalboardGSM(kbps, **options)


def _libgsm() -> ctypes.CDLL | None:
    found = library("gsm", "libgsm.so.1")
    if found is not None:
        found.gsm_create.restype = ctypes.c_void_p
    return found


def _at(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


KIND = RivalKind(
    name=GSM.NAME,
    title=GSM.TITLE,
    rates=GSM.RATES,
    colour="#9c89b8",
    needs="Nothing more: pedalboard brings the codec. Debian's libgsm1 makes it stream, and exact.",
    missing=lambda: None,
    make=make,
    sample_rates="8 kHz",
    options=GSM.OPTIONS,
)
