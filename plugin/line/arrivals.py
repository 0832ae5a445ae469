"""Which packets came: what a report tells the sender, as RTP's receivers count it (RFC 3550, section 6.4.1 and A.3)."""

from __future__ import annotations

from collections import deque

from lamina.plugin.line.packet import Packet

REMEMBERED = 4096
"""Packets of which it is known whether they came: others count as new."""


class Arrivals:
    """Counts of one stream's packets.

    Args:
        frame_seconds: how long a frame lasts.
    """

    def __init__(self, frame_seconds: float) -> None:
        self._frame_seconds = frame_seconds
        self._first: int | None = None
        self.highest = -1
        """Number of the newest packet, counted on beyond 65535."""
        self.received = self.duplicates = 0
        self.jitter_ms = 0.0
        self.newest_time = 0
        """Media time of the newest packet."""
        self._newest_at: float | None = None
        self._transit: float | None = None
        self._known: set[int] = set()
        self._order: deque[int] = deque()
        self._gaps: deque[int] = deque(maxlen=64)
        self._reported = 0, 0

    @property
    def lost(self) -> int:
        """Packets that didn't come, or not yet."""
        return max(0, self._expected - self.received)

    @property
    def _expected(self) -> int:
        return 0 if self._first is None else self.highest - self._first + 1

    def note(self, packet: Packet, now: float | None) -> bool:
        """A packet came; returns False if it had come before."""
        if self._first is None:
            self._first = number = packet.sequence
        else:
            # The number nearest to the newest one that ends in these 16 bits.
            number = self.highest + (packet.sequence - self.highest + 0x8000) % 0x10000 - 0x8000
        if number in self._known:
            self.duplicates += 1
            return False
        self._known.add(number)
        self._order.append(number)
        if len(self._order) > REMEMBERED:
            self._known.discard(self._order.popleft())
        self._first = min(self._first, number)
        self.received += 1
        if number > self.highest:
            if self.highest >= 0 and number > self.highest + 1:
                self._gaps.append(number - self.highest - 1)
            self.highest, self.newest_time, self._newest_at = number, packet.time, now
        if now is not None:
            transit = now - packet.time * self._frame_seconds
            if self._transit is not None:
                self.jitter_ms += (1000 * abs(transit - self._transit) - self.jitter_ms) / 16
            self._transit = transit
        return True

    def since_report(self) -> tuple[float, float]:
        """The share of packets since the last report that didn't come, and the mean length of their gaps."""
        expected, received = self._expected - self._reported[0], self.received - self._reported[1]
        self._reported = self._expected, self.received
        loss = min(max((expected - received) / expected, 0.0), 1.0) if expected > 0 else 0.0
        burst = sum(self._gaps) / len(self._gaps) if self._gaps else 0.0
        return loss, burst

    def held_ms(self, now: float | None) -> float:
        """How long ago the newest packet came; 0 where clocks weren't told."""
        return 0.0 if now is None or self._newest_at is None else max(0.0, 1000 * (now - self._newest_at))
