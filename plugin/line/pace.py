"""Where a sink stands at any moment: it takes blocks, sometimes late, and then several of them at once."""

from __future__ import annotations

from collections import deque

MEMORY_SECONDS = 1.0
"""A sink that stood still catches up within it, or goes on later than it did."""


class SinkPace:
    """The clock of a sink, told by when it takes its blocks.

    A busy machine lets a sink stand still for a moment; it then takes what was due all at once. What came meanwhile was
    no earlier for that: a sink is where its most punctual moments of the last second say.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._ahead: deque[tuple[float, float]] = deque()
        """(when, samples taken less those that the time alone would have brought), the furthest ahead first."""

    def note(self, now: float, n_taken: int) -> None:
        """The sink takes the next block now, having taken so many samples before it."""
        ahead = n_taken - now * self._rate
        while self._ahead and self._ahead[-1][1] <= ahead:
            self._ahead.pop()
        self._ahead.append((now, ahead))
        while now - self._ahead[0][0] > MEMORY_SECONDS:
            self._ahead.popleft()

    def stands_at(self, now: float) -> float | None:
        """Samples that the sink has played by then; None before it took any."""
        return self._ahead[0][1] + now * self._rate if self._ahead else None

    def clear(self) -> None:
        """The sink has paused, and goes on from where it is."""
        self._ahead.clear()
