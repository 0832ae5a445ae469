"""Scores that need not be measured twice: a file that remembers what each codec made of each window.

A score is found again only if the sounds, the codec and the programs that coded and measured are the same; anything
else is measured anew. So one file serves every bundle, and rivals are measured once.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from heldout import Window
from metrics import Scores

import lamina.plugin.metrics.waveform
from lamina.models.json_files import read_json
from lamina.plugin.metrics import METRICS

FORMAT = 1


class CacheError(ValueError):
    """The file is something else than scores; nothing was changed."""


@dataclass(frozen=True)
class Remembered:
    """What one codec made of one window: scores, and the kilobits per second it sent."""

    scores: Scores
    kbps: float


class ScoreCache:
    """Scores by key, in memory, and in a JSON file if `path` is given.

    Raises CacheError if the file is there and holds something else.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, list[float | None]] = {}
        if path is not None and path.exists():
            try:
                data = read_json(path)
                if data["format"] != FORMAT:
                    raise ValueError(f"format {data['format']}")
                self._known = dict(data["scores"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise CacheError(
                    f"{path} can't be read as remembered scores ({error}). Name another file, or delete it."
                ) from error

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> Remembered | None:
        """What is known under a key."""
        row = self._known.get(key)
        if row is None:
            return None
        kbps, *scores = (float("nan") if value is None else value for value in row)
        return Remembered(Scores(*scores), kbps)

    def put(self, key: str, found: Remembered) -> None:
        """Remember scores under a key."""
        self._known[key] = [None if value != value else value for value in (found.kbps, *asdict(found.scores).values())]

    def save(self) -> None:
        """Write the file; the old one stays until the new one is complete."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_name(self._path.name + ".partial")
        partial.write_text(json.dumps({"format": FORMAT, "scores": self._known}), encoding="utf-8")
        partial.replace(self._path)


def window_hash(window: Window) -> str:
    """The identity of a window's sounds."""
    digest = hashlib.sha256(window.reference.tobytes())
    digest.update(window.heard.tobytes())
    return digest.hexdigest()[:24]


def score_key(
    window: str, codec: str, measures: frozenset[str], sources: Sequence[Path], packages: Sequence[str]
) -> str:
    """The key of one codec's scores on the window with the hash `window`.

    Args:
        codec: the codec and its setting, with the identity of its weights if it has any.
        measures: which scores are taken.
        sources: files of program code that the coded sound depends on.
        packages: distributions that the coded sound depends on.
    """
    return f"{window} {codec} {'+'.join(sorted(measures))} {_programs(tuple(sources), tuple(packages))}"


@cache
def _programs(sources: tuple[Path, ...], packages: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for source in (Path(__file__).with_name("metrics.py"), *sources):
        digest.update(source.read_bytes())
    digest.update(Path(lamina.plugin.metrics.waveform.__file__).read_bytes())
    for metric in METRICS.values():
        digest.update(f"{metric.version};".encode())
    for package in packages:
        digest.update(f"{package} {_version(package)};".encode())
    return digest.hexdigest()[:12]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
