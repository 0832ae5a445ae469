"""Native plugins in a row, with pedalboard's call and without its guess at which axis holds the channels.

And which of them can't be streamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
from pedalboard import GSMFullRateCompressor, MP3Compressor, PitchShift, Plugin, PluginContainer, Resample
from pedalboard._pedalboard import Pedalboard

from lamina.dsp.arrays import FloatArray

MOST_CHANNELS = 2
"""That native plugins take."""

SUSPECTS: dict[str, type[Plugin]] = {kind.__name__: kind for kind in (PitchShift, GSMFullRateCompressor)}
"""pedalboard 0.9 clears the past of these at every call. They are tried out: a later version may have mended it."""
TRIAL_RATE, TRIAL_SAMPLES, TRIAL_BLOCK = 8_000, 24_000, 1_024
MOST_DIFFERENCE = 1e-3
"""Of a trial's noise at 0.1 RMS, streamed and in one call: far above any rounding, far below what a lost past makes."""

LOSE_THEIR_PLACE = (Resample, MP3Compressor)
"""Built-in effects that need blocks of one length."""
EVEN_BLOCK = 256
"""Samples, of which one less is added to the latency of a stream through those."""


def forgetful_effects(plugin: Plugin) -> list[str]:
    """Names of the built-in effects, in `plugin` or being it, that forget their past at every call.

    They process whole pieces only.
    """
    if isinstance(plugin, PluginContainer) and isinstance(plugin, Iterable):
        return [name for member in plugin for name in forgetful_effects(member)]
    return [name for name, kind in SUSPECTS.items() if isinstance(plugin, kind) and _forgets(name)]


@lru_cache
def _forgets(name: str) -> bool:
    """Whether noise through an effect of this class is another one when it is streamed."""
    kind = SUSPECTS[name]
    noise = np.random.default_rng(0).normal(0, 0.1, (1, TRIAL_SAMPLES)).astype(np.float32)
    whole = kind().process(noise, TRIAL_RATE, TRIAL_BLOCK, True)
    chain = NativeChain([kind()])
    chain.prepare(1, TRIAL_RATE, TRIAL_BLOCK)
    blocks = [noise[:, start : start + TRIAL_BLOCK] for start in range(0, TRIAL_SAMPLES, TRIAL_BLOCK)]
    streamed = np.concatenate([chain.process(block, TRIAL_RATE, TRIAL_BLOCK, False) for block in blocks], 1)
    return not streamed.size or bool(np.abs(streamed - whole[:, : streamed.shape[1]]).max() > MOST_DIFFERENCE)


class NativeChain:
    """Plugins as one native chain, for one stream at a time.

    pedalboard guesses channels from a block's shape and remembers what it found, so it is shown an empty block of them
    first: then blocks of one or two samples are taken for what they are, too.

    A streamed plugin that resamples or hands on packets loses its place, by as many samples as its first blocks had or
    more, when blocks vary in length, and behind a codec they do. A chain with one gets blocks of one length.

    Args:
        plugins: in their order; the chain keeps them alive.
    """

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._board = Pedalboard(list(plugins))
        self._n_channels = 0
        self._even = _EvenBlocks() if any(map(_loses_its_place, plugins)) else None

    def process(self, audio: FloatArray, rate: int, buffer_size: int, reset: bool) -> FloatArray:
        """`[channels, samples]` of 1 or more samples → as many, or fewer while plugins swallow their latency."""
        self._show(len(audio), rate, buffer_size)
        if reset or self._even is None:
            processed: FloatArray = self._board.process(audio, rate, buffer_size, reset)
            return processed
        return self._even.push(audio, lambda block: self._board.process(block, rate, EVEN_BLOCK, reset=False))

    def prepare(self, n_channels: int, rate: int, buffer_size: int) -> None:
        """Begin a stream whose blocks have at most `buffer_size` samples.

        pedalboard prepares a plugin for the length of its first block and, when a longer one comes, anew, which forgets
        the plugin's state. Behind a codec that swallows its latency the first blocks are short.
        """
        size = buffer_size if self._even is None else EVEN_BLOCK
        self._board.process(np.zeros((n_channels, size), np.float32), rate, size, reset=True)
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._board.reset()
        self._n_channels = 0
        if self._even is not None:
            self._even = _EvenBlocks()

    def _show(self, n_channels: int, rate: int, buffer_size: int) -> None:
        if n_channels != self._n_channels and n_channels <= MOST_CHANNELS:
            self._board.process(np.zeros((n_channels, 0), np.float32), rate, buffer_size, reset=False)
            self._n_channels = n_channels


class _EvenBlocks:
    """A stream in blocks of `EVEN_BLOCK` samples, whatever it comes in."""

    def __init__(self) -> None:
        self._waiting: FloatArray | None = None
        self._ready: list[FloatArray] = []
        self._n_in = self._n_out = 0
        self._n_swallowed: int | None = None

    def push(self, audio: FloatArray, process: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """As many samples as come in, once what `process` swallows, and less than a block, has come before."""
        waiting = audio if self._waiting is None else np.concatenate([self._waiting, audio], 1)
        n_whole = waiting.shape[1] // EVEN_BLOCK * EVEN_BLOCK
        for start in range(0, n_whole, EVEN_BLOCK):
            self._ready.append(process(waiting[:, start : start + EVEN_BLOCK]))
            self._n_in += EVEN_BLOCK
            if self._n_swallowed is None and self._ready[-1].shape[1]:
                self._n_swallowed = self._n_in - self._ready[-1].shape[1]
        self._waiting = waiting[:, n_whole:].copy()
        if self._n_swallowed is None:
            return audio[:, :0].copy()
        ready = np.concatenate(self._ready, 1)
        n_known = self._n_in + self._waiting.shape[1]
        n_due = max(0, n_known - self._n_swallowed - (EVEN_BLOCK - 1) - self._n_out)
        out = ready[:, :n_due].copy()
        self._ready = [ready[:, out.shape[1] :]]
        self._n_out += out.shape[1]
        return out


def _loses_its_place(plugin: Plugin) -> bool:
    if isinstance(plugin, PluginContainer) and isinstance(plugin, Iterable):
        return any(map(_loses_its_place, plugin))
    return isinstance(plugin, LOSE_THEIR_PLACE)
