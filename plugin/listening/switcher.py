"""Switching between sounds while they play, without a click, a gap, or a change of loudness on the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.arrays import FloatArray
from lamina.plugin.listening.sounds import Condition

_Samples = NDArray[np.float64]

FADE_SECONDS = 0.005
LONGEST_FADE_SECONDS = 0.010


class Switcher:
    """Plays one of several aligned sounds in a loop, block by block, and goes over to another within milliseconds.

    The fade keeps the power: with θ from 0 to π/2 the gains are cos θ and sin θ over √(1 + ρ sin 2θ), where ρ is how
    much both sounds are alike there (their correlation within the fade, 0 to 1). Without ρ two sounds that are alike
    would add up to 3 dB more on the way, and in an ABX test that would tell which of A and B is X: from a sound to
    itself nothing is heard here, not even in the last bit. The loop's ends fade out and in, equally for all.

    A switch that is asked for while a fade goes on follows when that one has ended.

    Args:
        conditions: sounds of the same rate, number of channels and length.
        fade_seconds: how long a switch takes, above 0, at most 0.01.
        start, stop: the loop's samples; the whole sound unless said. At least two fades long.

    Raises ValueError for sounds that don't fit together, and arguments out of their ranges.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        fade_seconds: float = FADE_SECONDS,
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        if not conditions:
            raise ValueError("No sound was given to switch between.")
        first = conditions[0]
        if any(
            other.samples.shape != first.samples.shape or other.sample_rate != first.sample_rate for other in conditions
        ):
            raise ValueError("Sounds that are switched between need the same rate, number of channels and length.")
        if not 0 < fade_seconds <= LONGEST_FADE_SECONDS:
            raise ValueError(
                f"fade_seconds is {fade_seconds}; it must be above 0 and at most {LONGEST_FADE_SECONDS:g} s."
            )
        self.sample_rate, self.n_channels = first.sample_rate, len(first.samples)
        self._sounds = [condition.samples for condition in conditions]
        self._n_fade = max(1, round(fade_seconds * self.sample_rate))
        angle = (np.arange(self._n_fade) + 0.5) / self._n_fade * (np.pi / 2)
        self._out, self._in, self._both = np.cos(angle), np.sin(angle), np.sin(2 * angle)
        self._edge = np.square(self._in).astype(np.float32)
        self._faded = np.zeros((self.n_channels, self._n_fade), np.float32)
        self._n_left = 0
        self._current = self._wanted = 0
        self.set_loop(start, stop)

    def set_loop(self, start: int = 0, stop: int | None = None) -> None:
        """Play samples `start` up to `stop` from now on; raises ValueError if they are no loop of this sound."""
        n_samples = self._sounds[0].shape[1]
        stop = n_samples if stop is None else stop
        if not 0 <= start < stop <= n_samples or stop - start < 2 * self._n_fade:
            raise ValueError(
                f"The loop {start} to {stop} must lie within the {n_samples} samples and be {2 * self._n_fade} long."
            )
        self._start, self._stop = start, stop
        self.seek(start)

    @property
    def position(self) -> int:
        """The sample that is played next."""
        return self._position

    @property
    def current(self) -> int:
        """Which sound is heard, or faded in."""
        return self._current

    def seek(self, position: int) -> None:
        """Go on from another sample of the loop; a fade that goes on ends there."""
        self._position = min(max(position, self._start), self._stop - 1)
        self._n_left, self._current = 0, self._wanted

    def switch(self, index: int) -> None:
        """Go over to the sound `index` from the next sample on; raises IndexError if there is none."""
        if not 0 <= index < len(self._sounds):
            raise IndexError(f"There is no sound {index}; there are {len(self._sounds)}.")
        self._wanted = index

    def render(self, n_samples: int) -> FloatArray:
        """The next `n_samples`, float32 `[channels, n_samples]`."""
        out = np.empty((self.n_channels, n_samples), np.float32)
        self.render_into(out)
        return out

    def render_into(self, out: FloatArray) -> None:
        """Fill `out`, float32 `[channels, n]`, with what comes next; nothing else is allocated but while it fades."""
        done, n_samples = 0, out.shape[1]
        while done < n_samples:
            if not self._n_left and self._wanted != self._current:
                self._begin_fade()
            count = min(n_samples - done, self._stop - self._position)
            part = out[:, done : done + count]
            if self._n_left:
                count = min(count, self._n_left)
                part = part[:, :count]
                begin = self._n_fade - self._n_left
                part[:] = self._faded[:, begin : begin + count]
                self._n_left -= count
            else:
                part[:] = self._sounds[self._current][:, self._position : self._position + count]
            self._shape_edges(part, self._position)
            self._position += count
            if self._position >= self._stop:
                self._position = self._start
            done += count

    def _begin_fade(self) -> None:
        before, after = (self._ahead(sound) for sound in (self._sounds[self._current], self._sounds[self._wanted]))
        self._current, self._n_left = self._wanted, self._n_fade
        if np.array_equal(before, after):
            self._faded[:] = after
            return
        old, new = before.astype(np.float64), after.astype(np.float64)
        power = float(np.sqrt(np.square(old).sum() * np.square(new).sum()))
        alike = min(1.0, max(0.0, float((old * new).sum()) / power)) if power > 0 else 0.0
        faded = self._mixed(old, new, alike)
        # Two loud sounds that are unlike each other may add up beyond full scale for a moment.
        if np.abs(faded).max() > max(1.0, np.abs(old).max(), np.abs(new).max()):
            faded = self._mixed(old, new, 1.0)
        self._faded[:] = faded

    def _mixed(self, old: _Samples, new: _Samples, alike: float) -> _Samples:
        mixed: _Samples = (old * self._out + new * self._in) / np.sqrt(1.0 + alike * self._both)
        return mixed

    def _ahead(self, sound: FloatArray) -> FloatArray:
        """What of a sound is heard within the fade, which may go round the loop's end."""
        until_end = min(self._n_fade, self._stop - self._position)
        ahead = sound[:, self._position : self._position + until_end]
        if until_end < self._n_fade:
            ahead = np.concatenate([ahead, sound[:, self._start : self._start + self._n_fade - until_end]], axis=1)
        return ahead

    def _shape_edges(self, part: FloatArray, position: int) -> None:
        count = part.shape[1]
        since, ahead = position - self._start, self._stop - position
        if since < self._n_fade:
            rising = self._edge[since : since + count]
            part[:, : len(rising)] *= rising
        if ahead - count < self._n_fade:
            falling = self._edge[::-1][self._n_fade - min(ahead, self._n_fade) :]
            begin = max(0, ahead - self._n_fade)
            falling = falling[: count - begin]
            part[:, begin : begin + len(falling)] *= falling
