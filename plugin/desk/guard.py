"""The guard: altered codes may mean anything to the decoder; what comes out stays within reach of what went in.

Only altered sound is touched. Its frames get the levels the desk gave them, and none may peak more than 12 dB above
the loudest input of the frames that the decoder still remembers: silence stays silence whatever is done to its codes.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from lamina.dsp.arrays import FloatArray

MOST_GAIN = 3.5
"""Peak of altered sound at the codec's rate against the input's.

At the host's rate it may be a little higher between these samples.
"""
SOFT_FROM = 0.8
"""Share of that peak from which samples are bent rather than let through, in frames whose beginning is still loud."""
REMEMBERED_FRAMES = 34
"""The decoder hears nearly half a second back."""


class Guard:
    """Its memory.

    Peaks of the frames decoded last, how long codes have been unaltered, and the gain at the last frame's end.
    """

    def __init__(self) -> None:
        self._peaks: deque[float] = deque([0.0], maxlen=REMEMBERED_FRAMES)
        self._n_unaltered = REMEMBERED_FRAMES
        self._gain: float | None = None
        """At the last frame's end; None before the first frame, which begins with its own."""

    def pass_on(
        self, y: FloatArray, peaks: list[float], levels: list[float], altered: list[bool], turned: list[bool]
    ) -> FloatArray:
        """Guard decoded samples `[channels, frames · frame]`.

        It is given each frame's input peak and level, and whether its codes were altered.

        `turned` frames are middle and side: what is heard of them may be as large as both together.
        """
        if not any(altered) and self._n_unaltered >= REMEMBERED_FRAMES and self._gain in (None, 1.0):
            self._gain = 1.0
            self._peaks.extend(peaks)
            return y
        frames = y.reshape(len(y), len(peaks), -1).copy()
        for index, (peak, level, is_altered, is_turned) in enumerate(zip(peaks, levels, altered, turned, strict=True)):
            self._peaks.append(peak)
            self._n_unaltered = 0 if is_altered else self._n_unaltered + 1
            if self._n_unaltered < REMEMBERED_FRAMES or self._gain != 1.0:
                self._hold(frames[:, index], level if self._n_unaltered < REMEMBERED_FRAMES else 1.0, is_turned)
        return frames.reshape(y.shape)

    def _hold(self, frame: FloatArray, level: float, is_turned: bool) -> None:
        """Bring one frame `[channels, frame]`, in place, to its level and below the bound."""
        bound = MOST_GAIN * max(self._peaks)
        loudest = float(_size(frame, is_turned).max())
        gain = min(level, bound / loudest) if self._n_unaltered < REMEMBERED_FRAMES and loudest > 0 else level
        before = gain if self._gain is None else self._gain
        if gain != 1.0 or before != 1.0:
            frame *= np.linspace(before, gain, frame.shape[1] + 1, dtype=np.float32)[1:]
        self._gain = gain
        if self._n_unaltered < REMEMBERED_FRAMES:
            _bend_above(frame, _size(frame, is_turned), SOFT_FROM * bound, bound)


def _size(frame: FloatArray, is_turned: bool) -> FloatArray:
    """How large each sample of `[channels, n]` can be on any side, `[n]`."""
    size: FloatArray = np.abs(frame).sum(0) if is_turned else np.abs(frame).max(0)
    return size


def _bend_above(frame: FloatArray, size: FloatArray, knee: float, most: float) -> None:
    """Samples whose `size [n]` is above `knee` bend smoothly towards `most`, all channels alike; in place."""
    over = size > knee
    if most <= 0:
        frame[:] = 0
    elif over.any():
        room = most - knee
        frame[:, over] *= (knee + room * np.tanh((size[over] - knee) / room)) / size[over]
