"""A tempo from taps."""

from __future__ import annotations

SLOWEST_BEAT_SECONDS = 2.0
MOST_TAPS = 8


class TapTempo:
    """Averages the last taps; one after a pause begins anew."""

    def __init__(self) -> None:
        self._taps: list[float] = []

    def tap(self, seconds: float) -> float | None:
        """Takes a tap at a time in seconds; returns beats per minute from the second tap on, to a tenth."""
        if self._taps and not 0 < seconds - self._taps[-1] <= SLOWEST_BEAT_SECONDS:
            self._taps = []
        self._taps = [*self._taps, seconds][-MOST_TAPS:]
        if len(self._taps) < 2:
            return None
        return round(60 * (len(self._taps) - 1) / (self._taps[-1] - self._taps[0]), 1)
