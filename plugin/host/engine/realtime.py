"""What a process and a thread can do to be on time: priority, no denormal numbers, no garbage collection in between."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import gc
import os
import platform
import sys

FIFO_PRIORITY = 20
NICE = -11
SWITCH_SECONDS = 0.0005
"""How long another Python thread may keep the interpreter while the audio thread waits for it."""


def prepare_process() -> None:
    """No collector that stops everything at a moment of its own choosing, and quick changes between threads.

    Call it when everything is loaded: what exists now is never looked at again. `collect_garbage` does the rest.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.disable()


def collect_garbage() -> None:
    """What came since `prepare_process`: little, so it takes well under a millisecond."""
    gc.collect()


def raise_priority() -> None:
    """Let the calling thread go first, as far as the system allows."""
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError, PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
            return
    if hasattr(os, "setpriority"):
        with contextlib.suppress(OSError, PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, NICE)


def ignore_denormals() -> bool:
    """Count numbers too small to be heard as zero, in the calling thread; False where it is not known how.

    A decaying filter or network state otherwise makes the processor a hundred times slower. glibc keeps the control
    word in `fenv_t`: MXCSR at byte 28 on x86-64, FPCR first on 64-bit Arm (its fenv.h).
    """
    name = ctypes.util.find_library("m")
    offset, bits = {"x86_64": (28, 0x8040), "aarch64": (0, 1 << 24)}.get(platform.machine(), (-1, 0))
    if sys.platform != "linux" or name is None or offset < 0:
        return False
    maths = ctypes.CDLL(name)
    environment = (ctypes.c_uint32 * 16)()
    if maths.fegetenv(environment) != 0:
        return False
    environment[offset // 4] |= bits
    return bool(maths.fesetenv(environment) == 0)
