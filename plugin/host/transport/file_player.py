"""The engine's file transport: play, pause, stop, seek and loop a sound file.

Without a click, and without waiting for the disk.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.host.transport.clip_on_disk import ClipOnDisk
from lamina.plugin.host.transport.clip_reader import ClipReader, Region, Segment

PAUSE_FADE_SECONDS = 0.005
N_OUT = 2


class PlayState(Enum):
    """What the transport shows."""

    STOPPED = "stopped"
    PAUSED = "paused"
    PLAYING = "playing"


PLAY_STATES = tuple(PlayState)
"""In the order in which telemetry counts them."""


@dataclass(frozen=True)
class _Deck:
    """A clip and the head that reads it."""

    clip: ClipOnDisk
    reader: ClipReader

    @property
    def start(self) -> int:
        """Where the clip returns to when it stops."""
        return self.reader.loop.start if self.reader.loop is not None else 0


class FilePlayer:
    """Plays one sound file at `sample_rate` Hz in stereo: a mono file goes to both channels.

    `read` belongs to the audio thread and neither waits nor touches the disk. The commands belong to one control
    thread: what they need from the disk they fetch first, and what they ask for happens at the next `read`.

    Args:
        sample_rate: of the output in Hz.
        wait: whether `read` waits for the disk, for engines that run as fast as they can.
    """

    def __init__(self, sample_rate: int, wait: bool = False) -> None:
        self.sample_rate = sample_rate
        self.waits = wait
        # The control thread's.
        self._newest: _Deck | None = None
        self._opened: list[ClipOnDisk] = []
        # The audio thread's.
        self._commands: deque[Callable[[], None]] = deque()
        self._state = PlayState.STOPPED
        self._deck: _Deck | None = None
        self._next_deck: _Deck | None = None
        self._changes_deck = False
        self._rewind_to: int | None = None
        self._fade_samples = max(1, round(PAUSE_FADE_SECONDS * sample_rate))
        self._level = 0  # of _fade_samples: how far the sound is faded in
        self._begins_itself = True  # after a rewind the head fades in, or the clip begins as it is

    # Any thread.

    @property
    def state(self) -> PlayState:
        """What the transport does since the last `read`."""
        return self._state

    @property
    def n_channels(self) -> int:
        """Channels of the file that was loaded last: 1 or 2, or 0 without one."""
        deck = self._newest
        return deck.clip.shape[0] if deck is not None else 0

    @property
    def seconds(self) -> float:
        """Length of the file that was loaded last; 0 without one."""
        deck = self._newest
        return deck.clip.seconds if deck is not None else 0.0

    @property
    def position_seconds(self) -> float:
        """Place that is read next: where a transport at rest stands."""
        deck = self._deck
        if deck is None or deck is not self._newest:
            return 0.0
        position = self._rewind_to if self._rewind_to is not None else deck.reader.position
        return (position if position is not None else deck.reader.n_samples) / self.sample_rate

    @property
    def n_missing_samples(self) -> int:
        """Samples of the present file that were silent because the disk was late."""
        deck = self._newest
        return deck.clip.n_missing_samples if deck is not None else 0

    # The control thread.

    def load(self, path: str | Path) -> None:
        """Opens a sound file, stopped at its beginning and without a loop; what plays fades out.

        Raises AudioFileError for a file that can't be played; the present one stays.
        """
        clip = ClipOnDisk(path, self.sample_rate, self.waits)
        self._opened.append(clip)
        clip.prefetch(0)
        self._take_over(_Deck(clip, ClipReader(clip, self.sample_rate)))

    def unload(self) -> None:
        """Fades out and lets the file go."""
        self._take_over(None)

    def play(self) -> None:
        """Starts or resumes; without a file nothing happens."""
        if self._newest is not None:
            self._commands.append(self._play)

    def pause(self) -> None:
        """Fades out and stays where it is."""
        self._commands.append(self._pause)

    def stop(self) -> None:
        """Fades out and returns to the loop's start, or to the beginning."""
        self._commands.append(self._stop)

    def seek(self, seconds: float) -> None:
        """Goes on at `seconds`, clamped into the file: cross-faded while playing; otherwise it waits there, paused.

        Raises ValueError for a time that is NaN or infinite.
        """
        if not math.isfinite(seconds):
            raise ValueError(f"The time to seek is {seconds}; give seconds from 0 to the file's length.")
        deck = self._newest
        if deck is not None:
            position = min(max(0, round(seconds * self.sample_rate)), deck.reader.n_samples - 1)
            deck.clip.prefetch(position)
            self._commands.append(lambda: self._seek(deck, position))

    def set_loop(self, seconds: tuple[float, float] | None) -> None:
        """Repeats from the first to the second time, or no longer repeats; a loop that leaves the file ends with it.

        Raises ValueError for a loop that is empty or lies outside the file. Without a file nothing happens.
        """
        deck = self._newest
        if deck is None:
            return
        loop = None
        if seconds is not None:
            if not all(math.isfinite(second) for second in seconds):
                raise ValueError(
                    f"The loop goes from {seconds[0]} to {seconds[1]} seconds; give two times inside the file."
                )
            start, stop = (min(max(0, round(second * self.sample_rate)), deck.reader.n_samples) for second in seconds)
            loop = Region(start, stop)
            deck.clip.prefetch(start)
        self._commands.append(lambda: self._set_loop(deck, loop))

    def take_trouble(self) -> str:
        """A sentence about what went wrong with the file since the last call, or nothing."""
        deck = self._newest
        return deck.clip.take_trouble() if deck is not None else ""

    def close(self) -> None:
        """Lets the files go; what is read afterwards is silence."""
        self._take_over(None)
        for clip in self._opened:
            clip.close()
        self._opened.clear()

    def _take_over(self, deck: _Deck | None) -> None:
        self._newest = deck
        self._opened = [clip for clip in self._opened if not clip.is_closed]
        self._commands.append(lambda: self._change_deck(deck))

    # The audio thread.

    def read(self, n_samples: int) -> tuple[FloatArray, list[Segment]]:
        """The next block `[2, n_samples]`, and which samples of the clip its parts are; silence when nothing plays."""
        while self._commands:
            self._commands.popleft()()
        out = np.zeros((N_OUT, n_samples), np.float32)
        segments: list[Segment] = []
        done = 0
        while done < n_samples:
            if self._is_falling() and not self._level:
                self._settle()
            deck = self._deck
            if deck is None or (self._is_falling() and not self._level):
                segments.append(Segment(done, None, n_samples - done))
                break
            n_run = min(n_samples - done, self._level) if self._is_falling() else n_samples - done
            segments += self._read_run(deck, out[:, done : done + n_run], done)
            done += n_run
        if self._deck is not None:
            self._deck.clip.attend(self._deck.reader.position, self._deck.reader.loop)
        return out, segments

    def _read_run(self, deck: _Deck, out: FloatArray, offset: int) -> list[Segment]:
        gains = self._gains(out.shape[1])
        block, segments = deck.reader.read(out.shape[1])
        out[:] = block if gains is None else block * gains
        if deck.reader.is_silent and not self._is_falling():
            self._rewind_to, self._level = deck.start, 0
            self._settle()
            # The state last: whoever sees it finds everything else in place.
            self._state = PlayState.STOPPED
        return [Segment(offset + s.offset, s.position, s.n_samples) for s in segments]

    def _gains(self, n_samples: int) -> FloatArray | None:
        """Straight fades, however they are cut into blocks; None where nothing is faded."""
        is_falling = self._is_falling()
        if not is_falling and not self._level and self._begins_itself:
            self._level = self._fade_samples
        self._begins_itself = False
        if not is_falling and self._level == self._fade_samples:
            return None
        steps = np.arange(1, n_samples + 1) * (-1 if is_falling else 1)
        levels = np.clip(self._level + steps, 0, self._fade_samples)
        self._level = int(levels[-1])
        return (levels / self._fade_samples).astype(np.float32)

    def _is_falling(self) -> bool:
        """Whether the sound fades out: to rest, or to begin elsewhere."""
        return self._state is not PlayState.PLAYING or self._changes_deck or self._rewind_to is not None

    def _settle(self) -> None:
        """Does what had to wait until nothing is heard."""
        if self._changes_deck:
            if self._deck is not None:
                self._deck.clip.let_go()
            self._deck, self._next_deck, self._changes_deck = self._next_deck, None, False
            self._begins_itself = True
        deck = self._deck
        if deck is None:
            self._state = PlayState.STOPPED
        elif deck.reader.position is None and self._rewind_to is None:
            # It was paused while the end faded.
            self._state, self._rewind_to = PlayState.STOPPED, deck.start
        if deck is not None and self._rewind_to is not None:
            deck.reader.restart(self._rewind_to)
            self._begins_itself = True
        self._rewind_to = None

    def _change_deck(self, deck: _Deck | None) -> None:
        if self._changes_deck and self._next_deck is not None:
            self._next_deck.clip.let_go()
        self._next_deck, self._changes_deck, self._rewind_to = deck, True, None
        self._state = PlayState.STOPPED

    def _play(self) -> None:
        if self._deck is not None or self._next_deck is not None:
            self._state = PlayState.PLAYING

    def _pause(self) -> None:
        if self._state is PlayState.PLAYING:
            self._state = PlayState.PAUSED

    def _stop(self) -> None:
        deck = self._next_deck if self._changes_deck else self._deck
        if deck is not None:
            self._state, self._rewind_to = PlayState.STOPPED, deck.start

    def _set_loop(self, deck: _Deck, loop: Region | None) -> None:
        deck.reader.loop = loop

    def _seek(self, deck: _Deck, position: int) -> None:
        if self._is_falling() or deck is not self._deck:
            self._rewind_to = position
            if self._state is PlayState.STOPPED:
                self._state = PlayState.PAUSED
        else:
            deck.reader.jump(position)
