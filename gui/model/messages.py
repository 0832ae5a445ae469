"""What the user was told lately, for those who were looking elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from lamina.gui.model.session import Notice

MOST_MESSAGES = 10


@dataclass(frozen=True)
class Message:
    """A notice, and when it was told: seconds since the epoch."""

    notice: Notice
    at: float

    def clock(self) -> str:
        """When that was, as a clock here shows it: 14:05."""
        return time.strftime("%H:%M", time.localtime(self.at))


class Messages:
    """The last ten, the latest first; one that comes again takes the place of itself.

    Args:
        now: seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._kept: deque[Message] = deque(maxlen=MOST_MESSAGES)

    def add(self, notice: Notice) -> None:
        """Keeps what is being told."""
        if self._kept and self._kept[0].notice.text == notice.text:
            self._kept.popleft()
        self._kept.appendleft(Message(notice, self._now()))

    def latest(self) -> list[Message]:
        """What is kept."""
        return list(self._kept)
