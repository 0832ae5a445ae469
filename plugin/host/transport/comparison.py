"""Aligned sounds that are compared by ear: one transport, one of them heard, changed over without a click."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lamina.dsp.ramp import Ramp
from lamina.dsp.resample import StreamingResampler, half_taps
from lamina.plugin.call.arrays import HIGHEST_RATE, LOWEST_RATE
from lamina.plugin.listening.sounds import Condition
from lamina.plugin.listening.switcher import Switcher

FloatArray = NDArray[np.float32]

PAUSE_FADE_SECONDS = 0.005
DIFFERENCE_FADE_SECONDS = 0.005
MOST_SOUNDS = 9
"""Slots that are compared by hand, one to a key."""
MOST_COMPARED = 65
"""What a blind test may switch between: the original, and as many numbers of layers as a staircase has."""
SHORTEST_LOOP_SECONDS = 0.05
"""Of a part that is played again and again; its ends take 5 ms each to fade out and in."""
N_OUT = 2


class ComparisonError(ValueError):
    """Sounds can't be compared; the message says why."""


class Comparison:
    """Plays one of several aligned sounds in a loop, as `Switcher` does, or its difference to the first.

    `read` belongs to the audio thread; the commands belong to one control thread and happen at the next `read`.

    Args:
        sounds: 2 to 65 of the same length, float32 `[1 or 2, n]` at `sample_rate` Hz; the first is the original.
        sample_rate: Hz.

    Raises ComparisonError for another number of sounds and for those that don't fit together.
    """

    def __init__(self, sounds: Sequence[FloatArray], sample_rate: int) -> None:
        if not 2 <= len(sounds) <= MOST_COMPARED:
            raise ComparisonError(f"{len(sounds)} sounds were given; 2 to {MOST_COMPARED} can be compared.")
        try:
            conditions = [
                Condition(f"slot {number}", {}, sound, sample_rate) for number, sound in enumerate(sounds, start=1)
            ]
            self._heard = Switcher(conditions)
            self._original = Switcher(conditions[:1])
        except ValueError as error:
            raise ComparisonError(str(error)) from error
        self.sample_rate, self.n_samples = sample_rate, conditions[0].n_samples
        self._commands: deque[Callable[[], None]] = deque()
        self._n_fade = max(1, round(PAUSE_FADE_SECONDS * sample_rate))
        self._level = 0  # of _n_fade: how far the sound is faded in
        self._is_playing = False
        self._seek_to: int | None = None
        self._loop = self._loop_to = (0, self.n_samples)
        self._difference = Ramp(0.0, max(1, round(DIFFERENCE_FADE_SECONDS * sample_rate)))
        self._n_sounds = len(conditions)
        self._shown = (0, False)

    # Any thread.

    @property
    def is_playing(self) -> bool:
        """Whether it plays, since the last `read`."""
        return self._is_playing

    @property
    def heard(self) -> tuple[int, bool]:
        """Which sound is heard, counted from 0, and whether its difference to the first is."""
        return self._shown

    @property
    def position(self) -> int:
        """The sample that is read next."""
        return self._heard.position if self._seek_to is None else self._seek_to

    def position_before(self, n_samples: int) -> int:
        """Which sample was read so many samples ago, as far as nothing was skipped since."""
        if not self._is_playing:
            return self.position
        start, stop = self._loop
        return start + (self.position - start - n_samples) % (stop - start)

    @property
    def is_looped(self) -> bool:
        """Whether only a part is played again and again."""
        return self._loop_to != (0, self.n_samples)

    @property
    def loop_seconds(self) -> tuple[float, float]:
        """The part that is played again and again, as it was asked for last."""
        start, stop = self._loop_to
        return start / self.sample_rate, stop / self.sample_rate

    # The control thread.

    def hear(self, index: int, is_difference: bool = False) -> None:
        """Go over to a sound, or to its difference to the first; raises ComparisonError if there is none."""
        if not 0 <= index < self._n_sounds:
            raise ComparisonError(f"There is no sound {index + 1} to hear; there are {self._n_sounds}.")
        self._commands.append(lambda: self._hear(index, is_difference))

    def play(self, is_on: bool = True) -> None:
        """Play on, or fade out and stay."""
        self._commands.append(lambda: self._play(is_on))

    def seek(self, seconds: float) -> None:
        """Go on at a time of the loop, clamped into it; raises ComparisonError for one that is no number."""
        if not math.isfinite(seconds):
            raise ComparisonError(f"The time to seek is {seconds}; give seconds from 0 to the loop's length.")
        start, stop = self._loop_to
        place = min(max(start, round(seconds * self.sample_rate)), stop - 1)
        self._commands.append(lambda: self._seek(place))

    def loop(self, seconds: tuple[float, float] | None) -> None:
        """Play a part again and again, from the first to the second time; the whole sound if None.

        Where it plays outside of that part it goes on at the part's beginning, faded out and in. Raises ComparisonError
        for a part that isn't one, or is shorter than 0.05 s.
        """
        if seconds is None:
            part = (0, self.n_samples)
        else:
            least = min(self.n_samples, round(SHORTEST_LOOP_SECONDS * self.sample_rate))
            if not all(map(math.isfinite, seconds)):
                raise ComparisonError(f"The loop is {seconds[0]} to {seconds[1]}; give seconds.")
            start, stop = (min(max(0, round(time * self.sample_rate)), self.n_samples) for time in seconds)
            if stop - start < least:
                raise ComparisonError(
                    f"The loop from {seconds[0]:g} to {seconds[1]:g} s is too short; give {SHORTEST_LOOP_SECONDS:g} s."
                )
            part = (start, stop)
        self._loop_to = part
        self._commands.append(lambda: self._set_loop(part))

    # The audio thread.

    def read(self, n_samples: int) -> tuple[FloatArray, FloatArray]:
        """The next block of what is heard, and of the original at the same place, both `[2, n_samples]`."""
        while self._commands:
            self._commands.popleft()()
        heard, original = (np.zeros((N_OUT, n_samples), np.float32) for _ in range(2))
        done = 0
        while done < n_samples:
            is_fading_out = not self._is_playing or self._seek_to is not None
            if is_fading_out and self._level == 0:
                if self._seek_to is not None:
                    for switcher in (self._heard, self._original):
                        switcher.set_loop(*self._loop)
                        switcher.seek(self._seek_to)
                    self._seek_to = None
                    continue
                break
            count = n_samples - done
            if is_fading_out:
                count = min(count, self._level)
            elif self._level < self._n_fade:
                count = min(count, self._n_fade - self._level)
            self._read_part(heard[:, done : done + count], original[:, done : done + count], is_fading_out)
            done += count
        return heard, original

    def _read_part(self, heard: FloatArray, original: FloatArray, is_fading_out: bool) -> None:
        count = heard.shape[1]
        sound, first = self._heard.render(count), self._original.render(count)
        share = self._difference.factor(count)
        # From the sound to what it lacks: in the middle of the way half of the original is heard.
        sound = sound * (1 - 2 * share) + first * share
        if is_fading_out or self._level < self._n_fade:
            steps = np.arange(1, count + 1, dtype=np.float32)
            level = ((self._level + (-steps if is_fading_out else steps)) / self._n_fade).astype(np.float32)
            self._level += -count if is_fading_out else count
            sound, first = sound * level, first * level
        heard[:], original[:] = sound, first

    def _hear(self, index: int, is_difference: bool) -> None:
        self._heard.switch(index)
        self._difference.set(float(is_difference))
        self._shown = (index, is_difference)

    def _play(self, is_on: bool) -> None:
        self._is_playing = is_on

    def _seek(self, place: int) -> None:
        self._seek_to = place

    def _set_loop(self, part: tuple[int, int]) -> None:
        # The ends of loops fade: to move them while it plays would make a step.
        place, self._loop = self.position, part
        self._seek(place if part[0] <= place < part[1] else part[0])


@dataclass(frozen=True)
class ComparedFiles:
    """Aligned sounds as whoever rendered them left them.

    numpy's files of float32 `[channels, n]` at `sample_rate` Hz.
    """

    files: tuple[Path, ...]
    sample_rate: int

    def at(self, rate: int, before: Comparison | None = None) -> Comparison:
        """Read the sounds, at the rate of a stream.

        They are at rest at their beginning, or where those `before` are and in the same state.

        Raises ComparisonError, which names the file, for what is missing, no sound, or can't be compared.
        """
        if not LOWEST_RATE <= self.sample_rate <= HIGHEST_RATE:
            raise ComparisonError(
                f"sample_rate is {self.sample_rate}; sounds are compared at {LOWEST_RATE} to {HIGHEST_RATE} Hz."
            )
        comparison = Comparison([_at_rate(_loaded(file), self.sample_rate, rate) for file in self.files], rate)
        if before is not None:
            comparison.hear(*before.heard)
            if before.is_looped:
                comparison.loop(before.loop_seconds)
            comparison.seek(before.position / before.sample_rate)
            comparison.play(before.is_playing)
        return comparison


def _loaded(file: Path) -> FloatArray:
    try:
        samples = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ComparisonError(f"A sound to compare can't be read from {file}: {error}") from error
    if samples.ndim != 2 or samples.dtype != np.float32:
        raise ComparisonError(f"{file} holds no sound to compare: {samples.dtype} of the shape {samples.shape}.")
    loaded: FloatArray = samples
    return loaded


def _at_rate(samples: FloatArray, from_rate: int, to_rate: int) -> FloatArray:
    if from_rate == to_rate:
        return samples
    resampler = StreamingResampler(len(samples), from_rate, to_rate)
    n_samples = samples.shape[1] * to_rate // from_rate
    tail = np.zeros((len(samples), half_taps(from_rate, to_rate) + 1), np.float32)
    return np.concatenate([resampler.push(samples), resampler.push(tail)], axis=1)[:, :n_samples]
