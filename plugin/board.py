"""`Board`: a chain of effects that is a list and a callable, like `pedalboard.Pedalboard`.

It takes Lamina's effects too.

pedalboard's own chain refuses plugins written in Python. A board runs native plugins that stand side by
side as one native chain and Lamina's effects between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, overload

import numpy as np
from pedalboard import Plugin

from lamina.dsp.arrays import FloatArray
from lamina.plugin.call.arrays import (
    Layout,
    channels_in,
    check_buffer_size,
    check_channels,
    check_sample_rate,
    check_sidechain,
)
from lamina.plugin.call.block_stream import LONGEST_LATENCY_SECONDS, BlockStream, CallStream, Member
from lamina.plugin.call.effect import Effect, SideChainEffect
from lamina.plugin.call.effect_list import BoardItem, EffectList, effects_in, refuse_duplicates
from lamina.plugin.call.native_chain import NativeChain, forgetful_effects
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.coding.rival import Rival, StreamedRival


class Board(EffectList, SideChainEffect):
    """Effects in series.

    Args:
        plugins: any mix of pedalboard plugins (built-in, VST3 from `pedalboard.load_plugin`, nested `Pedalboard`s),
            Lamina effects, and nested boards. Each object may stand on the board once.

    A board has the methods of a list, slices included: a slice read is a new board, a slice may be assigned and
    deleted. Raises TypeError that names what is accepted for any other object. `copy.copy` gives another list of the
    same effects.

    A whole piece (`reset=True`) ends whatever was streamed: every member begins anew with the next call. Some of
    pedalboard's effects (PitchShift, GSMFullRateCompressor) forget their past at every call; a board with one of them
    takes whole pieces only, and a streamed call raises ValueError that names it.
    """

    __slots__ = ("_beside", "_chains", "_layout", "_n_held_back", "_prepared")

    def __init__(self, plugins: Iterable[BoardItem] | None = None) -> None:
        self._prepared: tuple[int, int, int] | None = None
        self._beside: dict[int, FloatArray] = {}
        self._layout: Layout | None = None
        self._n_held_back = 0
        self._chains: dict[tuple[int, ...], NativeChain] = {}
        super().__init__(plugins)

    def process(
        self,
        input_array: np.ndarray,
        sample_rate: float,
        buffer_size: int = 8192,
        reset: bool = True,
        sidechain: np.ndarray | None = None,
    ) -> FloatArray:
        """See `Effect.process`; every member's latency is compensated.

        `sidechain`, a sound of the input's shape, goes to every codec on the board, aligned to the sample with what
        arrives there. When streaming, give it from the first call on.
        """
        rate, size = check_sample_rate(sample_rate), check_buffer_size(buffer_size)
        audio, back, layout = channels_in(input_array, None if reset else self._layout)
        if not reset:
            self._layout = layout
        return back(self.process_channels(audio, rate, size, reset, check_sidechain(sidechain, audio.shape, layout)))

    def process_channels(
        self, audio: FloatArray, rate: int, buffer_size: int, reset: bool, sidechain: FloatArray | None = None
    ) -> FloatArray:
        """See `Effect.process_channels`."""
        refuse_duplicates(effects_in(self._items))
        if reset:
            try:
                return self._run(audio, rate, buffer_size, True, sidechain)
            finally:
                # Native effects would go on from this piece's end, and codecs begin anew.
                self.reset()
        refuse_forgetful(self)
        self._prepare_natives(rate, len(audio), buffer_size)
        return self._run(audio, rate, buffer_size, False, sidechain)

    def _run(
        self, audio: FloatArray, rate: int, buffer_size: int, reset: bool, sidechain: FloatArray | None
    ) -> FloatArray:
        result = audio
        for segment in self._segments():
            if isinstance(segment, SideChainEffect) and (sidechain is not None or id(segment) in self._beside):
                given = sidechain if reset else self._waiting(segment, sidechain, audio.shape[1], result.shape)
                result = (
                    segment.process_channels(result, rate, buffer_size, reset, given) if result.shape[1] else result
                )
            elif result.shape[1] and isinstance(segment, Effect):
                result = segment.process_channels(result, rate, buffer_size, reset)
            elif result.shape[1]:
                result = segment.process(result, rate, buffer_size, reset)
        if not reset:
            self._n_held_back += audio.shape[1] - result.shape[1]
        # Without effects the result would be the caller's own array.
        return result.copy() if result is audio else result

    def latency_samples(self, sample_rate: float, n_channels: int = 2, block: int = 8192) -> int:
        """Samples by which the output of `stream` lags its input.

        A codec's latency is known; a native plugin's is what it holds back of silence, so it forgets its past here.
        Raises ValueError for an effect that gives back fewer samples for ever.
        """
        return self.stream(sample_rate, n_channels, block).latency_samples

    def stream(self, sample_rate: float, n_channels: int, block: int = 8192) -> BlockStream:
        """A stream through the board, whose blocks come back at their own length, later by exactly `latency_samples`.

        Up to `block` samples are pushed at a time; with native plugins that hold sound back all blocks have that
        length.

        Codecs get streams of their own. Native plugins have one state each, so one stream plays them at a time, and it
        goes on with the effects that stand on the board now.
        """
        rate, channels, size = check_sample_rate(sample_rate), check_channels(n_channels), check_buffer_size(block)
        refuse_duplicates(effects_in(self._items))
        refuse_forgetful(self)
        members = [_member(segment, rate, channels, size) for segment in Board(self._items)._segments()]
        return BlockStream(members, rate, channels, size)

    def flush(self) -> FloatArray:
        """The samples that effects still hold back at the end of what was streamed with `reset=False`.

        They come in the layout of the blocks; then a new stream may begin. Without a stream there are none.
        """
        if self._prepared is None:
            return np.zeros(0, np.float32)
        rate, n_channels, size = self._prepared
        missing, silence = self._n_held_back, np.zeros((n_channels, size), np.float32)
        parts = [silence[:, :0]]
        n_pushed = 0
        while missing > 0 and n_pushed <= LONGEST_LATENCY_SECONDS * rate:
            out = self.process_channels(silence, rate, size, False)[:, :missing]
            parts.append(out)
            missing -= out.shape[1]
            n_pushed += size
        rest, layout = np.concatenate(parts, 1), self._layout
        self.reset()
        if layout is None:
            return rest.reshape(-1)
        return rest if layout.is_channels_first else np.ascontiguousarray(rest.T)

    def reset(self) -> None:
        """Reset every member."""
        self._prepared = None
        self._n_held_back = 0
        self._beside.clear()
        self._chains.clear()
        self._layout = None
        for item in self._items:
            item.reset()

    def _waiting(self, segment: Effect, beside: FloatArray | None, n_given: int, shape: tuple[int, ...]) -> FloatArray:
        """As much of the side-chain as of the sound arrives at `segment` in this call.

        Effects before it swallow their latency, so the sound comes later than the side-chain, which waits here. Once
        there was a side-chain there always is one: silence, where none is given.
        """
        n_channels, n_samples = shape
        held = self._beside.get(id(segment), np.zeros((n_channels, 0), np.float32))
        if len(held) != n_channels:
            held = np.zeros((n_channels, 0), np.float32)  # another stream has begun
        held = np.concatenate([held, np.zeros((n_channels, n_given), np.float32) if beside is None else beside], 1)
        self._beside[id(segment)] = held[:, n_samples:]
        return held[:, :n_samples]

    def _prepare_natives(self, rate: int, n_channels: int, buffer_size: int) -> None:
        """Show native plugins the largest block they may get, once per stream."""
        before = self._prepared
        if before is None or before[:2] != (rate, n_channels) or buffer_size > before[2]:
            self._prepared = (rate, n_channels, buffer_size)
            for segment in self._segments():
                if isinstance(segment, NativeChain):
                    segment.prepare(n_channels, rate, buffer_size)

    def _segments(self) -> Iterator[Effect | NativeChain]:
        for own, items in groupby(self._items, lambda item: isinstance(item, Effect)):
            if own:
                yield from (item for item in items if isinstance(item, Effect))
            else:
                yield self._native_chain([item for item in items if not isinstance(item, Effect)])

    def _native_chain(self, plugins: list[Plugin]) -> NativeChain:
        """The chain of these plugins, the same one as long as they stand together."""
        key = tuple(id(plugin) for plugin in plugins)
        if key not in self._chains:
            # Chains of other neighbours are of no use any more.
            self._chains = {held: chain for held, chain in self._chains.items() if not set(held) & set(key)}
            self._chains[key] = NativeChain(plugins)
        return self._chains[key]

    @overload
    def __getitem__(self, index: int) -> BoardItem: ...
    @overload
    def __getitem__(self, index: slice) -> Board: ...
    def __getitem__(self, index: int | slice) -> BoardItem | Board:
        return Board(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __copy__(self) -> Board:
        return Board(self._items)

    def __setstate__(self, state: dict[str, Any]) -> None:
        Board.__init__(self, state["items"])

    def __repr__(self) -> str:
        return f"Board({self._items!r})"


def _member(segment: Effect | NativeChain, rate: int, n_channels: int, block: int) -> tuple[Member, bool]:
    """The stream of a part of a board, and whether all its blocks have to be of one length."""
    if isinstance(segment, NeuralCodec | StreamedRival):
        return segment.stream(rate, n_channels), False
    if isinstance(segment, Board):
        inside = segment.stream(rate, n_channels, block)
        return inside, inside.is_constant
    if isinstance(segment, NativeChain):
        native = segment
        stream = CallStream(
            lambda x: native.process(x, rate, block, False) if x.shape[1] else x,
            lambda: native.prepare(n_channels, rate, block),
            n_channels,
            block,
            rate,
        )
    else:
        own = segment
        stream = CallStream(
            lambda x: own.process_channels(x, rate, block, False) if x.shape[1] else x,
            own.reset,
            n_channels,
            block,
            rate,
        )
    return stream, stream.latency_samples > 0


def unstreamable(effect: Effect) -> list[str]:
    """Names of the effects on a board, or in what stands on it, that can process whole pieces only; each once."""
    names: list[str] = []
    for item in effects_in([effect]):
        if not isinstance(item, Effect):
            names += forgetful_effects(item)
        elif not item.can_stream:
            names.append(item.TITLE if isinstance(item, Rival) else type(item).__name__)
    return list(dict.fromkeys(names))


def refuse_forgetful(effect: Effect) -> None:
    """Raises ValueError for a board that can't be streamed."""
    names = unstreamable(effect)
    if names:
        raise ValueError(
            f"{' and '.join(names)} can't be streamed: {_why_not(effect)}. Process the whole piece in one call "
            "(reset=True), or take it off the board."
        )


def _why_not(effect: Effect) -> str:
    """Why a board's effects can't be streamed, as the end of a sentence."""
    natives = [item for item in effects_in([effect]) if not isinstance(item, Effect)]
    reasons = []
    if any(map(forgetful_effects, natives)):
        reasons.append("this version of pedalboard clears the past at every call")
    if any(isinstance(item, Effect) and not item.can_stream for item in effects_in([effect])):
        reasons.append("a codec here codes whole pieces")
    return ", and ".join(reasons)


def in_stages(effect: Effect) -> list[Effect]:
    """Split a board into what a whole piece passes one after the other, for the same result.

    Lamina's effects stand one by one, and the natives side by side as boards of their own. Nested boards are opened up.
    """
    if not isinstance(effect, Board):
        return [effect]
    stages: list[Effect] = []
    for own, items in groupby(effect, lambda item: isinstance(item, Effect)):
        if own:
            stages += [stage for item in items if isinstance(item, Effect) for stage in in_stages(item)]
        else:
            stages.append(Board(items))
    return stages
