"""What moves by itself, as it is heard now: a track of motions and automation of the app's own, beside the engine's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lamina.dsp.resample import half_taps
from lamina.plugin import NeuralCodec
from lamina.plugin.host.wire.telemetry import Heard
from lamina.plugin.parameters.control_track import ControlTrack
from lamina.plugin.parameters.motion import Motion
from lamina.plugin.parameters.settings import Settings
from lamina.plugin.parameters.table import Value, find_parameter

REST_SECONDS = 0.4
"""Without a frame for so long the codec rests, and nothing moves."""


class Moving:
    """Fed with what the engine's telemetry brings; costs nothing while nothing moves.

    `values` are those of the targets that move, at `step`, the newest codec frame of which sound was heard. They are what the
    engine's codec used for the frame of that number.
    """

    def __init__(self) -> None:
        self.values: Mapping[str, Value] = {}
        self.step = 0
        self._track: ControlTrack | None = None
        self._place: StreamPlace | None = None
        self._tempo = 120.0
        self._still_seconds = 0.0

    def take(self, heard: Heard, codec: NeuralCodec | None, state: Callable[[], Any], seconds: float) -> None:
        """Take in what was heard in the last `seconds`.

        codec: holds the settings of the board that is heard.
        state: called for the engine's state (`TelemetryReader.state`) if something moves.
        """
        settings = codec.settings if codec is not None else None
        if codec is None or settings is None or not settings.moves:
            self.clear()
            return
        self._still_seconds = 0.0 if heard.frames else self._still_seconds + seconds
        if self._still_seconds > REST_SECONDS:
            self.values = {}
        record, config = state(), codec.bundle.config
        format = (heard.sample_rate, int(record["block"]), config.sample_rate, config.frame)
        index = heard.frames[-1].index if heard.frames else None
        if self._place is None or self._place.format != format or (index is not None and index < self._place.index):
            # Another stream, or another board's: its steps are counted anew.
            self.clear()
            if index is None:
                return
            self._place = StreamPlace(*format)
        n_new = self._place.advance(heard.input.shape[1], index)
        self._hear(heard, settings, n_new, int(record["board_samples"]))

    def _hear(self, heard: Heard, settings: Settings, n_new: int, delay_samples: int) -> None:
        assert self._place is not None
        place, n_samples = self._place, heard.input.shape[1]
        # What was heard went into the codec as much earlier as the board delays; before the stream's start there was nothing.
        end = place.position - delay_samples
        n_taken = min(n_samples, n_new, end)
        if n_taken <= 0:
            return
        if self._track is None:
            self._track = ControlTrack(settings, place.sample_rate, place.core_rate, place.frame, 0)
        self._track.position = end - n_taken
        *_, (_, _, newest) = self._track.take_in(heard.input[:, n_samples - n_taken :], settings)
        self.step = place.step(end - 1)
        self._tempo = newest.tempo
        if self._still_seconds <= REST_SECONDS:
            self.values = moving_values(newest)

    def source(self, motion: Motion) -> tuple[float, float] | None:
        """Where a motion is: cycles or steps since the stream began, and its height, 0 … 1. None while nothing moves."""
        if self._track is None or self._place is None or not self.values:
            return None
        seconds = self.step * self._place.frame / self._place.core_rate
        return motion.cycles(seconds, self._tempo), motion.value(seconds, self._tempo, self._track.envelope(motion))

    def clear(self) -> None:
        """Nothing moves any more; whatever comes begins anew."""
        if self._place is not None or self.values:
            self.values, self._track, self._place, self._still_seconds = {}, None, None, 0.0


class StreamPlace:
    """How many samples went into a codec's stream, found from the numbers of its frames.

    The number of the newest frame says it to within a frame; counting from there narrows it to the one multiple of the block
    length that fits all frames. Nobody tells when a stream began, and a board that rests hears nothing, so counting alone won't do.

    Args:
        sample_rate, core_rate: of host and codec, Hz.
        block: samples of the host's blocks.
        frame: core samples of a frame.
    """

    def __init__(self, sample_rate: int, block: int, core_rate: int, frame: int) -> None:
        self.format = sample_rate, block, core_rate, frame
        self.sample_rate, self.core_rate, self.frame = sample_rate, core_rate, frame
        self._block, self._kernel = max(1, block), half_taps(sample_rate, core_rate)
        self.index = -1
        """The newest frame's number."""
        self.position = -1
        """Samples so far."""

    def advance(self, n_samples: int, index: int | None) -> int:
        """So many samples went in, and frame `index` was the last to come out (None: no other one); returns by how many it moved on."""
        before = self.position
        if index is not None:
            self.index = index
        least, most = self._needed(self.index + 1), self._needed(self.index + 2) - 1
        wanted = before + n_samples if before >= 0 else (least + most) // 2
        blocks = min(max(round(wanted / self._block), -(-least // self._block)), most // self._block)
        self.position = blocks * self._block
        return self.position - before if before >= 0 else n_samples

    def step(self, sample: int) -> int:
        """The step, which is also the codec's frame, that a sample lies in."""
        return sample * self.core_rate // (self.frame * self.sample_rate)

    def _needed(self, n_frames: int) -> int:
        """Samples after which so many frames are complete."""
        return self._kernel + (n_frames * self.frame - 1) * self.sample_rate // self.core_rate + 1


def moving_values(settings: Settings) -> dict[str, Value]:
    """The present values of all targets of motions and automation, by name; bitrates count as layers."""
    targets = [*(motion.target for motion in settings.motions), *(curve.target for curve in settings.automation)]
    return {(name := find_parameter(target).view_of or target): settings.value(name) for target in targets}
