"""Sounds in half the bytes, for data that has to travel.

The noise lies 60 dB below the sound, and unpacking needs only the standard library and NumPy.

Blocks of 40 ms are rounded to steps that keep the noise 60 dB below the block's own level (nothing is rounded where
that is less than one step of 16 bits), predicted by polynomials as in Shorten (Robinson 1994, "Shorten: simple lossless
and near-lossless waveform compression", section 3.2), and what is left goes through LZMA. What comes back is exact
integer arithmetic, the same on every machine.
"""

from __future__ import annotations

import lzma

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

BLOCK = 960
NOISE_DB = -60.0
MOST_DIFFERENCES = 3
LONGEST = 1 << 22
"""Samples that are packed at once, at most: a few bytes must not claim to be gigabytes."""
ESCAPE = 255
"""A byte that says: the value follows behind, in four bytes."""
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 0, "lp": 0, "pb": 0}]
"""Neighbouring bytes say little about each other; positions nothing."""


def compact(samples: Samples) -> bytes:
    """int16 `[n]`, at most `LONGEST`, → bytes for `expand`."""
    n_blocks = -(-len(samples) // BLOCK)
    blocks = np.zeros((n_blocks, BLOCK))
    blocks.reshape(-1)[: len(samples)] = samples
    # Rounding integers to multiples of an even step makes noise of the power (step² + 2) / 12, slightly less for an odd
    # one.
    noise = np.square(blocks).mean(1) * 10 ** (NOISE_DB / 10)
    steps = np.floor(np.sqrt(np.maximum(1, 12 * noise - 2)))
    values = np.rint(blocks / steps[:, None]).astype(np.int64)
    orders, left = np.zeros(n_blocks, np.uint8), values
    cost = _cost(values)
    for order in range(1, MOST_DIFFERENCES + 1):
        differences = np.diff(values, n=order, axis=1, prepend=np.zeros((n_blocks, order), np.int64))
        better = _cost(differences) < cost
        orders[better] = order
        left, cost = np.where(better[:, None], differences, left), np.minimum(cost, _cost(differences))
    unsigned = np.where(left >= 0, 2 * left, -2 * left - 1).reshape(-1)
    parts = [
        steps.astype(np.uint8),
        orders,
        np.minimum(unsigned, ESCAPE).astype(np.uint8),
        unsigned[unsigned >= ESCAPE].astype("<u4"),
    ]
    return lzma.compress(b"".join(part.tobytes() for part in parts), lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=FILTERS)


def expand(data: bytes, n_samples: int) -> Samples:
    """The samples that `compact` packed, nearly as they were.

    Raises ValueError if `data` doesn't hold `n_samples` of them.
    """
    if n_samples > LONGEST:
        raise ValueError("its index names too long a clip")
    n_blocks = -(-n_samples // BLOCK)
    least = n_blocks * (2 + BLOCK)
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    try:
        plain = np.frombuffer(unpacker.decompress(data, least + 4 * n_blocks * BLOCK + 1), np.uint8)
    except (lzma.LZMAError, EOFError) as error:
        raise ValueError(f"its samples have changed since they were written ({error})") from error
    if not unpacker.eof or len(plain) < least:
        raise ValueError("its samples are cut short, or more than its index says")
    steps, orders, low = np.split(plain[:least], [n_blocks, 2 * n_blocks])
    unsigned = low.astype(np.int64)
    high = plain[least:]
    if len(high) != 4 * np.count_nonzero(low == ESCAPE):
        raise ValueError("its samples do not fit its index")
    unsigned[low == ESCAPE] = high.view("<u4")
    values = np.where(unsigned % 2 == 0, unsigned // 2, -(unsigned + 1) // 2).reshape(n_blocks, BLOCK)
    for order in range(MOST_DIFFERENCES):
        summed = orders > order
        values[summed] = values[summed].cumsum(1)
    return np.clip(values * steps[:, None], -32768, 32767).astype(np.int16).reshape(-1)[:n_samples]


def _cost(values: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """About how many bits each block takes, `[blocks, BLOCK]` → `[blocks]`."""
    bits: npt.NDArray[np.float64] = np.log2(1 + np.abs(values)).sum(1)
    return bits
