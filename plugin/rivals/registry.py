"""All rivals by name, and `parse`, which makes one of a text: "opus:12", "lamina:6", "original"."""

from __future__ import annotations

from typing import Any

from lamina.plugin.parameters.table import PARAMETERS
from lamina.plugin.rivals import aac, amr_nb, amr_wb, codec2, evs, g722, gsm, lc3, lyra, mp3, opus, opus_ml, vorbis
from lamina.plugin.rivals.coding.asked import MODEL, TWO_PASS
from lamina.plugin.rivals.coding.missing import RivalMissingError
from lamina.plugin.rivals.coding.own import CountedCodec, Original
from lamina.plugin.rivals.coding.rival import Rates, Rival, RivalKind

__all__ = [
    "CLASSES",
    "LAMINA",
    "ORIGINAL",
    "RIVALS",
    "TWO_PASS",
    "Rates",
    "Rival",
    "RivalKind",
    "RivalMissingError",
    "make",
    "parse",
    "set_two_pass",
]

RIVALS: dict[str, RivalKind] = {
    module.KIND.name: module.KIND
    for module in (opus, opus_ml, mp3, aac, vorbis, lc3, lyra, evs, amr_wb, amr_nb, g722, gsm, codec2)
}
CLASSES = (
    *(opus.Opus, opus_ml.OpusML, mp3.MP3, aac.AAC, vorbis.Vorbis, lc3.LC3, lyra.Lyra, evs.EVS),
    *(amr_wb.AMRWideband, amr_nb.AMRNarrowband, g722.G722, gsm.GSM, gsm.PedalboardGSM, codec2.Codec2),
)
"""What `make` makes; GSM is made in two ways."""
LAMINA, ORIGINAL = "lamina", "original"
"""What `parse` also understands: the codec itself, and the sound as it is."""


def make(name: str, kbps: float | None = None, **options: Any) -> Rival:
    """The rival of a name at a bitrate; raises RivalMissingError, or ValueError with a sentence."""
    return kind_of(name).make(kbps=kbps, **options)


def kind_of(name: str) -> RivalKind:
    """What the registry knows of a rival; raises ValueError that names them all."""
    kind = RIVALS.get(name)
    if kind is None:
        raise ValueError(f"There is no rival {name!r}; choose {', '.join(RIVALS)}.")
    return kind


def parse(text: str) -> Rival | CountedCodec:
    """What a text asks for, ready to process.

    Args:
        text: NAME, or NAME:KBPS, and then any options: "opus:12", "opus:64:frame_ms=5:application=lowdelay", "gsm".
            "lamina" takes kbps per channel, parameters, `model` and `two_pass`: "lamina:6", "lamina:3:search=4",
            "lamina:3:two_pass=on". "original" takes nothing.

    Raises RivalMissingError where something isn't there, ValueError for a name, bitrate or option that there isn't.
    """
    name, *rest = (part.strip() for part in text.split(":"))
    kbps: float | None = None
    if rest and "=" not in rest[0]:
        kbps = _number(rest.pop(0), text)
    options: dict[str, str] = {}
    for part in rest:
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} in {text!r} is no option; write NAME:KBPS:OPTION=VALUE, for example opus:12.")
        options[key.strip()] = value.strip()
    if name == ORIGINAL:
        if kbps is not None or options:
            raise ValueError(f"{text!r} asks something of the original, which is the sound as it is. Write original.")
        return Original()
    if name == LAMINA:
        return _lamina(kbps, options)
    if name not in RIVALS:
        raise ValueError(f"There is no codec {name!r}; choose {', '.join([LAMINA, ORIGINAL, *RIVALS])}.")
    return make(name, kbps, **options)


def _lamina(kbps: float | None, options: dict[str, str]) -> CountedCodec:
    codec = CountedCodec(model=options.pop(MODEL)) if MODEL in options else CountedCodec()
    values: dict[str, Any] = {} if kbps is None else {"kbps": kbps}
    two_pass = options.pop(TWO_PASS, None)
    for name, value in options.items():
        if name not in PARAMETERS:
            raise ValueError(
                f"Lamina has no parameter {name!r}; it has {', '.join(PARAMETERS)}, and {MODEL} and {TWO_PASS}."
            )
        values[name] = codec.settings.parameter(name).parse(value)
    codec.set_parameters(values)
    if two_pass is not None:
        set_two_pass(codec, two_pass)
    return codec


def set_two_pass(codec: CountedCodec, text: str) -> None:
    """Have whole pieces coded in two passes, or not; raises ValueError for anything but "on" and "off".

    Also for settings with which it can't be done.
    """
    if text not in ("on", "off"):
        raise ValueError(f"{TWO_PASS} is {text!r}; write {TWO_PASS}=on or {TWO_PASS}=off.")
    if text == "on":
        codec.planner(codec.bundle.config.sample_rate, 1)
    codec.two_pass = text == "on"


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} in {whole!r} is no bitrate; give a number of kbps, for example opus:12.") from None
