"""Codes as a value: what an encoder sends, to be kept, changed, sent, and decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import lru_cache
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


@dataclass(frozen=True, eq=False)
class Codes:
    """A stretch of coded sound.

    It has a length, in frames; `codes[75:150]` are some of its frames, `codes + more` are both, one after the other,
    and two are equal if they send the same and say the same of it.

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

    def start_of(self, frame: int) -> int:
        """The sample, at `sample_rate`, with which a frame begins; beyond the last frame too."""
        return first_sample(frame, self.sample_rate, self.frame_rate)

    def peeled(self, layers: int) -> Codes:
        """The same with the first `layers` layers at most, as if the others had never been sent.

        A lower bitrate without encoding again.

        What is left is bit for bit what was sent. A model with a memory foresees frames from its first few layers
        (eight of the shipped one's); with fewer than these left, what is foreseen slowly differs from what the encoder
        meant. Raises ValueError for no layers, and, with such a model, for fewer than `lag_from`.
        """
        if isinstance(layers, bool) or not isinstance(layers, int | np.integer):
            raise TypeError(f"layers is {layers!r}; give a whole number.")
        least = max(1, self.lag_from)
        if layers < least:
            raise ValueError(f"layers is {layers}; {least} must be left, or the rest can't be decoded.")
        if layers >= self.codes.shape[2]:
            return self
        counts = np.minimum(self.counts, layers).astype(np.uint8)
        return replace(self, codes=self.codes[..., :layers], counts=counts, code_bits=self.code_bits[:layers])

    def check_same_piece(self, other: Codes) -> None:
        """Raises ValueError if the other codes can't be decoded after these: of another model, rate or channels."""
        for name in ("digest", "model", "sample_rate", "n_channels", "stereo", "denoise", "lag_from", "frame_rate"):
            here, there = getattr(self, name), getattr(other, name)
            if here != there:
                raise ValueError(f"These codes don't go together: their {name} is {here!r} and {there!r}.")
        both = min(len(self.code_bits), len(other.code_bits))
        if self.code_bits[:both] != other.code_bits[:both]:
            raise ValueError("These codes don't go together: their layers have other numbers of bits.")

    def __len__(self) -> int:
        return self.n_frames

    def __getitem__(self, frames: slice) -> Codes:
        """Some of the frames, one after the other, and the sound that begins in them."""
        if not isinstance(frames, slice):
            raise TypeError(f"Codes are cut by slices of frames, such as codes[75:150], not by {frames!r}.")
        start, stop, step = frames.indices(self.n_frames)
        if step != 1:
            raise ValueError(f"The step is {step}; frames are taken one after the other. Cut `codes.codes` yourself.")
        stop = max(start, stop)
        end = self.n_samples if stop == self.n_frames else min(self.start_of(stop), self.n_samples)
        n_samples = 0 if start == stop and start else max(0, end - self.start_of(start))
        return replace(self, codes=self.codes[:, start:stop], counts=self.counts[:, start:stop], n_samples=n_samples)

    def __add__(self, other: Codes) -> Codes:
        """These frames and then the other ones: the other sound begins with its first frame."""
        if not isinstance(other, Codes):
            return NotImplemented
        return join_codes([self, other])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Codes):
            return NotImplemented
        named = [field.name for field in fields(self) if field.name not in ("codes", "counts")]
        return (
            all(getattr(self, name) == getattr(other, name) for name in named)
            and self.codes.shape == other.codes.shape
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self._sent(), other._sent())
        )

    __hash__ = None  # type: ignore[assignment]  # arrays can be changed

    def __repr__(self) -> str:
        seconds = self.n_samples / self.sample_rate if self.sample_rate else 0.0
        channels = "1 channel" if self.n_channels == 1 else f"{self.n_channels} channels"
        return (
            f"<Codes of {self.model!r}: {self.n_frames} frames, {seconds:.2f} s, {channels} ({self.stereo}), "
            f"{self.kbps:.2f} kbps>"
        )

    def _sent(self) -> npt.NDArray[np.uint16]:
        """The codes with zeros for all that were not sent."""
        return np.where(np.arange(self.codes.shape[2]) < self.counts[..., None], self.codes, np.uint16(0))


def join_codes(parts: Sequence[Codes]) -> Codes:
    """One or more stretches, each after the one before it; raises ValueError if they don't go together."""
    first = parts[0]
    for part in parts[1:]:
        first.check_same_piece(part)
    # A stretch without frames has layers that nothing was sent of.
    some = [part for part in parts if part.n_frames] or [first]
    bits = max((part.code_bits for part in some), key=len)
    n_frames = n_samples = 0
    for part in parts:
        if part.n_samples:
            n_samples = first.start_of(n_frames) + part.n_samples
        n_frames += part.n_frames
    return replace(
        first,
        codes=np.concatenate([_of_layers(part.codes, len(bits)) for part in parts], 1),
        counts=np.concatenate([part.counts for part in parts], 1),
        n_samples=n_samples,
        code_bits=bits,
    )


def first_sample(frame: int, sample_rate: int, frame_rate: float) -> int:
    """The first sample of a frame, at `sample_rate` Hz."""
    rate = _exact(frame_rate)
    return -(-frame * sample_rate * rate.denominator // rate.numerator)


@lru_cache(maxsize=64)
def _exact(frame_rate: float) -> Fraction:
    """Frame rates are whole numbers of samples by whole numbers of frames."""
    return Fraction(frame_rate).limit_denominator(1_000_000)


def _of_layers(codes: npt.NDArray[np.uint16], layers: int) -> npt.NDArray[np.uint16]:
    """Codes with so many layers, of which the further ones hold nothing."""
    missing = layers - codes.shape[2]
    return codes[..., :layers] if missing <= 0 else np.pad(codes, ((0, 0), (0, 0), (0, missing)))


def sent_bits(counts: npt.NDArray[np.uint8], code_bits: tuple[int, ...]) -> int:
    """Bits of the codes that frames send which count so many layers each, packed plainly."""
    return int(np.array([0, *np.cumsum(code_bits)])[counts].sum())
