"""What each frame tells: codes, energies, levels and time.

Meters, codebook views and tests read these; audio never waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lamina.plugin.parameters.control_track import Moved


@dataclass(frozen=True)
class FrameReport:
    """One frame of all channels.

    Args:
        index: frames since the stream began.
        layers: active layers, of the channel that sent most.
        codes: uint16 `[channels, layers]`, as they were sent.
        layer_energy: squared length of each layer's codebook entry, float32 `[channels, layers]`.
        input_rms, output_rms: of the frame at the codec's rate, after the input gain and before the mix, `[channels]`.
        seconds: time spent on the frame.
        bits: what all channels sent of it together.
        moved: what moved in it; None if nothing moves by itself.
        counts: how many layers each channel sent, of those that are sent.
    """

    index: int
    layers: int
    codes: npt.NDArray[np.uint16]
    layer_energy: npt.NDArray[np.float32]
    input_rms: npt.NDArray[np.float32]
    output_rms: npt.NDArray[np.float32]
    seconds: float
    bits: int = 0
    moved: Moved | None = None
    counts: tuple[int, ...] = ()
