"""How a thread counts: the processor's floating-point mode, which a library that is loaded may change."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def float_mode_kept() -> Iterator[None]:
    """Whatever is loaded meanwhile, the calling thread counts afterwards as it did before (on Linux).

    A shared library that was linked with fast maths has the thread that loads it take denormal numbers for zero from
    then on: what is computed later would differ from what another process computes.
    """
    name = ctypes.util.find_library("m") if sys.platform == "linux" else None
    if name is None:
        yield
        return
    maths = ctypes.CDLL(name)
    before = (ctypes.c_uint32 * 16)()  # more than an fenv_t takes on any processor
    known = maths.fegetenv(before) == 0
    try:
        yield
    finally:
        if known:
            maths.fesetenv(before)
