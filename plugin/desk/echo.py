"""Code delay with feedback: echoes that step into the gaps, softer and thinner each time they come back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from lamina.plugin.desk.effect import CodeEffect
from lamina.plugin.desk.frame import CodedFrame
from lamina.plugin.parameters.declare import ParameterGroup, parameter

if TYPE_CHECKING:
    from lamina.models.runtime import CodecRuntime
    from lamina.plugin.parameters.settings import Settings

MOST_DELAY_FRAMES = 300
RELEASE = 0.9
"""How fast the room for an echo opens behind the sound: a share of its level per frame."""
SOFTEST = 0.01
"""An echo ends when its level has fallen so far."""


class Echo(CodeEffect):
    """Its memory: what was played. One decoder can't play two frames at once, so the louder one is heard."""

    class Parameters(ParameterGroup, group="codes", tab="Codes", section="Echo", page="echo"):
        code_delay: int = parameter(
            "Code delay",
            1,
            MOST_DELAY_FRAMES,
            default=28,
            unit="frames",
            help="Time after which codes come back, where the sound leaves room.",
        )  # fmt: skip
        code_feedback: float = parameter(
            "Feedback", 0.0, 0.95, default=0.0, unit="%",
            help="How much level and how many layers an echo keeps each time; 0 has no echo.",
        )  # fmt: skip

    def __init__(self, runtime: CodecRuntime) -> None:
        super().__init__(runtime)
        self._played: deque[CodedFrame] = deque(maxlen=MOST_DELAY_FRAMES)
        self._envelope = 0.0

    @staticmethod
    def is_active(settings: Settings) -> bool:
        return settings.code_feedback > 0

    def step(self, frame: CodedFrame, settings: Settings, index: int) -> CodedFrame:
        """The frame, or the echo of one `code_delay` frames ago if that is louder."""
        self._envelope = max(frame.rms * frame.level, self._envelope * RELEASE)
        feedback, delay = settings.code_feedback, settings.code_delay
        if feedback > 0 and delay <= len(self._played):
            past = self._played[-delay]
            level = past.level * feedback
            if level > SOFTEST and past.rms * level > self._envelope:
                frame = past.thinned(max(1, int(past.layers * feedback)), feedback)
        self._played.append(frame)
        return frame

    def note(self, frame: CodedFrame) -> None:
        """A frame that was played without echoes."""
        self._envelope = max(frame.rms * frame.level, self._envelope * RELEASE)
        self._played.append(frame)
