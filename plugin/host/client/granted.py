"""What was asked of the engine and granted: enough for another engine to go on."""

from __future__ import annotations

import threading
import time
from typing import Any

from lamina.plugin.host.engine.commands import COMMANDS
from lamina.plugin.host.transport.file_player import PLAY_STATES, PlayState

SETTLED_SECONDS = 0.3
"""After a command of the transport, the engine's own state counts again from then on."""


class Wishes:
    """Follows the commands that the engine carried out. May be used from several threads.

    `document` is JSON: {"devices": {…}, "live": …, "boards": {"A": {…}}, "board": "A", "bypassed": {"A": [0]}, "clip":
    {"path": …, "seconds": …, "loop": […] or null, "is_playing": …}, "tone": …, "record": path or null}.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = dict(document)
        self._lock = threading.Lock()
        self._last_transport = 0.0

    def get(self, name: str, default: Any = None) -> Any:
        """One of them."""
        with self._lock:
            return self._document.get(name, default)

    def put(self, **wishes: Any) -> None:
        """Change some of them directly."""
        with self._lock:
            self._document.update(wishes)

    def follow(self, command: str, values: dict[str, Any]) -> None:
        """A command, with its arguments as they were sent, was carried out."""
        followed = COMMANDS[command]
        with self._lock:
            if followed.is_transport:
                self._last_transport = time.monotonic()
            if followed.remember is not None:
                followed.remember(self._document, **values)

    def document(self, state: Any = None) -> dict[str, Any]:
        """What is wanted now, which no later command changes.

        With the telemetry's `state`, the file's place is where it is heard now. Its parts are shared: boards may be
        large.
        """
        with self._lock:
            document = dict(self._document)
        if document.get("clip"):
            document["clip"] = dict(document["clip"])
        if state is None:
            return document
        clip = document.get("clip")
        # What was asked for a moment ago may not have happened yet.
        if clip and float(state["heartbeat"]) > self._last_transport + SETTLED_SECONDS:
            clip["seconds"] = round(float(state["clip_seconds"]), 3)
            clip["is_playing"] = PLAY_STATES[int(state["play_state"])] is PlayState.PLAYING
        if document.get("live") and int(state["sample_rate"]):
            document["margin_samples"] = [int(state["margin_samples"]), int(state["sample_rate"])]
        return document
