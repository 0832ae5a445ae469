"""What is really sent, where that differs from what the bitrate knob says."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from lamina.gui.model.values.parameters import ParameterValues
from lamina.plugin import FrameReport
from lamina.plugin.stream.variable_rate import SentBits

MEAN_FRAMES = 38
"""Half a second: figures that can be read."""
REST_SECONDS = 0.4
CHANGING = {"layers", "kbps", "loudness_layers", "stereo", "side_layers", "variable_rate"}
"""What a motion of these moves is the bitrate."""


class SentRate:
    """Fed with frame reports; costs nothing while every frame is like the next."""

    def __init__(self) -> None:
        self.layers: int | None = None
        """Of the newest frame's first channel; None while that is what the knob says, or nothing is sent."""
        self._reports: deque[FrameReport] = deque(maxlen=MEAN_FRAMES)
        self._still_seconds = 0.0
        self._frame_rate = 0.0

    @property
    def kbps(self) -> float | None:
        """Of all channels together in the last half second; None as for `layers`.

        What tells frames' numbers of layers is counted too, where these differ, as it is in files and figures.
        """
        return self._counted().kbps(self._frame_rate) if self._reports else None

    @property
    def bits(self) -> int | None:
        """Of a frame of all channels together, on average of the last half second; None as for `layers`."""
        return round(self._counted().bits / len(self._reports)) if self._reports else None

    def take(self, reports: Sequence[FrameReport], values: ParameterValues, seconds: float) -> None:
        """Take in what came in the last `seconds`."""
        self._still_seconds = 0.0 if reports else self._still_seconds + seconds
        if not varies(values) or self._still_seconds > REST_SECONDS:
            if self._reports:
                self._reports.clear()
                self.layers = None
            return
        self._frame_rate = values.shape.frame_rate
        for report in reports:
            self.layers = int((report.layer_energy[0] > 0).sum())
            self._reports.append(report)

    def _counted(self) -> SentBits:
        counted = SentBits()
        for report in self._reports:
            counted.add(report)
        return counted


def varies(values: ParameterValues) -> bool:
    """Whether frames may send another number of layers than the knob says."""
    moving = {item.target for item in (*values["motions"], *values["automation"])}
    return bool(values["loudness_layers"] or values["variable_rate"]) or bool(moving & CHANGING)


def bits_of_all(values: ParameterValues, n_channels: int) -> int:
    """Bits that all channels of a frame send together, as the settings stand."""
    code_bits = values.shape.code_bits
    of_one = sum(code_bits[: int(values["layers"])])
    if n_channels != 2 or values["stereo"] == "linked":
        return n_channels * of_one
    return of_one + (sum(code_bits[: int(values["side_layers"])]) if values["stereo"] == "mid-side" else 0)
