"""The session on disk as the app uses it: described every moment, and brought back when the last one did not end in
order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.gui.model.session import Notice, Session
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.client.session_file import SessionFile, remembered_devices


@dataclass(frozen=True)
class KeptDocument:
    """The file that was open, and where in it one was."""

    path: Path
    title: str
    seconds: float
    loop: tuple[float, float] | None
    is_looping: bool


class KeptSession:
    """Args:
    folder: where the session lies; the user's data folder if None.

    `session` plays on the devices of last time. Nothing that was left behind can make it fail: what can't be brought
    back is told.
    """

    def __init__(self, music_folder: Path, folder: Path | None = None) -> None:
        self._described: dict[str, Any] | None = None
        self._told = ""
        self._file = SessionFile(lambda: self._described, folder)
        self._left = self._file.unfinished or {}
        wishes: dict[str, Any] = {"devices": remembered_devices(folder).document()}
        margin = _margin(self._left)
        if margin is not None:
            wishes["margin_samples"] = margin
        self.session = Session(LiveEngine(wishes, opens=False), music_folder)

    @property
    def is_unfinished(self) -> bool:
        """Whether the last session was cut off."""
        return bool(self._left)

    @property
    def document(self) -> KeptDocument | None:
        """What was open when the last session was cut off."""
        try:
            kept = self._left["document"]
            loop = kept["loop"]
            region = None if loop is None else (float(loop[0]), float(loop[1]))
            return KeptDocument(
                Path(kept["path"]), str(kept["title"]), float(kept["seconds"]), region, bool(kept["is_looping"])
            )
        except (LookupError, TypeError, ValueError):
            return None

    def restore_boards(self) -> str:
        """Bring back the settings of A and B; returns nothing, or a sentence that says why that can't be."""
        try:
            self.session.boards.restore(self._left["boards"])
            return ""
        except (LookupError, TypeError, ValueError, OSError) as error:
            reason = str(error) if isinstance(error, ValueError) else "they can't be read."
            return f"The settings of A and B can't be brought back: {reason}"

    def restore_place(self, kept: KeptDocument) -> None:
        """Go where one was in the open document, at rest, with its loop."""
        session = self.session
        if kept.loop is not None:
            session.set_loop_region(*kept.loop)
        session.set_looping(kept.is_looping)
        if kept.seconds > 0.0:
            session.seek(kept.seconds)

    def look(self) -> None:
        """Describe the session as it is now; called a few times a second. What is described last is what a crash
        leaves.
        """
        session, document = self.session, self.session.document
        if document is None:
            return
        place = {
            "path": str(document.opened.resolve()),
            "title": document.title,
            "seconds": round(session.player.position_seconds, 3),
            "loop": session.loop_seconds,
            "is_looping": session.is_looping,
        }
        self._described = {"engine": session.engine.wishes(), "boards": session.boards.document(), "document": place}
        if self._file.trouble and self._file.trouble != self._told:
            session.noticed.notify(Notice(self._file.trouble, is_error=True))
        self._told = self._file.trouble

    def close(self) -> None:
        """Keep the session for the last time, as one that ended in order. Before the engine ends."""
        self.look()
        self._file.close()


def _margin(left: dict[str, Any]) -> list[int] | None:
    """The safety margin that proved enough: samples, and at which rate."""
    try:
        samples, rate = (int(number) for number in left["engine"]["margin_samples"])
    except (LookupError, TypeError, ValueError):
        return None
    return [samples, rate] if samples >= 0 and rate > 0 else None
