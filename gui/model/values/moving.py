"""What moves by itself, as it is heard now: what the engine's frames told, as late as they are heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from lamina.plugin import NeuralCodec
from lamina.plugin.host.wire.telemetry import Heard
from lamina.plugin.parameters.control_track import Moved, moved_names
from lamina.plugin.parameters.motion import Motion, from_number
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import Value

REST_SECONDS = 0.4
"""Without a frame for so long the codec rests, and nothing moves."""


class Moving:
    """Fed with what the engine's telemetry brings; costs nothing while nothing moves.

    `values` are those of the targets that move, at `step`, the newest codec frame of which sound was heard: what the
    engine's codec used for the frame of that number; `heard` is all that this frame told. Bitrates count as layers.
    """

    def __init__(self) -> None:
        self.values: Mapping[str, Value] = {}
        self.step = 0
        self._coming: deque[tuple[int, Moved, list[str]]] = deque()
        self.heard: Moved | None = None
        self._names: list[str] = []
        self._motions: tuple[Motion, ...] = ()
        self._end = 0
        self._still_seconds = 0.0

    def take(self, heard: Heard, codec: NeuralCodec | None, seconds: float) -> None:
        """Take in what was heard in the last `seconds`; `codec` holds the settings of the board that is heard."""
        settings = codec.settings if codec is not None else None
        if settings is None or not settings.moves:
            self.clear()
            return
        if heard.end < self._end:
            # Another engine counts its samples anew.
            self.clear()
        self._end = heard.end
        self._still_seconds = 0.0 if heard.frames else self._still_seconds + seconds
        for frame in heard.frames:
            if frame.moved is not None:
                self._coming.append((frame.index, frame.moved, moved_names(settings)))
        # What went in is heard as much later as the board delays.
        while self._coming and self._coming[0][1].begins + heard.delay < heard.end:
            self.step, self.heard, self._names = self._coming.popleft()
        if self._still_seconds > REST_SECONDS:
            self.values, self.heard = {}, None
        elif self.heard is not None:
            self._show(self.heard, settings)

    def _show(self, moved: Moved, settings: Settings) -> None:
        names = moved_names(settings)
        if names != self._names or len(names) < len(moved.values) or len(settings.motions) != len(moved.heights):
            return  # told of motions that were there a moment ago
        self._motions = settings.motions
        self.values = {
            name: from_number(settings.parameter(name), number)
            for name, number in zip(names, moved.values, strict=False)
        }

    def source(self, motion: Motion) -> tuple[float, float] | None:
        """Where a motion is, or None while nothing moves.

        Cycles or steps since the stream began, and its height, 0 … 1.
        """
        if self.heard is None or not self.values or motion not in self._motions:
            return None
        place = self._motions.index(motion)
        return self.heard.cycles[place], self.heard.heights[place]

    def clear(self) -> None:
        """Nothing moves any more; whatever comes begins anew."""
        self.values, self.heard, self._still_seconds = {}, None, 0.0
        self._coming.clear()
