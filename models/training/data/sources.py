"""Where training data comes from: folders, packed into the cache when they are new or changed, and packed files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lamina.models.training.data.pack import cached_pack
from lamina.models.training.data.packed import PackedSet, is_packed, open_packed


def open_sources(
    sources: list[Path], cache: Path | None, sample_rate: int, progress: Callable[[float], None] | None = None
) -> list[PackedSet]:
    """The packed sets of folders, which are packed into `cache` (the user's cache folder if None), and of packed files.

    Raises ValueError if one is missing or damaged, or has another sample rate.
    """
    for source in sources:
        if not source.is_dir() and not is_packed(source):
            raise ValueError(
                f"{source} is not a folder and not a packed file; give a folder of sound files, or pack one: lamina "
                "data pack."
            )
    sets = []
    for number, source in enumerate(sources):
        done = number / len(sources)
        report = None if progress is None else lambda share, done=done: progress(done + share / len(sources))
        packed = open_packed(
            cached_pack(source, cache or _users_cache(), sample_rate, report) if source.is_dir() else source
        )
        if packed.sample_rate != sample_rate:
            raise ValueError(
                f"{source} is packed at {packed.sample_rate} Hz; this model needs {sample_rate} Hz. Pack the folder "
                "again."
            )
        sets.append(packed)
    return sets


def _users_cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("lamina"))
