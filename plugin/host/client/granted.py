"""What was asked of the engine and granted: enough for another engine to go on."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import Any

from lamina.plugin.host.transport.file_player import PLAY_STATES, PlayState
from lamina.plugin.parameters.settings import FIELDS, Settings
from lamina.plugin.parameters.table import PARAMETERS

SETTLED_SECONDS = 0.3
"""After a command of the transport, the engine's own state counts again from then on."""


class Wishes:
    """Follows the commands that the engine carried out. May be used from several threads.

    `document` is JSON: {"devices": {…}, "live": …, "boards": {"A": {…}}, "board": "A", "bypassed": {"A": [0]}, "clip": {"path": …,
    "seconds": …, "loop": […] or null, "is_playing": …}, "tone": …, "record": path or null}.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
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
        """A command was carried out."""
        with self._lock:
            self._follow(command, values)

    def document(self, state: Any = None) -> dict[str, Any]:
        """A copy; with the telemetry's `state`, the file's place is where it is heard now."""
        with self._lock:
            document: dict[str, Any] = json.loads(json.dumps(self._document))
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

    def _follow(self, command: str, values: dict[str, Any]) -> None:
        wishes = self._document
        transport: dict[str, dict[str, Any]] = {
            "play": {"is_playing": True},
            "pause": {"is_playing": False},
            "stop": {"is_playing": False, "seconds": (((wishes.get("clip") or {}).get("loop")) or [0.0])[0]},
            "seek": {"seconds": values.get("seconds")},
            "loop": {"loop": values.get("seconds")},
        }
        if command in ("load", "unload", *transport):
            self._last_transport = time.monotonic()
        if command in transport and wishes.get("clip"):
            wishes["clip"] = {**wishes["clip"], **transport[command]}
        elif command == "load":
            wishes["clip"] = {"path": values["path"], "loop": None, "seconds": 0.0, "is_playing": False}
        elif command == "unload":
            wishes["clip"] = None
        elif command == "devices":
            wishes["devices"] = values["settings"]
        elif command in ("live", "tone"):
            wishes[command] = values["on"]
        elif command == "record":
            wishes["record"] = values["path"]
        elif command == "stop_recording":
            wishes["record"] = None
        else:
            self._follow_board(command, values)

    def _follow_board(self, command: str, values: dict[str, Any]) -> None:
        wishes = self._document
        if command == "choose_board":
            wishes["board"] = values["name"]
        elif command == "board":
            wishes["boards"] = {**wishes.get("boards", {}), values["name"]: values["board"]}
            wishes.get("bypassed", {}).pop(values["name"], None)
        elif command == "parameters":
            effect: Any = wishes.get("boards", {}).get(values["name"])
            with contextlib.suppress(LookupError, TypeError):
                for index in values["path"]:
                    effect = effect["effects"][index]
                if effect["effect"] == "NeuralCodec":
                    _set_codec(effect, values["values"])
                else:
                    effect["parameters"] = {**effect.get("parameters", {}), **values["values"]}
        elif command == "bypass":
            chosen = wishes.get("board", "A")
            bypassed = set(wishes.get("bypassed", {}).get(chosen, ()))
            (bypassed.add if values["on"] else bypassed.discard)(values["index"])
            wishes["bypassed"] = {**wishes.get("bypassed", {}), chosen: sorted(bypassed)}


def _set_codec(entry: dict[str, Any], values: dict[str, Any]) -> None:
    """A codec's entry in a board document after these values were set, in this order.

    The engine granted them, and the entry is what it made of earlier ones, so only names that are parts of others or other units (kbps of
    layers, one layer's gain of all) need to be worked in; all others are put in their places.
    """
    parameters = {**entry.get("parameters", {}), "bypass": entry.get("bypass", False)}
    if parameters.keys() != set(FIELDS):
        parameters = _all_of(parameters)
    for name, value in values.items():
        if name in FIELDS:
            parameters[name] = PARAMETERS[name].plain(PARAMETERS[name].validate(value))
        else:
            parameters = _all_of({**parameters, name: value})
    entry["bypass"] = parameters.pop("bypass")
    entry["parameters"] = parameters


def _all_of(values: dict[str, Any]) -> dict[str, Any]:
    """Every parameter as JSON, after these were set in their order."""
    settings = Settings()
    for name, value in values.items():
        settings = settings.with_value(name, value)
    return settings.plain()
