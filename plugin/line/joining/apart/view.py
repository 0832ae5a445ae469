"""How a line stands, as its process tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from lamina.plugin.line.joining.status import PeerStatus
from lamina.plugin.line.sender import LineRates

Stage = Literal["preparing", "waiting", "joining", "joined", "talking", "interrupted", "leaving", "ended"]


@dataclass(frozen=True)
class ChannelLevel:
    """The level of one channel of what is sent, in dBFS.

    Args:
        rms, peak, hold: as `LevelMeter` has them.
    """

    rms: float
    peak: float
    hold: float


@dataclass(frozen=True)
class LineView:
    """How a line stands, as it was last told.

    Args:
        stage: from its preparation to its end.
        invitation: the line of text to pass on; empty while there is none.
        refusal: why the last stranger was sent away who asked to join; empty if none was.
        status: the peer's figures; None before one is there.
        ending: why it ended, as a sentence.
        is_failure: whether it broke off, or never came about.
        recording: the complete recording of what was heard; None if there is none.
        trouble: why the line goes on with other devices than those that are chosen; empty if it doesn't.
        level: of each channel of what is sent; empty where nothing is.
    """

    stage: Stage
    invitation: str = ""
    refusal: str = ""
    status: PeerStatus | None = None
    ending: str = ""
    is_failure: bool = False
    recording: Path | None = None
    trouble: str = ""
    level: tuple[ChannelLevel, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON would have it."""
        return asdict(self) | {"recording": None if self.recording is None else str(self.recording)}


def line_view(document: Mapping[str, Any]) -> LineView:
    """The view that a document tells."""
    status, recording = document["status"], document["recording"]
    if status is not None:
        sent = status["sent"]
        status = PeerStatus(**{**status, "sent": None if sent is None else LineRates(**sent)})
    changes = {
        "status": status,
        "recording": None if recording is None else Path(recording),
        "level": tuple(ChannelLevel(**channel) for channel in document["level"]),
    }
    return LineView(**{**document, **changes})
