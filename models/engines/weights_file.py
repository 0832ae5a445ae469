"""The weights file: one model in one file, which the core opens by itself (`core/weights_file.cpp` tells its layout).

It is what the native plugin reads: a bundle's graphs are for ONNX Runtime, and reading them takes Python.
"""

from __future__ import annotations

import ctypes
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lamina.models.bundles.bundle import Bundle, BundleError
from lamina.models.bundles.byte_weights import CODES, SCALES
from lamina.models.bundles.own_bundles import is_name
from lamina.models.engines.core import LONGEST_PROBLEM, codec_arrays, library, shape_of, why_not
from lamina.models.places import data_folder

MAGIC, VERSION = b"LAMINAWF", 1
ALIGNMENT = 64
SUFFIX = ".weights"
READ_AS_FLOATS = ("analysis.linear.weight", "linear_path.weight", "synthesis.linear.weight")
"""Ends of the names of matrices that encoder and decoder read in floats; a memory's are in bytes."""
_HEAD = struct.Struct("<8sIIQII256s64s")
_ENTRY = struct.Struct("<72sIIQQ")
_TABLE_AT = 480
_CHECKED_FROM = 16


def weights_folder_of_plugins() -> Path:
    """Where the plugin looks for the user's own models; it need not exist."""
    return data_folder() / "plugin"


def own_weights_file(name: str) -> Path:
    """Where the plugin finds the model `name`; raises ValueError for what can be no model's name."""
    if not is_name(name):
        raise ValueError(f"{name!r} can't be the name of a model. Give the file that is to be written.")
    return weights_folder_of_plugins() / f"{name}{SUFFIX}"


def write_weights_file(bundle: Bundle, target: Path) -> None:
    """Write a bundle's weights as `target`, which is replaced only when the core has opened what was written.

    Raises BundleError for a bundle that the core can't compute, OSError if the file can't be written.
    """
    reason = why_not(bundle.config)
    if reason:
        raise BundleError(f"The bundle {bundle.path} can't be made a weights file. {reason}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-") as folder:
        fresh = Path(folder) / target.name
        fresh.write_bytes(weights_file(bundle))
        _check_opens(fresh)
        fresh.replace(target)


def weights_file(bundle: Bundle) -> bytes:
    """The file's bytes: the same for the same bundle."""
    arrays = _only_read(codec_arrays(bundle))
    place = _aligned(_TABLE_AT + len(arrays) * _ENTRY.size)
    entries, parts = [], []
    for name, values in sorted(arrays.items()):
        entries.append(_ENTRY.pack(name.encode("ascii"), int(values.dtype == np.uint8), 0, values.size, place))
        padded = values.tobytes().ljust(_aligned(values.nbytes), b"\0")
        parts.append(padded)
        place += len(padded)
    table = b"".join(entries)
    shape = bytes(shape_of(bundle.config))
    called, digest = bundle.name.encode()[:255], bundle.digest.encode()
    head = _HEAD.pack(MAGIC, VERSION, 0, place, len(arrays), int(bundle.conditioned), called, digest)
    begun = (head + shape).ljust(_TABLE_AT, b"\0") + table
    whole = b"".join([begun.ljust(_aligned(len(begun)), b"\0"), *parts])
    checksum = struct.pack("<I", zlib.crc32(whole[_CHECKED_FROM:]))
    return whole[: _CHECKED_FROM - len(checksum)] + checksum + whole[_CHECKED_FROM:]


def _only_read(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Of matrices that are there in floats and in bytes what the core reads."""
    kept = dict(arrays)
    for name in (name.removesuffix(CODES) for name in arrays if name.endswith(CODES)):
        if name.endswith(READ_AS_FLOATS) and not name.startswith("memory."):
            del kept[name + CODES], kept[name + SCALES]
        else:
            kept.pop(name, None)
    return kept


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _check_opens(path: Path) -> None:
    core = library()
    assert core is not None
    problem = ctypes.create_string_buffer(LONGEST_PROBLEM)
    codec = core.lamina_open(str(path).encode(), None, None, problem, LONGEST_PROBLEM)
    if not codec:
        raise BundleError(f"The weights that were written can't be opened: {problem.value.decode(errors='replace')}")
    core.lamina_destroy(codec)
