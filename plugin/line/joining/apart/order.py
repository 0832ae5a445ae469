"""What a line is to be, as plain values that another process is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lamina.plugin.host.device.device_settings import DeviceSettings, device_settings
from lamina.plugin.line.joining.settings import LIVE, LineSettings, Live
from lamina.plugin.line.joining.transport import LOOPBACK
from lamina.plugin.parameters.table import Value

DEVICE = "device"


@dataclass(frozen=True)
class LineOrder:
    """One line: what goes in and out here, and how the two ends meet.

    Args:
        model: of both directions.
        sent: parameters of what is sent, by name.
        source: a sound file, `LIVE`, or None for nothing.
        sink: a new sound file, `LIVE`, or None for nowhere.
        settings: all else; `redundancy` is left to the reports.
        invitation: of the line that is joined; empty to offer one.
        address: where to go instead of where the invitation says; empty for there.
        listen, port: where it is offered.
    """

    model: str
    sent: Mapping[str, Value]
    source: Path | Live | None
    sink: Path | Live | None
    settings: LineSettings = field(default_factory=LineSettings)
    invitation: str = ""
    address: str = ""
    listen: str = LOOPBACK
    port: int = 0

    def document(self) -> dict[str, Any]:
        """As JSON would have it."""
        settings = asdict(self.settings) | {"devices": self.settings.devices.document()}
        del settings["redundancy"]
        return {
            "model": str(self.model),
            "sent": dict(self.sent),
            "source": _end_text(self.source),
            "sink": _end_text(self.sink),
            "settings": settings | {name: _path_text(settings[name]) for name in ("recording", "codes")},
            "invitation": self.invitation,
            "address": self.address,
            "listen": self.listen,
            "port": self.port,
        }


def line_order(document: Mapping[str, Any]) -> LineOrder:
    """The order that a document tells; raises ValueError or TypeError for one that `document` didn't write."""
    settings = dict(document["settings"])
    devices: DeviceSettings = device_settings(settings.pop("devices"))
    ends = {name: _end(document[name]) for name in ("source", "sink")}
    return LineOrder(**{**document, **ends, "settings": LineSettings(**settings, devices=devices)})


def _end_text(end: Path | Live | None) -> dict[str, str] | str | None:
    if end is None:
        return None
    return DEVICE if isinstance(end, Live) else {"file": str(end)}


def _end(document: Any) -> Path | Live | None:
    if document is None:
        return None
    return LIVE if document == DEVICE else Path(document["file"])


def _path_text(path: str | Path | None) -> str | None:
    return None if path is None else str(path)
