"""Freeze: the sound of a moment, held."""

from __future__ import annotations

from collections import deque

from lamina.plugin.desk.frame import CodedFrame, to_and_fro
from lamina.plugin.parameters.settings import Settings

MOST_FROZEN_FRAMES = 150


class Freeze:
    """Its memory: what was played lately, what is held, and how far the one has gone over into the other."""

    def __init__(self) -> None:
        self._played: deque[CodedFrame] = deque(maxlen=MOST_FROZEN_FRAMES)
        self._held: list[CodedFrame] = []
        self._place = 0
        self._share = 0.0

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is held and nothing fades."""
        return not self._held

    def step(self, frame: CodedFrame, settings: Settings) -> tuple[CodedFrame, CodedFrame | None, float]:
        """The live frame, the held one (None if none is heard), and the held one's share, 0 … 1."""
        if settings.freeze and not self._held and self._played:
            # What was played last comes first and leads backwards: no seam where the hold begins.
            self._held, self._place = list(self._played)[-settings.freeze_frames :][::-1], 0
        self._played.append(frame)
        if not self._held:
            return frame, None, 0.0
        step = 1 / (settings.freeze_fade + 1)
        self._share = min(1.0, self._share + step) if settings.freeze else max(0.0, self._share - step)
        if self._share == 0:
            self._held = []
            return frame, None, 0.0
        held = self._held[to_and_fro(self._place, len(self._held))]
        self._place += 1
        return frame, held, self._share

    def note(self, frame: CodedFrame) -> None:
        """A frame that was played with nothing held."""
        self._played.append(frame)
