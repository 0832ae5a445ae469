"""What of a `.lamina` file could not be used, and a sentence that says so."""

from __future__ import annotations

from collections.abc import Iterable
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


def damage_of(used: Iterable[Block], header: HeaderFields, n_bytes: int) -> Damage:
    """What is missing beside the blocks that were used, of `n_bytes` that should be blocks."""
    missing, next_frame, stray_bytes = [], 0, n_bytes
    for block in used:
        if block.first > next_frame:
            missing.append((next_frame, block.first))
        next_frame = block.first + block.n_frames
        stray_bytes -= block.end - block.start
    if next_frame < header.frames:
        missing.append((next_frame, header.frames))
    return Damage(tuple(missing), stray_bytes, header.frame_rate)
