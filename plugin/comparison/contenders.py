"""Who takes part in a comparison: texts such as "lamina:6", "opus:12" and "preset:walkie-talkie", made into effects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lamina.plugin.documents.presets import load_preset
from lamina.plugin.rivals.own import CountedCodec
from lamina.plugin.rivals.registry import LAMINA, ORIGINAL, RIVALS, Rival, parse

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
    """

    asked: str
    label: str

    def make(self) -> Rival | CountedCodec:
        """A fresh effect; raises as `contenders` does."""
        return _made(self.asked)


def contenders(texts: Iterable[str]) -> list[Contender]:
    """Those that texts ask for, each once, in order; every one is made once, so that what is wrong is told at once.

    Args:
        texts: each one or several, separated by commas: as `lamina.plugin.rivals.registry.parse` understands them, or
            "preset:NAME" with any ":PARAMETER=VALUE" behind it. The original need not be named.

    Raises ValueError for what there isn't, more than eight, or none; RivalMissingError for what is not installed.
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
    labels = [_label(one) for one in asked]
    return [
        Contender(one, label if labels.count(label) == 1 else f"{label} ({one})")
        for one, label in zip(asked, labels, strict=True)
    ]


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
    values = {}
    for part in rest[1:]:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ValueError(f"{part!r} in {asked!r} is no parameter; write preset:NAME:PARAMETER=VALUE.")
        values[key] = codec.settings.parameter(key).parse(value)
    codec.set_parameters(values)
    return codec


def _label(asked: str) -> str:
    effect = _made(asked)
    name, *rest = (part.strip() for part in asked.split(":"))
    settings = [part.replace("=", " ") for part in rest if "=" in part]
    title = f"Preset {rest[0]}" if name == PRESET else effect.title
    return ", ".join([title, *settings])
