"""Who takes part in a comparison: texts such as "lamina:6", "opus:12" and "preset:walkie-talkie", made into effects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lamina.plugin.documents.presets import load_preset
from lamina.plugin.rivals.coding.own import CountedCodec
from lamina.plugin.rivals.registry import (
    LAMINA,
    ORIGINAL,
    RIVALS,
    TWO_PASS,
    Rival,
    RivalMissingError,
    parse,
    set_two_pass,
)

PRESET = "preset"
MOST_CONTENDERS = 8
"""With the original nine, which the keys 1 to 9 choose from."""

NAMES = (LAMINA, PRESET, *RIVALS)


@dataclass(frozen=True)
class Contender:
    """A codec with its settings.

    Args:
        asked: the text that asks for it.
        label: what people read.
        lacks: what it needs that is not here and how to get it, in a sentence; empty if it can take part.
    """

    asked: str
    label: str
    lacks: str = ""

    def make(self) -> Rival | CountedCodec:
        """A fresh effect; raises as `contenders` does."""
        return _made(self.asked)


def contenders(texts: Iterable[str]) -> list[Contender]:
    """Those that texts ask for, each once, in order; every one is made once, so that what is wrong is told at once.

    Args:
        texts: each one or several, separated by commas: as `lamina.plugin.rivals.registry.parse` understands them, or
            "preset:NAME" with any ":PARAMETER=VALUE" behind it. The original need not be named.

    Those that need something that is not installed say so (`Contender.lacks`) beside the others. Raises ValueError for
    what there isn't, more than eight, or none; RivalMissingError where nobody is left.
    """
    asked = [one for one in dict.fromkeys(_separated(texts)) if one != ORIGINAL]
    if not asked:
        raise ValueError(
            f"Nothing to compare with was named; give some of {', '.join(NAMES)}, such as lamina:6,opus:12."
        )
    if len(asked) > MOST_CONTENDERS:
        raise ValueError(
            f"{len(asked)} codecs were named; beside the original there is room for {MOST_CONTENDERS}. Leave some out."
        )
    found = [(_label(one), "") if (lacks := _lacks(one)) is None else (_label_of_absent(one), lacks) for one in asked]
    labels = [label for label, _ in found]
    made = [
        Contender(one, label if labels.count(label) == 1 else f"{label} ({one})", lacks)
        for one, (label, lacks) in zip(asked, found, strict=True)
    ]
    if all(one.lacks for one in made):
        raise RivalMissingError(" ".join(f"{one.lacks.rstrip('.')}." for one in made))
    return made


def _lacks(asked: str) -> str | None:
    """What a codec needs that is not here; None if it can be made. Raises ValueError for what there isn't."""
    try:
        _made(asked)
    except RivalMissingError as error:
        return str(error)
    return None


def _label_of_absent(asked: str) -> str:
    """As `_label`, of a rival that can't be made here; its bitrate was found to be right."""
    name, *rest = (part.strip() for part in asked.split(":"))
    kind = RIVALS[name]
    kbps = float(rest.pop(0)) if rest and "=" not in rest[0] else kind.rates.default
    return ", ".join([f"{kind.title} {kbps:g} kbps", *(part.replace("=", " ") for part in rest)])


def _separated(texts: Iterable[str]) -> list[str]:
    parts: list[str] = []
    for text in texts:
        for part in (part.strip() for part in text.split(",")):
            # A list of layers has commas too: muted_layers=1,2.
            if parts and part.isdigit() and "=" in parts[-1]:
                parts[-1] += f",{part}"
            elif part:
                parts.append(part)
    return parts


def _made(asked: str) -> Rival | CountedCodec:
    name, *rest = (part.strip() for part in asked.split(":"))
    if name not in (*NAMES, ORIGINAL):
        raise ValueError(f"There is no codec {name!r}; there are {', '.join(NAMES)}.")
    if name != PRESET:
        return parse(asked)
    if not rest or not rest[0]:
        raise ValueError(f"{asked!r} names no preset; write preset:NAME (see `lamina presets`).")
    codec = CountedCodec.from_preset(load_preset(rest[0]))
    values: dict[str, Any] = {}
    two_pass: str | None = None
    for part in rest[1:]:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"{part!r} in {asked!r} is no parameter; write preset:NAME:PARAMETER=VALUE.")
        if key == TWO_PASS:
            two_pass = value
        else:
            values[key] = codec.settings.parameter(key).parse(value)
    codec.set_parameters(values)
    if two_pass is not None:
        set_two_pass(codec, two_pass)
    return codec


def _label(asked: str) -> str:
    effect = _made(asked)
    name, *rest = (part.strip() for part in asked.split(":"))
    own = [part for part in rest if "=" in part]
    title = f"Preset {rest[0]}" if name == PRESET else effect.title
    if isinstance(effect, CountedCodec):
        own = [part for part in own if part.partition("=")[0].strip() != TWO_PASS]
        if effect.two_pass and name == PRESET:
            title += ", two passes"
    settings = [part.replace("=", " ") for part in own]
    return ", ".join([title, *settings])
