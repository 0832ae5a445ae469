"""Slices: short stretches that are repeated, or played backwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from lamina.plugin.desk.effect import CodeEffect
from lamina.plugin.desk.frame import CodedFrame
from lamina.plugin.parameters.declare import ParameterGroup, choice, parameter

if TYPE_CHECKING:
    from lamina.models.runtime import CodecRuntime
    from lamina.plugin.parameters.settings import Settings

SLICE_BEATS = {"1/32": 1 / 8, "1/16": 1 / 4, "1/8": 1 / 2, "1/4": 1.0, "1/2": 2.0, "1/1": 4.0}
"""Beats (quarter notes) of the note values that a slice may last."""
MOST_SLICE_FRAMES = 600
"""A whole note at 30 bpm."""


def slice_frames(settings: Settings) -> int:
    """Frames of one slice at the tempo, at least 1."""
    return max(1, round(SLICE_BEATS[settings.slice_length] * 60 / settings.tempo * settings.shape.frame_rate))


SliceKind = Literal["off", "stutter", "reverse"]
SliceLength = Literal["1/32", "1/16", "1/8", "1/4", "1/2", "1/1"]


class Slices(CodeEffect):
    """Its memory: what came lately, and the slice that is being played."""

    class Parameters(ParameterGroup, group="codes", tab="Codes", section="Slices", page="slices"):
        slices: SliceKind = choice(
            "Slices", get_args(SliceKind), default="off",
            help="Cuts the sound into slices: each is repeated, or the last one is played backwards.",
        )  # fmt: skip
        slice_length: SliceLength = choice(
            "Slice", get_args(SliceLength), default="1/8", refines="slices",
            help="Length of a slice as a note value at the tempo.",
        )  # fmt: skip
        slice_repeats: int = parameter(
            "Repeats", 1, 16, default=2, beside=True, refines="slices", suits=("stutter",),
            help="How often a slice is repeated before the next one comes.",
        )  # fmt: skip

    def __init__(self, runtime: CodecRuntime) -> None:
        super().__init__(runtime)
        self._past: deque[CodedFrame] = deque(maxlen=MOST_SLICE_FRAMES)
        self._slice: Sequence[CodedFrame] = ()
        self._place = self._length = 0
        self._kind = "off"

    @staticmethod
    def is_active(settings: Settings) -> bool:
        return settings.slices != "off"

    def step(self, frame: CodedFrame, settings: Settings, index: int) -> CodedFrame:
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
