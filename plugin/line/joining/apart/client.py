"""A line in a process of its own, as the app holds it: nothing here waits for the line but `close`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lamina.plugin.host.client.process_handle import ProcessHandle
from lamina.plugin.host.device.device_settings import DeviceSettings
from lamina.plugin.host.wire.telemetry import Heard, TelemetryReader, make_shared_file
from lamina.plugin.line.joining.apart.order import LineOrder
from lamina.plugin.line.joining.apart.view import LineView, line_view
from lamina.plugin.parameters.table import Value

PROCESS = "lamina.plugin.line.joining.apart.process"


class LineProcess:
    """A line that is offered or joined, in a process that ends with it.

    Args:
        order: what it is to be.
    """

    def __init__(self, order: LineOrder) -> None:
        self.view = LineView("joining" if order.invitation else "preparing")
        """Replaced as a whole, so that any thread may read it."""
        self._is_gone = self._is_closed = False
        self._memory = make_shared_file()
        self._telemetry = TelemetryReader(self._memory)
        self._process = ProcessHandle(PROCESS, self._memory, self._take, self._has_ended, "line-process")
        self._process.send("begin", order=order.document())
        self._process.start()

    @property
    def is_over(self) -> bool:
        """Whether it has ended, with its process and everything that was open there."""
        return self._is_gone

    @property
    def process_id(self) -> int:
        """Of the system."""
        return self._process.process_id

    def heard(self) -> Heard:
        """What was heard since the last call: sound is `output`, codes are in `frames`."""
        return self._telemetry.take()

    def leave(self) -> None:
        """End it as soon as can be; returns at once."""
        self._process.send("leave")

    def send_with(self, values: Mapping[str, Value]) -> None:
        """Change parameters of what is sent."""
        self._wish("sent", dict(values))

    def use_devices(self, devices: DeviceSettings) -> None:
        """Go on with other devices as soon as can be; what can't be opened is told in `view`."""
        self._wish("devices", devices.document())

    def mute(self, is_muted: bool) -> None:
        """Send silence, or the source again."""
        self._wish("is_muted", is_muted)

    def use_buffer(self, buffer_ms: float | None) -> None:
        """Go on with another jitter buffer; None lets the jitter decide."""
        self._wish("buffer_ms", buffer_ms)

    def use_frames_per_packet(self, frames: int) -> None:
        """Go on with so many frames in each packet that is sent, 1 to 4."""
        self._wish("frames_per_packet", frames)

    def close(self) -> None:
        """End it; returns when its process has ended."""
        if not self._is_closed:
            self._is_closed = True
            self._process.close()
            os.close(self._memory)
            self._is_gone = True
            if self.view.stage != "ended":
                self.view = replace(self.view, stage="ended", ending="The line was closed here.")

    def _wish(self, name: str, value: Any) -> None:
        self._process.send("wish", name=name, value=value)

    # On the thread that reads what the process tells.

    def _take(self, event: dict[str, Any]) -> None:
        self.view = line_view(event["view"])

    def _has_ended(self, code: int) -> None:
        if self.view.stage != "ended":
            reason = f"The line's own process has ended unexpectedly (code {code})."
            self.view = replace(self.view, stage="ended", ending=reason, is_failure=True)
        self._is_gone = True
