"""The receiving end of a line: packets in, sound out, at the pace of whoever plays it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from threading import RLock

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.bridge import FromFrames
from lamina.plugin.call.arrays import check_sample_rate
from lamina.plugin.codes_file.codes import Codes
from lamina.plugin.line.arrivals import Arrivals
from lamina.plugin.line.codec_ends import CodecDecoder, LineDecoder, as_codes
from lamina.plugin.line.drift import DriftControl, Varispeed
from lamina.plugin.line.jitter_buffer import Came, JitterBuffer, Slot
from lamina.plugin.line.pace import SinkPace
from lamina.plugin.line.packet import Bye, Hello, LineFrame, Packet, Report, unpack
from lamina.plugin.line.shortening import shortened
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.parameters.settings import Settings

SHORTEN_FROM_MS, SHORTEN_TO_MS = 6.0, 2.5
"""A buffer deeper than it need be by the one gets less deep, until it is so by no more than the other."""
SHORTEN_EVERY_SECONDS, FORCED_SECONDS = 0.2, 4.0
"""So often something is taken out at most; after so long without a good place the best one has to do."""
DEEPEN_MS = 10.0
"""A buffer that is too shallow by so much gets deeper at once."""
ARRIVED_MS = 2.6
"""So near to what is wanted a buffer has arrived: what it is off from then on comes of the clocks."""
MOST_BUFFER_MS = 500.0
PAUSE_SECONDS = 0.5
"""Who takes nothing for so much longer than a block lasts has paused."""
HOP_SECONDS = 0.6
"""Who didn't play for a while doesn't hear all that came meanwhile."""


@dataclass(frozen=True)
class LineCounts:
    """What a receiver counted.

    Args:
        packets: of sound that came, each once.
        duplicates: that came again.
        refused: messages that were none, or of another stream.
        lost: packets that didn't come, or not yet.
        played: frames.
        concealed: frames that were missing when they should have been played.
        late: frames that came after that.
        shortened: times that something was taken out of the sound.
        delayed: frames by which the buffer got deeper while playing.
    """

    packets: int
    duplicates: int
    refused: int
    lost: int
    played: int
    concealed: int
    late: int
    shortened: int
    delayed: int


class LineReceiver:
    """One stream of packets on its way into sound. `receive` and `pull` may be called from different threads.

    Args:
        codec: the receiver's: the sender's model, with denoise, postfilter, gain and desk of its own. The first three
            may be changed at any time, the desk if it did anything when the first frame was heard.
        hello: what the sender said of its stream.
        sample_rate: of whoever plays the sound, Hz.
        buffer_ms: how much later than the quickest packets frames are played; None lets the jitter decide.
        most_buffer_ms: the most that may become.
        correct_drift: whether differing clocks are corrected.
        decoder: what makes the sound; the codec's own unless a test has a cheaper one.

    Raises ValueError if the codec's model is not the sender's, and ValueError or TypeError for values out of range.
    """

    def __init__(
        self,
        codec: NeuralCodec,
        hello: Hello,
        sample_rate: float,
        *,
        buffer_ms: float | None = None,
        most_buffer_ms: float = MOST_BUFFER_MS,
        correct_drift: bool = True,
        decoder: LineDecoder | None = None,
    ) -> None:
        rate = check_sample_rate(sample_rate)
        check_buffer_ms(buffer_ms, most_buffer_ms)
        if not 20 <= most_buffer_ms <= 5000:
            raise ValueError(f"most_buffer_ms is {most_buffer_ms}; it must be from 20 to 5000.")
        self.codec, self.hello, self.sample_rate = codec, hello, rate
        self.correct_drift = correct_drift
        self.on_codes: Callable[[Codes], None] | None = None
        """Called, on the thread that pulls, with the codes of all that is played until the stream is over, lost frames
        with none: decoded at the model's rate they give what is heard, but for what corrects time
        (`CodesWriter.write` fits here)."""
        self.on_sound: Callable[[FloatArray], None] | None = None
        """Called, on the thread that pulls, with all that `pull` returns."""
        self._format = hello.format
        self._decoder: LineDecoder = CodecDecoder(codec, hello) if decoder is None else decoder
        self._core_rate, self._frame = hello.sample_rate, hello.frame
        self._buffer = JitterBuffer(self._frame, self._core_rate, buffer_ms, most_buffer_ms)
        self._arrivals = Arrivals(self._frame / self._core_rate)
        self._from = FromFrames(hello.n_channels, self._core_rate, rate, 0)
        self._drift, self._varispeed = DriftControl(self._core_rate), Varispeed(hello.n_channels)
        self._core_per_sample = self._core_rate / rate
        self._pulled = self._n_core = self._came_until = 0
        self._pulled_at: float | None = None
        self._pace = SinkPace(rate)
        self._block = 0
        self._is_started = self._is_shortening = self.is_ended = False
        self._since_shortened = self._sought = 0.0
        self._n_refused = self._n_played = self._n_concealed = self._n_shortened = self._n_delayed = 0
        self._reported = 0, 0
        self._lock = RLock()

    @property
    def counts(self) -> LineCounts:
        """What was counted so far."""
        arrivals = self._arrivals
        return LineCounts(
            arrivals.received,
            arrivals.duplicates,
            self._n_refused,
            arrivals.lost,
            self._n_played,
            self._n_concealed,
            self._buffer.n_late,
            self._n_shortened,
            self._n_delayed,
        )

    @property
    def drift_ppm(self) -> float:
        """By how many millionths the sender's clock is faster than the sink's, as far as it is known."""
        return self._drift.ppm

    @property
    def buffer_ms(self) -> float:
        """How long frames wait before they are heard, beyond the quickest packets' delay."""
        with self._lock:
            return self._depth_ms()

    @property
    def is_over(self) -> bool:
        """Whether the stream has ended and all of it that came was played."""
        return self.is_ended and self._buffer.n_waiting == 0

    @property
    def n_past(self) -> int:
        """Samples at the end of all that was pulled that stand behind the last frame that came: concealment.

        Those between frames that came don't count, nor does silence before the first, or that is sent sparsely while
        the stream lasts.
        """
        return max(0, self._pulled - self._came_until) if self._came_until else 0

    def use_buffer(self, buffer_ms: float | None) -> None:
        """Play frames so much later than the quickest packets from now on; None lets the jitter decide.

        Raises ValueError for a value out of range.
        """
        check_buffer_ms(buffer_ms, self._buffer.most_ms)
        with self._lock:
            self._buffer.use(buffer_ms)

    def takes(self, settings: Settings) -> bool:
        """Whether the codec's settings may become these while the stream is heard."""
        return not isinstance(self._decoder, CodecDecoder) or self._decoder.takes(settings)

    def receive(self, data: bytes, now: float | None = None) -> bool:
        """Take a message as it came from the network; returns whether it brought sound that wasn't known.

        What is no message, or one of another stream, is counted and changes nothing else.

        Args:
            data: one message.
            now: seconds of this end's clock: as `pull` is told.
        """
        with self._lock:
            try:
                message = unpack(data, self._format)
                if isinstance(message, Packet):
                    for _, frame, _ in message.numbered():
                        self._decoder.check(frame)
            except ValueError:
                self._n_refused += 1
                return False
            if not isinstance(message, Packet | Bye) or message.stream != self.hello.stream:
                self._n_refused += 1
                return False
            if isinstance(message, Bye):
                self.is_ended = True
                return False
            if not self._arrivals.note(message, now):
                return False
            return self._buffer.put(message, self._arrived_at(now))

    def pull(self, n_samples: int, now: float | None = None) -> FloatArray:
        """The next samples, float32 `[channels, n_samples]`, never above full scale; silence before the first packet.

        Args:
            n_samples: as many as the sink takes.
            now: seconds of this end's clock; packets' delays are known more finely with it.
        """
        if isinstance(n_samples, bool) or not isinstance(n_samples, int | np.integer) or n_samples < 0:
            raise ValueError(f"n_samples is {n_samples!r}; give a whole number from 0.")
        with self._lock:
            if now is not None and self._pulled_at is not None and self._buffer.next is not None:
                paused = now - self._pulled_at - self._block / self.sample_rate
                if paused > PAUSE_SECONDS:
                    self._buffer.forget_delays(self._pulled * self._core_per_sample)
                    self._pace.clear()
            if now is not None:
                self._pace.note(now, self._pulled)
            self._block, self._pulled_at = n_samples, now
            self._buffer.note_block(n_samples * self._core_per_sample)
            while self._from.n_ready < n_samples:
                self._make(n_samples)
            self._pulled += n_samples
            sound: FloatArray = np.clip(self._from.take(n_samples), -1.0, 1.0)
            if self.on_sound is not None:
                self.on_sound(sound)
            return sound

    def report(self, now: float | None = None) -> Report:
        """What the sender is to know of what came since the last report."""
        with self._lock:
            arrivals = self._arrivals
            played, concealed = self._n_played - self._reported[0], self._n_concealed - self._reported[1]
            self._reported = self._n_played, self._n_concealed
            loss, burst = arrivals.since_report()
            return Report(
                self.hello.stream,
                max(0, arrivals.highest),
                arrivals.received,
                loss,
                concealed / played if played else 0.0,
                burst,
                arrivals.jitter_ms,
                self._depth_ms(),
                self._buffer.queue_ms(),
                arrivals.newest_time,
                arrivals.held_ms(now),
                self._n_concealed,
                self._n_played,
            )

    def _depth_ms(self) -> float:
        if not self._is_started:
            return 0.0
        return 1000 * self._buffer.depth(self._output) / self._core_rate

    @property
    def _output(self) -> float:
        """Where the sink will be when what is made next is heard, in samples of the model's rate."""
        return (self._pulled + self._from.n_ready) * self._core_per_sample

    def _arrived_at(self, now: float | None) -> float:
        """Where the sink stands, in samples of the model's rate."""
        if now is not None and self._pulled_at is not None:
            now = min(now, self._pulled_at + self._block / self.sample_rate + PAUSE_SECONDS)
        stands = self._pulled - self._block if now is None else self._pace.stands_at(now)
        return (self._pulled if stands is None else stands) * self._core_per_sample

    def _make(self, n_samples: int) -> None:
        """Make some sound ready."""
        buffer = self._buffer
        if buffer.is_restarted:
            buffer.is_restarted = self._is_started = False
        if buffer.next is None:
            missing = (n_samples - self._from.n_ready) * self._core_per_sample
            self._play(np.zeros((self.hello.n_channels, int(missing) + 1), np.float32), 1.0)
            return
        if not self._is_started:
            self._is_started = True
            n_silent = buffer.start(self._output)
            if n_silent:
                self._play(np.zeros((self.hello.n_channels, n_silent), np.float32), 1.0)
                return
        error = buffer.excess(self._output)
        is_over = self.is_over
        slots, error = self._slots(error)
        y = self._decoded(slots, is_over)
        self._since_shortened += len(slots) * self._frame / self._core_rate
        if len(slots) > 1:
            y = self._less_of(y, error)
        if abs(error) < ARRIVED_MS * self._core_rate / 1000:
            buffer.is_moving = False
        n_samples, learn = self._frame * len(slots), not buffer.is_moving
        self._play(y, self._drift.ratio(error, n_samples, learn) if self.correct_drift else 1.0)
        if slots[-1].came is not Came.LOST and not is_over:
            self._came_until = ceil(self._n_core / self._core_per_sample)

    def _slots(self, error: float) -> tuple[list[Slot], float]:
        """What is played next: a frame, two of which something may be taken out, or one that stands for none."""
        buffer, per_ms = self._buffer, self._core_rate / 1000
        if error > HOP_SECONDS * self._core_rate:
            buffer.hop(int(error // self._frame))
            error %= self._frame
        if error < -DEEPEN_MS * per_ms:
            self._n_delayed += 1
            return [buffer.wait()], error
        self._is_shortening = error > (SHORTEN_TO_MS if self._is_shortening else SHORTEN_FROM_MS) * per_ms
        if self._is_shortening and self._since_shortened >= SHORTEN_EVERY_SECONDS and buffer.has(2):
            return [buffer.take(), buffer.take()], error
        return [buffer.take()], error

    def _less_of(self, y: FloatArray, error: float) -> FloatArray:
        shorter, n_out = shortened(y, int(error), self._core_rate, self._sought >= FORCED_SECONDS)
        if n_out:
            self._n_shortened += 1
            self._sought = 0.0
        else:
            self._sought += self._since_shortened
        self._since_shortened = 0.0
        return shorter

    def _decoded(self, slots: list[Slot], is_over: bool) -> FloatArray:
        frames: list[LineFrame | None] = [slot.frame for slot in slots]
        self._n_played += len(slots)
        self._n_concealed += sum(slot.came is Came.LOST for slot in slots)
        y = self._decoder.push(frames)
        if self.on_codes is not None and not is_over:
            self.on_codes(as_codes(self.hello, frames))
        return y

    def _play(self, y: FloatArray, ratio: float) -> None:
        played = self._varispeed.push(y, ratio)
        self._n_core += played.shape[1]
        self._from.push(played)


def check_buffer_ms(buffer_ms: float | None, most_ms: float = MOST_BUFFER_MS) -> None:
    """Raises ValueError for a jitter buffer that is out of range."""
    if buffer_ms is not None and not 0 <= buffer_ms <= most_ms:
        raise ValueError(f"buffer_ms is {buffer_ms}; it must be from 0 to {most_ms:g}, or None.")
