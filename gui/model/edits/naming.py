"""What steps are called: what was done, in a few words, read off what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lamina.gui.model.edits.edit import Change, Edit, Place
from lamina.gui.model.files.document import clock
from lamina.gui.model.values.motion_desk import target_text
from lamina.gui.model.values.words import value_text
from lamina.plugin import Parameter

LONGEST_NAME = 60
ARROW = "\N{RIGHTWARDS ARROW}"
WORDS_OF_LAYERS = {"muted_layers": ("Mute", "Unmute"), "solo_layers": ("Solo", "End solo of")}


def named(changes: Mapping[Place, Change], parameters: Mapping[str, Parameter]) -> Edit:
    """The edit that these changes are.

    Args:
        changes: what became what.
        parameters: those of the board that was changed, for their words.
    """
    kinds = {place.kind: change for place, change in changes.items()}
    values = {place.name: change for place, change in changes.items() if place.kind == "value"}
    if "document" in kinds:
        return Edit(f"Open {_cut(_title(kinds['document'][1]))}")
    if "model" in kinds:
        return Edit(f"Model {_cut(str(kinds['model'][1]))}")
    if len(values) == 1:
        (name, change) = next(iter(values.items()))
        return _of_value(parameters[name], *change)
    if values:
        return Edit(f"{len(values)} settings")
    if "loop" in kinds:
        region: Any = kinds["loop"][1]
        return Edit("Clear loop" if region is None else f"Loop {clock(region[0])} to {clock(region[1])}")
    if "looping" in kinds:
        return Edit(f"Loop {'on' if kinds['looping'][1] else 'off'}")
    return Edit("Preset")


def _of_value(parameter: Parameter, before: Any, after: Any) -> Edit:
    if parameter.name == "layer_gains":
        return Edit(_gains(before, after))
    if parameter.name in WORDS_OF_LAYERS:
        return Edit(_layers(parameter, before, after))
    if parameter.name == "motions":
        return _motions(before, after)
    if parameter.name == "automation":
        return Edit("Automation")
    if parameter.kind == "bool":
        return Edit(f"{parameter.label} {value_text(parameter, after)}")
    texts = [value_text(parameter, value).replace("-", "\N{MINUS SIGN}") for value in (before, after)]
    # "8 layers" of Layers says one word twice.
    texts = [text.removesuffix(f" {parameter.label.lower()}") for text in texts]
    return Edit(f"{parameter.label} {texts[0]} {ARROW} {texts[1]}")


def _gains(before: Sequence[float], after: Sequence[float]) -> str:
    moved = [layer for layer, gains in enumerate(zip(before, after, strict=False), 1) if gains[0] != gains[1]]
    if len(moved) != 1:
        return "Gains of layers"
    layer = moved[0]
    return f"Gain of layer {layer} {before[layer - 1]:.2f} {ARROW} {after[layer - 1]:.2f}"


def _layers(parameter: Parameter, before: Sequence[int], after: Sequence[int]) -> str:
    changed = sorted(set(before) ^ set(after))
    if len(changed) != 1:
        return parameter.label
    return f"{WORDS_OF_LAYERS[parameter.name][changed[0] in before]} layer {changed[0]}"


def _motions(before: Sequence[Any], after: Sequence[Any]) -> Edit:
    if len(after) > len(before):
        return Edit(f"Add motion of {target_text(after[-1].target)}")
    pairs = list(zip(before, after, strict=False))
    differ = next((index for index, (old, new) in enumerate(pairs) if old != new), len(pairs))
    if len(after) < len(before):
        words = target_text(before[differ].target)
        return Edit(f"Remove motion of {words}", f"The motion of {words} is gone.")
    return Edit(f"Motion of {target_text(after[differ].target)}")


def _title(document: Any) -> str:
    return str(document[1]) if document is not None else "nothing"


def _cut(words: str) -> str:
    return words if len(words) <= LONGEST_NAME else f"{words[: LONGEST_NAME - 1]}…"
