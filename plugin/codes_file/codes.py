"""Codes as a value: what an encoder sends, to be kept, changed, sent, and decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lamina.models.config import MOST_LAYERS
from lamina.plugin.call.arrays import HIGHEST_RATE, LOWEST_RATE

USUAL_BITS, USUAL_FRAME_RATE = 10, 75
"""Bits of one code and frames per second of most models: those that nothing needs to be said about."""
MAX_CODE_BITS = 16
MIN_FRAME_RATE, MAX_FRAME_RATE = 1, 1000
MAX_CODE_LAYERS = MOST_LAYERS
MAX_CODE_CHANNELS = 8
SPARE_FRAMES = 8
"""So many frames' worth of sound may be missing at most: a short piece needs no frame for its last few samples."""

Stereo = Literal["linked", "mid-side", "mono"]
STEREO_MODES: tuple[Stereo, ...] = ("linked", "mid-side", "mono")


@dataclass(frozen=True)
class Codes:
    """A stretch of coded sound.

    Args:
        codes: uint16 `[channels, frames, layers]`, each below 2 to the power of its layer's bits; entries that were not
            sent are 0.
        counts: uint8 `[channels, frames]`, how many layers of each frame were sent, 0 … layers. Frames with 0 got lost
            or were never sent.
        sample_rate: Hz of the sound they were made of.
        n_samples: its length at that rate: what the frames hold, and a few frames' worth more at most.
        n_channels: channels of that sound. With `stereo` "mono" two channels were sent as one.
        model: name of the bundle whose codebooks they point into.
        digest: that bundle's digest: another model of the same name would decode them to something else.
        stereo: what the coded channels are: left and right (or one channel each), middle and side, or the middle alone.
        denoise: how much of the noise whoever encoded them wanted removed, 0 … 1. The codes don't depend on it; who
            decodes may follow it.
        lag_from: layers from which a frame's first code says where in its own past the codec is to look; 0 for a model
            without a memory. The model knows that by itself; it is told here for who reads codes without it.
        frame_rate: frames per second of the model, 1 … 1000.
        code_bits: bits of each layer's code, 1 … 16; 10 each if left out.

    Raises ValueError or TypeError if arrays don't fit together or values are out of range.
    """

    codes: npt.NDArray[np.uint16]
    counts: npt.NDArray[np.uint8]
    sample_rate: int
    n_samples: int
    n_channels: int
    model: str
    digest: str
    stereo: Stereo = "linked"
    denoise: float = 0.0
    lag_from: int = 0
    frame_rate: float = USUAL_FRAME_RATE
    code_bits: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        codes, counts = self.codes, self.counts
        if not isinstance(codes, np.ndarray) or codes.dtype != np.uint16 or codes.ndim != 3:
            raise TypeError("codes must be a numpy array of uint16, [channels, frames, layers].")
        if not isinstance(counts, np.ndarray) or counts.dtype != np.uint8 or counts.shape != codes.shape[:2]:
            raise TypeError(
                f"counts must be a numpy array of uint8 of the shape {codes.shape[:2]}, [channels, frames]."
            )
        n_coded, _, n_layers = codes.shape
        if not 1 <= n_coded <= MAX_CODE_CHANNELS or not 1 <= n_layers <= MAX_CODE_LAYERS:
            raise ValueError(
                f"The codes have the shape {codes.shape}; give 1 to {MAX_CODE_CHANNELS} channels and 1 to "
                f"{MAX_CODE_LAYERS} layers."
            )
        if not MIN_FRAME_RATE <= self.frame_rate <= MAX_FRAME_RATE:
            raise ValueError(
                f"frame_rate is {self.frame_rate}; it must be from {MIN_FRAME_RATE} to {MAX_FRAME_RATE} frames per "
                "second."
            )
        object.__setattr__(self, "code_bits", tuple(int(bits) for bits in self.code_bits) or (USUAL_BITS,) * n_layers)
        if len(self.code_bits) != n_layers or not all(1 <= bits <= MAX_CODE_BITS for bits in self.code_bits):
            raise ValueError(
                f"code_bits are {self.code_bits}; give {n_layers} numbers from 1 to {MAX_CODE_BITS}, one for each "
                "layer."
            )
        if codes.size:
            largest = codes.max((0, 1))
            for layer in np.flatnonzero(largest.astype(np.int64) >= 1 << np.array(self.code_bits)).tolist():
                raise ValueError(
                    f"The largest code of layer {layer + 1} is {largest[layer]}; its codes go from 0 to "
                    f"{(1 << self.code_bits[layer]) - 1}."
                )
        if counts.size and int(counts.max()) > n_layers:
            raise ValueError(f"A frame counts {int(counts.max())} layers, but there are {n_layers}.")
        if self.stereo not in STEREO_MODES:
            raise ValueError(f"stereo is {self.stereo!r}; choose {', '.join(STEREO_MODES)}.")
        if not 0 <= self.denoise <= 1:
            raise ValueError(f"denoise is {self.denoise}; it must be from 0 to 1.")
        if not 0 <= self.lag_from <= MAX_CODE_LAYERS:
            raise ValueError(f"lag_from is {self.lag_from}; it must be from 0 to {MAX_CODE_LAYERS}.")
        self._check_whole("sample_rate", LOWEST_RATE, HIGHEST_RATE)
        self._check_whole("n_channels", 1, MAX_CODE_CHANNELS)
        # Before the sound is made, which takes as much memory as this says.
        self._check_whole("n_samples", 0, int((codes.shape[1] + SPARE_FRAMES) * self.sample_rate / self.frame_rate))
        wanted = 1 if self.stereo == "mono" else self.n_channels
        if n_coded != wanted or (self.stereo != "linked" and self.n_channels != 2):
            raise ValueError(
                f"{n_coded} coded channels can't stand for {self.n_channels} channels in the mode {self.stereo!r}."
            )

    def _check_whole(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not is_number or (not isinstance(value, int) and not float(value).is_integer()):
            raise TypeError(f"{name} is {value!r}; give a whole number.")
        if not least <= value <= most:
            raise ValueError(f"{name} is {value}; it must be from {least} to {most} here.")

    @property
    def n_frames(self) -> int:
        """Frames of each channel."""
        return int(self.codes.shape[1])

    @property
    def bits(self) -> int:
        """Bits of all codes that were sent."""
        return sent_bits(self.counts, self.code_bits)

    @property
    def kbps(self) -> float:
        """Kilobits per second of all channels together, packed plainly; 0 without frames."""
        return self.bits * self.frame_rate / self.n_frames / 1000 if self.n_frames else 0.0


def sent_bits(counts: npt.NDArray[np.uint8], code_bits: tuple[int, ...]) -> int:
    """Bits of the codes that frames send which count so many layers each, packed plainly."""
    return int(np.array([0, *np.cumsum(code_bits)])[counts].sum())
