"""Layers shared out over a whole piece: it is heard once to learn how hard every frame is, and coded the second time.

The first pass codes the sound at the constant bitrate and notes, for each frame, what every number of layers would
leave of it. The second gets the counts for which the sum of what is left is least, with no more bits than the constant
bitrate has: minimise Σ D(nₜ)^γ + λ · bits over all frames, by Viterbi's algorithm, since telling how many layers a
frame has costs bits too, with the λ that spends the budget (Lagrangian rate allocation: Shoham and Gersho, "Efficient
bit allocation for an arbitrary set of quantizers", IEEE Trans. ASSP 36(9), 1988).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.config import CodecConfig
from lamina.models.runtime import CodecRuntime
from lamina.plugin.desk.desk import Counts
from lamina.plugin.stream.variable_rate import SILENT_RMS, changes_told, told_bits

EXPONENT = 0.7
"""γ: of squared errors, 1 gives the least error and starves soft sounds; speech measured best in between."""
CHUNK_FRAMES = 256
"""Paths are sought in stretches of so many frames at once."""
SPAN, ROUNDS = (-20.0, 20.0), 40
NEAR, NEAR_ROUNDS = 0.7, 8
"""λ is looked for in decades: by halving this span without the price of changes, and near what was found with it."""


@dataclass(frozen=True)
class LayerPlan:
    """How many layers each frame of a piece sends, as `NeuralCodec.plan` makes it of the sound.

    Args:
        constant: that a constant bitrate would send, uint8 `[channels, frames]`.
        counts: that are sent instead, uint8 `[channels, frames]`, 1 at least.

    Raises TypeError or ValueError for other arrays.
    """

    constant: Counts
    counts: Counts

    def __post_init__(self) -> None:
        for each in (self.constant, self.counts):
            if not isinstance(each, np.ndarray) or each.dtype != np.uint8:
                kind = each.dtype if isinstance(each, np.ndarray) else type(each).__name__
                raise TypeError(f"A plan's counts are arrays of uint8, not {kind}.")
        if self.constant.ndim != 2 or self.constant.shape != self.counts.shape:
            raise ValueError(
                f"A plan has as many counts as the constant bitrate has: {self.constant.shape} and {self.counts.shape}."
            )
        if self.counts.min(initial=1) < 1:
            raise ValueError("A plan gives each frame one layer at least, and this one has frames with none.")

    @property
    def layers(self) -> float:
        """Of a frame, on the average."""
        return float(self.counts.mean()) if self.counts.size else 0.0


class FollowedPlan:
    """A plan on its way through a stream."""

    def __init__(self, plan: LayerPlan) -> None:
        self._plan = plan
        self._n_frames = 0

    def counts(self, counts: Counts) -> Counts:
        """Those of the next frames, `[channels, frames]`, given what a constant bitrate sends of them.

        Where that is not what the plan was made for, and behind its end, nothing is shared out.
        """
        start, stop = self._n_frames, self._n_frames + counts.shape[1]
        self._n_frames = stop
        constant, planned = (
            part[:, start:stop] for part in (self._plan.constant[: len(counts)], self._plan.counts[: len(counts)])
        )
        found = counts.copy()
        known = found[: len(planned), : planned.shape[1]]
        np.copyto(known, planned, where=known == constant)
        return found


class Survey:
    """What the first pass notes of each frame.

    Args:
        runtime: the codec, shared.
    """

    def __init__(self, runtime: CodecRuntime) -> None:
        self._runtime = runtime
        self._errors: list[FloatArray] = []
        self._counts: list[Counts] = []

    def note(self, x: FloatArray, z: FloatArray, foreseen: FloatArray | None, counts: Counts) -> None:
        """The next frames.

        Args:
            x: samples, `[channels, frames · frame]`.
            z: their latents.
            foreseen: what memory foresaw of these; None without a memory.
            counts: layers at a constant bitrate, `[channels, frames]`.
        """
        left = z if foreseen is None else z - foreseen
        errors = errors_left(self._runtime, left.reshape(-1, z.shape[2])).reshape(*z.shape[:2], -1)
        silent = np.square(x.reshape(*z.shape[:2], -1)).mean(-1, dtype=np.float64) < SILENT_RMS**2
        errors[silent] = 0
        self._errors.append(errors)
        self._counts.append(counts.copy())

    def plan(self, n_frames: int) -> LayerPlan:
        """The layers of the first so many frames of what was noted."""
        if not self._counts:
            nothing = np.zeros((1, 0), np.uint8)
            return LayerPlan(nothing, nothing)
        errors, constant = np.concatenate(self._errors, 1)[:, :n_frames], np.concatenate(self._counts, 1)[:, :n_frames]
        config = self._runtime.config
        planned = [shared_out(config, of_channel, counts) for of_channel, counts in zip(errors, constant, strict=True)]
        return LayerPlan(constant, np.stack(planned))


def errors_left(runtime: CodecRuntime, rows: FloatArray) -> FloatArray:
    """Squared length of what 0, 1, … all layers leave of `rows [n, latent]`, float32 `[n, layers + 1]`.

    With a memory the rows are what its prediction left, and layer 1, the lag, takes nothing away.
    """
    config = runtime.config
    n_lags = config.layers - config.residual_layers
    codes = runtime.quantize(rows, np.full(len(rows), config.residual_layers))
    left = rows.copy()
    errors = np.empty((len(rows), config.layers + 1), np.float32)
    errors[:, : n_lags + 1] = np.einsum("nd,nd->n", left, left)[:, None]
    for layer in range(n_lags, config.layers):
        left -= runtime.entries[layer][codes[:, layer - n_lags]]
        errors[:, layer + 1] = np.einsum("nd,nd->n", left, left)
    return errors


def least_planned(config: CodecConfig, layers: int) -> int:
    """The fewest that a plan gives a frame where `layers` are the mean.

    Half of them, and as many as leave a memory's loop what it is.
    """
    memory = config.memory
    if memory is None:
        return min(layers, max(1, layers // 2))
    if layers > memory.loop_layers:
        return memory.loop_layers
    return min(layers, max(memory.from_layers, layers // 2))


def shared_out(config: CodecConfig, errors: FloatArray, constant: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """One channel's layers, `[frames]`, for no more bits than at the `constant` bitrate.

    Frames of which a constant bitrate sends equally many share their bits: what is turned down stays down.

    Args:
        config: of the codec.
        errors: that every number of layers leaves, `[frames, layers + 1]`.
        constant: layers at a constant bitrate, `[frames]`.
    """
    n_frames, n_choices = errors.shape
    if n_frames == 0:
        return constant.copy()
    bits = np.concatenate([[0.0], np.cumsum(config.code_bits)])
    choices = np.arange(n_choices)
    cost = np.power(errors.astype(np.float64), EXPONENT)
    depths, group = np.unique(constant, return_inverse=True)
    for index, layers in enumerate(depths.tolist()):
        least = least_planned(config, layers)
        free = (choices >= least) if least < layers else (choices == layers)
        cost[group == index] = np.where(free, cost[group == index], np.inf)
    budgets = np.bincount(group, bits[constant])

    def search(low: FloatArray, high: FloatArray, n_rounds: int, price_of_change: float) -> FloatArray:
        """Decades of λ, one for each group, at which just no more than the budget is spent."""
        for _ in range(n_rounds):
            middle = (low + high) / 2
            counts = best_path(cost, bits, np.power(10.0, middle)[group], price_of_change)
            spent = np.bincount(group, bits[counts] + price_of_change * changes_told(counts), len(depths))
            low, high = np.where(spent > budgets, middle, low), np.where(spent > budgets, high, middle)
        return high

    low, high = (np.full(len(depths), end) for end in SPAN)
    free_of_charge = search(low, high, ROUNDS, 0.0)
    found = search(free_of_charge - NEAR, free_of_charge + NEAR, NEAR_ROUNDS, 1.0)
    return best_path(cost, bits, np.power(10.0, found)[group], 1.0).astype(np.uint8)


def best_path(cost: FloatArray, bits: FloatArray, price: FloatArray, told: float) -> npt.NDArray[np.int64]:
    """The choice for each frame, `[frames]`, that makes cost and bits together least.

    Args:
        cost: of each choice, `[frames, choices]`; infinite where it may not be taken.
        bits: that each choice sends, `[choices]`.
        price: of a bit, `[frames]`.
        told: price of a bit that tells a change, as a multiple; 0 if it costs nothing.
    """
    n_frames, n_choices = cost.shape
    own = cost + price[:, None] * bits
    if told == 0:
        cheapest: npt.NDArray[np.int64] = own.argmin(1)
        return cheapest
    n_chunks = -(-n_frames // CHUNK_FRAMES)
    n_missing = n_chunks * CHUNK_FRAMES - n_frames
    own = np.pad(own, ((0, n_missing), (0, 0))).reshape(n_chunks, CHUNK_FRAMES, n_choices)
    step = np.pad(told * price, (0, n_missing)).reshape(n_chunks, CHUNK_FRAMES, 1)
    choices = np.arange(n_choices, dtype=float)
    # The least cost of all ways to each choice of each frame. A change by d costs told_bits(d), a straight line on both
    # sides of 0: so the best predecessor is a running minimum from either side.
    ways = np.empty_like(own)
    ways[:, 0] = own[:, 0]
    for frame in range(1, CHUNK_FRAMES):
        ramp = step[:, frame] * choices
        before = ways[:, frame - 1]
        from_below = np.minimum.accumulate(before - ramp, 1) + ramp
        from_above = np.minimum.accumulate((before + ramp)[:, ::-1], 1)[:, ::-1] - ramp
        changed = np.minimum(from_below, from_above) + 2 * step[:, frame]
        ways[:, frame] = np.minimum(before + step[:, frame], changed) + own[:, frame]
    path = np.empty((n_chunks, CHUNK_FRAMES), np.int64)
    path[:, -1] = ways[:, -1].argmin(1)
    prices = np.array([[told_bits(int(b - a)) for b in choices] for a in choices], float)
    for frame in range(CHUNK_FRAMES - 1, 0, -1):
        change = step[:, frame] * prices[:, path[:, frame]].T
        path[:, frame - 1] = (ways[:, frame - 1] + change).argmin(1)
    return path.reshape(-1)[:n_frames]
