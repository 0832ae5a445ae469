"""What the processing thread hands to the device, so that coming late is a fade and not a click.

The device's callback reads on whatever happens. So the ring always holds more than was computed: behind the last
computed sample lies a short tail that dies away, and behind it silence. A block that comes in time overwrites the tail
in place, ahead of the reader; one that comes late finds that the tail was played, and fades in further on. Every
sample keeps its place in time; what was left out is reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.host.device.rings import SampleRing

FADE_SAMPLES = 256


@dataclass(frozen=True)
class LateStretch:
    """A stretch of the output that was not there in time: it fades out at its start and in after its end.

    position: its first sample in the output, counted from the stream's beginning.
    n_samples: its length.
    n_lost: samples of the sound that were left out; the others were played later (the margin grew).
    """

    position: int
    n_samples: int
    n_lost: int


class Playout:
    """The writer's side of the ring that the device plays.

    Args:
        ring: empty, all zeros; Playout is its only writer.
        delay_samples: silence before the first block. Sample k of the sound is the output's sample k + delay.
        period: samples that the device takes at a time, at most.
    """

    def __init__(self, ring: SampleRing, delay_samples: int, period: int) -> None:
        self._ring, self._period = ring, period
        self._reserve = ring.capacity // 2
        self.delay_samples = delay_samples
        self._end = delay_samples  # output position of the next block
        self._published = self._end + self._reserve
        self._n_risen = FADE_SAMPLES  # how far a fade-in has come
        self._dying: FloatArray | None = None  # what fades out under it; None if that lies in the ring
        self._to_grow = self._to_shrink = 0
        self._fade_in = np.sin(np.linspace(0, np.pi / 2, FADE_SAMPLES, endpoint=False, dtype=np.float32)[:, None]) ** 2
        ring.advance_written(self._published)

    @property
    def end(self) -> int:
        """Output position after the last computed sample."""
        return self._end

    @property
    def slack_samples(self) -> int:
        """Computed samples that the device has not taken yet; negative when it is ahead."""
        return self._end - self._ring.n_read

    @property
    def has_run_dry(self) -> bool:
        """Whether the device has read even all the silence: the process stood still for seconds."""
        return self._ring.n_read >= self._published

    def grow(self, n_samples: int) -> None:
        """Delay the output by so much more, at the next late block."""
        self._to_grow = n_samples

    def shrink(self, n_samples: int) -> None:
        """Delay the output by so much less, cross-faded, as soon as that can be done in time."""
        self._to_shrink = n_samples

    def write(self, block: FloatArray) -> LateStretch | None:
        """Add the next block `[n, n_channels]`; returns what the device had to play instead if it came late."""
        late = None
        if self._ring.n_read > self._end:
            block, late = self._resume(block)
        elif self._to_shrink:
            self._shorten()
        start = self._end
        if len(block):
            self._put(block)
        self._publish()
        if late is None and self._ring.n_read > start:
            # The device came by while this was being written: nobody knows which of the two it took.
            late = LateStretch(start, self._ring.n_read - start, self._ring.n_read - start)
        return late

    def _resume(self, block: FloatArray) -> tuple[FloatArray, LateStretch]:
        """Finds a place ahead of the reader.

        What belongs before it is lost, as far as a growing margin doesn't save it.
        """
        missed, n_grown = self._end, self._to_grow
        n_lost = min(len(block), max(0, self._ring.n_read + self._period - missed - n_grown))
        self.delay_samples += n_grown
        self._to_grow = 0
        # Nothing is written there: the tail and the silence after it are in place already.
        self._end = missed + n_grown + n_lost
        self._n_risen, self._dying = 0, None
        return block[n_lost:], LateStretch(missed, n_grown + n_lost, n_lost)

    def _shorten(self) -> None:
        start = self._end - self._to_shrink
        if start < self._ring.n_read + self._period:
            return
        self._dying = self._ring.load(start, FADE_SAMPLES) * self._fade_in[::-1]
        self._ring.clear(start, self._to_shrink + FADE_SAMPLES)
        self.delay_samples -= self._to_shrink
        self._end, self._n_risen, self._to_shrink = start, 0, 0

    def _put(self, block: FloatArray) -> None:
        n_rising = min(len(block), FADE_SAMPLES - self._n_risen)
        if n_rising:
            if self._dying is None:
                # What still dies away there goes on under the new sound.
                self._dying = self._ring.load(self._end, FADE_SAMPLES)
            stretch = slice(self._n_risen, self._n_risen + n_rising)
            self._ring.store(self._end, block[:n_rising] * self._fade_in[stretch] + self._dying[stretch])
            self._n_risen += n_rising
        self._ring.store(self._end + n_rising, block[n_rising:])
        self._end += len(block)
        # The last samples, backwards and dying away: that goes on without a step and sounds like what was there.
        n_tail = min(FADE_SAMPLES, self._end)
        self._ring.store(self._end, self._ring.load(self._end - n_tail, n_tail)[::-1] * self._fade_in[:n_tail][::-1])

    def _publish(self) -> None:
        n_new = self._end + self._reserve - self._published
        if n_new > 0:
            self._ring.clear(self._published, n_new)
            self._ring.advance_written(n_new)
            self._published += n_new
