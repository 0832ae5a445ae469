"""How many layers each frame sends at a variable bitrate: more where the codec errs much, fewer where it errs little.

Every frame is coded on trial with the layers that a constant bitrate gives it. What the trial leaves says how hard the
frame is, in the domain in which latents are compared; a frame gets a layer more or less for about each decibel that it
is harder or easier than what came before. The mean is at most what was asked for, as in the constrained variable
bitrate of other codecs: what easy frames save, hard ones spend within a second or two, or never. Nothing looks ahead,
so streams are what whole pieces are.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray
from lamina.models.config import CodecConfig
from lamina.models.runtime import CodecRuntime
from lamina.plugin.desk.desk import Counts
from lamina.plugin.stream.coder import Coder
from lamina.plugin.stream.reports import FrameReport

LAYERS_PER_DB = 0.8
LEARNT_FRAMES = 300
"""Frames over which what is usual is learnt; at the beginning all that came until then."""
FIRST_FRAMES, FIRST_GUESS_DB = 8, 1.0
"""As so many frames counts the first guess of what is usual: a little more than the first sound's error, for sounds
begin softly."""
DEBT_FRAMES = 40
"""Frames within which what was spent too much, or saved, is made up for."""
AHEAD_FRAMES = 20
"""By no more frames' worth of bits a stream is ever ahead of the bitrate, and by no more it can be behind and make up
for it: a pause must not pay for a minute."""
SILENT_RMS = 1e-4
"""Frames below (−80 dBFS) get the least, and say nothing about what is usual."""
STAY = 1.5
"""A frame's count is that of the one before unless the wish is so far from it: telling a change costs bits too."""


def least_layers(config: CodecConfig, layers: int) -> int:
    """The fewest that a frame sends where `layers` are the mean.

    As many as leave a memory's loop what it is; `layers` themselves where nothing is left to share out.
    """
    memory = config.memory
    if memory is None:
        return max(1, layers // 2)
    if layers > memory.loop_layers:
        return memory.loop_layers
    return min(memory.from_layers, layers)


def told_bits(change: int) -> int:
    """Bits that tell by how many layers a frame differs from the one before it, as `.lamina` files do.

    1 if it doesn't differ, else 2 + |change|.
    """
    return 2 + abs(change) if change else 1


def changes_told(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Bits that tell how many layers frames have, `[frames]`, each after the one before it."""
    changes = np.diff(counts.astype(np.int64), prepend=int(counts[0]))
    told: npt.NDArray[np.int64] = np.array([told_bits(change) for change in range(256)])[np.abs(changes)]
    return told


class RateControl:
    """One channel's bits, shared out among its frames without looking ahead.

    Args:
        config: of the codec.
    """

    def __init__(self, config: CodecConfig) -> None:
        self._config = config
        self._usual: float | None = None
        self._n_learnt = FIRST_FRAMES
        self._debt = 0.0
        self._last = 0

    def share(self, error: float, layers: int, silent: bool = False) -> int:
        """How many layers the next frame sends.

        Args:
            error: squared length of what the trial left of its latent.
            layers: that frames may send on the average, 0 … all.
            silent: whether nothing is heard in it.
        """
        least = least_layers(self._config, layers)
        if least >= layers:
            self._last = layers
            return layers
        hard = 10 * float(np.log10(error + 1e-3))
        given = least if silent else self._wished(hard, layers, least)
        spent = given + told_bits(given - self._last) / self._config.code_bits[given - 1]
        self._debt = max(self._debt + spent - layers, -AHEAD_FRAMES * float(layers))
        self._last = given
        if not silent:
            usual = hard + FIRST_GUESS_DB if self._usual is None else self._usual
            self._n_learnt = min(self._n_learnt + 1, LEARNT_FRAMES)
            self._usual = usual + (hard - usual) / self._n_learnt
        return given

    def _wished(self, hard: float, layers: int, least: int) -> int:
        usual = hard + FIRST_GUESS_DB if self._usual is None else self._usual
        wish = layers + LAYERS_PER_DB * (hard - usual) - self._debt / DEBT_FRAMES
        given = self._last if abs(wish - self._last) < STAY else round(wish)
        left = (AHEAD_FRAMES + 1) * layers - self._debt - 1
        return max(min(given, int(left), self._config.layers), least)


class VariableRate:
    """What shares a stream's bits out, with the trial's state; made anew where variable bitrate is turned on.

    Args:
        runtime: the codec, shared.
        n_channels: each of which has a budget of its own.
    """

    def __init__(self, runtime: CodecRuntime, n_channels: int) -> None:
        self._runtime, self._trial = runtime, Coder(runtime, n_channels)
        self._controls = [RateControl(runtime.config) for _ in range(n_channels)]

    def counts(self, x: FloatArray, z: FloatArray, counts: Counts, guarded: npt.NDArray[np.bool_]) -> Counts:
        """Layers that each frame sends, `[channels, frames]`.

        Args:
            x: samples, `[channels, frames · frame]`.
            z: their latents.
            counts: layers that a constant bitrate gives each frame, `[channels, frames]`.
            guarded: as for the coder, `[frames]`.
        """
        codes, foreseen = self._trial.encode(x, z, counts, np.ones(z.shape[1], np.int64), guarded)
        left = z - self._runtime.dequantize(codes, counts)
        if foreseen is not None:
            left = left - foreseen
        errors = np.square(left).sum(-1, dtype=np.float64)
        silent = np.square(x.reshape(*z.shape[:2], -1)).mean(-1, dtype=np.float64) < SILENT_RMS**2
        shared = np.empty_like(counts)
        for channel, control in enumerate(self._controls):
            given = map(control.share, errors[channel].tolist(), counts[channel].tolist(), silent[channel].tolist())
            shared[channel] = np.fromiter(given, np.uint8, counts.shape[1])
        return shared


class SentBits:
    """Counts what frames send: their codes and, as soon as two of a channel's frames differ in their number of layers,
    what tells these numbers, as `changes_told` has it.
    """

    def __init__(self) -> None:
        self.n_frames = 0
        self._of_codes = 0
        self._counts: list[list[int]] = []

    def add(self, report: FrameReport) -> None:
        """One more frame."""
        self.n_frames += 1
        self._of_codes += report.bits
        while len(self._counts) < len(report.counts):
            self._counts.append([])
        for counts, count in zip(self._counts, report.counts, strict=False):
            counts.append(count)

    @property
    def bits(self) -> int:
        """Of all frames and channels."""
        varied = [np.array(counts) for counts in self._counts if len(set(counts)) > 1]
        return self._of_codes + sum(int(changes_told(counts).sum()) for counts in varied)

    def kbps(self, frame_rate: float) -> float:
        """Of all channels together; NaN before the first frame."""
        return self.bits / self.n_frames * frame_rate / 1000 if self.n_frames else float("nan")


def runs(wanted: list[bool]) -> list[tuple[bool, slice]]:
    """Stretches of frames of which all or none are wanted."""
    found, start = [], 0
    for value, group in groupby(wanted):
        stop = start + sum(1 for _ in group)
        found.append((value, slice(start, stop)))
        start = stop
    return found
