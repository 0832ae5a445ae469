"""The sending end of a line: sound in, packets out."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.call.arrays import check_channels, check_float_array, check_sample_rate
from lamina.plugin.line.adaptation import Adaptation, Redundancy
from lamina.plugin.line.codec_ends import CodecEncoder, LineEncoder, hello_of
from lamina.plugin.line.packet import (
    MOST_BYTES,
    MOST_FRAMES,
    MOST_LINE_CHANNELS,
    Bye,
    LineFrame,
    Packet,
    Report,
    pack,
    packed_bytes,
)
from lamina.plugin.line.quiet import QuietGate
from lamina.plugin.neural_codec import NeuralCodec

NETWORK_BYTES = 28 + 37 + 28
"""What travels around each message on the internet: IPv4 and UDP (28), DTLS 1.2 with AES-GCM (13 of head, 8 of nonce,
16 of tag), SCTP's head and that of its data chunk (28). SCTP also fills messages up to a multiple of four bytes."""
RATE_SECONDS = 1.0
"""Over so long the rates are told."""
KEPT_FRAMES = 64
SETTLED_FRAMES = 20
"""So many frames of silence, one after the other, and nothing more is sent of it but now and then: what was before has
left both ends' memories."""
SILENT_EVERY_FRAMES = 30
"""Of silence one packet is sent every so many frames."""
REMEMBERED_PACKETS = 1024
GUARDED_SHARE = 0.1
"""A guarded memory costs sound all the time, an unguarded one only after a frame that nothing brought: from such a
share of those frames on it is worth it."""


@dataclass(frozen=True)
class LineRates:
    """Kilobits per second that a sender really sent in the last second, told apart.

    Args:
        codes: of new frames' codes: what the codec's bitrate says.
        repeated: of earlier frames' codes, sent again.
        packets: of whole messages, with heads, counts and checksums.
        network: the same with what networks put around each (IPv4, UDP, DTLS, SCTP).
        packets_per_second: of messages.
    """

    codes: float
    repeated: float
    packets: float
    network: float
    packets_per_second: float


class LineSender:
    """One stream of sound on its way into packets.

    Args:
        codec: with the settings of the sound; they may be changed at any time but for `stereo` and `passes`.
        sample_rate: of the sound, Hz.
        n_channels: its channels, 1 … 8.
        name: who sends, for people at the other end.
        frames_per_packet: 1 … 4 at least: more cost delay and save heads.
        redundancy: what of earlier frames travels again; None lets the reports decide.
        adaptive: whether layers are shed and added, and packets get fewer, as reports say.
        least_layers: the fewest that are left then.
        sparse_silence: whether silence is sent sparsely: what is softer than −70 dBFS for half a second counts as
            silence.
        stream: the stream's number; drawn if None.
        encoder: what makes the frames; the codec's own unless a test has a cheaper one.

    Raises ValueError or TypeError for values out of range.
    """

    def __init__(
        self,
        codec: NeuralCodec,
        sample_rate: float,
        n_channels: int,
        *,
        name: str = "",
        frames_per_packet: int = 1,
        redundancy: Redundancy | None = None,
        adaptive: bool = True,
        least_layers: int = 3,
        sparse_silence: bool = False,
        stream: int | None = None,
        encoder: LineEncoder | None = None,
    ) -> None:
        rate, channels = check_sample_rate(sample_rate), check_channels(n_channels)
        if channels > MOST_LINE_CHANNELS:
            raise ValueError(f"n_channels is {channels}; a line carries 1 to {MOST_LINE_CHANNELS} channels.")
        check_frames_per_packet(frames_per_packet)
        self.codec, self.sample_rate, self.n_channels = codec, rate, channels
        number = secrets.randbelow(1 << 16) if stream is None else stream
        self.hello = hello_of(codec, channels, number, name)
        """What the other end must hear before the first packet."""
        self._format = self.hello.format
        self.frames_per_packet, self.redundancy = frames_per_packet, redundancy
        self.adaptive, self.sparse_silence = adaptive, sparse_silence
        lag_from = self.hello.lag_from
        self.adaptation = Adaptation(max(least_layers, lag_from, 1), lag_from)
        """What the reports said."""
        self.last_report: Report | None = None
        self.round_trip_ms: float | None = None
        """How long the way there and back takes, as the last report says; None before there was one."""
        self.on_sound: Callable[[FloatArray], None] | None = None
        """Called with all that is pushed, on the thread that does."""
        self._encoder: LineEncoder = CodecEncoder(codec, rate, channels) if encoder is None else encoder
        memory = codec.bundle.config.memory
        self._memory_layers = 0 if memory is None else memory.loop_layers
        self._gate = QuietGate(rate, channels)
        self._waiting: list[LineFrame] = []
        self._sent: deque[LineFrame] = deque(maxlen=KEPT_FRAMES)
        self._n_frames = self._n_packets = self._n_silent = 0
        self._unsent_silence = 0
        self._rates: deque[tuple[int, int, int, int]] = deque()
        self._sent_at: dict[int, float] = {}
        self._highest_report = -1
        self._now: float | None = None

    @property
    def n_frames(self) -> int:
        """Frames made so far: the stream's media time."""
        return self._n_frames + len(self._waiting)

    @property
    def layers(self) -> int:
        """Layers that new frames get at most: what is wished, less what the link doesn't carry."""
        wished = self.codec.settings.layers
        return self.adaptation.layers(wished) if self.adaptive else wished

    @property
    def _n_together(self) -> int:
        """Frames of a packet."""
        return max(self.frames_per_packet, self.adaptation.frames) if self.adaptive else self.frames_per_packet

    @property
    def repeats(self) -> Redundancy:
        """What of earlier frames travels again now."""
        return self.adaptation.redundancy(self.layers) if self.redundancy is None else self.redundancy

    @property
    def guards(self) -> bool:
        """Whether the encoder guards its memory now: where packets get lost, unless what travels again mends that."""
        repeats = self.repeats
        if not repeats.frames:
            return self.adaptation.loss > 0
        is_whole = repeats.layers >= min(self.layers, self._memory_layers)
        return not is_whole or self.adaptation.unmended > GUARDED_SHARE

    def push(self, samples: FloatArray, now: float | None = None) -> list[bytes]:
        """Take a block and return the packets that it completes, which may be none.

        Args:
            samples: float32 (or float64) `[channels, n]` of any n; NaN and infinity count as silence.
            now: seconds of this end's clock, for the round trip; it isn't known without.

        Raises TypeError or ValueError for another type or shape, before any state has changed.
        """
        block = check_float_array(samples).astype(np.float32, copy=False)
        if block.ndim != 2 or len(block) != self.n_channels:
            raise ValueError(f"The block has the shape {block.shape}; this line takes [{self.n_channels}, samples].")
        if not np.isfinite(block).all():
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        if self.on_sound is not None:
            self.on_sound(block)
        self._now = now
        block = self._gate.push(block, self.sparse_silence)
        return self._packets(self._encoder.push(block, self.layers, self.guards), False)

    def flush(self) -> list[bytes]:
        """The end: packets up to the last sample, and a goodbye. Nothing can be pushed after it."""
        return [*self._packets(self._encoder.flush(), True), Bye(self.hello.stream).pack()]

    def on_report(self, report: Report, now: float | None = None) -> None:
        """What the other end tells of what arrived; reports on other streams, and old ones, change nothing."""
        if report.stream != self.hello.stream or report.received < self._highest_report:
            return
        self._highest_report = report.received
        self.last_report = report
        sent_at = self._sent_at.get(report.echo_time)
        if now is not None and sent_at is not None:
            self.round_trip_ms = max(0.0, 1000 * (now - sent_at) - report.held_ms)
        self.adaptation.hear(report, self.codec.settings.layers)

    @property
    def rates(self) -> LineRates:
        """Kilobits per second of the last second, counted."""
        if not self._rates:
            return LineRates(0.0, 0.0, 0.0, 0.0, 0.0)
        first, last = self._rates[0][0], self.n_frames
        seconds = max(last - first, 1) / self.hello.frame_rate
        codes, repeated, n_bytes = (sum(entry[place] for entry in self._rates) for place in (1, 2, 3))
        n_packets = len(self._rates)
        return LineRates(
            codes / seconds / 1000,
            repeated / seconds / 1000,
            8 * n_bytes / seconds / 1000,
            8 * (n_bytes + NETWORK_BYTES * n_packets) / seconds / 1000,
            n_packets / seconds,
        )

    def _packets(self, frames: list[LineFrame], is_end: bool) -> list[bytes]:
        packets = []
        for frame in frames:
            self._n_silent = self._n_silent + 1 if self.sparse_silence and self._gate.is_closed else 0
            settled = self._n_silent > SETTLED_FRAMES and not self._waiting
            if settled:
                if self._unsent_silence % SILENT_EVERY_FRAMES == 0:
                    packets.append(self._packet([frame], silence=True))
                else:
                    self._sent.append(frame)
                    self._n_frames += 1
                self._unsent_silence += 1
                continue
            self._unsent_silence = 0
            self._waiting.append(frame)
            if len(self._waiting) >= self._n_together or (self.sparse_silence and self._gate.is_closed):
                packets.append(self._packet(self._waiting))
                self._waiting = []
        if is_end and self._waiting:
            packets.append(self._packet(self._waiting))
            self._waiting = []
        return packets

    def _packet(self, frames: list[LineFrame], silence: bool = False) -> bytes:
        again, distance = self._repeated(frames)
        packet = Packet(
            self.hello.stream, self._n_packets, self._n_frames, tuple(frames), tuple(again), distance, silence
        )
        data = pack(packet, self._format)
        new_bits, old_bits = (self._code_bits(part) for part in (frames, again))
        self._rates.append((self._n_frames, new_bits, old_bits, len(data)))
        while self._rates[0][0] < self._n_frames - RATE_SECONDS * self.hello.frame_rate:
            self._rates.popleft()
        if self._now is not None:
            self._sent_at[self._n_frames] = self._now
            if len(self._sent_at) > REMEMBERED_PACKETS:
                del self._sent_at[next(iter(self._sent_at))]
        self._sent.extend(frames)
        self._n_frames += len(frames)
        self._n_packets += 1
        return data

    def _repeated(self, frames: list[LineFrame]) -> tuple[list[LineFrame], int]:
        """What travels again with new frames, as far as it fits, and how far back it lies."""
        redundancy = self.repeats
        n_again, distance = redundancy.span(self._n_together)
        end = len(self._sent) - (distance - 1)
        n_again = max(0, min(n_again, end))
        if not n_again:
            return [], 1
        layers = max(redundancy.layers, self.hello.lag_from)
        again = [self._sent[index].thinned(layers) for index in range(end - n_again, end)]
        counts = [frame.counts for frame in (*frames, *again)]
        while again and packed_bytes(counts, self._format) > MOST_BYTES:
            again, counts = again[1:], [*counts[: len(frames)], *counts[len(frames) + 1 :]]
        return again, distance

    def _code_bits(self, frames: list[LineFrame]) -> int:
        widths = self._format.code_bits
        return sum(sum(widths[:count]) for frame in frames for count in frame.counts.tolist())


def check_frames_per_packet(frames: int) -> None:
    """Raises ValueError for a number of frames that no packet has."""
    if isinstance(frames, bool) or not isinstance(frames, int) or not 1 <= frames <= MOST_FRAMES:
        raise ValueError(f"frames_per_packet is {frames!r}; it must be from 1 to {MOST_FRAMES}.")
