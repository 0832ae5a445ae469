"""The session on disk as the app uses it.

It is described every moment, and brought back at the next start, whether the last one ended in order or not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lamina.gui.model.listening.comparing import Comparing
from lamina.gui.model.session import Notice, Session
from lamina.gui.model.sound.pictures import PICTURES
from lamina.gui.model.values.boards import BoardsAsText, ReadBoards, read_boards
from lamina.plugin.call.arrays import HIGHEST_RATE, LOWEST_RATE
from lamina.plugin.host.client.live_engine import LiveEngine
from lamina.plugin.host.client.session_file import SessionFile, devices_of_last_time

LONGEST_TITLE = 256
LONGEST_SECONDS = 1e7
MOST_MARGIN_SECONDS = 1.0
"""More than an engine ever grows to."""

MOST_PIXELS = 100_000
QUICK_BYTES = 1 << 18
"""Presets and sessions up to this size are read at once: it takes less than two of the window's pictures."""


@dataclass(frozen=True)
class KeptDocument:
    """The file that was open, and where in it one was."""

    path: Path
    title: str
    seconds: float
    loop: tuple[float, float] | None
    is_looping: bool


@dataclass(frozen=True)
class KeptWindow:
    """How the window lay.

    Width and height are logical pixels of the window that isn't maximized; `tab` is the desk's open one, "" if it was
    closed. `line_name` is what one is called on a line; `pictures` are the names of the rolling ones that were shown,
    none where that isn't known, and `codebooks` is how the codes were, "" likewise.
    """

    width: int
    height: int
    is_maximized: bool = False
    tab: str = ""
    line_name: str = ""
    pictures: tuple[str, ...] = ()
    codebooks: str = ""


class KeptSession:
    """Args:
    folder: where the session lies; the user's data folder if None.

    `session` plays on the devices of last time. `shape` is the window's as it is now, for whoever has one to set.
    Nothing that was left behind can make it fail: what can't be brought back is told.
    """

    def __init__(self, music_folder: Path, folder: Path | None = None) -> None:
        self.shape: KeptWindow | None = None
        self._seen: tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any], KeptWindow | None] | None = (
            None
        )
        self._boards_as_text = BoardsAsText()
        self._told = ""
        self._file = SessionFile(self._describe, folder)
        self._left = self._file.left or {}
        devices, self._devices_lost = devices_of_last_time(folder)
        wishes: dict[str, Any] = {"devices": devices.document()}
        # After an orderly end the margin begins small again: what made it grow may have gone.
        margin = _margin(self._left) if self.is_unfinished else None
        if margin is not None:
            wishes["margin_samples"] = margin
        self.session = Session(LiveEngine(wishes, opens=False), music_folder)
        self.comparing = Comparing(self.session)

    @property
    def is_unfinished(self) -> bool:
        """Whether the last session was cut off."""
        return self.has_left and self._file.was_cut_off

    @property
    def has_left(self) -> bool:
        """Whether there is anything to bring back."""
        return bool(self._left)

    @property
    def window(self) -> KeptWindow | None:
        """How the window lay at the end of the last session."""
        try:
            kept = self._left["window"]
            width, height = int(kept["width"]), int(kept["height"])
            if not (0 < width < MOST_PIXELS and 0 < height < MOST_PIXELS):
                return None
            name = str(kept.get("line_name", ""))[:LONGEST_TITLE]
            pictures = tuple(name for name in PICTURES if name in kept.get("pictures", ()))
            shown = bool(kept["is_maximized"]), str(kept["tab"]), name, pictures, str(kept.get("codebooks", ""))
            return KeptWindow(width, height, *shown)
        except (AttributeError, LookupError, TypeError, ValueError, OverflowError):
            return None

    @property
    def document(self) -> KeptDocument | None:
        """What was open at the end of the last session."""
        if not self._left:
            return None
        try:
            kept = self._left["document"]
            loop = kept["loop"]
            region = None if loop is None else (_seconds(loop[0]), _seconds(loop[1]))
            path, title = Path(kept["path"]), str(kept["title"])[:LONGEST_TITLE]
            path.is_file()  # raises for what can be no path, such as a name that is too long
            return KeptDocument(path, title, _seconds(kept["seconds"]), region, bool(kept["is_looping"]))
        except (LookupError, TypeError, ValueError, OSError):
            self._file.set_aside("it does not say which file was open")
            return None

    @property
    def lost(self) -> str:
        """A sentence about what was left behind, can't be read and is kept under another name; or nothing."""
        return " ".join(text for text in (self._file.lost, self._devices_lost) if text)

    @property
    def is_large(self) -> bool:
        """Whether what was left behind takes longer to be read than the window can wait."""
        return self._file.left_bytes > QUICK_BYTES

    def read_boards(self) -> ReadBoards | Exception:
        """The settings of A and B as they were, or what is wrong with them; on any thread."""
        try:
            return read_boards(self._left["boards"])
        except Exception as error:
            # Whatever stands in a damaged file: the app opens all the same.
            return error

    def restore_boards(self, read: ReadBoards | Exception | None = None) -> str:
        """Bring back the settings of A and B; returns nothing, or a sentence that says why that can't be.

        Args:
            read: what `read_boards` gave; None to read them now.
        """
        read = self.read_boards() if read is None else read
        if not isinstance(read, Exception):
            self.session.boards.take(read)
            return ""
        reason = str(read) if isinstance(read, ValueError) else "they can't be read."
        self._file.set_aside("the settings of A and B can't be read")
        return f"The settings of A and B can't be brought back: {reason}"

    def restore_compared(self) -> str:
        """Bring back the slots, which are made when they are looked at; returns nothing, or a sentence that says why
        that can't be.
        """
        if "compared" not in self._left:
            return ""
        try:
            self.comparing.restore(self._left["compared"])
            return ""
        except Exception:
            # Whatever stands there: all else is brought back.
            return "The slots that were compared can't be read and are gone."

    def restore_place(self, kept: KeptDocument) -> None:
        """Go where one was in the open document, at rest, with its loop."""
        session = self.session
        if kept.loop is not None:
            session.set_loop_region(*kept.loop)
        session.set_looping(kept.is_looping)
        if kept.seconds > 0.0:
            session.seek(kept.seconds)

    def look(self) -> None:
        """Describe the session as it is now; called a few times a second.

        What is described last is what is brought back, after a crash too.
        """
        session, document = self.session, self.session.document
        if self._file.trouble and self._file.trouble != self._told:
            session.noticed.notify(Notice(self._file.trouble, is_error=True))
        self._told = self._file.trouble
        if document is None or session.codec is None:
            return
        place = {
            "path": str(document.opened.resolve()),
            "title": document.title,
            "seconds": round(session.player.position_seconds, 3),
            "loop": session.loop_seconds,
            "is_looping": session.is_looping,
        }
        # References only, for this is the window's thread: `_describe` makes text of them on another.
        compared = self.comparing.document()
        self._seen = session.engine.wishes(), session.boards.snapshot(), place, compared, self.shape

    def _describe(self) -> dict[str, Any] | None:
        if self._seen is None:
            # An end before everything is loaded must not forget the last session.
            return self._file.left
        wishes, boards, place, compared, shape = self._seen
        # The engine's boards are those of `boards`, and what it compares is made anew.
        engine = {name: wish for name, wish in wishes.items() if name not in ("boards", "compared")}
        described = {
            "engine": engine,
            "boards": self._boards_as_text.document(boards),
            "document": place,
            "compared": compared,
        }
        return described if shape is None else {**described, "window": asdict(shape)}

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
    is_possible = LOWEST_RATE <= rate <= HIGHEST_RATE and 0 <= samples <= MOST_MARGIN_SECONDS * rate
    return [samples, rate] if is_possible else None


def _seconds(value: Any) -> float:
    """A place in a file; raises TypeError or ValueError."""
    seconds = float(value)
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"{seconds} s is no place in a file.")
    return seconds
