"""Names for recordings that overwrite nothing: take.wav, take 2.wav, take 3.wav."""

from __future__ import annotations

from pathlib import Path


def next_take(path: Path) -> Path:
    """The first free name of the series that `path` belongs to; `path` itself if it is free."""
    if not path.exists():
        return path
    stem, _, number = path.stem.rpartition(" ")
    first = int(number) + 1 if stem and number.isdecimal() else 2
    stem = stem if stem and number.isdecimal() else path.stem
    while (candidate := path.with_name(f"{stem} {first}{path.suffix}")).exists():
        first += 1
    return candidate
