"""Freeze: the sound of a moment, held."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from lamina.plugin.desk.effect import CodeEffect
from lamina.plugin.desk.frame import CodedFrame, to_and_fro
from lamina.plugin.parameters.declare import ParameterGroup, parameter, switch

if TYPE_CHECKING:
    from lamina.models.runtime import CodecRuntime
    from lamina.plugin.parameters.settings import Settings

MOST_FROZEN_FRAMES = 150


class Freeze(CodeEffect):
    """Its memory: what was played lately, what is held, and how far the one has gone over into the other."""

    class Parameters(ParameterGroup, group="codes", tab="Codes", section="Freeze", page="freeze"):
        freeze: bool = switch("Freeze", default=False, help="Holds the sound of this moment until it is switched off.")
        freeze_frames: int = parameter(
            "Frozen",
            1,
            MOST_FROZEN_FRAMES,
            default=12,
            unit="frames",
            help="Length of what Freeze holds and plays to and fro; 1 buzzes.",
        )  # fmt: skip
        freeze_fade: int = parameter(
            "Freeze fade", 0, 75, default=6, unit="frames", help="Time to go over into what is frozen, and back.",
        )  # fmt: skip

    def __init__(self, runtime: CodecRuntime) -> None:
        super().__init__(runtime)
        self._played: deque[CodedFrame] = deque(maxlen=MOST_FROZEN_FRAMES)
        self._held: list[CodedFrame] = []
        self._place = 0
        self._share = 0.0

    @staticmethod
    def is_active(settings: Settings) -> bool:
        return settings.freeze

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is held and nothing fades."""
        return not self._held

    def step(self, frame: CodedFrame, settings: Settings, index: int) -> CodedFrame:
        """The live frame, the held one, or both at once while the one goes over into the other."""
        if settings.freeze and not self._held and self._played:
            # What was played last comes first and leads backwards: no seam where the hold begins.
            self._held, self._place = list(self._played)[-settings.freeze_frames :][::-1], 0
        self._played.append(frame)
        if not self._held:
            return frame
        step = 1 / (settings.freeze_fade + 1)
        self._share = min(1.0, self._share + step) if settings.freeze else max(0.0, self._share - step)
        if self._share == 0:
            self._held = []
            return frame
        held = self._held[to_and_fro(self._place, len(self._held))]
        self._place += 1
        return frame.mixed(held, self._share)

    def note(self, frame: CodedFrame) -> None:
        """A frame that was played with nothing held."""
        self._played.append(frame)
