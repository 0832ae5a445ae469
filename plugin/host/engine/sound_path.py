"""What happens to one block in the engine.

Sources are mixed, the board is heard, and everybody who listens gets a copy.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.dsp.ramp import Ramp
from lamina.plugin.host.engine.calibration import Calibration
from lamina.plugin.host.engine.tone import TestTone
from lamina.plugin.host.live_board.switch import BoardSwitch
from lamina.plugin.host.recording.recorder import Recorder
from lamina.plugin.host.transport.comparison import Comparison
from lamina.plugin.host.transport.file_player import FilePlayer
from lamina.plugin.host.wire.telemetry import TelemetryWriter

FADE_SECONDS = 0.02
REST_SECONDS = 2.0
INAUDIBLE = 1e-5
"""What counts as silence: −100 dBFS.

In digital silence a codec's networks still give up to 2e-6, whatever the number of layers, and the board must rest
then.
"""


class SoundPath:
    """The sources, the board and the sinks of one stream.

    `process` belongs to the audio thread; attributes are set by others.

    Args:
        sample_rate: Hz.
        block: samples per block.
        player: the file transport.
        boards: the board that is heard.
        telemetry: where sound and frames are shown.
    """

    def __init__(
        self, sample_rate: int, block: int, player: FilePlayer, boards: BoardSwitch, telemetry: TelemetryWriter
    ) -> None:
        self.sample_rate, self._n_samples = sample_rate, block
        self.player, self.boards = player, boards
        self.tone = TestTone(sample_rate)
        self.recorder: Recorder | None = None
        self.calibration: Calibration | None = None
        self.comparison: Comparison | None = None
        self._telemetry = telemetry
        self._live = Ramp(0.0, round(FADE_SECONDS * sample_rate))
        self._compared: Comparison | None = None  # the one that is heard, until it has faded out
        self._comparing = Ramp(0.0, round(FADE_SECONDS * sample_rate))
        self._n_done = 0
        self._n_quiet = 0
        self._segments: deque[tuple[int, int | None, int]] = deque()

    def set_live(self, is_live: bool) -> None:
        """Let the live input in or keep it out, faded."""
        self._live.set(float(is_live))

    def process(self, captured: FloatArray | None) -> FloatArray:
        """One block: captured `[1 or 2, n]` and the other sources through the board, `[2, n]`."""
        n_samples = self._n_samples if captured is None else captured.shape[1]
        live = self._live_part(captured)
        mixed, played = self._heard(live, n_samples)
        calibration = self.calibration
        if calibration is not None:
            silence = np.zeros((1, n_samples), np.float32)
            played = calibration.exchange(captured if captured is not None else silence)
        recorder = self.recorder
        if recorder is not None:
            recorder.push(played)
        self._telemetry.add_sound(mixed, played, live)
        self._n_done += n_samples
        return played

    def _heard(self, live: FloatArray | None, n_samples: int) -> tuple[FloatArray, FloatArray]:
        """What goes into the board and what comes out of it.

        Of a comparison in their place, the original and what is heard of it.
        """
        mixed = self._mixed(live, n_samples)
        if self._compared is not self.comparison and self._comparing.is_off:
            self._compared = self.comparison
        compared = self._compared
        if compared is None:
            return mixed, self._through_the_board(mixed)
        self._comparing.set(float(compared is self.comparison))
        share = self._comparing.factor(n_samples)
        if np.ndim(share) == 0 and share == 1:
            mixed = np.zeros_like(mixed)  # so that the board rests meanwhile
        played = self._through_the_board(mixed)
        sound, original = compared.read(n_samples)
        return mixed * (1 - share) + original * share, played * (1 - share) + sound * share

    def _live_part(self, captured: FloatArray | None) -> FloatArray | None:
        """What of the captured sound is let in, `[2, n]`; None for nothing."""
        if captured is None:
            return None
        gain = self._live.take(captured.shape[1])
        if not gain.any():
            return None
        # A driver's NaN must not reach every effect's memory. One channel goes to both sides.
        live = np.nan_to_num(captured, nan=0.0, posinf=0.0, neginf=0.0) * gain
        return live if len(live) == 2 else np.repeat(live, 2, axis=0)

    def _mixed(self, live: FloatArray | None, n_samples: int) -> FloatArray:
        mixed, segments = self.player.read(n_samples)
        self._segments.extend((self._n_done + s.offset, s.position, s.n_samples) for s in segments)
        if live is not None:
            mixed = mixed + live
        tone = self.tone.read(n_samples)
        return mixed + tone if tone.any() else mixed

    def _through_the_board(self, mixed: FloatArray) -> FloatArray:
        """The board rests when nothing has gone in and come out for a while: silence costs nothing then."""
        if mixed.any():
            self._n_quiet = 0
        elif self._n_quiet > REST_SECONDS * self.sample_rate and not self.boards.is_changing:
            return np.zeros_like(mixed)
        played = self.boards.push(mixed)
        for _, report in self.boards.take_reports():
            self._telemetry.add_frame(report)
        self._n_quiet = self._n_quiet + mixed.shape[1] if np.abs(played).max(initial=0.0) < INAUDIBLE else 0
        return played

    def clip_seconds(self, n_heard: int) -> float:
        """Place in the file that is heard when the device has taken `n_heard` samples."""
        index = n_heard - self.boards.latency_samples
        while len(self._segments) > 1 and self._segments[1][0] <= index:
            self._segments.popleft()
        start, position, n_samples = self._segments[0] if self._segments else (0, None, 0)
        if position is None:
            return self.player.position_seconds
        return (position + min(max(0, index - start), n_samples)) / self.sample_rate
