"""A network in virtual time: the real sender and receiver, and between them what links do to packets.

An hour takes as long as what is computed in it, and the same seed gives the same hour.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.plugin.line.packet import Report, unpack
from lamina.plugin.line.receiver import LineReceiver
from lamina.plugin.line.sender import NETWORK_BYTES, LineSender


@dataclass(frozen=True)
class Link:
    """What a link does to packets.

    Args:
        loss: share of the packets that get lost, 0 … 1.
        burst: mean number of packets that get lost one after the other (Gilbert's model); 1 loses each by itself.
        delay_ms: that every packet has.
        jitter_ms: up to so much later each packet comes, evenly; packets stay in their order.
        reorder: share of the packets that are overtaken by others.
        reorder_ms: by how much those come later.
        duplicate: share of the packets that come twice.
        bandwidth: kilobits per second that get through, with what networks put around packets; None for any number.
        queue_ms: packets that would wait longer than that for the bandwidth are lost.
        cuts: (from, to) in seconds: nothing sent meanwhile comes.
        seed: of all that is drawn.

    Raises ValueError for values out of range.
    """

    loss: float = 0.0
    burst: float = 1.0
    delay_ms: float = 20.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    reorder_ms: float = 30.0
    duplicate: float = 0.0
    bandwidth: float | None = None
    queue_ms: float = 250.0
    cuts: Sequence[tuple[float, float]] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("loss", "reorder", "duplicate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 1.")
        for name in ("delay_ms", "jitter_ms", "reorder_ms", "queue_ms"):
            if not 0 <= getattr(self, name) <= 60_000:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 60000.")
        if not self.burst >= 1:
            raise ValueError(f"burst is {self.burst}; it must be 1 or more.")
        if self.bandwidth is not None and not self.bandwidth > 0:
            raise ValueError(f"bandwidth is {self.bandwidth}; it must be more than 0, or None.")


class LinkAtWork:
    """A link with its state: what is on its way.

    Args:
        link: what it does.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._random = np.random.default_rng(link.seed)
        self._is_losing = False
        self._free_at = self._last = 0.0
        self._on_the_way: list[tuple[float, int, bytes]] = []
        self._n = 0

    def send(self, data: bytes, now: float) -> None:
        """A message leaves at this time, in seconds."""
        link, drawn = self._link, self._random.random(6)
        if self._loses(drawn[0]) or any(start <= now < stop for start, stop in link.cuts):
            return
        leaves = now
        if link.bandwidth is not None:
            leaves = max(now, self._free_at)
            if leaves - now > link.queue_ms / 1000:
                return
            leaves += 8 * (len(data) + NETWORK_BYTES) / (1000 * link.bandwidth)
            self._free_at = leaves
        arrives = leaves + (link.delay_ms + link.jitter_ms * drawn[1]) / 1000
        if drawn[2] < link.reorder:
            arrives += link.reorder_ms * (0.5 + drawn[3] / 2) / 1000
        else:
            self._last = arrives = max(arrives, self._last)
        self._put(arrives, data)
        if drawn[4] < link.duplicate:
            self._put(arrives + 0.05 * drawn[5], data)

    @property
    def next_at(self) -> float | None:
        """When the next message arrives; None while nothing is on its way."""
        return self._on_the_way[0][0] if self._on_the_way else None

    def arrived(self, now: float) -> list[tuple[float, bytes]]:
        """What came until now, and when."""
        came = []
        while self._on_the_way and self._on_the_way[0][0] <= now:
            at, _, data = heapq.heappop(self._on_the_way)
            came.append((at, data))
        return came

    def _put(self, at: float, data: bytes) -> None:
        self._n += 1
        heapq.heappush(self._on_the_way, (at, self._n, data))

    def _loses(self, drawn: float) -> bool:
        link = self._link
        if link.loss <= 0:
            return False
        if link.burst <= 1 or link.loss >= 1:
            return drawn < link.loss
        leave = 1 / link.burst
        enter = min(1.0, leave * link.loss / (1 - link.loss))
        self._is_losing = drawn >= leave if self._is_losing else drawn < enter
        return self._is_losing


@dataclass
class Simulated:
    """What came of a simulation.

    Args:
        heard: what was played, `[channels, samples]`; empty where `listen` took it.
        buffer_ms: how deep the buffer was at each report.
        reports: what the receiver told; both are empty where `tell` took the reports.
        n_bytes, n_packets: that were sent.
    """

    heard: FloatArray
    buffer_ms: list[float] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    n_bytes: int = 0
    n_packets: int = 0


def simulate(
    sender: LineSender,
    receiver: LineReceiver,
    link: Link,
    seconds: float,
    clock_ppm: float = 0.0,
    *,
    sound: FloatArray | Callable[[int, int], FloatArray],
    block: int = 480,
    sink_block: int | None = None,
    report_seconds: float = 0.25,
    listen: Callable[[FloatArray], None] | None = None,
    tell: Callable[[Report], None] | None = None,
    control: Callable[[float], None] | None = None,
) -> Simulated:
    """A sender and a receiver with a link between them, for so many seconds of the sink's clock.

    Args:
        sender, receiver: new ones.
        link: what lies between them; reports travel back with its delay.
        seconds: of virtual time.
        clock_ppm: by how many millionths the sender's device is faster than the sink.
        sound: what is sent, `[channels, n]`, and silence behind it; or what gives `n` samples from `start` on.
        block, sink_block: samples that sender and sink take at a time.
        report_seconds: between two reports; 0 sends none.
        listen: takes what is played, which is not kept then.
        tell: takes what the receiver reports, which is not kept then.
        control: called before each block that is sent, with the time.
    """
    at_work, result = LinkAtWork(link), Simulated(np.zeros((receiver.hello.n_channels, 0), np.float32))
    pulls = block if sink_block is None else sink_block
    rate_in, rate_out = sender.sample_rate * (1 + clock_ppm / 1e6), receiver.sample_rate
    source = sound if callable(sound) else _source(sound)
    heard: list[FloatArray] = []
    back: list[tuple[float, bytes]] = []
    n_sent = n_heard = 0
    next_report = report_seconds or float("inf")
    while (now := n_heard / rate_out) < seconds:
        while (sends := (n_sent + block) / rate_in) <= now:
            while back and back[0][0] <= sends:
                at, data = back.pop(0)
                sender.on_report(cast(Report, unpack(data)), at)
            if control is not None:
                control(sends)
            for message in sender.push(source(n_sent, block), sends):
                result.n_bytes, result.n_packets = result.n_bytes + len(message), result.n_packets + 1
                at_work.send(message, sends)
            n_sent += block
        for at, message in at_work.arrived(now):
            receiver.receive(message, at)
        if now >= next_report:
            next_report += report_seconds
            report = receiver.report(now)
            if tell is None:
                result.reports.append(report)
                result.buffer_ms.append(report.buffer_ms)
            else:
                tell(report)
            back.append((now + link.delay_ms / 1000, report.pack()))
        played = receiver.pull(pulls, now)
        n_heard += pulls
        if listen is None:
            heard.append(played)
        else:
            listen(played)
    if heard:
        result.heard = np.concatenate(heard, 1)
    return result


def _source(sound: FloatArray) -> Callable[[int, int], FloatArray]:
    def part(start: int, n_samples: int) -> FloatArray:
        found = sound[:, start : start + n_samples]
        return np.pad(found, ((0, 0), (0, n_samples - found.shape[1])))

    return part
