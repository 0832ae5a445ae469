"""What is heard, in a word: where that isn't simply what comes out of the codec, the window says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.gui.model.values.parameters import ParameterValues
from lamina.plugin.parameters.table import Value

WORDS = {"dry": "dry", "difference": "difference", "latent": "unquantized"}
HEARD_NAMES = ("bypass", "listen", "listen_layer", "noise_only")
"""Parameters that say what is played."""

WITHOUT_CODES = ("dry", "latent")
"""What `listen` says where no layer has a say in what is heard."""


def heard_word(values: ParameterValues, moving: Mapping[str, Value]) -> str:
    """In a word or two what is played, or "" if it is the codec's output as usual.

    `moving` are the values that move by themselves, which count for more than what the controls say.
    """
    now = _Now(values, moving)
    if now["bypass"]:
        return "bypassed"
    if now["listen"] == "layer":
        return f"layer {now['listen_layer']} alone"
    return WORDS.get(str(now["listen"]), "noise only" if now["noise_only"] else "")


def are_layers_heard(values: ParameterValues, moving: Mapping[str, Value]) -> bool:
    """Whether the layers that are sent have a say in what is played."""
    now = _Now(values, moving)
    return not now["bypass"] and now["listen"] not in WITHOUT_CODES


class _Now:
    def __init__(self, values: ParameterValues, moving: Mapping[str, Value]) -> None:
        self._values, self._moving = values, moving

    def __getitem__(self, name: str) -> Any:
        return self._moving.get(name, self._values[name])
