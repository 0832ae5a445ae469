"""Entropy coding of a block of codes, without loss, by a model that learns while it codes.

How often each code came up so far in its layer (all channels together) sets how many bits it takes. Before that, a flag
says whether it is what the channel before sent in this frame (two channels of one sound), and another whether it is
what this channel sent last in this layer (pauses, held tones); flags that keep saying no cost next to nothing. How fast
a layer learns is chosen by the encoder, which sends one of 16 `RATES` per layer. Everything is in integers: each
machine decodes the same.

    4 bits   the rate of each layer that is sent, layer 1 first, high half first; zero bits up to a whole byte
    …        range-coded (`entropy_range`): by frame, channel, layer
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lamina.models.coding.entropy_range import RangeDecoder, RangeEncoder

USUAL_CODES = 1024
"""Codes that a layer may send: the entries of its codebook."""
RATES = (
    (16, 1), (11, 1), (8, 1), (6, 1), (4, 1), (3, 1), (2, 1), (3, 2),
    (1, 1), (2, 3), (1, 2), (1, 3), (1, 4), (1, 6), (1, 8), (1, 16),
)  # fmt: skip
"""(what a code weighs that never came up, what each time that it came up adds)."""

CodeArray = npt.NDArray[np.uint16]
CountArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

_NEVER = -1
_AS_BEFORE, _AS_LAST = 0, 1
_FLAG_START = (20, 1)
"""Weights of no and yes, before anything is known."""
_FLAG_LIMIT = 512
"""Flags follow what changes: beyond this sum their weights are halved."""


def encode_codes(codes: CodeArray, counts: CountArray, n_codes: int = USUAL_CODES) -> bytes:
    """Pack a block of codes into bytes.

    `codes`, uint16 `[channels, frames, layers]`, are below `n_codes`; of each frame the first `counts`, uint8
    `[channels, frames]`, are sent.
    """
    sent = codes[:, :, : int(counts.max(initial=0))]
    rates = _best_rates(sent, counts, n_codes)
    writer = _Writer()
    _walk(writer, sent.copy(), counts, rates, n_codes)
    return _pack_rates(rates) + writer.coder.finish()


def decode_codes(data: bytes, counts: CountArray, n_layers: int, n_codes: int = USUAL_CODES) -> CodeArray:
    """The block's codes uint16 `[channels, frames, n_layers]`, zero where none were sent.

    Bytes that no encoder wrote give some codes, in the time that any block of these counts takes.
    """
    codes = np.zeros((*counts.shape, n_layers), np.uint16)
    n_sent = int(counts.max(initial=0))
    rates, used = _unpack_rates(data, n_sent)
    _walk(_Reader(data[used:]), codes[:, :, :n_sent], counts, rates, n_codes)
    return codes


class _Coder(Protocol):
    """What `_walk` asks, code by code: the writer is told the truth and writes it, the reader finds it out."""

    def flag(self, weights: list[int], truth: bool) -> bool: ...
    def code(self, edges: IntArray, total: int, left_out: list[tuple[int, int]], truth: int) -> int: ...


class _Writer:
    def __init__(self) -> None:
        self.coder = RangeEncoder()

    def flag(self, weights: list[int], truth: bool) -> bool:
        no, yes = weights
        self.coder.encode(no if truth else 0, yes if truth else no, no + yes)
        return truth

    def code(self, edges: IntArray, total: int, left_out: list[tuple[int, int]], truth: int) -> int:
        start, end = edges[truth : truth + 2].tolist()
        self.coder.encode(start - sum(weight for code, weight in left_out if code < truth), end - start, total)
        return truth


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.coder = RangeDecoder(data)

    def flag(self, weights: list[int], truth: bool) -> bool:
        no, yes = weights
        found = self.coder.target(no + yes) >= no
        self.coder.consume(no if found else 0, yes if found else no)
        return found

    def code(self, edges: IntArray, total: int, left_out: list[tuple[int, int]], truth: int) -> int:
        target = self.coder.target(total)
        passed = 0
        for code, weight in left_out:  # in ascending order
            if target + passed >= edges[code]:
                passed += weight
        found = bisect_right(edges, target + passed) - 1
        start, end = edges[found : found + 2].tolist()
        self.coder.consume(start - passed, end - start)
        return found


def _walk(coder: _Coder, codes: CodeArray, counts: CountArray, rates: list[int], n_codes: int) -> None:
    """Code all codes in their order and learn from each frame; `codes` holds the truth, or takes what is found."""
    n_channels, n_frames, n_layers = codes.shape
    chosen = np.array([RATES[rate] for rate in rates], np.int64).reshape(-1, 2)
    weights = np.repeat(chosen[:, :1], n_codes, 1)
    edges = np.zeros((n_layers, n_codes + 1), np.int64)
    flags = [list(_FLAG_START) for _ in range(8)]
    last = [[_NEVER] * n_layers for _ in range(n_channels)]
    hits = [[0] * n_channels for _ in range(2)]
    for frame in range(n_frames):
        np.cumsum(weights, 1, out=edges[:, 1:])
        totals = edges[:, -1].tolist()
        rows: list[list[int]] = []
        for channel in range(n_channels):
            n_sent = int(counts[channel, frame])
            truths = codes[channel, frame, :n_sent].tolist()
            before = rows[-1] if rows else []
            before = before + [_NEVER] * (n_sent - len(before))
            found: list[int] = []
            hit = [kind[channel] for kind in hits]
            for layer in range(n_sent):
                guesses = (before[layer], last[channel][layer])
                code = _guessed(coder, guesses, flags, hit, layer == 0, truths[layer])
                if code == _NEVER:
                    left_out = sorted(
                        (guess, int(edges[layer, guess + 1] - edges[layer, guess]))
                        for guess in set(guesses)
                        if guess != _NEVER
                    )
                    total = totals[layer] - sum(weight for _, weight in left_out)
                    code = coder.code(edges[layer], total, left_out, truths[layer])
                found.append(code)
                hit = [int(code == guess) for guess in guesses]
                if layer == 0:
                    hits[_AS_BEFORE][channel], hits[_AS_LAST][channel] = hit
            rows.append(found)
            last[channel][:n_sent] = found
            codes[channel, frame, :n_sent] = found
        for found in rows:
            layers = np.arange(len(found))
            weights[layers, found] += chosen[: len(found), 1]


def _guessed(
    coder: _Coder, guesses: tuple[int, int], flags: list[list[int]], hit: list[int], is_first: bool, truth: int
) -> int:
    """The code if it is one of the guesses, else −1.

    A flag's context is whether the layer before was guessed right in the same way; for layer 1, whether it was in the
    frame before.
    """
    for kind, guess in enumerate(guesses):
        if guess == _NEVER or (kind == _AS_LAST and guess == guesses[_AS_BEFORE]):
            continue
        flag = flags[4 * kind + 2 * is_first + hit[kind]]
        is_it = coder.flag(flag, truth == guess)
        flag[is_it] += 1
        if flag[0] + flag[1] > _FLAG_LIMIT:
            flag[:] = (weight + 1 >> 1 for weight in flag)
        if is_it:
            return guess
    return _NEVER


def _best_rates(codes: CodeArray, counts: CountArray, n_codes: int) -> list[int]:
    """For each layer the rate by which its codes would take the fewest bits, flags aside."""
    n_channels, n_frames, n_layers = codes.shape
    seen = np.zeros((n_layers, n_codes), np.int64)
    bits = np.zeros((len(RATES), n_layers))
    base, step = np.array(RATES, np.float64).T[..., None]
    sums = np.zeros(n_layers)
    last = np.full((n_channels, n_layers), _NEVER)
    for frame in range(n_frames):
        for channel in range(n_channels):
            n_sent = counts[channel, frame]
            layers, row = np.arange(n_sent), codes[channel, frame, :n_sent]
            is_new = row != last[channel, :n_sent]
            share = (base + step * seen[layers, row]) / (base * n_codes + step * sums[:n_sent])
            bits[:, :n_sent] -= np.log2(share) * is_new
            last[channel, :n_sent] = row
        for channel in range(n_channels):
            n_sent = counts[channel, frame]
            seen[np.arange(n_sent), codes[channel, frame, :n_sent]] += 1
            sums[:n_sent] += 1
    return [int(rate) for rate in bits.argmin(0)]


def _pack_rates(rates: list[int]) -> bytes:
    padded = rates + [0] * (len(rates) % 2)
    return bytes(high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True))


def _unpack_rates(data: bytes, n_layers: int) -> tuple[list[int], int]:
    """The rates and the bytes they take."""
    n_bytes = (n_layers + 1) // 2
    halves = [half for byte in data[:n_bytes].ljust(n_bytes, b"\0") for half in (byte >> 4, byte & 15)]
    return halves[:n_layers], n_bytes
