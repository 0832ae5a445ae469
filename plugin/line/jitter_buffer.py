"""The jitter buffer: frames wait here until their time has come, in their order, each once.

All positions are told in samples of the model's rate as the sink counts them: what plays is the only clock. A frame's
delay is where the sink stood when it came, less the frame's own position in its stream. Where frames are played, so
much later than their own positions, is the buffer's `offset`; it has to be at least as large as the delays are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from lamina.plugin.line.delays import DelayHistory
from lamina.plugin.line.packet import LineFrame, Packet

ON_TIME_SHARE = 0.99
"""Of the last seconds' frames come early enough for an adaptive buffer."""
START_MS = 30.0
"""Beyond the first packet's delay, until it is known how much delays change."""
LEARNT_FRAMES = 50
MARGIN_MS = 4.0
"""Beyond what is needed, so that clocks may be a little off before that is corrected."""
MOST_AHEAD_SECONDS = 10.0
"""Frames further in the future are none of this moment."""
RESTART_PACKETS = 8
"""So many such packets, one after the other: the stream went on elsewhere."""
CUT_SECONDS, MOST_OLD_FRAMES = 1.0, 32
"""Where nothing came for so long, what comes too late then waited for the link: so many frames of it are left out and
not taken for a link that is slower now."""
UPDATE_FRAMES = 8
STAY_MS, STAY_SECONDS = 4.0, 3.0
"""A buffer gets less deep only by more than the one, and only if that was so for the other."""


class Came(Enum):
    """What a slot plays."""

    FRAME = "frame"
    SILENCE = "silence"
    LOST = "lost"


@dataclass(frozen=True)
class Slot:
    """What is to be played next.

    Args:
        number: of the frame.
        frame: its codes, or None where it has to be concealed.
        came: whether it came, is known to be the silence before it, or is missing.
    """

    number: int
    frame: LineFrame | None
    came: Came


class JitterBuffer:
    """Frames of one stream on their way to a decoder.

    Args:
        frame: samples of a frame.
        sample_rate: of the model, Hz.
        fixed_ms: how much later than the quickest packets frames are played; None for as much as is needed.
        most_ms: how much that may become.
    """

    def __init__(self, frame: int, sample_rate: int, fixed_ms: float | None = None, most_ms: float = 500.0) -> None:
        self._frame, self._rate = frame, sample_rate
        self.fixed_ms, self.most_ms = fixed_ms, most_ms
        self._frames: dict[int, tuple[LineFrame, bool]] = {}
        self._most_ahead = round(MOST_AHEAD_SECONDS * sample_rate / frame)
        self._history = DelayHistory(sample_rate)
        self._next: int | None = None
        self._last_real = -1
        """The newest frame that was played as it came."""
        self._silences: dict[int, None] = {}
        self._going_on: LineFrame | None = None
        self._newest = -1
        self._n_far = self._n_old = 0
        self._cut_frames = round(CUT_SECONDS * sample_rate / frame)
        self._block = 0.0
        self._needed: float | None = None
        self._quickest: float | None = None
        self._n_since_update = 0
        self._position = self._chance = 0.0
        self._takes_chance = True
        self._spread = self._below = self._below_since = 0.0
        self.is_moving = False
        """Whether an adaptive buffer is on its way to another depth; set here, cleared by its owner on arrival."""
        self.is_restarted = False
        """Whether the stream went on elsewhere; set here, cleared by who starts it anew."""
        self.n_late = 0
        """Frames that came after they had been concealed."""

    @property
    def next(self) -> int | None:
        """The frame that is played next; None before the first packet."""
        return self._next

    @property
    def n_waiting(self) -> int:
        """Frames that wait."""
        return len(self._frames)

    def use(self, fixed_ms: float | None) -> None:
        """Play frames so much later than the quickest packets from now on, or as much as is needed."""
        if fixed_ms == self.fixed_ms:
            return
        self.fixed_ms, self._needed, self._chance, self._takes_chance = fixed_ms, None, 0.0, False
        self._spread = self._below = 0.0
        self.is_moving = True

    def put(self, packet: Packet, position: float) -> bool:
        """Take a packet that came when the sink stood at `position`; returns whether it was of any use."""
        numbered = packet.numbered()
        if self._next is None:
            self._next = packet.time
        newest = numbered[len(packet.frames) - 1][0]
        if newest - self._next > self._most_ahead or self._next - newest > self._most_ahead:
            self._n_far += 1
            if self._n_far < RESTART_PACKETS:
                return False
            self._restart(packet.time)
        self._n_far = 0
        self._position = max(self._position, position)
        is_useful = False
        for number, frame, is_new in numbered:
            is_useful |= self._take_in(number, frame, is_new, position)
        if packet.silence:
            self._silences[newest] = None
            while len(self._silences) > LEARNT_FRAMES:
                del self._silences[next(iter(self._silences))]
        return is_useful

    def excess(self, output: float) -> float:
        """Samples by which frames are played later than they should be; below 0 where it should be later."""
        error = self.offset(output) - self._wanted()
        if self.fixed_ms is None:
            return error
        # How much a fixed buffer begins too deep is the chance of the first packet's delay, and stays.
        if self._takes_chance and len(self._history) < LEARNT_FRAMES:
            self._chance = error
        return error - self._chance

    def _wanted(self) -> float:
        """Samples by which frames should be played later than their own positions."""
        if self._needed is None or self._n_since_update >= UPDATE_FRAMES:
            self._update()
        assert self._needed is not None
        return self._needed + self._block + self._ms(MARGIN_MS)

    def start(self, output: float) -> int:
        """Samples of silence before the first frame, so that it is played when it should be."""
        assert self._next is not None
        return max(0, round(self._next * self._frame + self._wanted() - output))

    def offset(self, output: float) -> float:
        """Samples by which frames are played later than their own positions.

        `output` is where the sink will be when the next frame is heard.
        """
        assert self._next is not None
        return output - self._next * self._frame

    def depth(self, output: float) -> float:
        """Samples by which frames are played later than the quickest packets bring them."""
        return 0.0 if self._quickest is None else max(0.0, self.offset(output) - self._quickest)

    def note_block(self, n_samples: float) -> None:
        """The sink takes so many samples at a time."""
        self._block = max(n_samples, 0.999 * self._block)

    def take(self) -> Slot:
        """What is played next; time goes on by a frame."""
        assert self._next is not None
        number, self._next = self._next, self._next + 1
        found = self._frames.pop(number, None)
        if found is not None:
            self._last_real, self._n_old = number, 0
            self._going_on = found[0] if number in self._silences else None
            return Slot(number, found[0], Came.FRAME)
        if self._going_on is not None:
            return Slot(number, self._going_on, Came.SILENCE)
        return Slot(number, None, Came.LOST)

    def wait(self) -> Slot:
        """A concealed frame that stands for none: what follows is played later by a frame."""
        assert self._next is not None
        return Slot(self._next, self._going_on, Came.SILENCE if self._going_on is not None else Came.LOST)

    def has(self, n_frames: int) -> bool:
        """Whether the next so many frames are there."""
        return self._next is not None and all(self._next + index in self._frames for index in range(n_frames))

    def hop(self, n_frames: int) -> None:
        """Leave out so many frames; what delays were until now says nothing any more."""
        assert self._next is not None
        for number in range(self._next, self._next + n_frames):
            self._frames.pop(number, None)
        self._next += n_frames
        self.forget_delays()

    def forget_delays(self, position: float | None = None) -> None:
        """Of all delays only the newest frame's still says something: the sink didn't take anything for a while.

        `position` is where it stood meanwhile, if that is known better than packets told.
        """
        if position is not None:
            self._position = position
        delay = self._position - self._newest * self._frame
        self._history.clear()
        self._history.add(delay, self._position)
        self._quickest, self._needed, self._spread, self._below = delay, None, 0.0, 0.0

    def queue_ms(self) -> float:
        """By how much the newest frames come later than the quickest ones do."""
        delays = self._history.recent(self._position)
        if self._quickest is None or not len(delays):
            return 0.0
        return 1000 * float(np.median(delays) - self._quickest) / self._rate

    def _take_in(self, number: int, frame: LineFrame, is_new: bool, position: float) -> bool:
        assert self._next is not None
        known = self._frames.get(number)
        if known is not None:
            if is_new and not known[1]:
                self._frames[number] = frame, True
            return False
        if number <= self._last_real:
            return False
        is_late = number < self._next
        if is_late and self._next - self._last_real > self._cut_frames and self._n_old < MOST_OLD_FRAMES:
            self._n_old += 1
            return False
        self._measure(number, position)
        self._newest = max(self._newest, number)
        if is_late:
            self.n_late += is_new
            if not is_new or not self._may_wait(number):
                return False
            # What was concealed in its place stays; it is played now, and all that follows is later by as much.
            self._next = number
        self._frames[number] = frame, is_new
        return True

    def _may_wait(self, number: int) -> bool:
        """Whether an adaptive buffer may get so much deeper that this late frame is still played."""
        assert self._next is not None and self._quickest is not None
        if self.fixed_ms is not None:
            return False
        delay = self._position - number * self._frame
        return delay - self._quickest <= self._ms(self.most_ms)

    def _measure(self, number: int, position: float) -> None:
        delay = position - number * self._frame
        self._history.add(delay, position)
        # The clocks may differ: what was quickest long ago isn't any more.
        self._quickest = delay if self._quickest is None else min(delay, self._quickest + 0.001 * self._frame)
        self._n_since_update += 1
        if self._needed is not None and delay > self._needed and self.fixed_ms is None:
            self._n_since_update = UPDATE_FRAMES

    def _update(self) -> None:
        self._n_since_update = 0
        delays = self._history.recent(self._position)
        least = float(delays.min(initial=np.inf))
        if self.fixed_ms is not None:
            self._needed = least + self._ms(self.fixed_ms)
            return
        place = int(ON_TIME_SHARE * (len(delays) - 1))
        spread = float(np.partition(delays, place)[place]) - least
        if len(self._history) < LEARNT_FRAMES:
            spread = max(spread, self._ms(START_MS))
        spread = min(spread, self._ms(self.most_ms))
        # More is believed at once, less when it has been so for a while, and then the most that it was meanwhile.
        held = self._spread
        if spread >= held:
            self._spread, self._below = spread, 0.0
        elif held - spread < self._ms(STAY_MS):
            self._below = 0.0
        else:
            if not self._below:
                self._below_since = self._position
            self._below = max(self._below, spread, 1e-9)
            if self._position - self._below_since > STAY_SECONDS * self._rate:
                self._spread, self._below = self._below, 0.0
        self.is_moving |= self._spread != held
        self._needed = least + self._spread

    def _restart(self, number: int) -> None:
        self._frames.clear()
        self._silences.clear()
        self._history.clear()
        self._going_on = self._needed = self._quickest = None
        self._spread = self._below = 0.0
        self._next, self._last_real, self._newest = number, number - 1, number - 1
        self.is_restarted = True

    def _ms(self, milliseconds: float) -> float:
        return milliseconds * self._rate / 1000
