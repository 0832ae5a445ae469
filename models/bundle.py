"""Bundles: one shipped model as a folder, checked before use.

A bundle holds `model.json` (format, config, hashes, how it was trained), the graphs `encoder.onnx`,
`decoder.onnx` and `quantizer-1.onnx` … (a group of layers each), `snapshot.npz` (inputs with the outputs they
must give) and `MODEL_CARD.md`. Opening verifies every hash, so that a damaged download is named instead of heard.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.models.config import BITS_PER_CODE, CodecConfig

BUNDLE_FORMAT = 1
DEFAULT_BUNDLE = "lamina-24k"
ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
LAYERS_PER_GRAPH = 8
"""Layers in one quantizer graph: a stream with few layers runs few graphs."""
SNAPSHOT = "snapshot.npz"
MODEL_CARD = "MODEL_CARD.md"


class BundleError(ValueError):
    """A bundle is missing, damaged, or made for another Lamina."""


@dataclass(frozen=True)
class Bundle:
    """A verified bundle.

    Args:
        path: its folder.
        name: what it is called in presets and on the command line.
        config: the network's shape.
        conditioned: whether denoise conditioning was trained.
        training: how it was trained (steps, hours, data), as shown by `lamina info`.
        hashes: SHA-256 of each file.
    """

    path: Path
    name: str
    config: CodecConfig
    conditioned: bool
    training: dict[str, Any]
    hashes: dict[str, str]

    @property
    def kbps_per_layer(self) -> float:
        """Kilobits per second that one layer sends."""
        return self.config.frame_rate * BITS_PER_CODE / 1000

    @property
    def digest(self) -> str:
        """SHA-256 over the files' hashes: the identity of the weights."""
        return hashlib.sha256(json.dumps(self.hashes, sort_keys=True).encode()).hexdigest()


def quantizer_graphs(config: CodecConfig) -> list[str]:
    """Files of the quantizer's graphs, coarsest layers first."""
    return [f"quantizer-{index + 1}.onnx" for index in range(-(-config.layers // LAYERS_PER_GRAPH))]


def required_files(config: CodecConfig) -> list[str]:
    """The files whose hashes a bundle must list."""
    return [ENCODER, DECODER, *quantizer_graphs(config), SNAPSHOT]


def weights_folder() -> Path:
    """Where the shipped bundles are."""
    return Path(__file__).parent / "weights"


def list_bundles() -> list[str]:
    """Names of the shipped bundles."""
    return sorted(path.parent.name for path in weights_folder().glob("*/model.json"))


def open_bundle(name_or_path: str | Path = DEFAULT_BUNDLE) -> Bundle:
    """Open a shipped bundle by name, or any by its folder.

    Raises BundleError with a sentence if it is not there, not complete, or a file's hash is wrong.
    """
    path = Path(name_or_path)
    if isinstance(name_or_path, str) and not path.is_dir():
        path = weights_folder() / name_or_path
    if not (path / "model.json").is_file():
        known = ", ".join(list_bundles()) or "none"
        raise BundleError(f"There is no bundle {str(name_or_path)!r}. Shipped bundles: {known}; or give a folder that holds a model.json.")
    try:
        data = json.loads((path / "model.json").read_text(encoding="utf-8"))
        version, files = data["format"], dict(data["files"])
        if version != BUNDLE_FORMAT:
            raise BundleError(f"{path} has bundle format {version}; this Lamina reads format {BUNDLE_FORMAT}. Update Lamina or the bundle.")
        bundle = Bundle(path, data["name"], CodecConfig.from_json(data["config"]), bool(data["conditioned"]), data["training"], files)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise BundleError(f"{path / 'model.json'} is damaged ({error!r}). Install the bundle again.") from error
    _verify_hashes(bundle)
    return bundle


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify_hashes(bundle: Bundle) -> None:
    missing = [name for name in required_files(bundle.config) if name not in bundle.hashes]
    if missing:
        raise BundleError(f"The bundle {bundle.path} lists no {missing[0]}. Install the bundle again.")
    for name, expected in bundle.hashes.items():
        path = bundle.path / name
        if not path.is_file():
            raise BundleError(f"The bundle {bundle.path} lacks its file {name}. Install the bundle again.")
        actual = file_hash(path)
        if actual != expected:
            raise BundleError(
                f"The bundle's file {path} is damaged: SHA-256 {actual[:16]}… instead of {expected[:16]}…. Install the bundle again."
            )
