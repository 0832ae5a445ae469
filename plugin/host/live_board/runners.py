"""How an effect runs on blocks of one length.

The codec runs as its own stream, others by pedalboard's call with a reservoir.

Called with `reset=False`, an effect gives back fewer samples until its latency is swallowed. A reservoir that begins
with as many zeros makes every block whole, and the latency exact.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Protocol
from weakref import WeakValueDictionary

import numpy as np
from pedalboard import ExternalPlugin, GSMFullRateCompressor, PitchShift, Plugin, PluginContainer, Resample

from lamina.dsp.arrays import FloatArray
from lamina.plugin.call.arrays import check_float_array
from lamina.plugin.call.effect import Effect
from lamina.plugin.call.native_chain import forgetful_effects
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.coding.rival import StreamedRival
from lamina.plugin.stream.reports import FrameReport

LONGEST_LATENCY_SECONDS = 3.0
"""pedalboard's PitchShift takes more than one second."""
SETTLED_SECONDS = 0.05
LATENT_SETTLED_SECONDS = 0.5
SETTLED_BLOCKS = 8
WARM_UP_SECONDS = 0.1

PROBE_SECONDS = 0.25
LEAST_PROBE_LEVEL = 1e-3

RESERVES: tuple[tuple[type, int], ...] = ((GSMFullRateCompressor, 4), (Resample, 4), (PitchShift, 64))
"""How much these natives, which resample inside, fall further behind, in samples.

Seen within two minutes, and a little more.
"""


LOSES_ITS_SOUND = "loses its sound when it is played block by block (a limit of this version of pedalboard)"


CODES_WHOLE_PIECES = "codes whole pieces, so it can't play live (render a file through it)"


class EffectError(Exception):
    """What an effect did that it must not; the message goes on after its name."""


class TakenOver(Exception):  # noqa: N818 - nothing is wrong with the effect
    """Another live board plays this effect now."""


class Runner(Protocol):
    """An effect on blocks `[n_channels, block]`."""

    latency_samples: int

    def push(self, block: FloatArray) -> FloatArray:
        """At most as many samples as were given.

        Fewer if the effect holds back more than it used to. Raises what the effect raises.
        """
        ...

    def reset(self) -> None:
        """Back to the state before the first sample. Not while another thread pushes."""
        ...

    def take_reports(self) -> list[FrameReport]:
        """Frames since the last call."""
        ...


def open_runner(
    effect: Effect | Plugin, sample_rate: int, n_channels: int, block: int, latency_samples: int | None = None
) -> Runner:
    """A runner for any effect but a board.

    Args:
        effect: a codec, another Lamina effect, or a native plugin.
        sample_rate: Hz.
        n_channels: channels of every block.
        block: samples of every block.
        latency_samples: the latency it must have; None for the least.

    Raises EffectError if the effect can't stream so, and whatever the effect raises.
    """
    if isinstance(effect, NeuralCodec):
        return CodecRunner(effect, sample_rate, n_channels, block)
    if isinstance(effect, StreamedRival):
        return RivalRunner(effect, sample_rate, n_channels, block)
    if isinstance(effect, Effect) and not effect.can_stream:
        raise EffectError(CODES_WHOLE_PIECES)
    return CallRunner(effect, sample_rate, n_channels, block, latency_samples)


class CodecRunner:
    """A stream of a codec; the codec's attributes may be set meanwhile."""

    def __init__(self, codec: NeuralCodec, sample_rate: int, n_channels: int, block: int) -> None:
        self._stream = codec.stream(sample_rate, n_channels, block)
        self.latency_samples = self._stream.latency_samples
        # The networks' first frames are slow. A copy has no listener that would hear of them.
        warm = copy.copy(codec).stream(sample_rate, n_channels, block)
        for _ in range(int(WARM_UP_SECONDS * sample_rate) // block + 1):
            warm.push(np.zeros((n_channels, block), np.float32))

    def push(self, block: FloatArray) -> FloatArray:
        return self._stream.push(block)

    def reset(self) -> None:
        self._stream.reset()

    def take_reports(self) -> list[FrameReport]:
        reports = self._stream.reports
        return [reports.popleft() for _ in range(len(reports))]


class RivalRunner:
    """A stream of a rival codec, with state of its own."""

    def __init__(self, rival: StreamedRival, sample_rate: int, n_channels: int, block: int) -> None:
        self._stream = rival.stream(sample_rate, n_channels, block)
        self.latency_samples = self._stream.latency_samples
        # What a library sets up with its first frames takes longer than the rest, and its state must not be heard.
        warm = rival.stream(sample_rate, n_channels, block)
        for _ in range(int(WARM_UP_SECONDS * sample_rate) // block + 1):
            warm.push(np.zeros((n_channels, block), np.float32))

    def push(self, block: FloatArray) -> FloatArray:
        return self._stream.push(block)

    def reset(self) -> None:
        self._stream.reset()

    def take_reports(self) -> list[FrameReport]:
        return []


class CallRunner:
    """An effect that is called with `reset=False`, block by block.

    It has one state: the runner made or reset last plays it.
    """

    def __init__(
        self, effect: Effect | Plugin, sample_rate: int, n_channels: int, block: int, latency_samples: int | None = None
    ) -> None:
        self._effect, self._rate, self._n_channels, self._block = effect, sample_rate, n_channels, block
        self._held = np.zeros((n_channels, 0), np.float32)
        self._n_short = 0
        # In a Mix it is not heard that one of several falls silent.
        if isinstance(effect, Plugin) and forgetful_effects(effect):
            raise EffectError(LOSES_ITS_SOUND)
        _PLAYED_BY[id(effect)] = self
        needed = self._find_latency()
        if needed and isinstance(effect, Plugin) and not isinstance(effect, ExternalPlugin):
            self._refuse_forgetful(effect, needed)
        if latency_samples is not None and needed > latency_samples:
            raise EffectError(f"now needs a latency of {needed} samples instead of {latency_samples}")
        self.latency_samples = needed if latency_samples is None else latency_samples
        self.reset()

    def push(self, block: FloatArray) -> FloatArray:
        if _PLAYED_BY.get(id(self._effect)) is not self:
            raise TakenOver
        held = np.concatenate([self._held, self._call(block)], 1)
        n_samples = block.shape[1]
        out, self._held = held[:, :n_samples], held[:, n_samples:]
        self._n_short += n_samples - out.shape[1]
        if self._held.shape[1] > self.latency_samples + self._n_short:
            raise EffectError("gives back more samples than it takes")
        return out

    def reset(self) -> None:
        _PLAYED_BY[id(self._effect)] = self
        self._effect.reset()
        self._held = np.zeros((self._n_channels, self.latency_samples), np.float32)
        self._n_short = 0

    def take_reports(self) -> list[FrameReport]:
        return []

    def _find_latency(self) -> int:
        """Samples that are missing when no more are missing.

        The blocks are as long as all later ones will be: a longer one would make pedalboard prepare its plugins anew,
        which forgets their state.
        """
        silence = np.zeros((self._n_channels, self._block), np.float32)
        n_missing = most = n_settled = n_pushed = 0
        self._effect.reset()
        # What is handed on in packets is missed most when their edges and the blocks' fall unluckily, which takes a
        # while to be seen.
        while n_settled < max(
            SETTLED_BLOCKS * self._block, (LATENT_SETTLED_SECONDS if most else SETTLED_SECONDS) * self._rate
        ):
            n_missing += self._block - self._call(silence).shape[1]
            n_settled = n_settled + self._block if n_missing <= most else 0
            most = max(most, n_missing)
            n_pushed += self._block
            if n_pushed > LONGEST_LATENCY_SECONDS * self._rate:
                raise EffectError(f"gives back fewer samples than it takes ({most} were missing after {n_pushed})")
        return most + (_reserve(self._effect) if most else 0)

    def _refuse_forgetful(self, plugin: Plugin, latency: int) -> None:
        """Raises EffectError for an effect that falls silent, since its past is cleared at every call.

        pedalboard 0.9.26 does that to PitchShift and GSMFullRateCompressor.
        """
        n_samples = latency + round(PROBE_SECONDS * self._rate)
        probe = np.random.default_rng(0).standard_normal((self._n_channels, n_samples)) * 0.02
        probe = (probe + 0.1 * np.sin(2 * np.pi * 300 / self._rate * np.arange(n_samples))).astype(np.float32)
        plugin.reset()
        starts = range(0, n_samples - self._block + 1, self._block)
        live = np.concatenate([self._call(probe[:, start : start + self._block]) for start in starts], 1)
        whole = plugin.process(probe, self._rate, buffer_size=self._block, reset=True)[:, : live.shape[1]]
        if _level(whole) > LEAST_PROBE_LEVEL and _level(live) < _level(whole) / 2:
            raise EffectError(LOSES_ITS_SOUND)

    def _call(self, block: FloatArray) -> FloatArray:
        # The effect may write into what it gets: nobody needs it after this. What it gives is copied into the
        # reservoir.
        out = self._effect.process(block, self._rate, buffer_size=self._block, reset=False)
        try:
            samples = check_float_array(out)
        except TypeError:
            raise EffectError(f"gave back {type(out).__name__} instead of an array of float32") from None
        if samples.ndim != 2 or samples.shape[0] != self._n_channels:
            raise EffectError(f"gave back the shape {samples.shape} for {block.shape}")
        return samples.astype(np.float32, copy=False)


_PLAYED_BY: WeakValueDictionary[int, CallRunner] = WeakValueDictionary()
"""Who plays an effect now: its state is one for the whole process.

A runner keeps its effect alive, so no id is used twice.
"""


def _level(audio: FloatArray) -> float:
    return float(np.sqrt(np.square(audio).mean())) if audio.size else 0.0


def _reserve(effect: object) -> int:
    if isinstance(effect, PluginContainer) and isinstance(effect, Iterable):
        return sum(_reserve(member) for member in effect)
    return next((n_samples for kind, n_samples in RESERVES if isinstance(effect, kind)), 0)
