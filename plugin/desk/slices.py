"""Slices: short stretches that are repeated, or played backwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from lamina.plugin.codes_file.codes import USUAL_FRAME_RATE
from lamina.plugin.desk.frame import CodedFrame
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import SLICE_BEATS

MOST_SLICE_FRAMES = 600
"""A whole note at 30 bpm."""


def slice_frames(settings: Settings) -> int:
    """Frames of one slice at the tempo, at least 1."""
    return max(1, round(SLICE_BEATS[settings.slice_length] * 60 / settings.tempo * USUAL_FRAME_RATE))


class Slices:
    """Its memory: what came lately, and the slice that is being played."""

    def __init__(self) -> None:
        self._past: deque[CodedFrame] = deque(maxlen=MOST_SLICE_FRAMES)
        self._slice: Sequence[CodedFrame] = ()
        self._place = self._length = 0
        self._kind = "off"

    def step(self, frame: CodedFrame, settings: Settings) -> CodedFrame:
        """What is heard instead of `frame`."""
        if settings.slices != self._kind:
            self._kind, self._place = settings.slices, 0
        if self._kind == "off":
            self.note(frame)
            return frame
        if self._place == 0:
            self._length = slice_frames(settings)
            if self._kind == "reverse":
                # What was played just now, from its end.
                self._slice = list(self._past)[-self._length :][::-1]
        self.note(frame)
        heard = self._reversed(frame) if self._kind == "reverse" else self._stuttering(frame, settings.slice_repeats)
        return heard

    def note(self, frame: CodedFrame) -> None:
        """A frame that came."""
        self._past.append(frame)

    def _reversed(self, frame: CodedFrame) -> CodedFrame:
        heard = self._slice[self._place] if self._place < len(self._slice) else frame
        self._place = (self._place + 1) % self._length
        return heard

    def _stuttering(self, frame: CodedFrame, repeats: int) -> CodedFrame:
        """A slice as it comes, then the same `repeats` times; what comes meanwhile is not heard."""
        if self._place < self._length:
            heard = frame
            if self._place == self._length - 1:
                self._slice = list(self._past)[-self._length :]
        else:
            heard = self._slice[self._place % self._length]
        self._place += 1
        if self._place >= self._length * (1 + repeats):
            self._place = 0
        return heard
