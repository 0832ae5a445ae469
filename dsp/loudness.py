"""Loudness in LUFS, as ITU-R BS.1770-4 and EBU Tech 3341 define it.

Momentary and short-term of a stream, integrated of a whole sound.

The standard gives its two K-weighting filters as coefficients for 48 kHz (BS.1770-4, annex 1, tables 1 and 2). For
other rates they are taken back to the analogue filters that the bilinear transform made them from, and transformed
anew. The pair runs as one linear system, chunk by chunk: what a chunk puts out is a matrix times its inputs plus a
matrix times the state before it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.arrays import FloatArray

_Matrix = NDArray[np.float64]

SHORT_TERM_SECONDS = 3.0
MOMENTARY_SECONDS = 0.4
FLOOR_LUFS = -70.0
GATING_STEP_SECONDS, RELATIVE_GATE_LU = 0.1, -10.0
LOUDEST_LUFS, LOUDNESS_STEP_LU = 30.0, 0.1
OFFSET_LU = -0.691  # takes back what the filters add at 997 Hz (BS.1770-4, annex 1)
CHUNK_SAMPLES = 64
CHUNKS_AT_ONCE = 48  # keeps the matrix products below the size from which OpenBLAS uses threads
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
INAUDIBLE = 1e-30

STANDARD_RATE = 48_000
SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
"""Numerator and denominator of the two filters at 48 kHz, in powers of 1/z."""


class LoudnessMeter:
    """Loudness of the last 3 s and 0.4 s of a stream; mono counts as one channel, as the standard has it.

    What it reads depends on the samples alone, not on how they were cut into blocks, and is renewed every 64 samples. A
    997 Hz sine whose peaks reach −20 dBFS in both channels reads −20.0 LUFS; before the first 3 s are over, the missing
    part counts as silence. The bilinear transform bends the filters' slope where the rate is low: 1 kHz reads 0.2 LU
    too little at 8 kHz, 0.05 LU at 16 kHz.

    Arguments:
        sample_rate: of the blocks, 8000 to 192000 Hz.
        n_channels: of the blocks, 1 or 2 (left and right, whose weights are 1).

    Raises ValueError for an argument out of its range.
    """

    def __init__(self, sample_rate: float, n_channels: int) -> None:
        _check_meter(sample_rate, n_channels)
        self.sample_rate = float(sample_rate)
        self.n_channels = n_channels
        self._weighting = _Weighting(sample_rate, n_channels)
        self._n_momentary = round(MOMENTARY_SECONDS * sample_rate / CHUNK_SAMPLES)
        self._n_short_term = round(SHORT_TERM_SECONDS * sample_rate / CHUNK_SAMPLES)
        self._step_chunks = GATING_STEP_SECONDS * sample_rate / CHUNK_SAMPLES
        self.reset()

    def reset(self) -> None:
        """Back to silence, with nothing heard."""
        self.begin_whole()
        self._fall_silent()

    def begin_whole(self) -> None:
        """Begin anew with what `whole_lufs` is the loudness of."""
        self._n_chunks = self._n_blocks = 0
        self._gated = _GatedBlocks()

    def _fall_silent(self) -> None:
        self._weighting.reset()
        self._held: _Matrix = np.zeros((self.n_channels, 0))
        self._powers: _Matrix = np.zeros(self._n_short_term)
        self._next = 0

    def push(self, block: FloatArray) -> None:
        """Take in a block `[channels, n]`; NaN and infinite samples count as silence.

        Raises ValueError for another shape.
        """
        if block.ndim != 2 or block.shape[0] != self.n_channels:
            raise ValueError(f"The block has shape {block.shape}; [{self.n_channels}, n] is expected.")
        # One broken sample would stay in the filters for ever.
        usable = np.nan_to_num(block.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        joined = np.concatenate([self._held, usable], axis=1)
        n_chunks = joined.shape[1] // CHUNK_SAMPLES
        chunks = joined[:, : n_chunks * CHUNK_SAMPLES].reshape(self.n_channels, n_chunks, CHUNK_SAMPLES)
        self._held = joined[:, n_chunks * CHUNK_SAMPLES :].copy()
        for start in range(0, n_chunks, CHUNKS_AT_ONCE):
            self._push_chunks(chunks[:, start : start + CHUNKS_AT_ONCE])

    def rest(self, seconds: float) -> None:
        """Lets `seconds` of silence pass: what a meter shows while nothing plays. The whole stays what it is."""
        if seconds > 2 * SHORT_TERM_SECONDS:
            self._fall_silent()
        else:
            self.push(np.zeros((self.n_channels, round(max(0.0, seconds) * self.sample_rate)), np.float32))

    @property
    def short_term_lufs(self) -> float:
        """Loudness of the last 3 s in LUFS; silence reads −70."""
        return _lufs(float(self._powers.mean()))

    @property
    def whole_lufs(self) -> float:
        """Loudness in LUFS of everything since the beginning or `begin_whole`, gated as `integrated_lufs` has it, to
        0.1 LU; −70 before 0.4 s of sound were heard. It takes the same memory however long that is.
        """
        return self._gated.lufs

    @property
    def momentary_lufs(self) -> float:
        """Loudness of the last 0.4 s in LUFS; silence reads −70."""
        latest = np.arange(self._next - self._n_momentary, self._next)
        return _lufs(float(self._powers[latest].mean()))

    def _push_chunks(self, chunks: _Matrix) -> None:
        """Takes `[channels, chunks, samples]`."""
        n_chunks = chunks.shape[1]
        heard = self._weighting.push(chunks)
        places = (self._next + np.arange(n_chunks)) % self._n_short_term
        self._powers[places] = np.square(heard).mean(axis=2).sum(axis=0)
        self._next = (self._next + n_chunks) % self._n_short_term
        self._gate(n_chunks)

    def _gate(self, n_new: int) -> None:
        """Takes in the blocks of 400 ms that are complete since the last `n_new` chunks."""
        self._n_chunks += n_new
        while (end := self._n_momentary + round(self._n_blocks * self._step_chunks)) <= self._n_chunks:
            # How many chunks ago it ended: never more than were pushed now.
            latest = np.arange(self._next - self._n_momentary, self._next) - (self._n_chunks - end)
            self._gated.add(float(self._powers[latest].mean()))
            self._n_blocks += 1


def integrated_lufs(samples: FloatArray, sample_rate: float) -> float:
    """Loudness of a whole sound in LUFS, gated as BS.1770-4 (annex 1, equations 3 to 7) has it; silence reads −70.

    Blocks of 400 ms, a new one each 100 ms, count where they are louder than −70 LUFS and than 10 LU below the mean
    of those that are.

    Args:
        samples: `[channels, n]` in mono or stereo; NaN and infinite samples count as silence.
        sample_rate: 8000 to 192000 Hz.

    Raises ValueError for an argument out of its range, and for a sound that is shorter than 0.4 s.
    """
    samples = np.atleast_2d(samples)
    n_channels, n_samples = samples.shape
    _check_meter(sample_rate, n_channels)
    block = round(MOMENTARY_SECONDS * sample_rate)
    if n_samples < block:
        raise ValueError(
            f"The sound lasts {n_samples / sample_rate:.2f} s; loudness can be told from {MOMENTARY_SECONDS:g} s on."
        )
    usable = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    n_chunks = -(-n_samples // CHUNK_SAMPLES)
    chunks = np.zeros((n_channels, n_chunks * CHUNK_SAMPLES))
    chunks[:, :n_samples] = usable
    chunks = chunks.reshape(n_channels, n_chunks, CHUNK_SAMPLES)
    weighting = _Weighting(sample_rate, n_channels)
    heard = np.concatenate(
        [weighting.push(chunks[:, start : start + CHUNKS_AT_ONCE]) for start in range(0, n_chunks, CHUNKS_AT_ONCE)],
        axis=1,
    ).reshape(n_channels, -1)[:, :n_samples]
    so_far = np.concatenate([[0.0], np.cumsum(np.square(heard).sum(axis=0))])
    n_blocks = int((n_samples / sample_rate - MOMENTARY_SECONDS) / GATING_STEP_SECONDS + 1e-9) + 1
    starts = np.rint(np.arange(n_blocks) * GATING_STEP_SECONDS * sample_rate).astype(np.int64)
    starts = np.minimum(starts, n_samples - block)
    powers = (so_far[starts + block] - so_far[starts]) / block
    loud = powers[powers > _power(FLOOR_LUFS)]
    if not len(loud):
        return FLOOR_LUFS
    return _lufs(float(loud[loud > loud.mean() * 10.0 ** (RELATIVE_GATE_LU / 10.0)].mean()))


class _GatedBlocks:
    """Counts blocks by their loudness, in steps of 0.1 LU, for the gate that depends on all of them."""

    def __init__(self) -> None:
        n_steps = round((LOUDEST_LUFS - FLOOR_LUFS) / LOUDNESS_STEP_LU)
        self._counts = np.zeros(n_steps, np.int64)
        self._powers: _Matrix = np.zeros(n_steps)

    def add(self, power: float) -> None:
        """Takes a block in; what is below −70 LUFS counts for nothing."""
        lufs = _lufs(power)
        if lufs > FLOOR_LUFS:
            step = min(len(self._counts) - 1, int((lufs - FLOOR_LUFS) / LOUDNESS_STEP_LU))
            self._counts[step] += 1
            self._powers[step] += power

    @property
    def lufs(self) -> float:
        if not self._counts.any():
            return FLOOR_LUFS
        gate = _lufs(float(self._powers.sum() / self._counts.sum())) + RELATIVE_GATE_LU
        first = max(0, math.floor((gate - FLOOR_LUFS) / LOUDNESS_STEP_LU))
        return _lufs(float(self._powers[first:].sum() / self._counts[first:].sum()))


class _Weighting:
    """The K-weighting of a stream that comes in whole chunks."""

    def __init__(self, sample_rate: float, n_channels: int) -> None:
        self._n_channels = n_channels
        system = _in_series(
            _state_space(*_at_rate(*SHELF, sample_rate)), _state_space(*_at_rate(*HIGH_PASS, sample_rate))
        )
        self._outputs_from_inputs, self._outputs_from_state, self._state_from_inputs, self._state_from_state = _chunked(
            *system
        )
        self.reset()

    def reset(self) -> None:
        self._state: _Matrix = np.zeros((self._n_channels, len(self._state_from_state)))

    def push(self, chunks: _Matrix) -> _Matrix:
        """`[channels, chunks, samples]` → the same, weighted."""
        n_chunks = chunks.shape[1]
        states = np.empty((self._n_channels, n_chunks, self._state.shape[1]))
        added = chunks @ self._state_from_inputs
        state = self._state
        for chunk in range(n_chunks):
            states[:, chunk] = state
            state = state @ self._state_from_state + added[:, chunk]
        # What rings on in silence would come down to numbers that are slow to compute with.
        self._state = np.where(np.abs(state) < INAUDIBLE, 0.0, state)
        weighted: _Matrix = chunks @ self._outputs_from_inputs + states @ self._outputs_from_state
        return weighted


def _check_meter(sample_rate: float, n_channels: int) -> None:
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise ValueError(f"sample_rate is {sample_rate}; loudness is measured from {LOWEST_RATE} to {HIGHEST_RATE} Hz.")
    if n_channels not in (1, 2):
        raise ValueError(f"n_channels is {n_channels}; loudness is measured in mono (1) and stereo (2).")


def _power(lufs: float) -> float:
    return math.pow(10.0, (lufs - OFFSET_LU) / 10.0)


def _lufs(power: float) -> float:
    return max(FLOOR_LUFS, OFFSET_LU + 10.0 * math.log10(max(power, 1e-20)))


def _at_rate(
    numerator: tuple[float, ...], denominator: tuple[float, ...], sample_rate: float
) -> tuple[_Matrix, _Matrix]:
    """A filter of the second order, given at 48 kHz, for another rate: numerator and denominator in powers of 1/z."""
    # In s = (1 − 1/z) / (1 + 1/z), what it does at its corner frequency f it does where s = j · tan(π f / rate).
    constant, _, square = _analogue(denominator)
    tangent = math.sqrt(constant / square)
    corner_hz = math.atan(tangent) * STANDARD_RATE / math.pi
    stretch = tangent / math.tan(math.pi * corner_hz / sample_rate)
    top, bottom = (_digital(_analogue(polynomial) * stretch ** np.arange(3)) for polynomial in (numerator, denominator))
    return top / bottom[0], bottom / bottom[0]


def _analogue(digital: tuple[float, ...]) -> _Matrix:
    """Polynomial in s, times (1 + s)², of one in 1/z = (1 − s) / (1 + s)."""
    first, second, third = digital
    return np.array([first + second + third, 2.0 * (first - third), first - second + third])


def _digital(analogue: _Matrix) -> _Matrix:
    """Polynomial in 1/z, times (1 + 1/z)², of one in s = (1 − 1/z) / (1 + 1/z)."""
    constant, linear, square = analogue
    return np.array([constant + linear + square, 2.0 * (constant - square), constant - linear + square])


def _state_space(numerator: _Matrix, denominator: _Matrix) -> tuple[_Matrix, _Matrix, _Matrix, float]:
    """A, B, C, D of a filter of the second order: x' = A x + B u, y = C x + D u (transposed direct form II)."""
    through = float(numerator[0])
    transition = np.array([[-denominator[1], 1.0], [-denominator[2], 0.0]])
    return transition, numerator[1:] - denominator[1:] * through, np.array([1.0, 0.0]), through


def _in_series(
    first: tuple[_Matrix, _Matrix, _Matrix, float], second: tuple[_Matrix, _Matrix, _Matrix, float]
) -> tuple[_Matrix, _Matrix, _Matrix, float]:
    """The system in which the second hears what the first puts out."""
    A1, B1, C1, D1 = first
    A2, B2, C2, D2 = second
    A = np.block([[A1, np.zeros((2, 2))], [np.outer(B2, C1), A2]])
    return A, np.concatenate([B1, B2 * D1]), np.concatenate([C1 * D2, C2]), D1 * D2


def _chunked(A: _Matrix, B: _Matrix, C: _Matrix, D: float) -> tuple[_Matrix, _Matrix, _Matrix, _Matrix]:
    """The four matrices that take the system over a chunk, for rows of inputs and of states.

    In this order: inputs → outputs, state → outputs, inputs → state, state → state.
    """
    n = CHUNK_SAMPLES
    powers = [np.linalg.matrix_power(A, k) for k in range(n + 1)]
    response = np.array([D, *(C @ powers[k] @ B for k in range(n - 1))])
    delay = np.arange(n)[None] - np.arange(n)[:, None]
    outputs_from_inputs = np.where(delay >= 0, response[np.maximum(delay, 0)], 0.0)
    outputs_from_state = np.stack([C @ powers[k] for k in range(n)], axis=1)
    state_from_inputs = np.stack([powers[n - 1 - k] @ B for k in range(n)])
    return outputs_from_inputs, outputs_from_state, state_from_inputs, powers[n].T
