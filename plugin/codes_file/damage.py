"""What of a `.lamina` file could not be used, and a sentence that says so."""

from __future__ import annotations

from dataclasses import dataclass

from lamina.plugin.codes_file.blocks import Block
from lamina.plugin.codes_file.codes import USUAL_FRAME_RATE
from lamina.plugin.codes_file.header import HeaderFields

SHOWN_RANGES = 5


@dataclass(frozen=True)
class Damage:
    """What of a file could not be used.

    Args:
        missing: frames that could not be read, as (first, one past the last), in order.
        stray_bytes: bytes that belong to no block.
        frame_rate: frames per second.
    """

    missing: tuple[tuple[int, int], ...] = ()
    stray_bytes: int = 0
    frame_rate: float = USUAL_FRAME_RATE

    @property
    def n_missing(self) -> int:
        """Frames that could not be read."""
        return sum(end - first for first, end in self.missing)

    def __bool__(self) -> bool:
        return bool(self.missing or self.stray_bytes)

    def __str__(self) -> str:
        """A plain sentence, or "" if there is none."""
        sentences = []
        if self.missing:
            rate = self.frame_rate
            shown = [
                f"{first / rate:.2f} to {end / rate:.2f} s (frames {first} to {end - 1})" for first, end in self.missing
            ]
            more = [f"{len(shown) - SHOWN_RANGES} more places"] if len(shown) > SHOWN_RANGES else []
            places = shown[:SHOWN_RANGES] + more
            listed = ", ".join(places[:-1]) + " and " + places[-1] if len(places) > 1 else places[0]
            sentences.append(f"The file is damaged or cut off: {listed} could not be read.")
        if self.stray_bytes:
            what = (
                "1 byte of the file belongs"
                if self.stray_bytes == 1
                else f"{self.stray_bytes} bytes of the file belong"
            )
            sentences.append(f"{what} to no block and {'was' if self.stray_bytes == 1 else 'were'} passed over.")
        return " ".join(sentences)


class DamageTally:
    """What is missing beside the blocks that are used.

    Args:
        header: of the file.
        n_bytes: that should be blocks.
    """

    def __init__(self, header: HeaderFields, n_bytes: int) -> None:
        self._header, self._stray_bytes = header, n_bytes
        self._missing: list[tuple[int, int]] = []
        self._next_frame = 0

    def use(self, block: Block) -> None:
        """A block that is used; they come in the order of their frames."""
        if block.first > self._next_frame:
            self._missing.append((self._next_frame, block.first))
        self._next_frame = block.first + block.n_frames
        self._stray_bytes -= block.end - block.start

    def damage(self) -> Damage:
        """If no more blocks follow."""
        n_frames = self._header.frames
        rest = [(self._next_frame, n_frames)] if self._next_frame < n_frames else []
        return Damage((*self._missing, *rest), self._stray_bytes, self._header.frame_rate)
