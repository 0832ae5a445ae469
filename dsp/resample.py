"""Streaming sample-rate conversion with a delay that is known to the sample.

A Kaiser-windowed sinc, evaluated at exact rational positions (Smith, "Digital Audio Resampling"; window
design after Kaiser and Schafer 1980). Library resamplers convert better offline, but their streams release
output in bursts of up to 40 ms that depend on how the input was cut; a live effect needs each output the
moment its inputs exist. Sums run in float64 and round once to float32, so the cutting can't be heard or
seen in the codes.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

_Table = npt.NDArray[np.float64]

HALF_PERIODS = 40
"""Half length of the kernel in periods of the lower of the two rates: 1.7 ms at 24 kHz."""

CUTOFF = 0.9375
"""−6 dB point as a share of the lower Nyquist frequency.

With the length above, the stop band (−80 dB) starts at Nyquist.
"""

KAISER_BETA = 7.857
"""Window shape for 80 dB."""

MAX_PHASES = 16_384
"""Finest division of a sample.

Rates without a common divisor would need more; their positions are then early by less than 1/16384 of a source sample.
"""

BLOCK_OUTPUTS = 64
"""Outputs per row of the block product, at least; smaller cycles are repeated up to this."""

MAX_CYCLE = 1024
"""Longest cycle (in outputs) that the block product is built for."""

SINGLE_THREADED_PRODUCT = 200_000
"""Multiplications per matrix product.

OpenBLAS spreads larger ones over threads, which costs more than it brings here and stalls when another process keeps a
core busy.
"""

GATHERED_OUTPUTS = 2048
"""Outputs computed at a time without blocks; bounds the memory."""


def half_taps(source_rate: int, target_rate: int) -> int:
    """Inputs needed after (and before) an output's position: 0 if the rates are equal."""
    if source_rate == target_rate:
        return 0
    return (
        math.ceil(HALF_PERIODS * max(source_rate, target_rate) / target_rate)
        if source_rate > target_rate
        else HALF_PERIODS
    )


class StreamingResampler:
    """Converts a stream from `source_rate` to `target_rate` (Hz, ≥ 1).

    Output k stands at source position `(k · source_rate + offset) / target_rate`, exactly; before the
    first input the source is silent. `offset` is in units of 1/target_rate of a source sample. Where the rates are
    equal the stream passes as it is, and there is no offset: raises ValueError.
    """

    def __init__(self, n_channels: int, source_rate: int, target_rate: int, offset: int = 0) -> None:
        if source_rate == target_rate and offset:
            raise ValueError(f"The offset is {offset}, but between equal rates ({source_rate} Hz) nothing is moved.")
        divisor = math.gcd(math.gcd(source_rate, target_rate), offset)
        self._step, self._denominator, self._offset = source_rate // divisor, target_rate // divisor, offset // divisor
        self._half = half_taps(source_rate, target_rate)
        self._phases = min(self._denominator, MAX_PHASES)
        self._table = kernel_table(source_rate, target_rate, self._half, self._phases)
        # Outputs of one block of `_by_blocks`: a whole number of cycles, or 0 where a cycle is too long.
        cycle = self._denominator
        self._block = cycle * -(-BLOCK_OUTPUTS // cycle) if cycle <= MAX_CYCLE else 0
        self._matrices: dict[int, _Table] = {}
        self._next = 0
        first = self._offset // self._denominator - self._half
        self._start = min(first, 0)
        self._held = np.zeros((n_channels, -self._start))

    def push(self, x: FloatArray) -> FloatArray:
        """Append `[channels, n]` inputs; returns every output `[channels, m]` that they complete."""
        if not self._half:
            return x.astype(np.float32)
        self._held = np.concatenate([self._held, x], 1)
        end = self._start + self._held.shape[1]
        # The last output whose kernel ends inside the input: floor(position) + half ≤ end − 1.
        last = ((end - self._half) * self._denominator - 1 - self._offset) // self._step
        count = max(0, last + 1 - self._next)
        y = self._outputs(self._next, count)
        self._next += count
        # What comes before the next output's kernel goes, as far as it is there: an offset may ask for later inputs.
        keep = min(self._position(self._next)[0] - self._half + 1, end)
        if keep > self._start:
            self._held = self._held[:, keep - self._start :].copy()
            self._start = keep
        return y

    def _position(self, k: int) -> tuple[int, int]:
        return divmod(k * self._step + self._offset, self._denominator)

    def _outputs(self, first: int, count: int) -> FloatArray:
        y = np.empty((len(self._held), count), np.float32)
        done = 0
        if self._block and count >= 2 * self._block:
            done = count // self._block * self._block
            y[:, :done] = self._by_blocks(first, done // self._block)
        for start in range(done, count, GATHERED_OUTPUTS):
            part = min(GATHERED_OUTPUTS, count - start)
            y[:, start : start + part] = self._gather(first + start, part)
        return y

    def _by_blocks(self, first: int, rows: int) -> npt.NDArray[np.float64]:
        """`rows` whole blocks as one matrix product: blocks that start with the same phase share their coefficients."""
        phase = (first * self._step + self._offset) % self._denominator
        if phase not in self._matrices:
            self._matrices[phase] = _block_matrix(self._table, self._step, self._denominator, phase, self._block)
        matrix = self._matrices[phase]
        span, advance = len(matrix), self._block * self._step // self._denominator
        base = self._position(first)[0] - self._half + 1 - self._start
        windows = np.lib.stride_tricks.sliding_window_view(self._held[:, base:], span, axis=1)
        rows_of_inputs = np.ascontiguousarray(windows[:, : (rows - 1) * advance + 1 : advance])
        group = max(1, SINGLE_THREADED_PRODUCT // matrix.size)
        product = np.empty((len(self._held), rows, self._block))
        for row in range(0, rows, group):
            np.matmul(rows_of_inputs[:, row : row + group], matrix, out=product[:, row : row + group])
        return product.reshape(len(self._held), rows * self._block)

    def _gather(self, first: int, count: int) -> npt.NDArray[np.float64]:
        numerators = np.arange(first, first + count, dtype=np.int64) * self._step + self._offset
        whole, remainder = np.divmod(numerators, self._denominator)
        phase = remainder if self._phases == self._denominator else remainder * self._phases // self._denominator
        windows = np.lib.stride_tricks.sliding_window_view(self._held, self._table.shape[1], axis=1)
        result: npt.NDArray[np.float64] = np.einsum(
            "cnt,nt->cn", windows[:, whole - self._half + 1 - self._start], self._table[phase]
        )
        return result


@lru_cache(maxsize=16)
def kernel_table(source_rate: int, target_rate: int, half: int, phases: int) -> _Table:
    """Coefficients `[phases, 2 · half]`; row φ belongs to a position φ/phases past tap `half − 1`."""
    cutoff = CUTOFF * min(1.0, target_rate / source_rate)
    distance = np.arange(1 - half, half + 1)[None] - np.arange(phases)[:, None] / phases
    inside = np.clip(1 - (distance / half) ** 2, 0, None)
    table = cutoff * np.sinc(cutoff * distance) * np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA)
    # Unity gain at 0 Hz for every phase, so that a constant stays constant.
    result: _Table = table / table.sum(1, keepdims=True)
    return result


def _block_matrix(table: _Table, step: int, denominator: int, phase: int, block: int) -> _Table:
    """Coefficients `[span, block]` of `block` outputs whose first stands at `phase`."""
    whole, remainder = np.divmod(phase + np.arange(block, dtype=np.int64) * step, denominator)
    matrix = np.zeros((int(whole[-1]) + table.shape[1], block))
    for column in range(block):
        matrix[whole[column] : whole[column] + table.shape[1], column] = table[remainder[column]]
    return matrix
