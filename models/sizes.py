"""Sizes of the codec network, by name: what `lamina train --size` trains and `--model` may ask for."""

from __future__ import annotations

import dataclasses

from lamina.models.config import CodecConfig, MemoryConfig, TransformConfig

STANDARD = "standard"


@dataclasses.dataclass(frozen=True)
class Size:
    """Args:
    config: the network's shape.
    description: one line for help and docs.
    bundle: name of the shipped bundle of this size, or None if none ships.
    """

    config: CodecConfig
    description: str
    bundle: str | None = None


_SIZES = {
    "eco": Size(
        CodecConfig(
            transform=TransformConfig(width=160, encoder_blocks=3, decoder_blocks=4),
            memory=MemoryConfig(width=160, predictor_blocks=2, sketch_blocks=1),
        ),
        "about a third of the standard networks' work, for slow machines and many codecs at once",
    ),
    STANDARD: Size(CodecConfig(memory=MemoryConfig()), "the shipped size", "lamina-24k"),
    "hq": Size(
        CodecConfig(
            transform=TransformConfig(width=384, encoder_blocks=7, decoder_blocks=10),
            memory=MemoryConfig(width=384, predictor_blocks=4, sketch_blocks=3),
        ),
        "about three times the standard networks' work, for fast machines and long training",
    ),
}

SIZES: dict[str, CodecConfig] = {name: size.config for name, size in _SIZES.items()}


def describe_size(name: str) -> str:
    """One line about a size."""
    return _SIZES[name].description


def shipped_bundle_of(name: str) -> str | None:
    """The name of the shipped bundle of the size `name`; None if that size isn't shipped."""
    return _SIZES[name].bundle
