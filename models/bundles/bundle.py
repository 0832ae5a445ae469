"""Bundles: one model as a folder, shipped or the user's own, checked before use.

A bundle holds `model.json` (format, config, hashes, how it was trained), the graphs `encoder.onnx`,
`decoder.onnx` and `quantizer-1.onnx` … (a group of layers each), with a memory also `lags.onnx`, `memory.onnx` and
`coarse.onnx`, `snapshot.npz` (inputs with the outputs they must give) and `MODEL_CARD.md`. Opening verifies every hash,
so that a damaged download is named instead of heard.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lamina.models.bundles.own_bundles import (
    check_free,
    check_own,
    is_name,
    own_bundle_names,
    own_bundles_folder,
    run_folder,
)
from lamina.models.config import CodecConfig
from lamina.models.json_files import parse_json, read_regular
from lamina.models.leftovers import temporary_folder
from lamina.models.sizes import SIZES, shipped_bundle_of

BUNDLE_FORMAT = 2
DEFAULT_BUNDLE = "lamina-24k"
ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
LAGS, MEMORY, COARSE = "lags.onnx", "memory.onnx", "coarse.onnx"
"""Of a codec with a memory: the search for lags, sketch and predictor, and the quantizer of frames without a lag."""
LAYERS_PER_GRAPH = 8
"""Layers in one quantizer graph: a stream with few layers runs few graphs."""
SNAPSHOT = "snapshot.npz"
MODEL_CARD = "MODEL_CARD.md"


SHIPPED_MANIFESTS = {"lamina-24k": "a7217d28ca5ff4aca7bf3d0afd4bf9e50d90b00172155b5a49a0aaa24e1ea434"}
"""SHA-256 of the `model.json` of each bundle that comes with Lamina.

That file holds the hashes of the bundle's other files: hashes that lie beside what they are of tell damage, not
another's hand.
"""
LARGEST_MANIFEST, LARGEST_MODEL_FILE = 1 << 20, 1 << 30
_HASH = re.compile("[0-9a-f]{64}")


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
        """Kilobits per second that one layer sends, on the average of all."""
        return self.config.kbps(self.config.layers) / self.config.layers

    @property
    def digest(self) -> str:
        """SHA-256 over the files' hashes: the identity of the weights."""
        return hashlib.sha256(json.dumps(self.hashes, sort_keys=True).encode()).hexdigest()


def quantizer_groups(config: CodecConfig) -> list[slice]:
    """The residual layers that each of the quantizer's graphs codes.

    With a memory, the first one's are those that its loop hears.
    """
    first = LAYERS_PER_GRAPH if config.memory is None else config.memory.loop_layers - 1
    edges = [0, *range(first, config.residual_layers, LAYERS_PER_GRAPH), config.residual_layers]
    return [slice(start, stop) for start, stop in zip(edges, edges[1:], strict=False)]


def quantizer_graphs(config: CodecConfig) -> list[str]:
    """Files of the quantizer's graphs, coarsest layers first."""
    return [f"quantizer-{index + 1}.onnx" for index in range(len(quantizer_groups(config)))]


def required_files(config: CodecConfig) -> list[str]:
    """The files whose hashes a bundle must list."""
    remembering = [] if config.memory is None else [LAGS, MEMORY, COARSE]
    return [ENCODER, DECODER, *quantizer_graphs(config), *remembering, SNAPSHOT]


def weights_folder() -> Path:
    """Where the shipped bundles are."""
    return Path(__file__).parent.parent / "weights"


def shipped_bundles() -> list[str]:
    """Names of the bundles that come with Lamina."""
    return sorted(path.parent.name for path in weights_folder().glob("*/model.json"))


def list_bundles() -> list[str]:
    """Names of all bundles: the shipped ones, then the user's own, damaged ones too (see `survey_bundles`)."""
    shipped = shipped_bundles()
    return shipped + [name for name in own_bundle_names() if name not in shipped]


@dataclass(frozen=True)
class BundleEntry:
    """One line of the list of bundles.

    Args:
        name: what it is opened by.
        is_own: whether it is the user's own.
        bundle: what is there, or None if it can't be used.
        problem: a sentence that says why it can't be used, or "".
    """

    name: str
    is_own: bool
    bundle: Bundle | None
    problem: str = ""


def survey_bundles() -> list[BundleEntry]:
    """All bundles with what is wrong with them, if anything is; a damaged one is an entry, not an error."""
    shipped = shipped_bundles()
    entries = []
    for name in list_bundles():
        try:
            entries.append(BundleEntry(name, name not in shipped, open_bundle(name)))
        except (ValueError, OSError, RuntimeError) as error:
            entries.append(BundleEntry(name, name not in shipped, None, str(error)))
    return entries


def open_bundle(name_or_path: str | Path = DEFAULT_BUNDLE) -> Bundle:
    """Open a bundle by name (shipped first, then the user's own, then sizes such as "standard"), or any by its folder.

    Raises BundleError with a sentence if it is not there, not complete, or a file's hash is wrong.
    """
    path = find_bundle(name_or_path)
    manifest = path / "model.json"
    try:
        text = read_regular(manifest, LARGEST_MANIFEST)
        data = parse_json(text)
        version, files = data["format"], dict(data["files"])
        if version != BUNDLE_FORMAT:
            raise BundleError(
                f"{path} has bundle format {version}; this Lamina reads format {BUNDLE_FORMAT}. Update Lamina or the "
                "bundle."
            )
        _check_files(files)
        name, training = data["name"], data["training"]
        if not isinstance(name, str) or not isinstance(training, dict):
            raise TypeError("name must be text and training an object")
        bundle = Bundle(path, name, CodecConfig.from_json(data["config"]), bool(data["conditioned"]), training, files)
    except BundleError:
        raise
    except FileNotFoundError as error:
        raise BundleError(f"The bundle {path} has no model.json. Install or train it again.") from error
    except OSError as error:
        raise BundleError(f"{manifest} can't be read: {error.strerror or error}.") from error
    except Exception as error:
        # Whatever stands in the file and whatever the config makes of it: one bad model is not the end of the others.
        raise BundleError(f"{manifest} is damaged ({error!r}). Install the bundle again.") from error
    _verify_origin(path, text)
    _verify_hashes(bundle)
    return bundle


def opened_bundle(name_or_path: str | Path = DEFAULT_BUNDLE) -> Bundle:
    """A bundle as `open_bundle` opens it, read and verified once per process; again when it was replaced."""
    return _opened(*bundle_version(name_or_path))


@lru_cache(maxsize=16)
def _opened(folder: str, _written_ns: int) -> Bundle:
    return open_bundle(folder)


def find_bundle(name_or_path: str | Path) -> Path:
    """The folder of a bundle that is given by name or by folder; it is not opened yet.

    A name is never taken for a folder that happens to lie in the working directory.

    Raises BundleError that lists what there is.
    """
    if isinstance(name_or_path, str) and is_name(name_or_path):
        if name_or_path in shipped_bundles():
            return weights_folder() / name_or_path
        if name_or_path in own_bundle_names():
            return own_bundles_folder() / name_or_path
        if name_or_path in SIZES:
            return _shipped_size(name_or_path)
    path = Path(name_or_path)
    if (path / "model.json").is_file():
        return path
    own = own_bundle_names()
    known = ", ".join(shipped_bundles()) or "none"
    yours = f" Yours: {', '.join(own)}." if own else ""
    raise BundleError(
        f"There is no model {str(name_or_path)!r}. Shipped: {known}.{yours} Or give a folder that holds a model.json."
    )


def _shipped_size(size: str) -> Path:
    bundle = shipped_bundle_of(size)
    if bundle is None:
        raise BundleError(
            f"No model of the size {size!r} comes with Lamina yet. Train one: lamina train --size {size} --data "
            f"my_takes/ --name my-{size}"
        )
    return weights_folder() / bundle


def install_bundle(source: Path, name: str) -> Path:
    """Copy the bundle in the folder `source` to the user's own as `name`; returns its folder.

    An existing one of that name stays until the copy is complete and verified. Raises BundleError if the copy is not a
    sound bundle, OSError if it can't be written; the old one is still there then.
    """
    folder = own_bundles_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    # A name with a dot in front is never listed as a bundle, whatever interrupts the copying.
    with temporary_folder(folder, ".installing") as temporary:
        fresh, old = temporary / "new", temporary / "old"
        shutil.copytree(source, fresh)
        open_bundle(fresh)
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    return target


def rename_own_bundle(name: str, new_name: str) -> Path:
    """Give one of the user's own bundles another name, and its training run with it; returns the bundle's folder.

    The digest, by which files know their model, doesn't depend on the name.

    Raises ValueError for a name that isn't there or can't be had, BundleError for a damaged bundle, OSError if folders
    can't be moved; nothing has changed then.
    """
    check_own(name)
    if new_name.casefold() in SIZES:
        raise ValueError(f"{new_name!r} is the name of a size. Choose another name for your model.")
    if new_name.casefold() != name.casefold():
        check_free(new_name, shipped_bundles(), replace=False)
    elif new_name == name or not is_name(new_name):
        raise ValueError(f"The model is called {name!r} already.")
    folder = own_bundles_folder() / name
    open_bundle(folder)
    target = folder.with_name(new_name)
    run, new_run = run_folder(name), run_folder(new_name)
    if run.is_dir() and new_run.exists() and not (new_run.samefile(run)):
        raise ValueError(f"There is a training run called {new_name!r} in {new_run}. Choose another name, or move it.")
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    folder.rename(target)
    partial = target / ".model.json"
    partial.write_text(json.dumps(manifest | {"name": new_name}, indent=1), encoding="utf-8")
    partial.replace(target / "model.json")
    if run.is_dir():
        run.rename(new_run)
    return target


def remove_own_bundle(name: str) -> None:
    """Remove one of the user's own bundles for good; raises ValueError if there is none, OSError if it can't be."""
    check_own(name)
    folder = own_bundles_folder()
    # Out of the list at once, whatever interrupts the rest.
    with temporary_folder(folder, ".removing") as temporary:
        (folder / name).rename(temporary / "old")


def bundle_version(name_or_path: str | Path) -> tuple[str, int]:
    """What an opened bundle is remembered by: its folder, and when its manifest was written.

    The time is in ns, 0 without a manifest.
    """
    path = find_bundle(name_or_path).resolve()
    manifest = path / "model.json"
    return str(path), manifest.stat().st_mtime_ns if manifest.is_file() else 0


def file_hash(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_files(files: dict[Any, Any]) -> None:
    """Raises ValueError for a file that might lie elsewhere than in the bundle's folder, or a hash that is none."""
    for name, expected in files.items():
        if name in ("", ".", "..") or any(sign in name for sign in "/\\\0") or Path(name).name != name:
            raise ValueError(f"{name!r} is no file of the bundle's own folder")
        if not isinstance(expected, str) or not _HASH.fullmatch(expected):
            raise ValueError(f"the hash of {name!r} is no SHA-256")


def _verify_origin(path: Path, manifest: bytes) -> None:
    """Raises BundleError if a bundle stands in the place of a shipped one and isn't it."""
    expected = SHIPPED_MANIFESTS.get(path.name) if path.parent == weights_folder() else None
    if expected is not None and hashlib.sha256(manifest).hexdigest() != expected:
        raise BundleError(f"The model in {path} is not the one that comes with this Lamina. Install Lamina again.")


def _verify_hashes(bundle: Bundle) -> None:
    missing = [name for name in required_files(bundle.config) if name not in bundle.hashes]
    if missing:
        raise BundleError(f"The bundle {bundle.path} lists no {missing[0]}. Install the bundle again.")
    for name, expected in bundle.hashes.items():
        path = bundle.path / name
        if not path.is_file():
            raise BundleError(f"The bundle {bundle.path} lacks its file {name}. Install the bundle again.")
        if path.stat().st_size > LARGEST_MODEL_FILE:
            raise BundleError(
                f"The bundle's file {path} has more than {LARGEST_MODEL_FILE >> 20} MB, which none needs."
            )
        actual = file_hash(path)
        if actual != expected:
            raise BundleError(
                f"The bundle's file {path} is damaged: SHA-256 {actual[:16]}… instead of {expected[:16]}…. Install the "
                "bundle again."
            )
