"""Codes as bits: 10 per code, most significant first, frame after frame, layer after layer. What a bitrate counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lamina.models.config import MOST_CODE_BITS

Codes = npt.NDArray[np.uint16]


def pack_codes(codes: Codes) -> bytes:
    """Codes `[frames, layers]` (each below 1024) → `ceil(frames · layers · 10 / 8)` bytes; the last byte ends in zeros."""
    if codes.size and int(codes.max()) >= 1 << MOST_CODE_BITS:
        raise ValueError(f"A code is {int(codes.max())}; {MOST_CODE_BITS} bits hold 0 to {(1 << MOST_CODE_BITS) - 1}.")
    bits = codes.astype(np.uint16).reshape(-1, 1) >> np.arange(MOST_CODE_BITS - 1, -1, -1, dtype=np.uint16) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def unpack_codes(data: bytes, n_frames: int, layers: int) -> Codes:
    """The inverse of `pack_codes`; raises ValueError if `data` is too short."""
    n_bits = n_frames * layers * MOST_CODE_BITS
    if len(data) * 8 < n_bits:
        raise ValueError(f"{len(data)} bytes hold fewer than {n_frames} frames of {layers} layers.")
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=n_bits).reshape(-1, MOST_CODE_BITS)
    weights = 1 << np.arange(MOST_CODE_BITS - 1, -1, -1)
    return (bits @ weights).astype(np.uint16).reshape(n_frames, layers)
