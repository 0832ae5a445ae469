"""How a peer sends and receives, as it is wished before the line begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final

from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.line.adaptation import Redundancy


class Live(Enum):
    """Marks the sound device as a source or a sink."""

    DEVICE = "device"


LIVE: Final = Live.DEVICE


@dataclass(frozen=True)
class LineSettings:
    """How a peer sends and receives.

    Args:
        name: of who is here, shown at the other end; up to 120 bytes.
        frames_per_packet: 1 to 4; each packet has 93 bytes of headers, each further frame 13.3 ms of delay.
        redundancy: what of earlier frames travels again; None lets the reports decide.
        adaptive: whether layers are shed and added as the link carries them.
        sparse_silence: whether silence is sent sparsely.
        buffer_ms: the jitter buffer; None lets the jitter decide.
        correct_drift: whether differing clocks of the two ends are corrected.
        recording: a new wav or flac file for what is heard, beside where it goes; None for none.
        is_muted: whether silence is sent in the place of the source until `Peer.mute(False)`.
        codes: a new `.lamina` file for the codes as they were heard; None for none.
        devices: for `LIVE` sources and sinks.
    """

    name: str = ""
    frames_per_packet: int = 1
    redundancy: Redundancy | None = None
    adaptive: bool = True
    sparse_silence: bool = False
    buffer_ms: float | None = None
    correct_drift: bool = True
    recording: str | Path | None = None
    is_muted: bool = False
    codes: str | Path | None = None
    devices: DeviceSettings = field(default_factory=DeviceSettings)
