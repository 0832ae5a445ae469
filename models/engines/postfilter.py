"""The postfilter: what is between the harmonics of a decoded voice is the codec's noise, and is turned down.

A comb filter as long as the pitch period (a long-term postfilter: Chen and Gersho 1995, "Adaptive postfiltering for
quality enhancement of coded speech"), made anew for every block of 160 samples from what was decoded, and no more than
that: it asks for no bits and adds no latency. How far it goes is decided by a small network, which sees how well the
sound repeats itself, for how long it has done so, and the bitrate; `lamina.models.training.postfilter` trains it.

This is the filter in numpy, for machines without the compiled core; `core/postfilter.h` computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import as_file, files

import numpy as np

from lamina.dsp.arrays import FloatArray
from lamina.models.config import CodecConfig

SAMPLE_RATE = 24_000
"""What periods and the network are made for."""
BLOCK, WINDOW = 160, 480
"""Samples that are filtered alike, and those, the block among them, that are looked at for it."""
SHORTEST, LONGEST = 40, 480
"""Pitch periods in samples: 600 to 50 Hz."""
FADE = 40
"""Samples in which one block's filter becomes the next one's."""
PAST = WINDOW + 2 * LONGEST + 8 - BLOCK
"""Samples before a block that are remembered."""
SHORTER = 0.95
"""A period of half the length, a third or a quarter, that fits so well beside the best is the true one."""
SILENCE = 1e-8
"""Power below which nothing is looked at: −80 dBFS."""
LOUDEST = 1e12
"""Energy of a window that no sound has."""
PRE_EMPHASIS = 0.9
TAPS = 5
"""Of the comb: what came one period before is interpolated."""
LEVEL_OF_SILENCE = -4.0
"""Half the decimal logarithm of the least power that is told from none."""
LOW_PASS_TAPS = 40
"""Of the low-pass that what is added passes, after which nothing is left of it that a float tells."""
SEEN = 13
"""Things that the network sees."""
WEIGHTS = "postfilter.npz"


def low_pass() -> FloatArray:
    """A Butterworth low-pass of second order at 4.5 kHz, `[LOW_PASS_TAPS]`.

    Above, a voice is breath, of which the comb would take away some.
    """
    b, a1, a2 = 0.186694333, -0.462938025, 0.209715358
    taps = np.zeros(LOW_PASS_TAPS)
    for n in range(LOW_PASS_TAPS):
        taps[n] = (
            {0: b, 1: 2 * b, 2: b}.get(n, 0.0) - (a1 * taps[n - 1] if n else 0) - (a2 * taps[n - 2] if n > 1 else 0)
        )
    return taps.astype(np.float32)


@dataclass(frozen=True)
class Network:
    """Two hidden layers between what is seen of a block and what is done.

    Args:
        mean, scale: what is seen is taken as (seen − mean) · scale, `[13]`.
        weights_1 … bias_3: the layers, `[inputs, outputs]` and `[outputs]`, with max(0, x) between them.
        most: the comb's largest share, `[1]`.
    """

    mean: FloatArray
    scale: FloatArray
    weights_1: FloatArray
    bias_1: FloatArray
    weights_2: FloatArray
    bias_2: FloatArray
    weights_3: FloatArray
    bias_3: FloatArray
    most: FloatArray

    def decide(self, seen: FloatArray) -> FloatArray:
        """What is seen of a block `[13]` → the comb's share and its taps, which add up to 1, `[1 + TAPS]`."""
        hidden = np.maximum((seen - self.mean) * self.scale @ self.weights_1 + self.bias_1, 0)
        hidden = np.maximum(hidden @ self.weights_2 + self.bias_2, 0)
        said = hidden @ self.weights_3 + self.bias_3
        taps = np.exp(said[1:] - said[1:].max())
        return np.append(self.most / (1 + np.exp(-said[:1])), taps / taps.sum())


@lru_cache(maxsize=1)
def shipped_network() -> Network:
    """The one that comes with Lamina."""
    with as_file(files("lamina.models.engines") / WEIGHTS) as path, np.load(path) as stored:
        return Network(*(stored[field.name] for field in fields(Network)))


def fits(config: CodecConfig) -> bool:
    """Whether the filter is made for sound of that rate in such frames."""
    return config.sample_rate == SAMPLE_RATE and config.frame % BLOCK == 0


@dataclass(frozen=True)
class BlockFilter:
    """What one block is filtered with: x(n) + share · (Σ tap(k) x(n − period + 2 − k) − x(n)).

    Args:
        period: in samples, 0 before the first block.
        share: of the comb, 0 … 1.
        taps: that interpolate what came one period before, `[TAPS]`.
    """

    period: int = 0
    share: float = 0.0
    taps: tuple[float, ...] = ()

    def added(self, x: FloatArray, stop: int) -> FloatArray:
        """What it adds to samples PAST to `stop` of `x`."""
        comb = np.zeros(stop - PAST, np.float32)
        for k, tap in enumerate(self.taps):
            lag = self.period - TAPS // 2 + k
            comb += np.float32(tap) * x[PAST - lag : stop - lag]
        added: FloatArray = np.float32(self.share) * (comb - x[PAST:stop])
        return added


class ChannelPostfilter:
    """The filter of one channel, and its state."""

    def __init__(self, network: Network | None = None) -> None:
        self._network = network or shipped_network()
        self._past = np.zeros(PAST, np.float32)
        self._filter, self._low_pass = BlockFilter(), low_pass()
        self._added = np.zeros(LOW_PASS_TAPS - 1, np.float32)
        self._slow = np.zeros(4, np.float32)
        self._level = np.float32(0)

    def pass_on(self, audio: FloatArray, strength: float, kbps: float) -> FloatArray:
        """Filter whole blocks `[k · BLOCK]` of which `kbps` were sent."""
        return np.concatenate([self._block(block, strength, kbps) for block in audio.reshape(-1, BLOCK)])

    def _block(self, audio: FloatArray, strength: float, kbps: float) -> FloatArray:
        x = np.concatenate([self._past, audio])
        after = BlockFilter(self._filter.period)
        if strength > 0 and _is_pause(x):
            after = self._begin_anew()
        elif strength > 0:
            period, seen = self._look(x, kbps)
            share, *taps = self._network.decide(seen).tolist()
            after = BlockFilter(period, strength * share, tuple(taps))
        filtered = audio
        is_filtered = after.share > 0 or self._filter.share > 0
        if is_filtered or self._added.any():
            added = after.added(x, PAST + BLOCK)
            ramp = (np.arange(FADE, dtype=np.float32) + np.float32(0.5)) / np.float32(FADE)
            added[:FADE] = ramp * added[:FADE] + (1 - ramp) * self._filter.added(x, PAST + FADE)
            heard = np.concatenate([self._added, added])
            filtered = (audio + np.convolve(heard, self._low_pass, "valid")).astype(np.float32)
            self._added = heard[BLOCK:] if is_filtered else np.zeros_like(self._added)
        self._past, self._filter = x[BLOCK:].astype(np.float32), after
        return filtered

    def look_at(self, block: FloatArray, kbps: float) -> tuple[int, FloatArray]:
        """Only look at the next block `[BLOCK]`: its pitch period, and what the network sees of it, `[13]`."""
        x = np.concatenate([self._past, block])
        self._past = x[BLOCK:]
        if _is_pause(x):
            self._filter = self._begin_anew()
            return SHORTEST, np.zeros(SEEN, np.float32)
        period, seen = self._look(x, kbps)
        self._filter = BlockFilter(period)
        return period, seen

    def _begin_anew(self) -> BlockFilter:
        """A pause is a new beginning: what follows it is filtered as if nothing had been before."""
        self._slow[:], self._level = 0, np.float32(0)
        return BlockFilter()

    def _look(self, x: FloatArray, kbps: float) -> tuple[int, FloatArray]:
        """The pitch period of the block that ends `x [PAST + BLOCK]`, and what the network sees of it, `[13]`."""
        window = x[-WINDOW:]
        energy = _energy(window)
        period, likeness = _period(_likenesses(x, energy))
        sharp = np.append(np.float32(0), x[1:] - np.float32(PRE_EMPHASIS) * x[:-1])
        sharp_energy, before = _energy(sharp[-WINDOW:]), sharp[-WINDOW - period : len(x) - period]
        sharp_likeness = _likeness(sharp[-WINDOW:], before)
        twice = x[-WINDOW - 2 * period : len(x) - 2 * period]
        level = 0.5 * np.log10(energy / WINDOW + 1e-8)
        jump = abs(np.log2(period / (self._filter.period or SHORTEST)))
        last, slow = self._slow[0], self._slow
        slow[0] = likeness
        slow[1] += (likeness - slow[1]) / 60
        slow[2] += (likeness - slow[2]) / 300
        slow[3] += (sharp_likeness - slow[3]) / 300
        self._level += (level - LEVEL_OF_SILENCE - self._level) / 150
        seen = [
            *(likeness, sharp_likeness, _likeness(window, twice), *slow[1:]),
            *(np.log2(period / LONGEST), min(jump, 1.0), level, np.log10(sharp_energy / energy)),
            *(self._level + LEVEL_OF_SILENCE - level, np.log2(kbps / 0.75) / 4.6, last),
        ]
        return period, np.array(seen, np.float32)


def _is_pause(x: FloatArray) -> bool:
    """Whether there is nothing to look at: silence, or numbers that are none."""
    energy = x[-WINDOW:] @ x[-WINDOW:]
    return not WINDOW * SILENCE <= energy < LOUDEST


def _energy(x: FloatArray) -> np.float32:
    return np.float32(x @ x) + np.float32(1e-9)


def _likeness(a: FloatArray, b: FloatArray) -> float:
    return float(np.float32(a @ b) / np.sqrt(_energy(a) * _energy(b) + np.float32(1e-12)))


def _likenesses(x: FloatArray, energy: np.float32) -> FloatArray:
    """How like the last WINDOW samples are to those one period before, for each period from SHORTEST to LONGEST."""
    reached = x[-WINDOW - LONGEST : len(x) - SHORTEST]
    powers = np.concatenate([[0.0], np.cumsum(np.square(reached, dtype=np.float64))])
    before = (powers[WINDOW:] - powers[:-WINDOW]).astype(np.float32) + np.float32(1e-9)
    found: FloatArray = np.correlate(reached, x[-WINDOW:]) / np.sqrt(energy * before + np.float32(1e-12))
    return found[::-1]


def _period(likenesses: FloatArray) -> tuple[int, float]:
    """The period that fits best, or the shortest part of it that fits as well; and how well."""
    best = int(likenesses.argmax())
    chosen = best
    for part in (2, 3, 4):
        shorter = (SHORTEST + best + part // 2) // part - SHORTEST
        if shorter < 2:
            break
        near = shorter - 2 + int(likenesses[shorter - 2 : shorter + 3].argmax())
        if likenesses[near] > SHORTER * likenesses[best]:
            chosen = near
    return SHORTEST + chosen, float(likenesses[chosen])


class Postfilter:
    """The filter of a stream's channels, in numpy."""

    def __init__(self, n_channels: int) -> None:
        self._channels = [ChannelPostfilter() for _ in range(n_channels)]

    def pass_on(self, audio: FloatArray, strengths: FloatArray, kbps: FloatArray) -> FloatArray:
        """Filter frames `[channels, frames · frame]`.

        Args:
            strengths: how much of it is done, 0 (nothing at all) to 1, of each frame, `[frames]`.
            kbps: sent of each, `[channels, frames]`.
        """
        frames = audio.reshape(len(audio), len(strengths), -1)
        return np.stack(
            [
                np.concatenate([channel.pass_on(*frame) for frame in zip(x, strengths.tolist(), rates, strict=True)])
                for channel, x, rates in zip(self._channels, frames, kbps.tolist(), strict=True)
            ]
        )
