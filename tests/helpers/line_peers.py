"""Both ends of a line in one process, in slow motion: a busy machine keeps up, and no test needs the clock's pace."""

from __future__ import annotations

import asyncio
import contextlib
import time

import numpy as np
import pytest

from lamina.plugin.line.joining import opening, peer, pump, sound

PATIENCE = 120.0
SLOWER = 5.0


class SlowTime:
    """The `time` of what moves sound and messages: so many times slower than the real one."""

    sleep = staticmethod(time.sleep)

    @staticmethod
    def monotonic():
        return time.monotonic() / SLOWER


@pytest.fixture
def slow_motion(monkeypatch):
    for module in (peer, pump, sound):
        monkeypatch.setattr(module, "time", SlowTime)


@contextlib.asynccontextmanager
async def two_peers(here, there):
    """Both peers of a line; each is given what `offer` and `join` take."""
    async with opening.offer(**here) as offered, opening.join(str(offered.invitation), **there) as joined:
        yield await offered.peer(), joined


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def run(coroutine):
    async def with_patience():
        async with asyncio.timeout(PATIENCE):
            await coroutine

    asyncio.run(with_patience())


def is_in_order_in(some, all_of_them):
    """Whether the rows of one array are found in the other, in order."""
    rest = iter(all_of_them)
    return all(any(np.array_equal(one, other) for other in rest) for one in some)
