"""Decimation: layers that are refreshed only once in a while, and held between."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lamina.plugin.desk.effect import CodeEffect
from lamina.plugin.desk.frame import ABSENT, CodedFrame
from lamina.plugin.parameters.declare import ParameterGroup, parameter, switch
from lamina.plugin.parameters.kinds import MAX_LAYERS

if TYPE_CHECKING:
    from lamina.models.runtime import CodecRuntime
    from lamina.plugin.parameters.settings import Settings

MOST_HELD_FRAMES = 256
"""Nearly three and a half seconds."""
LAYERS_PER_DOUBLING = 4
"""With the higher the slower. Doubling keeps layers in step: whenever one is refreshed, so are all those below it."""


class Decimate(CodeEffect):
    """Its memory: the codes that came lately.

    What is held follows from the frame's number alone, not from when it was switched on.
    """

    class Parameters(ParameterGroup, group="codes", tab="Bend", section="Decimate", page="decimate"):
        decimate_frames: int = parameter(
            "Hold", 1, 32, default=1, unit="frames",
            help="Layers are refreshed only once in so many frames and held between; 1 holds none.",
        )  # fmt: skip
        decimate_from: int = parameter(
            "Held from", 1, MAX_LAYERS, default=3, of_layers=True, refines="decimate_frames",
            help="First layer that is held; those below it play on.",
        )  # fmt: skip
        decimate_slower: bool = switch(
            "Slower above", default=False, refines="decimate_frames",
            help="Holds twice as long every four layers further up.",
        )  # fmt: skip

    def __init__(self, runtime: CodecRuntime) -> None:
        super().__init__(runtime)
        self._past: deque[CodedFrame] = deque(maxlen=MOST_HELD_FRAMES)

    @staticmethod
    def is_active(settings: Settings) -> bool:
        return settings.decimate_frames > 1

    def step(self, frame: CodedFrame, settings: Settings, index: int) -> CodedFrame:
        """The frame, its held layers as they were when the number was last a multiple of what each is held for."""
        self._past.append(frame)
        if not self.is_active(settings) or frame.layers == 0:
            return frame
        n_frames, start, is_slower = settings.decimate_frames, settings.decimate_from, settings.decimate_slower
        held_for = hold_lengths(frame.codes.shape[1], n_frames, start, is_slower)
        ages = np.minimum(index % held_for, len(self._past) - 1)
        if not ages.any():
            return frame
        # What the codec foresaw, and the level, go with layer 1.
        base = self._past[-1 - ages[0]]
        codes, peak = base.codes.copy(), max(frame.peak, base.peak)
        for age in set(ages.tolist()):
            held = self._past[-1 - age]
            if held is base:
                continue
            # Frames of one or two layers have codebooks of their own: their codes can't stand beside those of others.
            taken = np.broadcast_to(ages == age, codes.shape)
            if held.first is not None and base.first is not None:
                taken = taken & (held.first == base.first)[:, None]
            np.copyto(codes, held.codes, where=taken)
            peak = max(peak, held.peak)
        # A channel of which nothing comes now plays nothing, whatever is held of it.
        codes[~(frame.codes >= 0).any(1)] = ABSENT
        layers = int(np.flatnonzero((codes >= 0).any(0)).max(initial=-1)) + 1
        return replace(base, codes=codes, layers=layers, peak=peak)

    def note(self, frame: CodedFrame) -> None:
        """A frame that passed with nothing held."""
        self._past.append(frame)


@lru_cache(maxsize=2048)
def hold_lengths(n_layers: int, frames: int, start: int, is_slower: bool) -> npt.NDArray[np.int64]:
    """For how many frames each layer is held, `[layers]`: 1 below layer `start`, `frames` from there up.

    If the higher are slower, twice as long every four layers, as often as that stays within `MOST_HELD_FRAMES`.
    """
    above = np.maximum(np.arange(n_layers) - (start - 1), 0)
    most_doublings = (MOST_HELD_FRAMES // frames).bit_length() - 1
    doublings = np.minimum(above // LAYERS_PER_DOUBLING, most_doublings) if is_slower else np.zeros(n_layers, np.int64)
    lengths: npt.NDArray[np.int64] = frames << doublings
    lengths[: start - 1] = 1
    lengths.setflags(write=False)
    return lengths
