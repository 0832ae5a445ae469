"""Codecs in shared libraries of the system, which Debian packages."""

from __future__ import annotations

import ctypes
from ctypes.util import find_library
from functools import lru_cache


@lru_cache
def library(name: str, so_file: str) -> ctypes.CDLL | None:
    """A shared library by its file's name ("libgsm.so.1"), or as the linker finds it ("gsm"); None if it isn't there.

    Functions keep the argument types that one user declares, so each module that declares some names its own library.
    """
    for candidate in (so_file, find_library(name)):
        if candidate is not None:
            try:
                return ctypes.CDLL(candidate)
            except OSError:
                continue
    return None


def absent_library(title: str, package: str) -> str:
    """The sentence for a library that isn't there."""
    return f"{title} needs a library that is not installed; install it with: sudo apt install {package}"
