"""The boards A and B: what stands on them, how it is set, and which one is heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamina.plugin.board import Board
from lamina.plugin.documents.boards import BoardDocumentError, build_board, describe_board
from lamina.plugin.host.live_board.live_board import LiveBoard
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.coding.rival import Rival

BOARDS = ("A", "B")


class Boards:
    """Two boards, one of them chosen. Each begins with a codec alone.

    Args:
        on_trouble: called with a sentence when an effect fails, on the audio thread.
    """

    def __init__(self, on_trouble: Callable[[str], None]) -> None:
        self.chosen = BOARDS[0]
        self._boards = {name: Board([NeuralCodec()]) for name in BOARDS}
        self._bypassed: dict[str, set[int]] = {name: set() for name in BOARDS}
        self._on_trouble = on_trouble

    @property
    def heard(self) -> Board:
        """The chosen board."""
        return self._boards[self.chosen]

    def put(self, name: str, board: Board) -> None:
        """Put another board in the place of A or B."""
        self._boards[name] = board
        self._bypassed[name] = set()

    def set_parameters(self, name: str, path: list[int], values: dict[str, Any]) -> bool:
        """Set parameters of the effect that stands at `path` (indices, through nested boards).

        Returns whether it takes another latency now, which only a new stream has. Raises LookupError if nothing stands
        there, and what the effect raises for a value it can't take.
        """
        effect: Any = self._boards[name]
        for index in path:
            effect = effect[index]
        if isinstance(effect, NeuralCodec):
            passes = effect.passes
            effect.set_parameters(values)
            return passes != effect.passes
        if isinstance(effect, Rival):
            raise ValueError(f"{effect.title} can't be set while it plays; put another one on the board.")
        for attribute, value in values.items():
            setattr(effect, attribute, value)
        return False

    def set_bypass(self, live: LiveBoard, index: int, is_bypassed: bool) -> None:
        """Take slot `index` of the chosen board out of the sound, or back in.

        The board is heard as `live`; a failed effect is tried again.
        """
        if not 0 <= index < len(live.slots):
            raise ValueError(f"There is no effect {index}; the board has {len(live.slots)}.")
        slot = live.slots[index]
        if not is_bypassed and slot.failure:
            slot.retry()
        slot.bypass = is_bypassed
        (self._bypassed[self.chosen].add if is_bypassed else self._bypassed[self.chosen].discard)(index)

    def bypass_from_now_on(self, name: str, indices: set[int]) -> None:
        """Which slots of A or B are out of the sound when it is heard next."""
        self._bypassed[name] = set(indices)

    def live(self, sample_rate: int, width: int, block: int, beside_another: bool = False) -> LiveBoard:
        """The chosen board as a live stream.

        beside_another: another stream is still heard, perhaps of this very board. Then the effects are replaced by
        equal ones,
            because a native effect has one state, which the stream that fades out still needs.
        """
        if beside_another:
            self._boards[self.chosen] = _another(self.heard)
        board = LiveBoard(self.heard, sample_rate, width, block, self._on_trouble)
        for index in self._bypassed[self.chosen] & set(range(len(board.slots))):
            board.slots[index].bypass = True
        return board


def _another(board: Board) -> Board:
    try:
        return build_board(describe_board(board), allow_vst3=True)
    except BoardDocumentError:
        return board
