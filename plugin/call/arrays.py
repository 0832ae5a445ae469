"""Array layouts that callers hand over, as pedalboard accepts them.

1-D, `[channels, samples]` or `[samples, channels]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.dsp.arrays import FloatArray

MAX_CHANNELS = 8
USUAL_CHANNELS = 2
"""Where both axes could be channels, the one of mono or stereo is."""
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000


@dataclass(frozen=True)
class Layout:
    """How a stream's blocks lie: `[channels, samples]`, or the other way round."""

    n_channels: int
    is_channels_first: bool

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether a block of that shape may lie so."""
        return len(shape) == 2 and shape[0 if self.is_channels_first else 1] == self.n_channels


def channels_first(audio: object) -> tuple[FloatArray, Callable[[FloatArray], FloatArray]]:
    """The audio as float32 `[channels, samples]`, and the way back to the caller's layout.

    Raises TypeError for anything but a float32 or float64 array, ValueError for a shape that is not mono or
    stereo, is ambiguous, or for NaN or infinite samples.
    """
    samples, back, _ = channels_in(audio, None)
    return samples, back


def channels_in(
    audio: object, before: Layout | None
) -> tuple[FloatArray, Callable[[FloatArray], FloatArray], Layout | None]:
    """As `channels_first`, for the next block of a stream whose blocks lay like `before`.

    Also gives how this one lies (None: `[samples]`).

    Blocks of one or two samples are ambiguous by themselves, but not in a stream.
    """
    audio = check_float_array(audio)
    if audio.ndim not in (1, 2):
        raise ValueError(
            f"The audio has the shape {audio.shape}; give [samples], [channels, samples] or [samples, channels]."
        )
    if audio.ndim == 1:
        planes, back = audio[None], _first_channel
    elif (
        before.is_channels_first if before is not None and before.fits(audio.shape) else _is_channels_first(audio.shape)
    ):
        planes, back = audio, _as_is
    else:
        planes, back = audio.T, _transposed
    samples = np.ascontiguousarray(planes, np.float32)
    refuse_non_finite(samples)
    return samples, back, Layout(len(samples), back is _as_is) if audio.ndim == 2 else None


def check_sidechain(sidechain: object, shape: tuple[int, ...], beside: Layout | None = None) -> FloatArray | None:
    """A side-chain as float32 `[channels, samples]` like the sound it stands beside, of that shape; None stays None.

    It lies as the sound does, `beside`, if it can, and otherwise as its own shape says. One channel stands beside each
    of several. Raises TypeError or ValueError.
    """
    if sidechain is None:
        return None
    audio, _, _ = channels_in(sidechain, beside)
    if len(audio) == 1 and shape[0] > 1:
        audio = np.repeat(audio, shape[0], 0)
    if audio.shape != shape:
        raise ValueError(
            f"The side-chain has the shape {audio.shape}, the sound {shape}; give it as many samples, and as many "
            "channels or one."
        )
    return audio


def check_beside(sidechain: FloatArray, block: FloatArray) -> None:
    """Raises ValueError for a side-chain's block that hasn't the shape of the block beside it."""
    if sidechain.shape != block.shape:
        raise ValueError(
            f"The side-chain has the shape {sidechain.shape}, the block {block.shape}; they must be equally long."
        )


def check_float_array(audio: object) -> npt.NDArray[np.floating[Any]]:
    """The audio if it is an array of float32 or float64; raises TypeError."""
    if not isinstance(audio, np.ndarray):
        raise TypeError(f"The audio is a {type(audio).__name__}; give a numpy array of float32.")
    if audio.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"The audio's type is {audio.dtype}; give float32 (−1 … 1). Integers are scaled by dividing by their full "
            "scale."
        )
    return audio


def refuse_non_finite(samples: FloatArray, position: int = 0) -> None:
    """Refuse NaN and infinity, and say where they are.

    Raises ValueError; `[channels, samples]` begins at sample `position`.
    """
    if not np.isfinite(samples).all():
        channel, index = (int(i) for i in np.argwhere(~np.isfinite(samples))[0])
        place = f"channel {channel + 1} at sample {position + index}"
        raise ValueError(f"The audio holds NaN or infinite values (first in {place}). Repair it before coding.")


def check_sample_rate(sample_rate: object) -> int:
    """The rate as a whole number of Hz; raises TypeError or ValueError."""
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, int | float | np.integer | np.floating):
        raise TypeError(f"sample_rate is {sample_rate!r}; give it in Hz, for example 48000.")
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE or sample_rate != int(sample_rate):
        raise ValueError(
            f"sample_rate is {sample_rate}; give a whole number of Hz from {LOWEST_RATE} to {HIGHEST_RATE}."
        )
    return int(sample_rate)


def check_buffer_size(buffer_size: object) -> int:
    """The buffer size in samples; raises TypeError or ValueError."""
    if isinstance(buffer_size, bool) or not isinstance(buffer_size, int | np.integer):
        raise TypeError(f"buffer_size is {buffer_size!r}; give a whole number of samples.")
    if buffer_size < 1:
        raise ValueError(f"buffer_size is {buffer_size}; it must be at least 1 sample.")
    return int(buffer_size)


def check_channels(n_channels: object) -> int:
    """The number of channels of a stream, 1 … 8; raises TypeError or ValueError."""
    if isinstance(n_channels, bool) or not isinstance(n_channels, int | np.integer):
        raise TypeError(f"n_channels is {n_channels!r}; give a whole number.")
    if n_channels < 1:
        raise ValueError(f"n_channels is {n_channels}; a stream needs at least 1.")
    if n_channels > MAX_CHANNELS:
        raise ValueError(f"n_channels is {n_channels}; {MAX_CHANNELS} channels are supported at most.")
    return int(n_channels)


def _is_channels_first(shape: tuple[int, ...]) -> bool:
    first, second = shape
    if first == second and first > 1:
        raise ValueError(
            f"The audio is square ({first} × {second}): channels and samples can't be told apart. Hand over more "
            "samples at a time."
        )
    for most in (USUAL_CHANNELS, MAX_CHANNELS):
        if 1 <= first <= most:
            return True
        if 1 <= second <= most:
            return False
    if 0 in shape:
        raise ValueError(f"The audio has the shape {shape}: it has no channels.")
    raise ValueError(f"The audio has the shape {shape}; {MAX_CHANNELS} channels are supported at most.")


def _as_is(y: FloatArray) -> FloatArray:
    return y


def _transposed(y: FloatArray) -> FloatArray:
    return np.ascontiguousarray(y.T)


def _first_channel(y: FloatArray) -> FloatArray:
    return y.reshape(-1)
